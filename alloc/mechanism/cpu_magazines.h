/*
 * A pool whose cache is two magazines a CPU (rseq_magazine.h), over the depot: what lies around the
 * sections, for `rseq_mag`.
 *
 * Each thread owns one more magazine, `mine`, which is empty between calls: it trades that for one of its
 * own CPU's, in a section, or for one of a CPU that it has stopped.
 *
 * ABA: the exchange compares nothing. It takes what it finds in the section, and what was read of the CPU
 * before is a hint: the caller looks at what it got.
 *
 * I1  On a quiet pool no CPU is stopped; its two magazines differ, and hold at most depot_size objects each; a
 *     thread's is empty.
 */
#ifndef ALLOC_MECHANISM_CPU_MAGAZINES_H
#define ALLOC_MECHANISM_CPU_MAGAZINES_H

#include "alloc/mechanism/cpu_table.h"
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/rseq_magazine.h"

/* The pool. */
struct cpu_magazines {
	struct pool base;
	atom_ptr *at; /* by CPU, table.limit of them: its place, or &closed while it is stopped */
	struct rseq_place *places; /* by CPU, table.cpus of them */
	struct cpu_table table;
	struct slab slab;
	struct depot depot;
	struct rseq_place closed; /* also of the CPUs beyond those in use, for ever */
};

/* A thread's state. */
struct cpu_magazines_thread {
	struct pool_thread base;
	void *rs;                 /* the thread's registered area, or &unregistered */
	struct magazine *mine;    /* empty between calls: what is traded, unless it is private */
	struct magazine *reserve; /* empty; NULL while a run is lent to the user */
	struct depot_watch watch;
	struct rseq_unregistered unregistered;
	uint32_t victim; /* where the last search found something */
};

/* The place of a CPU; NULL: it is stopped. */
static inline struct rseq_place *cpu_magazines_place(struct cpu_magazines *self, uint32_t cpu)
{
	struct rseq_place *place = atom_load_relaxed(&self->at[cpu]);

	return place != &self->closed ? place : NULL;
}

/* False: the thread has a private magazine (depot.h), which ends with the thread. */
static inline bool cpu_magazines_trades(const struct cpu_magazines_thread *thread)
{
	return thread->mine->heap == NULL;
}

/*
 * Tell the thread sanitizer of the edges that each object makes when its magazine leaves or enters a
 * CPU.
 */
static inline void cpu_magazines_acquire_all(struct magazine *magazine)
{
	atom_tsan_acquire_each(magazine->slot, magazine_count(magazine));
}

static inline void cpu_magazines_release_all(struct magazine *magazine)
{
	atom_tsan_release_each(magazine->slot, magazine_count(magazine));
}

/*
 * Trades the thread's magazine for its CPU's loaded or spare one. The thread's becomes the loaded one, the one that
 * stays the spare. False: interrupted, or the CPU is stopped.
 */
static inline bool cpu_magazines_trade(
	struct cpu_magazines *self, struct cpu_magazines_thread *thread, bool spare)
{
	cpu_magazines_release_all(thread->mine);
	uintptr_t result = rseq_magazine_exchange(
		thread->rs, self->at, spare, thread->mine, depot_size(&self->depot));
	if (result < RSEQ_CODES)
		return false;
	thread->mine = (struct magazine *)result;
	cpu_magazines_acquire_all(thread->mine);
	return true;
}

/* The parts (life_cycle.h). init is for magazines of a fixed size, or for those that grow. */
COLD int cpu_magazines_init(struct pool *pool);
COLD int cpu_magazines_init_growing(struct pool *pool);
COLD void cpu_magazines_fini(struct pool *pool);
COLD int cpu_magazines_enter(struct pool *pool, struct pool_thread *thread);
COLD void cpu_magazines_leave(struct pool *pool, struct pool_thread *thread);
COLD void cpu_magazines_walk(struct pool *pool, struct census *census);

/*
 * The hooks adopt and flush; this empties the magazines of the current CPU into the depot, unless
 * another thread is at them.
 */
COLD void cpu_magazines_adopt(struct pool *pool, struct pool_thread *thread);
COLD void cpu_magazines_flush(struct pool *pool, struct pool_thread *thread);

/* The hook lost: a thread that has stopped a CPU hides its two magazines. Its own is empty then. */
COLD uint64_t cpu_magazines_lost(const struct pool *pool);

/* The thread's magazine visits the depot: as depot_fill and depot_empty. */
COLD bool cpu_magazines_fill(struct cpu_magazines *self, struct cpu_magazines_thread *thread);
COLD void cpu_magazines_empty(struct cpu_magazines *self, struct cpu_magazines_thread *thread);

/*
 * The thread's magazine, with objects in it, goes to its CPU or the depot; an empty one takes its place.
 */
NOINLINE void cpu_magazines_install(
	struct cpu_magazines *self, struct cpu_magazines_thread *thread);

/*
 * Puts on the CPU's loaded magazine as many of objs[0..n) as it takes: what leaves for the depot later is then
 * full, and moves whole. All of them where the section of a burst was aborted: a loaded magazine that was
 * exchanged half full would make two of one. Returns how many went there.
 */
NOINLINE uint32_t cpu_magazines_top_up(struct cpu_magazines *self,
	struct cpu_magazines_thread *thread, void *const *objs, uint32_t n);

/*
 * Takes objects of some CPU, which it stops, into the thread's empty magazine: of a CPU's last ones half,
 * or `want` if that is more and there are so many. False: every CPU was found empty (cpu_table_search).
 */
COLD bool cpu_magazines_steal(
	struct cpu_magazines *self, struct cpu_magazines_thread *thread, uint32_t want);

#endif
