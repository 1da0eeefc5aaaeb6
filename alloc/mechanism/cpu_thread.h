/* A thread's state where the strategy wants to know no more of a thread than which CPU it runs on. */
#ifndef ALLOC_MECHANISM_CPU_THREAD_H
#define ALLOC_MECHANISM_CPU_THREAD_H

#include "alloc/machine/cpu.h"
#include "alloc/pool.h"

struct cpu_thread {
	struct pool_thread base;
	atom_u32 *cpu_word; /* of the thread that the handle is for; see cpu.h */
};

/* The thread's CPU, as a hint. One or two loads. */
ALWAYS_INLINE uint32_t cpu_thread_current(const struct pool_thread *thread)
{
	return cpu_current(((const struct cpu_thread *)thread)->cpu_word);
}

/* For pool_ops.adopt, and for pool_parts.enter: the handle is the calling thread's. */
void cpu_thread_adopt(struct pool *pool, struct pool_thread *thread);
int cpu_thread_enter(struct pool *pool, struct pool_thread *thread);

#endif
