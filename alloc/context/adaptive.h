/*
 * adaptive: the pool learns how many bytes of fallback blocks its NBLs need. An NBL's first fallback makes
 * a region of that size, which then stays with the NBL.
 *
 *	Context -> [16 prefix | 16 header | backfill | used]   cut from the NBL's region
 *	        -> [16 header | inline block]                  in the NBL
 *	word    -> the region, behind the newest block: see region.h
 *	mark    =  lines of slots that suffice for 99 % of the uses; one a pool
 *
 * Idea. Most packets of a pool meet the same drivers and need the same bytes. So the pool has one number
 * for all its NBLs, the *mark*: as many cache lines of slots as suffice for 99 % of the uses. The
 * first fallback of an NBL allocates a region of so many lines. The later ones are cut from it.
 *
 * Why not `sticky`. There each NBL keeps the most that it ever needed, so one deep packet in each NBL makes
 * the whole pool deep. Here the size of a region is the mark, which a rare deep packet does not move.
 * What the deepest 1 % need beyond it is allocated, and freed when it is popped. Under both, a block has
 * exactly the size that was asked for.
 *
 * Why not a larger inline block. Objects in a pool's slab stand at fixed distances, so the inline block
 * cannot grow with the mark. To reserve the bytes beforehand is `headroom`: every NBL pays for them. A
 * region lies beside the NBL, and only NBLs that have a fallback pay for one.
 *
 * Learning. A *use* of an NBL begins with its first fallback block and ends when it has none. Each thread
 * counts uses. Of those that the mark did not cover it also counts how many lines each needed. At the
 * end of a window of uses, the thread computes the lowest mark that leaves out at most 1 % of them, and
 * raises the pool's mark to that if it is higher. The first window is short, so that a new pool learns soon.
 * Each further one is twice as long, up to ADAPTIVE_WINDOW_MAX.
 *
 * Forgetting. The mark never falls by itself: a use that it covers is counted and not measured, so nobody
 * knows whether less would do. flush sets the mark to 0, and learning begins again.
 *
 * A region of another size than the mark's is freed when its NBL is next allocated. If the NBL stays
 * allocated, it is freed at a fallback: the next one with no other block out, once a push has found no
 * matching slot.
 *
 * Guarantee: once the mark stands, an NBL allocates at its first fallback, and later only for what
 * goes beyond the mark.
 * Worst case per NBL: 64 x (mark + 1) bytes kept, the mark being at most ADAPTIVE_LINES_MAX; in use, what
 * `malloc` has on top of that.
 * Steady state: 0 allocations. A fallback costs what it does under `sticky`; a use costs one count of
 * the thread's own besides.
 * Progress: blocking where malloc is reached; raising the mark is lock-free.
 *
 * I1  The mark is at most ADAPTIVE_LINES_MAX.
 * I2  P1 and P2 of region.h; and a region's size is that of the mark it was stamped with, if any.
 * I3  At least as many bytes were kept as were given back.
 */
#ifndef ALLOC_CONTEXT_ADAPTIVE_H
#define ALLOC_CONTEXT_ADAPTIVE_H

#include "alloc/context/region.h"

#include <errno.h>
#include <string.h>

enum {
	/* The mark's ceiling: room for sixteen drivers of OVS's and npcap's 32 bytes. 1..1024. */
	ADAPTIVE_LINES_MAX = 16,
	/*
	 * Uses in the first window and in the longest; powers of two, 64..2^20. 256 is the least in
	 * which 1 % is more than one use; 4096 is NIC rings' worth of packets several times over.
	 */
	ADAPTIVE_WINDOW_FIRST = 256,
	ADAPTIVE_WINDOW_MAX = 4096,
	/* One use in so many may need more than the mark: the 0.99 quantile. 2..2^20. */
	ADAPTIVE_OUTLIER_IN = 100,
};
_Static_assert(ADAPTIVE_LINES_MAX >= 1 && ADAPTIVE_LINES_MAX <= 1024, "a mark is no REGION_STALE");
_Static_assert(ADAPTIVE_WINDOW_FIRST >= 64 && ADAPTIVE_WINDOW_FIRST <= ADAPTIVE_WINDOW_MAX &&
		       ADAPTIVE_WINDOW_MAX <= 1 << 20,
	"a sample, and an end to it");
_Static_assert(ADAPTIVE_OUTLIER_IN >= 2 && ADAPTIVE_OUTLIER_IN <= 1 << 20, "a quantile");

/* The stamp of a region policy (region.h) is the mark here. */
struct adaptive_context {
	struct region_policy policy;
};

struct adaptive_thread {
	struct context_thread base;
	uint32_t window; /* length of this window in uses; a power of two */
	uint32_t left;   /* uses until its end; never 0 between calls */
	/* By lines: uses of this window that the mark did not cover and that needed so many. */
	uint32_t uncovered[ADAPTIVE_LINES_MAX + 1];
};

/* Bytes of slots in a region of so many lines of them. */
ALWAYS_INLINE uint32_t adaptive_bytes(uint32_t lines)
{
	return lines * CACHE_LINE_BYTES;
}

/* The least lines that hold so many bytes of slots, ADAPTIVE_LINES_MAX if none do. */
ALWAYS_INLINE uint32_t adaptive_lines(uint64_t bytes)
{
	const uint64_t lines = (bytes + CACHE_LINE_BYTES - 1) >> CACHE_LINE_LOG2;

	return lines < ADAPTIVE_LINES_MAX ? (uint32_t)lines : ADAPTIVE_LINES_MAX;
}

/* Raises the pool's mark. Relaxed: it is a figure that guards no memory. */
static COLD void adaptive_raise(struct adaptive_context *adaptive, uint32_t lines)
{
	uint32_t mark = atom_load_relaxed(&adaptive->policy.stamp);

	while (mark < lines && !atom_cas_weak_relaxed(&adaptive->policy.stamp, &mark, lines))
		;
}

static void adaptive_begin_window(struct adaptive_thread *thread, uint32_t window)
{
	thread->window = window;
	thread->left = window;
	memset(thread->uncovered, 0, sizeof(thread->uncovered));
}

static SELDOM void adaptive_end_window(struct adaptive_thread *thread)
{
	const uint32_t outliers = thread->window / ADAPTIVE_OUTLIER_IN;
	uint32_t mark = ADAPTIVE_LINES_MAX;
	uint32_t beyond = 0;

	while (mark > 0 && beyond + thread->uncovered[mark] <= outliers)
		beyond += thread->uncovered[mark--];
	adaptive_raise((struct adaptive_context *)thread->base.context, mark);
	adaptive_begin_window(
		thread, thread->window < ADAPTIVE_WINDOW_MAX ? thread->window * 2 : thread->window);
}

/*
 * Counts a use that needs more than the mark, by the lines that it needs: `need` bytes by now. known: an
 * earlier push of the same use has counted it already, by region->need. Then that count is taken back,
 * unless it was made by another thread or in another window, where this thread has none to take.
 */
static void adaptive_uncovered(
	struct adaptive_thread *thread, struct region *region, bool known, uint64_t need)
{
	uint32_t *before = &thread->uncovered[adaptive_lines(region->need)];

	if (known && region->need >= need)
		return;
	if (known && region->need != 0 && *before != 0)
		(*before)--;
	thread->uncovered[adaptive_lines(need)]++;
	region->need = need < UINT32_MAX ? (uint32_t)need : UINT32_MAX;
}

/*
 * The slot at the top is of another kind, or there is none. A region of another size than the mark's
 * serves until this use ends, so that the use is measured; it is expired, so that the next one replaces it.
 */
static SELDOM NET_BUFFER_LIST_CONTEXT *adaptive_cut_other(
	struct adaptive_thread *thread, NET_BUFFER_LIST *nbl, uint32_t size, uint32_t tag)
{
	struct context_thread *self = &thread->base;
	const uint32_t mark = region_stamp(self->context);
	const uint32_t bytes = region_slot_bytes(size);
	struct region *region = region_of(nbl);

	if (region != NULL && region->bytes != adaptive_bytes(mark) &&
		context_front_fallback(nbl) == NULL) { /* P3 */
		region_drop(self, nbl);
		region = NULL;
	}
	if (region == NULL) {
		const bool covered = bytes <= adaptive_bytes(mark);

		if (unlikely(!region_make(self, nbl, covered ? adaptive_bytes(mark) : bytes,
			    covered ? mark : REGION_STALE)))
			return NULL;
	}
	region = region_of(nbl);
	const bool known = region->overflow != 0 || region->stamp == REGION_STALE;
	const uint64_t need = region_need(nbl, bytes);
	NET_BUFFER_LIST_CONTEXT *block = region_cut_other(self, nbl, size, tag);
	if (block == NULL)
		block = region_overflow(self, nbl, size, tag);
	if (unlikely(block == NULL))
		return NULL;
	if (need > adaptive_bytes(mark))
		adaptive_uncovered(thread, region, known, need);
	if (region->bytes != adaptive_bytes(mark))
		region_expire(nbl);
	return block;
}

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_adaptive_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	struct adaptive_thread *thread = (struct adaptive_thread *)self;
	NET_BUFFER_LIST_CONTEXT *block = region_cut(nbl, bytes + backfill, tag);

	(void)context;
	if (unlikely(block == NULL))
		block = adaptive_cut_other(thread, nbl, bytes + backfill, tag);
	if (context_front_fallback(nbl) == NULL && unlikely(--thread->left == 0)) /* a use begins */
		adaptive_end_window(thread);
	return block;
}

static int context_adaptive_create(const struct context_config *config, struct context **out)
{
	struct adaptive_context *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->policy.base.inline_bytes = config->context_bytes;
	*out = &self->policy.base;
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
	atom_store_relaxed(&((struct adaptive_context *)context)->policy.stamp, 0);
}

static int context_adaptive_check(struct context *context, char *why)
{
	uint32_t mark = atom_load_relaxed(&((struct adaptive_context *)context)->policy.stamp);

	if (mark <= ADAPTIVE_LINES_MAX)
		return context_check_kept(context, why); /* I3 */
	snprintf(why, CONTEXT_REASON_BYTES, "the mark stands at %u lines, more than %d", mark,
		(int)ADAPTIVE_LINES_MAX);
	return -EINVAL; /* I1 */
}

/* I2 */
static int context_adaptive_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	const struct region *region = region_of(nbl);

	(void)context;
	if (!region_intact(nbl, why))
		return -EINVAL;
	if (region == NULL || region->stamp == REGION_STALE ||
		region->bytes == adaptive_bytes(region->stamp))
		return 0;
	snprintf(why, CONTEXT_REASON_BYTES,
		"NBL %p keeps a region of %u bytes that is stamped as one of %u lines", (void *)nbl,
		region->bytes, region->stamp);
	return -EINVAL;
}

static const struct context_ops context_adaptive_ops = {
	.name = "adaptive",
	.summary = "the pool learns what 99 % of its NBLs need; each keeps room for that",
	.traits = {.progress = POOL_BLOCKING, .exact = true, .in_place = true, .retains = true},
	.create = context_adaptive_create,
	.destroy = context_adaptive_destroy,
	.attach = context_adaptive_attach,
	.detach = context_adaptive_detach,
	.begin = region_begin,
	.alloc = context_adaptive_alloc,
	.free = region_free,
	.retire = region_retire,
	.flush = context_adaptive_flush,
	.kept_bytes = context_kept,
	.check = context_adaptive_check,
	.check_nbl = context_adaptive_check_nbl,
};

#endif
