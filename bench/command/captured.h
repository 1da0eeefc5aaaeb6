/* For tests: a command run in this process, and what it said. */
#ifndef BENCH_COMMAND_CAPTURED_H
#define BENCH_COMMAND_CAPTURED_H

#include "bench/command/command.h"

/*
 * Runs a command with the words behind `output`, up to a NULL, and returns its exit status. *output
 * becomes what it wrote to both streams, for the caller to free. Ends the test if that can't be had.
 */
int captured_run(const struct command *command, char **output, ...) __attribute__((sentinel));

/* Likewise with the words behind `text`; the test fails unless that is in what it wrote, and `status` right. */
void captured_expect(const struct command *command, int status, const char *text, ...)
	__attribute__((sentinel));

#endif
