/*
 * Whose each object is: a number beside each object of a slab, the home to which it returns, for
 * strategies that send back what others free.
 *
 * A strategy may hand out homes by *runs*: the objects that begin in the same run of addresses, a power of two of
 * bytes, are carved as a whole and have one home. Whether a burst has one home is then mostly seen from its
 * addresses alone, without a load for each object (vector.h). A run of which an object found another home is *mixed*,
 * for good, and of its objects each is asked.
 *
 * No order of its own. Whoever has an object may write its home; others read it when they have
 * the object, and whatever handed that over publishes its home, and that its run is mixed.
 */
#ifndef ALLOC_MECHANISM_HOMES_H
#define ALLOC_MECHANISM_HOMES_H

#include "alloc/machine/vector.h"
#include "alloc/mechanism/slab.h"

#include <errno.h>

struct homes {
	uint16_t *home; /* one a cache line of the slab: that of the object that begins there */
	uintptr_t home_of_0; /* where the home of the line at address 0 would be */
};

static inline size_t homes_bytes(const struct slab *slab)
{
	return slab_units(slab) * sizeof(uint16_t);
}

/* Every home is 0. 0 or -ENOMEM. */
static inline int homes_init(struct homes *self, const struct slab *slab)
{
	self->home = memory_map(homes_bytes(slab), MEMORY_PAGES_ORDINARY);
	if (self->home == NULL)
		return -ENOMEM;
	self->home_of_0 = (uintptr_t)self->home -
			  ((uintptr_t)slab->base >> CACHE_LINE_LOG2) * sizeof(*self->home);
	return 0;
}

static inline void homes_fini(struct homes *self, const struct slab *slab)
{
	memory_unmap(self->home, homes_bytes(slab), MEMORY_PAGES_ORDINARY);
}

/* An object's home. A shift, and an addition that the load does by itself. */
ALWAYS_INLINE uint16_t *homes_of(const struct homes *self, const void *object)
{
	return (uint16_t *)(self->home_of_0 +
			    ((uintptr_t)object >> CACHE_LINE_LOG2) * sizeof(uint16_t));
}

/* Not 0: one of objs[0..n) has another home. Without a branch an object. */
ALWAYS_INLINE uint32_t homes_differ(
	const struct homes *self, uint32_t home, void *const *objs, uint32_t n)
{
	uint32_t elsewhere = 0;

	for (uint32_t i = 0; i < n; i++)
		elsewhere |= *homes_of(self, objs[i]) ^ home;
	return elsewhere;
}

/* How many of objs[0..n), n >= 1, from the first on have its home. */
ALWAYS_INLINE uint32_t homes_run(const struct homes *self, void *const *objs, uint32_t n)
{
	const uint32_t home = *homes_of(self, objs[0]);
	uint32_t run = 1;

	while (run < n && *homes_of(self, objs[run]) == home)
		run++;
	return run;
}

/*
 * The longest run, 64 KiB, has 204 objects of 256 bytes, several bursts. At least two a home, since the last one of a
 * slab may be cut short.
 */
enum {
	HOMES_RUN_BYTES_MAX_LOG2 = 16,
	HOMES_RUN_BYTES_MAX = 1 << HOMES_RUN_BYTES_MAX_LOG2,
	HOMES_RUNS_EACH = 2,
};

#define HOMES_MIXED UINT32_MAX

/* A slab's runs: the `bytes` from low on, and so forth. */
struct homes_runs {
	uintptr_t low;
	uintptr_t bytes;
	uint32_t bytes_log2;
	atom_u32 *home; /* one a run: that of its objects, or HOMES_MIXED */
};

static inline size_t homes_runs_bytes(const struct homes_runs *self, const struct slab *slab)
{
	return (slab->capacity * slab->stride / self->bytes + 1) * sizeof(*self->home);
}

/* Runs for so many homes; in the smallest slab a line is one. 0 or -ENOMEM. */
static inline int homes_runs_init(struct homes_runs *self, const struct slab *slab, uint32_t homes)
{
	const size_t all = slab->capacity * slab->stride;

	self->low = (uintptr_t)slab->base;
	self->bytes = HOMES_RUN_BYTES_MAX;
	self->bytes_log2 = HOMES_RUN_BYTES_MAX_LOG2;
	while (self->bytes > CACHE_LINE_BYTES &&
		all / self->bytes < (size_t)HOMES_RUNS_EACH * homes) {
		self->bytes /= 2;
		self->bytes_log2--;
	}
	self->home = memory_alloc(homes_runs_bytes(self, slab));
	return self->home == NULL ? -ENOMEM : 0;
}

static inline void homes_runs_fini(struct homes_runs *self, const struct slab *slab)
{
	memory_free(self->home, homes_runs_bytes(self, slab));
}

/* The number of the object's run, and where a run begins. */
ALWAYS_INLINE uintptr_t homes_run_of(const struct homes_runs *self, const void *object)
{
	return ((uintptr_t)object - self->low) >> self->bytes_log2;
}

ALWAYS_INLINE uintptr_t homes_run_low(const struct homes_runs *self, uintptr_t run)
{
	return self->low + (run << self->bytes_log2);
}

/*
 * Carves what is left of the run in which the next object begins, and makes it home's: objects number *first and
 * those after it. Returns how many, 0 when the capacity is reached. Relaxed, as slab_carve. Divides: for
 * cold paths.
 */
static inline uint32_t homes_carve(const struct homes *self, const struct homes_runs *runs,
	struct slab *slab, uint16_t home, uint32_t *first)
{
	uint32_t carved = slab_carved(slab), take;

	do {
		const uintptr_t next = (uintptr_t)slab_object(slab, carved);
		const uintptr_t end = homes_run_low(runs, homes_run_of(runs, (void *)next) + 1);
		const size_t objects = (end - next + slab->stride - 1) / slab->stride;
		const uint32_t room = slab->capacity - carved;

		take = objects < room ? (uint32_t)objects : room;
		if (take == 0)
			return 0;
		*first = carved;
	} while (!atom_cas_weak_relaxed(&slab->carved, &carved, carved + take));
	for (uint32_t i = 0; i < take; i++)
		*homes_of(self, slab_object(slab, *first + i)) = home;
	atom_store_relaxed(&runs->home[homes_run_of(runs, slab_object(slab, *first))], home);
	return take;
}

/* From now on objs[0..n), which the caller has, are at home there. */
static inline void homes_adopt(const struct homes *self, const struct homes_runs *runs,
	uint16_t home, void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		atom_u32 *run = &runs->home[homes_run_of(runs, objs[i])];

		if (*homes_of(self, objs[i]) == home)
			continue;
		*homes_of(self, objs[i]) = home;
		if (atom_load_relaxed(run) != HOMES_MIXED)
			atom_store_relaxed(run, HOMES_MIXED);
	}
}

/*
 * True: all of objs[0..n), n >= 1, have the home. One load of a run's home where they lie in one that is not mixed.
 * Relaxed: whoever has an object that made its run mixed sees that it is.
 */
ALWAYS_INLINE bool homes_all(const struct homes *self, const struct homes_runs *runs, uint32_t home,
	void *const *objs, uint32_t n)
{
	const uintptr_t run = homes_run_of(runs, objs[0]);

	if (likely(atom_load_relaxed(&runs->home[run]) == home) &&
		likely(vector_pointers_within(objs, n, homes_run_low(runs, run), runs->bytes)))
		return true;
	return *homes_of(self, objs[0]) == home && !homes_differ(self, home, objs, n);
}

#endif
