/* A gang: threads that attach to one pool, start together, and are waited for. */
#ifndef STRESS_BASE_GANG_H
#define STRESS_BASE_GANG_H

#include "stress/stress.h"

#include <pthread.h>

struct gang_thread {
	const struct stress *run;
	struct pool *pool;
	struct pool_thread *self; /* attached before the body, detached after it */
	uint32_t index;           /* 0..threads-1 */
	uint64_t owner;           /* 1 + index: this thread in object.h */
	uint64_t random;          /* state of stress_random; follows from the seed and the index */
	void *shared;             /* the same for all */
	uint64_t began_ns;        /* when it was in the body, by stress_now_ns: all were there */
	uint64_t done;            /* operations, counted by the body */
};

/*
 * True until the thread has been in the body for so long. Counted from before its start, a round on a
 * busy machine could be over before any thread had done anything.
 */
static inline bool gang_goes_on(const struct gang_thread *thread, uint64_t ms)
{
	return stress_now_ns() < thread->began_ns + ms * 1000000;
}

/*
 * How long a round is that wants to be so long: less where the run's time would see few rounds, each of
 * which has a seed and a shape of its own. Asked once a round.
 */
static inline uint64_t gang_round_ms(const struct gang_thread *thread, uint64_t ms)
{
	const uint64_t most = thread->run->round_ns / 1000000;

	return stress_now_ns() < thread->run->end_ns && most < ms ? most : ms;
}

typedef void (*gang_body)(struct gang_thread *thread);

/*
 * Runs body on `threads` threads and returns the sum of their `done`. seed: of this round. The
 * process has returned to one thread afterwards.
 */
uint64_t gang_run(const struct stress *run, struct pool *pool, uint32_t threads, uint64_t seed,
	gang_body body, void *shared);

/* Waits in the body until every thread of the gang has come as far. */
void gang_meet(struct gang_thread *thread);

/* pthread_create, or the end of the run. */
void gang_start(pthread_t *thread, void *(*body)(void *arg), void *arg);

#endif
