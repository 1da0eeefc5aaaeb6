/* The program: picks a command by its name. */
#include "bench/command.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_worker,
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i]->name, argv[1]) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "nblbench: '%s' is not a command.\n", argc > 1 ? argv[1] : "");
	return COMMAND_USAGE;
}
