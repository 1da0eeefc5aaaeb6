#include "stress/base/gang.h"

#include <string.h>

struct gang {
	pthread_barrier_t barrier;
	gang_body body;
	struct member {
		CACHE_PAIR_ALIGNED struct gang_thread thread;
		pthread_t id;
	} member[STRESS_THREADS_MAX];
};

/* One at a time: the process has one gang. */
static struct gang gang;

static void *member_main(void *arg)
{
	struct member *member = arg;
	struct gang_thread *t = &member->thread;

	atom_perturb_seed(t->random);
	t->self = stress_attach(t->pool);
	gang_meet(t);
	t->began_ns = stress_now_ns();
	gang.body(t);
	t->pool->ops->detach(t->pool, t->self);
	return NULL;
}

void gang_meet(struct gang_thread *thread)
{
	(void)thread;
	pthread_barrier_wait(&gang.barrier);
}

void gang_start(pthread_t *thread, void *(*body)(void *arg), void *arg)
{
	int rc = pthread_create(thread, NULL, body, arg);

	if (rc != 0)
		stress_fail(PROMISE_NONE, "cannot start a thread: %s", strerror(rc));
}

uint64_t gang_run(const struct stress *run, struct pool *pool, uint32_t threads, uint64_t seed,
	gang_body body, void *shared)
{
	uint64_t done = 0;

	gang.body = body;
	pthread_barrier_init(&gang.barrier, NULL, threads);
	for (uint32_t i = 0; i < threads; i++) {
		gang.member[i].thread = (struct gang_thread){.run = run,
			.pool = pool,
			.index = i,
			.owner = i + 1,
			.random = stress_seed(seed, i),
			.shared = shared};
		gang_start(&gang.member[i].id, member_main, &gang.member[i]);
	}
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(gang.member[i].id, NULL);
		done += gang.member[i].thread.done;
	}
	pthread_barrier_destroy(&gang.barrier);
	return done;
}
