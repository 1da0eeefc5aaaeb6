/*
 * What a sweep is asked for, on the command line and in a job (job.h): the table of its options, which
 * are a job's keys, the command as its store keeps it, and where its results go.
 *
 * [global] holds for all cells, and the command line overrides it. Each section adds the cells of its
 * own axes over those. An axis that the command line names holds for every section, and --workload
 * there stands for all of them.
 */
#ifndef BENCH_SWEEP_REQUEST_H
#define BENCH_SWEEP_REQUEST_H

#include "bench/sweep/job.h"
#include "bench/sweep/plan.h"

#include <stdbool.h>

enum { REQUEST_COMMAND_BYTES = 2048 };

/* Where results go unless --out or --store says otherwise. */
#define REQUEST_USUAL_DIRECTORY "nblbench-out"

struct request {
	struct plan_request plan;
	const char *out, *store; /* NULL: not said. Both point into argv or the job */
	bool fresh, dry_run;
	const char *against; /* where another build is; NULL: none. Into argv */
	struct options_texts peers;
	struct guest_build other; /* what became of against and peers; plan points here */
	struct guest_library libraries[GUEST_LIBRARIES_MAX];
	struct options_names gate; /* at most one: "warn", which is what none is, or "fail" */
	bool gate_fails;           /* set by request_parse */
	bool quick;                /* a short name of a job */
	const char *job_path;      /* of --job; NULL: none */
	bool custom;               /* the command line names axes or who competes */
	bool wrong;                /* mistakes were told */
	struct job job;            /* nothing, if none was asked for */
	struct plan_group *groups; /* plan.groups, if there are any */
};

/* The i-th option of `sweep`; NULL from their end on. */
const struct options_entry *request_option(size_t i);

/*
 * As options_parse, for `sweep`; the request holds the defaults beforehand, and request_drop frees what
 * it takes. All mistakes of the command line and of the job are told, each with its option or line. True
 * then too, with `wrong` set: what is right can be looked at further, and nothing is to be run.
 */
bool request_parse(int argc, char **argv, struct request *request, int *status);
void request_drop(struct request *request);

/*
 * Finds the other build and the libraries that were asked for, and enters them in request->plan. 0, or
 * -1 with a clause in why (GUEST_WHY_BYTES).
 */
int request_guests(struct request *request, char *why);

/*
 * The command line as it was typed, for the store; but where the results go and where another build is
 * are this machine's business, and a store is given away: DIR, FILE and TREE stand for them, and a job's
 * file for its path. text has REQUEST_COMMAND_BYTES.
 */
void request_command(int argc, char **argv, const struct request *request, char *text);

/*
 * Where things go: --out and --store, or a directory named for what is asked. Both of PATH_MAX
 * bytes; false if a path doesn't fit.
 */
bool request_paths(
	const struct request *request, const struct plan *plan, char *out, char *store_path);

#endif
