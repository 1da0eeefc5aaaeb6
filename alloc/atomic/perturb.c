/* The delays of perturb.h. Compiled into builds that choose that backend, and only there. */
#include "alloc/atomic/perturb.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>

/*
 * One point in YIELD_ONE_IN yields, one in SLEEP_ONE_IN sleeps: a stress run slows about tenfold
 * and still makes 10^5 operations a second. With one in 1024 a stack whose head has no tag was
 * missed in one of five runs of 0.2 s beside other work; with one in 256 in none, and each took
 * less than 0.3 s.
 */
enum { YIELD_ONE_IN = 16, SLEEP_ONE_IN = 256, SLEEP_NS = 1000 };

static _Thread_local uint64_t state;
static atomic_uint_fast64_t arrivals;

void atom_perturb_seed(unsigned long long seed)
{
	state = seed * 0x9e3779b97f4a7c15u + 1;
}

void atom_perturb_point(void)
{
	if (state == 0)
		atom_perturb_seed(atomic_fetch_add(&arrivals, 1) + 1);
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	if (state % SLEEP_ONE_IN == 0)
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
	else if (state % YIELD_ONE_IN == 0)
		sched_yield();
}
