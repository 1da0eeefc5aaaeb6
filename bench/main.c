/* The program: picks a command by its name. */
#include "bench/command/command.h"

#include "alloc/machine/compiler.h"
#include "alloc/pool.h"
#include "bench/base/options.h"
#include "bench/report/report.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/revision.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* What the largest frames, those of reports and of threads, need by far. */
enum { STACK_BYTES = 1 << 20 };

static const struct command *const commands[] = {
	&command_sweep,
	&command_report,
	&command_compare,
	&command_ratios,
	&command_merge,
	&command_list,
	&command_info,
	&command_run,
	&command_micro,
	&command_count,
	&command_refusals,
	&command_selftest,
	&command_worker,
};

/* The launcher's own commands, which it doesn't hand on. */
static const char *const launcher_commands[] = {"stress", "test", "setup"};

/* The names that a user may type; hidden commands are not among them. */
static const char *known_command(size_t i)
{
	if (i < array_count(launcher_commands))
		return launcher_commands[i];
	i -= array_count(launcher_commands);
	for (size_t c = 0; c < array_count(commands); c++) {
		if (commands[c]->summary != NULL && i-- == 0)
			return commands[c]->name;
	}
	return NULL;
}

static int print_help(FILE *out)
{
	fprintf(out, "Usage: nblbench COMMAND [OPTION]..., or nblbench --version\n\n"
		     "Pools of packet descriptors and per-packet context, measured against each "
		     "other.\n\nCommands:\n");
	for (size_t i = 0; i < array_count(commands); i++) {
		if (commands[i]->summary != NULL)
			fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	}
	fprintf(out, "\n'nblbench COMMAND --help' lists the options of a command with their units "
		     "and defaults.\n"
		     "A first look: 'nblbench sweep --quick' takes a minute.\n"
		     "The launcher, ./nblbench in the repository, has three more: ");
	for (size_t i = 0; i < array_count(launcher_commands); i++)
		fprintf(out, "%s%s", i == 0 ? "" : ", ", launcher_commands[i]);
	fprintf(out, ".\n");
	return ferror(out) ? COMMAND_FAILED : COMMAND_OK;
}

static int print_version(void)
{
	printf("nblbench %s, revision %s, build %s, %s%s\n", revision_version, revision_text,
		build_id(), revision_compiler, revision_flags);
	return COMMAND_OK;
}

/*
 * Room for the stack, which grows as far as the limit that holds then, and for those of threads,
 * whose size the C library took from the limit when the program began. False, with a sentence, where
 * the hard limit is too low.
 */
static bool has_stack(void)
{
	struct rlimit limit;
	pthread_attr_t attributes;

	if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK_BYTES)
		return true;
	if (limit.rlim_max < STACK_BYTES) {
		fprintf(stderr,
			"nblbench: the stack is limited to %ju KiB (ulimit -s); it must be at "
			"least %d.\n",
			(uintmax_t)limit.rlim_max >> 10, STACK_BYTES >> 10);
		return false;
	}
	limit.rlim_cur = STACK_BYTES;
	setrlimit(RLIMIT_STACK, &limit);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
	return true;
}

/* What was printed has arrived, or the status says that it has not. */
static int check_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "nblbench: the output can't be written: %s.\n",
		errno != 0 ? strerror(errno) : "a write failed");
	return status == COMMAND_OK ? COMMAND_FAILED : status;
}

int main(int argc, char **argv)
{
	char text[1024];

	/* A write past the limit of a file's size (ulimit -f) fails like any other then. */
	signal(SIGXFSZ, SIG_IGN);
	if (!has_stack())
		return COMMAND_FAILED;
	if (pools_validate(text) != 0) {
		fprintf(stderr, "nblbench: %s.\n", text);
		return COMMAND_FAILED;
	}
	if (argc < 2) {
		print_help(stderr);
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0)
		return check_output(print_help(stdout));
	if (strcmp(argv[1], "--version") == 0)
		return check_output(print_version());
	for (size_t i = 0; i < array_count(commands); i++) {
		if (strcmp(commands[i]->name, argv[1]) == 0)
			return check_output(commands[i]->run(argc - 1, argv + 1));
	}
	for (size_t i = 0; i < array_count(launcher_commands); i++) {
		if (strcmp(launcher_commands[i], argv[1]) == 0) {
			fprintf(stderr,
				"nblbench: '%s' is a command of the launcher: ./nblbench %s in the "
				"repository\n",
				argv[1], argv[1]);
			return COMMAND_USAGE;
		}
	}
	options_hint(text, sizeof(text), argv[1], known_command);
	fprintf(stderr, "nblbench: there is no command '%s'%s\n", argv[1], text);
	return COMMAND_USAGE;
}
