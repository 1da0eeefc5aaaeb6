/* Clauses on what creates a pool: what it refuses, and life without memory. */
#ifndef STRESS_SCENARIO_CONFORMANCE_CREATION_H
#define STRESS_SCENARIO_CONFORMANCE_CREATION_H

#include "stress/scenario/conformance/fixture.h"

#include <errno.h>

/* pool_create of this is answered by an error, and leaves nothing behind. */
static void conformance_refuse(
	const struct stress *run, const char *what, const struct pool_config *config, int error)
{
	const uint64_t baseline = memory_live_bytes();
	struct pool *out;

	memset(&out, CONFORMANCE_SENTINEL, sizeof(out));
	struct pool *const before = out;
	int rc = pool_create(run->ops, config, &out);
	if (rc != error)
		stress_fail(PROMISE_MADE, "pool_create of %s returned %d, not %d (%s)", what, rc,
			error, strerror(-error));
	if (out != before || memory_live_bytes() != baseline)
		stress_fail(PROMISE_MADE, "pool_create refused %s and left traces", what);
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
		{"magazines that shrink", {.object_bytes = 64,
						  .capacity = 8,
						  .magazine_objects = 136,
						  .magazine_objects_most = 8}},
		{"magazines that grow by half a step", {.object_bytes = 64,
							       .capacity = 8,
							       .magazine_objects = 8,
							       .magazine_objects_most = 72}},
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

	for (size_t i = 0; i < array_count(bad); i++)
		conformance_refuse(run, bad[i].what, &bad[i].config, -EINVAL);
}

static void refuses_overflow(const struct stress *run)
{
	const struct pool_config config = {
		.object_bytes = POOL_OBJECT_BYTES_MAX, .capacity = UINT32_MAX};

	conformance_refuse(run, "2^32 - 1 objects of 1 MiB", &config, -EOVERFLOW);
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
				stress_fail(PROMISE_UNFED, "attach failed and wrote to *out");
			if (rc == 0)
				run->ops->detach(pool, self);
			pool_destroy(pool);
		} else if (pool != NULL) {
			stress_fail(PROMISE_UNFED, "pool_create failed and wrote to *out");
		}
		memory_set_fault_hook(NULL, NULL);
		if (rc != 0 && rc != -ENOMEM)
			stress_fail(PROMISE_UNFED,
				"without memory at request %" PRIu32
				", creation returned %d, not -ENOMEM",
				faults + 1, rc);
		if (rc != 0 && fault.failed == 0)
			stress_fail(PROMISE_UNFED,
				"creation returned -ENOMEM and no request had failed");
		if (memory_live_bytes() != baseline)
			stress_fail(PROMISE_GIVEN_BACK,
				"failing at request %" PRIu32 ", creation leaks %" PRId64 " bytes",
				faults + 1, (int64_t)(memory_live_bytes() - baseline));
		if (++faults == CONFORMANCE_FAULTS_MAX)
			stress_fail(PROMISE_UNFED, "creation still fails with %d requests granted",
				faults);
	}
}

/* Objects are set aside, or no memory was to be had for that, and then as many are as before: none. */
static void promises_without_memory(const struct stress *run)
{
	const struct pool_config config = CONFORMANCE_SMALL_CACHES(100);
	struct conformance_fault fault;
	uint32_t faults = 0;
	int rc;

	do {
		struct conformance_bench b = conformance_open(run, &config);
		struct pool_thread *other = stress_attach(b.pool);

		fault = (struct conformance_fault){.pass = faults};
		memory_set_fault_hook(conformance_fault, &fault);
		rc = b.ops->prefill(b.pool, b.self, POOL_MAGAZINE_OBJECTS_MIN);
		memory_set_fault_hook(NULL, NULL);
		if (rc != (fault.failed != 0 ? -ENOMEM : 0))
			stress_fail(PROMISE_UNFED,
				"without memory at request %" PRIu32
				", prefill returned %d with %" PRIu32 " requests refused",
				faults + 1, rc, fault.failed);
		const uint32_t aside = rc == 0 ? POOL_MAGAZINE_OBJECTS_MIN : 0;
		const uint32_t got = stress_drain(b.pool, other, b.objs, b.n);
		if (got + aside != b.n)
			stress_fail(PROMISE_SET_ASIDE,
				"after a prefill that returned %d another handle got %" PRIu32
				" of %" PRIu32 " objects",
				rc, got, b.n);
		for (uint32_t i = 0; i < got; i++)
			b.ops->put(b.pool, other, b.objs[i]);
		b.ops->detach(b.pool, other);
		conformance_close(&b);
		if (++faults == CONFORMANCE_FAULTS_MAX)
			stress_fail(PROMISE_UNFED, "prefill still fails with %d requests granted",
				faults);
	} while (rc != 0);
}

/* Memory may run out in mid-life: get may then answer NULL, put works, and nothing is lost. */
static void lives_without_memory(const struct stress *run)
{
	struct pool_config config = CONFORMANCE_SMALL_CACHES(300);

	for (uint32_t pass = 0; pass < 8; pass++) {
		struct conformance_bench b = conformance_open(run, &config);
		struct conformance_fault fault = {.pass = pass};
		uint32_t got = 0;

		memory_set_fault_hook(conformance_fault, &fault);
		while (got < b.n && (b.objs[got] = b.ops->get(b.pool, b.self)) != NULL)
			got++;
		if (fault.failed == 0 && got != b.n)
			stress_fail(PROMISE_NONE_LOST,
				"get answered NULL after %" PRIu32 " of %" PRIu32
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

#endif
