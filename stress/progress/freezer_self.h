/* The freezer's state, and what its parts, freezer.c, deaths.c and forks.c, have of one another. */
#ifndef STRESS_PROGRESS_FREEZER_SELF_H
#define STRESS_PROGRESS_FREEZER_SELF_H

#include "stress/progress/freezer.h"
#include "stress/progress/freezer_modes.h"
#include "stress/progress/pairs.h"

#include <setjmp.h>

enum {
	/*
	 * Beyond so many instructions a call goes round in circles (retries, aborted sections), and
	 * boundaries are taken ever more sparsely.
	 */
	EVERY_BOUNDARY_BELOW = 256,
	SPARSE_LOG2 = 2,
};

/*
 * One with room, one that the script and the survivor exhaust. Small caches, so that they overflow.
 */
static const uint32_t freezer_capacities[] = {64, 5};

/* A pass over the script. */
enum round { ROUND_RUNS, ROUND_LEARNS, ROUND_STOPS, ROUND_MEETS };

/* How far a call of the script was tried. */
struct progress {
	struct actor_trace trace; /* as it ran when nobody stopped it */
	uint32_t first;           /* boundary that no other call has */
	uint32_t boundary;        /* the next */
	bool misses;              /* it takes another path now */
};

struct freezer {
	const struct stress *run;
	struct freezer_place *place;
	uint32_t one_in; /* boundaries that is tried */
	uint64_t random;
	const struct freezer_mode *mode;
	enum stage_act act; /* of the survivor, where the victim is stopped */
	struct actor victim;
	struct progress progress[STAGE_CALLS_MAX];
	uintptr_t *scratch;   /* ACTOR_TRACE_MAX of them */
	bool reached;         /* the boundary, in the present call */
	uintptr_t stopped_at; /* an instruction */
	void *context;  /* the signal handler's there, while the survivor has its turn; else NULL */
	bool kills;     /* the victim is not to go on */
	uint32_t drawn; /* stops that are left for the present call, where they are drawn */
	bool walks;     /* it is stopped nowhere, to see where it goes */
	bool is_child;  /* of a fork within the present call */
	sigjmp_buf death;
	uint32_t deaths; /* kinds of them, so far */
	uint64_t killed; /* times */
	uint64_t forks;
	uint32_t lost;      /* objects, at most */
	uint32_t lost_most; /* that may be, beyond those of the call; where caches are small */
	struct pairs pairs;
	uint64_t frozen;  /* times */
	uint64_t stepped; /* of these, those that the victim went to step by step */
	uint32_t longest;
};

/* The boundary after one, where each step-th is tried. */
static inline uint32_t next_boundary(uint32_t boundary, uint32_t step)
{
	boundary += step;
	return boundary > EVERY_BOUNDARY_BELOW ? boundary + (boundary >> SPARSE_LOG2) : boundary;
}

/* One pass over the script; true if some call has boundaries left. */
bool freezer_round(struct freezer *self, enum round round);

/* A new pool, as the mode wants it. */
void freezer_begin(struct freezer *self, uint32_t capacity);

/* How far the calls were tried. */
void freezer_forget(struct freezer *self);

/* deaths.c: what begins with a pool that is new, one that dies and two at once (pairs.h). */
void deaths_play(struct freezer *self, uint32_t capacity, uint32_t cpus);
bool deaths_may_be(const struct freezer *self);

/*
 * forks.c. Before an instruction where that is due the stopped thread forks, and then the survivor. True: in the child of the
 * stopped thread, which goes on to the end of its call, and is then to end.
 */
bool forks_may_be(const struct freezer *self);
bool forks_are_due(uintptr_t address);
bool forks_play(struct freezer *self, void *context);
_Noreturn void forks_end_child(struct freezer *self);

#endif
