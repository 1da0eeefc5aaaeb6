#include "stress/options.h"

#include "stress/trust.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	/*
	 * Twice the CPUs, so that threads are interrupted in the middle of their calls, and at
	 * least so many that a queue of threads forms.
	 */
	THREADS_PER_CPU = 2,
	THREADS_MIN = 4,
	THREADS_DEFAULT_MAX = 16,
};

static const double SECONDS_DEFAULT = 1;
static const double SECONDS_MAX = 86400;
static const double SOAK_MAX_S = 30 * 86400.0;

const char options_program[] = "nblbench stress";

static const char usage[] =
	"usage: nblbench stress [options]\n"
	"Attacks every pool with every scenario, natively and with seeded delays before atomic "
	"operations,\n"
	"stops threads at each instruction, and shows that deliberately broken pools are caught.\n"
	"\n"
	"  --pool A,B       only these pools; a control may be named, too\n"
	"  --scenario A,B   only these scenarios\n"
	"  --seconds S      how long a pool spends in a scenario without an end of its own [1]; on "
	"a busy\n"
	"                   machine longer: until it has seen enough operations. With less than 1 "
	"the "
	"freezer\n"
	"                   stops at so large a part of the boundaries\n"
	"  --threads N      how many threads attack it [twice the CPUs, 4 to 16]\n"
	"  --seed N         repeats the random choices of an earlier run [a new one]\n"
	"  --json FILE      writes what ran, how much and how it ended (stress/trust.schema.json)\n"
	"  --in-process     without a process for each run: for a debugger; the first failure ends "
	"it\n"
	"  --list           names pools, scenarios, controls and promises, and ends\n"
	"  --help           prints this, and ends\n"
	"\n"
	"The launcher, ./nblbench stress, builds and starts the layers of stress/layers.def:\n"
	"\n"
	"  --soak TIME      again and again with other seeds, as 90s, 30m or 8h; an interrupt ends "
	"it "
	"sooner.\n"
	"                   Each failure is kept in stress-failures.txt, with the line that "
	"repeats "
	"it\n"
	"  --sanitizer S    none, thread or address: adds that build, with delays [none]\n"
	"  --layer A,B      only these layers: native, perturbed, freezer, model, thread, address\n"
	"\n"
	"  --mutants        instead, and first: makes each mistake of stress/mutant/mutants.txt in "
	"a copy\n"
	"                   of the tree and tells which layer finds it; --only A,B, --layer A,B,\n"
	"                   --sample N, --seed N\n"
	"\n"
	"and passes --program NAME=PATH for each, --revision TEXT; a layer gets --record FILE.\n"
	"\n"
	"Exit status: 0 all is well, 1 a pool failed or a control was missed, 2 wrong usage,\n"
	"77 everything that was asked for is skipped here.\n";

bool (*options_knows)(const char *name);

const struct control *find_control(const char *name)
{
	for (size_t i = 0; controls[i] != NULL; i++) {
		if (strcmp(controls[i]->ops->name, name) == 0)
			return controls[i];
	}
	return NULL;
}

const struct scenario *find_scenario(const char *name)
{
	for (size_t i = 0; scenarios[i] != NULL; i++) {
		if (strcmp(scenarios[i]->name, name) == 0)
			return scenarios[i];
	}
	return NULL;
}

/* A number and s, m or h. */
static double parse_duration(const char *text)
{
	static const char units[] = "smh";
	static const double seconds[] = {1, 60, 3600};
	char *end;
	const double value = strtod(text, &end);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

	if (end == text || unit == NULL || end[1] != '\0' ||
		!(value > 0 && value * seconds[unit - units] <= SOAK_MAX_S))
		options_usage_error(
			"--soak is '%s' but must be a time as 90s, 30m or 8h, and at most "
			"%.0fh",
			text, SOAK_MAX_S / 3600);
	return value * seconds[unit - units];
}

static double parse_seconds(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value > 0 && value <= SECONDS_MAX))
		options_usage_error("--seconds is '%s' but must be above 0 and at most %.0f", text,
			SECONDS_MAX);
	return value;
}

/* NAME=PATH; text is cut up in place. */
static void parse_program(struct options *options, char *text)
{
	char *path = text;
	const char *name = strsep(&path, "=");
	uint32_t layer = 0;

	while (trust_layer_names[layer] != NULL && strcmp(trust_layer_names[layer], name) != 0)
		layer++;
	if (trust_layer_names[layer] == NULL || path == NULL || *path == '\0')
		options_usage_error("--program wants NAME=PATH, with the NAME of a layer of "
				    "stress/layers.def, and got '%s'",
			name);
	if (options->program_count == OPTIONS_PROGRAMS_MAX)
		options_usage_error("--program may be given %d times", OPTIONS_PROGRAMS_MAX);
	options->programs[options->program_count++] =
		(struct option_program){.layer = layer, .path = path};
}

static void check_names(const struct options *options)
{
	for (uint32_t i = 0; i < options->pools.count; i++) {
		const char *name = options->pools.name[i];

		if (pool_find(name) == NULL && find_control(name) == NULL &&
			(options_knows == NULL || !options_knows(name)))
			options_usage_error(
				"there is no pool and no control called '%s'; --list shows them",
				name);
	}
	for (uint32_t i = 0; i < options->scenarios.count; i++) {
		if (find_scenario(options->scenarios.name[i]) == NULL)
			options_usage_error("there is no scenario called '%s'; --list shows them",
				options->scenarios.name[i]);
	}
}

static void list(void)
{
	static const char *const builds[] = {[CONTROL_ANY_BUILD] = "",
		[CONTROL_PERTURBED] = ", perturbed",
		[CONTROL_THREAD_SANITIZER] = ", thread sanitizer"};
	char reason[POOL_REASON_BYTES];

	puts("pools:");
	for (size_t i = 0; pools[i] != NULL; i++) {
		bool here = pools[i]->supported(reason);

		printf("  %-18s %s\n", pools[i]->name, pools[i]->summary);
		if (!here)
			printf("  %-18s not here: %s\n", "", reason);
	}
	puts("scenarios:");
	for (size_t i = 0; scenarios[i] != NULL; i++)
		printf("  %-18s %s\n", scenarios[i]->name, scenarios[i]->summary);
	puts("controls, each with a mistake that its scenario must find:");
	for (size_t i = 0; controls[i] != NULL; i++)
		printf("  %-18s %s (%s%s)\n", controls[i]->ops->name, controls[i]->ops->summary,
			controls[i]->scenario, builds[controls[i]->build]);
	puts("what strategies are held to:");
	for (int i = 1; *promise_text((enum promise)i) != '\0'; i++)
		printf("  P%-17d %s\n", i, promise_text((enum promise)i));
}

static uint32_t default_threads(void)
{
	const uint32_t *cpus;
	uint32_t threads = THREADS_PER_CPU * stress_cpus(&cpus);

	if (threads < THREADS_MIN)
		return THREADS_MIN;
	return threads < THREADS_DEFAULT_MAX ? threads : THREADS_DEFAULT_MAX;
}

static uint64_t new_seed(void)
{
	uint32_t seed; /* short enough to be typed */

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint32_t)stress_now_ns();
	return seed;
}

struct options options_parse(int argc, char **argv)
{
	enum {
		POOL = 1,
		SCENARIO,
		SECONDS,
		SOAK,
		THREADS,
		SEED,
		JSON,
		RECORD,
		REVISION,
		PROGRAM,
		IN_PROCESS,
		LIST,
		HELP
	};
	static const struct option table[] = {
		{"pool", required_argument, NULL, POOL},
		{"scenario", required_argument, NULL, SCENARIO},
		{"seconds", required_argument, NULL, SECONDS},
		{"soak", required_argument, NULL, SOAK},
		{"threads", required_argument, NULL, THREADS},
		{"seed", required_argument, NULL, SEED},
		{"json", required_argument, NULL, JSON},
		{"record", required_argument, NULL, RECORD},
		{"revision", required_argument, NULL, REVISION},
		{"program", required_argument, NULL, PROGRAM},
		{"in-process", no_argument, NULL, IN_PROCESS},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	struct options options = {.seconds = SECONDS_DEFAULT,
		.threads = default_threads(),
		.seed = new_seed(),
		.revision = "unknown",
		.program = argv[0]};
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
		case SECONDS:
			options.seconds = parse_seconds(optarg);
			break;
		case SOAK:
			options.soak_s = parse_duration(optarg);
			break;
		case THREADS:
			options.threads = (uint32_t)options_number(
				optarg, "--threads", 1, STRESS_THREADS_MAX);
			break;
		case SEED:
			options.seed = options_number(optarg, "--seed", 0, UINT64_MAX);
			break;
		case JSON:
			options.json = optarg;
			break;
		case RECORD:
			options.record = optarg;
			break;
		case REVISION:
			options.revision = optarg;
			break;
		case PROGRAM:
			parse_program(&options, optarg);
			break;
		case IN_PROCESS:
			options.in_process = true;
			break;
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
	if (options.json != NULL && options.program_count == 0)
		options_usage_error(
			"--json is written by who starts the layers: ./nblbench stress --json %s",
			options.json);
	if (options.soak_s > 0 && options.program_count == 0)
		options_usage_error("--soak is for who starts the layers: ./nblbench stress --soak "
				    "TIME");
	if (options.soak_s > 0 && options.in_process)
		options_usage_error(
			"--soak goes on after a failure, and --in-process ends with it");
	return options;
}
