/*
 * Pools whose cache is an array a CPU (rseq_array.h), over the depot: what lies around the
 * sections, for `rseq_arr` and `home_ret`; or an array a concurrency id, for `rseq_arr_cid`: what is said of
 * a CPU holds of an id then, but that a fence is of all CPUs. Cold, all of it: the hot hooks enter the sections
 * themselves.
 *
 * Progress: lock-free. A section that was aborted RSEQ_ABORTS_MAX times is given up, and the caller
 * goes to the depot. A thread that stops an array and is stopped itself hides that array and blocks
 * nobody.
 *
 * I1  On a quiet pool no array is stopped, low is its first slot, cap ends the configured number of slots,
 *     and top lies between the two.
 */
#ifndef ALLOC_MECHANISM_CPU_ARRAYS_H
#define ALLOC_MECHANISM_CPU_ARRAYS_H

#include "alloc/mechanism/cpu_table.h"
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/rseq_array.h"

_Static_assert((int)POOL_CPU_CACHE_OBJECTS_MAX <= (int)RSEQ_ARRAY_SLOTS,
	"the largest cache fits an array");

/* The pool, or the first member of one that has more. */
struct cpu_arrays {
	struct pool base;
	struct rseq_array *array; /* table.limit of them */
	struct cpu_table table;
	enum rseq_index by;
	uint32_t cap;   /* objects an array holds */
	uint32_t batch; /* objects moved at once; the depot's magazine size */
	struct slab slab;
	struct depot depot;
	/*
	 * Where there is a depot a NUMA node: those of the nodes from 1 on, and each CPU's node. NULL: one
	 * depot for all.
	 */
	struct depot *further;
	uint16_t *node; /* table.limit of them */
	uint32_t nodes; /* at least 1 */
};

/* A thread's state, or its first member. */
struct cpu_arrays_thread {
	struct pool_thread base;
	void *rs; /* the thread's registered area, or &unregistered */
	struct rseq_unregistered unregistered;
	uint32_t victim; /* where the last search found something */
};

static inline struct depot *cpu_arrays_depot(struct cpu_arrays *self, uint32_t node)
{
	return node == 0 ? &self->depot : &self->further[node - 1];
}

/* The depot of the node on which the thread runs, as a hint: it may have moved on. */
static inline struct depot *cpu_arrays_near(
	struct cpu_arrays *self, const struct cpu_arrays_thread *thread)
{
	return cpu_arrays_depot(self, self->node == NULL ? 0 : self->node[rseq_cpu(thread->rs)]);
}

/* The parts (life_cycle.h), of a pool that is no more than the arrays. */
COLD int cpu_arrays_init(struct pool *pool);
COLD int cpu_arrays_init_by_cid(struct pool *pool);
COLD void cpu_arrays_fini(struct pool *pool);
COLD int cpu_arrays_enter(struct pool *pool, struct pool_thread *thread);
COLD void cpu_arrays_walk(struct pool *pool, struct census *census);

/* The hooks adopt and flush; this empties the current CPU's array into the depot. */
COLD void cpu_arrays_adopt(struct pool *pool, struct pool_thread *thread);
COLD void cpu_arrays_flush(struct pool *pool, struct pool_thread *thread);

/* The hook lost: a thread that has stopped an array hides that one. What else it may have in its hands came out of it. */
COLD uint64_t cpu_arrays_lost(const struct pool *pool);

/* As cpu_arrays_init. magazines: that the depot has beyond those for its threads (depot_init). */
COLD int cpu_arrays_init_with(struct cpu_arrays *self, uint32_t magazines);

/* Then gives each NUMA node a depot of its own. 0, or a negative errno: there is one depot, as
 * before. */
COLD int cpu_arrays_divide(struct cpu_arrays *self, uint32_t magazines);

/*
 * The sections for several objects, begun again when interrupted, a bounded number of times. Up to n
 * objects of the current CPU's array; all of objs[0..n) onto it, or none (false).
 */
COLD uint32_t cpu_arrays_pop(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void **objs, uint32_t n);
COLD bool cpu_arrays_push(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void *const *objs, uint32_t n);

/*
 * Puts objs[0..n) on the current CPU's array; if they do not fit, after a batch was moved to the depot;
 * if they still do not fit, into the depot.
 */
COLD void cpu_arrays_put(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void *const *objs, uint32_t n);

/*
 * Takes up to n objects from some CPU's array into objs; half of what is there, if that is less. 0:
 * every array was found empty (cpu_table_search).
 */
COLD uint32_t cpu_arrays_steal(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void **objs, uint32_t n);

#endif
