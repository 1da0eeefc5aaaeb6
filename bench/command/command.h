/*
 * A command of the program: `nblbench <name> <arguments>`. Each lives in a source of its own, which
 * defines one of these; main.c holds the table and picks by name.
 */
#ifndef BENCH_COMMAND_COMMAND_H
#define BENCH_COMMAND_COMMAND_H

#include "bench/base/status.h"

struct command {
	const char *name;    /* the word on the command line */
	const char *summary; /* one line for `nblbench help`; NULL hides the command from it */
	/*
	 * Runs the command and returns the exit status. argv[0] is the command's name, so that
	 * getopt_long works as in a main of its own.
	 */
	int (*run)(int argc, char **argv);
};

/* Each command, by the source that defines it. */
extern const struct command command_sweep;    /* sweep.c */
extern const struct command command_merge;    /* merge.c */
extern const struct command command_list;     /* list.c */
extern const struct command command_info;     /* info.c */
extern const struct command command_worker;   /* worker.c: hidden, started by the controller */
extern const struct command command_micro;    /* micro.c */
extern const struct command command_run;      /* run.c */
extern const struct command command_count;    /* count.c */
extern const struct command command_refusals; /* refusals.c */
extern const struct command command_selftest; /* selftest.c */

#endif
