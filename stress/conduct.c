#include "stress/conduct.h"

#include "stress/base/child.h"
#include "stress/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether a layer's program has a sanitizer in it. */
static const bool sanitized[] = {
#define LAYER(name, preset, program, when) #when[0] != 'a' || #when[1] != 'l',
#include "stress/layers.def"
};
_Static_assert(sizeof(sanitized) <= OPTIONS_PROGRAMS_MAX, "each layer has its place");

enum { WORDS_MAX = 32, LIST_BYTES = 4096, NUMBER_BYTES = 32 };

#define FAILURES "stress-failures.txt"

/* The names with commas between them, as they were typed. */
static void join(const struct option_names *names, char *text)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < names->count; i++)
		length += (size_t)snprintf(text + length,
			length < LIST_BYTES ? LIST_BYTES - length : 0, "%s%s", i != 0 ? "," : "",
			names->name[i]);
}

/* In the child. The sanitizers need room that address randomisation may have taken. */
_Noreturn static void become(
	const struct options *o, const struct option_program *layer, const char *record)
{
	static char pool_list[LIST_BYTES], scenario_list[LIST_BYTES];
	static char seconds[NUMBER_BYTES], threads[NUMBER_BYTES], seed[NUMBER_BYTES];
	const char *words[WORDS_MAX] = {layer->path, "--record", record, "--seconds", seconds,
		"--threads", threads, "--seed", seed};
	size_t n = 9;
	const int flags = personality(0xffffffff);

	snprintf(seconds, sizeof(seconds), "%g", o->seconds);
	snprintf(threads, sizeof(threads), "%" PRIu32, o->threads);
	snprintf(seed, sizeof(seed), "%" PRIu64, o->seed);
	join(&o->pools, pool_list);
	join(&o->scenarios, scenario_list);
	if (o->pools.count != 0) {
		words[n++] = "--pool";
		words[n++] = pool_list;
	}
	if (o->scenarios.count != 0) {
		words[n++] = "--scenario";
		words[n++] = scenario_list;
	}
	if (o->in_process)
		words[n++] = "--in-process";
	if (sanitized[layer->layer] && flags != -1)
		personality((unsigned long)flags | ADDR_NO_RANDOMIZE);
	execv(layer->path, (char *const *)words);
	fprintf(stderr, "nblbench stress: cannot start %s: %s\n", layer->path, strerror(errno));
	_exit(EXIT_FAILURE);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

/* Runs one layer. False: it did not end as its runs say. */
static bool run_layer(
	const struct options *options, const struct option_program *program, struct trust *trust)
{
	const uint64_t start_ns = stress_now_ns();
	char record[NUMBER_BYTES];
	const int fd = memfd_create("layer", 0); /* inherited */
	int status;

	if (fd < 0) {
		fprintf(stderr, "nblbench stress: no memory for what a layer tells: %s\n",
			strerror(errno));
		exit(EXIT_FAILURE);
	}
	snprintf(record, sizeof(record), "/proc/self/fd/%d", fd);
	printf("\n-- %s --\n", trust_layer_names[program->layer]);
	fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0)
		become(options, program, record);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	FILE *file = fdopen(fd, "r");
	rewind(file);
	const size_t before = trust->count;
	bool sound = pid > 0 && trust_read(trust, program->layer, file) && WIFEXITED(status);
	fclose(file);
	trust->layer[program->layer].seconds += (double)(stress_now_ns() - start_ns) / 1e9;
	bool failed = false;
	for (size_t i = before; i < trust->count; i++)
		failed |= trust->run[i].verdict == TRUST_FAILED ||
			  trust->run[i].verdict == TRUST_MISSED;
	return sound && (failed || WEXITSTATUS(status) == EXIT_SUCCESS ||
				WEXITSTATUS(status) == CHILD_STATUS_SKIPPED);
}

/*
 * What failed, a line each, into the file that a soak leaves. Scenarios and controls that a layer has for itself are no
 * words for who starts the layers: then the line repeats all of the pool's there.
 */
static void keep_failures(const struct options *o, struct trust *trust, size_t first)
{
	FILE *file = NULL;

	for (size_t i = first; i < trust->count; i++) {
		const struct trust_run *run = &trust->run[i];

		if (run->verdict != TRUST_FAILED && run->verdict != TRUST_MISSED)
			continue;
		if (file == NULL && (file = fopen(FAILURES, "a")) == NULL) {
			fprintf(stderr, "nblbench stress: cannot write %s: %s\n", FAILURES,
				strerror(errno));
			return;
		}
		trust->failures++;
		fprintf(file, "%s: ./nblbench stress --layer %s", o->revision,
			trust_layer_names[run->layer]);
		if (pool_find(run->pool) != NULL || find_control(run->pool) != NULL)
			fprintf(file, " --pool %s", run->pool);
		if (find_scenario(run->scenario) != NULL)
			fprintf(file, " --scenario %s", run->scenario);
		fprintf(file,
			" --seconds %g --threads %" PRIu32 " --seed %" PRIu64 "\n\t%s, %s: %s\n",
			o->seconds, o->threads, run->seed, run->pool, run->scenario, run->sentence);
	}
	if (file != NULL)
		fclose(file);
}

/* All layers once, or as far as the time allows (0: as they take). False: one did not come to its end. */
static bool run_layers(const struct options *options, struct trust *trust, uint64_t end_ns)
{
	bool sound = true;

	for (uint32_t i = 0; i < options->program_count; i++) {
		const size_t before = trust->count;

		if (interrupted != 0 || (end_ns != 0 && stress_now_ns() >= end_ns))
			return sound;
		const bool ended = run_layer(options, &options->programs[i], trust);
		if (options->soak_s > 0)
			keep_failures(options, trust, before);
		if (ended || interrupted != 0)
			continue;
		sound = false;
		printf("FAILED   the layer %s did not come to its end\n",
			trust_layer_names[options->programs[i].layer]);
	}
	trust->passes += interrupted == 0;
	return sound;
}

static void print_time(double s)
{
	printf("%.0f:%02d:%02d", floor(s / 3600), (int)fmod(s / 60, 60), (int)fmod(s, 60));
}

/* Where a soak stands. */
static void print_progress(const struct options *options, const struct trust *trust, double spent_s)
{
	uint64_t operations = 0;

	for (size_t i = 0; i < trust->count; i++)
		operations += trust->run[i].operations;
	printf("\n-- soak: %" PRIu32 " passes, ", trust->passes);
	print_time(spent_s);
	fputs(" of ", stdout);
	print_time(options->soak_s);
	printf("; %" PRIu64 " operations, %" PRIu64 " failures%s --\n", operations, trust->failures,
		trust->failures != 0 ? ", kept in " FAILURES : "");
	fflush(stdout);
}

int conduct(const struct options *options)
{
	static struct trust_layer layers[OPTIONS_PROGRAMS_MAX];
	struct trust trust = {.layer = layers};
	const uint64_t start_ns = stress_now_ns();
	const uint64_t end_ns = start_ns + (uint64_t)(options->soak_s * 1e9);

	/* Hours later it would be too late to say so. */
	FILE *json = options->json != NULL ? fopen(options->json, "a") : NULL;
	if (options->json != NULL && (json == NULL || fclose(json) != 0)) {
		fprintf(stderr, "nblbench stress: cannot write %s: %s\n", options->json,
			strerror(errno));
		return EXIT_FAILURE;
	}
	if (options->soak_s > 0) {
		sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
		sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	}
	bool sound = run_layers(options, &trust, options->soak_s > 0 ? end_ns : 0);
	while (options->soak_s > 0) {
		const size_t before = trust.count;
		struct options next = *options;

		print_progress(options, &trust, (double)(stress_now_ns() - start_ns) / 1e9);
		if (interrupted != 0 || stress_now_ns() >= end_ns)
			break;
		next.seed = stress_seed(options->seed, trust.passes);
		sound &= run_layers(&next, &trust, end_ns);
		trust_join(&trust, before);
	}
	int status = trust_print(&trust, options->scenarios.count == 0 && trust.passes != 0);
	int rc = options->json != NULL ? trust_write(&trust, options, options->json) : 0;
	if (rc != 0)
		fprintf(stderr, "nblbench stress: cannot write %s: %s\n", options->json,
			strerror(-rc));
	free(trust.run);
	return sound && rc == 0 ? status : EXIT_FAILURE;
}
