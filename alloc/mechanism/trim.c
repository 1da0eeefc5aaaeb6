/*
 * pool_trim: memory under free objects goes back to the system. Once for all strategies, over their
 * get_bulk and put_bulk: whoever has got an object may do with it as he likes, so also let its pages
 * go.
 *
 * Why no grace period is needed. Between put and get nobody reads or writes an object: links lie
 * beside the objects (slab.h, side_nodes.h), which is what traits.trims says. A slow popper may hold
 * the unit of an object that is long somebody else's; it then reads that unit's link, in other
 * pages, which stay. So nobody reaches a page under objects that are all the trim's own, and giving
 * the page back is no more than a store of zeroes to it. The addresses stay mapped, so type stability
 * and all that rests on it hold as before. A strategy cannot tell a trim from a thread that took many
 * objects and cleared them.
 *
 * What it costs others. The objects that it holds are out of reach until it ends. The kernel
 * interrupts the CPUs on which threads of the process run, to drop their translations. The next
 * owner of a trimmed object pays for a page. A thread that is stopped in a trim withholds what it
 * holds, as any owner does.
 */
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <string.h>

/*
 * Objects asked for, or put back, by one call. 1..POOL_BULK_MAX: as many as a per-CPU cache holds,
 * and two kilobytes of stack.
 */
enum { TRIM_PORTION_OBJECTS = 256 };
_Static_assert(TRIM_PORTION_OBJECTS >= 1 && (int)TRIM_PORTION_OBJECTS <= (int)POOL_BULK_MAX,
	"one bulk call");

struct trim {
	struct pool *pool;
	struct pool_thread *self;
	uint32_t objects;    /* that were ever handed out when the trim began */
	unsigned char *held; /* a bit for each: this call has it */
};

static size_t held_bytes(const struct trim *self)
{
	return self->objects / 8 + 1;
}

static bool holds(const struct trim *self, uint32_t number)
{
	return number < self->objects && (self->held[number / 8] >> number % 8 & 1) != 0;
}

/* Takes up to `most` used objects out of the pool. */
static void take(struct trim *self, uint64_t most)
{
	const struct pool_ops *ops = self->pool->ops;
	void *objs[TRIM_PORTION_OBJECTS];
	bool more = true;

	while (more && most > 0) {
		uint32_t want = most < TRIM_PORTION_OBJECTS ? (uint32_t)most : TRIM_PORTION_OBJECTS;
		uint32_t got = ops->get_bulk(self->pool, self->self, objs, want);
		uint32_t fresh = 0;

		most -= got;
		for (uint32_t i = 0; i < got; i++) {
			uint32_t number = slab_number(self->pool->slab, objs[i]);

			if (number < self->objects)
				self->held[number / 8] |= (unsigned char)(1u << number % 8);
			else
				objs[fresh++] = objs[i]; /* carved for us: no used one was left */
		}
		if (fresh != 0)
			ops->put_bulk(self->pool, self->self, objs, fresh);
		more = got == want && fresh == 0;
	}
}

/* A run of neighbours that the trim holds, and what of it lies on pages that it has alone. */
struct run {
	uint32_t first, end;       /* objects; empty: the last run was found */
	uint32_t bare, bare_end;   /* those of them that touch such pages */
	size_t offset, offset_end; /* the pages, from the slab's start */
};

/* The next run from object `from` on. */
static struct run next_run(const struct trim *self, uint32_t from)
{
	const struct slab *slab = self->pool->slab;
	const size_t page = memory_page_bytes(slab->pages);
	struct run run = {.first = from};

	while (run.first < self->objects && !holds(self, run.first))
		run.first++;
	run.end = run.first;
	while (holds(self, run.end))
		run.end++;
	run.offset = (run.first * slab->stride + page - 1) / page * page;
	run.offset_end = run.end * slab->stride / page * page;
	run.bare = run.bare_end = run.first;
	if (run.offset < run.offset_end) {
		run.bare = (uint32_t)(run.offset / slab->stride);
		run.bare_end = (uint32_t)((run.offset_end - 1) / slab->stride) + 1;
	}
	return run;
}

/* Zeroes [from, to). Reads first: what a former trim has emptied reads as zero without memory. */
static void clear(unsigned char *from, unsigned char *to)
{
	for (unsigned char *at = from; at < to; at++) {
		if (*at != 0) {
			memset(at, 0, (size_t)(to - at));
			return;
		}
	}
}

/*
 * Gives back the pages of one run, and returns how much memory they had. Objects that reach beyond
 * them are cleared there.
 */
static size_t discard(const struct trim *self, const struct run *run,
	void (*retire)(void *arg, void *object), void *arg)
{
	const struct slab *slab = self->pool->slab;
	unsigned char *pages = slab->base + run->offset;
	const size_t bytes = run->offset_end - run->offset;
	const size_t resident = memory_resident(pages, bytes);

	for (uint32_t i = run->bare; retire != NULL && i < run->bare_end; i++)
		retire(arg, slab_object(slab, i));
	if (!memory_discard(pages, bytes))
		return 0;
	clear(slab_object(slab, run->bare), pages);
	clear(pages + bytes, slab_object(slab, run->bare_end));
	return resident;
}

/* Puts back the objects that touch pages given back, or the others. */
static void put_back(struct trim *self, bool bare)
{
	const struct pool_ops *ops = self->pool->ops;
	void *objs[TRIM_PORTION_OBJECTS];
	uint32_t n = 0;

	for (struct run run = next_run(self, 0); run.first < run.end;
		run = next_run(self, run.end)) {
		for (uint32_t i = run.first; i < run.end; i++) {
			if ((i >= run.bare && i < run.bare_end) != bare)
				continue;
			objs[n++] = slab_object(self->pool->slab, i);
			if (n == TRIM_PORTION_OBJECTS) {
				ops->put_bulk(self->pool, self->self, objs, n);
				n = 0;
			}
		}
	}
	if (n != 0)
		ops->put_bulk(self->pool, self->self, objs, n);
}

uint64_t pool_trim(struct pool *pool, struct pool_thread *thread, uint64_t outstanding,
	uint64_t keep, void (*retire)(void *arg, void *object), void *arg)
{
	struct trim self = {.pool = pool, .self = thread};
	uint64_t given = 0;

	if (!pool->ops->traits.trims)
		return 0;
	self.objects = slab_carved(pool->slab);
	if (outstanding >= self.objects || keep >= self.objects - outstanding)
		return 0;
	self.held = memory_alloc(held_bytes(&self));
	if (self.held == NULL)
		return 0;
	take(&self, self.objects - outstanding - keep);
	for (struct run run = next_run(&self, 0); run.first < run.end;
		run = next_run(&self, run.end)) {
		if (run.bare < run.bare_end)
			given += discard(&self, &run, retire, arg);
	}
	/* What lost its memory is to come out last. */
	put_back(&self, !pool->ops->traits.fifo);
	put_back(&self, pool->ops->traits.fifo);
	memory_free(self.held, held_bytes(&self));
	return given;
}
