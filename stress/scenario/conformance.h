/*
 * conformance: the contract of alloc/pool.h, clause by clause, on one thread and then on many.
 *
 * Each clause is a function that makes its own pools; the table at the end says which kinds it can
 * be asked of. Single-threaded clauses run bound to one CPU, so that caches which belong to CPUs
 * are all within reach and "as many as the capacity" holds for every pool.
 */
#ifndef STRESS_SCENARIO_CONFORMANCE_H
#define STRESS_SCENARIO_CONFORMANCE_H

#include "stress/base/board.h"
#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Shapes at the edges of the ranges and in their middle; capacities that no batch divides. */
static const struct pool_config conformance_shapes[] = {
	{.object_bytes = POOL_OBJECT_BYTES_MIN,
		.object_align = POOL_OBJECT_ALIGN_MIN,
		.capacity = 1},
	{.object_bytes = 64, .capacity = 2},
	{.object_bytes = 65, .capacity = 3, .magazine_objects = POOL_MAGAZINE_OBJECTS_MIN},
	{.object_bytes = 200, .object_align = 128, .capacity = 333, .magazine_objects = 8},
	{.object_bytes = 64, .capacity = 3001, .cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN},
	{.object_bytes = 512, .capacity = 777, .batch_objects = 1},
	{.object_bytes = 1000, .object_align = POOL_OBJECT_ALIGN_MAX, .capacity = 31},
	{.object_bytes = POOL_OBJECT_BYTES_MAX, .capacity = 5},
	{.object_bytes = 64,
		.capacity = 5000,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MAX,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MAX},
};

enum {
	CONFORMANCE_SENTINEL = 0x5e, /* what an untouched byte holds */
	CONFORMANCE_SOME = 200,      /* objects asked of what has no capacity */
	CONFORMANCE_FAULTS_MAX = 10000,
	CONFORMANCE_LIVES = 600 / STRESS_SLOWDOWN,
	CONFORMANCE_FIGHTS = 20,
	CONFORMANCE_WAIT = 10, /* conformance_times */
	CONFORMANCE_HELD = 24, /* objects a thread holds while it churns */
	CONFORMANCE_CHURN = 40000 / STRESS_SLOWDOWN,
	CONFORMANCE_STACK_BYTES = 1 << 20,
};

/*
 * How often threads that meet do something: a tenth where one waits for another, because each wait
 * for a thread that has no CPU lasts a time slice of whatever program has it.
 */
static uint32_t conformance_times(const struct pool_ops *ops, uint32_t times)
{
	return ops->traits.progress == POOL_BLOCKING ? times / CONFORMANCE_WAIT : times;
}

/* How many objects a clause takes out of a pool of this shape. */
static uint32_t conformance_objects(const struct stress *run, const struct pool_config *shape)
{
	bool bounded = run->ops->traits.kind == POOL_KIND_POOL;

	return bounded || shape->capacity < CONFORMANCE_SOME ? shape->capacity : CONFORMANCE_SOME;
}

/* A pool with one thread attached, and room for all its objects. */
struct conformance_bench {
	const struct pool_ops *ops;
	struct pool *pool;
	struct pool_thread *self;
	void **objs;
	uint32_t n; /* conformance_objects */
	uint64_t baseline;
};

static struct conformance_bench conformance_open(
	const struct stress *run, const struct pool_config *shape)
{
	struct conformance_bench b = {.ops = run->ops,
		.n = conformance_objects(run, shape),
		.baseline = memory_live_bytes()};

	b.objs = stress_array((size_t)b.n + POOL_BULK_MAX, sizeof(*b.objs));
	b.pool = stress_pool(run->ops, shape);
	b.self = stress_attach(b.pool);
	return b;
}

static void conformance_close(struct conformance_bench *b)
{
	stress_quiet(b->pool, 0, "at the end of a clause");
	b->ops->detach(b->pool, b->self);
	stress_quiet(b->pool, 0, "after detach");
	stress_destroy(b->pool, b->baseline);
	free(b->objs);
}

/* get, where NULL would be wrong. */
static void *conformance_get(struct conformance_bench *b, uint32_t nth)
{
	void *object = b->ops->get(b->pool, b->self);

	if (object == NULL)
		stress_fail("get answered NULL to its only thread for object %" PRIu32
			    " of a pool of %" PRIu32,
			nth + 1, b->pool->config.capacity);
	return object;
}

static void conformance_get_all(struct conformance_bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->objs[i] = conformance_get(b, i);
}

/*
 * After puts: where objects rest on their way back without being in a cache that get searches,
 * flush brings them home.
 */
static void conformance_settle(struct conformance_bench *b)
{
	if (!b->ops->traits.exact && b->ops->traits.cache == POOL_CACHE_NONE)
		b->ops->flush(b->pool, b->self);
}

static void conformance_put_all(struct conformance_bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->ops->put(b->pool, b->self, b->objs[i]);
	conformance_settle(b);
}

static int conformance_compare(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t) * (void *const *)a;
	const uintptr_t right = (uintptr_t) * (void *const *)b;

	return (left > right) - (left < right);
}

/* objs[0..n), which it sorts: each on its alignment, and far enough from the next. */
static void conformance_place(const struct pool *pool, void **objs, uint32_t n)
{
	const size_t bytes = pool->config.object_bytes;
	const size_t align = pool->config.object_align;

	qsort(objs, n, sizeof(*objs), conformance_compare);
	for (uint32_t i = 0; i < n; i++) {
		if ((uintptr_t)objs[i] % align != 0)
			stress_fail("object %p is not aligned to %zu bytes", objs[i], align);
		if (i > 0 && (uintptr_t)objs[i] - (uintptr_t)objs[i - 1] < bytes)
			stress_fail("objects %p and %p are both out and overlap: objects have %zu "
				    "bytes",
				objs[i - 1], objs[i], bytes);
	}
}

static void refuses_bad_config(const struct stress *run)
{
	static const struct {
		const char *what;
		struct pool_config config;
	} bad[] = {
		{"objects of 0 bytes", {.object_bytes = 0, .capacity = 8}},
		{"objects of 7 bytes", {.object_bytes = POOL_OBJECT_BYTES_MIN - 1, .capacity = 8}},
		{"objects over 1 MiB", {.object_bytes = POOL_OBJECT_BYTES_MAX + 1, .capacity = 8}},
		{"objects of SIZE_MAX bytes", {.object_bytes = SIZE_MAX, .capacity = 8}},
		{"an alignment of 8", {.object_bytes = 64, .object_align = 8, .capacity = 8}},
		{"an alignment of 96", {.object_bytes = 64, .object_align = 96, .capacity = 8}},
		{"an alignment of 8192", {.object_bytes = 64, .object_align = 8192, .capacity = 8}},
		{"magazines of 3", {.object_bytes = 64, .capacity = 8, .magazine_objects = 3}},
		{"magazines of 6", {.object_bytes = 64, .capacity = 8, .magazine_objects = 6}},
		{"magazines of 1028",
			{.object_bytes = 64, .capacity = 8, .magazine_objects = 1028}},
		{"CPU caches of 15", {.object_bytes = 64, .capacity = 8, .cpu_cache_objects = 15}},
		{"CPU caches of 1009",
			{.object_bytes = 64, .capacity = 8, .cpu_cache_objects = 1009}},
		{"batches over half a CPU cache", {.object_bytes = 64,
							  .capacity = 8,
							  .cpu_cache_objects = 16,
							  .batch_objects = 9}},
		{"pages of no known kind",
			{.object_bytes = 64, .capacity = 8, .pages = MEMORY_PAGES_HUGE + 1}},
	};
	const uint64_t baseline = memory_live_bytes();

	for (size_t i = 0; i < array_count(bad); i++) {
		struct pool *out;

		memset(&out, CONFORMANCE_SENTINEL, sizeof(out));
		struct pool *const before = out;
		int rc = pool_create(run->ops, &bad[i].config, &out);
		if (rc != -EINVAL)
			stress_fail("pool_create of %s returned %d, not -EINVAL", bad[i].what, rc);
		if (out != before || memory_live_bytes() != baseline)
			stress_fail("pool_create refused %s and left traces", bad[i].what);
	}
}

static void refuses_overflow(const struct stress *run)
{
	const struct pool_config config = {
		.object_bytes = POOL_OBJECT_BYTES_MAX, .capacity = UINT32_MAX};
	const uint64_t baseline = memory_live_bytes();
	struct pool *out;

	memset(&out, CONFORMANCE_SENTINEL, sizeof(out));
	struct pool *const before = out;
	int rc = pool_create(run->ops, &config, &out);
	if (rc != -EOVERFLOW)
		stress_fail(
			"pool_create of 2^32 - 1 objects of 1 MiB returned %d, not -EOVERFLOW", rc);
	if (out != before || memory_live_bytes() != baseline)
		stress_fail("pool_create refused 2^32 - 1 objects of 1 MiB and left traces");
}

/* Lets `pass` requests through and makes all that follow fail. */
struct conformance_fault {
	uint32_t pass;
	uint32_t failed;
};

static bool conformance_fault(void *arg, size_t bytes)
{
	struct conformance_fault *fault = arg;

	(void)bytes;
	if (fault->pass > 0) {
		fault->pass--;
		return false;
	}
	fault->failed++;
	return true;
}

/* Creation and attachment with memory running out at each of their requests in turn. */
static void survives_memory_faults(const struct stress *run)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = 100};
	const uint64_t baseline = memory_live_bytes();
	struct pool_thread *self = NULL;
	uint32_t faults = 0;

	while (self == NULL) {
		struct conformance_fault fault = {.pass = faults};
		struct pool *pool = NULL;

		memory_set_fault_hook(conformance_fault, &fault);
		int rc = pool_create(run->ops, &config, &pool);
		if (rc == 0) {
			rc = run->ops->attach(pool, &self);
			memory_set_fault_hook(NULL, NULL);
			if (rc != 0 && self != NULL)
				stress_fail("attach failed and wrote to *out");
			if (rc == 0)
				run->ops->detach(pool, self);
			pool_destroy(pool);
		} else if (pool != NULL) {
			stress_fail("pool_create failed and wrote to *out");
		}
		memory_set_fault_hook(NULL, NULL);
		if (rc != 0 && rc != -ENOMEM)
			stress_fail("without memory at request %" PRIu32
				    ", creation returned %d, not -ENOMEM",
				faults + 1, rc);
		if (rc != 0 && fault.failed == 0)
			stress_fail("creation returned -ENOMEM and no request had failed");
		if (memory_live_bytes() != baseline)
			stress_fail("failing at request %" PRIu32 ", creation leaks %" PRId64
				    " bytes",
				faults + 1, (int64_t)(memory_live_bytes() - baseline));
		if (++faults == CONFORMANCE_FAULTS_MAX)
			stress_fail("creation still fails with %d requests granted", faults);
	}
}

/* Memory may run out in mid-life: get may then answer NULL, put works, and nothing is lost. */
static void lives_without_memory(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64,
		.capacity = 300,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};

	for (uint32_t pass = 0; pass < 8; pass++) {
		struct conformance_bench b = conformance_open(run, &config);
		struct conformance_fault fault = {.pass = pass};
		uint32_t got = 0;

		memory_set_fault_hook(conformance_fault, &fault);
		while (got < b.n && (b.objs[got] = b.ops->get(b.pool, b.self)) != NULL)
			got++;
		if (fault.failed == 0 && got != b.n)
			stress_fail("get answered NULL after %" PRIu32 " of %" PRIu32
				    " objects and no request for memory had failed",
				got, b.n);
		for (uint32_t i = 0; i < got; i++)
			b.ops->put(b.pool, b.self, b.objs[i]);
		b.ops->flush(b.pool, b.self);
		memory_set_fault_hook(NULL, NULL);
		stress_quiet(b.pool, 0, "after a life without memory");
		conformance_get_all(&b);
		conformance_put_all(&b);
		conformance_close(&b);
	}
}

static void places_objects(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);

		for (int again = 0; again < 2; again++) {
			conformance_get_all(&b);
			conformance_place(b.pool, b.objs, b.n);
			for (uint32_t i = 0; i < b.n; i++)
				memset(b.objs[i], CONFORMANCE_SENTINEL,
					b.pool->config.object_bytes);
			conformance_put_all(&b);
		}
		conformance_close(&b);
	}
}

/* But for the first 8 bytes, objects are zero at first and then as their last owner left them. */
static void keeps_content(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 120, .capacity = 500};
	struct conformance_bench b = conformance_open(run, &config);

	for (int round = 0; round < 3; round++) {
		conformance_get_all(&b);
		for (uint32_t i = 0; i < b.n; i++) {
			const unsigned char *bytes = b.objs[i];

			for (size_t at = POOL_OBJECT_BYTES_MIN; at < config.object_bytes; at++) {
				int left = round == 0 ? 0 : CONFORMANCE_SENTINEL + (int)(at % 32);

				if (bytes[at] != left)
					stress_fail(
						"byte %zu of object %p is %#x; %s it must be %#x",
						at, b.objs[i], bytes[at],
						round == 0 ? "before first use"
							   : "as its last owner left it",
						left);
			}
		}
		for (uint32_t i = 0; i < b.n; i++) {
			unsigned char *bytes = b.objs[i];

			for (size_t at = 0; at < config.object_bytes; at++)
				bytes[at] = (unsigned char)(CONFORMANCE_SENTINEL + at % 32);
		}
		conformance_put_all(&b);
	}
	conformance_close(&b);
}

/* Exactly as many as the capacity; NULL then, counted; and one comes back for each that was put. */
static void reaches_capacity(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);

		stress_quiet(b.pool, 0, "in a new pool");
		for (int again = 0; again < 2; again++) {
			conformance_get_all(&b);
			stress_quiet(b.pool, b.n, "with every object out");
			uint64_t empty = b.self->paths.empty;
			if (b.ops->get(b.pool, b.self) != NULL)
				stress_fail("a pool of %" PRIu32 " objects gave out one more", b.n);
			if (b.self->paths.empty != empty + 1)
				stress_fail("get answered NULL and paths.empty moved by %" PRIu64
					    ", not 1",
					b.self->paths.empty - empty);
			b.ops->put(b.pool, b.self, b.objs[0]);
			conformance_settle(&b);
			stress_quiet(b.pool, b.n - 1, "with one object back");
			b.objs[0] = conformance_get(&b, 0);
			conformance_put_all(&b);
			stress_quiet(b.pool, 0, "with every object back");
		}
		conformance_close(&b);
	}
}

static void moves_in_bulk(const struct stress *run)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 31, 32, 33, 64, 100, 255, POOL_BULK_MAX};
	struct pool_config config = {.object_bytes = 64, .capacity = 3 * POOL_BULK_MAX + 5};
	struct conformance_bench b = conformance_open(run, &config);

	free(b.objs);
	b.n = config.capacity; /* allocators, too: a bulk of POOL_BULK_MAX is asked of all */
	b.objs = stress_array((size_t)b.n + POOL_BULK_MAX, sizeof(*b.objs));
	for (size_t s = 0; s < array_count(sizes); s++) {
		const uint32_t n = sizes[s];
		uint32_t out = 0;

		for (; out + n <= b.n; out += n) {
			uint32_t got = b.ops->get_bulk(b.pool, b.self, &b.objs[out], n);
			if (got != n)
				stress_fail("get_bulk of %" PRIu32 " returned %" PRIu32
					    " with %" PRIu32 " of %" PRIu32 " objects out",
					n, got, out, b.n);
		}
		conformance_place(b.pool, b.objs, out);
		for (uint32_t i = 0; i < out; i += n)
			b.ops->put_bulk(b.pool, b.self, &b.objs[i], n);
		conformance_settle(&b);
		stress_quiet(b.pool, 0, "after bulk calls");
	}
	conformance_close(&b);
}

/* What is left, if less is left than was asked for; 0 at the end; both counted. */
static void ends_bulk_early(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);
		uint32_t left = b.n < 7 ? b.n : 7;

		for (uint32_t i = 0; i < b.n - left; i++)
			b.objs[i] = conformance_get(&b, i);
		for (int round = 0; round < 2; round++, left = 0) {
			uint64_t empty = b.self->paths.empty;
			uint32_t got =
				b.ops->get_bulk(b.pool, b.self, &b.objs[b.n - left], POOL_BULK_MAX);
			if (got != left)
				stress_fail("get_bulk returned %" PRIu32 " with %" PRIu32 " left",
					got, left);
			if (b.self->paths.empty == empty)
				stress_fail(
					"get_bulk came back short and paths.empty did not move");
		}
		conformance_place(b.pool, b.objs, b.n);
		stress_quiet(b.pool, b.n, "with every object out");
		for (uint32_t i = 0; i < b.n;) {
			uint32_t n = b.n - i < POOL_BULK_MAX ? b.n - i : POOL_BULK_MAX;

			b.ops->put_bulk(b.pool, b.self, &b.objs[i], n);
			i += n;
		}
		conformance_close(&b);
	}
}

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
		conformance_get_all(&b);
		conformance_place(b.pool, b.objs, b.n);
		conformance_put_all(&b);
		conformance_close(&b);
	}
}

/* Two pools of one strategy, used in turns by one thread, have nothing in common. */
static void keeps_pools_apart(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64, .capacity = 150};
	struct conformance_bench a = conformance_open(run, &config);
	struct conformance_bench b = conformance_open(run, &config);
	void **all = stress_array((size_t)a.n + b.n, sizeof(*all));

	for (int again = 0; again < 2; again++) {
		for (uint32_t i = 0; i < a.n; i++) {
			a.objs[i] = conformance_get(&a, i);
			b.objs[i] = conformance_get(&b, i);
		}
		memcpy(all, a.objs, a.n * sizeof(*all));
		memcpy(all + a.n, b.objs, b.n * sizeof(*all));
		conformance_place(a.pool, all, a.n + b.n);
		conformance_put_all(&a);
		stress_quiet(b.pool, b.n, "while the other pool was refilled");
		conformance_put_all(&b);
	}
	/* Memory is held to what it was before the first of them. */
	stress_quiet(b.pool, 0, "beside another pool");
	b.ops->detach(b.pool, b.self);
	pool_destroy(b.pool);
	free(b.objs);
	conformance_close(&a);
	free(all);
}

/* check must refuse figures that are not true: one too many, one too few. */
static void checks_its_books(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64, .capacity = 40};
	struct conformance_bench b = conformance_open(run, &config);

	for (uint32_t out = 0; out <= b.n; out++) {
		const uint64_t wrong[] = {out + 1, out - UINT64_C(1)};

		for (size_t i = 0; i < array_count(wrong) && (out > 0 || i == 0); i++) {
			char why[POOL_REASON_BYTES] = "";
			int rc = b.ops->check(b.pool, wrong[i], why);

			if (rc != -EINVAL || why[0] == '\0')
				stress_fail("with %" PRIu32 " objects out, check was told %" PRIu64
					    " and returned %d (\"%s\")",
					out, wrong[i], rc, why);
		}
		stress_quiet(b.pool, out, "while objects leave one by one");
		if (out < b.n)
			b.objs[out] = conformance_get(&b, out);
	}
	conformance_put_all(&b);
	conformance_close(&b);
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
				stress_fail("%" PRIu32 " threads got more than the %" PRIu32
					    " objects of the pool",
					run->threads, b.n);
			memcpy(&b.objs[total], &fight.taken[(size_t)i * b.n],
				fight.count[i] * sizeof(void *));
			total += fight.count[i];
		}
		if (total != b.n)
			stress_fail("%" PRIu32 " threads together got %" PRIu32 " of %" PRIu32
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
	struct pool_config config = {.object_bytes = 64,
		.capacity = 100,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};
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
	conformance_get_all(&b);
	conformance_place(b.pool, b.objs, b.n);
	conformance_put_all(&b);
	conformance_close(&b);
}

/*
 * Handles that change hands. Their owner leaves objects cached in them, and some in its hands.
 */

static const struct pool_config conformance_handed_over = {.object_bytes = 64,
	.capacity = 600,
	.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
	.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};

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
		stress_fail("a pool of %" PRIu32 " objects has none for its second thread",
			owner->pool->config.capacity);
	for (uint32_t i = 0; i < CONFORMANCE_HELD; i++)
		ops->put(owner->pool, owner->handle, cached[i]);
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
		stress_fail("a thread on a stack of its own cannot be started");
	pthread_join(id, NULL);
	pthread_attr_destroy(&attributes);
	memory_unmap(stack, CONFORMANCE_STACK_BYTES, MEMORY_PAGES_ORDINARY);

	pool_adopt(b.pool, owner.handle);
	stress_quiet(b.pool, CONFORMANCE_HELD, "after a handle was adopted");
	b.ops->put_bulk(b.pool, owner.handle, owner.held, CONFORMANCE_HELD);
	conformance_churn(b.pool, owner.handle, 1, stress_seed(run->seed, 1));
	b.ops->flush(b.pool, owner.handle);
	b.ops->detach(b.pool, owner.handle);
	stress_flush_all(b.pool, b.self);
	conformance_get_all(&b);
	conformance_place(b.pool, b.objs, b.n);
	conformance_put_all(&b);
	conformance_close(&b);
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
	b.ops->put_bulk(b.pool, owner.handle, owner.held, CONFORMANCE_HELD);
	conformance_churn(b.pool, owner.handle, 1, stress_seed(run->seed, 1));
	b.ops->flush(b.pool, owner.handle);
	pthread_join(id, NULL);
	pthread_barrier_destroy(&owner.meet);
	b.ops->detach(b.pool, owner.handle);
	stress_flush_all(b.pool, b.self);
	conformance_close(&b);
}

/* Whom a clause can be asked of. */
enum conformance_of { OF_ALL, OF_OWNERS, OF_POOLS };

struct conformance_clause {
	void (*hold)(const struct stress *run);
	enum conformance_of of;
	bool threads; /* needs several */
};

static const struct conformance_clause conformance_clauses[] = {
	{refuses_bad_config, OF_ALL, false},
	{refuses_overflow, OF_POOLS, false},
	{survives_memory_faults, OF_ALL, false},
	{lives_without_memory, OF_POOLS, false},
	{places_objects, OF_OWNERS, false},
	{keeps_content, OF_POOLS, false},
	{reaches_capacity, OF_POOLS, false},
	{moves_in_bulk, OF_OWNERS, false},
	{ends_bulk_early, OF_POOLS, false},
	{keeps_pools_apart, OF_OWNERS, false},
	{checks_its_books, OF_POOLS, false},
	{puts_elsewhere, OF_OWNERS, true},
	{divides_capacity, OF_POOLS, true},
	{outlives_threads, OF_OWNERS, true},
	{adopts_from_the_dead, OF_OWNERS, true},
	{adopts_from_the_living, OF_OWNERS, true},
};

static bool conformance_applies(const struct stress *run, const struct conformance_clause *clause)
{
	const struct pool_traits *t = &run->ops->traits;

	if (clause->threads && stress_excuse_one_thread(run->ops, run->threads) != NULL)
		return false;
	return clause->of == OF_ALL || t->kind == POOL_KIND_POOL ||
	       (clause->of == OF_OWNERS && t->kind == POOL_KIND_ALLOCATOR);
}

static const char *conformance_excuse(const struct pool_ops *ops, uint32_t threads)
{
	(void)ops;
	(void)threads;
	return NULL;
}

static void conformance_run(const struct stress *run)
{
	const uint32_t *cpus;
	uint32_t held = 0;

	stress_cpus(&cpus);
	for (size_t i = 0; i < array_count(conformance_clauses); i++) {
		const struct conformance_clause *clause = &conformance_clauses[i];

		if (!conformance_applies(run, clause))
			continue;
		if (!clause->threads)
			stress_pin(cpus[0]);
		clause->hold(run);
		stress_unpin();
		held++;
	}
	stress_note("%" PRIu32 " clauses hold, %zu do not apply", held,
		array_count(conformance_clauses) - held);
}

static const struct scenario scenario_conformance = {
	.name = "conformance",
	.summary = "the contract of alloc/pool.h, clause by clause",
	.excuse = conformance_excuse,
	.run = conformance_run,
};

#endif
