/*
 * home_ret_node: `home_ret` with a NUMA node for a home, and a depot a node. What is at home on the node goes
 * to the CPU's array, whichever of its CPUs got it; what is not is posted to its node's depot in
 * magazines. So memory that a node touched first stays in that node's use, and no CPU of one node meets
 * one of another on a stack but when a magazine goes home.
 *
 * Sources: Bonwick and Adams 2001 had one depot for all; Linux keeps a list of partial slabs, and since 6.18
 * a barn, a node; jemalloc and tcmalloc (NUMA-aware mode) divide their free lists so. Departures: the
 * depots are lock-free (depot.h), and an object's node is remembered beside it (homes.h): no pages are asked.
 *
 * What it should win: machines of several nodes whose objects are freed on the other one. What it can't: on a
 * machine of one node it is `rseq_arr` with a look at homes that are all the same. Where runs are shorter than a
 * page (homes.h), in pools of a few pages a node, one node touches first what holds objects of two.
 *
 * A CPU whose node is not known, or beyond CPU_NODES_MAX of them, counts as one of node 0 (cpu.h).
 *
 * All else, and the edges, are as in `home_ret`. An object is in at most one place: a CPU's array, a
 * thread's open magazine, or a depot.
 */
#ifndef ALLOC_POOL_HOME_RET_NODE_H
#define ALLOC_POOL_HOME_RET_NODE_H

#include "alloc/pool/home_ret.h"

HOME_RET_PUTS(home_ret_node, HOME_NODE)

static const struct pool_parts home_ret_node_parts = {
	.pool_bytes = sizeof(struct cpu_inboxes),
	.slab_offset = offsetof(struct cpu_arrays, slab),
	.links = SLAB_WITH_LINKS,
	.thread_bytes = sizeof(struct cpu_inboxes_thread),
	.init = cpu_inboxes_init_by_node,
	.fini = cpu_inboxes_fini,
	.enter = cpu_inboxes_enter,
	.leave = cpu_inboxes_leave,
	.walk = cpu_inboxes_walk,
};

static const struct pool_ops pool_home_ret_node_ops = {
	.name = "home_ret_node",
	.summary = "home_ret, whose homes are NUMA nodes with a depot each: for machines with more "
		   "than one",
	.variant_of = "home_ret",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(home_ret_node_parts),
	.get = home_ret_get,
	.put = home_ret_node_put,
	.get_bulk = home_ret_get_bulk,
	.put_bulk = home_ret_node_put_bulk,
	.adopt = cpu_arrays_adopt,
	.flush = cpu_inboxes_flush,
	.withheld = cpu_inboxes_withheld,
	.lost = cpu_inboxes_lost,
};

#endif
