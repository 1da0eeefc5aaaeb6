/*
 * nblbench-model: explores the interleavings of every pool in small scenarios (scenario.h).
 *
 * A pool passes when no execution within the bounds fails. What failed is told with its sentence, its
 * steps, and a string that repeats it. The negative controls whose mistakes an explorer has to find
 * are explored as well, and must fail.
 */
#include "stress/model/broken.h"
#include "stress/model/scenario.h"
#include "stress/model/trace.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATUS_USAGE = 2,
	STATUS_SKIPPED = 77,
	NAMES_MAX = 64,
	DEPTH_DEFAULT = 3, /* changes of priority of a random execution; ABA takes two */
	BOUND_MAX = 64,
	PART_BYTES = 1 << 16,
	GOLDEN_BYTES = 1 << 16,
};

static const uint64_t LIMIT_DEFAULT = 1000000;

static const char usage[] =
	"usage: nblbench-model [OPTION...]\n"
	"\n"
	"As a command: nblbench stress --model [OPTION...].\n"
	"\n"
	"Explores the interleavings of two or three threads under every pool: all of\n"
	"them within bounds, stale reads included.\n"
	"\n"
	"  --pool LIST        only these pools or controls\n"
	"  --scenario LIST    only these scenarios\n"
	"  --switches N       threads stopped though they could go on, at most [2]\n"
	"  --stale N          loads of what is overwritten already, at most [1]\n"
	"  --faults N         weak compare-and-swaps that fail, memory that lacks [1]\n"
	"  --together N       of all three in one execution, at most [2]\n"
	"  --executions N     stop a scenario after so many [1000000]\n"
	"  --random N         N executions a scenario at random instead, by priorities\n"
	"  --depth N          changes of priority in such an execution [3]\n"
	"  --seed N           of the random ones [1]\n"
	"  --replay STRING    one execution again, with every step\n"
	"  --counts           a line a scenario: how many executions there are\n"
	"  --golden FILE      such lines; what differs from them is a failure\n"
	"  --controls         only the controls\n"
	"  --list             what there is\n"
	"  --help             this text\n"
	"\n"
	"Exit status: 0 nothing failed and every control did, 1 otherwise, 2 wrong\n"
	"usage, 77 nothing was explored.\n";

struct names {
	char *name[NAMES_MAX];
	uint32_t count;
};

struct options {
	struct names pools, scenarios;
	struct model_bounds bounds;
	uint64_t limit;
	uint64_t random; /* executions; 0: all within bounds */
	uint32_t depth;
	uint64_t seed;
	const char *replay;
	bool counts;
	bool controls;      /* only they */
	const char *golden; /* NULL: nothing is expected of counts */
};

struct tally {
	uint32_t ok, failed, caught, missed, skipped, cut;
	uint64_t executions, steps;
};

__attribute__((format(printf, 1, 2))) _Noreturn static void usage_error(const char *format, ...)
{
	va_list args;

	fputs("nblbench-model: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(STATUS_USAGE);
}

static const struct pool_ops *find_ops(const char *name)
{
	for (size_t i = 0; model_controls[i].ops != NULL; i++) {
		if (strcmp(model_controls[i].ops->name, name) == 0)
			return model_controls[i].ops;
	}
	return pool_find(name);
}

static uint64_t number(const char *text, const char *option, uint64_t least, uint64_t most)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || strchr(text, '-') != NULL ||
		value < least || value > most)
		usage_error("%s is '%s' but must be a whole number from %" PRIu64 " to %" PRIu64,
			option, text, least, most);
	return value;
}

static void parse_names(struct names *names, char *text, const char *option)
{
	char *name;

	while ((name = strsep(&text, ",")) != NULL) {
		if (names->count == NAMES_MAX)
			usage_error("%s takes at most %d names", option, NAMES_MAX);
		names->name[names->count++] = name;
	}
}

static bool chosen(const struct names *names, const char *name)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return names->count == 0;
}

/*
 * How many executions each scenario of a pool has within the bounds of the test: a strategy that goes
 * round the seam, or an explorer that forgets a choice, has fewer.
 */

static char golden[GOLDEN_BYTES];

static void read_golden(const char *path)
{
	FILE *file = fopen(path, "r");

	if (file == NULL)
		usage_error("--golden %s cannot be read: %s", path, strerror(errno));
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

/* The failure as people read it. */
static void show(const struct pool_ops *ops, const struct model_scenario *scenario,
	const struct model_bounds *bounds, const struct model_work *work,
	const struct model_path *path)
{
	static struct model_result again;

	model_replay(work, bounds, path, &again);
	trace_print(stdout);
	printf("  %s\n", again.failed ? again.sentence : "(this time it did not fail)");
	print_path(ops, scenario, bounds, path);
}

static void line(const char *verdict, const struct pool_ops *ops,
	const struct model_scenario *scenario, const char *text)
{
	printf("%-8s %-18s %-14s %s\n", verdict, ops->name, scenario->name, text);
	fflush(stdout);
}

/* With nothing but the default first, then more and more: the first failure takes as little as can be. */
static void explore(const struct options *options, const struct model_work *work,
	struct model_bounds *bounds, struct model_result *result)
{
	*bounds = options->bounds;
	for (uint32_t together = 0; together <= options->bounds.together; together++) {
		bounds->together = together;
		model_explore(work, bounds, options->limit, result);
		if (result->failed || !result->exhausted)
			return;
	}
}

/* One pool in one scenario. sign: of a control, what its failure says. True: it failed so. */
static bool run(const struct options *options, const struct pool_ops *ops,
	const struct model_scenario *scenario, const char *sign, struct tally *tally)
{
	static struct model_result result;
	struct model_bounds bounds = model_unbounded;
	const struct model_work *work = model_prepare(scenario, ops, &result);

	if (work == NULL) {
		tally->failed++;
		line("FAILED", ops, scenario, result.sentence);
		return false;
	}
	if (options->random != 0)
		model_random(work, options->depth, options->seed, options->random, &result);
	else
		explore(options, work, &bounds, &result);
	tally->executions += result.executions;
	tally->steps += result.steps;
	const char *counts = count_line(ops, scenario, &result);
	if (options->counts && sign == NULL)
		puts(counts);
	if (!result.failed) {
		const bool differs = options->golden != NULL && sign == NULL && !is_golden(counts);

		tally->cut += options->random == 0 && !result.exhausted;
		if (differs)
			line("FAILED", ops, scenario, counts);
		return differs;
	}
	const bool caught = sign != NULL && strstr(result.sentence, sign) != NULL;
	if (sign != NULL && !caught)
		return false; /* it shows in another way, too */
	line(caught ? "caught" : "FAILED", ops, scenario, result.sentence);
	if (!caught || options->pools.count != 0)
		show(ops, scenario, &bounds, work, &result.path);
	return true;
}

static void run_pool(const struct options *options, const struct pool_ops *ops, struct tally *tally)
{
	const char *excuse = NULL;
	const struct tally before = *tally;
	char reason[POOL_REASON_BYTES];
	uint32_t tried = 0, failed = 0;

	if (ops->traits.kind != POOL_KIND_POOL)
		excuse = "it keeps no objects of its own";
	else if (ops->traits.progress == POOL_UNSYNCHRONISED)
		excuse = "it is for one thread";
	else if (!ops->supported(reason))
		excuse = reason;
	if (excuse != NULL) {
		tally->skipped++;
		printf("%-8s %-18s %s\n", "skipped", ops->name, excuse);
		return;
	}
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		if (!chosen(&options->scenarios, model_scenarios[i].name) ||
			model_excuse(&model_scenarios[i], ops) != NULL)
			continue;
		tried++;
		failed += run(options, ops, &model_scenarios[i], NULL, tally);
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

static void run_control(
	const struct options *options, const struct model_control *control, struct tally *tally)
{
	const struct pool_ops *ops = control->ops;

	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		if (chosen(&options->scenarios, model_scenarios[i].name) &&
			model_excuse(&model_scenarios[i], ops) == NULL &&
			run(options, ops, &model_scenarios[i], control->sign, tally)) {
			tally->caught++;
			return;
		}
	}
	tally->missed++;
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
		usage_error(
			"--replay is '%s' but must be a string that a failure was printed with: "
			"pool/scenario/bounds/build/decisions",
			text);
	const struct pool_ops *ops = find_ops(pool);
	const struct model_scenario *scenario = model_find_scenario(scenario_name);
	if (ops == NULL || scenario == NULL)
		usage_error(
			"--replay names the pool '%s' and the scenario '%s'; --list shows those "
			"that there are",
			pool, scenario_name);
	if (build != build_hash())
		usage_error("--replay is a string of another build (%08" PRIx32
			    ", this is %08" PRIx32
			    "): its decisions mean nothing here; explore again",
			build, build_hash());
	for (const char *at = text + used; *at != '\0';) {
		uint32_t decision, taken;
		int step = 0;

		if (path.count == sizeof(path.step) / sizeof(*path.step) ||
			sscanf(at, "%" SCNu32 ".%" SCNu32 "%n", &decision, &taken, &step) != 2 ||
			(at[step] != '\0' && at[step] != ','))
			usage_error("--replay has '%s' where a decision and what it was belong, as "
				    "in 12.1",
				at);
		path.step[path.count].at = decision;
		path.step[path.count++].taken = taken;
		at += step + (at[step] == ',');
	}
	const struct model_work *work = model_prepare(scenario, ops, &result);
	if (work == NULL || !model_replay(work, &bounds, &path, &result))
		usage_error(
			"--replay is no execution of this scenario: a decision has fewer options");
	trace_print(stdout);
	printf("  %s\n", result.failed ? result.sentence : "no failure");
	return result.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void list(void)
{
	char reason[POOL_REASON_BYTES];

	puts("pools:");
	for (size_t i = 0; pools[i] != NULL; i++) {
		printf("  %-18s %s\n", pools[i]->name, pools[i]->summary);
		if (!pools[i]->supported(reason))
			printf("  %-18s not explored: %s\n", "", reason);
	}
	puts("controls, whose mistakes must be found:");
	for (size_t i = 0; model_controls[i].ops != NULL; i++)
		printf("  %-18s %s\n", model_controls[i].ops->name, model_controls[i].ops->summary);
	puts("scenarios, a word a thread (g get, G2 get_bulk of 2, p put, q put the oldest, f "
	     "flush, d detach):");
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		printf("  %-18s", model_scenarios[i].name);
		for (uint32_t t = 0; t < MODEL_THREADS && model_scenarios[i].thread[t] != NULL; t++)
			printf(" %s", model_scenarios[i].thread[t]);
		printf(" on %" PRIu32 " objects\n", model_scenarios[i].capacity);
	}
}

static void check_names(const struct options *options)
{
	for (uint32_t i = 0; i < options->pools.count; i++) {
		if (find_ops(options->pools.name[i]) == NULL)
			usage_error(
				"there is no pool and no control called '%s'; --list shows them",
				options->pools.name[i]);
	}
	for (uint32_t i = 0; i < options->scenarios.count; i++) {
		if (model_find_scenario(options->scenarios.name[i]) == NULL)
			usage_error("there is no scenario called '%s'; --list shows them",
				options->scenarios.name[i]);
	}
}

static struct options parse(int argc, char **argv)
{
	enum {
		POOL = 1,
		SCENARIO,
		SWITCHES,
		STALE,
		FAULTS,
		TOGETHER,
		EXECUTIONS,
		RANDOM,
		DEPTH,
		SEED,
		REPLAY,
		COUNTS,
		GOLDEN,
		CONTROLS,
		LIST,
		HELP
	};
	static const struct option table[] = {
		{"pool", required_argument, NULL, POOL},
		{"scenario", required_argument, NULL, SCENARIO},
		{"switches", required_argument, NULL, SWITCHES},
		{"stale", required_argument, NULL, STALE},
		{"faults", required_argument, NULL, FAULTS},
		{"together", required_argument, NULL, TOGETHER},
		{"executions", required_argument, NULL, EXECUTIONS},
		{"random", required_argument, NULL, RANDOM},
		{"depth", required_argument, NULL, DEPTH},
		{"seed", required_argument, NULL, SEED},
		{"replay", required_argument, NULL, REPLAY},
		{"counts", no_argument, NULL, COUNTS},
		{"golden", required_argument, NULL, GOLDEN},
		{"controls", no_argument, NULL, CONTROLS},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	struct options options = {.bounds = {{2, 1, 1}, 2},
		.limit = LIMIT_DEFAULT,
		.depth = DEPTH_DEFAULT,
		.seed = 1};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case POOL:
			parse_names(&options.pools, optarg, "--pool");
			break;
		case SCENARIO:
			parse_names(&options.scenarios, optarg, "--scenario");
			break;
		case SWITCHES:
		case STALE:
		case FAULTS:
			options.bounds.most[option - SWITCHES] =
				(uint32_t)number(optarg, argv[optind - 2], 0, BOUND_MAX);
			break;
		case TOGETHER:
			options.bounds.together =
				(uint32_t)number(optarg, "--together", 0, BOUND_MAX);
			break;
		case EXECUTIONS:
			options.limit = number(optarg, "--executions", 1, UINT64_MAX);
			break;
		case RANDOM:
			options.random = number(optarg, "--random", 1, UINT64_MAX);
			break;
		case DEPTH:
			options.depth = (uint32_t)number(optarg, "--depth", 0, 8);
			break;
		case SEED:
			options.seed = number(optarg, "--seed", 0, UINT64_MAX);
			break;
		case REPLAY:
			options.replay = optarg;
			break;
		case COUNTS:
			options.counts = true;
			break;
		case GOLDEN:
			options.golden = optarg;
			read_golden(optarg);
			break;
		case CONTROLS:
			options.controls = true;
			break;
		case LIST:
			list();
			exit(EXIT_SUCCESS);
		case HELP:
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			usage_error("'%s' is no option, or lacks its value, or has one too many",
				argv[optind - 1]);
		}
	}
	if (optind < argc)
		usage_error("'%s' is not an option", argv[optind]);
	check_names(&options);
	return options;
}

int main(int argc, char **argv)
{
	const struct options options = parse(argc, argv);
	struct tally tally = {0};

	if (options.replay != NULL)
		return replay(options.replay);
	for (size_t i = 0; pools[i] != NULL; i++) {
		if (!options.controls && chosen(&options.pools, pools[i]->name))
			run_pool(&options, pools[i], &tally);
	}
	for (size_t i = 0; model_controls[i].ops != NULL; i++) {
		if (chosen(&options.pools, model_controls[i].ops->name))
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
	return STATUS_SKIPPED;
}
