/* The command line of `nblbench stress`. */
#ifndef STRESS_OPTIONS_H
#define STRESS_OPTIONS_H

#include "stress/controls.h"
#include "stress/stress.h"

enum {
	OPTIONS_STATUS_USAGE = 2, /* exit status for wrong usage */
	OPTIONS_NAMES_MAX = 64,
	OPTIONS_PROGRAMS_MAX = 8,
};

/* The names of an option's list; none means all. */
struct option_names {
	char *name[OPTIONS_NAMES_MAX];
	uint32_t count;
};

struct options {
	struct option_names pools; /* may name controls, too */
	struct option_names scenarios;
	double seconds;
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

/*
 * Understands argv, or ends the program: with status 2 and a sentence for wrong usage, with 0 after
 * --list and --help. argv's words are cut up and kept.
 */
struct options options_parse(int argc, char **argv);

/* True if name is among names, or names is empty. */
bool options_chosen(const struct option_names *names, const char *name);

/* By name; NULL if there is none. */
const struct control *find_control(const char *name);
const struct scenario *find_scenario(const char *name);

#endif
