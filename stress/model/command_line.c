/* See command_line.h. */
#include "stress/model/command_line.h"
#include "stress/model/broken.h"
#include "stress/trust.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_DEFAULT = 3, /* changes of priority of a random execution; ABA takes two */
	DEPTH_MAX = 8,
	BOUND_MAX = 64,
};

static const uint64_t LIMIT_DEFAULT = 1000000;

const char options_program[] = "nblbench-model";

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
	"  --stale N          loads of what is overwritten already, at most [2]\n"
	"  --faults N         weak compare-and-swaps that fail, memory that lacks [1]\n"
	"  --together N       of all three in one execution, at most [2]\n"
	"  --executions N     stop a scenario after so many [1000000]\n"
	"  --random N         N executions a scenario at random instead, by priorities\n"
	"  --depth N          changes of priority in such an execution [3]\n"
	"  --seed N           of the random ones [1]\n"
	"  --replay STRING    one execution again, with every step\n"
	"  --counts           a line a scenario: how many executions there are\n"
	"  --golden FILE      such lines; what differs from them is a failure\n"
	"  --first            a pool's first failure ends its scenarios\n"
	"  --controls         only the controls\n"
	"  --record FILE      a line a scenario, for ./nblbench stress; --seconds,\n"
	"                     --threads and --in-process are of its other layers\n"
	"  --list             what there is\n"
	"  --help             this text\n"
	"\n"
	"Exit status: 0 nothing failed and every control did, 1 otherwise, 2 wrong\n"
	"usage, 77 nothing was explored.\n";

const struct pool_ops *model_find_ops(const char *name)
{
	for (size_t i = 0; model_controls[i].ops != NULL; i++) {
		if (strcmp(model_controls[i].ops->name, name) == 0)
			return model_controls[i].ops;
	}
	return pool_find(name);
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
	     "flush, d detach, a attach again):");
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		printf("  %-18s", model_scenarios[i].name);
		for (uint32_t t = 0; t < MODEL_THREADS && model_scenarios[i].thread[t] != NULL; t++)
			printf(" %s", model_scenarios[i].thread[t]);
		printf(" on %" PRIu32 " objects\n", model_scenarios[i].capacity);
	}
}

/*
 * As a layer it is given what is asked of all: what names it does not know are others'. False: none is left.
 */
static bool keep_known(struct option_names *names, bool (*knows)(const char *name))
{
	uint32_t kept = 0;

	if (names->count == 0)
		return true;
	for (uint32_t i = 0; i < names->count; i++) {
		if (knows(names->name[i]))
			names->name[kept++] = names->name[i];
	}
	names->count = kept;
	return kept != 0;
}

static bool knows_pool(const char *name)
{
	return model_find_ops(name) != NULL;
}

static bool knows_scenario(const char *name)
{
	return model_find_scenario(name) != NULL;
}

static void check_names(struct model_options *options)
{
	if (options->record != NULL) {
		trust_record_build(options->record, "explored");
		if (!keep_known(&options->pools, knows_pool) ||
			!keep_known(&options->scenarios, knows_scenario)) {
			puts("none of the names that were given is of this layer");
			exit(MODEL_STATUS_SKIPPED);
		}
	}
	for (uint32_t i = 0; i < options->pools.count; i++) {
		if (model_find_ops(options->pools.name[i]) == NULL)
			options_usage_error(
				"there is no pool and no control called '%s'; --list shows them",
				options->pools.name[i]);
	}
	for (uint32_t i = 0; i < options->scenarios.count; i++) {
		if (model_find_scenario(options->scenarios.name[i]) == NULL)
			options_usage_error("there is no scenario called '%s'; --list shows them",
				options->scenarios.name[i]);
	}
}

struct model_options model_command_line(int argc, char **argv)
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
		FIRST,
		CONTROLS,
		RECORD,
		SECONDS,
		THREADS,
		IN_PROCESS,
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
		{"first", no_argument, NULL, FIRST},
		{"controls", no_argument, NULL, CONTROLS},
		{"record", required_argument, NULL, RECORD},
		{"seconds", required_argument, NULL, SECONDS},
		{"threads", required_argument, NULL, THREADS},
		{"in-process", no_argument, NULL, IN_PROCESS},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	struct model_options options = {.bounds = {{2, 2, 1}, 2},
		.default_bounds = true,
		.limit = LIMIT_DEFAULT,
		.depth = DEPTH_DEFAULT,
		.seed = 1};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case POOL:
			options_names(&options.pools, optarg, "--pool");
			break;
		case SCENARIO:
			options_names(&options.scenarios, optarg, "--scenario");
			break;
		case SWITCHES:
		case STALE:
		case FAULTS:
			options.default_bounds = false;
			options.bounds.most[option - SWITCHES] =
				(uint32_t)options_number(optarg, argv[optind - 2], 0, BOUND_MAX);
			break;
		case TOGETHER:
			options.default_bounds = false;
			options.bounds.together =
				(uint32_t)options_number(optarg, "--together", 0, BOUND_MAX);
			break;
		case EXECUTIONS:
			options.limit = options_number(optarg, "--executions", 1, UINT64_MAX);
			break;
		case RANDOM:
			options.random = options_number(optarg, "--random", 1, UINT64_MAX);
			break;
		case DEPTH:
			options.depth = (uint32_t)options_number(optarg, "--depth", 0, DEPTH_MAX);
			break;
		case SEED:
			options.seed = options_number(optarg, "--seed", 0, UINT64_MAX);
			break;
		case REPLAY:
			options.replay = optarg;
			break;
		case COUNTS:
			options.counts = true;
			break;
		case GOLDEN:
			options.golden = optarg;
			break;
		case FIRST:
			options.first = true;
			break;
		case CONTROLS:
			options.controls = true;
			break;
		case RECORD:
			options.record = fopen(optarg, "w");
			if (options.record == NULL)
				options_usage_error("--record %s cannot be written: %s", optarg,
					strerror(errno));
			break;
		case SECONDS:
		case THREADS:
		case IN_PROCESS:
			break; /* the other layers' */
		case LIST:
			list();
			exit(EXIT_SUCCESS);
		case HELP:
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			options_usage_error(
				"'%s' is no option, or lacks its value, or has one too many",
				argv[optind - 1]);
		}
	}
	if (optind < argc)
		options_usage_error("'%s' is not an option", argv[optind]);
	check_names(&options);
	return options;
}
