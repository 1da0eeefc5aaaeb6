/*
 * fwps_verify: fwps_pair on a verify pool, whose freed objects are poisoned, kept out of use until 64
 * others were freed on the thread, and looked at byte by byte before they are used again. What a
 * driver's test runs pay. See the split in fwps_pair.
 *
 * 65 objects go round, so `null`, which has one, can't run here.
 */
#ifndef BENCH_WORKLOAD_FWPS_VERIFY_H
#define BENCH_WORKLOAD_FWPS_VERIFY_H

#include "bench/workload/fwps_pair.h"

ALWAYS_INLINE uint64_t workload_fwps_verify(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return workload_fwps_pair(ops, pool, t, n);
}

static uint32_t fwps_verify_demand(const struct workload_cell *cell)
{
	(void)cell;
	return NBL_QUARANTINE_OBJECTS + 1;
}

static int fwps_verify_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct nbl_pool_config verify = nbl_load_config(ops, config);

	(void)cell;
	verify.verify = true;
	return nbl_load_share(&verify, shared, pool);
}

static const struct workload workload_fwps_verify_info = {
	.name = "fwps_verify",
	.summary = "fwps_pair on a verify pool",
	.unit = "packets",
	.program = "fwps_pair's callout under test: freed objects are poisoned, quarantined and "
		   "checked.",
	.contest = CONTEST_WHOLE,
	.lane_threads = 1,
	.holds_many = true,
	.demand = fwps_verify_demand,
	.create = fwps_verify_create,
	.destroy = nbl_load_destroy_shared,
	.enter = fwps_pair_enter,
	.leave = fwps_pair_leave,
};

#endif
