/* Clauses on several threads: what passes between them, and what they leave behind. */
#ifndef STRESS_SCENARIO_CONFORMANCE_THREADS_H
#define STRESS_SCENARIO_CONFORMANCE_THREADS_H

#include "stress/base/gang.h"
#include "stress/scenario/conformance/fixture.h"

/* A second thread, waited for at once. */
struct conformance_other {
	struct conformance_bench *bench;
	uint32_t cpu; /* where it runs */
};

static void *conformance_other_puts(void *arg)
{
	struct conformance_other *other = arg;
	struct conformance_bench *b = other->bench;
	struct pool_thread *self = stress_attach(b->pool);

	stress_pin(other->cpu);
	for (uint32_t i = 0; i < b->n; i++)
		b->ops->put(b->pool, self, b->objs[i]);
	stress_flush_all(b->pool, self);
	b->ops->detach(b->pool, self);
	return NULL;
}

/* What one thread got, another puts; flushed and detached, all of it is found by the first. */
static void puts_elsewhere(const struct stress *run)
{
	const uint32_t *cpus;
	uint32_t n = stress_cpus(&cpus);

	stress_pin(cpus[0]);
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);
		struct conformance_other other = {.bench = &b, .cpu = cpus[n - 1]};

		for (int again = 0; again < 2; again++) {
			pthread_t id;

			conformance_get_all(&b);
			gang_start(&id, conformance_other_puts, &other);
			pthread_join(id, NULL);
			stress_quiet(b.pool, 0, "after another thread put everything");
		}
		conformance_close_whole(&b);
	}
}

/*
 * Everyone takes until there is nothing; what is left then is found by one, and the sum is exact.
 */
struct conformance_fight {
	uint32_t capacity;
	void **taken; /* room for capacity objects for each thread, and for the last one */
	uint32_t count[STRESS_THREADS_MAX];
};

static void conformance_fight_body(struct gang_thread *t)
{
	struct conformance_fight *fight = t->shared;
	void **mine = &fight->taken[(size_t)t->index * fight->capacity];
	uint32_t held = 0;
	void *object;

	while (held < fight->capacity && (object = t->pool->ops->get(t->pool, t->self)) != NULL)
		mine[held++] = object;
	t->pool->ops->flush(t->pool, t->self);
	gang_meet(t);
	if (t->index == 0) {
		stress_flush_all(t->pool, t->self);
		while (held < fight->capacity &&
			(object = t->pool->ops->get(t->pool, t->self)) != NULL)
			mine[held++] = object;
	}
	fight->count[t->index] = held;
}

static void divides_capacity(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64,
		.capacity = 500,
		.magazine_objects = 8,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};
	struct conformance_bench b = conformance_open(run, &config);
	struct conformance_fight fight = {.capacity = config.capacity,
		.taken = stress_array((size_t)run->threads * config.capacity, sizeof(void *))};

	for (uint32_t round = 0; round < conformance_times(run->ops, CONFORMANCE_FIGHTS); round++) {
		uint32_t total = 0;

		gang_run(run, b.pool, run->threads, stress_seed(run->seed, round),
			conformance_fight_body, &fight);
		for (uint32_t i = 0; i < run->threads; i++) {
			if (total + fight.count[i] > b.n)
				stress_fail(PROMISE_CAPPED,
					"%" PRIu32 " threads got more than the %" PRIu32
					" objects of the pool",
					run->threads, b.n);
			memcpy(&b.objs[total], &fight.taken[(size_t)i * b.n],
				fight.count[i] * sizeof(void *));
			total += fight.count[i];
		}
		if (total != b.n)
			stress_fail(PROMISE_NONE_LOST,
				"%" PRIu32 " threads together got %" PRIu32 " of %" PRIu32
				" objects, caches flushed",
				run->threads, total, b.n);
		conformance_place(b.pool, b.objs, b.n);
		stress_quiet(b.pool, b.n, "with every object in some thread's hands");
		conformance_put_all(&b);
		stress_flush_all(b.pool, b.self);
	}
	free(fight.taken);
	conformance_close(&b);
}

/* Threads that lived for a few calls leave nothing behind. */
static void conformance_life_body(struct gang_thread *t)
{
	void *objs[8];
	uint32_t n = t->pool->ops->get_bulk(t->pool, t->self, objs, array_count(objs));

	for (uint32_t i = 0; i < n; i++)
		object_got(t->pool, objs[i], t->owner);
	for (uint32_t i = 0; i < n; i++) {
		object_putting(t->pool, objs[i], t->owner);
		t->pool->ops->put(t->pool, t->self, objs[i]);
	}
}

static void outlives_threads(const struct stress *run)
{
	struct pool_config config = CONFORMANCE_SMALL_CACHES(100);
	struct conformance_bench b = conformance_open(run, &config);
	const uint32_t *cpus;

	stress_cpus(&cpus);
	for (uint32_t lives = 0; lives < conformance_times(run->ops, CONFORMANCE_LIVES);
		lives += run->threads) {
		gang_run(run, b.pool, run->threads, stress_seed(run->seed, lives),
			conformance_life_body, NULL);
		stress_quiet(b.pool, 0, "after a generation of threads");
	}
	stress_pin(cpus[0]);
	stress_flush_all(b.pool, b.self);
	conformance_close_whole(&b);
}

/* Handles that change hands. Their owner leaves objects cached in them, and some in its hands. */

static const struct pool_config conformance_handed_over = CONFORMANCE_SMALL_CACHES(600);

struct conformance_owner {
	struct pool *pool;
	struct pool_thread *handle; /* to be adopted */
	void *held[CONFORMANCE_HELD];
	pthread_barrier_t meet;
	uint64_t seed;
	uint32_t cpu;
};

/* Gets and puts, and ends with no object. */
static void conformance_churn(
	struct pool *pool, struct pool_thread *self, uint64_t owner, uint64_t random)
{
	const struct pool_ops *ops = pool->ops;
	void *held[CONFORMANCE_HELD];
	uint32_t n = 0;

	for (uint32_t i = conformance_times(ops, CONFORMANCE_CHURN); i > 0; i--) {
		if (n < CONFORMANCE_HELD && stress_below(&random, 2)) {
			held[n] = ops->get(pool, self);
			if (held[n] != NULL)
				object_got(pool, held[n++], owner);
		} else if (n > 0) {
			object_putting(pool, held[--n], owner);
			ops->put(pool, self, held[n]);
		}
	}
	while (n > 0) {
		object_putting(pool, held[--n], owner);
		ops->put(pool, self, held[n]);
	}
}

/* Attaches and leaves objects in the handle's caches. */
static void conformance_fill(struct conformance_owner *owner)
{
	const struct pool_ops *ops = owner->pool->ops;
	void *cached[CONFORMANCE_HELD];

	owner->handle = stress_attach(owner->pool);
	if (ops->get_bulk(owner->pool, owner->handle, owner->held, CONFORMANCE_HELD) !=
			CONFORMANCE_HELD ||
		ops->get_bulk(owner->pool, owner->handle, cached, CONFORMANCE_HELD) !=
			CONFORMANCE_HELD)
		stress_fail(PROMISE_NONE_LOST,
			"a pool of %" PRIu32 " objects has none for its second thread",
			owner->pool->config.capacity);
	for (uint32_t i = 0; i < CONFORMANCE_HELD; i++)
		ops->put(owner->pool, owner->handle, cached[i]);
}

/* What another thread does with a handle that it adopted. */
static void conformance_go_on(struct conformance_owner *owner, uint64_t random)
{
	const struct pool_ops *ops = owner->pool->ops;

	ops->put_bulk(owner->pool, owner->handle, owner->held, CONFORMANCE_HELD);
	conformance_churn(owner->pool, owner->handle, 1, random);
	ops->flush(owner->pool, owner->handle);
}

static void *conformance_owner_ends(void *arg)
{
	conformance_fill(arg);
	return NULL;
}

/* Another thread goes on with a handle whose owner has ended, whose memory is no longer mapped. */
static void adopts_from_the_dead(const struct stress *run)
{
	struct conformance_bench b = conformance_open(run, &conformance_handed_over);
	struct conformance_owner owner = {.pool = b.pool};
	pthread_attr_t attributes;
	pthread_t id;

	/* Thread-local memory lies on the stack too, and so does what the kernel writes to. */
	void *stack = memory_map(CONFORMANCE_STACK_BYTES, MEMORY_PAGES_ORDINARY);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, CONFORMANCE_STACK_BYTES);
	if (stack == NULL || pthread_create(&id, &attributes, conformance_owner_ends, &owner) != 0)
		stress_fail(PROMISE_NONE, "a thread on a stack of its own cannot be started");
	pthread_join(id, NULL);
	pthread_attr_destroy(&attributes);
	memory_unmap(stack, CONFORMANCE_STACK_BYTES, MEMORY_PAGES_ORDINARY);

	pool_adopt(b.pool, owner.handle);
	stress_quiet(b.pool, CONFORMANCE_HELD, "after a handle was adopted");
	conformance_go_on(&owner, stress_seed(run->seed, 1));
	b.ops->detach(b.pool, owner.handle);
	stress_flush_all(b.pool, b.self);
	conformance_close_whole(&b);
}

static void *conformance_owner_goes_on(void *arg)
{
	struct conformance_owner *owner = arg;
	struct pool_thread *self = stress_attach(owner->pool);

	stress_pin(owner->cpu);
	conformance_fill(owner);
	pthread_barrier_wait(&owner->meet);
	conformance_churn(owner->pool, self, 2, owner->seed);
	stress_flush_all(owner->pool, self);
	owner->pool->ops->detach(owner->pool, self);
	return NULL;
}

/* The same, beside the former owner, who works with another handle of its own. */
static void adopts_from_the_living(const struct stress *run)
{
	struct conformance_bench b = conformance_open(run, &conformance_handed_over);
	struct conformance_owner owner = {.pool = b.pool, .seed = stress_seed(run->seed, 2)};
	const uint32_t *cpus;
	uint32_t n = stress_cpus(&cpus);
	pthread_t id;

	owner.cpu = cpus[n - 1];
	stress_pin(cpus[0]);
	pthread_barrier_init(&owner.meet, NULL, 2);
	gang_start(&id, conformance_owner_goes_on, &owner);
	pthread_barrier_wait(&owner.meet);
	pool_adopt(b.pool, owner.handle);
	conformance_go_on(&owner, stress_seed(run->seed, 1));
	pthread_join(id, NULL);
	pthread_barrier_destroy(&owner.meet);
	b.ops->detach(b.pool, owner.handle);
	stress_flush_all(b.pool, b.self);
	conformance_close(&b);
}

#endif
