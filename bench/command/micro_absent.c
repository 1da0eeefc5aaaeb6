/* Stands in for micro.c where Google Benchmark is not linked, and says why. */
#include "bench/command/command.h"

#include <stdio.h>

static int micro_run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fprintf(stderr, "nblbench micro: %s\n", MICRO_ABSENT_REASON);
	return COMMAND_FAILED;
}

const struct command command_micro = {
	.name = "micro",
	.summary = "run workloads under Google Benchmark (not in this build)",
	.run = micro_run,
};
