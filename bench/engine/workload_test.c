/* What single workloads do, apart from what engine_test.c asks of all. Nothing is timed. */
#include "bench/workload.h"

#include "alloc/machine/cmocka.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/workload/exhaustion.h"
#include "bench/workload/fill_load.h"
#include "bench/workload/migration.h"

#include <sched.h>

static struct workload_case case_of(const char *pool, const char *workload)
{
	struct workload_case subject;

	assert_true(instance_find(pool, INSTANCE_FOLDED, workload, &subject));
	return subject;
}

/* Its thread gets on one CPU what it puts on another, and is at home again when it leaves. */
static void a_migrant_moves_on(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", "migration");
	const struct workload_cell shape = {.threads = 1, .burst = 1, .depth = 1, .seed = 1};
	const struct pool_config config = {
		.object_bytes = 64, .capacity = engine_capacity(subject.workload, &shape)};
	struct workload_thread t = {.cell = &shape};
	struct pool *pool;
	cpu_set_t before, after;
	int cpu = -1;

	assert_int_equal(pool_create(subject.ops, &config, &pool), 0);
	assert_int_equal(subject.ops->attach(pool, &t.self), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(subject.workload->open(subject.ops, pool, &shape, &t.shared), 0);
	assert_int_equal(subject.workload->enter(subject.ops, pool, &t), 0);
	const uint32_t cpus = ((struct migration *)t.shared)->cpus;
	assert_int_equal(cpus, CPU_COUNT(&before));
	for (int move = 0; move < 4; move++) {
		assert_int_equal(subject.run(pool, &t, MIGRATION_BURSTS),
			MIGRATION_BURSTS * MIGRATION_BURST);
		assert_int_equal(sched_getcpu() != cpu, move == 0 || cpus > 1);
		cpu = sched_getcpu();
		assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
		assert_int_equal(CPU_COUNT(&after), 1);
	}
	subject.workload->leave(subject.ops, pool, &t);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	subject.workload->close(subject.ops, pool, &shape, t.shared);
	assert_int_equal(t.failed, 0);
	subject.ops->flush(pool, t.self);
	subject.ops->detach(pool, t.self);
	assert_int_equal(subject.ops->count(pool), config.capacity);
	pool_destroy(pool);
}

/* That it is moved is no flag of its slices. */
static void a_migrant_is_not_disturbed_by_that(NO_STATE)
{
	const struct workload_case subject = case_of("rseq_arr", "migration");
	const struct engine_cell cell = {
		.shape = {.threads = 1, .burst = 1, .depth = 1, .seed = 1}, .object_bytes = 64};
	struct engine_closing closing;
	struct engine_slice slice;
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];

	assert_int_equal(engine_open(&subject, &cell, &engine, why), 0);
	for (int i = 0; i < 8; i++) {
		engine_slice(engine, 1000000, 0, &slice);
		assert_int_equal(slice.flags & (ENGINE_MIGRATED | ENGINE_NIVCSW), 0);
		assert_false(slice.scarcity.known);
	}
	engine_close(engine, &closing);
	assert_int_equal(closing.count, closing.expected);
}

/* One thread that wants more than there is: what it finds and finds not can be said beforehand. */
static void scarcity_is_counted(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", "exhaust_110");
	const struct workload_cell shape = {.threads = 1, .burst = 1, .depth = 1, .seed = 1};
	const struct pool_config config = {.object_bytes = 64, .capacity = HELD_OBJECTS};
	struct workload_thread t = {.cell = &shape};
	struct pool *pool;

	assert_int_equal(pool_create(subject.ops, &config, &pool), 0);
	assert_int_equal(subject.ops->attach(pool, &t.self), 0);
	assert_int_equal(subject.workload->open(subject.ops, pool, &shape, &t.shared), 0);
	assert_int_equal(subject.workload->enter(subject.ops, pool, &t), 0);
	/* All, then a swing each time, and none behind either: every spell is one get long. */
	assert_int_equal(subject.run(pool, &t, 2 * HELD_OBJECTS), HELD_OBJECTS);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(t.scarcity.none, i);
		assert_int_equal(t.scarcity.spells, i);
		assert_int_equal(t.scarcity.stranded_most, 0);
		assert_int_equal(subject.run(pool, &t, 2 * HELD_OBJECTS), HELD_SWING);
	}
	/* Another one has objects of the pool but says so: its own are no stranded ones. */
	struct exhaustion_count *count = t.shared;
	const uint64_t got = atom_load_relaxed(&count->got);

	exhaustion_note(&t, got, 7);
	exhaustion_note(&t, got, 5);
	assert_int_equal(t.scarcity.none, 6);
	assert_int_equal(t.scarcity.spells, 4); /* nothing was found between */
	assert_int_equal(t.scarcity.stranded, 12);
	assert_int_equal(t.scarcity.stranded_most, 7);
	subject.workload->leave(subject.ops, pool, &t);
	subject.workload->close(subject.ops, pool, &shape, t.shared);
	subject.ops->detach(pool, t.self);
	assert_int_equal(t.failed, 0);
	pool_destroy(pool);
}

/* The slice has them of all threads. */
static void a_slice_has_scarcity(NO_STATE)
{
	const struct workload_case subject = case_of("mutex", "exhaust_200");
	const struct engine_cell cell = {
		.shape = {.threads = 2, .burst = 1, .depth = 1, .seed = 1}, .object_bytes = 64};
	struct engine_slice slice = {0};
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];

	assert_int_equal(engine_open(&subject, &cell, &engine, why), 0);
	while (slice.scarcity.sum.none == 0) {
		engine_slice(engine, 1000000, 0, &slice);
		assert_true(slice.scarcity.known);
		assert_in_range(
			slice.scarcity.worst, slice.scarcity.sum.none / 2, slice.scarcity.sum.none);
		assert_true(slice.scarcity.sum.spells <= slice.scarcity.sum.none);
	}
	engine_close(engine, NULL);
}

static void fill_outgrows_the_last_cache(NO_STATE)
{
	static const uint64_t mib = 1 << 20, gib = 1 << 30;

	assert_int_equal(fill_objects(0, 0, 1), FILL_OBJECTS_LEAST);
	assert_int_equal(fill_objects(1 * mib, 16 * gib, 1), FILL_OBJECTS_LEAST);
	assert_int_equal(fill_objects(12 * mib, 16 * gib, 1), 24 * mib / FILL_OBJECT_BYTES);
	assert_int_equal(fill_objects(32 * mib, 64 * gib, 4), 16 * mib / FILL_OBJECT_BYTES);
	assert_int_equal(fill_objects(500 * mib, 64 * gib, 2), FILL_OBJECTS_MOST);
	/* A 64th of memory is less than the cache wants. */
	assert_int_equal(fill_objects(500 * mib, 1 * gib, 1), 16 * mib / FILL_OBJECT_BYTES);
	assert_int_equal(fill_objects(500 * mib, 1 * gib, 64), FILL_OBJECTS_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_migrant_moves_on),
		cmocka_unit_test(a_migrant_is_not_disturbed_by_that),
		cmocka_unit_test(scarcity_is_counted),
		cmocka_unit_test(a_slice_has_scarcity),
		cmocka_unit_test(fill_outgrows_the_last_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
