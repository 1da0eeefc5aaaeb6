/*
 * idx_local: a lock-free stack for each of a few shards, chosen by the CPU number, over one stack
 * of whole chains. The portable competitor: no restartable sequences, no thread-local state, and
 * still each CPU mostly works on a line of its own, at the price of a locked instruction.
 *
 * Source: folly's IndexedMemPool (local lists, a global list of chains, a limit of 200).
 * Departures: our head has 24 bits of unit, 8 of length and 32 of tag (folly: 32, 8, 24). A chain
 * carries its length, so that bursts of any size can be spliced in and so that flush may retire a
 * short one. get_bulk takes its objects with one CAS. When the local and the global lists are
 * empty and nothing is left to carve, get searches the other shards, so that the pool is exact,
 * where folly adds shards x limit objects to the capacity.
 *
 * Progress: get and put are lock-free: a CAS fails only because another one succeeded, and a chain
 * that could not be installed goes back. A thread stopped while it moves a chain hides that chain.
 * Signal handlers may use it: a chain in the hands of an interrupted call is hidden, no more.
 * After put: memory stays mapped, nothing is overwritten (links live beside the objects).
 * Exact, for any number of threads: get answers NULL only after it has found the own shard empty, no
 * chain on the global list, the slab used up, every shard empty, and still no chain. With no other
 * thread in a call nothing moves between these looks, and an object that is free is on a shard or
 * in a chain. No length counts threads: a CAS keeps each within its limit. While others move
 * chains, what they carry behind the search is missed.
 *
 *	          get            put            count, check
 *	get       CAS on a head  CAS on a head  the caller: the pool is quiet
 *	put                      CAS on a head  the caller: the pool is quiet
 *
 * R0 the CAS that puts objects on a shard's list, or installs a chain on an empty one, meets A0:
 *    whoever takes them sees their links and what their last owners wrote.
 * A0 the load of a shard's head, or the failed CAS, from which a pop or a retirement goes on. The
 *    CAS that pops needs no release: it continues the release sequence of the put below it
 *    (tagged_stack.h).
 * R1 the CAS that pushes a chain on the global list, meets A1, the load or failed CAS in the pop of
 *    a chain: its taker sees the links in the chain. What the chain's objects hold was published by
 *    R0 and acquired by A0 when the chain was retired, so it comes along.
 *
 * ABA: the tag of a shard moves on every pop, retirement and installation; 32 bits come round after
 * 143 seconds at 30 million pops a second on one shard, so a thread would have to stop between its
 * load and its CAS for a multiple of exactly that many pops. The global tag has 40 bits (tagged.h).
 * A bulk pop follows links that others may be changing: they always hold some unit or 0, and if any
 * of them was stale, a pop has moved the tag and the CAS fails. Objects are type-stable.
 *
 * I1  A shard's head counts the objects on its list, and the walk over the links ends in 0.
 * I2  Each chain on the global list has the length it carries, 1 to IDX_LOCAL_LIMIT.
 * I3  No object is on two lists.
 */
#ifndef ALLOC_POOL_IDX_LOCAL_H
#define ALLOC_POOL_IDX_LOCAL_H

#include "alloc/machine/cpu.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/tagged_stack.h"
#include "alloc/pool.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

enum {
	/* Local lists; a power of two, 1..256. 32 as in folly: more CPUs than that share. */
	IDX_LOCAL_SHARDS = 32,
	/* The most objects on one of them before its list is retired; 1..255. 200 as in folly. */
	IDX_LOCAL_LIMIT = 200,
	/* Whether get looks into the other shards before it answers NULL. 0 or 1; 1 is exact. */
	IDX_LOCAL_SEARCH = 1,
	IDX_LOCAL_LENGTH_SHIFT = TAGGED_INDEX_BITS,
	IDX_LOCAL_TAG_SHIFT = 32,
};
static_assert(IDX_LOCAL_SHARDS >= 1 && IDX_LOCAL_SHARDS <= 256 &&
		      (IDX_LOCAL_SHARDS & (IDX_LOCAL_SHARDS - 1)) == 0,
	"shards");
static_assert(IDX_LOCAL_LIMIT >= 1 && IDX_LOCAL_LIMIT <= UINT8_MAX, "a length fits 8 bits");

struct idx_local_shard {
	CACHE_PAIR_ALIGNED atom_u64 head; /* 32 bits of tag, 8 of length, 24 of unit */
};

struct idx_local_pool {
	struct pool base;
	struct idx_local_shard shard[IDX_LOCAL_SHARDS];
	CACHE_PAIR_ALIGNED atom_u64 chains; /* tagged unit of the first object of the top chain */
	CACHE_PAIR_ALIGNED atom_u32 *next;  /* by unit: this chain's length, the chain below */
	struct slab slab;
};

struct idx_local_thread {
	struct pool_thread base;
	atom_u32 *cpu_word; /* see cpu.h */
};

ALWAYS_INLINE uint32_t idx_local_length(uint64_t head)
{
	return (uint8_t)(head >> IDX_LOCAL_LENGTH_SHIFT);
}

/*
 * The same tag over a list with n more objects: what a put installs. The new length fits its bits.
 */
ALWAYS_INLINE uint64_t idx_local_longer(uint64_t head, uint32_t first, uint32_t n)
{
	return tagged_with_index(head + ((uint64_t)n << IDX_LOCAL_LENGTH_SHIFT), first);
}

/* The next tag over a list with n objects less, n at most its length: what a pop installs. */
ALWAYS_INLINE uint64_t idx_local_shorter(uint64_t head, uint32_t below, uint32_t n)
{
	const uint64_t tag = (uint64_t)1 << IDX_LOCAL_TAG_SHIFT;

	return tagged_with_index(head + tag - ((uint64_t)n << IDX_LOCAL_LENGTH_SHIFT), below);
}

/* The next tag over another list: what a retirement or an installation installs. */
ALWAYS_INLINE uint64_t idx_local_next(uint64_t head, uint32_t unit, uint32_t length)
{
	return ((head >> IDX_LOCAL_TAG_SHIFT) + 1) << IDX_LOCAL_TAG_SHIFT |
	       (uint64_t)length << IDX_LOCAL_LENGTH_SHIFT | unit;
}

ALWAYS_INLINE struct idx_local_shard *idx_local_own(
	struct idx_local_pool *self, const struct pool_thread *thread)
{
	uint32_t cpu = cpu_current(((const struct idx_local_thread *)thread)->cpu_word);

	return &self->shard[cpu & (IDX_LOCAL_SHARDS - 1)];
}

static COLD void idx_local_retire(struct idx_local_pool *self, uint32_t first, uint32_t length)
{
	tagged head = atom_load_relaxed(&self->chains); /* only stored and compared */

	do {
		atom_store_relaxed(
			&self->next[first], length << IDX_LOCAL_LENGTH_SHIFT | tagged_index(head));
	} while (!atom_cas_weak_release(
		&self->chains, &head, tagged_with_index(head, first))); /* R1, meets A1 */
}

/* The first unit of a chain of *length objects that is now the caller's; 0: there is none. */
static COLD uint32_t idx_local_reactivate(struct idx_local_pool *self, uint32_t *length)
{
	tagged head = atom_load_acquire(&self->chains); /* A1, meets R1 */
	uint32_t first;

	while ((first = tagged_index(head)) != 0) {
		uint32_t next = atom_load_relaxed(&self->next[first]);

		*length = next >> IDX_LOCAL_LENGTH_SHIFT;
		if (atom_cas_weak_acquire(&self->chains, &head,
			    tagged_next(head, next & TAGGED_INDEX_MAX))) /* A1 */
			break;
	}
	return first;
}

/* One object of a shard, or NULL. Four loads and one locked compare-and-swap. */
ALWAYS_INLINE void *idx_local_pop_one(struct idx_local_shard *shard, const struct slab *slab)
{
	uint64_t head = atom_load_acquire(&shard->head); /* A0, meets R0 */

	for (;;) {
		uint32_t at = tagged_index(head);

		if (unlikely(at == 0))
			return NULL;
		uint32_t below = atom_load_relaxed(slab_link(slab, at));
		if (likely(atom_cas_weak_acquire(
			    &shard->head, &head, idx_local_shorter(head, below, 1)))) { /* A0 */
			INVARIANT(1, (below == 0) == (idx_local_length(head) == 1));
			return slab_at(slab, at);
		}
	}
}

/* Up to want objects of one shard. want loads of links and one locked compare-and-swap. */
ALWAYS_INLINE uint32_t idx_local_pop(
	struct idx_local_shard *shard, const struct slab *slab, void **objs, uint32_t want)
{
	uint64_t head = atom_load_acquire(&shard->head); /* A0, meets R0 */

	for (;;) {
		uint32_t length = idx_local_length(head);
		uint32_t take = want < length ? want : length;
		uint32_t at = tagged_index(head);
		uint32_t got = 0;

		if (unlikely(take == 0))
			return 0;
		for (; got < take && at != 0; got++) { /* a stale link can end the walk early */
			objs[got] = slab_at(slab, at);
			at = atom_load_relaxed(slab_link(slab, at));
		}
		if (likely(atom_cas_weak_acquire(
			    &shard->head, &head, idx_local_shorter(head, at, take)))) { /* A0 */
			INVARIANT(1, got == take && (at == 0) == (length == take));
			return take;
		}
	}
}

/* Links first..last, linked already, n <= IDX_LOCAL_LIMIT objects, on top of the caller's shard. */
ALWAYS_INLINE void idx_local_push(struct idx_local_pool *self, struct pool_thread *thread,
	uint32_t first, uint32_t last, uint32_t n)
{
	struct idx_local_shard *shard = idx_local_own(self, thread);
	uint64_t head = atom_load_acquire(&shard->head); /* A0, for the list that may be retired */

	for (;;) {
		uint32_t length = idx_local_length(head);

		if (likely(length + n <= IDX_LOCAL_LIMIT)) {
			atom_store_relaxed(slab_link(&self->slab, last), tagged_index(head));
			if (likely(atom_cas_weak_acq_rel(&shard->head, &head,
				    idx_local_longer(head, first, n)))) /* R0 */
				return;
		} else {
			atom_store_relaxed(slab_link(&self->slab, last), 0);
			if (atom_cas_weak_acq_rel(&shard->head, &head,
				    idx_local_next(head, first, n))) { /* R0, A0 */
				thread->paths.flush++;
				idx_local_retire(self, tagged_index(head), length);
				return;
			}
		}
	}
}

/* Reactivates a chain for an empty shard: one object for the caller, the rest for the list. */
static COLD uint32_t idx_local_refill(struct idx_local_pool *self, struct pool_thread *thread,
	struct idx_local_shard *shard, void **objs, uint32_t want)
{
	uint32_t first, length, got;

	while ((first = idx_local_reactivate(self, &length)) != 0) {
		uint64_t head = atom_load_relaxed(&shard->head);
		uint32_t rest = atom_load_relaxed(slab_link(&self->slab, first));

		thread->paths.refill++;
		if (length == 1 ||
			(tagged_index(head) == 0 &&
				atom_cas_weak_release(&shard->head, &head,
					idx_local_next(head, rest, length - 1)))) { /* R0 */
			objs[0] = slab_at(&self->slab, first);
			return 1;
		}
		idx_local_retire(self, first, length); /* somebody else has filled the shard */
		got = idx_local_pop(shard, &self->slab, objs, want);
		if (got != 0)
			return got;
	}
	return 0;
}

/* At least one object for a thread whose shard is empty, or 0 when none is found anywhere. */
static COLD uint32_t idx_local_find(
	struct idx_local_pool *self, struct pool_thread *thread, void **objs, uint32_t want)
{
	struct idx_local_shard *own = idx_local_own(self, thread);
	uint32_t first, got;

	do {
		got = idx_local_refill(self, thread, own, objs, want);
		if (got != 0)
			return got;
		got = slab_carve(&self->slab, want, &first);
		for (uint32_t i = 0; i < got; i++)
			objs[i] = slab_object(&self->slab, first + i);
		if (got != 0) {
			thread->paths.grow++;
			return got;
		}
		for (size_t i = 0; IDX_LOCAL_SEARCH && i < IDX_LOCAL_SHARDS; i++) {
			size_t victim = ((size_t)(own - self->shard) + i) & (IDX_LOCAL_SHARDS - 1);

			got = idx_local_pop(&self->shard[victim], &self->slab, objs, want);
			if (got != 0) {
				thread->paths.steal++;
				return got;
			}
		}
		/* A shard that was retired meanwhile may have slipped from in front to behind. */
	} while (tagged_index(atom_load_relaxed(&self->chains)) != 0);
	thread->paths.empty++;
	return 0;
}

static COLD void *idx_local_get_slow(struct idx_local_pool *self, struct pool_thread *thread)
{
	void *object;

	return idx_local_find(self, thread, &object, 1) == 1 ? object : NULL;
}

/* Six loads and one locked compare-and-swap on a line that is the CPU's own as a rule. */
static inline void *idx_local_get(struct pool *pool, struct pool_thread *thread)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	void *object = idx_local_pop_one(idx_local_own(self, thread), &self->slab);

	return likely(object != NULL) ? object : idx_local_get_slow(self, thread);
}

/* Five loads, one store and one locked compare-and-swap. */
static inline void idx_local_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	uint32_t unit = slab_unit(&self->slab, object);

	idx_local_push(self, thread, unit, unit, 1);
}

/* n loads of links and one locked compare-and-swap while the shard has n. */
static inline uint32_t idx_local_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	uint32_t got = idx_local_pop(idx_local_own(self, thread), &self->slab, objs, n);

	while (unlikely(got < n)) {
		uint32_t found = idx_local_find(self, thread, objs + got, n - got);

		if (found == 0)
			break;
		got += found;
		if (got < n)
			got += idx_local_pop(
				idx_local_own(self, thread), &self->slab, objs + got, n - got);
	}
	return got;
}

/* n stores of links and one locked compare-and-swap for each IDX_LOCAL_LIMIT objects. */
static inline void idx_local_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;

	for (uint32_t i = 0; i < n;) {
		uint32_t length = n - i < IDX_LOCAL_LIMIT ? n - i : IDX_LOCAL_LIMIT;
		uint32_t first = slab_unit(&self->slab, objs[i]);
		uint32_t last = first;

		for (const uint32_t end = i + length; ++i < end;) {
			uint32_t unit = slab_unit(&self->slab, objs[i]);

			atom_store_relaxed(slab_link(&self->slab, last), unit);
			last = unit;
		}
		idx_local_push(self, thread, first, last, length);
	}
}

static COLD size_t idx_local_next_bytes(const struct idx_local_pool *self)
{
	return slab_units(&self->slab) * sizeof(*self->next);
}

static COLD int idx_local_create(const struct pool_config *config, struct pool **out)
{
	struct idx_local_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	self->next = memory_map(idx_local_next_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->next == NULL) {
		rc = -ENOMEM;
		goto fail_next;
	}
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;

fail_next:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void idx_local_destroy(struct pool *pool)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;

	memory_unmap(self->next, idx_local_next_bytes(self), MEMORY_PAGES_ORDINARY);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD void idx_local_adopt(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	((struct idx_local_thread *)thread)->cpu_word = cpu_word();
}

static COLD int idx_local_attach(struct pool *pool, struct pool_thread **out)
{
	struct idx_local_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->base.pool = pool;
	idx_local_adopt(pool, &self->base);
	*out = &self->base;
	return 0;
}

static COLD void idx_local_detach(struct pool *pool, struct pool_thread *thread)
{
	(void)pool; /* the lists belong to CPUs: nothing is the thread's */
	memory_free(thread, sizeof(struct idx_local_thread));
}

static COLD void idx_local_flush(struct pool *pool, struct pool_thread *thread)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	struct idx_local_shard *shard = idx_local_own(self, thread);
	uint64_t head = atom_load_acquire(&shard->head); /* A0 */

	while (tagged_index(head) != 0) {
		if (atom_cas_weak_acquire(
			    &shard->head, &head, idx_local_next(head, 0, 0))) { /* A0 */
			idx_local_retire(self, tagged_index(head), idx_local_length(head));
			return;
		}
	}
}

static COLD uint64_t idx_local_count(struct pool *pool)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	uint64_t free = slab_uncarved(&self->slab);
	uint32_t next = tagged_index(atom_load_acquire(&self->chains)); /* A1 */

	for (size_t i = 0; i < IDX_LOCAL_SHARDS; i++)
		free += idx_local_length(atom_load_relaxed(&self->shard[i].head));
	while ((next &= TAGGED_INDEX_MAX) != 0) {
		next = atom_load_relaxed(&self->next[next]);
		free += next >> IDX_LOCAL_LENGTH_SHIFT;
	}
	return free;
}

/* Marks a list that claims to have length objects. */
static COLD bool idx_local_census(const struct idx_local_pool *self, struct census *census,
	uint32_t at, uint32_t length, const char *place)
{
	uint32_t n = 0;

	for (; at != 0; at = atom_load_relaxed(slab_link(&self->slab, at)), n++) {
		if (n == length)
			break;
		if (!census_mark(census, slab_at(&self->slab, at), place)) /* I3 */
			return false;
	}
	if (at != 0 || n != length || length > IDX_LOCAL_LIMIT)
		return census_fail(census, "%s claims %" PRIu32 " objects and has %s%" PRIu32,
			place, length, at != 0 ? "more than " : "", n);
	return true;
}

static COLD int idx_local_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);
	bool sound = true;

	if (rc != 0)
		return rc;
	for (size_t i = 0; sound && i < IDX_LOCAL_SHARDS; i++) {         /* I1 */
		uint64_t head = atom_load_acquire(&self->shard[i].head); /* A0 */

		sound = idx_local_census(self, &census, tagged_index(head), idx_local_length(head),
			"I1: a shard's list");
	}
	for (uint32_t first = tagged_index(atom_load_acquire(&self->chains)); /* A1; I2 */
		sound && first != 0;) {
		uint32_t next = atom_load_relaxed(&self->next[first]);

		sound = idx_local_census(self, &census, first, next >> IDX_LOCAL_LENGTH_SHIFT,
			"I2: a chain of the global list");
		first = next & TAGGED_INDEX_MAX;
	}
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_idx_local_ops = {
	.name = "idx_local",
	.summary = "sharded lock-free stacks over a stack of chains: portable, local, exact",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = IDX_LOCAL_SEARCH == 1,
		.signals = true,
		.trims = true},
	.supported = pool_supported_always,
	.create = idx_local_create,
	.destroy = idx_local_destroy,
	.attach = idx_local_attach,
	.adopt = idx_local_adopt,
	.detach = idx_local_detach,
	.get = idx_local_get,
	.put = idx_local_put,
	.get_bulk = idx_local_get_bulk,
	.put_bulk = idx_local_put_bulk,
	.flush = idx_local_flush,
	.count = idx_local_count,
	.check = idx_local_check,
};

#endif
