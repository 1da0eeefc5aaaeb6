/*
 * arena: each thread cuts fallback blocks off a chunk by moving a pointer; a chunk is used again
 * when the last of its blocks is gone. Region allocation with a count of live blocks, after the
 * page fragments of the Linux network stack (page_frag_alloc).
 *
 *	thread -> chunk [count | owner's words | block | block | ... | bump -> free ]   64 KiB
 *	Context -> [16 prefix | 16 header | backfill | used]    cut from a chunk
 *	        -> [16 header | inline block]                   in the NBL
 *
 * Counting. A block is never given back by itself: freeing one lowers the count of its chunk. While the
 * chunk is open, its owner counts apart from the others, in memory of its own: the *tally* is the blocks
 * that it cut less those that it freed. The others lower the chunk's count, which starts with ARENA_BIAS
 * so that it cannot reach 0 meanwhile. When the owner closes the chunk, it takes the bias less the
 * tally off the count. From then on the count is the number of live blocks, and whoever brings it to 0
 * puts the chunk on the list of empty ones.
 *
 * So a push is a few plain stores. A pop on the thread that pushed is a few more, while the chunk is
 * open. Any other pop is one locked addition.
 *
 * R0 in arena_lower, meets A0 in the same function: the release sequence of the count runs through
 * every subtraction, so whoever reads 0 sees the last use of each block and the owner's words.
 * Putting the chunk on the list and taking it off (tagged_stack.h) hands that on to the next owner.
 * The bias is stored relaxed: nobody else knows the chunk before its first block is handed over.
 *
 * An open chunk is a thread's, not a CPU's. The thread's handle is there anyway, and cutting a block
 * needs neither a lock nor a restartable sequence then.
 *
 * Guarantee: malloc is reached only for blocks above ARENA_BLOCK_BYTES, or when every chunk of the
 * reserve is pinned. Chunks never go back to the system before the pool ends.
 * Worst case per NBL: one whole chunk, for a block that outlives its 64 KiB of neighbours; with
 * lifetimes in order of birth, the block itself.
 * Progress: lock-free but for those malloc calls, which are blocking.
 *
 * I1  A carved chunk is open (one thread's), empty (on the list once) or closed.
 * I2  The live blocks in a chunk are as many as its count says: for an open chunk the count less
 *     the bias plus the owner's tally. A closed chunk has at least one.
 */
#ifndef ALLOC_CONTEXT_ARENA_H
#define ALLOC_CONTEXT_ARENA_H

#include "alloc/context.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/tagged_stack.h"

#include <errno.h>
#include <inttypes.h>

enum {
	/*
	 * A chunk: 4 KiB..1 MiB less a line, an odd number of lines, which is how slab.h spaces
	 * them. 64 KiB holds some 700 blocks of 32 context bytes, so the list of empty chunks and
	 * its locked instructions are met once in 700 pushes.
	 */
	ARENA_CHUNK_BYTES = (64 << 10) - CACHE_LINE_BYTES,
	/* The largest block that is cut, all told: at most an eighth of a chunk is left unused. */
	ARENA_BLOCK_BYTES = 8 << 10,
	/* Chunks that a pool of few NBLs has all the same: each thread has one open. 1..4096. */
	ARENA_CHUNKS_MIN = 64,
	ARENA_LIVE = 1, /* added to the length of a live block, which is a multiple of 16 */
};
_Static_assert(ARENA_CHUNK_BYTES >= 4 << 10 && ARENA_CHUNK_BYTES < 1 << 20 &&
		       ARENA_CHUNK_BYTES / CACHE_LINE_BYTES % 2 == 1 &&
		       ARENA_CHUNK_BYTES % CACHE_LINE_BYTES == 0,
	"chunks stand an odd number of lines apart");
_Static_assert(ARENA_BLOCK_BYTES <= ARENA_CHUNK_BYTES / 4 * 3, "a fresh chunk has room");
_Static_assert(ARENA_CHUNKS_MIN >= 1 && ARENA_CHUNKS_MIN <= 4096, "addresses only");

/* More blocks than a chunk can hold, so that an open chunk's count never reaches 0. */
#define ARENA_BIAS (UINT64_C(1) << 32)

enum arena_state { ARENA_EMPTY, ARENA_OPEN, ARENA_CLOSED };

struct arena_chunk {
	atom_u64 count;
	/* On a line of their own: written by the owner, and by nobody while others free. */
	CACHE_LINE_ALIGNED uint32_t
		state; /* enum arena_state; a closed one may be about to empty */
	uint32_t used; /* bytes cut off, set when closed */
	/* The blocks begin on the next line. */
	CACHE_LINE_ALIGNED unsigned char blocks[];
};

enum { ARENA_CHUNK_ROOM = ARENA_CHUNK_BYTES - sizeof(struct arena_chunk) };

struct arena_context {
	struct context base;
	struct slab slab;          /* of chunks */
	struct tagged_stack empty; /* chunks without a live block that no thread has open */
};

struct arena_thread {
	struct context_thread base;
	struct arena_chunk *chunk; /* open, or NULL */
	uint32_t bump;             /* bytes cut off it */
	uint32_t tally;            /* blocks cut off it, less those freed on this thread */
};

/* Takes n off a chunk's count; who brings it to 0 puts the chunk on the list. */
ALWAYS_INLINE void arena_lower(struct arena_context *arena, struct arena_chunk *chunk, uint64_t n)
{
	if (likely(atom_add_release(&chunk->count, UINT64_C(0) - n) != n)) /* R0, meets A0 */
		return;
	(void)atom_load_acquire(&chunk->count); /* A0, meets every R0: see above */
	chunk->state = ARENA_EMPTY;
	tagged_stack_push(&arena->empty, &arena->slab, chunk, NULL);
}

static COLD void arena_close(struct arena_context *arena, struct arena_thread *thread)
{
	struct arena_chunk *chunk = thread->chunk;

	if (chunk == NULL)
		return;
	chunk->used = thread->bump;
	chunk->state = ARENA_CLOSED;
	thread->chunk = NULL;
	arena_lower(arena, chunk, ARENA_BIAS - thread->tally);
}

/* Opens another chunk, an empty one or a new one; false: there is none. */
static COLD bool arena_turn(struct arena_context *arena, struct arena_thread *thread)
{
	uint32_t first;

	arena_close(arena, thread);
	struct arena_chunk *chunk = tagged_stack_pop(&arena->empty, &arena->slab, NULL);
	if (chunk == NULL) {
		if (slab_carve(&arena->slab, 1, &first) == 0)
			return false;
		chunk = slab_object(&arena->slab, first);
		context_keep(&thread->base, ARENA_CHUNK_ROOM);
	}
	atom_store_relaxed(&chunk->count, ARENA_BIAS);
	chunk->state = ARENA_OPEN;
	thread->chunk = chunk;
	thread->bump = 0;
	thread->tally = 0;
	return true;
}

static COLD NET_BUFFER_LIST_CONTEXT *arena_malloc(
	struct context_thread *self, uint32_t size, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = context_malloc_block(self, size, tag);

	if (block != NULL)
		context_prefix(block)->policy_ptr = NULL;
	return block;
}

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_arena_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	struct arena_context *arena = (struct arena_context *)context;
	struct arena_thread *thread = (struct arena_thread *)self;
	/* Sizes may be multiples of 8; headers stand at multiples of 16. */
	const uint32_t length =
		((uint32_t)context_block_bytes(bytes + backfill) + CONTEXT_ALIGN_BYTES - 1) &
		~(uint32_t)(CONTEXT_ALIGN_BYTES - 1);

	(void)nbl;
	if (unlikely(length > ARENA_BLOCK_BYTES))
		return arena_malloc(self, bytes + backfill, tag);
	if (unlikely(thread->chunk == NULL || thread->bump + length > ARENA_CHUNK_ROOM) &&
		unlikely(!arena_turn(arena, thread)))
		return arena_malloc(self, bytes + backfill, tag);
	NET_BUFFER_LIST_CONTEXT *block = context_block(thread->chunk->blocks + thread->bump);
	context_prefix(block)->policy_u32 = length | ARENA_LIVE;
	context_prefix(block)->policy_ptr = thread->chunk;
	context_set_unused(block, bytes + backfill);
	context_charge(self, block, tag);
	thread->bump += length;
	thread->tally++;
	context_keep(self, -(int64_t)length);
	self->paths.reuse++;
	return block;
}

ALWAYS_INLINE void context_arena_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	struct arena_thread *thread = (struct arena_thread *)self;
	struct context_prefix *prefix = context_prefix(block);
	struct arena_chunk *chunk = prefix->policy_ptr;

	(void)nbl;
	if (unlikely(chunk == NULL)) {
		context_free_block(self, block);
		return;
	}
	INVARIANT(I2, prefix->policy_u32 & ARENA_LIVE);
	context_uncharge(self, block);
	prefix->policy_u32 &= ~(uint32_t)ARENA_LIVE;
	context_keep(self, prefix->policy_u32);
	if (chunk != thread->chunk) {
		arena_lower((struct arena_context *)context, chunk, 1);
	} else if (--thread->tally == 0) {
		thread->bump = 0; /* every block that was cut is back, all of them here */
	}
}

static int context_arena_create(const struct context_config *config, struct context **out)
{
	const uint32_t most = TAGGED_UNIT_MAX / (ARENA_CHUNK_BYTES >> CACHE_LINE_LOG2);
	struct arena_context *self = memory_alloc(sizeof(*self));
	uint32_t chunks = config->capacity;

	if (self == NULL)
		return -ENOMEM;
	if (chunks < ARENA_CHUNKS_MIN)
		chunks = ARENA_CHUNKS_MIN;
	int rc = slab_init(&self->slab, ARENA_CHUNK_BYTES, CACHE_LINE_BYTES,
		chunks < most ? chunks : most, MEMORY_PAGES_ORDINARY, SLAB_WITH_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	self->base.inline_bytes = config->context_bytes;
	*out = &self->base;
	return 0;
}

static void context_arena_destroy(struct context *context)
{
	struct arena_context *self = (struct arena_context *)context;

	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static int context_arena_attach(struct context *context, struct context_thread **out)
{
	return context_attach_sized(context, sizeof(struct arena_thread), out);
}

static void context_arena_flush(struct context *context, struct context_thread *self)
{
	arena_close((struct arena_context *)context, (struct arena_thread *)self);
}

static void context_arena_detach(struct context *context, struct context_thread *self)
{
	context_arena_flush(context, self);
	context_detach_sized(context, self, sizeof(struct arena_thread));
}

/* Live blocks among the first `used` bytes of a chunk. */
static uint64_t arena_live(struct arena_chunk *chunk, uint32_t used)
{
	uint64_t live = 0;
	uint32_t length;

	for (uint32_t at = 0; at < used; at += length) {
		uint32_t mark = ((struct context_prefix *)(chunk->blocks + at))->policy_u32;

		length = mark & ~(uint32_t)ARENA_LIVE;
		if (length == 0)
			return UINT64_MAX; /* no block begins here: the walk has lost its way */
		live += mark & ARENA_LIVE;
	}
	return live;
}

/* I1 and I2 for one chunk; true if it is out of the list. */
static bool arena_chunk_out(
	struct context *context, struct arena_chunk *chunk, struct census *census)
{
	uint64_t count = atom_load_relaxed(&chunk->count);
	uint32_t used = chunk->used;
	const struct context_thread *t = context->threads;

	if (chunk->state == ARENA_EMPTY)
		return false;
	while (t != NULL && ((const struct arena_thread *)t)->chunk != chunk)
		t = t->next;
	if ((chunk->state == ARENA_OPEN) != (t != NULL)) {
		census_fail(census, "chunk %p is %s", (void *)chunk,
			t ? "a thread's and not open" : "open and no thread's"); /* I1 */
		return true;
	}
	if (t != NULL) {
		count += ((const struct arena_thread *)t)->tally - ARENA_BIAS;
		used = ((const struct arena_thread *)t)->bump;
	}
	uint64_t live = arena_live(chunk, used);
	if (live != count || (t == NULL && live == 0))
		census_fail(census, "chunk %p has %" PRIu64 " live blocks, its count says %" PRIu64,
			(void *)chunk, live, count); /* I2 */
	return true;
}

static int context_arena_check(struct context *context, char *why)
{
	struct arena_context *arena = (struct arena_context *)context;
	struct census census;
	uint64_t out = 0;
	int rc = census_begin(&census, &arena->slab, why, CONTEXT_REASON_BYTES);

	if (rc != 0)
		return rc;
	tagged_stack_census(&arena->empty, &arena->slab, &census);
	pthread_mutex_lock(&context->lock);
	for (uint32_t i = 0; i < slab_carved(&arena->slab); i++)
		out += arena_chunk_out(context, slab_object(&arena->slab, i), &census);
	pthread_mutex_unlock(&context->lock);
	rc = census_end(&census, out); /* I1: the empty ones are on the list */
	return rc ? rc : context_check_kept(context, why);
}

static const struct context_ops context_arena_ops = {
	.name = "arena",
	.summary = "blocks cut from a thread's 64 KiB chunk; a free lowers the chunk's count",
	.traits = {.progress = POOL_BLOCKING, .exact = true, .retains = true},
	.create = context_arena_create,
	.destroy = context_arena_destroy,
	.attach = context_arena_attach,
	.detach = context_arena_detach,
	.alloc = context_arena_alloc,
	.free = context_arena_free,
	.flush = context_arena_flush,
	.kept_bytes = context_kept,
	.check = context_arena_check,
};

#endif
