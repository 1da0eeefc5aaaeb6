/* The command line of `nblbench stress`. */
#ifndef STRESS_OPTIONS_H
#define STRESS_OPTIONS_H

#include "stress/controls.h"
#include "stress/stress.h"
#include "stress/words.h"

enum { OPTIONS_PROGRAMS_MAX = 8 };

struct options {
	struct option_names pools; /* may name controls, too */
	struct option_names scenarios;
	double seconds;
	double soak_s; /* layers are run again until then; 0: once */
	uint32_t threads;
	uint64_t seed;
	bool in_process;      /* runs are not forked off */
	const char *json;     /* where trust.json goes; NULL: nowhere */
	const char *record;   /* where a line for each run goes; NULL: nowhere */
	const char *revision; /* of the source, or "unknown" */
	/* The layers to run (layers.def), each by a program; none: this program runs its own attacks. */
	struct option_program {
		uint32_t layer;
		const char *path;
	} programs[OPTIONS_PROGRAMS_MAX];
	uint32_t program_count;
	const char *program;
};

/* Names of a program's own that --pool may have beside those of pools and controls; NULL: it has none. Set before. */
extern bool (*options_knows)(const char *name);

/*
 * Understands argv, or ends the program: with status 2 and a sentence for wrong usage, with 0 after
 * --list and --help. argv's words are cut up and kept.
 */
struct options options_parse(int argc, char **argv);

/* By name; NULL if there is none. */
const struct control *find_control(const char *name);
const struct scenario *find_scenario(const char *name);

#endif
