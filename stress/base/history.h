/*
 * Histories: what was called when, and whether a pool may have answered so.
 *
 * Each thread notes its calls with a time before and a time behind each. A pool is a bag of distinct
 * objects, so two rules suffice, and each takes a sort:
 *
 *	H1  An object has one owner: from the return of the get that gave it to the call of the put
 *	    that takes it back nobody else gets it.
 *	H2  "None" is a right answer only if there was a moment, between the call and the return, at
 *	    which no object was free for sure. So many are: the capacity, less the objects whose get
 *	    was called, and those again whose put returned. They are counted and not told apart: a
 *	    get that goes on may have been promised one, and take another that was put meanwhile.
 *
 * H2 is asked of exact pools. Where caches are kept an exact pool promises it only while no other
 * thread is inside a call: an empty answer counts if it overlaps none.
 *
 * Source: linearizability of a bag whose objects can be told apart needs no search among the orders
 * (R. Emmi, C. Enea, "Sound, Complete, and Tractable Linearizability Monitoring for Concurrent
 * Collections", POPL 2018).
 */
#ifndef STRESS_BASE_HISTORY_H
#define STRESS_BASE_HISTORY_H

#include "stress/stress.h"

enum history_kind { HISTORY_GET, HISTORY_PUT, HISTORY_OTHER };

/* One object of a call, or a call without. Times are of stress_now_ns. */
struct history_call {
	uint64_t called, returned;
	const void *object; /* of HISTORY_GET, NULL: none was found */
	uint32_t thread;
	enum history_kind kind;
};

/* What is asked of the empty answers. */
enum history_empties {
	HISTORY_ANY,   /* nothing: the pool is not exact */
	HISTORY_ALONE, /* H2 of those that no other call overlaps */
	HISTORY_ALL,   /* H2 */
};

struct history {
	struct history_call *calls; /* the check sorts them */
	size_t count;
	uint32_t capacity;
	enum history_empties empties;
	uint64_t judged; /* by the check: empty answers that H2 was asked of */
};

/* The promise that is broken, and why (STRESS_SENTENCE_BYTES) says by which rule and when; or PROMISE_NONE. */
enum promise history_check(struct history *history, char *why);

/* The calls of one thread, which it adds to. */
struct history_log {
	struct history_call *calls; /* room for as many as the thread adds */
	size_t count;
	uint32_t thread;
	atom_u32 fence;
	uint64_t called;
};

/*
 * Around a call. What it reads it reads after the first time was taken, and what it wrote is visible
 * before the second is: a locked instruction on a word of the thread's own lies between them, and on
 * the way out the first time is in memory before it. To the thread sanitizer it orders nothing
 * between threads.
 */
static inline void history_begin(struct history_log *log)
{
	log->called = stress_now_ns();
	(void)atom_add_seq_cst(&log->fence, 1);
}

/* Notes what the call was about: objects[0..n), or none. */
static inline void history_end(
	struct history_log *log, enum history_kind kind, void *const *objects, uint32_t n)
{
	(void)atom_add_seq_cst(&log->fence, 1);

	const uint64_t returned = stress_now_ns();
	uint32_t i = 0;

	do {
		log->calls[log->count++] = (struct history_call){.called = log->called,
			.returned = returned,
			.object = i < n ? objects[i] : NULL,
			.thread = log->thread,
			.kind = kind};
	} while (++i < n);
}

#endif
