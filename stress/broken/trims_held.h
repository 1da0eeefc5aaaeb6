/*
 * trims_held: gives a page back of which one object is still held. Its bulk get, which a trim
 * calls, drops the page of some object without looking whose it is, as a trim would that forgot one
 * of a page's objects.
 */
#ifndef STRESS_BROKEN_TRIMS_HELD_H
#define STRESS_BROKEN_TRIMS_HELD_H

#include "stress/controls.h"

static uint32_t trims_held_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	static _Thread_local uint64_t random = 1;
	const size_t page = memory_page_bytes(MEMORY_PAGES_ORDINARY);
	const uint32_t carved = slab_carved(pool->slab);

	if (carved != 0) {
		unsigned char *at = slab_object(pool->slab, stress_below(&random, carved));

		memory_discard(at - (uintptr_t)at % page, page);
	}
	return treiber_tag_get_bulk(pool, thread, objs, n);
}

static const struct pool_ops trims_held_ops = {
	.name = "trims_held",
	.summary = "gives a page back while an object on it is held",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true, .trims = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = treiber_tag_put,
	.get_bulk = trims_held_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_trims_held = {
	.ops = &trims_held_ops,
	.scenario = "trim",
	.sign = "was written to while",
	.other_sign =
		"is free and yet in use", /* a page that is given back says 0, also of owners */
};

#endif
