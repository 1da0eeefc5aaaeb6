/*
 * nblbench-progress: holds every pool that calls itself lock-free to it, see freezer.h. Of the options
 * of `nblbench stress` it heeds --pool, --record, --seed and --seconds: with less than a second it tries so large a part
 * of the boundaries.
 *
 * Pools whose traits say blocking are examined too and may do either. Some are known to block, and each call has a
 * control that hides a lock in it: that they are found shows that the freezer sees what it looks for.
 */
#include "stress/base/child.h"
#include "stress/base/evidence.h"
#include "stress/options.h"
#include "stress/progress/coverage.h"
#include "stress/progress/documented.h"
#include "stress/progress/freezer.h"
#include "stress/progress/hides_a_lock.h"
#include "stress/progress/locks_a_retry.h"
#include "stress/progress/pairs.h"
#include "stress/progress/takes_too_much.h"
#include "stress/progress/tolerates_one.h"
#include "stress/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct child last; /* examined */
static FILE *record;      /* NULL: nobody reads it */

/* What controls are made of: it has runs. */
#define WITH_EVERY_CALL "mag_tls"

enum { LIMIT_S = 300 }; /* a pool takes a minute; a loaded machine, minutes */

static struct freezer_place *place; /* shared with who is examined */
static const struct options *asked;
static uint32_t one_in; /* boundaries that is tried */
static bool walks;      /* it is wanted where the calls of a pool go that blocks */

static void examine_body(const void *arg)
{
	const struct stress run = {.ops = arg, .seed = stress_seed(asked->seed, 0), .threads = 2};

	freezer_run(&run, one_in, walks, place);
}

/* What stress_fail's sentence does not tell. */
static void print_place(void)
{
	if (place->mode != NULL)
		printf("  a thread was stopped after %" PRIu32
		       " instructions of %s, at nblbench-progress(+0x%" PRIxPTR "), %s\n",
			place->boundary, actor_call_names[place->call], place->offset, place->mode);
}

/* reach: coverage_take's; 0: it is not asked for. */
static void note(const char *pool, enum trust_verdict verdict, double seconds, double reach,
	const char *sentence)
{
	struct trust_run run = {
		.verdict = verdict, .seed = asked->seed, .seconds = seconds, .reach = reach};

	snprintf(run.pool, sizeof(run.pool), "%s", pool);
	snprintf(run.scenario, sizeof(run.scenario), "freezer");
	snprintf(run.sentence, sizeof(run.sentence), "%s", sentence);
	trust_record(record, &run);
}

/*
 * Prints the line and returns how it ended; *found: it failed with this sign in its sentence, and the line says
 * if_found.
 */
static enum child_end examine(
	const struct pool_ops *ops, const char *sign, const char *if_found, bool *found)
{
	*place = (struct freezer_place){0};
	int rc = child_run(examine_body, ops, LIMIT_S, &last);

	if (rc != 0) {
		fprintf(stderr, "nblbench-progress: cannot start a process: %s\n", strerror(-rc));
		exit(EXIT_FAILURE);
	}
	*found = last.end == CHILD_FAILED && strstr(last.sentence, sign) != NULL;
	const char *verdict = last.end == CHILD_SKIPPED ? "skipped" : "FAILED";
	if (last.end == CHILD_PASSED)
		verdict = "ok";
	else if (*found)
		verdict = if_found;
	printf("%-8s %-18s %-10s %s (%.1f s)\n", verdict, ops->name,
		pool_progress_name(ops->traits.progress), last.sentence, last.seconds);
	if (strcmp(verdict, "FAILED") == 0) {
		if (pool_find(ops->name) != NULL) {
			fputs("  again: ", stdout);
			options_print_quoted(asked->program);
			printf(" --pool %s --seconds %g --seed %" PRIu64 "\n", ops->name,
				asked->seconds, asked->seed);
		}
		print_place();
		evidence_print(stdout, "", last.output);
	}
	fflush(stdout);
	return last.end;
}

/* What a verdict on a pool is to who started this layer. */
static enum trust_verdict verdict_of(enum child_end end, bool excused)
{
	if (end == CHILD_SKIPPED)
		return TRUST_SKIPPED;
	return end == CHILD_PASSED || excused ? TRUST_OK : TRUST_FAILED;
}

/* Pools of ours that block: who passes them is blind. */
static bool must_block(const char *pool)
{
	static const char *const names[] = {"mutex", "ticket", "vyukov"};

	for (size_t i = 0; i < array_count(names); i++) {
		if (strcmp(names[i], pool) == 0)
			return true;
	}
	return false;
}

/* A control has to fail with its sign; 1 if it does not. */
static int missed(const struct pool_ops *ops, const char *sign)
{
	bool caught;

	examine(ops, sign, "caught", &caught);
	note(ops->name, caught ? TRUST_CAUGHT : TRUST_MISSED, last.seconds, 0, last.sentence);
	if (!caught)
		printf("the freezer is blind: it did not find what is wrong with %s\n", ops->name);
	return !caught;
}

/*
 * The documented calls over one strategy with restartable sequences, which has the short way of the calls
 * (alloc/ndis/usual.h), and over one without. Returns how many of the chosen keep another waiting.
 */
static int examine_documented(const struct options *options)
{
	const struct pool_ops *const over[] = {pool_best(), pool_find(WITH_EVERY_CALL)};
	char reason[POOL_REASON_BYTES];
	int failed = 0;

	for (size_t i = 0; i < array_count(over); i++) {
		bool blocked;

		if (!options_chosen(&options->pools, over[i]->name) || !over[i]->supported(reason))
			continue;
		const struct pool_ops *ops = documented_calls(over[i]);
		const enum child_end end = examine(ops, FREEZER_BLOCKED, "FAILED", &blocked);
		note(over[i]->name, verdict_of(end, false), last.seconds, coverage_take(ops->name),
			last.sentence);
		failed += end == CHILD_FAILED;
	}
	return failed;
}

/* A lock in each call or beneath the documented ones, and those that die with too much. Returns how many are not found. */
static int missed_controls(void)
{
	int count = missed(&takes_too_much_ops, FREEZER_TOOK);

	count += missed(&says_too_little_ops, FREEZER_TOOK);
	count += missed(&tolerates_one_ops, PAIRS_BLOCKED);
	count += missed(&locks_a_retry_ops, FREEZER_BLOCKED);
	count += missed(documented_calls(pool_find("mutex")), FREEZER_BLOCKED);

	for (int call = 0; call < ACTOR_CALLS; call++) {
		const struct pool_ops *ops =
			hides_a_lock(pool_find(WITH_EVERY_CALL), (enum actor_call)call);

		if (ops != NULL)
			count += missed(ops, FREEZER_BLOCKED);
	}
	return count;
}

int main(int argc, char **argv)
{
	const struct options options = options_parse(argc, argv);
	char reason[POOL_REASON_BYTES];
	bool blocked;
	int failed = 0;
	int examined = 0;

	place = mmap(
		NULL, sizeof(*place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED)
		stress_fail("mmap: %s", strerror(errno));
	coverage_prepare();
	asked = &options;
	one_in = options.seconds < 1 ? (uint32_t)lround(1 / options.seconds) : 1;
	if (options.scenarios.count != 0)
		puts("the freezer has a script of its own; --scenario chooses nothing of it");
	if (options.record != NULL && (record = fopen(options.record, "w")) == NULL) {
		fprintf(stderr, "nblbench-progress: cannot write %s: %s\n", options.record,
			strerror(errno));
		return EXIT_FAILURE;
	}
	trust_record_build(record, "native, stepped");
	if (options.scenarios.count != 0)
		return CHILD_STATUS_SKIPPED;

	printf("seed %" PRIu64 ", ", options.seed);
	if (one_in == 1)
		puts("each boundary");
	else
		printf("one boundary of %" PRIu32 " (--seconds %g)\n", one_in, options.seconds);
	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];
		const char *excuse = stress_excuse_one_thread(ops, 2);

		if (!options_chosen(&options.pools, ops->name))
			continue;

		if (!ops->supported(reason))
			excuse = reason;
		else if (ops->traits.kind == POOL_KIND_ALLOCATOR && ops->traits.paths == 0)
			excuse = "it is no pool of ours, and promises nothing";
		if (excuse != NULL) {
			printf("%-8s %-18s %s\n", "skipped", ops->name, excuse);
			note(ops->name, TRUST_SKIPPED, 0, 0, excuse);
			continue;
		}
		bool may_block = ops->traits.progress == POOL_BLOCKING;
		walks = may_block;
		enum child_end end =
			examine(ops, FREEZER_BLOCKED, may_block ? "blocks" : "FAILED", &blocked);
		examined++;
		note(ops->name, verdict_of(end, blocked && may_block), last.seconds,
			coverage_take(ops->name), last.sentence);
		if (end == CHILD_SKIPPED)
			return CHILD_STATUS_SKIPPED; /* nothing can be stepped here */
		failed += end == CHILD_FAILED && !(blocked && may_block);
		if (!blocked && must_block(ops->name)) {
			printf("the freezer is blind: it did not find that %s blocks\n", ops->name);
			failed++;
		}
	}
	walks = false;
	if (examined == 0)
		return CHILD_STATUS_SKIPPED;
	failed += examine_documented(&options);
	coverage_print();
	return failed + missed_controls() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
