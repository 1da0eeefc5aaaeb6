/*
 * Budgets have a floor: where a run's time is over before it has begun, as on a busy machine, each scenario
 * still makes the operations that it is to make.
 */
#include "alloc/machine/cmocka.h"
#include "stress/base/child.h"
#include "stress/base/record.h"
#include "stress/stress.h"

#include <inttypes.h>
#include <string.h>

enum { THREADS = 4, LEAST = 40000 / STRESS_SLOWDOWN, LIMIT_S = 600 };

struct attempt {
	const struct pool_ops *ops;
	const struct scenario *scenario;
};

static void play(const void *arg)
{
	const struct attempt *attempt = arg;
	const struct stress run = {.ops = attempt->ops,
		.seed = 1,
		.threads = THREADS,
		.end_ns = stress_now_ns(),
		.rounds = 1,
		.operations = LEAST,
		.slowdown = 1};

	attempt->scenario->run(&run);
	if (record_operations() < LEAST)
		stress_fail(PROMISE_NONE, "it made %" PRIu64 " operations of %d",
			record_operations(), LEAST);
}

/* The first of the list that the scenario takes, and that a thread does not wait in. */
static const struct pool_ops *first_pool(const struct scenario *scenario)
{
	char reason[POOL_REASON_BYTES];

	for (size_t i = 0; pools[i] != NULL; i++) {
		if (pools[i]->traits.progress == POOL_LOCK_FREE && pools[i]->supported(reason) &&
			scenario->excuse(pools[i], THREADS) == NULL)
			return pools[i];
	}
	return NULL;
}

static void each_scenario_reaches_its_floor(NO_STATE)
{
	static struct child child;
	uint32_t played = 0;

	for (size_t i = 0; scenarios[i] != NULL; i++) {
		struct attempt attempt = {first_pool(scenarios[i]), scenarios[i]};

		/* The clauses of the one have an end of their own; the other has a number of threads. */
		if (strcmp(scenarios[i]->name, "conformance") == 0 ||
			strcmp(scenarios[i]->name, "crowd") == 0)
			continue;
		if (attempt.ops == NULL) {
			print_message("skipped: no strategy here takes %s\n", scenarios[i]->name);
			continue;
		}
		assert_int_equal(child_run(play, &attempt, LIMIT_S, &child), 0);
		if (child.end != CHILD_PASSED)
			fail_msg("%s over %s: %s", scenarios[i]->name, attempt.ops->name,
				child.sentence);
		played++;
	}
	assert_true(played > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_scenario_reaches_its_floor)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
