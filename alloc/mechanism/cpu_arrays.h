/*
 * The arrays of all CPUs (rseq_array.h) as a cache over the depot: what lies around the sections, for
 * `rseq_arr` and `home_ret`. Cold, all of it: the hot hooks enter the sections themselves.
 *
 * Progress: lock-free. A section that was aborted RSEQ_ABORTS_MAX times is given up, and the caller goes to
 * the depot. A thread that stops an array and is stopped itself hides that array and blocks nobody.
 *
 * I1  On a quiet pool no array is stopped, low is 0, cap is the configured one and cur at most that.
 */
#ifndef ALLOC_MECHANISM_CPU_ARRAYS_H
#define ALLOC_MECHANISM_CPU_ARRAYS_H

#include "alloc/mechanism/cpu_table.h"
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/rseq_array.h"

_Static_assert((int)POOL_CPU_CACHE_OBJECTS_MAX <= (int)RSEQ_ARRAY_SLOTS,
	"the largest cache fits an array");

struct cpu_arrays {
	struct rseq_array *array; /* table.limit of them */
	struct cpu_table table;
	uint32_t cap;   /* objects an array holds */
	uint32_t batch; /* objects moved at once; the depot's magazine size */
	struct depot depot;
};

/* The first member of a thread's state, or all of it. */
struct cpu_arrays_thread {
	struct pool_thread base;
	void *rs; /* the thread's registered area, or &unregistered */
	struct rseq_unregistered unregistered;
	uint32_t victim; /* where the last search found something */
};

/*
 * Of a new pool, whose config and slab stand. magazines: that the depot is to have beyond those for its
 * threads (depot_init). 0, -EOVERFLOW or -ENOMEM.
 */
COLD int cpu_arrays_init(struct cpu_arrays *self, const struct pool *pool, uint32_t magazines);
COLD void cpu_arrays_fini(struct cpu_arrays *self);

/* The handle is the calling thread's from now on: when it attaches, and when it adopts. */
COLD void cpu_arrays_adopt(struct cpu_arrays *self, struct cpu_arrays_thread *thread);

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

/* Empties the current CPU's array into the depot. */
COLD void cpu_arrays_drain(struct cpu_arrays *self, struct cpu_arrays_thread *thread);

/* Of a quiet pool, the depot included: verifies I1 and marks every object. False: the census has failed. */
COLD bool cpu_arrays_census(struct cpu_arrays *self, struct census *census);

#endif
