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
	const char *against; /* where another build is; NULL: none. Into argv */
	struct options_texts peers;
	struct guest_build other; /* what became of against and peers; plan points here */
	struct guest_library libraries[GUEST_LIBRARIES_MAX];
	struct options_names gate; /* at most one: "warn", which is what none is, or "fail" */
	bool gate_fails;           /* set by request_parse */
};

/* As options_parse, for `sweep`. The request holds the defaults beforehand. */
bool request_parse(int argc, char **argv, struct request *request, int *status);

/*
 * Finds the other build and the libraries that were asked for, and enters them in request->plan. 0, or
 * -1 with a clause in why (GUEST_WHY_BYTES).
 */
int request_guests(struct request *request, char *why);

/*
 * The command line as it was typed, for the store; but where the results go and where another build is
 * are this machine's business, and a store is given away: DIR, FILE and TREE stand for them. text has
 * REQUEST_COMMAND_BYTES.
 */
void request_command(int argc, char **argv, const struct request *request, char *text);

/*
 * Where things go: --out and --store, or a directory named for what is asked. Both of PATH_MAX
 * bytes; false if a path doesn't fit.
 */
bool request_paths(
	const struct request *request, const struct plan *plan, char *out, char *store_path);

#endif
