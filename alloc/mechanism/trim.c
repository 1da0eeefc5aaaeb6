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
 *
 * Why in steps. A pool may have a million free objects. One bulk call for them would keep a strategy's
 * lock, one call to give their pages back the kernel's lock on the address space, which a page fault
 * may want. So whatever others may wait for is done in small portions, and so is what the caller does
 * between two of them.
 */
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <string.h>

/*
 * The most of a step. At 100 ns for an object or a page that is elsewhere it takes 50 us, but for what a
 * system call takes on a guest: one whose host follows every change of its page tables takes 130 us
 * for 64 pages, and 500 us for 16, whose translations Linux drops one by one up to 33.
 */
enum {
	TRIM_MOVED_OBJECTS = 32,   /* by one bulk call */
	TRIM_SEEN_OBJECTS = 512,   /* looked at, and told to `retire` */
	TRIM_GIVEN_BYTES = 1 << 18 /* of pages given back by one system call */
};
_Static_assert((int)TRIM_MOVED_OBJECTS <= (int)POOL_BULK_MAX, "one bulk call");

/* What a step does, in this order. */
enum { TRIM_TAKES, TRIM_DISCARDS, TRIM_PUTS_FIRST, TRIM_PUTS_LAST, TRIM_ENDS };

/* Two bits for each object that was handed out when the trim began: it is held; it lost memory. */
static size_t set_bytes(const struct pool_trim *self)
{
	return self->objects / 8 + 1;
}

static bool has(const unsigned char *set, uint32_t number)
{
	return (set[number / 8] >> number % 8 & 1) != 0;
}

static void add(unsigned char *set, uint32_t number)
{
	set[number / 8] |= (unsigned char)(1u << number % 8);
}

static void begin_phase(struct pool_trim *self, int phase)
{
	self->phase = phase;
	self->at = 0;
}

/* Takes used objects out of the pool. */
static void take(struct pool_trim *self)
{
	const struct pool_ops *ops = self->pool->ops;
	void *objs[TRIM_MOVED_OBJECTS];
	const uint32_t want =
		self->most < TRIM_MOVED_OBJECTS ? (uint32_t)self->most : TRIM_MOVED_OBJECTS;
	const uint32_t got = ops->get_bulk(self->pool, self->self, objs, want);
	uint32_t fresh = 0;

	self->most -= got;
	for (uint32_t i = 0; i < got; i++) {
		uint32_t number = slab_number(self->pool->slab, objs[i]);

		if (number < self->objects)
			add(self->held, number);
		else
			objs[fresh++] = objs[i]; /* carved for us: no used one was left */
	}
	if (fresh != 0)
		ops->put_bulk(self->pool, self->self, objs, fresh);
	if (got < want || fresh != 0 || self->most == 0)
		begin_phase(self, TRIM_DISCARDS);
}

/* Whether all objects on the page at this offset are the trim's own. */
static bool is_alone(const struct pool_trim *self, size_t offset, size_t page, uint32_t *seen)
{
	const size_t stride = self->pool->slab->stride;
	const uint32_t end = (uint32_t)((offset + page - 1) / stride) + 1;

	for (uint32_t i = (uint32_t)(offset / stride); i < end; i++) {
		++*seen;
		if (i >= self->objects || !has(self->held, i))
			return false;
	}
	return true;
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

/* Gives pages back that the trim has alone; what lies beside them of objects on them is cleared. */
static void discard(struct pool_trim *self, size_t from, size_t to, size_t page)
{
	const struct slab *slab = self->pool->slab;
	const uint32_t first = (uint32_t)(from / slab->stride);
	const uint32_t end = (uint32_t)((to - 1) / slab->stride) + 1;
	const size_t resident = memory_resident(slab->base + from, to - from);
	uint32_t seen = 0;

	for (uint32_t i = first; i < end; i++) {
		if (has(self->bare, i))
			continue;
		add(self->bare, i);
		if (self->retire != NULL)
			self->retire(self->arg, slab_object(slab, i));
	}
	if (memory_discard(slab->base + from, to - from))
		self->given += resident;
	else
		clear(slab->base + from, slab->base + to); /* they are retired all the same */
	/* On a page that is not the trim's alone; what the last step gave back was its neighbour. */
	if (from != self->gone)
		clear(slab_object(slab, first), slab->base + from);
	if (!is_alone(self, to, page, &seen))
		clear(slab->base + to, slab_object(slab, end));
	self->gone = to;
}

/* Finds pages and gives them back. */
static void discard_next(struct pool_trim *self)
{
	const struct slab *slab = self->pool->slab;
	const size_t page = memory_page_bytes(slab->pages);
	const size_t all = self->objects * slab->stride / page * page;
	size_t from = self->at, to = from;
	uint32_t seen = 0;

	while (to < all && to - from < TRIM_GIVEN_BYTES && seen < TRIM_SEEN_OBJECTS) {
		const bool alone = is_alone(self, to, page, &seen);

		if (!alone && from < to)
			break;
		to += page;
		if (!alone)
			from = to;
	}
	if (from < to)
		discard(self, from, to, page);
	self->at = to;
	if (to == all)
		begin_phase(self, TRIM_PUTS_FIRST);
}

/* Puts back those that lost memory, or the others. */
static void put_back(struct pool_trim *self, bool bare)
{
	const struct pool_ops *ops = self->pool->ops;
	void *objs[TRIM_MOVED_OBJECTS];
	uint32_t n = 0, seen = 0;
	uint32_t at = (uint32_t)self->at;

	for (; at < self->objects && n < TRIM_MOVED_OBJECTS && seen < TRIM_SEEN_OBJECTS;
		at++, seen++) {
		if (has(self->held, at) && has(self->bare, at) == bare)
			objs[n++] = slab_object(self->pool->slab, at);
	}
	if (n != 0)
		ops->put_bulk(self->pool, self->self, objs, n);
	self->at = at;
	if (at == self->objects)
		begin_phase(self, self->phase + 1);
}

bool pool_trim_begin(struct pool_trim *self, struct pool *pool, struct pool_thread *thread,
	uint64_t outstanding, uint64_t keep, void (*retire)(void *arg, void *object), void *arg)
{
	*self = (struct pool_trim){.pool = pool, .self = thread, .retire = retire, .arg = arg};
	if (!pool->ops->traits.trims)
		return false;
	self->objects = slab_carved(pool->slab);
	if (outstanding >= self->objects || keep >= self->objects - outstanding)
		return false;
	self->most = self->objects - outstanding - keep;
	/* Pages: they come one by one as they are needed. */
	self->held = memory_map(2 * set_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->held == NULL)
		return false;
	self->bare = self->held + set_bytes(self);
	return true;
}

bool pool_trim_step(struct pool_trim *self)
{
	/* What lost its memory is to come out last. */
	const bool fifo = self->pool->ops->traits.fifo;

	switch (self->phase) {
	case TRIM_TAKES:
		take(self);
		break;
	case TRIM_DISCARDS:
		discard_next(self);
		break;
	case TRIM_PUTS_FIRST:
		put_back(self, !fifo);
		break;
	case TRIM_PUTS_LAST:
		put_back(self, fifo);
		break;
	default:
		memory_unmap(self->held, 2 * set_bytes(self), MEMORY_PAGES_ORDINARY);
		return false;
	}
	return true;
}

uint64_t pool_trim(struct pool *pool, struct pool_thread *thread, uint64_t outstanding,
	uint64_t keep, void (*retire)(void *arg, void *object), void *arg)
{
	struct pool_trim self;

	if (pool_trim_begin(&self, pool, thread, outstanding, keep, retire, arg)) {
		while (pool_trim_step(&self))
			continue;
	}
	return self.given;
}
