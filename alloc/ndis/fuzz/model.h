/*
 * The oracle's model of the object graph, and the comparison of all objects with it.
 */
#ifndef ALLOC_NDIS_FUZZ_MODEL_H
#define ALLOC_NDIS_FUZZ_MODEL_H

#include "alloc/ndis/fuzz/input.h"

#include <string.h>

enum {
	LIST_POOLS = 4,
	NB_POOLS = 2,
	NBLS = 8,
	LOOSE_NBS = 6,
	MDLS = 6,
	CONTEXTS = 12, /* on one NBL */
	BUFFER_BYTES = 1 << 16,
	CAPACITY = 64,
	SEEN_BYTES = 512, /* of an NB's data, at most, that are compared */
	CALLS_MAX = 400,  /* of one input */
	STORAGE_BYTES = 4096,
};

struct data {
	NET_BUFFER *nb;
	uint32_t offset;
	uint32_t length;
	uint64_t hash; /* of the first SEEN_BYTES */
};

enum nbl_kind { DEAD, PLAIN, CLONE, CLONE_SHARED, CLONE_FWPS, CLONE_DEEP };

/* Whether NBLs of the kind count in their original's ChildRefCount. */
static bool is_counted(enum nbl_kind kind)
{
	return kind == CLONE_FWPS || kind == CLONE_DEEP;
}

struct block {
	uint32_t size;
	uint32_t offset;
	uint32_t limit;
	bool leaves;
};

struct list {
	enum nbl_kind kind;
	NET_BUFFER_LIST *nbl;
	struct list *parent; /* of a clone */
	uint32_t clones;     /* of it that are live, FWPS or not */
	uint32_t children;   /* those among them that is_counted */
	uint32_t references;
	bool given_up;    /* freed by its owner while there were references */
	struct data data; /* of its first NB; nb NULL: it has none */
	struct nbl_pool *pool;
	uint32_t nb_pool; /* of the table, whose NB a clone has; FOREIGN: none */
	bool retreated;
	uint32_t blocks;
	struct block block[CONTEXTS + 2];
	uint32_t contexts;
	uint32_t context[CONTEXTS];
};

struct loose {
	struct data data; /* nb NULL: the slot is free */
	struct nbl_pool *pool;
	bool retreated;
};

struct mdl {
	MDL *mdl;
	uint32_t users; /* NBs over it */
	ULONG bytes;
};

static struct pool_shape {
	bool with_nb;
	uint32_t data_bytes;
	uint32_t context_bytes;
	bool verify;
	uint32_t tag;
} const list_shapes[LIST_POOLS] =
	{
		{true, 0, 0, false, 0x30303030},
		{true, 0, 32, true, 0x31313131},
		{false, 0, 16, false, 0x32323232},
		{true, 256, 48, true, 0x33333333},
},
	nb_shapes[NB_POOLS] = {
		{false, 0, 0, false, 0x34343434},
		{false, 128, 0, true, 0x35353535},
};
enum { CONTEXT_TAG = 0x36363636, FOREIGN = LIST_POOLS + NB_POOLS };

static struct nbl_pool *pools_made[LIST_POOLS + NB_POOLS];
static uint32_t out[LIST_POOLS + NB_POOLS];
static struct list lists[NBLS];
static struct loose loose[LOOSE_NBS];
static struct mdl mdls[MDLS];
static UCHAR buffer[BUFFER_BYTES];

/* Any handle: of the pools, of no pool, NULL. */
static NDIS_HANDLE some_handle(uint32_t *which)
{
	const uint32_t chosen = below(FOREIGN + 2);

	*which = chosen < FOREIGN ? chosen : FOREIGN;
	if (chosen < FOREIGN)
		return pools_made[chosen];
	return chosen == FOREIGN ? NULL : (NDIS_HANDLE)buffer;
}

static const struct pool_shape *shape_of(uint32_t which)
{
	return which < LIST_POOLS ? &list_shapes[which] : &nb_shapes[which - LIST_POOLS];
}

static uint32_t index_of(const struct nbl_pool *pool)
{
	uint32_t i = 0;

	while (i < FOREIGN && pools_made[i] != pool)
		i++;
	return i; /* FOREIGN: the library's own */
}

/* The chain's bytes; false if it comes round. */
static bool chain_bytes(const MDL *mdl, uint64_t *bytes)
{
	uint32_t steps = 0;

	for (*bytes = 0; mdl != NULL && steps < 1000; mdl = mdl->Next, steps++)
		*bytes += mdl->ByteCount;
	return mdl == NULL;
}

/* Copies up to n bytes of an NB's data, by a walk of the test's own; returns how many. */
static uint32_t read_data(const NET_BUFFER *nb, UCHAR *to, uint32_t n)
{
	const MDL *mdl = nb->MdlChain;
	uint64_t at = nb->DataOffset;
	uint32_t got = 0;

	n = nb->DataLength < n ? nb->DataLength : n;
	for (; mdl != NULL && got < n; mdl = mdl->Next) {
		if (at >= mdl->ByteCount) {
			at -= mdl->ByteCount;
			continue;
		}
		uint32_t take = mdl->ByteCount - (uint32_t)at;
		take = take < n - got ? take : n - got;
		memcpy(to + got, (const UCHAR *)mdl->MappedSystemVa + at, take);
		got += take;
		at = 0;
	}
	return got;
}

static uint64_t hash_data(const NET_BUFFER *nb)
{
	UCHAR seen[SEEN_BYTES];
	const uint32_t n = read_data(nb, seen, sizeof(seen));
	uint64_t hash = UINT64_C(14695981039346656037);

	for (uint32_t i = 0; i < n; i++)
		hash = (hash ^ seen[i]) * UINT64_C(1099511628211);
	return hash;
}

/* What an NB shows is taken over into the model. */
static void learn(struct data *data, NET_BUFFER *nb)
{
	*data = (struct data){.nb = nb};
	if (nb == NULL)
		return;
	data->offset = nb->DataOffset;
	data->length = nb->DataLength;
	data->hash = hash_data(nb);
}

/* An NB is as the model has it, and its figures agree with each other. */
static void check_data(const struct data *data)
{
	const NET_BUFFER *nb = data->nb;
	uint64_t bytes;

	if (nb == NULL)
		return;
	must(nb->DataOffset == data->offset && nb->DataLength == data->length);
	must(nb->stDataLength == data->length);
	must(chain_bytes(nb->MdlChain, &bytes));
	must((uint64_t)nb->DataOffset + nb->DataLength <= bytes);
	if (nb->MdlChain == NULL) {
		must(nb->CurrentMdl == NULL && nb->CurrentMdlOffset == 0);
		return;
	}
	const MDL *mdl = nb->MdlChain;
	uint64_t at = nb->DataOffset;
	while (at >= mdl->ByteCount && mdl->Next != NULL) {
		at -= mdl->ByteCount;
		mdl = mdl->Next;
	}
	must(nb->CurrentMdl == mdl && nb->CurrentMdlOffset == at);
	must(hash_data(nb) == data->hash);
}

static void check_list(const struct list *l)
{
	const NET_BUFFER_LIST_CONTEXT *b = l->nbl->Context;

	for (uint32_t i = l->blocks; i-- > 0; b = b->Next)
		must(b != NULL && b->Size == l->block[i].size && b->Offset == l->block[i].offset);
	must(b == NULL);
	must(l->nbl->FirstNetBuffer == l->data.nb);
	must((uint32_t)l->nbl->ChildRefCount == l->children);
	must(l->nbl->ParentNetBufferList == (is_counted(l->kind) ? l->parent->nbl : NULL));
	check_data(&l->data);
	if (index_of(l->pool) != FOREIGN) {
		char why[CONTEXT_REASON_BYTES];
		if (context_check_nbl(l->pool->context, l->nbl, why) != 0)
			fuzz_fail("%s", why);
	}
}

static void check_all(void)
{
	no_misuse();
	for (int i = 0; i < NBLS; i++) {
		if (lists[i].kind != DEAD)
			check_list(&lists[i]);
	}
	for (int i = 0; i < LOOSE_NBS; i++)
		check_data(&loose[i].data);
	for (uint32_t i = 0; i < FOREIGN; i++)
		must(nbl_pool_outstanding(pools_made[i]) == out[i]);
}

static int64_t objects_under(uint32_t tag)
{
	enum { ROWS = 256 };
	static struct nbl_tag_usage rows[ROWS];
	const size_t n = nbl_tags(rows, ROWS);

	for (size_t i = 0; i < n && i < ROWS; i++) {
		if (rows[i].tag == tag) {
			must((rows[i].objects == 0) == (rows[i].bytes == 0));
			return rows[i].objects;
		}
	}
	return 0;
}

#endif
