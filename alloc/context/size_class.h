/*
 * size_class: fallback blocks come from four pools of fixed-size blocks, each of the strategy that
 * also serves the NBLs. J. Bonwick's object caches (USENIX 1994) for blocks of a few sizes.
 *
 *	Context -> [16 prefix | 16 header | backfill and slack | used]   an object of a class pool
 *	        -> [16 header | inline block]                            in the NBL
 *
 * A push is a get of such a pool and a pop a put. So the driver that pushes and the one that pops may run
 * on different CPUs, at the strategy's own price. A block has the whole Size of its class: what is left
 * over becomes backfill, and the next driver's push often lands inside.
 *
 * Classes are 1, 3, 5 and 9 cache lines with prefix and header, and not powers of two of context. The
 * slab (slab.h) spaces objects an odd number of lines apart, so these classes leave nothing unused
 * between blocks; and OVS's 32 bytes fit one line exactly. A request takes at most a third more lines
 * than it needs. Larger requests, and those that meet an empty class, go to malloc.
 *
 * The strategy is called through its table at run time. That costs 0.4 to 1.1 ns, beside a get of at
 * least 2 ns and in a path that is cold already. In return the policy composes with every strategy and
 * needs no copy of the list.
 *
 * Guarantee: a fallback fails only if its class is empty and malloc fails.
 * Worst case per NBL: 9 lines a push that met a full block, or 32 bytes and the sizes asked for
 * beyond that.
 * Steady state: one pool get and one put a fallback, malloc not called.
 * Over the strategy `null`, which hands the same object out twice, the blocks come from the default
 * strategy instead.
 * Progress: the strategy's, and blocking where malloc is reached.
 *
 * I1  A block's policy_ptr names its class, NULL if it came from malloc; its Size is the class's.
 * I2  Each class pool's own invariants, with as many objects outstanding as blocks are out.
 */
#ifndef ALLOC_CONTEXT_SIZE_CLASS_H
#define ALLOC_CONTEXT_SIZE_CLASS_H

#include "alloc/context.h"
#include "alloc/mechanism/tagged.h"

#include <errno.h>

enum {
	/* Cache lines of a block with prefix and header; odd, each, and rising. See above. */
	SIZE_CLASS_LINES_0 = 1,
	SIZE_CLASS_LINES_1 = 3,
	SIZE_CLASS_LINES_2 = 5,
	SIZE_CLASS_LINES_3 = 9,
	SIZE_CLASSES = 4,
	SIZE_CLASS_LINES_MAX = SIZE_CLASS_LINES_3,
	/*
	 * Blocks that a class has at least, so that pools of few NBLs do not run dry over what
	 * their CPUs' caches hold; 0..2^20. Addresses only: a block costs memory at its first use.
	 */
	SIZE_CLASS_BLOCKS_MIN = 4096,
};
_Static_assert(SIZE_CLASS_LINES_0 % 2 == 1 && SIZE_CLASS_LINES_1 % 2 == 1 &&
		       SIZE_CLASS_LINES_2 % 2 == 1 && SIZE_CLASS_LINES_3 % 2 == 1,
	"blocks stand an odd number of lines apart");
_Static_assert(SIZE_CLASS_LINES_0 < SIZE_CLASS_LINES_1 && SIZE_CLASS_LINES_1 < SIZE_CLASS_LINES_2 &&
		       SIZE_CLASS_LINES_2 < SIZE_CLASS_LINES_3,
	"the smallest class that fits is the first");
_Static_assert(SIZE_CLASS_BLOCKS_MIN >= 0 && SIZE_CLASS_BLOCKS_MIN <= 1 << 20, "addresses only");

/* The block header, and what stands before it. */
enum {
	SIZE_CLASS_HEAD_BYTES = sizeof(struct context_prefix) + sizeof(NET_BUFFER_LIST_CONTEXT),
};

struct size_class {
	uint32_t index;
	uint32_t size; /* context bytes of a block */
	struct pool *pool;
};

struct size_class_context {
	struct context base;
	const struct pool_ops *ops; /* of the class pools */
	bool counted;               /* the pools conserve objects: they are no general allocator */
	/* The smallest class of so many lines. */
	struct size_class *of_lines[SIZE_CLASS_LINES_MAX + 1];
	struct size_class classes[SIZE_CLASSES];
	uint64_t out_gone[SIZE_CLASSES]; /* sums of threads that have detached; under base.lock */
};

struct size_class_thread {
	struct context_thread base;
	struct pool_thread *at[SIZE_CLASSES];
	atom_u64 out[SIZE_CLASSES]; /* blocks got less blocks put here; only this thread writes */
};

ALWAYS_INLINE void size_class_count(struct size_class_thread *thread, uint32_t index, int64_t delta)
{
	/* Relaxed, as context_keep. */
	atom_store_relaxed(
		&thread->out[index], atom_load_relaxed(&thread->out[index]) + (uint64_t)delta);
}

/* A pool get through the table, a store, three stores to the thread's own lines. */
static NOINLINE NET_BUFFER_LIST_CONTEXT *context_size_class_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct size_class_thread *thread = (struct size_class_thread *)self;
	const size_t lines =
		(context_block_bytes(bytes + backfill) + CACHE_LINE_BYTES - 1) >> CACHE_LINE_LOG2;
	struct size_class *class = NULL;
	void *memory = NULL;

	(void)nbl;
	if (likely(lines <= SIZE_CLASS_LINES_MAX)) {
		class = classes->of_lines[lines];
		memory = classes->ops->get(class->pool, thread->at[class->index]);
	}
	if (unlikely(memory == NULL)) {
		NET_BUFFER_LIST_CONTEXT *loose = context_malloc_block(self, bytes + backfill, tag);

		if (likely(loose != NULL))
			context_prefix(loose)->policy_ptr = NULL;
		return loose;
	}
	NET_BUFFER_LIST_CONTEXT *block = context_block(memory);
	struct context_prefix *prefix = context_prefix(block);
	/* Fresh from the slab it is zero, and was not kept before. */
	if (classes->counted && prefix->policy_ptr != NULL)
		context_keep(self, -(int64_t)context_block_bytes(class->size));
	prefix->policy_ptr = class;
	context_set_unused(block, class->size);
	context_charge(self, block, tag);
	size_class_count(thread, class->index, 1);
	self->paths.reuse++;
	return block;
}

static NOINLINE void context_size_class_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct size_class_thread *thread = (struct size_class_thread *)self;
	struct context_prefix *prefix = context_prefix(block);
	struct size_class *class = prefix->policy_ptr;

	(void)nbl;
	if (unlikely(class == NULL)) {
		context_free_block(self, block);
		return;
	}
	INVARIANT(I1, class == &classes->classes[class->index] && block->Size == class->size);
	context_uncharge(self, block);
	if (classes->counted)
		context_keep(self, (int64_t)context_block_bytes(class->size));
	size_class_count(thread, class->index, -1);
	classes->ops->put(class->pool, thread->at[class->index], prefix);
}

static void context_size_class_destroy(struct context *context)
{
	struct size_class_context *classes = (struct size_class_context *)context;

	for (uint32_t i = 0; i < SIZE_CLASSES; i++) {
		if (classes->classes[i].pool != NULL)
			pool_destroy(classes->classes[i].pool);
	}
	memory_free(classes, sizeof(*classes));
}

static int size_class_init(struct size_class_context *self, const struct context_config *config,
	uint32_t index, uint32_t lines)
{
	struct size_class *class = &self->classes[index];
	const uint32_t most = TAGGED_UNIT_MAX / lines; /* what a slab can name */
	uint32_t blocks = config->capacity;

	if (blocks < SIZE_CLASS_BLOCKS_MIN)
		blocks = SIZE_CLASS_BLOCKS_MIN;
	class->index = index;
	class->size = lines * CACHE_LINE_BYTES - SIZE_CLASS_HEAD_BYTES;
	for (uint32_t n = lines; n > 0 && self->of_lines[n] == NULL; n--)
		self->of_lines[n] = class;
	return pool_create(self->ops,
		&(struct pool_config){
			.object_bytes = context_block_bytes(class->size),
			.capacity = blocks < most ? blocks : most,
		},
		&class->pool);
}

static int context_size_class_create(const struct context_config *config, struct context **out)
{
	static const uint32_t lines[SIZE_CLASSES] = {
		SIZE_CLASS_LINES_0, SIZE_CLASS_LINES_1, SIZE_CLASS_LINES_2, SIZE_CLASS_LINES_3};
	struct size_class_context *self = memory_alloc(sizeof(*self));
	const struct pool_ops *ops = config->pool_ops;

	if (self == NULL)
		return -ENOMEM;
	if (ops == NULL || ops->traits.kind == POOL_KIND_NULL)
		ops = pool_default();
	self->ops = ops;
	self->counted = ops->traits.kind == POOL_KIND_POOL;
	self->base.inline_bytes = config->context_bytes;
	for (uint32_t i = 0; i < SIZE_CLASSES; i++) {
		int rc = size_class_init(self, config, i, lines[i]);

		if (rc != 0) {
			context_size_class_destroy(&self->base);
			return rc;
		}
	}
	*out = &self->base;
	return 0;
}

static void context_size_class_detach(struct context *context, struct context_thread *self)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct size_class_thread *thread = (struct size_class_thread *)self;

	pthread_mutex_lock(&context->lock);
	for (uint32_t i = 0; i < SIZE_CLASSES; i++)
		classes->out_gone[i] += atom_load_relaxed(&thread->out[i]);
	pthread_mutex_unlock(&context->lock);
	for (uint32_t i = 0; i < SIZE_CLASSES; i++) {
		if (thread->at[i] != NULL)
			classes->ops->detach(classes->classes[i].pool, thread->at[i]);
	}
	context_detach_sized(context, self, sizeof(*thread));
}

static int context_size_class_attach(struct context *context, struct context_thread **out)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct context_thread *self;
	int rc = context_attach_sized(context, sizeof(struct size_class_thread), &self);

	if (rc != 0)
		return rc;
	struct size_class_thread *thread = (struct size_class_thread *)self;
	for (uint32_t i = 0; i < SIZE_CLASSES; i++) {
		rc = classes->ops->attach(classes->classes[i].pool, &thread->at[i]);
		if (rc != 0) {
			context_size_class_detach(context, self);
			return rc;
		}
	}
	*out = self;
	return 0;
}

/* The class pools' handles are the thread's too. */
static void context_size_class_adopt(struct context *context, struct context_thread *self)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct size_class_thread *thread = (struct size_class_thread *)self;

	for (uint32_t i = 0; i < SIZE_CLASSES; i++)
		pool_adopt(classes->classes[i].pool, thread->at[i]);
}

static void context_size_class_flush(struct context *context, struct context_thread *self)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	struct size_class_thread *thread = (struct size_class_thread *)self;

	for (uint32_t i = 0; i < SIZE_CLASSES; i++)
		classes->ops->flush(classes->classes[i].pool, thread->at[i]);
}

static int context_size_class_check(struct context *context, char *why)
{
	struct size_class_context *classes = (struct size_class_context *)context;
	int rc = context_check_kept(context, why);

	for (uint32_t i = 0; rc == 0 && classes->counted && i < SIZE_CLASSES; i++) {
		pthread_mutex_lock(&context->lock);
		uint64_t out = classes->out_gone[i];
		for (struct context_thread *t = context->threads; t != NULL; t = t->next)
			out += atom_load_relaxed(&((struct size_class_thread *)t)->out[i]);
		pthread_mutex_unlock(&context->lock);
		rc = classes->ops->check(classes->classes[i].pool, out, why); /* I2 */
	}
	return rc;
}

/* I1 */
static int context_size_class_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	struct size_class_context *classes = (struct size_class_context *)context;

	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		if (context_is_inline(context, nbl, b) || context_prefix(b)->policy_ptr == NULL)
			continue;
		uint32_t i = 0;
		while (i < SIZE_CLASSES && context_prefix(b)->policy_ptr != &classes->classes[i])
			i++;
		if (i == SIZE_CLASSES || b->Size != classes->classes[i].size) {
			snprintf(why, CONTEXT_REASON_BYTES,
				"the context block of %u bytes on NBL %p is of no known class",
				b->Size, (void *)nbl);
			return -EINVAL;
		}
	}
	return 0;
}

static const struct context_ops context_size_class_ops = {
	.name = "size_class",
	.summary = "fallback blocks of 1, 3, 5 or 9 lines from pools of the NBLs' strategy",
	.traits = {.progress = POOL_BLOCKING, .retains = true},
	.create = context_size_class_create,
	.destroy = context_size_class_destroy,
	.attach = context_size_class_attach,
	.adopt = context_size_class_adopt,
	.detach = context_size_class_detach,
	.alloc = context_size_class_alloc,
	.free = context_size_class_free,
	.flush = context_size_class_flush,
	.kept_bytes = context_kept,
	.check = context_size_class_check,
	.check_nbl = context_size_class_check_nbl,
};

#endif
