/*
 * `nblbench selftest`: tries the instrument on what is known. Rows that are equal are held against each
 * other while other work runs beside, a slow-down and a change of the machine are injected, and the
 * clocks and the loop are looked at.
 */
#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/command/selftest_checks.h"
#include "bench/command/selftest_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of a trial. Beside busy loops a slice waits until its threads run, which takes long. */
enum {
	SLOWED_FORKS = TRIALS_FORKS_MAX,
	SLOWED_BLOCKS = TRIALS_BLOCKS_MAX,
	EQUAL_FORKS = 12,
	EQUAL_BLOCKS = 2,
};

#define SLOWED 0.05 /* a share of its own time, of the row that is slowed down */

struct request {
	uint64_t seed;
};

static const struct options_entry entries[] = {
	OPTION(COUNT, struct request, seed, "seed", 0, "N", "where all random order comes from", 0,
		INT64_MAX),
};

static const struct options options = {
	.command = "selftest",
	.summary =
		"Tries the instrument on what is known: equal rows beside busy loops, an injected "
		"slow-down, an\ninjected change of the machine, the loop's own cost, the clocks. "
		"Takes one to three minutes.",
	.closing = "Exit status: 0 the instrument can be trusted here; 1 it can't; 2 usage.",
	.count = array_count(entries),
	.entry = entries,
};

static void tell_tally(
	const struct trials_tally *tally, const struct rows *rows, struct finding *out)
{
	snprintf(out->detail, sizeof(out->detail),
		"%s in pair, %" PRIu32
		" thread%s: intervals above 1 %u times, below %u, none %u; called "
		"slower %u times, faster %u; ratio %.3f, half-width %.1f %%; %.0f %% of the blocks "
		"flagged",
		rows->subject.ops->name, rows->cell.shape.threads,
		rows->cell.shape.threads == 1 ? "" : "s", tally->above, tally->below, tally->silent,
		tally->slower, tally->faster, tally->ratio, 100 * tally->half_width,
		100 * tally->flagged);
}

static void fail(struct finding *out, const char *why)
{
	out->outcome = OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "not measured");
	snprintf(out->detail, sizeof(out->detail), "%s", why);
}

/* Equal rows while busy loops run beside. */
static void try_equal(struct rows *rows, uint64_t seed, struct finding *out)
{
	struct beside *loops = beside_loops();
	struct trials_tally tally;

	snprintf(out->wanted, sizeof(out->wanted), "at most %d of %d with a verdict",
		TRIALS_FALSE_MAX, TRIALS);
	if (loops == NULL) {
		fail(out, "there are no threads for the busy loops");
		return;
	}
	const bool measured =
		trials_run(rows_measure, rows, EQUAL_FORKS, EQUAL_BLOCKS, seed, &tally);

	beside_end(loops);
	if (!measured) {
		fail(out, rows->why);
		return;
	}
	out->outcome = trials_are_sound(&tally) ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%u of %d",
		tally.slower + tally.faster + tally.silent, TRIALS);
	tell_tally(&tally, rows, out);
}

static void check_calm(uint64_t seed, struct finding *out)
{
	struct rows rows = rows_of("mag_tls", 1, 0);

	try_equal(&rows, seed, out);
}

static void check_contended(uint64_t seed, struct finding *out)
{
	const uint32_t cpus = options_cpus();
	struct rows rows =
		rows_of("treiber_tag", cpus < ENGINE_THREADS_MAX ? cpus : ENGINE_THREADS_MAX, 0);

	if (cpus > 1) {
		try_equal(&rows, seed, out);
		return;
	}
	out->outcome = OUTCOME_SKIP;
	snprintf(out->figure, sizeof(out->figure), "one CPU, so nothing contends");
}

static void check_slowed(uint64_t seed, struct finding *out)
{
	struct rows rows = rows_of("mag_tls", 1, SLOWED);
	struct trials_tally tally;

	snprintf(out->wanted, sizeof(out->wanted), "%.0f %% found %d of %d times", 100 * SLOWED,
		TRIALS_FOUND_MIN, TRIALS);
	if (!trials_run(rows_measure, &rows, SLOWED_FORKS, SLOWED_BLOCKS, seed, &tally)) {
		fail(out, rows.why);
		return;
	}
	out->outcome = trials_find(&tally) ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%u of %d", tally.above, TRIALS);
	tell_tally(&tally, &rows, out);
}

#define LOOP_NS_MAX 0.05

static void check_loop(struct finding *out)
{
	char why[ENGINE_REASON_BYTES];
	double loop_ns, cost_ns;

	snprintf(out->wanted, sizeof(out->wanted), "at most %.2f ns", LOOP_NS_MAX);
	if (!rows_loop_cost(&loop_ns, &cost_ns, why)) {
		fail(out, why);
		return;
	}
	out->outcome = cost_ns <= LOOP_NS_MAX ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%.3f ns", cost_ns);
	snprintf(out->detail, sizeof(out->detail),
		"a loop written by hand takes %.3f ns of CPU time a round in the engine, %.3f by "
		"itself",
		loop_ns + cost_ns, loop_ns);
}

/* Those that draw random numbers have trials, the others don't. */
static const struct check {
	const char *name;
	void (*look)(struct finding *out);
	void (*try)(uint64_t seed, struct finding *out);
} checks[] = {
	{.name = "clock", .look = selftest_clock},
	{.name = "clocks of the CPUs", .look = selftest_offsets},
	{.name = "hand-over between CPUs", .look = selftest_hand_over},
	{.name = "loop's own cost", .look = check_loop},
	{.name = "change of the machine", .look = selftest_change},
	{.name = "slow-down", .try = check_slowed},
	{.name = "equal rows, calm", .try = check_calm},
	{.name = "equal rows, contended", .try = check_contended},
};

static int selftest_run(int argc, char **argv)
{
	static const char *const words[] = {
		[OUTCOME_PASS] = "pass", [OUTCOME_FAIL] = "FAIL", [OUTCOME_SKIP] = "left out"};
	struct request request = {.seed = 1};
	int operand, status;
	unsigned failed = 0;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	printf("Seed %" PRIu64
	       ". A trial has %d forks of %d blocks, or %d of %d beside busy loops; a fork "
	       "is a pair of pools opened anew in this process.\n\n%-24s %-28s %-30s %s\n",
		request.seed, SLOWED_FORKS, SLOWED_BLOCKS, EQUAL_FORKS, EQUAL_BLOCKS, "check",
		"figure", "wanted", "result");
	for (size_t i = 0; i < array_count(checks); i++) {
		const struct check *check = &checks[i];
		struct finding found = {0};

		fflush(stdout);
		if (check->look != NULL)
			check->look(&found);
		else
			check->try(request.seed, &found);
		printf("%-24s %-28s %-30s %s\n", check->name, found.figure, found.wanted,
			words[found.outcome]);
		if (found.detail[0] != '\0')
			printf("    %s\n", found.detail);
		failed += found.outcome == OUTCOME_FAIL;
	}
	if (failed == 0)
		printf("\nThe instrument can be trusted here.\n");
	else
		printf("\nThe instrument can't be trusted here: %u check%s failed.\n", failed,
			failed == 1 ? "" : "s");
	return failed == 0 ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_selftest = {
	.name = "selftest",
	.summary = "try the instrument on what is known",
	.run = selftest_run,
};
