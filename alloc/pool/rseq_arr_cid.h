/*
 * rseq_arr_cid: `rseq_arr` with an array for each concurrency id that the kernel lends (mm_cid, Linux 6.3)
 * instead of one for each CPU. There are never more ids than threads, nor than CPUs that the process may
 * use. So a process of four threads on a machine of hundreds of CPUs fills four arrays, and no more objects
 * rest in arrays that nobody works on.
 *
 * Source: M. Desnoyers, "Extending restartable sequences with virtual CPU IDs", LWN 2022; tcmalloc's
 * per-vCPU caches are made so. Departures: those of `rseq_arr`.
 *
 * What it should win: memory, and free objects at hand, where the process may use few of the machine's CPUs or
 * has few threads. Four threads that come round on 64 CPUs with bursts leave objects in 4 arrays, 152 KiB of 256 bytes
 * each, where `rseq_arr` leaves them in 64, 2400 KiB (pool_test). What it can't: the arrays themselves, of which a page is
 * written for each possible CPU when the pool is made. An id goes with a thread to another CPU, and takes a cold array
 * along. And a search stops an array by a fence of all CPUs, since an id names none.
 *
 * The order between two users of an id is the kernel's: it hands an id on when the one has left its CPU and
 * before the other enters user mode, with full barriers in between. So program order suffices, as it does on
 * a CPU. All else is as in `rseq_arr`. A thread whose id is beyond those that the pool was made for works on
 * the depot.
 *
 * `rseq_mag` has no such row: its sections, which take the CPU's place from a table, would be written for both indexes to show
 * the same saving, of magazines in the place of arrays.
 */
#ifndef ALLOC_POOL_RSEQ_ARR_CID_H
#define ALLOC_POOL_RSEQ_ARR_CID_H

#include "alloc/pool/rseq_arr.h"

RSEQ_ARR_HOT_HOOKS(rseq_arr_cid, RSEQ_BY_CID)

static const struct pool_parts rseq_arr_cid_parts = {
	POOL_WITH_SLAB(struct cpu_arrays, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_arrays_thread),
	.init = cpu_arrays_init_by_cid,
	.fini = cpu_arrays_fini,
	.enter = cpu_arrays_enter,
	.walk = cpu_arrays_walk,
};

static const struct pool_ops pool_rseq_arr_cid_ops = {
	.name = "rseq_arr_cid",
	.summary = "rseq_arr with an array a concurrency id (mm_cid), not a CPU: fewer arrays "
		   "where CPUs are many",
	.variant_of = "rseq_arr",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq_cid,
	POOL_LIFE_CYCLE(rseq_arr_cid_parts),
	POOL_HOT_HOOKS(rseq_arr_cid),
	.adopt = cpu_arrays_adopt,
	.flush = cpu_arrays_flush,
	.lost = cpu_arrays_lost,
};

#endif
