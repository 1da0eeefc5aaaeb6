/*
 * crowd: many threads alive at once, attached to one pool; 10,000 where there is time. As many as
 * the run has threads are in a call at a time: the others only exist, which is what tables of
 * threads, caches and their magazines have to bear. Each takes an object and puts it when all have
 * one; what it could not get while others were in calls it must get alone, where the pool is exact.
 */
#ifndef STRESS_SCENARIO_CROWD_H
#define STRESS_SCENARIO_CROWD_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <semaphore.h>

enum {
	CROWD_MOST = 10000,
	/* More than DPDK has lcores, but where it is not seen; a thread costs tens of ms there. */
	CROWD_LEAST = atom_sanitizes ? 50 : 200,
	CROWD_A_SECOND = 2000,   /* threads that a second of the run's time is good for */
	CROWD_STACK = 256 << 10, /* bytes; more than the C library asks for */
};

struct crowd {
	struct pool *pool;
	sem_t gate;  /* callers at a time */
	sem_t ready; /* threads that have what they can get */
	sem_t alone; /* one of those that got none */
	sem_t go;    /* to put and to leave */
	bool exact;
};

struct crowd_member {
	struct crowd *crowd;
	uint64_t owner;
	pthread_t id;
};

static void *crowd_main(void *arg)
{
	struct crowd_member *member = arg;
	struct crowd *crowd = member->crowd;
	struct pool *pool = crowd->pool;
	struct object *object;

	atom_perturb_seed(member->owner);
	sem_wait(&crowd->gate);
	struct pool_thread *self = stress_attach(pool);
	object = pool->ops->get(pool, self);
	sem_post(&crowd->gate);
	sem_post(&crowd->ready);
	sem_wait(&crowd->alone);
	if (object == NULL) {
		object = pool->ops->get(pool, self);
		if (object == NULL && crowd->exact)
			stress_fail(PROMISE_EXACT,
				"an exact pool with an object for each of its threads had none "
				"for one of them, with no other in a call");
	}
	if (object != NULL)
		object_got(pool, object, member->owner);
	sem_post(&crowd->alone);
	sem_post(&crowd->ready);
	sem_wait(&crowd->go);
	sem_wait(&crowd->gate);
	if (object != NULL) {
		object_putting(pool, object, member->owner);
		pool->ops->put(pool, self, object);
	}
	pool->ops->detach(pool, self);
	sem_post(&crowd->gate);
	return NULL;
}

/* Waits until each of n threads has come so far, and lets `next` in. */
static void crowd_wait(struct crowd *crowd, uint32_t n, sem_t *next, uint32_t places)
{
	for (uint32_t i = 0; i < n; i++)
		sem_wait(&crowd->ready);
	for (uint32_t i = 0; i < places; i++)
		sem_post(next);
}

static void crowd_run(const struct stress *run)
{
	const uint64_t baseline = memory_live_bytes();
	const uint64_t now = stress_now_ns();
	const uint64_t left_ms = run->end_ns > now ? (run->end_ns - now) / 1000000 : 0;
	uint64_t want = left_ms * CROWD_A_SECOND / 1000 / STRESS_SLOWDOWN;
	uint64_t random = run->seed;
	struct pool_config shape = stress_shape(&random);
	struct crowd crowd = {.exact = run->ops->traits.exact};
	pthread_attr_t attr;
	uint32_t n = 0;

	want = want < CROWD_LEAST ? CROWD_LEAST : want > CROWD_MOST ? CROWD_MOST : want;
	shape.capacity = (uint32_t)want;
	struct crowd_member *members = stress_array(want, sizeof(*members));
	crowd.pool = stress_pool(run->ops, &shape);
	sem_init(&crowd.gate, 0, run->threads);
	sem_init(&crowd.ready, 0, 0);
	sem_init(&crowd.alone, 0, 0);
	sem_init(&crowd.go, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CROWD_STACK);
	while (n < want) {
		members[n] = (struct crowd_member){.crowd = &crowd, .owner = n + 1};
		if (pthread_create(&members[n].id, &attr, crowd_main, &members[n]) != 0)
			break;
		n++;
	}
	pthread_attr_destroy(&attr);
	crowd_wait(&crowd, n, &crowd.alone, 1);
	crowd_wait(&crowd, n, &crowd.go, n);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(members[i].id, NULL);
	stress_quiet(crowd.pool, 0, "after a crowd has left");
	stress_destroy(crowd.pool, baseline);
	free(members);
	if (n < want)
		stress_skip("the system lets a process have %" PRIu32 " threads here, of %" PRIu64
			    " that are wanted; what there were, passed",
			n, want);
	stress_note("%" PRIu32 " threads alive at once", n);
}

static const struct scenario scenario_crowd = {
	.name = "crowd",
	.summary = "thousands of threads alive at once: each gets its object",
	.excuse = stress_excuse_one_thread,
	.run = crowd_run,
};

#endif
