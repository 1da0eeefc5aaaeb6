/* The freezer's modes. */
#ifndef STRESS_PROGRESS_FREEZER_MODES_H
#define STRESS_PROGRESS_FREEZER_MODES_H

#include "stress/progress/kernel.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the two run, and what becomes of the victim. */
struct freezer_mode {
	const char *name;
	bool laps;
	uint32_t survivor_cpu; /* the victim's is 0 */
	bool moves;            /* the victim goes on on CPU 1 */
	bool wanders;          /* the victim, from CPU to CPU between calls */
	bool aborts;           /* sections of the victim, at each step */
	bool large;            /* caches, and bulk calls that fit */
	bool many;             /* objects, and bulk calls that are about many, with small caches */
	bool crowded;          /* when they attach (stage.h); where a thread has magazines only */
	bool disperses;        /* the crowd, before they begin */
	/*
	 * Here for the ways that calls go nowhere else: all are stepped, and stopped at few boundaries.
	 */
	bool ways;
	bool rare;    /* where not each boundary is tried it is left out at times */
	bool hidden;  /* the threads' areas */
	bool starves; /* no memory is to be had in its calls */
	bool swaps;   /* it puts what the survivor has got, and the other way */
	bool follows; /* the rest of a call that was stopped is stepped, at times */
	bool pairs;   /* two are stopped at once, too */
	bool meets;   /* others take its turn: freezer_interfere */
	bool steps;   /* the survivor, where the victim stands behind a locked instruction */
	bool forks;   /* where it is stopped, and so does the survivor (forks.c) */
	bool refuses; /* the kernel, fences */
	bool nests;   /* its calls are made in a section of liburcu's (rcu_guard.h) */
	bool pools;   /* not for the documented calls: what lies beneath them is tried by itself */
	bool calls;   /* for the documented calls alone */
	bool cpus;    /* where the pool asks for a CPU only */
	enum kernel_vectors vectors; /* of the CPU: narrow copies */
};

static const struct freezer_mode freezer_modes[] = {
	{.name = "beside a survivor on its CPU"},
	{.name = "beside a survivor on its CPU that goes round all objects",
		.laps = true,
		.follows = true,
		.pairs = true},
	{.name = "with large caches", .rare = true, .large = true, .ways = true},
	{.name = "with large caches and narrow copies",
		.rare = true,
		.laps = true,
		.large = true,
		.ways = true,
		.vectors = KERNEL_VECTORS_NONE},
	{.name = "in a crowd, on another CPU than before",
		.rare = true,
		.crowded = true,
		.wanders = true,
		.ways = true},
	{.name = "after a crowd", .rare = true, .crowded = true, .disperses = true, .ways = true},
	{.name = "beside a survivor on another CPU", .survivor_cpu = 1, .cpus = true},
	{.name = "beside a survivor on another CPU that goes round all objects",
		.survivor_cpu = 1,
		.laps = true,
		.cpus = true},
	{.name = "moved to another CPU afterwards", .moves = true, .cpus = true},
	{.name = "on another CPU than before", .wanders = true, .ways = true, .cpus = true},
	{.name = "with each section aborted", .aborts = true, .cpus = true},
	{.name = "with narrow copies", .rare = true, .ways = true, .vectors = KERNEL_VECTORS_NONE},
	{.name = "with shorter vectors",
		.rare = true,
		.ways = true,
		.vectors = KERNEL_VECTORS_SHORT,
		.calls = true},
	{.name = "without memory", .rare = true, .ways = true, .starves = true},
	{.name = "where the kernel refuses fences, on another CPU than before, with narrow copies",
		.rare = true,
		.wanders = true,
		.ways = true,
		.vectors = KERNEL_VECTORS_NONE,
		.refuses = true,
		.pools = true,
		.cpus = true},
	{.name = "on no CPU that it knows, with narrow copies",
		.rare = true,
		.ways = true,
		.vectors = KERNEL_VECTORS_NONE,
		.hidden = true,
		.cpus = true},
	{.name = "in a section of liburcu's, to which the kernel refuses fences",
		.rare = true,
		.ways = true,
		.refuses = true,
		.nests = true,
		.pools = true},
	{.name = "with what the other has got", .rare = true, .ways = true, .swaps = true},
	{.name = "with what the other has got that goes round all objects",
		.rare = true,
		.laps = true,
		.ways = true,
		.swaps = true,
		.pools = true},
	{.name = "behind a locked instruction, beside a survivor that is stepped",
		.rare = true,
		.steps = true},
	{.name = "interfered with", .swaps = true, .meets = true},
	{.name = "interfered with from another CPU",
		.rare = true,
		.survivor_cpu = 1,
		.wanders = true,
		.swaps = true,
		.meets = true,
		.pools = true,
		.cpus = true},
	{.name = "with many objects",
		.rare = true,
		.many = true,
		.ways = true,
		.swaps = true,
		.pools = true},
	{.name = "interfered with, with many objects",
		.rare = true,
		.many = true,
		.vectors = KERNEL_VECTORS_NONE,
		.swaps = true,
		.meets = true,
		.pools = true},
	{.name = "interfered with, with large caches",
		.rare = true,
		.large = true,
		.meets = true,
		.pools = true},
	{.name = "where threads fork", .forks = true, .pools = true},
};

#endif
