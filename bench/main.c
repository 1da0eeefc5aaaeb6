/* The program: picks a command by its name. */
#include "bench/command.h"

#include "alloc/compiler.h"
#include "alloc/pool.h"
#include "bench/options.h"
#include "bench/report.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_sweep,
	&command_report,
	&command_compare,
	&command_ratios,
	&command_list,
	&command_info,
	&command_run,
	&command_micro,
	&command_worker,
};

/* The names that a user may type; hidden commands are not among them. */
static const char *known_command(size_t i)
{
	for (size_t c = 0; c < array_count(commands); c++) {
		if (commands[c]->summary != NULL && i-- == 0)
			return commands[c]->name;
	}
	return NULL;
}

static int print_help(FILE *out)
{
	fprintf(out, "Usage: nblbench COMMAND [OPTION]...\n\n"
		     "Pools of packet descriptors and per-packet context, measured against each "
		     "other.\n\nCommands:\n");
	for (size_t i = 0; i < array_count(commands); i++) {
		if (commands[i]->summary != NULL)
			fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	}
	fprintf(out, "\n'nblbench COMMAND --help' lists the options of a command with their units "
		     "and defaults.\n"
		     "A first look: 'nblbench sweep --quick' takes less than a minute.\n");
	return ferror(out) ? COMMAND_FAILED : COMMAND_OK;
}

int main(int argc, char **argv)
{
	char text[1024];

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
		return print_help(stdout);
	for (size_t i = 0; i < array_count(commands); i++) {
		if (strcmp(commands[i]->name, argv[1]) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	}
	options_hint(text, sizeof(text), argv[1], known_command);
	fprintf(stderr, "nblbench: there is no command '%s'%s\n", argv[1], text);
	return COMMAND_USAGE;
}
