/*
 * nblbench stress: every pool under every scenario, each pair in a process of its own, and then the
 * negative controls, which have to fail.
 *
 * The seed comes first, a line a run follows, in the order of the lists. What failed is told with
 * its sentence, what it printed, and the command that tries the same again. At the end: the
 * accounts by pool tag of the runs that used NBLs, and how the runs ended.
 */
#include "alloc/machine/cpu.h"
#include "stress/base/child.h"
#include "stress/base/evidence.h"
#include "stress/base/record.h"
#include "stress/base/tags.h"
#include "stress/conduct.h"
#include "stress/options.h"
#include "stress/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>

enum {
	/*
	 * Beyond its budget a run may take this long: what does not end then hangs. Late under
	 * load, never early: seconds of work take minutes where others have the CPUs.
	 */
	GRACE_S = 300,
	/* With less a healthy strategy may die of its test's frames. */
	STACK_MIN_KIB = 1024,
};

struct tally {
	uint32_t ok;
	uint32_t skipped;
	uint32_t failed;
	uint32_t caught;
	uint32_t unseen; /* controls that this build cannot catch */
	uint32_t missed; /* controls that it can, and did not */
	struct tags tags;
	FILE *record; /* NULL: nobody reads it */
};

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
		return atom_perturbs ? "thread sanitizer, perturbed" : "thread sanitizer";
	if (address)
		return atom_perturbs ? "address sanitizer, perturbed" : "address sanitizer";
	return atom_perturbs ? "perturbed" : "native";
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

/*
 * Operations that a second stands for, however little a busy machine does in it. Delays do not make them
 * fewer: a stack without a tag lived through 20,000 of them.
 */
enum {
	OPERATIONS_A_SECOND = 100000,
	BLOCKING_SLOWDOWN = 10,
	SANITIZED_SLOWDOWN = STRESS_SANITIZED ? 10 : 1,
};

/* Whoever waits for a thread that has no CPU makes fewer. */
static uint64_t slowdown(const struct attack *attack)
{
	return attack->ops->traits.progress == POOL_BLOCKING ? BLOCKING_SLOWDOWN : 1;
}

static uint64_t least_operations(const struct attack *attack)
{
	return (uint64_t)(attack->seconds * OPERATIONS_A_SECOND) / SANITIZED_SLOWDOWN /
	       slowdown(attack);
}

static uint64_t seed_of(const struct attack *attack)
{
	return stress_seed(stress_seed(attack->options->seed, hash(attack->ops->name)),
		hash(attack->scenario->name));
}

static uint32_t rounds_of(const struct attack *attack)
{
	const double rounds = attack->seconds * 1000 / STRESS_ROUND_MS_MIN;

	return rounds < 1 ? 1 : rounds < STRESS_ROUNDS_MAX ? (uint32_t)rounds : STRESS_ROUNDS_MAX;
}

static void attack_body(const void *arg)
{
	const struct attack *attack = arg;
	const uint32_t rounds = rounds_of(attack);
	struct stress run = {.ops = attack->ops,
		.seed = seed_of(attack),
		.threads = attack->options->threads,
		.end_ns = stress_now_ns() + (uint64_t)(attack->seconds * 1e9),
		.rounds = rounds,
		.round_ns = (uint64_t)(attack->seconds * 1e9) / rounds,
		.operations = least_operations(attack),
		.whole = attack->seconds >= 1,
		.slowdown = slowdown(attack)};

	atom_perturb_seed(run.seed);
	attack->scenario->run(&run);
	const struct pool_paths paths = record_paths();
	stress_paths(record_operations(), &paths);
}

__attribute__((format(printf, 3, 4))) static void line(
	const char *verdict, const struct attack *attack, const char *format, ...)
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

	evidence_print(stdout, "         | ", output);
	/* As it was started itself: the sanitizers may need what setarch gives them. */
	const int flags = personality(0xffffffff);
	printf("         again: %s",
		flags != -1 && (flags & ADDR_NO_RANDOMIZE) != 0 ? "setarch -R " : "");
	options_print_quoted(o->program);
	printf(" --pool %s --scenario %s --seconds %g --threads %" PRIu32 " --seed %" PRIu64
	       " [--in-process]\n",
		attack->ops->name, attack->scenario->name, attack->seconds, o->threads, o->seed);
	fflush(stdout);
}

/* What a run did and how it ended, for who started this layer. */
static void record(struct tally *tally, const struct attack *attack, enum trust_verdict verdict,
	const struct child *child, const char *sentence)
{
	struct trust_run run = {.verdict = verdict, .seed = attack->options->seed};

	snprintf(run.pool, sizeof(run.pool), "%s", attack->ops->name);
	snprintf(run.scenario, sizeof(run.scenario), "%s", attack->scenario->name);
	snprintf(run.sentence, sizeof(run.sentence), "%s", sentence);
	if (child != NULL) {
		run.seconds = child->seconds;
		run.broken = child->broken;
		child_paths(child, &run.operations, &run.paths);
	}
	trust_record(tally->record, &run);
}

/* Runs the attack, or ends the program when processes cannot be made at all. */
static struct child *run_child(const struct attack *attack, double limit_s)
{
	static struct child child;

	if (attack->options->in_process) {
		line("begins", attack, "in this process, seed %" PRIu64, attack->options->seed);
		evidence_arm();
		attack_body(attack);
		child.end = CHILD_PASSED;
		return &child;
	}
	int rc = child_run(attack_body, attack, limit_s, &child);

	if (rc != 0) {
		fprintf(stderr, "nblbench stress: cannot start a process: %s\n", strerror(-rc));
		exit(EXIT_FAILURE);
	}
	return &child;
}

static void run_pool(const struct attack *attack, struct tally *tally)
{
	char reason[POOL_REASON_BYTES];
	const char *excuse = reason;

	if (attack->ops->supported(reason))
		excuse = attack->scenario->excuse(attack->ops, attack->options->threads);
	if (excuse == NULL && thread_sanitizer && attack->ops->traits.opaque_to_tsan)
		excuse = "the thread sanitizer does not see into the library it works "
			 "with" NBLBENCH_URCU_TSAN_WHY;
	if (excuse != NULL) {
		tally->skipped++;
		line("skipped", attack, "%s", excuse);
		record(tally, attack, TRUST_SKIPPED, NULL, excuse);
		return;
	}
	struct child *child = run_child(attack, attack->seconds + GRACE_S);
	static const enum trust_verdict verdicts[] = {[CHILD_PASSED] = TRUST_OK,
		[CHILD_FAILED] = TRUST_FAILED,
		[CHILD_SKIPPED] = TRUST_SKIPPED};

	record(tally, attack, verdicts[child->end], child, child->sentence);
	switch (child->end) {
	case CHILD_PASSED:
		tally->ok++;
		tags_merge(&tally->tags, child->report);
		line("ok", attack, "%s", child->sentence);
		break;
	case CHILD_SKIPPED:
		tally->skipped++;
		line("skipped", attack, "%s", child->sentence);
		break;
	case CHILD_FAILED:
		tally->failed++;
		line("FAILED", attack, "after %.2f s, seed %" PRIu64 ": %s", child->seconds,
			attack->options->seed, child->sentence);
		evidence(attack, child->output);
		break;
	}
}

/* Whether a verdict is of the control's mistake. */
static bool shows(const struct control *control, const char *sentence)
{
	return control->sign == NULL || strstr(sentence, control->sign) != NULL ||
	       (control->other_sign != NULL && strstr(sentence, control->other_sign) != NULL);
}

static void run_control(
	const struct control *control, const struct options *options, struct tally *tally)
{
	const struct attack attack = {.options = options,
		.ops = control->ops,
		.scenario = find_scenario(control->scenario),
		.seconds = options->seconds};

	if (control->build == CONTROL_PERTURBED && !atom_perturbs) {
		tally->unseen++;
		line("unseen", &attack,
			"by luck alone in this build: it takes the perturbed layer");
		record(tally, &attack, TRUST_UNSEEN, NULL, "it takes the perturbed layer");
		return;
	}
	if (control->build == CONTROL_THREAD_SANITIZER && !thread_sanitizer) {
		tally->unseen++;
		line("unseen", &attack, "this build can't see it: it takes --sanitizer thread");
		record(tally, &attack, TRUST_UNSEEN, NULL, "it takes --sanitizer thread");
		return;
	}
	const char *excuse = attack.scenario->excuse(control->ops, options->threads);
	if (excuse != NULL) {
		tally->unseen++;
		line("unseen", &attack, "%s", excuse);
		record(tally, &attack, TRUST_UNSEEN, NULL, excuse);
		return;
	}
	struct child *child = run_child(
		&attack, control->limit_s > 0 ? control->limit_s : options->seconds + GRACE_S);
	bool caught = child->end == CHILD_FAILED && shows(control, child->sentence);

	record(tally, &attack, caught ? TRUST_CAUGHT : TRUST_MISSED, child, child->sentence);
	if (caught) {
		tally->caught++;
		line("caught", &attack, "after %.2f s, seed %" PRIu64 ": %s", child->seconds,
			options->seed, child->sentence);
		/* Whoever asks for it wants to see how it fails. */
		if (options->pools.count != 0)
			evidence(&attack, child->output);
		return;
	}
	tally->missed++;
	line("MISSED", &attack, "its mistake was not found%s%s",
		child->sentence[0] ? ", but: " : "", child->sentence);
	evidence(&attack, child->output);
}

/* Designs that divide by NUMA nodes have nothing to divide on a machine of one: then CPUs are said to be on two in turn. */
static void pretend_nodes(void)
{
	const uint32_t cpus = cpu_possible();
	uint16_t *node = stress_array(cpus, sizeof(*node));

	if (cpu_nodes(node, cpus) == 1)
		cpu_set_nodes(2);
	free(node);
}

int main(int argc, char **argv)
{
	const struct options options = options_parse(argc, argv);
	struct tally tally = {0};
	char why[POOL_REASON_BYTES];
	struct rlimit stack;

	if (options.program_count != 0)
		return conduct(&options);

	if (pools_validate(why) != 0) {
		fprintf(stderr, "nblbench stress: %s\n", why);
		return EXIT_FAILURE;
	}
	pretend_nodes();
	if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < STACK_MIN_KIB << 10) {
		fprintf(stderr,
			"nblbench stress: the stack is limited to %ju KiB (ulimit -s); it must be "
			"at least %d\n",
			(uintmax_t)stack.rlim_cur >> 10, STACK_MIN_KIB);
		return EXIT_FAILURE;
	}
	if (options.record != NULL && (tally.record = fopen(options.record, "w")) == NULL) {
		fprintf(stderr, "nblbench stress: cannot write %s: %s\n", options.record,
			strerror(errno));
		return EXIT_FAILURE;
	}
	trust_record_build(tally.record, build_name());
	printf("seed %" PRIu64 ", %" PRIu32 " threads, %g s each, %s build\n", options.seed,
		options.threads, options.seconds, build_name());
	for (size_t p = 0; pools[p] != NULL; p++) {
		for (size_t s = 0;
			scenarios[s] != NULL && options_chosen(&options.pools, pools[p]->name);
			s++) {
			const struct attack attack = {.options = &options,
				.ops = pools[p],
				.scenario = scenarios[s],
				.seconds = options.seconds};

			if (options_chosen(&options.scenarios, scenarios[s]->name))
				run_pool(&attack, &tally);
		}
	}
	for (size_t c = 0; controls[c] != NULL; c++) {
		if (options_chosen(&options.pools, controls[c]->ops->name) &&
			options_chosen(&options.scenarios, controls[c]->scenario))
			run_control(controls[c], &options, &tally);
	}
	tags_print(stdout, &tally.tags);
	printf("%" PRIu32 " ok, %" PRIu32 " failed, %" PRIu32 " skipped; controls: %" PRIu32
	       " caught, %" PRIu32 " missed, %" PRIu32 " unseen by this build\n",
		tally.ok, tally.failed, tally.skipped, tally.caught, tally.missed, tally.unseen);
	if (tally.failed + tally.missed != 0)
		return EXIT_FAILURE;
	if (tally.ok + tally.caught > 0)
		return EXIT_SUCCESS;
	if (tally.skipped + tally.unseen == 0) {
		fputs("nblbench stress: the controls that were asked for belong to other "
		      "scenarios; --list tells which\n",
			stderr);
		return OPTIONS_STATUS_USAGE;
	}
	fputs("nblbench stress: nothing was tried: all that was asked for is skipped here, for "
	      "the reasons above\n",
		stderr);
	return CHILD_STATUS_SKIPPED;
}
