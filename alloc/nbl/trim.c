/* nbl_trim: memory of free objects goes back to the system. */
#include "alloc/nbl/accounts.h"
#include "alloc/nbl/misuse.h"
#include "alloc/nbl/registry.h"

/* For pool_trim: the object loses its memory, and the policy what it had parked there. */
static void retire_trimmed(void *arg, void *object)
{
	const struct nbl_thread *self = arg;
	const struct nbl_pool *pool = self->pool;

	if (pool->kind == NBL_POOL_LISTS && pool->policy->retire)
		pool->policy->retire(pool->context, self->context_thread, object);
}

/* Objects that are out of the strategy's pool, at most: the drivers' and the quarantined. */
static uint64_t held_outside(const struct nbl_pool *pool)
{
	nbl_registry_lock();
	/* Of counters that others change meanwhile: below 0 if an object changed hands midway. */
	int64_t out = (int64_t)nbl_outstanding_locked(pool);
	for (const struct nbl_thread *t = pool->threads; pool->verify && t != NULL; t = t->next)
		out += NBL_QUARANTINE_OBJECTS;
	nbl_registry_unlock();
	return out > 0 ? (uint64_t)out : 0;
}

uint64_t nbl_trim(void *PoolHandle, uint32_t keep)
{
	struct nbl_pool *pool = nbl_enter(PoolHandle, NBL_POOL_LISTS);
	uint64_t given = 0;

	if (pool == NULL)
		pool = nbl_enter(PoolHandle, NBL_POOL_NBS);
	if (pool == NULL) {
		nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, __func__, NULL, PoolHandle,
			"the handle is not that of a living pool of NBLs or NBs");
		return 0;
	}
	struct nbl_thread *self = nbl_self(pool);
	if (self != NULL)
		given = pool_trim(pool->pool, self->pool_thread, held_outside(pool), keep,
			retire_trimmed, self);
	nbl_leave(pool);
	return given;
}
