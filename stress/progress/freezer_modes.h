/* The freezer's modes. */
#ifndef STRESS_PROGRESS_FREEZER_MODES_H
#define STRESS_PROGRESS_FREEZER_MODES_H

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
	bool narrow;  /* copies, as of a CPU without wide vectors */
	bool hidden;  /* the threads' areas */
	bool starves; /* no memory is to be had in its calls */
	bool swaps;   /* it puts what the survivor has got, and the other way */
	bool follows; /* the rest of a call that was stopped is stepped, at times */
	bool pairs;   /* two are stopped at once, too */
	bool meets;   /* others take its turn: freezer_interfere */
	bool refuses; /* the kernel, fences */
	bool pools;   /* not for the documented calls: what lies beneath them is tried by itself */
	bool cpus;    /* where the pool asks for a CPU only */
};

#endif
