/* See ticks.h. */
#include "bench/base/ticks.h"

#include <stdio.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

enum {
	/* How long the rate is measured at least: two readings off by 50 ns are then off by 5 in a million. */
	RATE_NS = 10000000,
	RATE_TRIES = 16,
};

bool ticks_counter_is_steady(void)
{
#ifdef __x86_64__
	enum { POWER_LEAF = 0x80000007, INVARIANT_TSC = 1 << 8 };
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(POWER_LEAF, &eax, &ebx, &ecx, &edx) != 0 && (edx & INVARIANT_TSC) != 0;
#else
	return false;
#endif
}

/* Of some tries the one that took the least time. */
struct ticks_moment ticks_now(void)
{
	struct ticks_moment now = {0};
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < RATE_TRIES && ticks_counter_is_steady(); i++) {
		const uint64_t first = ticks_counter_first();
		const uint64_t ns = clock_now_ns();
		const uint64_t last = ticks_counter_last();

		if (last - first >= least)
			continue;
		least = last - first;
		now = (struct ticks_moment){first + least / 2, ns};
	}
	return now;
}

void ticks_open(struct ticks *self, uint32_t per_ns, bool wanted, struct ticks_moment since)
{
	double a_ns = 1;

	self->counter = wanted && ticks_counter_is_steady();
	if (self->counter) {
		clock_sleep_until_ns(since.ns + RATE_NS);
		const struct ticks_moment now = ticks_now();

		a_ns = (double)(now.ticks - since.ticks) / (double)(now.ns - since.ns);
	}
	self->per_us = a_ns * 1000;
	self->scale = (uint64_t)(per_ns / a_ns * (double)(UINT64_C(1) << 32));
}

void ticks_describe(const struct ticks *self, char text[TICKS_TEXT_BYTES])
{
	if (self->counter)
		snprintf(text, TICKS_TEXT_BYTES, "the time stamp counter, %.0f ticks a microsecond",
			self->per_us);
	else
		snprintf(text, TICKS_TEXT_BYTES,
			"CLOCK_MONOTONIC, because this processor's time stamp counter can change "
			"its rate or stop");
}
