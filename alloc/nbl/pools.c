/* The table of pools: handles, creation, the end. */
#include "alloc/nbl/pools.h"

#include "alloc/context/accounts.h"
#include "alloc/mechanism/slab.h"
#include "alloc/nbl/accounts.h"
#include "alloc/nbl/defaults.h"
#include "alloc/nbl/marks.h"
#include "alloc/nbl/misuse.h"
#include "alloc/nbl/object.h"
#include "alloc/nbl/registry.h"

#include <errno.h>
#include <string.h>

_Static_assert((sizeof(struct nbl_pool) & (sizeof(struct nbl_pool) - 1)) == 0,
	"nbl_pool_valid divides by the size of a slot with a mask");

struct nbl_pool nbl_pools[NBL_POOLS_MAX];

/*
 * Handles.
 */

struct nbl_pool *nbl_enter(const void *handle, enum nbl_pool_kind kind)
{
	struct nbl_pool *pool = (struct nbl_pool *)(uintptr_t)handle;

	if (!nbl_pool_valid(handle, kind))
		return NULL;
	if (!pool->checks)
		return pool;
	rcu_guard_enter();
	/* Again: from here on a destroy waits, but it may have begun before. */
	if (nbl_pool_valid(handle, kind))
		return pool;
	rcu_guard_leave();
	return NULL;
}

struct nbl_pool *nbl_enter_to_free(const NET_BUFFER_LIST *nbl, const char *call)
{
	struct nbl_pool *pool = nbl ? nbl_enter(nbl->NdisPoolHandle, NBL_POOL_LISTS) : NULL;

	if (pool == NULL)
		nbl_report_no_pool(nbl, call);
	return pool;
}

struct nbl_pool *nbl_pool_of_checked(const NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl == NULL || !nbl_pool_valid(nbl->NdisPoolHandle, NBL_POOL_LISTS)) {
		nbl_report_no_pool(nbl, call);
		return NULL;
	}
	struct nbl_pool *pool = nbl->NdisPoolHandle;
	const uintptr_t number = nbl_mark_of(nbl, pool);
	if (nbl_mark_plain(number) != NBL_MARK_NONE)
		return pool;
	nbl_report_not_live(nbl, number, false, call);
	return NULL;
}

/*
 * Creation.
 */

static uint32_t align_up(uint32_t value, uint32_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* Size, Offset and limit of an inline block of so many bytes that is unused; it never leaves. */
static uint64_t inline_sizes(uint32_t bytes)
{
	NET_BUFFER_LIST_CONTEXT block = {
		.Size = (USHORT)bytes,
		.Offset = (USHORT)bytes,
		.NdisReserved = {(USHORT)bytes, CONTEXT_INLINE},
	};

	return *nbl_block_sizes(&block);
}

/* Lays the object out; see the drawing in object.h. */
static void lay_out(struct nbl_pool *pool)
{
	uint32_t end;

	if (pool->kind == NBL_POOL_LISTS) {
		end = NBL_NB_OFFSET + (pool->with_nb ? (uint32_t)sizeof(NET_BUFFER) : 0);
		pool->inline_bytes = pool->context->inline_bytes;
		if (pool->inline_bytes != 0) {
			pool->inline_offset = end;
			pool->inline_sizes = inline_sizes(pool->inline_bytes);
			pool->context->inline_offset = end;
			end += (uint32_t)sizeof(NET_BUFFER_LIST_CONTEXT) + pool->inline_bytes;
		}
	} else if (pool->kind == NBL_POOL_NBS) {
		end = NBL_LOOSE_OFFSET + (uint32_t)sizeof(NET_BUFFER);
	} else {
		end = NBL_LOOSE_OFFSET + NBL_MDL_BYTES;
	}
	if (pool->data_bytes != 0) {
		pool->mdl_bytes =
			(uint32_t)MmSizeOfMdl((uintptr_t)(PAGE_SIZE - 1), pool->data_bytes);
		pool->mdl_offset = align_up(end, CACHE_LINE_BYTES);
		pool->data_offset = align_up(pool->mdl_offset + pool->mdl_bytes, CACHE_LINE_BYTES);
		end = pool->data_offset + pool->data_bytes;
	}
	pool->object_bytes = align_up(end, sizeof(void *));
}

/* The cap on a pool's objects; 0: none. */
static uint32_t capacity_of(const struct nbl_pool_config *config, uint32_t object_bytes)
{
	const uint32_t most = slab_most(object_bytes, CACHE_LINE_BYTES);
	const uint32_t objects = nbl_default_capacity();

	if (config->capacity != 0)
		return config->capacity;
	return objects < most ? objects : most;
}

/* All of a slot but `published`, which others may look at. */
static void fill_slot(struct nbl_pool *slot, const struct nbl_pool *made)
{
	const size_t from = offsetof(struct nbl_pool, id);

	memcpy((unsigned char *)slot + from, (const unsigned char *)made + from,
		sizeof(*slot) - from);
}

/* Where the search for a free slot begins, so that a handle is reused as late as possible. */
static uint32_t next_slot;

/* Claims a free slot, the one longest out of use; NULL if all are in use. */
static struct nbl_pool *claim_slot(void)
{
	struct nbl_pool *slot = NULL;

	nbl_registry_lock();
	for (uint32_t tried = 0; tried < NBL_POOLS_MAX && slot == NULL; tried++) {
		uint32_t id = next_slot++ % NBL_POOLS_MAX;

		if (nbl_pools[id].object_bytes == 0) {
			slot = &nbl_pools[id];
			fill_slot(slot, &(struct nbl_pool){.id = id, .object_bytes = 1});
			if (nbl_slots_used <= id)
				nbl_slots_used = id + 1;
		}
	}
	nbl_registry_unlock();
	return slot;
}

static void release_slot(struct nbl_pool *slot)
{
	nbl_registry_lock();
	slot->object_bytes = 0;
	nbl_registry_unlock();
}

/* True if the short way of the hot calls (alloc/ndis/usual.h) serves the pool, which has no `checks`. */
static bool is_usual(const struct nbl_pool *pool)
{
	const struct context_ops *policy = pool->policy;

	if (pool->kind != NBL_POOL_LISTS || !pool->wide || pool->data_bytes != 0)
		return false;
	/* By name: programs that measure strategies have a table of each in several units. */
	return strcmp(pool->ops->name, pool_best()->name) == 0 &&
	       (strcmp(policy->name, context_default()->name) == 0 ||
		       (policy->begin == NULL && policy->end == NULL));
}

/* What the pool publishes while its handle is valid. */
static uint32_t open_value(const struct nbl_pool *pool)
{
	uint32_t value = (uint32_t)pool->kind;

	if (pool->checks)
		return value | NBL_POOL_CHECKED;
	if (is_usual(pool))
		value |= NBL_POOL_USUAL;
	return value;
}

/* nbl_pool.marks for the pool at `place`, which is as `made`. */
static uintptr_t marks_of(const struct nbl_pool *place, const struct nbl_pool *made)
{
	const uint32_t value = open_value(made);
	uintptr_t marks = (uintptr_t)place;

	if ((value & NBL_POOL_CHECKED) != 0)
		marks ^= NBL_MARK_CHECKS;
	if ((value & NBL_POOL_USUAL) == 0)
		marks ^= NBL_MARK_UNUSUAL;
	if (made->policy != NULL && made->policy->traits.any_order)
		marks ^= NBL_MARK_ANY_ORDER;
	return marks;
}

/*
 * 0, or -EINVAL: a field is out of its range. A ContextSize that the other rule allows is reported.
 */
static int check_config(const struct nbl_pool_config *config, uint32_t align_bytes)
{
	const bool lists = config->kind == NBL_POOL_LISTS;

	if (config->kind == NBL_POOL_NONE || (!lists && config->context_bytes != 0) ||
		(lists && !config->with_nb && config->data_bytes != 0) ||
		config->context_bytes > CONTEXT_BYTES_MAX ||
		config->data_bytes > POOL_OBJECT_BYTES_MAX)
		return -EINVAL;
	if (config->context_bytes % align_bytes == 0)
		return 0;
	if (config->context_bytes % CONTEXT_ALIGN_POINTER_BYTES == 0)
		nbl_misuse(NBL_MISUSE_ALIGNMENT, "NdisAllocateNetBufferListPool", NULL, NULL,
			"a ContextSize of %u is no multiple of %u, so the pool is refused; "
			"NBL_CONTEXT_ALIGNMENT=pointer in the environment, or "
			"nbl_set_context_alignment(%d), allows multiples of %d",
			config->context_bytes, align_bytes, CONTEXT_ALIGN_POINTER_BYTES,
			CONTEXT_ALIGN_POINTER_BYTES);
	return -EINVAL;
}

/* Makes the policy's state for a pool of NBLs. 0 and pool->context, or a negative errno. */
static int make_context(struct nbl_pool *pool, const struct nbl_pool_config *config)
{
	/* The least that an NBL can be: there are at most so many of them. */
	struct pool_config smallest = {
		.object_bytes = NBL_NB_OFFSET,
		.capacity = capacity_of(config, NBL_NB_OFFSET),
	};

	pool_config_resolve(pool->ops, &smallest); /* cannot fail: nothing else is asked for */
	const struct context_config context = {
		.pool_ops = pool->ops,
		.capacity = smallest.capacity,
		.context_bytes = config->context_bytes,
		.align_bytes = pool->align_mask + 1,
		.tag = config->tag,
	};
	return context_create(pool->policy, &context, &pool->context);
}

int nbl_pool_create(const struct nbl_pool_config *config, struct nbl_pool **out)
{
	const bool lists = config->kind == NBL_POOL_LISTS;
	const struct pool_ops *ops = config->ops;
	const struct context_ops *policy = config->policy;
	const uint32_t align_bytes = nbl_default_alignment();
	int rc = nbl_default_subjects(&ops, &policy);

	if (rc != 0)
		return rc;
	if (align_bytes == 0)
		return -EINVAL;
	rc = nbl_registry_arrange_fork();
	if (rc != 0)
		return rc;
	rc = check_config(config, align_bytes);
	if (rc != 0)
		return rc;
	struct nbl_pool *pool = claim_slot();
	if (pool == NULL)
		return -ENOMEM;
	struct nbl_pool made = {
		.kind = config->kind,
		.id = pool->id,
		.ops = ops,
		.policy = policy,
		.tag = config->tag,
		.account = account_of(config->tag),
		.align_mask = align_bytes - 1,
		.data_bytes = config->data_bytes,
		.with_nb = lists && config->with_nb,
		.verify = config->verify,
		.checks = config->verify || debug_build,
		.wide = lists && config->with_nb ? (uint8_t)vector_width() : 0,
		.rest = {config->protocol_id & NDIS_PROTOCOL_ID_MASK},
	};
	if (lists && (rc = make_context(&made, config)) != 0)
		goto fail_slot;
	lay_out(&made);
	if (made.object_bytes > POOL_OBJECT_BYTES_MAX) {
		rc = -EINVAL;
		goto fail_context;
	}
	const struct pool_config objects = {
		.object_bytes = made.object_bytes,
		.capacity = capacity_of(config, made.object_bytes),
		.pages = config->pages,
	};
	rc = pool_create(ops, &objects, &made.pool);
	if (rc != 0)
		goto fail_context;
	made.marks = marks_of(pool, &made);
	nbl_registry_lock();
	fill_slot(pool, &made);
	nbl_registry_unlock();
	rc = nbl_attach(pool, &pool->spare);
	if (rc != 0)
		goto fail_pool;
	pool->spare->spare = true;
	atom_store_relaxed(&pool->published, open_value(pool)); /* it is complete */
	*out = pool;
	return 0;

fail_pool:
	pool_destroy(made.pool);
fail_context:
	if (made.context != NULL)
		context_destroy(made.context);
fail_slot:
	release_slot(pool);
	return rc;
}

/*
 * The end.
 */

uint64_t nbl_outstanding_locked(const struct nbl_pool *pool)
{
	uint64_t live = pool->live_gone;

	for (struct nbl_thread *t = pool->threads; t != NULL; t = t->next)
		live += (uint64_t)nbl_thread_live(t);
	return live;
}

uint64_t nbl_pool_outstanding(struct nbl_pool *pool)
{
	nbl_registry_lock();
	uint64_t live = nbl_outstanding_locked(pool);
	nbl_registry_unlock();
	return live;
}

/* Detaches one thread of a pool that is about to go. False: there is none. */
static bool detach_one(struct nbl_pool *pool)
{
	struct nbl_findings found;

	rcu_guard_register();
	nbl_registry_lock();
	bool any = pool->threads != NULL;
	if (any)
		nbl_detach_locked(pool->threads, &found);
	nbl_registry_unlock();
	if (any)
		nbl_report_findings(pool, &found);
	return any;
}

/* For pool_each. Of an object that never was an NBL the policy's word is NULL. */
static void retire_at_end(void *arg, void *object)
{
	struct nbl_pool *pool = arg;

	pool->policy->retire(pool->context, NULL, object);
}

/*
 * Makes the handle invalid and, in a guarded pool, waits for the calls that were let in by it.
 * False: somebody else destroys the pool.
 */
static bool close_pool(struct nbl_pool *pool)
{
	uint32_t published = open_value(pool);

	while (!atom_cas_weak_relaxed(&pool->published, &published, NBL_POOL_NONE)) {
		if (published == NBL_POOL_NONE)
			return false;
	}
	if (pool->checks)
		rcu_guard_wait();
	nbl_registry_lock();
	while (pool->trims > 0)
		nbl_registry_wait();
	nbl_registry_unlock();
	return true;
}

static void take_down(struct nbl_pool *pool)
{
	while (detach_one(pool))
		;
	if (pool->context != NULL) {
		if (pool->policy->retire && pool->ops->traits.kind == POOL_KIND_POOL)
			pool_each(pool->pool, retire_at_end, pool);
		context_destroy(pool->context);
	}
	pool_destroy(pool->pool);
	release_slot(pool);
}

void nbl_pool_discard(struct nbl_pool *pool)
{
	atom_store_relaxed(&pool->published, NBL_POOL_NONE);
	take_down(pool);
}

bool nbl_pool_destroy(void *handle, enum nbl_pool_kind kind, const char *call)
{
	struct nbl_pool *pool = handle;

	if (!nbl_pool_valid(pool, kind)) {
		nbl_report_handle(handle, kind, call);
		return false;
	}
	/*
	 * Looked at twice. A pool that is plainly in use is not closed, not even for a moment. And
	 * once it is closed nobody is in a call, and the figure is exact.
	 */
	uint64_t out = nbl_pool_outstanding(pool);
	if (out == 0) {
		if (!close_pool(pool)) {
			nbl_report_handle(handle, kind, call);
			return false;
		}
		out = nbl_pool_outstanding(pool);
		if (out != 0)
			atom_store_relaxed(&pool->published, open_value(pool)); /* as it was */
	}
	if (out != 0) {
		nbl_misuse(NBL_MISUSE_POOL_OUTSTANDING, call, pool, handle,
			"%llu objects of the pool have not been freed", (unsigned long long)out);
		return false;
	}
	take_down(pool);
	return true;
}
