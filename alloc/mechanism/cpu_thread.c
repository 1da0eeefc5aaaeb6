/* See cpu_thread.h. */
#include "alloc/mechanism/cpu_thread.h"

void cpu_thread_adopt(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	((struct cpu_thread *)thread)->cpu_word = cpu_word();
}

int cpu_thread_enter(struct pool *pool, struct pool_thread *thread)
{
	cpu_thread_adopt(pool, thread);
	return 0;
}
