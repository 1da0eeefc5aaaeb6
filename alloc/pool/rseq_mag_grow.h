/*
 * rseq_mag_grow: `rseq_mag`, whose magazines grow while threads take turns at the depot from each other, as
 * those of `mag_tls_grow` do.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3.3; illumos and XNU's
 * skywalk do it so, a CPU's magazines each. Departures: as in `mag_tls_grow`.
 *
 * What it should win: CPUs that get what others put, many of them. What it can't: a CPU's stock is taken
 * back by an interrupt only, and that stock is larger.
 *
 * All else is as in `rseq_mag`. It lends no runs, which promise magazine_objects at most.
 */
#ifndef ALLOC_POOL_RSEQ_MAG_GROW_H
#define ALLOC_POOL_RSEQ_MAG_GROW_H

#include "alloc/pool/rseq_mag.h"

static const struct pool_parts rseq_mag_grow_parts = {
	POOL_WITH_SLAB(struct cpu_magazines, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_magazines_thread),
	.init = cpu_magazines_init_growing,
	.fini = cpu_magazines_fini,
	.enter = cpu_magazines_enter,
	.leave = cpu_magazines_leave,
	.walk = cpu_magazines_walk,
};

static const struct pool_ops pool_rseq_mag_grow_ops = {
	.name = "rseq_mag_grow",
	.summary = "rseq_mag, whose magazines grow while turns at the depot are lost",
	.variant_of = "rseq_mag",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(rseq_mag_grow_parts),
	POOL_HOT_HOOKS(rseq_mag),
	.adopt = cpu_magazines_adopt,
	.flush = cpu_magazines_flush,
	.lost = cpu_magazines_lost,
};

#endif
