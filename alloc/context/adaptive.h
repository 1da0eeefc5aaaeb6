/*
 * adaptive: the pool learns how much context its NBLs need beyond their inline blocks, and an NBL's
 * first fallback gets one block for all of it, which then stays with the NBL.
 *
 *	Context -> [16 prefix | 16 header | slack | used]   malloc'd at the mark's size, or larger
 *	        -> [16 header | inline block]               in the NBL
 *	word    -> the same block, whether a driver needs it or not: parked, see park.h
 *	mark    =  what 99 % of the uses needed, in cache lines with prefix and header; one a pool
 *
 * Where `sticky` keeps the largest block of each NBL, so that one deep packet in each NBL is enough
 * to make the whole pool deep, `adaptive` keeps blocks of one size, which an outlier does not move:
 * the block of the deepest 1 % is freed when it is popped. And an NBL allocates once, where sticky
 * doubles its way up.
 *
 * Objects in a pool's slab stand at fixed distances, so the inline area itself cannot grow with the
 * mark; reserving it would cost every NBL its bytes whether they are shown or not, which is
 * `headroom`. The learned bytes are therefore a block beside the NBL, paid for by NBLs that use it.
 *
 * Learns: a *use* is what an NBL goes through from its first fallback block to its last pop. Each
 * thread counts uses and, for those that the mark did not cover, how many lines would have. At the
 * end of a window it takes the lowest mark that leaves out at most 1 % of the window's uses, and
 * raises the pool's mark to it if it is higher. The first window is short, each further one twice as
 * long up to ADAPTIVE_WINDOW_MAX.
 *
 * Which uses: an NBL is counted until the mark has covered a use of it. Then its block may stay in
 * the chain (park.h), where it costs what an inline block costs and is not seen; until it does not
 * do, which is not counted either: the next use is. So each run of counted uses ends with the first
 * one that was covered, and what led to it is left out: the share of the others is that of all uses.
 *
 * Forgets: never by itself, for what drivers use *inside* a block is not seen (the push that fits
 * is two instructions in the caller). flush sets the mark to 0 and learning begins again; parked
 * blocks of another size than the mark's are freed when their NBL is next allocated, or when they
 * leave the chain.
 *
 * Guarantee: once the mark stands, an NBL allocates at its first fallback, and later only for a use
 * that needs more than the mark.
 * Worst case per NBL: 64 x mark bytes parked, at most 64 x ADAPTIVE_LINES_MAX; in use, what
 * `malloc` has, and one block of the mark.
 * Steady state: 0 allocations; what it is under `sticky`, and for a fallback a count and a compare
 * of the thread's own.
 * Progress: blocking where malloc is reached; raising the mark is lock-free.
 *
 * I1  The mark is at most ADAPTIVE_LINES_MAX.
 * I2  P1 of park.h, and a parked block's size is that of the mark it was stamped with.
 * I3  As many bytes were parked as were given back, or more.
 * I4  A parked block carries no lines, unless its NBL is in a use with a block that was no fit.
 */
#ifndef ALLOC_CONTEXT_ADAPTIVE_H
#define ALLOC_CONTEXT_ADAPTIVE_H

#include "alloc/park.h"

#include <errno.h>
#include <string.h>

enum {
	/* The mark's ceiling: the stamp that tells a block's size has so many values. 1..15. */
	ADAPTIVE_LINES_MAX = PARK_STAMPS - 1,
	/*
	 * Uses in the first window and in the longest; powers of two, 64..2^20. 256 is the least in
	 * which 1 % is more than one use; 4096 is NIC rings' worth of packets several times over.
	 */
	ADAPTIVE_WINDOW_FIRST = 256,
	ADAPTIVE_WINDOW_MAX = 4096,
	/* One use in so many may need more than the mark: the 0.99 quantile. 2..2^20. */
	ADAPTIVE_OUTLIER_IN = 100,
	ADAPTIVE_HEAD_BYTES = sizeof(struct context_prefix) + sizeof(NET_BUFFER_LIST_CONTEXT),
};
_Static_assert(
	ADAPTIVE_LINES_MAX >= 1 && (int)ADAPTIVE_LINES_MAX < (int)PARK_STAMPS, "a mark is a stamp");
_Static_assert(ADAPTIVE_WINDOW_FIRST >= 64 && ADAPTIVE_WINDOW_FIRST <= ADAPTIVE_WINDOW_MAX &&
		       ADAPTIVE_WINDOW_MAX <= 1 << 20,
	"a sample, and an end to it");
_Static_assert(ADAPTIVE_OUTLIER_IN >= 2 && ADAPTIVE_OUTLIER_IN <= 1 << 20, "a quantile");

/* The stamp of the base is the mark. */
struct adaptive_context {
	struct park park;
};

struct adaptive_thread {
	struct context_thread base;
	uint32_t window; /* length of this window in uses; a power of two */
	/* base.paths.reuse at the window's end. A use that begins otherwise brings it nearer. */
	uint64_t window_end;
	/* Uses of this window that the mark did not cover, by the lines that would have. */
	uint32_t uncovered[ADAPTIVE_LINES_MAX + 1];
};

/* Context bytes of a block of so many lines; none for 0. */
ALWAYS_INLINE uint32_t adaptive_size(uint32_t lines)
{
	return lines ? lines * CACHE_LINE_BYTES - ADAPTIVE_HEAD_BYTES : 0;
}

/* The least lines that hold so many context bytes, ADAPTIVE_LINES_MAX if none do. */
ALWAYS_INLINE uint32_t adaptive_lines(uint32_t bytes)
{
	uint32_t lines = (bytes + ADAPTIVE_HEAD_BYTES + CACHE_LINE_BYTES - 1) >> CACHE_LINE_LOG2;

	return lines < ADAPTIVE_LINES_MAX ? lines : ADAPTIVE_LINES_MAX;
}

/* Raises the pool's mark. Relaxed: it is a figure that guards no memory. */
static COLD void adaptive_raise(struct adaptive_context *adaptive, uint32_t lines)
{
	uint32_t mark = atom_load_relaxed(&adaptive->park.stamp);

	while (mark < lines && !atom_cas_weak_relaxed(&adaptive->park.stamp, &mark, lines))
		;
}

static void adaptive_begin_window(struct adaptive_thread *thread, uint32_t window)
{
	thread->window = window;
	thread->window_end = thread->base.paths.reuse + window;
	memset(thread->uncovered, 0, sizeof(thread->uncovered));
}

static SELDOM void adaptive_end_window(struct context *context, struct adaptive_thread *thread)
{
	const uint32_t outliers = thread->window / ADAPTIVE_OUTLIER_IN;
	uint32_t mark = ADAPTIVE_LINES_MAX;
	uint32_t beyond = 0;

	while (mark > 0 && beyond + thread->uncovered[mark] <= outliers)
		beyond += thread->uncovered[mark--];
	adaptive_raise((struct adaptive_context *)context, mark);
	adaptive_begin_window(
		thread, thread->window < ADAPTIVE_WINDOW_MAX ? thread->window * 2 : thread->window);
}

ALWAYS_INLINE bool adaptive_window_is_over(const struct adaptive_thread *thread)
{
	return thread->base.paths.reuse >= thread->window_end;
}

/*
 * A use needs `lines` lines and the mark is lower. known: as many were counted for it before, 0 for
 * none; that was perhaps on another thread or in another window, where this one has nothing to take
 * back.
 */
static void adaptive_uncovered(struct adaptive_thread *thread, uint32_t known, uint32_t lines)
{
	if (known != 0 && thread->uncovered[known] != 0)
		thread->uncovered[known]--;
	thread->uncovered[lines]++;
}

/*
 * The parked block is *proven*: the last use that it left at its end was covered. It may stay, out
 * of sight, until its NBL needs more.
 */
ALWAYS_INLINE bool adaptive_is_proven(NET_BUFFER_LIST_CONTEXT *block)
{
	return context_prefix(block)->policy_ptr != NULL;
}

/* The parked block, if there is one, is in the chain to stay. Idle, it is the front block then. */
static bool adaptive_is_unseen(const NET_BUFFER_LIST *nbl, const NET_BUFFER_LIST_CONTEXT *parked)
{
	return parked != NULL && park_stays(parked) &&
	       (!park_idle(parked) || nbl->Context == parked);
}

/* A block did not do that was out of sight: its NBL's next use is counted again. */
static void adaptive_into_sight(NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *parked)
{
	context_prefix(parked)->policy_ptr = NULL;
	park_hide(nbl, parked);
	if (!park_idle(parked))
		park_set_stays(parked, false);
}

/*
 * The parked block does not do. A block carries the most lines that its use was counted for, and
 * hands the figure down to the block below when it leaves.
 */
static SELDOM NET_BUFFER_LIST_CONTEXT *adaptive_misfit(struct context *context,
	struct adaptive_thread *thread, NET_BUFFER_LIST *nbl, uint32_t want, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);
	const bool unseen = adaptive_is_unseen(nbl, parked);
	NET_BUFFER_LIST_CONTEXT *front =
		unseen && park_idle(parked) ? NULL : context_front_fallback(context, nbl);
	const uint32_t mark = park_stamp(context);
	uint32_t size = want;
	uint32_t need = want;
	uint32_t known = 0;

	if (front != NULL)
		known = context_prefix(front)->policy_u32;
	else if (size < adaptive_size(mark))
		size = adaptive_size(mark);
	for (const NET_BUFFER_LIST_CONTEXT *b = front;
		b != NULL && !context_is_inline(context, nbl, b); b = b->Next)
		need += (uint32_t)(b->Size - b->Offset);

	NET_BUFFER_LIST_CONTEXT *block = context_malloc_block(&thread->base, size, tag);
	if (unlikely(block == NULL))
		return NULL;
	uint32_t lines = adaptive_lines(need);
	if (unseen) {
		adaptive_into_sight(nbl, parked);
		known = lines = ADAPTIVE_LINES_MAX; /* of this use nothing is counted */
	} else if (front == NULL) {
		thread->window_end--;
	}
	if (lines > known && lines > mark)
		adaptive_uncovered(thread, known, lines);
	context_prefix(block)->policy_u32 = lines > known ? lines : known;
	context_prefix(block)->policy_ptr = NULL;
	if (parked != NULL && park_idle(parked))
		context_prefix(parked)->policy_u32 = context_prefix(block)->policy_u32;
	if (adaptive_window_is_over(thread))
		adaptive_end_window(context, thread);
	return block;
}

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_adaptive_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	struct adaptive_thread *thread = (struct adaptive_thread *)self;
	NET_BUFFER_LIST_CONTEXT *block = park_use(self, nbl, bytes + backfill, tag);

	if (unlikely(block == NULL))
		return adaptive_misfit(context, thread, nbl, bytes + backfill, tag);
	const bool stays = adaptive_is_proven(block) && park_alone(context, nbl) &&
			   park_holds(nbl, block, park_stamp(context));
	park_set_stays(block, stays);
	thread->window_end += stays; /* this use is not counted */
	if (unlikely(adaptive_window_is_over(thread)))
		adaptive_end_window(context, thread);
	return block;
}

/* A block leaves that was misfit's, or in a use with one of those, or is not of the mark's size. */
static SELDOM void adaptive_end_misfit(struct context *context, struct adaptive_thread *thread,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	NET_BUFFER_LIST_CONTEXT *below = context_front_fallback(context, nbl);
	NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);
	const uint32_t mark = park_stamp(context);
	uint32_t *lines = &context_prefix(block)->policy_u32;

	if (below != NULL) {
		if (context_prefix(below)->policy_u32 < *lines)
			context_prefix(below)->policy_u32 = *lines;
		if (block == parked)
			thread->window_end++; /* its reuse began no use */
	} else {
		*lines = 0;
		if (parked != NULL)
			context_prefix(parked)->policy_u32 = 0;
	}
	if (block == parked) {
		if (!park_holds(nbl, block, mark))
			park_drop(&thread->base, nbl);
	} else if (parked == NULL && block->Size == adaptive_size(mark)) {
		park_put(&thread->base, nbl, block, mark);
	} else {
		context_free_block(&thread->base, block);
	}
}

ALWAYS_INLINE void context_adaptive_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	if (likely(context_prefix(block)->policy_u32 == 0 &&
		    park_holds(nbl, block, park_stamp(context))))
		context_prefix(block)->policy_ptr = block;
	else
		adaptive_end_misfit(context, (struct adaptive_thread *)self, nbl, block);
}

static int context_adaptive_create(const struct context_config *config, struct context **out)
{
	struct adaptive_context *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->park.base.inline_bytes = config->context_bytes;
	*out = &self->park.base;
	return 0;
}

static void context_adaptive_destroy(struct context *context)
{
	memory_free(context, sizeof(struct adaptive_context));
}

static int context_adaptive_attach(struct context *context, struct context_thread **out)
{
	int rc = context_attach_sized(context, sizeof(struct adaptive_thread), out);

	if (rc == 0)
		adaptive_begin_window((struct adaptive_thread *)*out, ADAPTIVE_WINDOW_FIRST);
	return rc;
}

static void context_adaptive_detach(struct context *context, struct context_thread *self)
{
	context_detach_sized(context, self, sizeof(struct adaptive_thread));
}

static void context_adaptive_flush(struct context *context, struct context_thread *self)
{
	adaptive_begin_window((struct adaptive_thread *)self, ADAPTIVE_WINDOW_FIRST);
	atom_store_relaxed(&((struct adaptive_context *)context)->park.stamp, 0);
}

static int context_adaptive_check(struct context *context, char *why)
{
	uint32_t mark = atom_load_relaxed(&((struct adaptive_context *)context)->park.stamp);

	if (mark <= ADAPTIVE_LINES_MAX)
		return context_check_kept(context, why); /* I3 */
	snprintf(why, CONTEXT_REASON_BYTES, "the mark stands at %u lines, more than %d", mark,
		(int)ADAPTIVE_LINES_MAX);
	return -EINVAL; /* I1 */
}

/* I2, I4 */
static int context_adaptive_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);

	if (!park_intact(nbl, why))
		return -EINVAL;
	if (parked == NULL)
		return 0;
	if (context_front_fallback(context, nbl) == NULL &&
		context_prefix(parked)->policy_u32 != 0) {
		snprintf(why, CONTEXT_REASON_BYTES,
			"NBL %p is not in use, and its parked block was counted for %u lines",
			(void *)nbl, context_prefix(parked)->policy_u32);
		return -EINVAL;
	}
	if (parked->Size == adaptive_size(park_block_stamp(nbl)))
		return 0;
	snprintf(why, CONTEXT_REASON_BYTES,
		"NBL %p has a block of %u bytes parked that is stamped as one of %u lines",
		(void *)nbl, parked->Size, park_block_stamp(nbl));
	return -EINVAL;
}

static const struct context_ops context_adaptive_ops = {
	.name = "adaptive",
	.summary = "the pool learns what 99 % of its NBLs need; each keeps one such block",
	.traits = {.progress = POOL_BLOCKING, .in_place = true, .retains = true},
	.create = context_adaptive_create,
	.destroy = context_adaptive_destroy,
	.attach = context_adaptive_attach,
	.detach = context_adaptive_detach,
	.begin = park_begin,
	.alloc = context_adaptive_alloc,
	.free = context_adaptive_free,
	.retire = park_retire,
	.flush = context_adaptive_flush,
	.kept_bytes = context_kept,
	.check = context_adaptive_check,
	.check_nbl = context_adaptive_check_nbl,
};

#endif
