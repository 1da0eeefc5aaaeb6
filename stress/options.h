/* The command line of `nblbench stress`. */
#ifndef STRESS_OPTIONS_H
#define STRESS_OPTIONS_H

#include "stress/controls.h"
#include "stress/stress.h"

enum {
	OPTIONS_STATUS_USAGE = 2, /* exit status for wrong usage */
	OPTIONS_NAMES_MAX = 64,
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
