/*
 * The clocks, all in nanoseconds. None is read inside a measured loop: a window's
 * ends are noted once a thread, where 30 ns of a vDSO call are nothing.
 */
#ifndef BENCH_BASE_CLOCK_H
#define BENCH_BASE_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

enum { CLOCK_NS_PER_S = 1000000000 };

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Time since some fixed moment; the same for all threads and never set back. */
static inline uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* Time since 1970, which can be set back: for dates alone. */
static inline int64_t clock_date_ns(void)
{
	return (int64_t)clock_read_ns(CLOCK_REALTIME);
}

/* CPU time of the calling thread, and of all threads of the process. A system call each. */
static inline uint64_t clock_thread_cpu_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t clock_process_cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Sleeps until clock_now_ns() has reached deadline_ns, signals or not. */
static inline void clock_sleep_until_ns(uint64_t deadline_ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(deadline_ns / CLOCK_NS_PER_S),
		.tv_nsec = (long)(deadline_ns % CLOCK_NS_PER_S),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

#endif
