/*
 * The machine while it is used: what one thread's work and a hand-over between two CPUs take, what
 * the hypervisor took away, and how long tasks waited for a CPU. Measured before each block and at
 * its end, when all workers are parked. The threads that measure have ended when a function returns.
 */
#ifndef BENCH_SWEEP_PROBE_H
#define BENCH_SWEEP_PROBE_H

#include "bench/engine/engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PROBE_HAND_OVERS = 200 }; /* that struct probe_moment has the time of */

/* The CPUs that a sweep may use, in the order in which its threads take them. */
struct probe {
	uint32_t cpus;
	uint32_t cpu[ENGINE_THREADS_MAX];
};

/* Sums grow from moment to moment. -1 stands for what this machine doesn't tell. */
struct probe_moment {
	int64_t at_ns;         /* clock_now_ns */
	int64_t single_ns;     /* a fixed piece of arithmetic and walk through memory */
	int64_t hand_overs_ns; /* of a cache line between the first two CPUs; -1: there is one, or
				  others had it all the time */
	int64_t stolen_ns;     /* sum: the hypervisor gave to others, of all the sweep's CPUs */
	int64_t pressure_ns;   /* sum: some task of the system waited for a CPU */
	int64_t khz;           /* the clock of the first CPU, which has just worked */
};

/* Finds the CPUs. Without success there are none, and a moment has what needs none. */
void probe_open(struct probe *self);

/*
 * Either time is the least of a few tries, so that it tells what the machine can do and not who came
 * between. Takes a millisecond, some more where another task has one of the CPUs.
 */
void probe_take(const struct probe *self, struct probe_moment *out);

/* The sum of stolen_ns now. */
int64_t probe_stolen_ns(const struct probe *self);

/* What a text like /proc/stat says of those CPUs' steal, in ticks. False: it lacks one of them. */
bool probe_read_steal(FILE *text, const uint32_t *cpu, uint32_t cpus, uint64_t *ticks);

/* The clock of a CPU now; -1: it is not visible. */
int64_t probe_khz(uint32_t cpu);

/* What a text like cpufreq/scaling_cur_freq says, in kHz. False: nothing. */
bool probe_read_khz(FILE *text, uint64_t *khz);

/* The sum of "some" in a text like /proc/pressure/cpu, in microseconds. False: it has none. */
bool probe_read_pressure(FILE *text, uint64_t *us);

#endif
