/*
 * urcu_lfs_gp under a microscope: a pop stops between what it has read and its CAS for as long as the test wants. What
 * it has read does not come back meanwhile, which is all that rules out ABA there.
 */
#include "alloc/machine/cmocka.h"

#include <stdio.h>

#if NBLBENCH_URCU

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <unistd.h>

#include <urcu/compiler.h>

static void point(void);

/* liburcu's pop, which is inline, asks for it behind its reads and before its CAS: there is the place to stop. */
#undef caa_container_of
#define caa_container_of(pointer, type, member) \
	(point(), (type *)((char *)(pointer)-offsetof(type, member)))

#include "alloc/pool/support_test.h"
#include "alloc/pool/urcu_lfs_gp.h"

/* A thread that makes one get, and stops in its pop. */
struct popper {
	struct pool *pool;
	sem_t stopped, go;
	pthread_t id;
	void *object;
	bool ended;
};

static _Thread_local struct popper *stopping; /* NULL: this thread is not to stop */

static void point(void)
{
	struct popper *self = stopping;

	if (self == NULL)
		return;
	stopping = NULL;
	sem_post(&self->stopped);
	sem_wait(&self->go);
}

static void *popper_main(void *arg)
{
	struct popper *self = arg;
	struct pool_thread *thread;

	if (self->pool->ops->attach(self->pool, &thread) != 0)
		abort();
	stopping = self;
	self->object = urcu_lfs_gp_get(self->pool, thread);
	stopping = NULL;
	self->ended = true;
	sem_post(&self->stopped);
	if (self->object != NULL)
		urcu_lfs_gp_put(self->pool, thread, self->object);
	self->pool->ops->detach(self->pool, thread);
	return NULL;
}

/* Puts it back on top of the stack. */
static void put_and_wait(struct pool *pool, struct pool_thread *thread, void *object)
{
	urcu_lfs_gp_put(pool, thread, object);
	urcu_flush(pool, thread);
}

/*
 * The pop that has read `top` and what is below it stops. Were `top` back alone before its CAS, that would put on top
 * what others own.
 */
static void what_a_pop_has_read_does_not_come_back(NO_STATE)
{
	enum { BACK_MS = 500 }; /* far beyond a grace period that nobody holds up */
	static struct popper popper;
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_urcu_lfs_gp_ops, 2, &thread);
	void *top = urcu_lfs_gp_get(pool, thread);
	void *below = urcu_lfs_gp_get(pool, thread);
	void *back = NULL;

	put_and_wait(pool, thread, below);
	put_and_wait(pool, thread, top);
	popper = (struct popper){.pool = pool};
	sem_init(&popper.stopped, 0, 0);
	sem_init(&popper.go, 0, 0);
	assert_int_equal(pthread_create(&popper.id, NULL, popper_main, &popper), 0);
	sem_wait(&popper.stopped);
	assert_false(popper.ended);
	assert_ptr_equal(urcu_lfs_gp_get(pool, thread), top);
	assert_ptr_equal(urcu_lfs_gp_get(pool, thread), below);
	urcu_lfs_gp_put(pool, thread, top);
	for (int ms = 0; ms < BACK_MS && back == NULL; ms++) {
		back = urcu_lfs_gp_get(pool, thread);
		usleep(1000);
	}
	sem_post(&popper.go);
	assert_int_equal(pthread_join(popper.id, NULL), 0);
	assert_null(back);
	assert_null(popper.object); /* `top` was not free yet, `below` is out */
	urcu_flush(pool, thread);
	assert_ptr_equal(urcu_lfs_gp_get(pool, thread), top);
	close_pool(pool, thread, 2);
	sem_destroy(&popper.stopped);
	sem_destroy(&popper.go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pop_has_read_does_not_come_back),
	};

	return cmocka_run_group_tests_name("urcu_lfs_gp", tests, NULL, NULL);
}

#else

int main(void)
{
	enum { SKIP = 77 };

	puts("skipped: this build has no liburcu");
	return SKIP;
}

#endif
