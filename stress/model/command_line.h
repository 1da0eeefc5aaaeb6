/* The command line of nblbench-model. */
#ifndef STRESS_MODEL_COMMAND_LINE_H
#define STRESS_MODEL_COMMAND_LINE_H

#include "stress/model/scenario.h"

#include <stdio.h>

enum { MODEL_STATUS_USAGE = 2, MODEL_STATUS_SKIPPED = 77, MODEL_NAMES_MAX = 64 };

/* The names of an option's list; none means all. */
struct model_names {
	char *name[MODEL_NAMES_MAX];
	uint32_t count;
};

struct model_options {
	struct model_names pools, scenarios;
	struct model_bounds bounds;
	uint64_t limit;
	uint64_t random; /* executions; 0: all within bounds */
	uint32_t depth;
	uint64_t seed;
	const char *replay;
	bool counts;
	bool controls;      /* only they */
	FILE *record;       /* for who started this layer; NULL: nobody reads it */
	const char *golden; /* NULL: nothing is expected of counts */
};

/*
 * Understands argv, or ends the program: with status 2 and a sentence for wrong usage, with 0 after --list and
 * --help, with 77 where nothing that a layer was given is of this one. argv's words are cut up and kept.
 */
struct model_options model_command_line(int argc, char **argv);

/* True if name is among names, or names is empty. */
bool model_chosen(const struct model_names *names, const char *name);

/* A pool or a control; NULL: there is none. */
const struct pool_ops *model_find_ops(const char *name);

/* Ends the program with status 2 and the sentence. */
__attribute__((format(printf, 1, 2))) _Noreturn void model_usage_error(const char *format, ...);

#endif
