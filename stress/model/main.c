/*
 * nblbench-model: explores the interleavings of every pool in small scenarios (scenario.h).
 *
 * A pool passes when no execution within the bounds fails. What failed is told with its sentence, its
 * steps, and a string that repeats it. The negative controls whose mistakes an explorer has to find
 * are explored as well, and must fail.
 */
#include "stress/model/broken.h"
#include "stress/model/command_line.h"
#include "stress/model/scenario.h"
#include "stress/model/sites.h"
#include "stress/model/trace.h"
#include "stress/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SCENARIOS_LEAST = 18 }; /* a strategy: fewer have shown little */
enum { PART_BYTES = 1 << 16, GOLDEN_BYTES = 1 << 17 };

struct tally {
	uint32_t ok, failed, caught, missed, skipped, cut;
	uint64_t executions, steps;
};

/*
 * How many executions each scenario of a pool has within the bounds of the test: a strategy that goes
 * round the seam, or an explorer that forgets a choice, has fewer.
 */

static char golden[GOLDEN_BYTES];

static void read_golden(const char *path)
{
	FILE *file = fopen(path, "r");

	if (file == NULL)
		options_usage_error("--golden %s cannot be read: %s", path, strerror(errno));
	size_t got = fread(golden + 1, 1, sizeof(golden) - 2, file);
	golden[0] = '\n';
	golden[got + 1] = '\0';
	fclose(file);
}

/* "pool scenario executions steps" */
static const char *count_line(const struct pool_ops *ops, const struct model_scenario *scenario,
	const struct model_result *result)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s %s %" PRIu64 " executions %" PRIu64 " steps", ops->name,
		scenario->name, result->executions, result->steps);
	return text;
}

static bool is_golden(const char *text)
{
	char wanted[168];

	snprintf(wanted, sizeof(wanted), "\n%s\n", text);
	return strstr(golden, wanted) != NULL;
}

/*
 * A path as a string: "pool/scenario/switches.stale.faults.together/build/at.taken,at.taken". The build is there because
 * numbers of decisions mean nothing to another one.
 */

/* FNV-1a over the program. */
static uint32_t build_hash(void)
{
	static unsigned char part[PART_BYTES];
	FILE *self = fopen("/proc/self/exe", "rb");
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t got;

	while (self != NULL && (got = fread(part, 1, sizeof(part), self)) != 0) {
		for (size_t i = 0; i < got; i++)
			h = (h ^ part[i]) * UINT64_C(0x100000001b3);
	}
	if (self != NULL)
		fclose(self);
	return (uint32_t)(h ^ h >> 32);
}

static void print_path(const struct pool_ops *ops, const struct model_scenario *scenario,
	const struct model_bounds *bounds, const struct model_path *path)
{
	printf("         again: ./nblbench stress --replay %s/%s/%" PRIu32 ".%" PRIu32 ".%" PRIu32
	       ".%" PRIu32 "/%08" PRIx32 "/",
		ops->name, scenario->name, bounds->most[MODEL_SWITCHES], bounds->most[MODEL_STALE],
		bounds->most[MODEL_FAULTS], bounds->together, build_hash());
	for (uint32_t i = 0; i < path->count; i++)
		printf("%s%" PRIu32 ".%" PRIu32, i == 0 ? "" : ",", path->step[i].at,
			path->step[i].taken);
	putchar('\n');
}

/* Of random executions, which the seed repeats, however long their paths are. */
static void print_seed(const struct model_options *options, const struct pool_ops *ops,
	const struct model_scenario *scenario, uint64_t executions)
{
	printf("         again: ./nblbench stress --model --pool %s --scenario %s --random %" PRIu64
	       " --depth %" PRIu32 " --seed %" PRIu64 "\n",
		ops->name, scenario->name, executions, options->depth, options->seed);
}

/* The failure as people read it. */
static void show(const struct model_options *options, const struct pool_ops *ops,
	const struct model_scenario *scenario, const struct model_bounds *bounds,
	const struct model_work *work, const struct model_result *result)
{
	static struct model_result again;
	const bool fits = model_replay(work, bounds, &result->path, &again) && again.failed;

	if (fits) {
		trace_print(stdout);
		printf("  %s\n", again.sentence);
		print_path(ops, scenario, bounds, &result->path);
	}
	if (options->random != 0)
		print_seed(options, ops, scenario, result->executions);
	else if (!fits)
		puts("  (its path is too long to be followed again)");
}

static FILE *record; /* for who started this layer; NULL: nobody reads it */

/* result: of executions; NULL: there were none. */
static void note(enum trust_verdict verdict, const struct pool_ops *ops, const char *scenario,
	const struct model_result *result, double seconds, const char *sentence)
{
	struct trust_run run = {.verdict = verdict, .seconds = seconds, .paths = *model_paths()};

	if (result != NULL) {
		run.operations = result->executions;
		run.broken = result->failed ? result->broken : PROMISE_NONE;
	}

	snprintf(run.pool, sizeof(run.pool), "%s", ops->name);
	snprintf(run.scenario, sizeof(run.scenario), "%s", scenario);
	snprintf(run.sentence, sizeof(run.sentence), "%s", sentence);
	trust_record(record, &run);
}

static void line(const char *verdict, const struct pool_ops *ops,
	const struct model_scenario *scenario, const char *text)
{
	printf("%-8s %-18s %-14s %s\n", verdict, ops->name, scenario->name, text);
	fflush(stdout);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A failure's line: how it was met, and the sentence. */
static void failure_line(const char *verdict, const struct model_options *options,
	const struct pool_ops *ops, const struct model_scenario *scenario,
	const struct model_result *result, double seconds)
{
	char text[MODEL_SENTENCE_BYTES + 128], seed[32] = "";

	if (options->random != 0)
		snprintf(seed, sizeof(seed), ", seed %" PRIu64, options->seed);
	snprintf(text, sizeof(text), "after %.2f s and %" PRIu64 " executions%s: %s", seconds,
		result->executions, seed, result->sentence);
	line(verdict, ops, scenario, text);
}

/* The scenario's own bounds are for who goes on beside threads that stand still; others would wait. */
static struct model_bounds bounds_of(const struct model_options *options,
	const struct pool_ops *ops, const struct model_scenario *scenario)
{
	const bool deeper = options->default_bounds && scenario->deeper != NULL &&
			    ops->traits.progress >= POOL_LOCK_FREE;

	struct model_bounds bounds = deeper ? *scenario->deeper : options->bounds;

	if (bounds.together != 0 && bounds.together < scenario->least)
		bounds.together = scenario->least;
	return bounds;
}

/* With nothing but the default first, then more and more: the first failure takes as little as can be. */
static void explore(uint64_t limit, const struct model_work *work, struct model_bounds *bounds,
	struct model_result *result)
{
	const uint32_t most = bounds->together;

	for (uint32_t together = 0; together <= most; together++) {
		bounds->together = together;
		model_explore(work, bounds, limit, result);
		if (result->failed || !result->exhausted)
			return;
	}
}

/* One pool in one scenario. sign: of a control, what its failure says. True: it failed so. */
static bool run(const struct model_options *options, const struct pool_ops *ops,
	const struct model_scenario *scenario, const char *sign, struct tally *tally)
{
	static struct model_result result;
	struct model_bounds bounds = model_unbounded;
	const struct model_work *work = model_prepare(scenario, ops, &result);

	if (work == NULL) {
		tally->failed++;
		line("FAILED", ops, scenario, result.sentence);
		note(TRUST_FAILED, ops, scenario->name, NULL, 0, result.sentence);
		return false;
	}
	const double before_s = now_s();
	if (options->random != 0) {
		model_random(work, options->depth, options->seed, options->random, &result);
	} else {
		bounds = bounds_of(options, ops, scenario);
		explore(options->limit, work, &bounds, &result);
	}
	const double spent_s = now_s() - before_s;
	tally->executions += result.executions;
	tally->steps += result.steps;
	const char *counts = count_line(ops, scenario, &result);
	if (options->counts && sign == NULL)
		puts(counts);
	if (!result.failed) {
		const bool differs = options->golden != NULL && sign == NULL && !is_golden(counts);
		const bool cut = options->random == 0 && !result.exhausted;

		tally->cut += cut;
		if (differs)
			line("FAILED", ops, scenario, counts);
		if (sign == NULL)
			note(differs ? TRUST_FAILED : TRUST_OK, ops, scenario->name, &result,
				spent_s,
				differs ? counts
				: cut   ? "not all: --executions was reached"
					: "");
		return differs;
	}
	const bool caught = sign != NULL && strstr(result.sentence, sign) != NULL;
	if (sign != NULL && !caught)
		return false; /* it shows in another way, too */
	failure_line(caught ? "caught" : "FAILED", options, ops, scenario, &result, spent_s);
	note(caught ? TRUST_CAUGHT : TRUST_FAILED, ops, scenario->name, &result, spent_s,
		result.sentence);
	if (!caught || options->pools.count != 0)
		show(options, ops, scenario, &bounds, work, &result);
	return true;
}

/* Each scenario was tried, with one deviation of each kind at least. */
static bool is_whole(const struct model_options *options)
{
	const uint32_t *most = options->bounds.most;

	return options->scenarios.count == 0 && options->random == 0 && most[MODEL_SWITCHES] != 0 &&
	       most[MODEL_STALE] != 0 && most[MODEL_FAULTS] != 0 && options->bounds.together != 0;
}

/*
 * Prints and records which atomic sites of the strategy were reached. False: some were not, and nothing says why:
 * no reason, nor that a scenario was `cut` by --executions.
 */
static bool tell_sites(const struct pool_ops *ops, bool cut)
{
	const struct site *site;
	struct trust_run run = {.scenario = "sites", .paths = {0}};
	const size_t count = sites_of(ops, &site);
	uint32_t of[SITES_STATES] = {0};

	if (count == SIZE_MAX) {
		puts("         its atomic sites are not counted: the program keeps no relocations");
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		of[site[i].state]++;
		if (site[i].state == SITES_MISSING && !cut)
			printf("FAILED   %-18s not reached: %s\n", ops->name, site[i].text);
		else if (site[i].state == SITES_EXCUSED)
			printf("         %-18s not reached: %s: %s\n", ops->name, site[i].text,
				site[i].because);
	}
	run.sites = (uint32_t)count;
	run.sites_reached = of[SITES_ALONE] + of[SITES_REACHED];
	printf("         %-18s %" PRIu32 " of %" PRIu32 " atomic sites reached, %" PRIu32
	       " of them only at rest%s\n",
		ops->name, run.sites_reached, run.sites, of[SITES_ALONE],
		cut ? "; not all executions were tried" : "");
	run.verdict = of[SITES_MISSING] != 0 && !cut ? TRUST_FAILED : TRUST_OK;
	snprintf(run.pool, sizeof(run.pool), "%s", ops->name);
	snprintf(run.sentence, sizeof(run.sentence),
		"%" PRIu32 " of %" PRIu32 " atomic sites reached; of the others %" PRIu32
		" have a reason in unreached.def%s",
		run.sites_reached, run.sites, of[SITES_EXCUSED],
		of[SITES_MISSING] == 0 ? "" : "; the run was not whole");
	trust_record(record, &run);
	return run.verdict == TRUST_OK;
}

static void run_pool(
	const struct model_options *options, const struct pool_ops *ops, struct tally *tally)
{
	const char *excuse = NULL;
	const struct tally before = *tally;
	char reason[POOL_REASON_BYTES];
	uint32_t tried = 0, failed = 0;
	const bool foreign = ops->traits.kind != POOL_KIND_POOL && ops->traits.paths == 0;

	if (foreign)
		excuse = "it keeps no objects of its own";
	else if (ops->traits.progress == POOL_UNSYNCHRONISED)
		excuse = "it is for one thread";
	else if (!ops->supported(reason))
		excuse = reason;
	if (excuse != NULL) {
		tally->skipped++;
		printf("%-8s %-18s %s\n", "skipped", ops->name, excuse);
		note(TRUST_SKIPPED, ops, "model", NULL, 0, excuse);
		return;
	}
	sites_clear();
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		if (!options_chosen(&options->scenarios, model_scenarios[i].name) ||
			model_excuse(&model_scenarios[i], ops) != NULL)
			continue;
		if (options->first && failed != 0)
			break;
		tried++;
		failed += run(options, ops, &model_scenarios[i], NULL, tally);
	}
	if (failed == 0 && is_whole(options)) {
		if (tried < SCENARIOS_LEAST)
			printf("FAILED   %-18s only %" PRIu32 " scenarios fit it, of %d\n",
				ops->name, tried, SCENARIOS_LEAST);
		failed += tried < SCENARIOS_LEAST;
		failed += !tell_sites(ops, tally->cut != before.cut);
	}
	tally->failed += failed;
	tally->ok += failed == 0 && tried != 0;
	if (failed == 0)
		printf("%-8s %-18s %" PRIu32 " scenarios, %" PRIu64 " executions, %" PRIu64
		       " steps%s\n",
			"ok", ops->name, tried, tally->executions - before.executions,
			tally->steps - before.steps,
			tally->cut != before.cut ? "; NOT ALL: --executions was reached" : "");
	fflush(stdout);
}

/* True if a site in the function is missing, and no other. */
static bool is_unreached(const struct pool_ops *ops, const char *function)
{
	const struct site *site;
	const size_t count = sites_of(ops, &site);
	uint32_t missing = 0, there = 0;

	for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
		missing += site[i].state == SITES_MISSING;
		there += site[i].state == SITES_MISSING && strstr(site[i].text, function) != NULL;
	}
	return missing == 1 && there == 1;
}

static void run_control(const struct model_options *options, const struct model_control *control,
	struct tally *tally)
{
	const struct pool_ops *ops = control->ops;

	sites_clear();
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		if (options_chosen(&options->scenarios, model_scenarios[i].name) &&
			model_excuse(&model_scenarios[i], ops) == NULL &&
			run(options, ops, &model_scenarios[i], control->sign, tally)) {
			tally->caught++;
			return;
		}
	}
	if (control->unreached != NULL && is_unreached(ops, control->unreached)) {
		tally->caught++;
		note(TRUST_CAUGHT, ops, "sites", NULL, 0, control->sign);
		printf("%-8s %-18s %s\n", "caught", ops->name, control->sign);
		return;
	}
	tally->missed++;
	note(TRUST_MISSED, ops, "model", NULL, 0,
		"no execution within the bounds shows its mistake");
	printf("%-8s %-18s no execution within the bounds shows its mistake\n", "MISSED",
		ops->name);
}

static int replay(const char *text)
{
	char pool[32], scenario_name[32];
	struct model_bounds bounds;
	static struct model_path path;
	static struct model_result result;
	uint32_t build;
	int used = 0;

	if (sscanf(text,
		    "%31[a-z0-9_]/%31[a-z0-9_]/%" SCNu32 ".%" SCNu32 ".%" SCNu32 ".%" SCNu32
		    "/%" SCNx32 "/%n",
		    pool, scenario_name, &bounds.most[MODEL_SWITCHES], &bounds.most[MODEL_STALE],
		    &bounds.most[MODEL_FAULTS], &bounds.together, &build, &used) != 7 ||
		used == 0)
		options_usage_error(
			"--replay is '%s' but must be a string that a failure was printed with: "
			"pool/scenario/bounds/build/decisions",
			text);
	const struct pool_ops *ops = model_find_ops(pool);
	const struct model_scenario *scenario = model_find_scenario(scenario_name);
	if (ops == NULL || scenario == NULL)
		options_usage_error(
			"--replay names the pool '%s' and the scenario '%s'; --list shows those "
			"that there are",
			pool, scenario_name);
	if (build != build_hash())
		options_usage_error("--replay is a string of another build (%08" PRIx32
				    ", this is %08" PRIx32
				    "): its decisions mean nothing here; explore again",
			build, build_hash());
	for (const char *at = text + used; *at != '\0';) {
		uint32_t decision, taken;
		int step = 0;

		if (path.count == sizeof(path.step) / sizeof(*path.step) ||
			sscanf(at, "%" SCNu32 ".%" SCNu32 "%n", &decision, &taken, &step) != 2 ||
			(at[step] != '\0' && at[step] != ','))
			options_usage_error(
				"--replay has '%s' where a decision and what it was belong, as "
				"in 12.1",
				at);
		path.step[path.count].at = decision;
		path.step[path.count++].taken = taken;
		at += step + (at[step] == ',');
	}
	const struct model_work *work = model_prepare(scenario, ops, &result);
	if (work == NULL || !model_replay(work, &bounds, &path, &result))
		options_usage_error(
			"--replay is no execution of this scenario: a decision has fewer options");
	trace_print(stdout);
	printf("  %s\n", result.failed ? result.sentence : "no failure");
	return result.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct model_options options = model_command_line(argc, argv);
	struct tally tally = {0};

	record = options.record;
	if (options.golden != NULL)
		read_golden(options.golden);
	if (options.replay != NULL)
		return replay(options.replay);
	for (size_t i = 0; pools[i] != NULL; i++) {
		if (!options.controls && options_chosen(&options.pools, pools[i]->name))
			run_pool(&options, pools[i], &tally);
	}
	for (size_t i = 0; model_controls[i].ops != NULL; i++) {
		if (options_chosen(&options.pools, model_controls[i].ops->name))
			run_control(&options, &model_controls[i], &tally);
	}
	printf("%" PRIu32 " ok, %" PRIu32 " failed, %" PRIu32 " skipped; controls: %" PRIu32
	       " caught, %" PRIu32 " missed; %" PRIu64 " executions, %" PRIu64 " steps\n",
		tally.ok, tally.failed, tally.skipped, tally.caught, tally.missed, tally.executions,
		tally.steps);
	if (tally.failed + tally.missed != 0)
		return EXIT_FAILURE;
	if (tally.ok + tally.caught != 0)
		return EXIT_SUCCESS;
	fputs("nblbench-model: nothing was explored, for the reasons above\n", stderr);
	return MODEL_STATUS_SKIPPED;
}
