/*
 * wcq: scq's ring in which no thread can be overtaken for ever. Who has taken a few positions in vain leaves a request in
 * a record of its own; every thread looks at one other record every few calls, and works on what stands there until
 * it is done. What wait-freedom costs is the row beside scq's: a countdown in each call, entries of 16 bytes, a test of what a
 * get finds.
 *
 * Source: R. Nikolaev and B. Ravindran, "wCQ: A Fast Wait-Free Queue with Bounded Memory Usage", SPAA 2022,
 * figures 5 to 8, with the ring of free units alone. Departures: those of scq.h, a look in place of the threshold
 * among them, so that an answer of NULL does not depend on the number of threads; turns.h, whose pair names the request's word and
 * no second record; an entry that was filled for a request stays marked until it is emptied, where the paper takes the mark away
 * when it can; one word names a request and its kind.
 *
 * Wait-free, for any number of threads that are attached: 65,535 at most, the places of a table. Suppose that a call
 * takes steps for ever. What it does by itself is bounded: WCQ_PATIENCE positions, on each a few compare-and-swaps that fail because an
 * entry of 2n changed once in its lap, and laps are taken by others' positions, bounded as well. A get that goes by its position may
 * fail to say so once for each lower position that another thread still holds. So its request stands.
 * Every thread that goes on making calls comes to its record and stays with it. From then on all
 * positions are taken by requests that never end, and nobody adds to head or tail but for them. A put among them that fills an entry
 * ends; so entries are filled finitely often. A get takes a position only after it saw an object that rests, so head stands still once it
 * has passed the last of them; then its look finds nothing, and it ends. With head at rest a put finds room among the next 2n
 * positions, as in scq. So a call's own steps are bounded by what the threads do between two visits to a record: some
 * HELPED_RING_DELAY calls a record, times the records, times the ring. pool_grow adds one CAS for each object that others carve, of which there are finitely
 * many. On machines whose CAS can fail for no reason the bound is the machine's.
 *
 * Signal handlers may use it. One that interrupts its thread in a request has no record, and goes on as scq does: lock-free.
 * Exact for any number of threads, as scq. FIFO.
 *
 *	          get                          put
 *	get       fetch-and-add of head, or    cycle of an entry, gone_by
 *	          a turn at it
 *	put                                    fetch-and-add of tail, or a turn at it
 *
 * The edges, what rules out ABA, and I1 to I3 are those of index_ring.h and helped_ring.h.
 */
#ifndef ALLOC_POOL_WCQ_H
#define ALLOC_POOL_WCQ_H

#include "alloc/mechanism/helped_ring.h"
#include "alloc/mechanism/life_cycle.h"

/* Positions that a call takes before it asks: the paper's put. 0: it asks at once, and 1 no less often than a get finds nothing. */
#ifndef WCQ_PATIENCE
#define WCQ_PATIENCE 16
#endif
_Static_assert(WCQ_PATIENCE >= 0, "calls come to an end");

/* Looks before it takes a position, and asks in the end. 0: nothing is in the ring. */
static COLD uint32_t wcq_search(struct helped_ring *self, struct pool_thread *thread);

/* A store to the handle, three loads of it, and what scq_get does. */
static inline void *wcq_get(struct pool *pool, struct pool_thread *thread)
{
	struct helped_ring *self = (struct helped_ring *)pool;
	uint32_t unit = 0;

	helped_ring_begin(self, thread);
	if (WCQ_PATIENCE > 0 && likely(atom_load_relaxed(&self->ring.dry) == 0))
		unit = helped_ring_arrive(self, index_ring_next(&self->ring.head, 1));
	if (unlikely(unit == 0))
		unit = wcq_search(self, thread);
	return likely(unit != 0) ? slab_at(&self->slab, unit) : pool_grow(pool, thread);
}

/* A put that has taken a position in vain. */
static COLD void wcq_insist(struct helped_ring *self, struct pool_thread *thread, uint32_t unit);

/* Two locked instructions, five loads. */
ALWAYS_INLINE void wcq_insert(struct helped_ring *self, struct pool_thread *thread, uint32_t unit)
{
	if (WCQ_PATIENCE == 0 || unlikely(!index_ring_fill(&self->ring, INDEX_RING_WIDE,
					 index_ring_next(&self->ring.tail, 1), unit)))
		wcq_insist(self, thread, unit);
}

/* A store to the handle, three loads of it, and what scq_put does. */
static inline void wcq_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct helped_ring *self = (struct helped_ring *)pool;

	helped_ring_begin(self, thread);
	wcq_insert(self, thread, slab_unit(&self->slab, object));
}

/* One locked instruction while the ring has n. */
static inline uint32_t wcq_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct helped_ring *self = (struct helped_ring *)pool;
	uint64_t head;

	helped_ring_begin(self, thread);
	const uint32_t run = index_ring_next_run(&self->ring, n, &head);
	uint32_t got = 0;
	for (const uint64_t end = head + run; head < end; head++) {
		uint32_t unit = helped_ring_arrive(self, head);

		if (likely(unit != 0))
			objs[got++] = slab_at(&self->slab, unit);
	}
	return got + pool_get_each(wcq_get, pool, thread, objs + got, n - got);
}

/* n + 1 locked instructions. */
static inline void wcq_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct helped_ring *self = (struct helped_ring *)pool;
	uint32_t put = 0;

	helped_ring_begin(self, thread);
	uint64_t tail = index_ring_next(&self->ring.tail, n);
	for (uint64_t last = tail + n; tail < last; tail++)
		put += index_ring_fill(
			&self->ring, INDEX_RING_WIDE, tail, slab_unit(&self->slab, objs[put]));
	for (; unlikely(put < n); put++) {
		thread->paths.wait++;
		wcq_insert(self, thread, slab_unit(&self->slab, objs[put]));
	}
}

static COLD void wcq_insist(struct helped_ring *self, struct pool_thread *thread, uint32_t unit)
{
	struct helped_thread *mine = (struct helped_thread *)thread;

	thread->paths.wait++;
	for (uint32_t left = WCQ_PATIENCE; left > 1 || helped_ring_asks(mine); left--) {
		if (index_ring_fill(&self->ring, INDEX_RING_WIDE,
			    index_ring_next(&self->ring.tail, 1), unit))
			return;
		thread->paths.wait++;
	}
	helped_ring_ask(self, mine, unit);
	index_ring_moisten(&self->ring);
}

static COLD uint32_t wcq_search(struct helped_ring *self, struct pool_thread *thread)
{
	struct helped_thread *mine = (struct helped_thread *)thread;
	enum index_ring_look look;
	uint32_t unit = 0;

	for (uint32_t left = WCQ_PATIENCE; unit == 0; left--) {
		const bool patient = left > 1 || helped_ring_asks(mine);

		look = index_ring_look(&self->ring, INDEX_RING_WIDE);
		if (look == INDEX_RING_DRY)
			break;
		if (look == INDEX_RING_MOVED && patient)
			continue;
		if (!patient) {
			unit = helped_ring_collect(
				self, helped_ring_ask(self, mine, HELPED_RING_GET));
			break;
		}
		unit = helped_ring_arrive(self, index_ring_next(&self->ring.head, 1));
		thread->paths.wait += unit == 0;
	}
	if (unit == 0)
		index_ring_dry(&self->ring);
	return unit;
}

/* The second look of pool_grow. */
static COLD void *wcq_take_again(struct pool *pool, struct pool_thread *thread)
{
	struct helped_ring *self = (struct helped_ring *)pool;
	uint32_t unit = wcq_search(self, thread);

	return unit != 0 ? slab_at(&self->slab, unit) : NULL;
}

static const struct pool_parts wcq_parts = {
	POOL_WITH_SLAB(struct helped_ring, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct helped_thread),
	.init = helped_ring_init,
	.fini = helped_ring_fini,
	.enter = helped_ring_enter,
	.leave = helped_ring_leave,
	.take = wcq_take_again,
	.walk = helped_ring_walk,
};

static const struct pool_ops pool_wcq_ops = {
	.name = "wcq",
	.summary = "scq's ring, wait-free: who is overtaken too often is helped by all; what that "
		   "costs beside scq",
	.traits = {.progress = POOL_WAIT_FREE,
		.bounded = true,
		.needs_cx16 = true,
		.exact = true,
		.fifo = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_cx16,
	POOL_HOOKS(wcq),
};

#endif
