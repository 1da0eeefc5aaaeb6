/*
 * Pairs of frozen victims: two threads are stopped at once, each at a boundary of a call of its own that is drawn, and the
 * survivor goes on. Then one goes on while the other stands still, and then that one; or both die. A pool may do
 * well beside one stopped thread and not beside two, as where somebody else's place is taken in its stead.
 *
 * Or only the first one is stopped, behind a locked instruction, and the second one is stepped through its call
 * beside it, for the ways that lead by what a stopped thread leaves: requests, offers, locks. Both may lose turns to the
 * survivor before. Where the second one waits for the first, as a pool that blocks may have it, the first goes on.
 */
#ifndef STRESS_PROGRESS_PAIRS_H
#define STRESS_PROGRESS_PAIRS_H

#include "stress/progress/stage.h"

/* How it is told that two kept another waiting: stress_fail's sentence contains it. */
#define PAIRS_BLOCKED "two threads kept another waiting"

/* The boundaries of a call of the script that belong to no other call: first to end - 1. */
struct pairs_call {
	uint32_t first, end;
};

struct pairs {
	const struct pairs_call *calls; /* of the script, in its order */
	uint32_t capacity;
	uint32_t cpus;    /* of kernel.h, on which the three are, in all combinations */
	uint64_t *random; /* state of stress_random */
	bool walks;       /* freezer_run's: none is blamed for waiting */
	/* How many were stopped, and were killed, so far; and objects that were lost by two deaths, at most. */
	uint64_t stopped, killed;
	uint32_t lost;
};

/* Starts the victims. After stage_prepare. */
void pairs_prepare(uintptr_t *scratch);

/*
 * Draws that many pairs of which one is stepped beside the other, that are both stopped, and that are killed. Some of them
 * do not come to their boundaries.
 */
void pairs_play(struct pairs *self, uint32_t steps, uint32_t stops, uint32_t kills);

#endif
