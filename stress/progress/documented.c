#include "stress/progress/documented.h"

#include "alloc/mechanism/life_cycle.h"
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/peer/rcu_guard.h"
#include "stress/base/object.h"

#include <stdio.h>

enum { DOCUMENTED_TAG = 0x7a667246 /* 'Frfz' */ };

/*
 * What an allocation says of the data: nothing; they lie in the first MDL, and the NBL comes back with an info that it had not
 * before; they lie in the second one.
 */
enum documented_kind { WITHOUT_DATA, DATA_AND_INFO, DATA_BEHIND, DOCUMENTED_KINDS };

struct documented_pool {
	struct pool base;
	struct nbl_pool *lists;
	enum documented_kind kind;
};

enum { FIRST_BYTES = 64, SECOND_BYTES = 128, DATA_BYTES = 32 };
static MDL second_mdl = {.ByteCount = SECOND_BYTES},
	   first_mdl = {.Next = &second_mdl, .ByteCount = FIRST_BYTES};
static const struct {
	MDL *chain;
	uint32_t offset, bytes;
} data[DOCUMENTED_KINDS] = {
	[DATA_AND_INFO] = {&first_mdl, 0, DATA_BYTES},
	[DATA_BEHIND] = {&first_mdl, FIRST_BYTES, DATA_BYTES},
};

/* An NBL's context. What is not in use stays as it is, so one flag tells whether the NBL is out. */
struct documented_object {
	unsigned char object[OBJECT_BYTES_MIN]; /* object.h's */
	atom_u64 out;
	NET_BUFFER_LIST *nbl;
	unsigned char even[16];
};
_Static_assert(sizeof(struct documented_object) % CONTEXT_ALIGN_BYTES == 0, "a context's size");

static const struct pool_ops *beneath;

static void *documented_get(struct pool *pool, struct pool_thread *thread)
{
	struct documented_pool *self = (struct documented_pool *)pool;
	NET_BUFFER_LIST *nbl;

	(void)thread;
	if (FwpsAllocateNetBufferAndNetBufferList0(self->lists, 0, 0, data[self->kind].chain,
		    data[self->kind].offset, data[self->kind].bytes, &nbl) != STATUS_SUCCESS)
		return NULL;
	if (NdisAllocateNetBufferListContext(nbl, sizeof(struct documented_object), 0,
		    DOCUMENTED_TAG) != NDIS_STATUS_SUCCESS)
		stress_fail("a context was refused for which there is room");
	struct documented_object *context =
		(struct documented_object *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	if (atom_xchg_relaxed(&context->out, 1) != 0)
		stress_fail("NBL %p was allocated while it was out", (void *)nbl);
	context->nbl = nbl;
	return context;
}

static void documented_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct documented_object *context = object;
	NET_BUFFER_LIST *nbl = context->nbl;

	(void)thread;
	atom_store_relaxed(&context->out, 0);
	if (((struct documented_pool *)pool)->kind == DATA_AND_INFO)
		nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = nbl;
	NdisFreeNetBufferListContext(nbl, sizeof(*context));
	FwpsFreeNetBufferList0(nbl);
}

POOL_GET_EACH(documented)
POOL_PUT_EACH(documented)

static int documented_init(struct pool *pool)
{
	static uint32_t made; /* each pool has another kind than the one before it */
	struct documented_pool *self = (struct documented_pool *)pool;
	const struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
		.ops = beneath,
		.capacity = pool->config.capacity,
		.context_bytes = sizeof(struct documented_object),
		.tag = DOCUMENTED_TAG,
		.with_nb = true};

	self->kind = (enum documented_kind)(made++ % DOCUMENTED_KINDS);
	return nbl_pool_create(&config, &self->lists);
}

static void documented_fini(struct pool *pool)
{
	struct documented_pool *self = (struct documented_pool *)pool;

	if (!nbl_pool_destroy(self->lists, NBL_POOL_LISTS, "NdisFreeNetBufferListPool"))
		stress_fail("not all NBLs came back");
}

/*
 * As the first call would: attaches, which takes the registry's lock, and makes the thread known to liburcu, as calls
 * that are checked do. That blocks all signals, and no call in which it happens can be stepped.
 */
static int documented_enter(struct pool *pool, struct pool_thread *thread)
{
	struct documented_pool *self = (struct documented_pool *)pool;

	(void)thread;
	rcu_guard_register();
	return nbl_self(self->lists) != NULL ? 0 : -ENOMEM;
}

static const struct pool_parts documented_parts = {
	.pool_bytes = sizeof(struct documented_pool),
	.init = documented_init,
	.fini = documented_fini,
	.enter = documented_enter,
};

const struct pool_ops *documented_calls(const struct pool_ops *strategy)
{
	static char name[64];
	static struct pool_ops table = {
		.name = name,
		.summary = "the documented calls",
		.supported = pool_supported_always,
		POOL_HOOKS(documented),
	};

	beneath = strategy;
	snprintf(name, sizeof(name), "NBLs over %s", strategy->name);
	table.traits = (struct pool_traits){.progress = strategy->traits.progress,
		.kind = POOL_KIND_ALLOCATOR, /* the NBLs' pool keeps the objects */
		.cache = strategy->traits.cache,
		.exact = strategy->traits.exact};
	return &table;
}
