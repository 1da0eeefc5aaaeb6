/*
 * A thread's part in what the freezer plays: its handle, what it holds, and its calls, of which one can
 * be stopped before any instruction.
 */
#ifndef STRESS_PROGRESS_ACTOR_H
#define STRESS_PROGRESS_ACTOR_H

#include "stress/progress/kernel.h"
#include "stress/stress.h"

#include <signal.h>

enum { ACTOR_HELD_MAX = 1664 };

/* What can be called. The names in their order: actor_call_names. */
enum actor_call {
	ACTOR_GET,
	ACTOR_PUT,
	ACTOR_GET_BULK,
	ACTOR_PUT_BULK,
	ACTOR_GET_RUN,
	ACTOR_PUT_RUN,
	ACTOR_PREFILL,
	ACTOR_FLUSH,
	ACTOR_DETACH,
	ACTOR_ATTACH,
	ACTOR_CALLS
};
extern const char *const actor_call_names[ACTOR_CALLS];

/* The instructions of a call, in the order in which they ran. */
struct actor_trace {
	uintptr_t *address;
	uint32_t length;
};
/* The documented calls take 700 an object in a build with checks that is hardly optimised, and a bulk call has 100. */
enum { ACTOR_TRACE_MAX = 1 << 17 };

/*
 * How a call runs: as always; or step by step, and it is stopped before the instruction number stop of it
 * (from 0); or until it comes to that instruction again, where a trace has it; or until it comes to one of its sites, from
 * where on it is stepped, and stopped wherever `meets` says. Without a site it is stepped from the beginning on.
 */
enum actor_plan { ACTOR_RUNS, ACTOR_STEPS, ACTOR_BREAKS, ACTOR_MEETS };
#define ACTOR_NEVER UINT32_MAX /* as stop */

struct actor {
	const char *part; /* for who reads of its operations: "the victim" */
	struct pool *pool;
	struct pool_thread *self;
	uint64_t owner; /* in object.h */
	struct rseq_unregistered area;
	void *held[ACTOR_HELD_MAX]; /* the oldest first */
	uint32_t count;
	void **run; /* of get_run, with run_count objects */
	uint32_t run_count;
	uint32_t
		moving; /* objects that the present call, or the last one, was to take or to give at most */
	/* The next call. */
	enum actor_plan plan;
	uint32_t stop;
	struct actor_trace
		trace; /* with room for ACTOR_TRACE_MAX where it is stepped, and then written */
	/*
	 * What to do when it is stopped, in a signal handler, with the handler's context; what it does, it does
	 * between two instructions. The rest of the call just runs.
	 */
	void (*stopped)(struct actor *self, void *context);
	const uintptr_t *site; /* instructions, BREAKPOINTS_MAX at most */
	uint32_t sites;
	bool (*meets)(struct actor *self, uintptr_t address); /* before an instruction */
	bool follows; /* the rest of a call that was stopped is stepped all the same, for coverage.h */
	bool aborts; /* until then each section is interrupted at its first instruction */
	/* The actor's own. */
	volatile sig_atomic_t in_call, passing, following;
	uintptr_t frame; /* of who calls: the strategy's frames lie below */
	bool entered;    /* it has come out of the actor's own begin */
	uint32_t passes; /* through the instruction where it breaks, before it is stopped */
};

/* Lets this process step. Before any call that is to be stopped. */
void actor_prepare(void);

/* The calling thread plays this part from now on, on a CPU of kernel.h. */
void actor_enter(struct actor *self, uint32_t cpu);

/* It begins with a new pool, with nothing. */
void actor_begin(struct actor *self, struct pool *pool, uint64_t owner);

/*
 * Calls. n: objects of a bulk call; fewer if it holds fewer. What it gets it keeps, what it puts was held
 * longest. A call that makes no sense (a put of nothing, a run where the pool has none) is left out:
 * false.
 */
bool actor_call(struct actor *self, enum actor_call call, uint32_t n);

/* The two give one another some of what they hold, one for one. */
void actor_swap(struct actor *self, struct actor *other);

/* What it has held longest is another now. random: state of stress_random. */
void actor_shuffle(struct actor *self, uint64_t *random);

/* Gives back all it holds. */
void actor_return(struct actor *self);

/* Gets all there is. */
void actor_drain(struct actor *self);

#endif
