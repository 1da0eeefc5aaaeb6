/*
 * mag_tls_grow: `mag_tls`, whose magazines grow while threads take turns at the depot from each other. What
 * a thread visits the depot for then lasts longer, and each visit is met by fewer others.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3.3. They count attempts that
 * find the depot's lock taken; here it has no lock, and a lost compare-and-swap is what is counted
 * (depot.h). Theirs grow by a table of sizes for sizes of objects; here by a block of slots at a time, so
 * that get and put of `mag_tls` serve them as they are.
 *
 * What it should win: many threads whose gets and puts do not balance, on many CPUs. What it can't: the
 * sizes are kept for ever, and with them what each thread keeps from the others.
 *
 * All else is as in `mag_tls`. It lends no runs, which promise magazine_objects at most.
 */
#ifndef ALLOC_POOL_MAG_TLS_GROW_H
#define ALLOC_POOL_MAG_TLS_GROW_H

#include "alloc/pool/mag_tls.h"

static const struct pool_parts mag_tls_grow_parts = {
	POOL_WITH_SLAB(struct thread_magazines, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct thread_magazines_thread),
	.init = thread_magazines_init_growing,
	.fini = thread_magazines_fini,
	.enter = thread_magazines_enter,
	.leave = thread_magazines_leave,
	.walk = thread_magazines_walk,
};

static COLD uint64_t mag_tls_grow_withheld(const struct pool *pool)
{
	return UINT64_C(2) * pool->config.magazine_objects_most;
}

static const struct pool_ops pool_mag_tls_grow_ops = {
	.name = "mag_tls_grow",
	.summary = "mag_tls, whose magazines grow while turns at the depot are lost",
	.variant_of = "mag_tls",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_THREAD,
		.trims = true,
		.paths = POOL_PATHS_CACHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(mag_tls_grow_parts),
	POOL_HOT_HOOKS(mag_tls),
	.flush = thread_magazines_flush,
	.withheld = mag_tls_grow_withheld,
	.lost = mag_tls_grow_withheld,
};

#endif
