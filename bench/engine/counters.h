/*
 * What the hardware counts of a thread in user mode: cycles, instructions, misses of the last cache. The
 * kernel hands the counters out (perf_event_open), where the machine has some and the user may read them:
 * a virtual machine often has none. A thread reads its own before and behind a window, never in it.
 */
#ifndef BENCH_ENGINE_COUNTERS_H
#define BENCH_ENGINE_COUNTERS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum counter { COUNTER_CYCLES, COUNTER_INSTRUCTIONS, COUNTER_CACHE_MISSES, COUNTERS };

/* "cycles", "instructions", "cache misses". */
const char *counter_name(enum counter counter);

/* The counters of one thread, which opened them. All zeros: none. */
struct counters {
	bool open;
	int fd[COUNTERS];
};

/* Opens the calling thread's counters: 0, or -errno and *self is closed. */
int counters_open(struct counters *self);
void counters_close(struct counters *self);

/*
 * What was counted so far. False: nothing is, or others use the hardware, so that the counts have gaps.
 */
bool counters_read(const struct counters *self, uint64_t counts[COUNTERS]);

/* Whether this machine counts for this user, as a clause; text has room for `bytes`. */
void counters_describe(char *text, size_t bytes);

/* perf_event_open(2) of the calling thread, on any CPU. A program may define its own, as the test does. */
int counters_event_open(struct perf_event_attr *event, int group);

#endif
