/* The command line of nblbench-model. */
#ifndef STRESS_MODEL_COMMAND_LINE_H
#define STRESS_MODEL_COMMAND_LINE_H

#include "stress/model/scenario.h"
#include "stress/words.h"

#include <stdio.h>

enum { MODEL_STATUS_SKIPPED = 77 };

struct model_options {
	struct option_names pools, scenarios;
	struct model_bounds bounds;
	bool default_bounds; /* none was given */
	uint64_t limit;
	uint64_t random; /* executions; 0: all within bounds */
	uint32_t depth;
	uint64_t seed;
	const char *replay;
	bool counts;
	bool first;         /* failure of a pool is enough */
	bool controls;      /* only they */
	FILE *record;       /* for who started this layer; NULL: nobody reads it */
	const char *golden; /* NULL: nothing is expected of counts */
};

/*
 * Understands argv, or ends the program: with status 2 and a sentence for wrong usage, with 0 after --list and
 * --help, with 77 where nothing that a layer was given is of this one. argv's words are cut up and kept.
 */
struct model_options model_command_line(int argc, char **argv);

/* A pool or a control; NULL: there is none. */
const struct pool_ops *model_find_ops(const char *name);

#endif
