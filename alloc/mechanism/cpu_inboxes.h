/*
 * Inboxes, for `home_ret`: a pool with an array a CPU (cpu_arrays.h), in which every object has a
 * home, a CPU (homes.h), and there is a way home from a CPU on which its putter runs.
 *
 * For `home_ret_node` a home is a NUMA node, that of the CPU, and the node's depot is its inbox: what is
 * posted lies with the full magazines there. A magazine that is open for a node is of that node's depot.
 *
 * A thread has magazines open, each for one home. Objects for a CPU go into the magazine that is
 * open for it; when that is full, it is posted to the CPU's inbox with one compare-and-swap. An
 * inbox is a tagged stack of magazines of the depot: its orders, and its tag against ABA. It gives
 * one magazine at a time, to any thread.
 *
 * The thread that carves an object writes its home before anybody else has the object; and so does the thread that
 * has it, where the strategy finds it a new one (homes.h).
 *
 * I1  Magazines in an inbox hold `batch` objects, and a thread's open ones fewer: so there are never
 *     more full ones than the depot has room for.
 * I2  Every carved object's home is a CPU of the pool, or a node.
 * I3  A run is mixed, or its objects have the home that is said of it.
 */
#ifndef ALLOC_MECHANISM_CPU_INBOXES_H
#define ALLOC_MECHANISM_CPU_INBOXES_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/cpu_arrays.h"
#include "alloc/mechanism/homes.h"
#include "alloc/mechanism/thread_list.h"

/*
 * Magazines that a thread has open at once, by home modulo this: a power of two. Sixteen serve a
 * stack whose completions go to sixteen different CPUs. A further home displaces another one's
 * magazine, whose objects go to the depot: correct, and nobody's home.
 */
enum { CPU_INBOXES_OPEN = 16 };
_Static_assert((CPU_INBOXES_OPEN & (CPU_INBOXES_OPEN - 1)) == 0, "the modulo is a mask");

struct cpu_inboxes_open {
	struct magazine *magazine; /* NULL: none */
	uint32_t home;             /* that it is for */
	uint32_t count; /* objects in it; the magazine's own word is written when it is posted */
};

/* The pool. */
struct cpu_inboxes {
	struct cpu_arrays arrays;
	struct tagged_stack *inbox; /* one a CPU; NULL: homes are nodes */
	struct homes homes;
	struct homes_runs runs; /* that are carved for one home each */
	struct thread_list threads;
};

/* A thread's state. */
struct cpu_inboxes_thread {
	struct cpu_arrays_thread cpu;
	struct cpu_inboxes_open open[CPU_INBOXES_OPEN];
	struct magazine *scratch; /* the strategy's; empty between calls */
	struct thread_link link;
};

/* What a home is. */
enum cpu_inboxes_home { HOME_CPU, HOME_NODE };

/* Where the thread is at home, as a hint. of: a constant where it matters. */
ALWAYS_INLINE uint32_t cpu_inboxes_here(const struct cpu_inboxes *self,
	const struct cpu_inboxes_thread *thread, enum cpu_inboxes_home of)
{
	uint32_t cpu = rseq_cpu(thread->cpu.rs);

	return of == HOME_NODE ? self->arrays.node[cpu] : cpu;
}

static inline enum cpu_inboxes_home cpu_inboxes_of(const struct cpu_inboxes *self)
{
	return self->inbox == NULL ? HOME_NODE : HOME_CPU;
}

static inline uint32_t cpu_inboxes_homes(const struct cpu_inboxes *self)
{
	return cpu_inboxes_of(self) == HOME_NODE ? self->arrays.nodes : self->arrays.table.cpus;
}

/* The depot whose magazines a home's inbox takes. */
ALWAYS_INLINE struct depot *cpu_inboxes_depot(
	struct cpu_inboxes *self, uint32_t home, enum cpu_inboxes_home of)
{
	return of == HOME_NODE ? cpu_arrays_depot(&self->arrays, home) : &self->arrays.depot;
}

/* The parts (life_cycle.h); the hook flush empties the open magazines and the CPU's array. */
COLD int cpu_inboxes_init(struct pool *pool);
COLD int cpu_inboxes_init_by_node(struct pool *pool);
COLD void cpu_inboxes_fini(struct pool *pool);
COLD int cpu_inboxes_enter(struct pool *pool, struct pool_thread *thread);
COLD void cpu_inboxes_leave(struct pool *pool, struct pool_thread *thread);
COLD void cpu_inboxes_walk(struct pool *pool, struct census *census);
COLD void cpu_inboxes_flush(struct pool *pool, struct pool_thread *thread);

/*
 * The hooks withheld and lost: what a thread has open; and besides, a CPU's array that it has stopped, and a
 * batch on its way.
 */
COLD uint64_t cpu_inboxes_withheld(const struct pool *pool);
COLD uint64_t cpu_inboxes_lost(const struct pool *pool);

/*
 * Opens a magazine for a home in the place of another one, or where there is none. False: the depot has
 * none to give.
 */
COLD bool cpu_inboxes_open(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	struct cpu_inboxes_open *open, uint32_t home);

/* Posts a full magazine to the inbox that it is for: one locked instruction. */
COLD void cpu_inboxes_post(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, struct cpu_inboxes_open *open);

/* Sends objs[0..n) home, where the thread does not run. of: a constant. */
ALWAYS_INLINE void cpu_inboxes_send(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	enum cpu_inboxes_home of, uint32_t home, void *const *objs, uint32_t n)
{
	struct cpu_inboxes_open *open = &thread->open[home & (CPU_INBOXES_OPEN - 1)];

	for (uint32_t sent = 0; sent < n;) {
		if (unlikely(open->magazine == NULL || open->home != home) &&
			!cpu_inboxes_open(self, thread, open, home)) {
			uint32_t batch = self->arrays.batch;
			uint32_t give = n - sent < batch ? n - sent : batch;

			depot_give(cpu_inboxes_depot(self, home, of), &thread->cpu.base,
				objs + sent, give);
			sent += give;
			continue;
		}
		uint32_t room = self->arrays.batch - open->count;
		uint32_t give = n - sent < room ? n - sent : room;

		copy_pointers(open->magazine->slot + open->count, objs + sent, give);
		open->count += give;
		sent += give;
		if (unlikely(open->count == self->arrays.batch))
			cpu_inboxes_post(self, thread, open);
	}
}

/* A full magazine of a home's inbox, the caller's, of cpu_inboxes_depot. NULL: the inbox is empty. */
COLD struct magazine *cpu_inboxes_take(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, uint32_t home);

/*
 * A magazine with objects, the caller's, and the depot that it is of: from the slab, the thread's own open
 * magazines, any inbox, any depot, any array. It may be the scratch one. NULL: none was found. here: where
 * the thread is at home.
 */
COLD struct magazine *cpu_inboxes_find(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	uint32_t here, struct depot **of);

#endif
