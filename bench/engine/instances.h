/*
 * The workloads at run time, and every pair of a strategy and a workload as a function to call.
 */
#ifndef BENCH_ENGINE_INSTANCES_H
#define BENCH_ENGINE_INSTANCES_H

#include "alloc/context.h"
#include "bench/workload.h"

/* The workloads in the order of workloads.def; ends in NULL. */
extern const struct workload *const workloads[];

/* By name; NULL if there is none. */
const struct workload *workload_find(const char *name);

/* How a body reaches its strategy. */
enum instance_dispatch {
	/*
	 * The table is a constant: calls are inlined. Builds that check contracts, which nobody
	 * measures, do so for some strategies and read the table of the others at run time.
	 */
	INSTANCE_FOLDED,
	INSTANCE_TABLE, /* the table is read at run time: calls are indirect */
	/*
	 * The folded unit once more, byte for byte, at other addresses: how fast the same code is there
	 * tells what the place of code is worth. Of few strategies: instance_is_moved.
	 */
	INSTANCE_MOVED,
};

/* "folded", "table" and "moved". */
const char *instance_dispatch_name(enum instance_dispatch dispatch);

/* By name. Returns true and *out, or false if there is no such dispatch. */
bool instance_dispatch_find(const char *name, enum instance_dispatch *out);

/*
 * What competes has a name: that of a strategy, "mag_tls"; or, where context policies compete, a
 * strategy's and a policy's, "mag_tls+sticky". All policies exist over one strategy, whose name
 * instance_context_pool is, folded, and for workloads that push context. In the whole there are pairs of
 * others too.
 */
enum { INSTANCE_NAME_BYTES = 64 };
extern const char instance_context_pool[];

/* These pairs, folded, for workloads of the whole; ends in one of NULLs. Builds that nobody measures have none. */
struct instance_pair {
	const char *name; /* "rseq_arr+sticky" */
	const char *pool, *context;
};
extern const struct instance_pair instance_pairs[];

/* The policy beneath a strategy that has none in its name, where context is pushed (nbl_load.h). */
extern const char instance_context_reference[];

/* The strategy, or the policy, of a subject's name. NULL: unknown, or the name has no policy. */
const struct pool_ops *instance_pool(const char *subject);
const struct context_ops *instance_context(const char *subject);

/* Whether the strategy of that name has a moved unit. In builds that nobody measures none has. */
bool instance_is_moved(const char *pool);

/*
 * The case of one subject, one dispatch and one workload, by their names. Returns true and *out, of
 * which no member is NULL, or false if there is none. out->ops is the table to create the pool
 * with: a folded unit has a copy of its own, whose static data no other unit sees.
 */
bool instance_find(const char *subject, enum instance_dispatch dispatch, const char *workload,
	struct workload_case *out);

#endif
