/*
 * Inboxes: the arrays of all CPUs (cpu_arrays.h), and a way for free objects to a CPU on which their putter
 * does not run; for `home_ret`.
 *
 * A thread has magazines open, each for one destination. Objects for a CPU go into the magazine that is
 * open for it; when that is full, it is posted to the CPU's inbox with one compare-and-swap. An inbox is
 * a tagged stack of magazines of the depot: its orders, and its tag against ABA. It gives one magazine at
 * a time, to any thread.
 *
 * I1  Magazines in an inbox hold `batch` objects, and a thread's open ones fewer: so there are never
 *     more full ones than the depot has room for.
 */
#ifndef ALLOC_MECHANISM_CPU_INBOXES_H
#define ALLOC_MECHANISM_CPU_INBOXES_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/cpu_arrays.h"
#include "alloc/mechanism/thread_list.h"

/*
 * Magazines that a thread has open at once, by destination modulo this: a power of two. Sixteen serve a
 * stack whose completions go to sixteen different CPUs. A further destination displaces another one's
 * magazine, whose objects go to the depot: correct, and nobody's home.
 */
enum { CPU_INBOXES_OPEN = 16 };
_Static_assert((CPU_INBOXES_OPEN & (CPU_INBOXES_OPEN - 1)) == 0, "the modulo is a mask");

struct cpu_inboxes_open {
	struct magazine *magazine; /* NULL: none */
	uint32_t cpu;              /* its destination */
	uint32_t count; /* objects in it; the magazine's own word is written when it is posted */
};

/* The first member of the strategy's pool. */
struct cpu_inboxes {
	struct pool base;
	struct cpu_arrays arrays;
	struct tagged_stack *inbox; /* one a CPU */
	struct thread_list threads;
};

/* The first member of a thread's state, or all of it. */
struct cpu_inboxes_thread {
	struct cpu_arrays_thread cpu;
	struct cpu_inboxes_open open[CPU_INBOXES_OPEN];
	struct thread_link link;
};

/* Of a new pool, whose config and slab stand. 0, -EOVERFLOW or -ENOMEM. */
COLD int cpu_inboxes_init(struct cpu_inboxes *self);
COLD void cpu_inboxes_fini(struct cpu_inboxes *self);

/* A thread attaches, and detaches. */
COLD void cpu_inboxes_enter(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread);
COLD void cpu_inboxes_leave(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread);

/*
 * Opens a magazine for cpu in the place of another one, or where there is none. False: the depot has none
 * to give.
 */
COLD bool cpu_inboxes_open(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	struct cpu_inboxes_open *open, uint32_t cpu);

/* Posts a full magazine to its destination: one locked instruction. */
COLD void cpu_inboxes_post(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, struct cpu_inboxes_open *open);

/* Sends objs[0..n) to cpu, on which the thread does not run. */
static inline void cpu_inboxes_send(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	uint32_t cpu, void *const *objs, uint32_t n)
{
	struct cpu_inboxes_open *open = &thread->open[cpu & (CPU_INBOXES_OPEN - 1)];

	for (uint32_t sent = 0; sent < n;) {
		if (unlikely(open->magazine == NULL || open->cpu != cpu) &&
			!cpu_inboxes_open(self, thread, open, cpu)) {
			uint32_t batch = self->arrays.batch;
			uint32_t give = n - sent < batch ? n - sent : batch;

			depot_give(&self->arrays.depot, &thread->cpu.base, objs + sent, give);
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

/* A full magazine of a CPU's inbox, the caller's. NULL: the inbox is empty. */
COLD struct magazine *cpu_inboxes_take(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, uint32_t cpu);

/* Empties the thread's open magazines into the depot. */
COLD void cpu_inboxes_flush(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread);

/*
 * Of a quiet pool, arrays and depot included: verifies I1 and marks every object. False: the census has
 * failed.
 */
COLD bool cpu_inboxes_census(struct cpu_inboxes *self, struct census *census);

#endif
