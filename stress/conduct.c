#include "stress/conduct.h"

#include "stress/base/child.h"
#include "stress/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
	trust->layer[program->layer].seconds = (double)(stress_now_ns() - start_ns) / 1e9;
	bool failed = false;
	for (size_t i = before; i < trust->count; i++)
		failed |= trust->run[i].verdict == TRUST_FAILED ||
			  trust->run[i].verdict == TRUST_MISSED;
	return sound && (failed || WEXITSTATUS(status) == EXIT_SUCCESS ||
				WEXITSTATUS(status) == CHILD_STATUS_SKIPPED);
}

int conduct(const struct options *options)
{
	static struct trust_layer layers[OPTIONS_PROGRAMS_MAX];
	struct trust trust = {.layer = layers};
	bool sound = true;

	for (uint32_t i = 0; i < options->program_count; i++) {
		if (run_layer(options, &options->programs[i], &trust))
			continue;
		sound = false;
		printf("FAILED   the layer %s did not come to its end\n",
			trust_layer_names[options->programs[i].layer]);
	}
	int status = trust_print(&trust, options->scenarios.count == 0);
	int rc = options->json != NULL ? trust_write(&trust, options, options->json) : 0;
	if (rc != 0)
		fprintf(stderr, "nblbench stress: cannot write %s: %s\n", options->json,
			strerror(-rc));
	free(trust.run);
	return sound && rc == 0 ? status : EXIT_FAILURE;
}
