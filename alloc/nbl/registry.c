#include "alloc/nbl/registry.h"

#include "alloc/machine/fork.h"

#include <pthread.h>

uint32_t nbl_slots_used;
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void nbl_registry_lock(void)
{
	pthread_mutex_lock(&registry);
}

void nbl_registry_unlock(void)
{
	pthread_mutex_unlock(&registry);
}

void nbl_registry_wait(void)
{
	pthread_cond_wait(&changed, &registry);
}

void nbl_registry_wake(void)
{
	pthread_cond_broadcast(&changed);
}

/*
 * The child's memory has the states of threads that are not there, but not the memory that was
 * local to them: their tables are forgotten. What is in the states comes back when their pools end.
 */
static void forget_tables_of_others(void)
{
	for (uint32_t id = 0; id < nbl_slots_used; id++) {
		for (struct nbl_thread *t = nbl_pools[id].threads; t != NULL; t = t->next) {
			if (t->slot != &nbl_threads[id])
				t->slot = NULL;
		}
	}
}

static void after_fork(bool child)
{
	if (child)
		forget_tables_of_others();
	nbl_registry_unlock();
}

int nbl_registry_arrange_fork(void)
{
	static const struct fork_hooks hooks = {nbl_registry_lock, after_fork};
	int rc = rcu_guard_arrange_fork();

	return rc != 0 ? rc : fork_arrange(FORK_REGISTRY, &hooks);
}
