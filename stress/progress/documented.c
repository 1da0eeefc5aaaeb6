#include "stress/progress/documented.h"

#include "alloc/mechanism/life_cycle.h"
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"
#include "alloc/peer/rcu_guard.h"
#include "stress/base/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOCUMENTED_TAG = 0x7a667246 /* 'Frfz' */ };

/* What a pool has, and what its allocations say. */
enum documented_kind {
	WITHOUT_DATA,
	DATA_AND_INFO, /* in the first MDL; and the NBL comes back with an info that it had not before */
	DATA_BEHIND,   /* elsewhere in the chain */
	OWN_DATA,      /* the pool's; allocated by the name that NDIS has for that */
	WITHOUT_NB,    /* likewise; no room for a context either */
	WITHOUT_ROOM,  /* for a context */
	OWN_CONTEXT,   /* the NBL's from the beginning */
	REFUSED_FIRST, /* something is asked for before that is refused */
};

struct documented_pool {
	struct pool base;
	struct nbl_pool *lists;
	enum documented_kind kind;
	uint32_t asked;                   /* times; by whoever has the turn */
	struct documented_object *beside; /* BESIDE of them, where NBLs have no room; else NULL */
};

enum {
	FIRST_BYTES = 64,
	SECOND_BYTES = 128,
	BOTH_BYTES = FIRST_BYTES + SECOND_BYTES,
	DATA_BYTES = 32
};
static MDL second_mdl = {.ByteCount = SECOND_BYTES},
	   first_mdl = {.Next = &second_mdl, .ByteCount = FIRST_BYTES},
	   ring_mdl = {.Next = &ring_mdl, .ByteCount = FIRST_BYTES};
static const struct data {
	MDL *chain;
	uint32_t offset;
	uint64_t bytes;
} none, first = {&first_mdl, 0, DATA_BYTES},
	behind[] =
		{
			{&first_mdl, FIRST_BYTES, DATA_BYTES},
			{&first_mdl, FIRST_BYTES - 1, DATA_BYTES},
			{&first_mdl, BOTH_BYTES, 0},
},
	refused[] = {
		{&first_mdl, BOTH_BYTES + 1, 0},
		{&first_mdl, 0, BOTH_BYTES + 1},
		{&ring_mdl, UINT32_MAX, 0},
		{&ring_mdl, 0, UINT32_MAX},
		{NULL, 0, 1},
		{&first_mdl, 0, (uint64_t)UINT32_MAX + 1},
};

/* An NBL's context. What is not in use stays as it is, so one flag tells whether the NBL is out. */
struct documented_object {
	unsigned char object[OBJECT_BYTES_MIN]; /* object.h's */
	atom_u64 out;
	atom_ptr nbl;
	unsigned char even[16];
};
_Static_assert(sizeof(struct documented_object) % CONTEXT_ALIGN_BYTES == 0, "a context's size");

/* Objects of NBLs without room: each NBL has the same one for ever, at its address or behind it. Many times the NBLs. */
enum { BESIDE_LOG2 = 12, BESIDE = 1 << BESIDE_LOG2 };

static struct documented_object *documented_beside(
	struct documented_object *beside, NET_BUFFER_LIST *nbl)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* Knuth, 6.4 */

	for (uint64_t at = ((uint64_t)(uintptr_t)nbl * golden) >> (64 - BESIDE_LOG2);; at++) {
		struct documented_object *object = &beside[at % BESIDE];
		void *whose = atom_load_relaxed(&object->nbl);

		while (whose == NULL && !atom_cas_weak_relaxed(&object->nbl, &whose, (void *)nbl))
			;
		if (whose == NULL || whose == nbl)
			return object;
	}
}

static const struct pool_ops *beneath;

static NET_BUFFER_LIST *documented_fwps(
	const struct documented_pool *self, uint16_t context, const struct data *data)
{
	NET_BUFFER_LIST *nbl;

	if (FwpsAllocateNetBufferAndNetBufferList0(self->lists, context, 0, data->chain,
		    data->offset, data->bytes, &nbl) != STATUS_SUCCESS)
		return NULL;
	return nbl;
}

static void documented_refusal(struct documented_pool *self, uint32_t number)
{
	if (number == array_count(refused) && FwpsAllocateNetBufferAndNetBufferList0(self->lists, 0,
						      0, NULL, 0, 0, NULL) == STATUS_SUCCESS)
		stress_fail(PROMISE_WRONG_USE, "an NBL was allocated for nobody");
	if (number < array_count(refused) && documented_fwps(self, 0, &refused[number]) != NULL)
		stress_fail(PROMISE_WRONG_USE,
			"an NBL was allocated with data number %" PRIu32
			", which its chain does not have",
			number);
}

static NET_BUFFER_LIST *documented_allocate(struct documented_pool *self)
{
	const uint32_t number = self->asked++;

	switch (self->kind) {
	case WITHOUT_DATA:
	case WITHOUT_ROOM:
		break;
	case DATA_AND_INFO:
		return documented_fwps(self, 0, &first);
	case DATA_BEHIND:
		return documented_fwps(self, 0, &behind[number % array_count(behind)]);
	case OWN_DATA:
	case WITHOUT_NB:
		return NdisAllocateNetBufferList(self->lists, 0, 0);
	case OWN_CONTEXT:
		return documented_fwps(self, sizeof(struct documented_object), &none);
	case REFUSED_FIRST:
		documented_refusal(self, number % (array_count(refused) + 1));
		break;
	}
	return documented_fwps(self, 0, &none);
}

static void *documented_get(struct pool *pool, struct pool_thread *thread)
{
	struct documented_pool *self = (struct documented_pool *)pool;
	NET_BUFFER_LIST *nbl = documented_allocate(self);

	(void)thread;
	if (nbl == NULL)
		return NULL;
	if (self->kind != OWN_CONTEXT && self->beside == NULL &&
		NdisAllocateNetBufferListContext(nbl, sizeof(struct documented_object), 0,
			DOCUMENTED_TAG) != NDIS_STATUS_SUCCESS)
		stress_fail(PROMISE_RIGHT_USE, "a context was refused for which there is room");
	struct documented_object *context =
		self->beside != NULL
			? documented_beside(self->beside, nbl)
			: (struct documented_object *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	if (atom_xchg_relaxed(&context->out, 1) != 0)
		stress_fail(
			PROMISE_ONE_OWNER, "NBL %p was allocated while it was out", (void *)nbl);
	atom_store_relaxed(&context->nbl, (void *)nbl);
	return context;
}

static void documented_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	const struct documented_pool *self = (struct documented_pool *)pool;
	struct documented_object *context = object;
	NET_BUFFER_LIST *nbl = atom_load_relaxed(&context->nbl);

	(void)thread;
	atom_store_relaxed(&context->out, 0);
	if (self->kind == DATA_AND_INFO)
		nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = nbl;
	if (self->kind != OWN_CONTEXT && self->beside == NULL)
		NdisFreeNetBufferListContext(nbl, sizeof(*context));
	FwpsFreeNetBufferList0(nbl);
}

POOL_GET_EACH(documented)
POOL_PUT_EACH(documented)

static int documented_init(struct pool *pool)
{
	/*
	 * Pools come by two capacities in turn: so an odd number. Every other one is of those that are served the long way, and
	 * the others the short way, where there is one.
	 */
	static const enum documented_kind turns[] = {WITHOUT_DATA, OWN_DATA, DATA_AND_INFO,
		WITHOUT_ROOM, DATA_BEHIND, OWN_DATA, REFUSED_FIRST, WITHOUT_NB, OWN_CONTEXT};
	static uint32_t made;
	struct documented_pool *self = (struct documented_pool *)pool;

	self->kind = turns[made++ % array_count(turns)];
	const bool room = self->kind != WITHOUT_NB && self->kind != WITHOUT_ROOM;
	self->beside = room ? NULL : stress_array(BESIDE, sizeof(*self->beside));
	const struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
		.ops = beneath,
		.capacity = pool->config.capacity,
		.context_bytes = room ? sizeof(struct documented_object) : 0,
		.tag = DOCUMENTED_TAG,
		.data_bytes = self->kind == OWN_DATA ? DATA_BYTES : 0,
		.with_nb = self->kind != WITHOUT_NB};

	return nbl_pool_create(&config, &self->lists);
}

static void documented_fini(struct pool *pool)
{
	struct documented_pool *self = (struct documented_pool *)pool;

	if (!nbl_pool_destroy(self->lists, NBL_POOL_LISTS, "NdisFreeNetBufferListPool"))
		stress_fail(PROMISE_ACCOUNTS, "not all NBLs came back");
	free(self->beside);
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
