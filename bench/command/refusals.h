/*
 * What `nblbench refusals` and its workers say to each other. A worker is nblbench-refuser, a program
 * like a user's: it has the documented calls from the shared library that it is started with, so it can be
 * started with another build's. Structs over its standard input and output, of one build.
 */
#ifndef BENCH_COMMAND_REFUSALS_H
#define BENCH_COMMAND_REFUSALS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* What a worker says first. */
struct refusals_hello {
	char library[PATH_MAX]; /* that it has the calls from; absolute, and no link */
};

enum refusals_what {
	REFUSALS_CALL,     /* the call that is refused, with the report and a handler that counts */
	REFUSALS_SENTENCE, /* a sentence as long as the report's, formatted by printf's family */
};

struct refusals_request {
	uint32_t act; /* of misuse_act */
	enum refusals_what what;
	bool verify; /* on a verify pool's objects */
	uint64_t window_ns;
};

enum { REFUSALS_WHY_BYTES = 192 };

struct refusals_answer {
	double ns;                    /* each */
	char why[REFUSALS_WHY_BYTES]; /* a clause: what came instead of the refusal; "": it came */
};

#endif
