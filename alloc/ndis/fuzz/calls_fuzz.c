/*
 * A fuzzer over sequences of documented calls, with parameters from the sound to the absurd. The
 * bytes of an input choose calls and parameters over small tables of pools, NBLs, NBs and MDLs. The
 * oracle is a model of the object graph: who is live, which contexts are on an NBL and what they
 * show, how many bytes of data an NB has and which, how many objects each pool and each tag has out,
 * and for each call the documented result and whether it is a misuse, and of which kind. At an
 * input's end everything is freed, and every pool is destroyed and gone from the accounts.
 *
 * libFuzzer drives it, in the clang preset. The test runs it for 30 seconds with a fixed seed, from
 * the corpus beside this file. By hand, for hours, on every CPU:
 *
 *	cmake --preset clang && cmake --build build/clang --target ndis_calls_fuzz
 *	mkdir -p /tmp/calls && build/clang/alloc/ndis/ndis_calls_fuzz -fork=$(nproc) -max_len=512 \
 *		-max_total_time=14400 /tmp/calls alloc/ndis/fuzz/corpus
 *
 * and to make a small corpus of what was found: ndis_calls_fuzz -merge=1 alloc/ndis/fuzz/corpus
 * /tmp/calls. A failure leaves the input in crash-*; give it as the only argument to see it again.
 */
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"

#include <inttypes.h>
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

#define fuzz_fail(...)                                                          \
	do {                                                                    \
		fprintf(stderr, "%s:%d: call %u: ", __FILE__, __LINE__, calls); \
		fprintf(stderr, __VA_ARGS__);                                   \
		fprintf(stderr, "\n");                                          \
		abort();                                                        \
	} while (0)
#define must(condition)                                       \
	do {                                                  \
		if (!(condition))                             \
			fuzz_fail("%s is false", #condition); \
	} while (0)

static unsigned calls;

/*
 * The input.
 */

static const uint8_t *input;
static size_t input_left;

static uint32_t byte(void)
{
	if (input_left == 0)
		return 0;
	input_left--;
	return *input++;
}

/* A number below n. */
static uint32_t below(uint32_t n)
{
	return byte() % n;
}

static USHORT some_context_bytes(void)
{
	static const USHORT some[] = {
		0, 16, 32, 32, 32, 48, 64, 1, 8, 12, 24, 216, 1040, 4096, 65520, 65535};

	return some[below(array_count(some))];
}

static ULONG some_ulong(void)
{
	static const ULONG some[] = {0, 1, 7, 16, 40, 64, 100, 128, 200, 256, 300, 1500, 65536,
		0x7fffffff, 0xfffffffe, 0xffffffff};

	return some[below(array_count(some))];
}

static SIZE_T some_length(void)
{
	const uint32_t how = byte();

	if (how < 224)
		return some_ulong();
	return (SIZE_T)some_ulong() << 32 | how;
}

/*
 * Misuse. Each call is told what to expect.
 */

static unsigned misuses;
static enum nbl_misuse_kind last_kind;

static void count_misuse(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	misuses++;
	last_kind = misuse->kind;
}

static void no_misuse(void)
{
	if (misuses != 0)
		fuzz_fail("misuse %s is reported where there is none", nbl_misuse_name(last_kind));
}

static void expect(enum nbl_misuse_kind kind)
{
	if (misuses != 1 || last_kind != kind)
		fuzz_fail("%u misuses, the last one %s, where %s was to be reported", misuses,
			misuses ? nbl_misuse_name(last_kind) : "none", nbl_misuse_name(kind));
	misuses = 0;
}

/*
 * The model.
 */

struct data {
	NET_BUFFER *nb;
	uint32_t offset;
	uint32_t length;
	uint64_t hash; /* of the first SEEN_BYTES */
};

enum nbl_kind { DEAD, PLAIN, CLONE, CLONE_SHARED, CLONE_FWPS };

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
	uint32_t children;   /* FWPS clones among them */
	struct data data;    /* of its first NB; nb NULL: it has none */
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
	must(l->nbl->ParentNetBufferList == (l->kind == CLONE_FWPS ? l->parent->nbl : NULL));
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

/*
 * Contexts: the reference's geometry, which the default policy shows.
 */

static void new_block(struct list *l, uint32_t bytes, uint32_t backfill, bool owned)
{
	l->block[l->blocks++] = (struct block){.size = bytes + backfill,
		.offset = backfill,
		.limit = owned ? backfill : bytes + backfill,
		.leaves = !owned};
}

/* The contexts of a new NBL; false: its sizes are to be refused. */
static bool first_contexts(
	struct list *l, const struct pool_shape *shape, uint32_t bytes, uint32_t backfill)
{
	l->blocks = 0;
	l->contexts = 0;
	if (bytes % 16 != 0 || backfill % 16 != 0)
		return false;
	if (shape->context_bytes != 0)
		l->block[l->blocks++] = (struct block){.size = shape->context_bytes,
			.offset = shape->context_bytes,
			.limit = shape->context_bytes};
	if (bytes == 0)
		return true;
	if (l->blocks != 0 && l->block[0].offset >= bytes) {
		l->block[0].offset -= bytes;
		l->block[0].limit = l->block[0].offset;
		return true;
	}
	if (bytes + backfill > 65535)
		return false;
	new_block(l, bytes, backfill, true);
	return true;
}

static void push(struct list *l, uint32_t bytes, uint32_t backfill)
{
	struct block *front = l->blocks ? &l->block[l->blocks - 1] : NULL;
	const bool room = front != NULL && front->offset >= bytes;
	NDIS_STATUS status = NdisAllocateNetBufferListContext(
		l->nbl, (USHORT)bytes, (USHORT)backfill, CONTEXT_TAG);

	if (bytes % 16 != 0 || backfill % 16 != 0 ||
		(bytes != 0 && !room && bytes + backfill > 65535)) {
		must(status == NDIS_STATUS_FAILURE);
		return;
	}
	must(status == NDIS_STATUS_SUCCESS);
	if (bytes == 0)
		return;
	if (room)
		front->offset -= bytes;
	else
		new_block(l, bytes, backfill, false);
	l->context[l->contexts++] = bytes;
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(l->nbl), 0x5a, bytes);
}

static void pop(struct list *l, uint32_t bytes)
{
	struct block *front = l->blocks ? &l->block[l->blocks - 1] : NULL;

	NdisFreeNetBufferListContext(l->nbl, (USHORT)bytes);
	if (bytes % 16 != 0) {
		expect(NBL_MISUSE_CONTEXT_SIZE);
	} else if (bytes == 0) {
		return;
	} else if (front == NULL) {
		expect(NBL_MISUSE_CONTEXT_OVERFREE);
	} else if (front->offset + bytes > front->limit) {
		expect(front->offset == front->limit && front->offset < front->size
				? NBL_MISUSE_CONTEXT_OF_NBL
				: NBL_MISUSE_CONTEXT_OVERFREE);
	} else {
		front->offset += bytes;
		if (front->leaves && front->offset == front->limit)
			l->blocks--;
		/* Whatever the order was, what is left on the NBL is a sum. */
		while (bytes != 0) {
			uint32_t *newest = &l->context[l->contexts - 1];
			uint32_t take = *newest < bytes ? *newest : bytes;

			*newest -= take;
			bytes -= take;
			if (*newest == 0)
				l->contexts--;
		}
	}
}

static bool has_contexts(const struct list *l)
{
	for (uint32_t i = 0; i < l->blocks; i++) {
		if (l->block[i].offset != l->block[i].limit)
			return true;
	}
	return false;
}

/* All that was pushed, block by block. */
static void pop_all(struct list *l)
{
	while (has_contexts(l)) {
		const struct block *front = &l->block[l->blocks - 1];

		pop(l, front->limit - front->offset);
	}
	l->contexts = 0;
}

/*
 * NBLs.
 */

static struct list *free_list(void)
{
	for (int i = 0; i < NBLS; i++) {
		if (lists[i].kind == DEAD)
			return &lists[i];
	}
	return NULL;
}

static struct list *some_list(void)
{
	struct list *l = &lists[below(NBLS)];

	return l->kind != DEAD ? l : NULL;
}

static struct mdl *some_mdl(void)
{
	struct mdl *m = &mdls[below(MDLS)];

	return m->mdl != NULL ? m : NULL;
}

/* The mark of an NB over an MDL of the table, or of none. */
static struct mdl *mdl_under(const NET_BUFFER *nb)
{
	const MDL *last = nb ? nb->MdlChain : NULL;

	while (last != NULL && last->Next != NULL)
		last = last->Next;
	for (int i = 0; i < MDLS; i++) {
		if (last != NULL && mdls[i].mdl == last)
			return &mdls[i];
	}
	return NULL;
}

static void begin_list(struct list *l, NET_BUFFER_LIST *nbl, struct nbl_pool *pool)
{
	const uint32_t index = index_of(pool);
	struct mdl *m;

	l->kind = PLAIN;
	l->nbl = nbl;
	l->pool = pool;
	l->parent = NULL;
	l->nb_pool = FOREIGN;
	l->clones = l->children = 0;
	l->retreated = false;
	learn(&l->data, nbl->FirstNetBuffer);
	if (index != FOREIGN)
		out[index]++;
	m = mdl_under(l->data.nb);
	if (m != NULL)
		m->users++;
}

static void alloc_list(void)
{
	struct list *l = free_list();
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();

	if (l == NULL)
		return;
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, bytes, backfill);
	if (which >= LIST_POOLS) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
	} else if (!first_contexts(l, &list_shapes[which], bytes, backfill)) {
		must(nbl == NULL);
	} else if (nbl != NULL) {
		begin_list(l, nbl, pool);
		must((nbl->FirstNetBuffer != NULL) == list_shapes[which].with_nb);
	} else {
		must(out[which] >= CAPACITY / 2); /* or the pool had one */
	}
}

static void alloc_list_and_nb(void)
{
	struct list *l = free_list();
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();
	struct mdl *m = some_mdl();
	const ULONG offset = some_ulong();
	const SIZE_T length = some_length();
	NET_BUFFER_LIST *nbl = (NET_BUFFER_LIST *)buffer;
	const bool wfp = below(2);

	if (l == NULL)
		return;
	if (wfp) {
		NTSTATUS status = FwpsAllocateNetBufferAndNetBufferList0(
			pool, bytes, backfill, m ? m->mdl : NULL, offset, length, &nbl);
		must((status == STATUS_SUCCESS) == (nbl != NULL));
	} else {
		nbl = NdisAllocateNetBufferAndNetBufferList(
			pool, bytes, backfill, m ? m->mdl : NULL, offset, length);
	}
	const uint64_t space = m ? m->bytes : 0;
	if (which >= LIST_POOLS) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		return;
	}
	if (!list_shapes[which].with_nb || list_shapes[which].data_bytes != 0 ||
		!first_contexts(l, &list_shapes[which], bytes, backfill) || length > UINT32_MAX ||
		(uint64_t)offset + length > space) {
		must(nbl == NULL);
		return;
	}
	must(nbl != NULL);
	must(nbl->FirstNetBuffer->DataOffset == offset &&
		nbl->FirstNetBuffer->DataLength == length);
	begin_list(l, nbl, pool);
}

/* The data goes back to where no retreat was. */
static void undo_retreats(NET_BUFFER *nb)
{
	NdisAdvanceNetBufferDataStart(nb, nb->DataLength, TRUE, NULL);
	no_misuse();
}

static void end_list(struct list *l)
{
	const uint32_t index = index_of(l->pool);

	if (index != FOREIGN)
		out[index]--;
	if (l->nb_pool != FOREIGN)
		out[l->nb_pool]--;
	if (l->parent != NULL) {
		l->parent->clones--;
		l->parent->children -= l->kind == CLONE_FWPS;
	}
	l->kind = DEAD;
}

static ULONG clone_flags(const struct list *l)
{
	return l->kind == CLONE_SHARED ? NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS : 0;
}

/* Frees an NBL as it was made; it has no clones. */
static void free_list_well(struct list *l)
{
	struct mdl *m;

	pop_all(l);
	if (l->retreated && l->data.nb != NULL)
		undo_retreats(l->data.nb);
	m = l->kind == PLAIN ? mdl_under(l->data.nb) : NULL;
	if (l->kind == PLAIN)
		NdisFreeNetBufferList(l->nbl);
	else if (l->kind == CLONE_FWPS)
		FwpsFreeCloneNetBufferList0(l->nbl, 0);
	else
		NdisFreeCloneNetBufferList(l->nbl, clone_flags(l));
	if (m != NULL)
		m->users--;
	end_list(l);
	no_misuse();
}

static void free_some_list(void)
{
	struct list *l = some_list();
	const bool wfp = below(2);
	const uint32_t how = below(4);

	if (l == NULL) {
		if (wfp)
			FwpsFreeNetBufferList0(NULL);
		else
			NdisFreeNetBufferList(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (l->clones != 0)
		return;
	if (l->kind != PLAIN && how == 0) { /* as no clone */
		NdisFreeNetBufferList(l->nbl);
		expect(NBL_MISUSE_WRONG_FREE);
	} else if (how == 1) { /* as a clone of another kind, or none */
		NdisFreeCloneNetBufferList(
			l->nbl, clone_flags(l) ^ NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		expect(NBL_MISUSE_WRONG_FREE);
	} else if (l->kind == PLAIN && has_contexts(l)) {
		NdisFreeNetBufferList(l->nbl);
		expect(NBL_MISUSE_CONTEXT_OUTSTANDING);
	} else if (how == 2 && !has_contexts(l)) { /* twice; nothing comes between */
		NET_BUFFER_LIST *nbl = l->nbl;

		free_list_well(l);
		NdisFreeNetBufferList(nbl);
		expect(NBL_MISUSE_DOUBLE_FREE);
	} else if (l->kind == PLAIN || !has_contexts(l)) {
		free_list_well(l);
	}
}

static void contexts_of_a_list(void)
{
	struct list *l = some_list();
	const uint32_t how = below(4);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();

	if (l == NULL) {
		must(NdisAllocateNetBufferListContext(NULL, bytes, backfill, CONTEXT_TAG) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisFreeNetBufferListContext(NULL, bytes);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (how < 2 && l->contexts < CONTEXTS) {
		push(l, bytes, backfill);
	} else if (how == 2 && l->contexts != 0) {
		pop(l, l->context[l->contexts - 1]);
	} else {
		pop(l, bytes);
	}
}

static void clone_some_list(void)
{
	struct list *from = some_list();
	struct list *l = free_list();
	uint32_t which_lists, which_nbs;
	NDIS_HANDLE list_pool = some_handle(&which_lists);
	NDIS_HANDLE nb_pool = some_handle(&which_nbs);
	const ULONG flags = below(4);
	NET_BUFFER_LIST *nbl;
	const bool wfp = below(2);

	if (l == NULL || (from != NULL && from->kind != PLAIN))
		return;
	if (wfp)
		FwpsAllocateCloneNetBufferList0(
			from ? from->nbl : NULL, list_pool, nb_pool, flags, &nbl);
	else
		nbl = NdisAllocateCloneNetBufferList(
			from ? from->nbl : NULL, list_pool, nb_pool, flags);
	if (flags != 0 && (wfp || flags != NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)) {
		must(nbl == NULL);
		no_misuse();
		return;
	}
	if (from == NULL) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (nbl == NULL) { /* a handle of the wrong kind, or a pool of data */
		must(which_lists >= LIST_POOLS || which_nbs < LIST_POOLS || which_nbs == FOREIGN ||
			list_shapes[which_lists].data_bytes != 0 ||
			nb_shapes[which_nbs - LIST_POOLS].data_bytes != 0);
		misuses = 0;
		return;
	}
	no_misuse();
	begin_list(l, nbl, nbl->NdisPoolHandle);
	struct mdl *shared = mdl_under(l->data.nb);
	if (shared != NULL)
		shared->users--; /* the original's */
	l->kind = wfp ? CLONE_FWPS : flags != 0 ? CLONE_SHARED : CLONE;
	l->blocks = l->contexts = 0;
	l->parent = from;
	from->clones++;
	from->children += wfp;
	if (from->data.nb != NULL) {
		must(l->data.nb != NULL && l->data.length == from->data.length &&
			l->data.hash == from->data.hash);
		must(l->data.offset == (flags != 0 ? from->data.offset : 0));
		if (l->data.nb->NdisPoolHandle != l->pool)
			l->nb_pool = index_of(l->data.nb->NdisPoolHandle);
		if (l->nb_pool != FOREIGN)
			out[l->nb_pool]++;
	}
}

/*
 * NBs and MDLs.
 */

static void alloc_loose(void)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	struct mdl *m = some_mdl();
	const ULONG offset = some_ulong();
	const SIZE_T length = some_length();
	const bool with_data = below(2);

	if (n->data.nb != NULL)
		return;
	NET_BUFFER *nb = with_data ? NdisAllocateNetBufferMdlAndData(pool)
				   : NdisAllocateNetBuffer(pool, m ? m->mdl : NULL, offset, length);
	if (which < LIST_POOLS || which == FOREIGN) {
		must(nb == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		return;
	}
	const uint32_t bytes = nb_shapes[which - LIST_POOLS].data_bytes;
	if ((bytes != 0) != with_data) {
		must(nb == NULL);
		return;
	}
	if (!with_data && (length > UINT32_MAX || (uint64_t)offset + length > (m ? m->bytes : 0))) {
		must(nb == NULL);
		return;
	}
	must(nb != NULL);
	n->pool = pool;
	n->retreated = false;
	learn(&n->data, nb);
	out[which]++;
	must(n->data.offset == (with_data ? bytes : offset));
	must(n->data.length == (with_data ? 0 : length));
	if (!with_data && m != NULL)
		m->users++;
}

static void free_loose_well(struct loose *n)
{
	struct mdl *m;

	if (n->retreated)
		undo_retreats(n->data.nb);
	m = mdl_under(n->data.nb);
	NdisFreeNetBuffer(n->data.nb);
	no_misuse();
	if (m != NULL)
		m->users--;
	out[index_of(n->pool)]--;
	n->data.nb = NULL;
}

static void free_some_loose(void)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	struct list *l = some_list();
	const uint32_t how = below(4);

	if (how == 0) {
		NdisFreeNetBuffer(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (how == 1 && l != NULL && l->data.nb != NULL &&
		   l->data.nb->NdisPoolHandle == l->pool) {
		NdisFreeNetBuffer(l->data.nb);
		expect(NBL_MISUSE_EMBEDDED_NB);
	} else if (n->data.nb != NULL) {
		NET_BUFFER *nb = n->data.nb;

		free_loose_well(n);
		if (how == 2) {
			NdisFreeNetBuffer(nb);
			expect(NBL_MISUSE_DOUBLE_FREE);
		}
	}
}

static void mdls_come_and_go(void)
{
	struct mdl *m = &mdls[below(MDLS)];
	const ULONG bytes = some_ulong();
	const uint32_t at = byte() * 16;
	const uint32_t how = below(4);

	if (m->mdl == NULL && how == 0) {
		NdisFreeMdl(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (m->mdl == NULL) {
		const bool fits = bytes <= BUFFER_BYTES - at;

		m->mdl = NdisAllocateMdl(NULL, buffer + at, fits ? bytes : 64);
		must(m->mdl != NULL);
		m->bytes = fits ? bytes : 64;
		m->users = 0;
	} else if (m->users == 0) {
		MDL *mdl = m->mdl;

		NdisFreeMdl(mdl);
		m->mdl = NULL;
		if (how == 0) {
			NdisFreeMdl(mdl);
			expect(NBL_MISUSE_DOUBLE_FREE);
		}
	}
	if (how == 1 && bytes > BUFFER_BYTES)
		must(IoAllocateMdl(buffer, bytes, FALSE, FALSE, NULL) == NULL);
	if (how == 2 && m->mdl != NULL) { /* a part that is not in the source */
		MDL *part = IoAllocateMdl(buffer, BUFFER_BYTES, FALSE, FALSE, NULL);
		const PVOID va = (PUCHAR)MmGetMdlVirtualAddress(m->mdl) + m->bytes + 1;

		must(part != NULL);
		IoBuildPartialMdl(m->mdl, part, va, bytes);
		expect(NBL_MISUSE_DATA);
		IoFreeMdl(part);
	}
}

/* Some NB, alone or an NBL's first. *retreated: its mark that it may have MDLs of retreats. */
static struct data *some_data(bool **retreated)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	struct list *l = some_list();

	if (below(2) && n->data.nb != NULL) {
		*retreated = &n->retreated;
		return &n->data;
	}
	if (l == NULL || l->data.nb == NULL || l->clones != 0 || l->kind == CLONE_SHARED)
		return NULL; /* the bytes of others would go with it */
	*retreated = &l->retreated;
	return &l->data;
}

static void retreat(void)
{
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG delta = some_ulong();
	const ULONG backfill = some_ulong();

	if (d == NULL) {
		must(NdisRetreatNetBufferDataStart(NULL, delta, backfill, NULL) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	const struct data before = *d;
	UCHAR old[SEEN_BYTES], now[2 * SEEN_BYTES];
	const uint32_t n = read_data(d->nb, old, SEEN_BYTES);
	NDIS_STATUS status = NdisRetreatNetBufferDataStart(d->nb, delta, backfill, NULL);
	if (status != NDIS_STATUS_SUCCESS) {
		const uint64_t missing = delta > before.offset ? delta - before.offset : 0;

		must(missing + backfill > 1 << 23 || (uint64_t)before.length + delta > UINT32_MAX);
		return; /* and check_all finds nothing changed */
	}
	if (delta != 0)
		*retreated = true;
	learn(d, d->nb);
	must(d->length == before.length + delta);
	if (delta > before.offset)
		must(d->offset == backfill);
	else
		must(d->offset == before.offset - delta);
	if (delta <= SEEN_BYTES) {
		must(read_data(d->nb, now, sizeof(now)) >= delta + n);
		must(memcmp(now + delta, old, n) == 0);
	}
}

static void advance(void)
{
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG delta = some_ulong();
	const BOOLEAN free_mdls = below(2) != 0;

	if (d == NULL) {
		NdisAdvanceNetBufferDataStart(NULL, delta, free_mdls, NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	const struct data before = *d;
	NdisAdvanceNetBufferDataStart(d->nb, delta, free_mdls, NULL);
	if (delta > before.length) {
		expect(NBL_MISUSE_DATA);
		return;
	}
	learn(d, d->nb);
	must(d->length == before.length - delta);
	must(free_mdls ? d->offset <= (uint64_t)before.offset + delta
		       : d->offset == before.offset + delta);
	if (delta == 0)
		must(d->hash == before.hash);
}

/* The calls that read an NB's data or set its place. */
static void look_at_data(void)
{
	static UCHAR storage[STORAGE_BYTES];
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG bytes = some_ulong();
	const uint32_t how = below(4);

	if (d == NULL) {
		must(NdisGetDataBuffer(NULL, bytes, storage, 1, 0) == NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisAdjustNetBufferCurrentMdl(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (how == 0) { /* a place beyond the chain */
		const ULONG offset = d->nb->DataOffset;

		d->nb->DataOffset = UINT32_MAX;
		NdisAdjustNetBufferCurrentMdl(d->nb);
		expect(NBL_MISUSE_DATA);
		must(NdisRetreatNetBufferDataStart(d->nb, 1, 0, NULL) == NDIS_STATUS_FAILURE);
		no_misuse();
		d->nb->DataOffset = offset;
	}
	NdisAdjustNetBufferCurrentMdl(d->nb);
	if (bytes > sizeof(storage))
		return;
	const PUCHAR data = NdisGetDataBuffer(
		d->nb, bytes, how == 1 ? NULL : storage, how == 2 ? 0 : 1u << how, bytes & 3);
	if (bytes == 0 || bytes > d->length) {
		must(data == NULL);
	} else if (data != NULL) {
		static UCHAR seen[STORAGE_BYTES];

		must(read_data(d->nb, seen, bytes) == bytes);
		must(memcmp(data, seen, bytes) == 0);
	} else {
		must(how == 1);
	}
}

/* Both list forms, there and back; and over NBs that go round. */
static void list_forms(void)
{
	struct list *l = some_list();
	const ULONG delta = some_ulong();
	const ULONG backfill = some_ulong();

	if (l == NULL) {
		must(NdisRetreatNetBufferListDataStart(NULL, delta, backfill, NULL, NULL) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisAdvanceNetBufferListDataStart(NULL, delta, TRUE, NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (l->data.nb == NULL || l->clones != 0 || l->kind == CLONE_SHARED)
		return;
	if (below(4) == 0 && delta != 0) {
		NET_BUFFER_LIST *nbl;

		l->data.nb->Next = l->data.nb;
		must(NdisRetreatNetBufferListDataStart(l->nbl, delta, backfill, NULL, NULL) ==
			NDIS_STATUS_FAILURE);
		no_misuse();
		NdisAdvanceNetBufferListDataStart(l->nbl, 0, TRUE, NULL);
		expect(NBL_MISUSE_DATA);
		nbl = NdisAllocateCloneNetBufferList(l->nbl, NULL, NULL, 0);
		must(nbl == NULL);
		no_misuse();
		l->data.nb->Next = NULL;
		return;
	}
	const struct data before = l->data;
	if (NdisRetreatNetBufferListDataStart(l->nbl, delta, backfill, NULL, NULL) !=
		NDIS_STATUS_SUCCESS)
		return;
	must(l->data.nb->DataLength == before.length + delta);
	NdisAdvanceNetBufferListDataStart(l->nbl, delta, TRUE, NULL);
	learn(&l->data, l->data.nb); /* MDLs that were unused before may have gone too */
	must(l->data.length == before.length && l->data.hash == before.hash);
}

static void copy_data(void)
{
	bool *retreated;
	const struct data *to = some_data(&retreated);
	const struct data *from = some_data(&retreated);
	const ULONG at = some_ulong(), bytes = some_ulong(), source = some_ulong();
	ULONG copied = 77;

	NDIS_STATUS status = NdisCopyFromNetBufferToNetBuffer(
		to ? to->nb : NULL, at, bytes, from ? from->nb : NULL, source, &copied);
	if (to == NULL || from == NULL) {
		must(status != NDIS_STATUS_SUCCESS);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (status == NDIS_STATUS_SUCCESS)
		must(copied <= bytes);
	/* The bytes may be anybody's: all are looked at anew. */
	for (int i = 0; i < NBLS; i++) {
		if (lists[i].kind != DEAD)
			learn(&lists[i].data, lists[i].data.nb);
	}
	for (int i = 0; i < LOOSE_NBS; i++)
		learn(&loose[i].data, loose[i].data.nb);
}

/* Fragments, reassembled NBLs and deep clones: made and freed, and freed as what they are not. */
static void derivations(void)
{
	struct list *from = some_list();
	const ULONG start = some_ulong(), most = some_ulong(), delta = some_ulong();
	const uint32_t how = below(3);
	NET_BUFFER_LIST *nbl = NULL;

	if (most != 0 && most < 16 && from != NULL)
		return; /* fragments by the thousand */
	if (how == 0)
		nbl = NdisAllocateFragmentNetBufferList(
			from ? from->nbl : NULL, NULL, NULL, start, most, delta, 0, 0);
	else if (how == 1)
		nbl = NdisAllocateReassembledNetBufferList(
			from ? from->nbl : NULL, pools_made[0], start, delta, 0, 0);
	else
		FwpsAllocateDeepCloneNetBufferList0(from ? from->nbl : NULL, NULL, NULL, &nbl);
	if (from == NULL) {
		must(nbl == NULL);
		if (how != 0 || most != 0)
			expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	no_misuse();
	if (nbl == NULL)
		return;
	NdisFreeNetBufferList(nbl);
	expect(NBL_MISUSE_WRONG_FREE);
	if (how == 0)
		NdisFreeFragmentNetBufferList(nbl, delta, 0);
	else if (how == 1)
		NdisFreeReassembledNetBufferList(nbl, delta, 0);
	else
		FwpsFreeCloneNetBufferList0(nbl, 0);
}

/*
 * Pools.
 */

/* A pool from absurd parameters: refused as documented, or made, used and destroyed. */
static void absurd_pool(void)
{
	static const UCHAR types[] = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_TYPE_DEFAULT, 0, 255};
	const bool of_nbs = below(2);
	NET_BUFFER_LIST_POOL_PARAMETERS p = {
		.Header = {.Type = types[below(array_count(types))],
			.Revision = (UCHAR)below(4),
			.Size = (USHORT)(10 + below(12))},
		.ProtocolId = (UCHAR)byte(),
		.fAllocateNetBuffer = (BOOLEAN)below(3),
		.ContextSize = some_context_bytes(),
		.PoolTag = 0x37373737,
		.DataSize = below(2) ? some_ulong() : 0,
		.Flags = below(3),
	};
	const bool two = p.Header.Revision >= 2;
	bool sound = p.Header.Type == NDIS_OBJECT_TYPE_DEFAULT && p.Header.Revision != 0;
	NDIS_HANDLE pool;

	if (of_nbs) {
		const NET_BUFFER_POOL_PARAMETERS q = {.Header = p.Header,
			.PoolTag = p.PoolTag,
			.DataSize = p.DataSize,
			.Flags = p.Flags};

		sound = sound && p.Header.Size >= (two ? 16 : 12);
		pool = NdisAllocateNetBufferPool(NULL, below(8) ? &q : NULL);
	} else {
		sound = sound && p.Header.Size >= (two ? 20 : 16) &&
			p.ContextSize % MEMORY_ALLOCATION_ALIGNMENT == 0 &&
			(p.fAllocateNetBuffer || p.DataSize == 0);
		pool = NdisAllocateNetBufferListPool(NULL, below(8) ? &p : NULL);
	}
	sound = sound && p.DataSize < 1 << 20 && (!two || p.Flags < 2);
	if (misuses != 0)
		expect(NBL_MISUSE_ALIGNMENT);
	if (pool == NULL)
		return;
	must(sound);
	NET_BUFFER_LIST *nbl = of_nbs ? NULL : NdisAllocateNetBufferList(pool, 0, 0);
	must(of_nbs || nbl != NULL);
	if (of_nbs) {
		NdisFreeNetBufferListPool(pool);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		NdisFreeNetBufferPool(pool);
	} else {
		NdisFreeNetBufferListPool(pool);
		expect(NBL_MISUSE_POOL_OUTSTANDING);
		NdisFreeNetBufferList(nbl);
		NdisFreeNetBufferListPool(pool);
	}
	no_misuse();
	NdisFreeNetBufferListPool(pool);
	expect(NBL_MISUSE_FOREIGN_HANDLE);
}

static void destroy_in_use(void)
{
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);

	if (which == FOREIGN || out[which] == 0)
		return;
	if (which < LIST_POOLS)
		NdisFreeNetBufferListPool(pool);
	else
		NdisFreeNetBufferPool(pool);
	expect(NBL_MISUSE_POOL_OUTSTANDING);
}

static void make_pools(void)
{
	for (uint32_t i = 0; i < FOREIGN; i++) {
		const struct pool_shape *s = shape_of(i);
		const struct nbl_pool_config config = {
			.kind = i < LIST_POOLS ? NBL_POOL_LISTS : NBL_POOL_NBS,
			.context_bytes = s->context_bytes,
			.data_bytes = s->data_bytes,
			.with_nb = s->with_nb,
			.verify = s->verify,
			.tag = s->tag,
		};

		must(nbl_pool_create(&config, &pools_made[i]) == 0);
		out[i] = 0;
	}
}

/* Everything is freed, clones before what they are of; then the pools go, and leave nothing. */
static void end_all(void)
{
	for (int clones = 1; clones >= 0; clones--) {
		for (int i = 0; i < NBLS; i++) {
			if (lists[i].kind != DEAD && (lists[i].kind != PLAIN) == clones)
				free_list_well(&lists[i]);
		}
	}
	for (int i = 0; i < LOOSE_NBS; i++) {
		if (loose[i].data.nb != NULL)
			free_loose_well(&loose[i]);
	}
	for (int i = 0; i < MDLS; i++) {
		must(mdls[i].mdl == NULL || mdls[i].users == 0);
		if (mdls[i].mdl != NULL)
			IoFreeMdl(mdls[i].mdl);
		mdls[i].mdl = NULL;
	}
	check_all();
	for (uint32_t i = 0; i < FOREIGN; i++) {
		char why[POOL_REASON_BYTES];

		if (pools_made[i]->context != NULL &&
			pools_made[i]->policy->check(pools_made[i]->context, why) != 0)
			fuzz_fail("%s", why);
		if (i < LIST_POOLS)
			NdisFreeNetBufferListPool(pools_made[i]);
		else
			NdisFreeNetBufferPool(pools_made[i]);
		no_misuse();
		must(objects_under(shape_of(i)->tag) == 0);
	}
	must(nbl_release_defaults()); /* the clones' NBLs keep blocks too */
	must(objects_under(CONTEXT_TAG) == 0);
	no_misuse();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const acts[])(void) = {alloc_list, alloc_list_and_nb, free_some_list,
		contexts_of_a_list, contexts_of_a_list, contexts_of_a_list, clone_some_list,
		alloc_loose, free_some_loose, mdls_come_and_go, retreat, advance, look_at_data,
		list_forms, copy_data, derivations, absurd_pool, destroy_in_use};

	input = data;
	input_left = bytes;
	misuses = 0;
	nbl_set_misuse_handler(count_misuse, NULL);
	nbl_set_default_capacity(CAPACITY);
	if (getenv("NBL_POOL") == NULL) { /* pools are made for each input: the quickest to make */
		char why[NBL_REASON_BYTES];
		must(nbl_set_default_pool("mutex", why) == 0);
	}
	make_pools();
	for (calls = 0; calls < CALLS_MAX && input_left != 0; calls++) {
		acts[below(array_count(acts))]();
		check_all();
	}
	end_all();
	return 0;
}
