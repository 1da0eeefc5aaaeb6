/*
 * One attack in one process: whatever it does, it costs its own line.
 *
 * The child is forked from a process with one thread, runs one function, and reports over a pipe;
 * what it prints is kept as evidence. A crash is named by its signal, a hang by the limit it broke,
 * a sanitizer's report by its summary.
 */
#ifndef STRESS_BASE_CHILD_H
#define STRESS_BASE_CHILD_H

#include "stress/stress.h"

#include <stdint.h>

/* The first byte of a line that a child reports. */
enum {
	CHILD_SAYS_FAILED = 'F', /* the number of the promise that was broken, and the sentence */
	CHILD_SAYS_SKIPPED = 'S',
	CHILD_SAYS_NOTE = 'N',
	CHILD_SAYS_TAG = 'T',   /* see tags.h */
	CHILD_SAYS_PATHS = 'P', /* operations, and cold paths in their order in struct pool_paths */
};

enum {
	CHILD_STATUS_SKIPPED = 77,
	CHILD_STATUS_SANITIZER = 66, /* set in sanitizer.c; TSan's own default */
	/* A sanitizer's first report with its stacks, or sixteen threads' last operations and stacks. */
	CHILD_OUTPUT_BYTES = 64 << 10,
	CHILD_TELLS_S = 2,            /* that a hanging child has to tell where it hangs */
	CHILD_REPORT_BYTES = 8 << 10, /* sentences and tags */
};

enum child_end { CHILD_PASSED, CHILD_FAILED, CHILD_SKIPPED };

struct child {
	enum child_end end;
	enum promise broken;                  /* of CHILD_FAILED */
	char sentence[STRESS_SENTENCE_BYTES]; /* a note, the failure, or the reason of the skip */
	char report[CHILD_REPORT_BYTES + 1];  /* its lines, each with its kind; ends in 0 */
	char output[CHILD_OUTPUT_BYTES + 1];  /* what it printed, from the start; ends in 0 */
	double seconds;                       /* that it took */
};

/*
 * Runs body(arg) in a child and waits for it, for limit_s seconds at most; then it and the
 * processes it started are killed. Fills *child. 0, or a negative errno when no child could be
 * made.
 */
int child_run(void (*body)(const void *arg), const void *arg, double limit_s, struct child *child);

/* What a child that passed has told of its calls (stress_paths); zero: nothing. */
void child_paths(const struct child *child, uint64_t *operations, struct pool_paths *paths);

#endif
