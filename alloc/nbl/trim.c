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

/*
 * Under the lock: objects that are out of the strategy's pool, at most: the drivers' and the
 * quarantined.
 */
static uint64_t held_outside_locked(const struct nbl_pool *pool)
{
	/* Of counters that others change meanwhile: below 0 if an object changed hands midway. */
	int64_t out = (int64_t)nbl_outstanding_locked(pool);

	for (const struct nbl_thread *t = pool->threads; pool->verify && t != NULL; t = t->next)
		out += NBL_QUARANTINE_OBJECTS;
	return out > 0 ? (uint64_t)out : 0;
}

/*
 * A trim takes long, and every guarded pool that is destroyed meanwhile waits for all calls that are
 * inside. So the trim leaves, and counts as a user of its own pool instead, for which only this
 * pool's destroy waits.
 */
static uint64_t trim_outside(struct nbl_pool *pool, struct nbl_thread *self, uint32_t keep)
{
	nbl_registry_lock();
	const uint64_t outside = held_outside_locked(pool);
	pool->trims++;
	nbl_registry_unlock();
	nbl_leave(pool);
	const uint64_t given =
		pool_trim(pool->pool, self->pool_thread, outside, keep, retire_trimmed, self);
	nbl_registry_lock();
	pool->trims--;
	nbl_registry_wake();
	nbl_registry_unlock();
	return given;
}

uint64_t nbl_trim(void *PoolHandle, uint32_t keep)
{
	struct nbl_pool *pool = nbl_enter(PoolHandle, NBL_POOL_LISTS);

	if (pool == NULL)
		pool = nbl_enter(PoolHandle, NBL_POOL_NBS);
	if (pool == NULL) {
		nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, __func__, NULL, PoolHandle,
			"the handle is not that of a living pool of NBLs or NBs");
		return 0;
	}
	struct nbl_thread *self = nbl_self(pool);
	if (self != NULL)
		return trim_outside(pool, self, keep);
	nbl_leave(pool);
	return 0;
}
