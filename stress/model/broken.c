/* See broken.h. Instrumented, as the pools are. */
#include "stress/model/broken.h"
#include "alloc/pool/rseq_arr.h"
#include "stress/broken/empty_early.h"
#include "stress/broken/treiber_relaxed.h"
#include "stress/broken/treiber_untagged.h"
#include "stress/broken/walks_untagged.h"

/*
 * stale_head: a pop that reads the top without an acquire, and then a link of before it. On x86 the
 * machine code is the same, and the thread sanitizer sees no race, for links are atomic.
 */
static void *stale_head_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	tagged head = atom_load_relaxed(&self->stack.head); /* the mistake */

	for (;;) {
		uint32_t top = tagged_unit(head);

		if (top == 0)
			return pool_grow(pool, thread);
		uint32_t below = atom_load_relaxed(slab_link(&self->slab, top));
		if (atom_cas_weak_acquire(&self->stack.head, &head, tagged_next(head, below)))
			return slab_at(&self->slab, top);
	}
}

CONTROL_WITH_GET(
	stale_head, treiber_tag_parts, "a Treiber stack that follows a top without an acquire")

/*
 * outside_section: takes from a CPU's array as the section does, access by access, but outside of one:
 * nobody aborts it when another thread has the CPU in between.
 */
static void *outside_section_get(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_arrays *self = (struct cpu_arrays *)pool;
	struct rseq_array *array = &self->array[rseq_cpu(((struct cpu_arrays_thread *)thread)->rs)];
	void **top = atom_load_relaxed(&array->top);

	if (top <= (void **)atom_load_relaxed(&array->low))
		return rseq_arr_get(pool, thread);
	void *object = top[-1];
	atom_store_relaxed(&array->top, top - 1);
	return object;
}

static const struct pool_ops outside_section_ops = {
	.name = "outside_section",
	.summary = "an array a CPU, taken from by plain code",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_CPU, .exact = true},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(rseq_arr_parts),
	.get = outside_section_get,
	.put = rseq_arr_put,
	.get_bulk = rseq_arr_get_bulk,
	.put_bulk = rseq_arr_put_bulk,
	.adopt = cpu_arrays_adopt,
	.flush = cpu_arrays_flush,
};

const struct model_control model_controls[] = {
	{&treiber_untagged_ops, "were handed out first"}, /* ABA */
	{&walks_untagged_ops, "given out twice"},
	{&treiber_relaxed_ops, "data race"},
	{&stale_head_ops, "given out twice"},
	{&empty_early_ops, "get finds all but"},
	{&outside_section_ops, "given out twice"},
	{NULL, NULL},
};
