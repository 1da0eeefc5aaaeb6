/*
 * The clock that times single calls: the processor's time stamp counter where it runs at one rate
 * and never stops, else the system's monotonic clock. A reading is fenced, so that what stands
 * between two of them runs between them: the first waits for all that came before and holds back
 * all that comes after, the last waits until the call has run. (A store may still wait in the
 * store buffer then, as it does for a thread that is not timed.)
 *
 * An empty pair of readings takes some 20 to 40 ns, and nothing is subtracted for it: how long
 * empty pairs take is measured and shown beside what is timed.
 */
#ifndef BENCH_BASE_TICKS_H
#define BENCH_BASE_TICKS_H

#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct ticks {
	bool counter;   /* the time stamp counter; false: the monotonic clock */
	uint64_t scale; /* units of `per_ns` a tick, as a fraction of 2^32 */
	double per_us;  /* ticks a microsecond */
};

/* One moment on both clocks. All zeros where no counter is steady. */
struct ticks_moment {
	uint64_t ticks;
	uint64_t ns;
};

struct ticks_moment ticks_now(void);

/*
 * Sets a clock up for results in units of which there are per_ns in a nanosecond. The counter's rate
 * is measured from `since` until now: where that is less than 10 ms, it waits. wanted: use the counter
 * if there is one.
 */
void ticks_open(struct ticks *self, uint32_t per_ns, bool wanted, struct ticks_moment since);

/* Whether this processor says that its counter has one rate and never stops. */
bool ticks_counter_is_steady(void);

/* What was chosen and why, as a sentence's end: "the time stamp counter, 2400 ticks a microsecond". */
enum { TICKS_TEXT_BYTES = 128 };
void ticks_describe(const struct ticks *self, char text[TICKS_TEXT_BYTES]);

#ifdef __x86_64__
ALWAYS_INLINE uint64_t ticks_counter_first(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

ALWAYS_INLINE uint64_t ticks_counter_last(void)
{
	uint32_t low, high, cpu;

	__asm__ volatile("rdtscp\n\tlfence" : "=a"(low), "=d"(high), "=c"(cpu) : : "memory");
	return (uint64_t)high << 32 | low;
}
#else
ALWAYS_INLINE uint64_t ticks_counter_first(void)
{
	return 0; /* never asked for: no counter is steady here */
}

ALWAYS_INLINE uint64_t ticks_counter_last(void)
{
	return 0;
}
#endif

/* Before a call, and after it. */
ALWAYS_INLINE uint64_t ticks_first(const struct ticks *self)
{
	return likely(self->counter) ? ticks_counter_first() : clock_now_ns();
}

ALWAYS_INLINE uint64_t ticks_last(const struct ticks *self)
{
	return likely(self->counter) ? ticks_counter_last() : clock_now_ns();
}

/* The time from one reading to a later one, in units. */
ALWAYS_INLINE uint64_t ticks_between(const struct ticks *self, uint64_t first, uint64_t last)
{
	/* On another CPU the counter can be a little behind. */
	uint64_t ticks = last > first ? last - first : 0;

	return (uint64_t)((unsigned __int128)ticks * self->scale >> 32);
}

#endif
