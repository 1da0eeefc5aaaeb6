/*
 * What a sweep is asked for: the table of its options, the command as its store keeps it, and where its
 * results go.
 */
#ifndef BENCH_SWEEP_REQUEST_H
#define BENCH_SWEEP_REQUEST_H

#include "bench/sweep/plan.h"

#include <stdbool.h>

enum { REQUEST_COMMAND_BYTES = 2048 };

/* Where results go unless --out or --store says otherwise. */
#define REQUEST_USUAL_DIRECTORY "nblbench-out"

struct request {
	struct plan_request plan;
	const char *out, *store; /* NULL: not said. Both point into argv */
	bool fresh, dry_run;
};

/* As options_parse, for `sweep`. The request holds the defaults beforehand. */
bool request_parse(int argc, char **argv, struct request *request, int *status);

/*
 * The command line as it was typed, for the store; but where the results go is this machine's business,
 * and a store is given away: DIR and FILE stand for it. text has REQUEST_COMMAND_BYTES.
 */
void request_command(int argc, char **argv, const struct request *request, char *text);

/*
 * Where things go: --out and --store, or a directory named for what is asked. Both of PATH_MAX
 * bytes; false if a path doesn't fit.
 */
bool request_paths(
	const struct request *request, const struct plan *plan, char *out, char *store_path);

#endif
