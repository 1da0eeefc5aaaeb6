/*
 * The workloads at run time, and every pair of a strategy and a workload as a function to call.
 */
#ifndef BENCH_INSTANCES_H
#define BENCH_INSTANCES_H

#include "bench/workload.h"

/* The workloads in the order of workloads.def; ends in NULL. */
extern const struct workload *const workloads[];

/* By name; NULL if there is none. */
const struct workload *workload_find(const char *name);

/* How a body reaches its strategy. */
enum instance_dispatch {
	INSTANCE_FOLDED, /* the table is a constant: calls are inlined */
	INSTANCE_TABLE,  /* the table is read at run time: calls are indirect */
};

/* "folded" and "table". */
const char *instance_dispatch_name(enum instance_dispatch dispatch);

/* By name. Returns true and *out, or false if there is no such dispatch. */
bool instance_dispatch_find(const char *name, enum instance_dispatch *out);

/*
 * The case of one strategy, one dispatch and one workload, by their names. Returns true and *out,
 * of which no member is NULL, or false if a name is unknown. out->ops is the table to create the
 * pool with: a folded unit has a copy of its own, whose static data no other unit sees.
 */
bool instance_find(const char *pool, enum instance_dispatch dispatch, const char *workload,
	struct workload_case *out);

#endif
