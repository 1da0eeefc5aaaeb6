/* See broken.h. Instrumented, as the pools are. */
#include "stress/model/broken.h"
#include "alloc/pool/rseq_arr.h"
#include "alloc/pool/urcu_lfs_gp.h"
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

/* seldom_there: a way that no scenario is long enough for, with an operation that nothing is known of. */
static void *seldom_there_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	const tagged head = atom_load_relaxed(&self->stack.head);

	if (unlikely(head >> 48 != 0))
		atom_store_relaxed(&self->stack.head, head);
	return treiber_tag_get(pool, thread);
}

CONTROL_WITH_GET(seldom_there, treiber_tag_parts, "a store that no execution comes to")

#if NBLBENCH_URCU

/* unguarded: urcu_lfs_gp whose get takes no read lock, so that no grace period waits for it. */
static void *unguarded_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	struct urcu_lfs_gp_node *node = (struct urcu_lfs_gp_node *)__cds_lfs_pop(&self->stack);

	return node != NULL ? side_nodes_object(&self->nodes, node, sizeof(*node))
			    : pool_grow(pool, thread);
}

POOL_GET_EACH(unguarded)

/* impatient: urcu_lfs_gp whose put waits for no grace period. */
static void impatient_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	struct urcu_lfs_gp_node *node = side_nodes_node(&self->nodes, object, sizeof(*node));

	(void)thread;
	cds_lfs_push(&self->stack, &node->node);
}

POOL_PUT_EACH(impatient)

#define GRACE_CONTROL(its_name, its_summary, getter, putter) \
	static const struct pool_ops its_name##_ops = {      \
		.name = #its_name,                           \
		.summary = its_summary,                      \
		.traits = {.progress = POOL_LOCK_FREE},      \
		.supported = pool_supported_always,          \
		POOL_LIFE_CYCLE(urcu_lfs_gp_parts),          \
		.get = getter##_get,                         \
		.put = putter##_put,                         \
		.get_bulk = getter##_get_bulk,               \
		.put_bulk = putter##_put_bulk,               \
		.flush = urcu_flush,                         \
		.withheld = urcu_withheld,                   \
	};
GRACE_CONTROL(unguarded, "a pop by RCU without the read lock", unguarded, urcu_lfs_gp)
GRACE_CONTROL(impatient, "a push by RCU without the grace period", urcu_lfs_gp, impatient)

#endif

const struct model_control model_controls[] = {
	{&treiber_untagged_ops, "were handed out first", NULL}, /* ABA */
	{&walks_untagged_ops, "given out twice", NULL},
	{&treiber_relaxed_ops, "data race", NULL},
	{&stale_head_ops, "given out twice", NULL},
	{&empty_early_ops, "get finds all but", NULL},
	{&outside_section_ops, "given out twice", NULL},
#if NBLBENCH_URCU
	{&unguarded_ops, "data race", NULL},
	{&impatient_ops, "data race", NULL},
#endif
	{&seldom_there_ops, "an atomic site was not reached", "seldom_there_get"},
	{NULL, NULL, NULL},
};
