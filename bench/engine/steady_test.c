/*
 * Steady state of the drivers' profiles: a million packets through the body of every workload that
 * pushes contexts, under every policy, and through every other one over NBLs under the policy that
 * it runs with. After a warm-up no policy that keeps what it has may ask the C library for memory;
 * `malloc` and `mtag`, which keep nothing, are the negative control: where they do not allocate, the
 * profile would prove nothing.
 *
 * The bodies are those that sweeps measure, lanes of two threads included. Bodies never wait, so one
 * thread runs the two sides in turn, and the figures are exact and the same each time.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/nbl/nbl.h"
#include "bench/engine/instances.h"
#include "bench/workload.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

enum {
	LANE_THREADS_MAX = 2,
	PACKETS = debug_build ? 100000 : 1000000, /* debug and sanitized builds are slow */
	/* Each NBL of a profile several times over, and all of adaptive's windows (256 to 4096). */
	WARM_UP = 20000,
	BURST = 32,
	DEPTH = 8,
	ROUNDS = 16, /* in one call of a body */
	CAPACITY = 1 << 13,
};

struct run {
	struct workload_case subject;
	struct workload_cell cell;
	struct pool *pool;
	void *shared;
	struct workload_thread thread[LANE_THREADS_MAX];
};

/* How often any policy of any NBL pool has asked for memory. The only pools are the workload's. */
static uint64_t allocations(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NBL_POOLS_MAX; i++) {
		for (struct nbl_thread *t = nbl_pools[i].threads; t != NULL; t = t->next) {
			if (t->context_thread != NULL)
				sum += t->context_thread->paths.allocate;
		}
	}
	return sum;
}

static void begin(struct run *run, const char *subject, const char *name)
{
	const struct pool_config config = {.object_bytes = CACHE_LINE_BYTES, .capacity = CAPACITY};

	memset(run, 0, sizeof(*run));
	assert_true(instance_find(subject, INSTANCE_FOLDED, name, &run->subject));
	/* The row's own table, which makes pools with the row's policy. */
	const struct workload *workload = run->subject.workload;
	const struct pool_ops *ops = run->subject.ops;
	assert_in_range(workload->lane_threads, 1, LANE_THREADS_MAX);
	run->cell = (struct workload_cell){
		.threads = workload->lane_threads, .burst = BURST, .depth = DEPTH, .seed = 1};
	assert_int_equal(workload->create(ops, &config, &run->cell, &run->shared, &run->pool), 0);
	for (uint32_t i = 0; i < workload->lane_threads; i++) {
		run->thread[i] = (struct workload_thread){
			.cell = &run->cell, .index = i, .shared = run->shared};
		assert_int_equal(workload->enter(ops, run->pool, &run->thread[i]), 0);
	}
}

static void end(struct run *run)
{
	const struct workload *workload = run->subject.workload;

	for (uint32_t i = 0; i < workload->lane_threads; i++) {
		assert_int_equal(run->thread[i].failed, 0);
		workload->leave(run->subject.ops, run->pool, &run->thread[i]);
	}
	workload->destroy(&run->cell, run->shared);
	assert_int_equal(memory_live_bytes(), 0);
}

/* Lets so many packets through: what the last thread of a lane has done counts. */
static void pass(struct run *run, uint64_t packets)
{
	const struct workload *workload = run->subject.workload;
	const uint64_t each = workload->axes & WORKLOAD_DEPTH ? DEPTH : 1; /* contexts a packet */
	uint64_t units = 0;

	while (units < packets * each) {
		uint64_t done = 0;

		for (uint32_t i = 0; i < workload->lane_threads; i++)
			done = run->subject.run(run->pool, &run->thread[i], ROUNDS);
		assert_true(done > 0);
		units += done;
	}
}

static uint64_t steady_allocations(const char *subject, const struct workload *workload)
{
	struct run run;

	begin(&run, subject, workload->name);
	pass(&run, WARM_UP);
	uint64_t before = allocations();
	pass(&run, PACKETS);
	uint64_t after = allocations();
	end(&run);
	print_message("[ STEADY   ] %s, %s: %" PRIu64 " allocations in %d packets\n",
		workload->name, subject, after - before, PACKETS);
	return after - before;
}

static bool pushes(const struct workload *workload)
{
	return (workload->axes & WORKLOAD_CONTEXT) != 0;
}

static bool keeps_nothing(const struct context_ops *policy)
{
	return policy == context_find("malloc") || policy == context_find("mtag");
}

static void policies_that_keep_do_not_allocate(NO_STATE)
{
	int found = 0;

	for (size_t w = 0; workloads[w] != NULL; w++) {
		for (size_t p = 0; pushes(workloads[w]) && contexts[p] != NULL; p++) {
			char subject[64];

			if (keeps_nothing(contexts[p]))
				continue;
			snprintf(subject, sizeof(subject), "%s+%s", instance_context_pool,
				contexts[p]->name);
			assert_int_equal(steady_allocations(subject, workloads[w]), 0);
			found++;
		}
	}
	assert_true(found > 0);
}

/* mtag allocates at every push; malloc wherever the front block has no room. */
static void policies_that_keep_nothing_allocate(NO_STATE)
{
	for (size_t w = 0; workloads[w] != NULL; w++) {
		for (size_t p = 0; pushes(workloads[w]) && contexts[p] != NULL; p++) {
			const bool room = strcmp(workloads[w]->name, "ctx_room") == 0 ||
					  strcmp(workloads[w]->name, "ctx_call") == 0;
			char subject[64];

			if (!keeps_nothing(contexts[p]))
				continue;
			snprintf(subject, sizeof(subject), "%s+%s", instance_context_pool,
				contexts[p]->name);
			uint64_t made = steady_allocations(subject, workloads[w]);
			if (room && !contexts[p]->traits.any_order)
				assert_int_equal(made, 0);
			else
				assert_true(made >= PACKETS);
		}
	}
}

/* Profiles that push nothing take what context they have from the pool's own block. */
static void profiles_without_pushes_do_not_allocate(NO_STATE)
{
	for (size_t w = 0; workloads[w] != NULL; w++) {
		if (workloads[w]->create != NULL && !pushes(workloads[w]))
			assert_int_equal(
				steady_allocations(instance_context_pool, workloads[w]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_that_keep_do_not_allocate),
		cmocka_unit_test(policies_that_keep_nothing_allocate),
		cmocka_unit_test(profiles_without_pushes_do_not_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
