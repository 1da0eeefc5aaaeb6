/*
 * conformance: the contract of alloc/pool.h, clause by clause, on one thread and then on many.
 *
 * Each clause is a function of conformance/ that makes its own pools; the table here says which kinds
 * it can be asked of. Single-threaded clauses run bound to one CPU, so that caches which belong to CPUs
 * are all within reach and "as many as the capacity" holds for every pool.
 */
#ifndef STRESS_SCENARIO_CONFORMANCE_H
#define STRESS_SCENARIO_CONFORMANCE_H

#include "stress/scenario/conformance/creation.h"
#include "stress/scenario/conformance/objects.h"
#include "stress/scenario/conformance/threads.h"

/* Whom a clause can be asked of. */
enum conformance_of { OF_ALL, OF_OWNERS, OF_POOLS, OF_PREFILLED };

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
	{promises_without_memory, OF_PREFILLED, false},
	{places_objects, OF_OWNERS, false},
	{keeps_content, OF_POOLS, false},
	{reaches_capacity, OF_POOLS, false},
	{moves_in_bulk, OF_OWNERS, false},
	{ends_bulk_early, OF_POOLS, false},
	{keeps_pools_apart, OF_OWNERS, false},
	{keeps_promises, OF_PREFILLED, false},
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
	if (clause->of == OF_PREFILLED)
		return run->ops->prefill != NULL;
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
