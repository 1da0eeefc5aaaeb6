/*
 * nblbench-stress: every pool under every scenario, each pair in a process of its own, and then the
 * negative controls, which have to fail.
 *
 * The seed comes first, a line a run follows, in the order of the lists. What failed is told with
 * its sentence, what it printed, and the command that tries the same again.
 */
#include "stress/child.h"
#include "stress/controls.h"
#include "stress/stress.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	/*
	 * Twice the CPUs, so that threads are interrupted in the middle of their calls, and at least
	 * so many that a queue of threads forms.
	 */
	THREADS_PER_CPU = 2,
	THREADS_MIN = 4,
	THREADS_DEFAULT_MAX = 16,
	/* Beyond its budget a run may take this long: what does not end then hangs. Ends late under load, never early. */
	GRACE_S = 60,
	/* A control is run until it is found; more than a second is unusual in any build. */
	CONTROL_S = 30,
	NAMES_MAX = 64,
};

static const double SECONDS_DEFAULT = 1;
static const double SECONDS_MAX = 86400;

/* The names of an option's list; none means all. */
struct names {
	char *name[NAMES_MAX];
	uint32_t count;
};

struct options {
	struct names pools; /* may name controls, too */
	struct names scenarios;
	double seconds;
	uint32_t threads;
	uint64_t seed;
	const char *program;
};

struct tally {
	uint32_t ok;
	uint32_t skipped;
	uint32_t failed;
	uint32_t caught;
	uint32_t unseen; /* controls that this build cannot catch */
	uint32_t missed; /* controls that it can, and did not */
};

static const char usage[] =
	"usage: nblbench-stress [options]\n"
	"Attacks every pool with every scenario, then shows that deliberately broken pools are "
	"caught.\n"
	"\n"
	"  --pool A,B       only these pools; a control may be named, too\n"
	"  --scenario A,B   only these scenarios\n"
	"  --seconds S      how long a pool spends in a scenario without an end of its own [1]\n"
	"  --threads N      how many threads attack it [twice the CPUs, 4 to 16]\n"
	"  --seed N         repeats the random choices of an earlier run [a new one]\n"
	"  --list           names pools, scenarios and controls, and ends\n"
	"  --help           prints this, and ends\n"
	"\n"
	"Exit status: 0 all is well, 1 a pool failed or a control was missed, 2 wrong usage.\n";

/* What the compiler built: decides which mistakes can be seen. */
static const bool thread_sanitizer =
#ifdef ATOM_TSAN
	true;
#else
	false;
#endif

static const char *build_name(void)
{
#if defined(__SANITIZE_ADDRESS__)
	const bool address = true;
#elif defined(__has_feature)
	const bool address = __has_feature(address_sanitizer);
#else
	const bool address = false;
#endif
	if (thread_sanitizer)
		return "thread sanitizer";
	if (address)
		return "address sanitizer";
	return atom_perturbs ? "perturbed" : "native";
}

_Noreturn static void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn static void usage_error(const char *format, ...)
{
	va_list args;

	fputs("nblbench-stress: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see --help\n", stderr);
	exit(STATUS_USAGE);
}

static const struct control *find_control(const char *name)
{
	for (size_t i = 0; controls[i] != NULL; i++) {
		if (strcmp(controls[i]->ops->name, name) == 0)
			return controls[i];
	}
	return NULL;
}

static const struct scenario *find_scenario(const char *name)
{
	for (size_t i = 0; scenarios[i] != NULL; i++) {
		if (strcmp(scenarios[i]->name, name) == 0)
			return scenarios[i];
	}
	return NULL;
}

static bool chosen(const struct names *names, const char *name)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return names->count == 0;
}

/* text is cut up in place. */
static void parse_names(struct names *names, char *text, const char *option)
{
	char *rest = text;
	char *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (*name == '\0')
			usage_error("%s has an empty name in its list", option);
		if (names->count == NAMES_MAX)
			usage_error("%s takes at most %d names", option, NAMES_MAX);
		names->name[names->count++] = name;
	}
}

static uint64_t parse_number(const char *text, const char *option, uint64_t least, uint64_t most)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || strchr(text, '-') != NULL ||
		value < least || value > most)
		usage_error("%s is '%s' but must be a whole number from %" PRIu64 " to %" PRIu64,
			option, text, least, most);
	return value;
}

static double parse_seconds(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value > 0 && value <= SECONDS_MAX))
		usage_error("--seconds is '%s' but must be above 0 and at most %.0f", text,
			SECONDS_MAX);
	return value;
}

static void check_names(const struct options *options)
{
	for (uint32_t i = 0; i < options->pools.count; i++) {
		const char *name = options->pools.name[i];

		if (pool_find(name) == NULL && find_control(name) == NULL)
			usage_error(
				"there is no pool and no control called '%s'; --list shows them",
				name);
	}
	for (uint32_t i = 0; i < options->scenarios.count; i++) {
		if (find_scenario(options->scenarios.name[i]) == NULL)
			usage_error("there is no scenario called '%s'; --list shows them",
				options->scenarios.name[i]);
	}
}

static void list(void)
{
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
			controls[i]->scenario,
			controls[i]->build == CONTROL_THREAD_SANITIZER ? ", thread sanitizer" : "");
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

static struct options parse(int argc, char **argv)
{
	enum { POOL = 1, SCENARIO, SECONDS, THREADS, SEED, LIST, HELP };
	static const struct option table[] = {
		{"pool", required_argument, NULL, POOL},
		{"scenario", required_argument, NULL, SCENARIO},
		{"seconds", required_argument, NULL, SECONDS},
		{"threads", required_argument, NULL, THREADS},
		{"seed", required_argument, NULL, SEED},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	struct options options = {.seconds = SECONDS_DEFAULT,
		.threads = default_threads(),
		.seed = new_seed(),
		.program = argv[0]};
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
		case SECONDS:
			options.seconds = parse_seconds(optarg);
			break;
		case THREADS:
			options.threads =
				(uint32_t)parse_number(optarg, "--threads", 1, STRESS_THREADS_MAX);
			break;
		case SEED:
			options.seed = parse_number(optarg, "--seed", 0, UINT64_MAX);
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

/* Of a name: FNV-1a, so that a pool's choices do not depend on which others run. */
static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* A run as the child receives it. */
struct attack {
	const struct options *options;
	const struct pool_ops *ops;
	const struct scenario *scenario;
	double seconds;
};

static void attack_body(const void *arg)
{
	const struct attack *attack = arg;
	struct stress run = {.ops = attack->ops,
		.seed = stress_seed(stress_seed(attack->options->seed, hash(attack->ops->name)),
			hash(attack->scenario->name)),
		.threads = attack->options->threads,
		.end_ns = stress_now_ns() + (uint64_t)(attack->seconds * 1e9)};

	atom_perturb_seed(run.seed);
	attack->scenario->run(&run);
}

static void line(const char *verdict, const struct attack *attack, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void line(const char *verdict, const struct attack *attack, const char *format, ...)
{
	va_list args;

	printf("%-8s %-18s %-12s ", verdict, attack->ops->name, attack->scenario->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Indented, so that a sanitizer's report does not pass for lines of ours. */
static void evidence(const struct attack *attack, const char *output)
{
	const struct options *o = attack->options;

	for (const char *at = output; *at != '\0';) {
		size_t n = strcspn(at, "\n");

		printf("         | %.*s\n", (int)n, at);
		at += n + (at[n] == '\n');
	}
	printf("         again: %s'%s' --pool %s --scenario %s --seconds %g --threads %" PRIu32
	       " --seed %" PRIu64 "\n",
		strstr(build_name(), "sanitizer") ? "setarch -R " : "", o->program,
		attack->ops->name, attack->scenario->name, attack->seconds, o->threads, o->seed);
	fflush(stdout);
}

/* Runs the attack, or ends the program when processes cannot be made at all. */
static struct child *run_child(const struct attack *attack, double limit_s)
{
	static struct child child;
	int rc = child_run(attack_body, attack, limit_s, &child);

	if (rc != 0) {
		fprintf(stderr, "nblbench-stress: cannot start a process: %s\n", strerror(-rc));
		exit(STATUS_FAILED);
	}
	return &child;
}

static void run_pool(const struct attack *attack, struct tally *tally)
{
	char reason[POOL_REASON_BYTES];
	const char *excuse = reason;

	if (attack->ops->supported(reason))
		excuse = attack->scenario->excuse(attack->ops, attack->options->threads);
	if (excuse != NULL) {
		tally->skipped++;
		line("skipped", attack, "%s", excuse);
		return;
	}
	struct child *child = run_child(attack, attack->seconds + GRACE_S);
	switch (child->end) {
	case CHILD_PASSED:
		tally->ok++;
		line("ok", attack, "%s", child->sentence);
		break;
	case CHILD_SKIPPED:
		tally->skipped++;
		line("skipped", attack, "%s", child->sentence);
		break;
	case CHILD_FAILED:
		tally->failed++;
		line("FAILED", attack, "%s", child->sentence);
		evidence(attack, child->output);
		break;
	}
}

static void run_control(
	const struct control *control, const struct options *options, struct tally *tally)
{
	const struct attack attack = {.options = options,
		.ops = control->ops,
		.scenario = find_scenario(control->scenario),
		.seconds = CONTROL_S};

	if (control->build == CONTROL_THREAD_SANITIZER && !thread_sanitizer) {
		tally->unseen++;
		line("unseen", &attack, "this build can't see it: it takes --sanitizer thread");
		return;
	}
	const char *excuse = attack.scenario->excuse(control->ops, options->threads);
	if (excuse != NULL) {
		tally->unseen++;
		line("unseen", &attack, "%s", excuse);
		return;
	}
	struct child *child =
		run_child(&attack, control->limit_s > 0 ? control->limit_s : CONTROL_S + GRACE_S);
	bool caught = child->end == CHILD_FAILED &&
		      (control->sign == NULL || strstr(child->sentence, control->sign) != NULL);

	if (caught) {
		tally->caught++;
		line("caught", &attack, "in %.2f s: %s", child->seconds, child->sentence);
		return;
	}
	tally->missed++;
	line("MISSED", &attack, "its mistake was not found%s%s",
		child->sentence[0] ? ", but: " : "", child->sentence);
	evidence(&attack, child->output);
}

int main(int argc, char **argv)
{
	const struct options options = parse(argc, argv);
	struct tally tally = {0};
	char why[POOL_REASON_BYTES];

	if (pools_validate(why) != 0) {
		fprintf(stderr, "nblbench-stress: %s\n", why);
		return STATUS_FAILED;
	}
	printf("seed %" PRIu64 ", %" PRIu32 " threads, %g s each, %s build\n", options.seed,
		options.threads, options.seconds, build_name());
	for (size_t p = 0; pools[p] != NULL; p++) {
		for (size_t s = 0; scenarios[s] != NULL && chosen(&options.pools, pools[p]->name);
			s++) {
			const struct attack attack = {.options = &options,
				.ops = pools[p],
				.scenario = scenarios[s],
				.seconds = options.seconds};

			if (chosen(&options.scenarios, scenarios[s]->name))
				run_pool(&attack, &tally);
		}
	}
	for (size_t c = 0; controls[c] != NULL; c++) {
		if (chosen(&options.pools, controls[c]->ops->name) &&
			chosen(&options.scenarios, controls[c]->scenario))
			run_control(controls[c], &options, &tally);
	}
	printf("%" PRIu32 " ok, %" PRIu32 " failed, %" PRIu32 " skipped; controls: %" PRIu32
	       " caught, %" PRIu32 " missed, %" PRIu32 " unseen by this build\n",
		tally.ok, tally.failed, tally.skipped, tally.caught, tally.missed, tally.unseen);
	return tally.failed + tally.missed == 0 ? EXIT_SUCCESS : STATUS_FAILED;
}
