/*
 * How far the clocks of CPUs are apart, as far as can be told: what a time means that began on one CPU
 * and ended on another.
 *
 * A word goes from the first CPU to another and back, over and over. What the other read lies
 * between the first one's two readings. So each way bounds the offset on one side, and the narrowest
 * bounds of all rounds are kept. Nothing is corrected by it.
 */
#ifndef BENCH_ENGINE_OFFSETS_H
#define BENCH_ENGINE_OFFSETS_H

#include "bench/base/ticks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a CPU's clock from the first one's: in nanoseconds, ahead is above 0. */
struct offset {
	uint32_t cpu;
	double least, most;
};

/*
 * What one round says: the first CPU read `first` and, later, `last`; in between the other read
 * `there`. Narrows least and most, here in ticks; they begin as -INFINITY and INFINITY.
 */
void offsets_narrow(struct offset *self, uint64_t first, uint64_t there, uint64_t last);

/* Ages are not shown where clocks may be further apart: a hand-over takes less in many pools. */
#define OFFSETS_APART_MAX_NS 1000.0

/*
 * Measures cpus[1..count) against cpus[0], whose row is all zeros; a millisecond or so each. ticks
 * is open. 0 and out[0..count), or a negative errno: no thread, or one that can't be pinned.
 */
int offsets_measure(
	const struct ticks *ticks, const uint32_t *cpus, uint32_t count, struct offset *out);

/* How far any two of them may be apart. */
double offsets_apart_ns(const struct offset *offsets, uint32_t count);

/* Whether clocks so far apart allow ages; if not, text says so. NAN: it is not known how far. */
bool offsets_allow_ages(double apart_ns, char *text, size_t bytes);

/* Room for the text of so many CPUs. */
#define OFFSETS_TEXT_BYTES(count) (40 * (size_t)(count))

/* "CPU 1 by -2 ns ± 40, CPU 2 by ..." from the second on; "" of a single one. */
void offsets_describe(const struct offset *offsets, uint32_t count, char *text, size_t bytes);

#endif
