/*
 * The cold half of nbl.h: the table of pools, attachment of threads, misuse, quarantine,
 * accounting.
 *
 * One lock, the registry's, guards the table of pools, the list of threads of each pool and every
 * other thread's slot. It is taken when a pool is created or destroyed, when a thread first uses a
 * pool and when it ends; never by a call that allocates or frees in steady state.
 */
#include "alloc/nbl/nbl.h"

#include "alloc/machine/fork.h"
#include "alloc/mechanism/slab.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h> /* its macros are empty in other builds */
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

_Static_assert((int)NBL_REASON_BYTES >= (int)POOL_REASON_BYTES, "room for a strategy's sentence");
_Static_assert((sizeof(struct nbl_pool) & (sizeof(struct nbl_pool) - 1)) == 0,
	"nbl_pool_valid divides by the size of a slot with a mask");

struct nbl_pool nbl_pools[NBL_POOLS_MAX];
_Thread_local struct nbl_thread *nbl_threads[NBL_POOLS_MAX];

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static uint32_t slots_used; /* slots from here on were never used; under the registry's lock */
/* Where the search for a free slot begins, so that a handle is reused as late as possible. */
static uint32_t next_slot;
static pthread_key_t exit_key; /* its destructor detaches a thread that ends */
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

/*
 * Misuse.
 */

static void misuse_abort(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	fprintf(stderr, "%s\n", misuse->text);
	if (misuse->kind != NBL_MISUSE_ALIGNMENT)
		abort();
}

static nbl_misuse_handler misuse_handler = misuse_abort;
static void *misuse_arg;

void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg)
{
	misuse_handler = handler ? handler : misuse_abort;
	misuse_arg = arg;
}

const char *nbl_misuse_name(enum nbl_misuse_kind kind)
{
	static const char *const names[NBL_MISUSE_KINDS] = {
		[NBL_MISUSE_DOUBLE_FREE] = "double-free",
		[NBL_MISUSE_FOREIGN_OBJECT] = "foreign-object",
		[NBL_MISUSE_FOREIGN_HANDLE] = "foreign-handle",
		[NBL_MISUSE_CONTEXT_SIZE] = "context-size",
		[NBL_MISUSE_CONTEXT_OVERFREE] = "context-overfree",
		[NBL_MISUSE_CONTEXT_OF_NBL] = "context-of-nbl",
		[NBL_MISUSE_CONTEXT_OUTSTANDING] = "context-outstanding",
		[NBL_MISUSE_EMBEDDED_NB] = "embedded-nb",
		[NBL_MISUSE_WRONG_FREE] = "wrong-free",
		[NBL_MISUSE_CLONES_OUTSTANDING] = "clones-outstanding",
		[NBL_MISUSE_POOL_OUTSTANDING] = "pool-outstanding",
		[NBL_MISUSE_USE_AFTER_FREE] = "use-after-free",
		[NBL_MISUSE_DATA] = "data",
		[NBL_MISUSE_REFERENCE] = "reference",
		[NBL_MISUSE_CONCURRENT_USE] = "concurrent-use",
		[NBL_MISUSE_ENVIRONMENT] = "environment",
		[NBL_MISUSE_ALIGNMENT] = "alignment",
	};

	return names[kind];
}

void nbl_tag_text(uint32_t tag, char out[NBL_TAG_TEXT_BYTES])
{
	for (int i = 0; i < NBL_TAG_TEXT_BYTES - 1; i++) {
		char c = (char)(tag >> (8 * i) & 0xff);

		out[i] = c >= ' ' && c <= '~' ? c : '.';
	}
	out[NBL_TAG_TEXT_BYTES - 1] = '\0';
}

void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...)
{
	enum { TEXT_BYTES = 2 * NBL_REASON_BYTES }; /* a reason, and what stands before it */
	char text[TEXT_BYTES];
	char tag[NBL_TAG_TEXT_BYTES] = "none";
	va_list args;

	if (pool != NULL)
		nbl_tag_text(pool->tag, tag);
	int used = snprintf(text, sizeof(text), "%s: %s (pool tag '%s', object %p): ", call,
		nbl_misuse_name(kind), tag, object);
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	misuse_handler(misuse_arg, &(struct nbl_misuse){.kind = kind,
					   .call = call,
					   .tag = pool ? pool->tag : 0,
					   .object = object,
					   .text = text});
}

void nbl_report_no_pool(const NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl == NULL)
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl, "the NBL is NULL");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl,
			"its NdisPoolHandle %p is no living NBL pool",
			(const void *)nbl->NdisPoolHandle);
}

void nbl_report_not_live(
	const NET_BUFFER_LIST *nbl, uintptr_t number, bool freeing, const char *call)
{
	const struct nbl_pool *pool = nbl->NdisPoolHandle;
	const uintptr_t mark = nbl_mark_plain(number);

	if (number == NBL_MARK_FREE && freeing)
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl, "the NBL is free already");
	else if (number == NBL_MARK_FREE)
		nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nbl, "the NBL is free");
	else if (mark != 0 && ((number ^ mark) & NBL_MARK_BUSY) != 0)
		nbl_misuse(NBL_MISUSE_CONCURRENT_USE, call, pool, nbl,
			"another thread is in a context call on the NBL");
	else if (mark == NBL_MARK_LIVE)
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL was made from no other one; free it with the call for plain NBLs");
	else if (mark != 0)
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL was made from another one; free it with the call for its kind, "
			"with the same flags");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nbl,
			"no pool made it, or it is a copy, or its NdisReserved was overwritten");
}

enum { CONTEXTS_LOST = UINT16_MAX }; /* no sum of contexts: they are multiples of 8 */

/*
 * Bytes of context on an NBL of this mark that were pushed and not popped; CONTEXTS_LOST: the chain
 * doesn't lead to its end. I3: that is the inline block, or NULL where there is none.
 */
static uint32_t contexts_left(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	NET_BUFFER_LIST_CONTEXT *last =
		nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL;
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;
	struct nbl_ring ring = {.at = NULL};
	uint32_t bytes = 0;

	for (; block != NULL && !nbl_comes_round(&ring, block); block = block->Next) {
		bytes += context_limit(block) - block->Offset;
		if (block == last)
			break;
	}
	return block == last ? bytes : CONTEXTS_LOST;
}

static void report_contexts(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t left, const char *call)
{
	if (left == CONTEXTS_LOST)
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"its Context no longer leads to the block that came with it");
	else
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"%u bytes of context have not been freed", left);
}

bool nbl_report_contexts(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call)
{
	uint32_t left = contexts_left(pool, nbl, (enum nbl_mark)nbl_mark_out(nbl, pool));

	if (left != 0)
		report_contexts(pool, nbl, left, call);
	return left != 0;
}

/*
 * The owner gives up an NBL that is referenced. True: no reference is left. False: some are, or misuse
 * was reported. number: of nbl_mark_of.
 */
static bool leave_references(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uintptr_t number,
	enum nbl_mark mark, const char *call)
{
	atom_u32 *references = nbl_references(nbl);

	if (number != ((uintptr_t)mark ^ NBL_MARK_REFERENCED)) {
		nbl_report_not_live(nbl, number, true, call);
		return false;
	}
	if (nbl->Context != NULL && nbl_report_contexts(pool, nbl, call))
		return false;
	/* Relaxed: the CAS says whether it is still so. */
	uint32_t old = atom_load_relaxed(references);
	do {
		if ((old & NBL_OWNER_GONE) != 0) {
			nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl,
				"the NBL is free already but for %u references",
				old & ~(uint32_t)NBL_OWNER_GONE);
			return false;
		}
		/*
		 * R0, meets A1 in FwpsDereferenceNetBufferList0: who frees the NBL sees what its
		 * owner did. A0, meets R1 there: the owner frees it after what they did.
		 */
	} while (!atom_cas_weak_acq_rel(references, &old, old | (uint32_t)NBL_OWNER_GONE));
	return old == 0;
}

bool nbl_owner_leaves(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (!leave_references(pool, nbl, nbl_mark_of(nbl, pool), mark, call))
		return false;
	nbl_end_references(pool, nbl, mark);
	return true;
}

/*
 * Changes a mark if it is `from`; else what it was is in *met. A2: a claim that succeeds comes after
 * what was done under the one before it, which ended in R2.
 */
static bool claim(atom_ptr *word, void *from, void *to, void **met)
{
	/* Looked at first: who comes second takes the line from nobody. */
	*met = atom_load_relaxed(word);
	while (*met == from) {
		if (atom_cas_weak_acquire(word, met, to))
			return true;
	}
	return false;
}

bool nbl_claim_free(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	void *const free = nbl_mark(nbl, pool, NBL_MARK_FREE);
	void *met;

	if (!claim(nbl_mark_word(nbl), nbl_mark(nbl, pool, mark), free, &met)) {
		uintptr_t number = (uintptr_t)met ^ (uintptr_t)nbl_mark(nbl, pool, 0);

		if (!leave_references(pool, nbl, number, mark, call))
			return false;
		if (!claim(nbl_mark_word(nbl), met, free, &met)) {
			/* Another call came between: its NBL does not keep what leave_references wrote. */
			uint32_t gone = NBL_OWNER_GONE;

			while (gone == NBL_OWNER_GONE &&
				!atom_cas_weak_relaxed(nbl_references(nbl), &gone, 0))
				;
			nbl_report_not_live(nbl, (uintptr_t)met ^ (uintptr_t)nbl_mark(nbl, pool, 0),
				true, call);
			return false;
		}
		nbl->NblReserved[0] = NULL;
	}
	uint32_t left = contexts_left(pool, nbl, mark);
	if (left != 0) {
		nbl_unclaim_free(pool, nbl, mark);
		report_contexts(pool, nbl, left, call);
	}
	return left == 0;
}

void nbl_unclaim_free(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	atom_store_release(
		nbl_mark_word(nbl), nbl_mark(nbl, pool, mark)); /* R2, meets A2 in claim */
}

void nbl_free_claimed(struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	struct nbl_pool *pool = self->pool;
	NET_BUFFER_LIST_CONTEXT *block =
		nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL;

	nbl_free_own_contexts(pool->policy, pool, self, nbl, block);
	nbl_rest(pool->ops, pool->policy, pool, self, nbl);
	nbl_put_marked(pool->ops, pool->policy, pool, self, nbl, pool->verify);
}

bool nbl_free_checked(
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (!nbl_claim_free(self->pool, nbl, mark, call))
		return false;
	nbl_free_claimed(self, nbl, mark);
	return true;
}

void nbl_put(struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	struct nbl_pool *pool = self->pool;

	nbl_rest(pool->ops, pool->policy, pool, self, nbl);
	nbl_set_mark(nbl, pool, NBL_MARK_FREE);
	nbl_put_marked(pool->ops, pool->policy, pool, self, nbl, pool->verify);
}

struct nbl_pool *nbl_claim_contexts(NET_BUFFER_LIST *nbl, void **was, const char *call)
{
	if (nbl == NULL || !nbl_pool_valid(nbl->NdisPoolHandle, NBL_POOL_LISTS)) {
		nbl_report_no_pool(nbl, call);
		return NULL;
	}
	struct nbl_pool *pool = nbl->NdisPoolHandle;
	const uintptr_t base = (uintptr_t)nbl_mark(nbl, pool, 0);
	uintptr_t number = nbl_mark_of(nbl, pool);
	uintptr_t mark = nbl_mark_plain(number);
	void *met;
	if (mark != 0 && ((number ^ mark) & NBL_MARK_BUSY) == 0) {
		*was = (void *)(number ^ base);
		if (claim(nbl_mark_word(nbl), *was, (void *)(number ^ base ^ NBL_MARK_BUSY), &met))
			return pool;
		number = (uintptr_t)met ^ base;
	}
	nbl_report_not_live(nbl, number, false, call);
	return NULL;
}

void nbl_unclaim_contexts(NET_BUFFER_LIST *nbl, void *was)
{
	atom_store_release(nbl_mark_word(nbl), was); /* R2, meets A2 in claim */
}

bool nbl_loose_claim(void *payload, const struct nbl_pool *pool, void **met)
{
	return claim(nbl_loose_word(payload), nbl_mark(payload, pool, NBL_MARK_LIVE),
		nbl_mark(payload, pool, NBL_MARK_FREE), met);
}

void nbl_loose_unclaim(void *payload, const struct nbl_pool *pool)
{
	/* R2, meets A2 in claim */
	atom_store_release(nbl_loose_word(payload), nbl_mark(payload, pool, NBL_MARK_LIVE));
}

void nbl_report_handle(const void *handle, enum nbl_pool_kind wanted, const char *call)
{
	static const char *const of[] = {
		[NBL_POOL_LISTS] = "NBLs", [NBL_POOL_NBS] = "NBs", [NBL_POOL_MDLS] = "MDLs"};

	for (int kind = NBL_POOL_LISTS; kind <= NBL_POOL_MDLS; kind++) {
		if (nbl_pool_valid(handle, (enum nbl_pool_kind)kind)) {
			nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, call, handle, handle,
				"the handle is that of a pool of %s, not of %s", of[kind],
				of[wanted]);
			return;
		}
	}
	nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, call, NULL, handle,
		"the handle is not that of a living pool of %s", of[wanted]);
}

void nbl_report_pop(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST_CONTEXT *front, uint32_t bytes, const char *call)
{
	if ((bytes & pool->align_mask) != 0)
		nbl_misuse(NBL_MISUSE_CONTEXT_SIZE, call, pool, nbl,
			"%u bytes are not a multiple of the alignment of %u", bytes,
			pool->align_mask + 1);
	else if (front == NULL)
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the NBL has no context", bytes);
	else if (front->Offset == context_limit(front) && front->Offset < front->Size)
		nbl_misuse(NBL_MISUSE_CONTEXT_OF_NBL, call, pool, nbl,
			"the %u bytes in use came with the NBL and are freed with it",
			(uint32_t)(front->Size - front->Offset));
	else
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the front block has %u to free", bytes,
			context_limit(front) - front->Offset);
}

/*
 * Data.
 */

bool nbl_place_find(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out)
{
	struct nbl_ring ring = {.at = NULL};
	MDL *mdl = chain;
	uint64_t at = offset;

	for (; at >= mdl->ByteCount && mdl->Next != NULL; mdl = mdl->Next) {
		if (nbl_comes_round(&ring, mdl))
			return false;
		at -= mdl->ByteCount;
	}
	if (at > mdl->ByteCount)
		return false;
	uint64_t rest = mdl->ByteCount - at;
	for (const MDL *more = mdl->Next; rest < length && more != NULL; more = more->Next) {
		if (nbl_comes_round(&ring, more))
			return false;
		rest += more->ByteCount;
	}
	if (rest < length)
		return false;
	*out = (struct nbl_place){.mdl = mdl, .offset = (uint32_t)at};
	return true;
}

/*
 * Lifetime.
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
	if (nbl_mark_plain(number) != 0)
		return pool;
	nbl_report_not_live(nbl, number, false, call);
	return NULL;
}

/*
 * Objects.
 */

void nbl_clean(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	unsigned char *rest = (unsigned char *)nbl + NBL_REST_OFFSET;

	/* Lengths that the compiler knows: stores in a row instead of a call or a string operation. */
	if (pool->with_nb)
		memset(rest, 0, NBL_NB_HOT_OFFSET - NBL_REST_OFFSET);
	else
		memset(rest, 0, NBL_NB_OFFSET - NBL_REST_OFFSET);
	nbl->NetBufferListInfo[NetBufferListProtocolId] = (void *)(uintptr_t)pool->protocol_id;
}

void nbl_birth_once(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl_birth(pool, nbl);
}

/*
 * Where the poison of a quarantined object begins and ends: all of it but our words and the pool's
 * handle. Whoever follows a pointer read there faults; the address sanitizer also reports the read.
 */
enum { POISON = 0xFB }; /* repeated, no canonical address: following it faults */

struct span {
	uint32_t from;
	uint32_t to;
};

enum { SPANS_MAX = 3 };

/* The pool's handles lie between the spans: in an NBL, in an NB. Returns how many spans. */
static int poisoned_spans(const struct nbl_pool *pool, struct span spans[SPANS_MAX])
{
	const uint32_t in_nb = offsetof(NET_BUFFER, NdisPoolHandle);
	const uint32_t after_nb = in_nb + (uint32_t)sizeof(NDIS_HANDLE);
	uint32_t from = NBL_LOOSE_OFFSET;
	int n = 0;

	if (pool->kind == NBL_POOL_LISTS) {
		spans[n++] = (struct span){0, offsetof(NET_BUFFER_LIST, NdisPoolHandle)};
		from = offsetof(NET_BUFFER_LIST, NblFlags);
	}
	if (pool->kind == NBL_POOL_NBS || pool->with_nb) {
		uint32_t nb = pool->kind == NBL_POOL_NBS ? NBL_LOOSE_OFFSET : NBL_NB_OFFSET;

		spans[n++] = (struct span){from, nb + in_nb};
		from = nb + after_nb;
	}
	spans[n++] = (struct span){from, pool->object_bytes};
	return n;
}

static void poison(const struct nbl_pool *pool, unsigned char *object)
{
	struct span spans[SPANS_MAX];
	int n = poisoned_spans(pool, spans);

	for (int i = 0; i < n; i++) {
		memset(object + spans[i].from, POISON, spans[i].to - spans[i].from);
		ASAN_POISON_MEMORY_REGION(object + spans[i].from, spans[i].to - spans[i].from);
	}
}

/* What the end of an object's quarantine has found. */
struct finding {
	void *object; /* NULL: nothing was found */
	uint32_t at;  /* the first byte that was written */
};

/* Where the payload of an object begins: what its user has the address of. */
static unsigned char *payload_of(const struct nbl_pool *pool, void *object)
{
	return (unsigned char *)object + (pool->kind == NBL_POOL_LISTS ? 0 : NBL_LOOSE_OFFSET);
}

/*
 * True if one of our words in a free object is as we left it; else it is repaired. Others may look at
 * it meanwhile, who free the object again.
 */
static bool word_intact(void *word, const void *expected)
{
	if (atom_load_relaxed((atom_ptr *)word) == expected)
		return true;
	atom_store_relaxed((atom_ptr *)word, (void *)(uintptr_t)expected);
	return false;
}

/*
 * Ends an object's quarantine: looks for what was written to it meanwhile and gives it its resting
 * values.
 */
static struct finding unpoison(const struct nbl_pool *pool, unsigned char *object)
{
	struct finding found = {.object = NULL};
	struct span spans[SPANS_MAX];
	int n = poisoned_spans(pool, spans);
	const unsigned char *payload = payload_of(pool, object);
	const uint32_t mark = pool->kind == NBL_POOL_LISTS ? offsetof(NET_BUFFER_LIST, NdisReserved)
							   : NBL_LOOSE_OFFSET - sizeof(void *);

	if (!word_intact(object + mark, nbl_mark(payload, pool, NBL_MARK_FREE)))
		found = (struct finding){object, mark};
	for (int i = 0; i < n; i++) {
		ASAN_UNPOISON_MEMORY_REGION(object + spans[i].from, spans[i].to - spans[i].from);
		for (uint32_t at = spans[i].from; at < spans[i].to && found.object == NULL; at++) {
			if (object[at] != POISON)
				found = (struct finding){object, at};
		}
		memset(object + spans[i].from, 0, spans[i].to - spans[i].from);
		if (i + 1 < n && !word_intact(object + spans[i].to, pool) && found.object == NULL)
			found = (struct finding){object, spans[i].to};
	}
	if (pool->kind == NBL_POOL_LISTS)
		nbl_clean(pool, (NET_BUFFER_LIST *)object);
	return found;
}

static void report_finding(const struct nbl_pool *pool, const struct finding *found)
{
	if (found->object == NULL)
		return;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, "verify pool", pool, payload_of(pool, found->object),
		"byte %u of its memory was written after the object was freed", found->at);
}

void nbl_quarantine(struct nbl_thread *self, void *object)
{
	struct nbl_pool *pool = self->pool;
	void **place = &self->quarantine[self->quarantined++ % NBL_QUARANTINE_OBJECTS];
	void *released = *place;

	poison(pool, object);
	*place = object;
	if (released != NULL) {
		struct finding found = unpoison(pool, released);

		pool->ops->put(pool->pool, self->pool_thread, released);
		report_finding(pool, &found);
	}
}

/* Under the registry's lock, so what is found waits in `found` until it is given up. */
static void quarantine_end(struct nbl_thread *self, struct finding found[NBL_QUARANTINE_OBJECTS])
{
	struct nbl_pool *pool = self->pool;

	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++) {
		found[i].object = NULL;
		if (self->quarantine[i] != NULL) {
			found[i] = unpoison(pool, self->quarantine[i]);
			pool->ops->put(pool->pool, self->pool_thread, self->quarantine[i]);
		}
	}
}

bool nbl_rest_intact(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call)
{
	const bool handle = nbl->NdisPoolHandle == pool;

	if (nbl_is(nbl, pool, NBL_MARK_FREE) && !nbl_is_dirty(pool, nbl) && handle)
		return true;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nbl,
		"the NBL was written to while it was free");
	((NET_BUFFER_LIST *)nbl)->NdisPoolHandle = (void *)pool;
	nbl_clean(pool, (NET_BUFFER_LIST *)nbl);
	return false;
}

/*
 * Accounting.
 *
 * A tag's shared count is what the threads have told it; the rest is in their own counters, which a
 * reader adds. All of it is relaxed: the figures guard no other memory. A thread that tells the
 * count also tells how high it had been since the last time, which makes the peak exact with one
 * thread.
 */

enum { TAGS_MAX = 256 };

struct nbl_tag {
	uint32_t tag;
	atom_u64 objects; /* signed, as all that follows */
	atom_u64 bytes;
	atom_u64 peak_objects;
	atom_u64 peak_bytes;
} CACHE_PAIR_ALIGNED;

static struct nbl_tag tags[TAGS_MAX]; /* the last one, tag 0, serves those that find no room */
static atom_u32 tags_used;
static pthread_mutex_t tags_lock = PTHREAD_MUTEX_INITIALIZER;

struct nbl_tag *nbl_tag(uint32_t tag)
{
	uint32_t used =
		atom_load_acquire(&tags_used); /* A0, meets R0: the rows below are filled in */
	uint32_t i = 0;

	while (i < used && tags[i].tag != tag)
		i++;
	if (i < used)
		return &tags[i];
	pthread_mutex_lock(&tags_lock);
	used = atom_load_relaxed(&tags_used); /* stored under the lock */
	while (i < used && tags[i].tag != tag)
		i++;
	if (i == used && used < TAGS_MAX) {
		if (used < TAGS_MAX - 1)
			tags[i].tag = tag;
		atom_store_release(&tags_used, used + 1); /* R0, meets A0 */
	}
	pthread_mutex_unlock(&tags_lock);
	return &tags[i < TAGS_MAX ? i : TAGS_MAX - 1];
}

static void raise_to(atom_u64 *peak, int64_t value)
{
	uint64_t old = atom_load_relaxed(peak);

	while (value > (int64_t)old && !atom_cas_weak_relaxed(peak, &old, (uint64_t)value))
		;
}

/* Adds to one figure of a tag; high: how far above the count's old value this thread has been. */
static void tell(atom_u64 *count, atom_u64 *peak, int64_t delta, int64_t high)
{
	int64_t before = (int64_t)atom_add_relaxed(count, (uint64_t)delta);

	raise_to(peak, before + high);
}

static int64_t read_signed(atom_u64 *word)
{
	return (int64_t)atom_load_relaxed(word);
}

void nbl_account_publish(struct nbl_thread *self)
{
	struct nbl_tag *account = self->pool->account;
	int64_t delta = read_signed(&self->untold);
	int64_t high = read_signed(&self->high);
	int64_t bytes = (int64_t)self->pool->object_bytes;

	if (high < delta)
		high = delta;
	tell(&account->objects, &account->peak_objects, delta, high);
	tell(&account->bytes, &account->peak_bytes, delta * bytes, high * bytes);
	atom_store_relaxed(&self->told, atom_load_relaxed(&self->told) + (uint64_t)delta);
	atom_store_relaxed(&self->untold, 0);
	atom_store_relaxed(&self->high, 0);
}

/* Objects that a thread has allocated less those it has freed. */
static int64_t thread_live(struct nbl_thread *t)
{
	return read_signed(&t->told) + read_signed(&t->untold);
}

/*
 * Not COLD, as nbl_account_publish, and out of line: a thread comes here once in NBL_ACCOUNT_BATCH
 * blocks.
 */
static SELDOM void cell_publish(struct context_cell *cell)
{
	struct nbl_tag *account = atom_load_relaxed(&cell->account);

	tell(&account->objects, &account->peak_objects, read_signed(&cell->objects),
		read_signed(&cell->high_objects));
	tell(&account->bytes, &account->peak_bytes, read_signed(&cell->bytes),
		read_signed(&cell->high_bytes));
	atom_store_relaxed(&cell->objects, 0);
	atom_store_relaxed(&cell->bytes, 0);
	atom_store_relaxed(&cell->high_objects, 0);
	atom_store_relaxed(&cell->high_bytes, 0);
}

/*
 * The cells of a thread. A table is kept so empty that a tag mostly has its home cell to itself, so
 * a stack of drivers with a tag each costs what one driver costs: at most one cell in CELLS_EACH is
 * in use, until the table is so large that all tags there can be fill half of it. Tags beyond that,
 * and those for which there is no memory, are told to the shared counts at once.
 */
enum { CELLS_EACH = 4, CELLS_FIRST = 8, CELLS_MAX = 2 * TAGS_MAX };

struct context_cells context_no_cells = {.used = 1, .at = {{.key = 0}}};

/*
 * A tag's home. Multiplicative hashing (Knuth, TAOCP 6.4): the multiplier is 2^64 / golden ratio, and
 * the bits from 32 on depend on all of the tag.
 */
ALWAYS_INLINE uint32_t cell_home(const struct context_cells *cells, uint32_t tag)
{
	return (uint32_t)(tag * UINT64_C(0x9e3779b97f4a7c15) >> 32) & cells->mask;
}

/* The tag's cell, or the empty one in its place: there is one, for no table is full. */
ALWAYS_INLINE struct context_cell *cell_find(struct context_cells *cells, uint32_t tag)
{
	const uint64_t key = CONTEXT_KEY_USED + tag;
	uint32_t i = cell_home(cells, tag);

	while (unlikely(cells->at[i].key != key) && cells->at[i].key != 0)
		i = (i + 1) & cells->mask;
	return &cells->at[i];
}

static size_t cells_bytes(uint32_t n)
{
	return sizeof(struct context_cells) + n * sizeof(struct context_cell);
}

/*
 * Gives the thread a table of twice the size; NULL: no memory. A reader takes its figures from one of
 * the two tables, and they say the same until this thread counts again.
 */
static struct context_cells *cells_grow(struct context_thread *self, struct context_cells *old)
{
	const uint32_t n = old == &context_no_cells ? (uint32_t)CELLS_FIRST : 2 * (old->mask + 1);
	struct context_cells *cells = memory_alloc(cells_bytes(n));

	if (cells == NULL)
		return NULL;
	cells->mask = n - 1;
	if (old != &context_no_cells) {
		cells->used = old->used;
		cells->smaller = old;
	}
	for (uint32_t i = 0; i <= old->mask; i++) {
		const struct context_cell *from = &old->at[i];

		if (from->key != 0)
			memcpy(cell_find(cells, (uint32_t)from->key), from, sizeof(*from));
	}
	atom_store_release(
		&self->cells, cells); /* R1, meets A1 in untold_of_thread: it is filled */
	return cells;
}

/* A cell for a tag that has none; NULL if there is no room and no memory for more. */
static struct context_cell *cell_make(struct context_thread *self, uint32_t tag)
{
	struct context_cells *cells = atom_load_relaxed(&self->cells); /* its own store */

	if (CELLS_EACH * cells->used > cells->mask && cells->mask + 1 < CELLS_MAX) {
		struct context_cells *larger = cells_grow(self, cells);

		cells = larger ? larger : cells;
	}
	if (2 * cells->used > cells->mask)
		return NULL;
	struct context_cell *cell = cell_find(cells, tag);
	cell->key = CONTEXT_KEY_USED + tag;
	cells->used++;
	atom_store_relaxed(&cell->account, nbl_tag(tag));
	return cell;
}

/* Adds to one of a thread's own figures. It can't be at its highest after it fell. */
static int64_t add_own(atom_u64 *word, atom_u64 *high, int64_t delta)
{
	int64_t value = read_signed(word) + delta;

	atom_store_relaxed(word, (uint64_t)value);
	if (delta > 0 && value > read_signed(high))
		atom_store_relaxed(high, (uint64_t)value);
	return value;
}

ALWAYS_INLINE void cell_add(
	struct context_thread *self, struct context_cell *cell, uint32_t bytes, int64_t delta)
{
	add_own(&cell->bytes, &cell->high_bytes, delta * (int64_t)bytes);
	uint64_t ahead = (uint64_t)add_own(&cell->objects, &cell->high_objects, delta);
	if (unlikely(ahead + self->untold_max > 2 * self->untold_max))
		cell_publish(cell);
}

/* context_account for a tag that has no cell. */
static COLD void account_elsewhere(
	struct context_thread *self, uint32_t tag, uint32_t bytes, int64_t delta)
{
	struct context_cell *cell = self ? cell_make(self, tag) : NULL;

	if (cell != NULL)
		cell_add(self, cell, bytes, delta);
	else
		nbl_account_loose(tag, bytes, delta);
}

void context_account(struct context_thread *self, uint32_t tag, uint32_t bytes, int64_t delta)
{
	if (unlikely(self == NULL)) {
		account_elsewhere(NULL, tag, bytes, delta);
		return;
	}
	struct context_cell *cell = cell_find(atom_load_relaxed(&self->cells), tag);
	if (unlikely(cell->key == 0))
		account_elsewhere(self, tag, bytes, delta);
	else
		cell_add(self, cell, bytes, delta);
}

void context_account_end(struct context_thread *self)
{
	struct context_cells *cells = atom_load_relaxed(&self->cells); /* nobody counts any more */

	for (uint32_t i = 0; i <= cells->mask; i++) {
		if (cells->at[i].key != 0)
			cell_publish(&cells->at[i]);
	}
	while (cells != NULL && cells != &context_no_cells) {
		struct context_cells *smaller = cells->smaller;

		memory_free(cells, cells_bytes(cells->mask + 1));
		cells = smaller;
	}
}

void nbl_account_loose(uint32_t tag, uint64_t bytes, int64_t delta)
{
	struct nbl_tag *account = nbl_tag(tag);
	int64_t signed_bytes = delta * (int64_t)bytes;

	tell(&account->objects, &account->peak_objects, delta, delta);
	tell(&account->bytes, &account->peak_bytes, signed_bytes, signed_bytes);
}

/*
 * Threads.
 */

int nbl_attach(struct nbl_pool *pool, struct nbl_thread **out)
{
	struct nbl_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = pool->ops->attach(pool->pool, &self->pool_thread);
	if (rc != 0)
		goto fail;
	if (pool->context != NULL) {
		rc = pool->policy->attach(pool->context, &self->context_thread);
		if (rc != 0)
			goto fail_detach;
	}
	self->pool = pool;
	self->untold_max = pool->checks ? 0 : NBL_ACCOUNT_BATCH;
	if (self->context_thread != NULL)
		self->context_thread->untold_max = self->untold_max;
	pthread_mutex_lock(&registry);
	self->next = pool->threads;
	pool->threads = self;
	pthread_mutex_unlock(&registry);
	*out = self;
	return 0;

fail_detach:
	pool->ops->detach(pool->pool, self->pool_thread);
fail:
	memory_free(self, sizeof(*self));
	return rc;
}

/* Makes the state the calling thread's; its owner has made its last call with it. */
static void adopt(struct nbl_thread *self)
{
	struct nbl_pool *pool = self->pool;

	pool_adopt(pool->pool, self->pool_thread);
	if (self->context_thread != NULL && pool->policy->adopt)
		pool->policy->adopt(pool->context, self->context_thread);
}

/*
 * Under the registry's lock, on a thread that liburcu knows (fork.c). Also runs on another thread than
 * self's, which no longer uses the pool. found: to be reported once the lock is given up.
 */
static void detach_locked(struct nbl_thread *self, struct finding found[NBL_QUARANTINE_OBJECTS])
{
	struct nbl_pool *pool = self->pool;
	struct nbl_thread **link = &pool->threads;

	while (*link != self)
		link = &(*link)->next;
	*link = self->next;
	if (self->slot != NULL)
		*self->slot = NULL;
	adopt(self);
	nbl_account_publish(self);
	pool->live_gone += atom_load_relaxed(&self->told);
	quarantine_end(self, found);
	if (self->context_thread != NULL)
		pool->policy->detach(pool->context, self->context_thread);
	pool->ops->detach(pool->pool, self->pool_thread);
	memory_free(self, sizeof(*self));
}

static void report_findings(
	const struct nbl_pool *pool, const struct finding found[NBL_QUARANTINE_OBJECTS])
{
	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++)
		report_finding(pool, &found[i]);
}

void nbl_detach(struct nbl_thread *self)
{
	const struct nbl_pool *pool = self->pool;
	struct finding found[NBL_QUARANTINE_OBJECTS];

	rcu_guard_register();
	pthread_mutex_lock(&registry);
	detach_locked(self, found);
	pthread_mutex_unlock(&registry);
	report_findings(pool, found);
}

/*
 * Rounds of destructors in which thread_exit runs: all but the last. What it does makes the thread known
 * to liburcu, whose own destructor comes first in each round, so in the last one nobody would take the
 * thread off its list again. The thread sanitizer gives its state of a thread up in the last round, and
 * can't see liburcu's destructor run there.
 */
enum { EXIT_ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 - atom_sanitizes };

/* Those in which it has run. */
static _Thread_local uint32_t exit_rounds;
/* The thread has attached since thread_exit last looked. */
static _Thread_local bool exit_due;

/*
 * Runs when a thread ends that used a pool by the documented calls. A destructor that runs later may
 * free an NBL, and the thread attaches again: so it asks for EXIT_ROUNDS of the rounds in which the C
 * library runs destructors, and after the last of them the thread attaches no more (nbl_self_attach).
 * For a thread that first calls in a destructor of a later round, the count of rounds is short: if
 * that was the last one, nobody learns that the thread has ended.
 */
static void thread_exit(void *value)
{
	struct finding found[NBL_QUARANTINE_OBJECTS];
	const struct nbl_pool *pool;
	uint32_t id = 0;

	if (++exit_rounds < EXIT_ROUNDS)
		pthread_setspecific(exit_key, value); /* it has a place: this cannot fail */
	/*
	 * Else without a lock: in the last round a library beneath may have ended its part of the
	 * thread, as liburcu and the thread sanitizer do.
	 */
	if (!exit_due)
		return;
	exit_due = false;
	rcu_guard_register();
	do {
		pool = NULL;
		pthread_mutex_lock(&registry);
		while (id < slots_used && nbl_threads[id] == NULL)
			id++;
		if (id < slots_used) {
			pool = nbl_threads[id]->pool;
			detach_locked(nbl_threads[id], found);
		}
		pthread_mutex_unlock(&registry);
		if (pool != NULL)
			report_findings(pool, found);
	} while (pool != NULL);
}

static void before_fork(void)
{
	pthread_mutex_lock(&registry);
}

/*
 * The child's memory has the states of threads that are not there, but not the memory that was local
 * to them: their tables are forgotten. What is in the states comes back when their pools end.
 */
static void forget_tables_of_others(void)
{
	for (uint32_t id = 0; id < slots_used; id++) {
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
	pthread_mutex_unlock(&registry);
}

/* Before the process has its first pool. 0, or -ENOMEM. */
static int arrange_fork(void)
{
	static const struct fork_hooks hooks = {before_fork, after_fork};
	int rc = rcu_guard_arrange_fork();

	return rc != 0 ? rc : fork_arrange(FORK_REGISTRY, &hooks);
}

/*
 * The lock of every pool's spare state: a last resort. Its holder comes again where a misuse handler
 * frees. Relaxed: a thread finds its own name in `spare_holder` only if it has put it there itself.
 */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static atom_ptr spare_holder; /* the holder's table, which names the thread; or NULL */
static uint32_t spare_depth;  /* how often it has borrowed; under the lock */

struct nbl_thread *nbl_spare_borrow(struct nbl_pool *pool)
{
	if (atom_load_relaxed(&spare_holder) != nbl_threads) {
		pthread_mutex_lock(&spare_lock);
		atom_store_relaxed(&spare_holder, nbl_threads);
	}
	spare_depth++;
	adopt(pool->spare);
	return pool->spare;
}

void nbl_spare_return(struct nbl_pool *pool)
{
	(void)pool;
	if (--spare_depth != 0)
		return;
	atom_store_relaxed(&spare_holder, NULL);
	pthread_mutex_unlock(&spare_lock);
}

static void make_exit_key(void)
{
	exit_key_made = pthread_key_create(&exit_key, thread_exit) == 0;
}

struct nbl_thread *nbl_self_attach(struct nbl_pool *pool)
{
	struct nbl_thread *self;

	pthread_once(&exit_key_once, make_exit_key);
	if (!exit_key_made || exit_rounds == EXIT_ROUNDS ||
		pthread_setspecific(exit_key, nbl_threads) != 0 || nbl_attach(pool, &self) != 0)
		return NULL;
	pthread_mutex_lock(&registry);
	self->slot = &nbl_threads[pool->id];
	*self->slot = self;
	pthread_mutex_unlock(&registry);
	exit_due = true;
	return self;
}

/*
 * Defaults.
 */

static const struct pool_ops *default_ops;
static const struct context_ops *default_policy;
static uint32_t default_align_bytes;
static uint32_t default_objects; /* 0: no cap */

/* Continues a sentence that ends in a list of names. */
static void add_name(char *why, const char *name, bool *first)
{
	size_t used = strlen(why);

	snprintf(why + used, NBL_REASON_BYTES - used, "%s%s", *first ? "" : ", ", name);
	*first = false;
}

/* What may stand beneath the documented names: several threads use a pool. */
static bool serves_threads(const struct pool_ops *ops)
{
	return ops->traits.progress != POOL_UNSYNCHRONISED;
}

static int find_pool(const char *name, const struct pool_ops **out, char *why)
{
	const struct pool_ops *ops = pool_find(name);

	if (ops == NULL) {
		bool first = true;

		snprintf(why, NBL_REASON_BYTES, "'%.40s' is no pool strategy; known are: ", name);
		for (size_t i = 0; pools[i] != NULL; i++) {
			if (serves_threads(pools[i]))
				add_name(why, pools[i]->name, &first);
		}
		return -EINVAL;
	}
	if (!serves_threads(ops)) {
		snprintf(why, NBL_REASON_BYTES,
			"pool strategy '%s' serves one thread only and cannot stand beneath the "
			"documented names",
			ops->name);
		return -EINVAL;
	}
	if (!ops->supported(why))
		return -ENOTSUP;
	*out = ops;
	return 0;
}

static int find_context(const char *name, const struct context_ops **out, char *why)
{
	const struct context_ops *policy = context_find(name);

	if (policy == NULL) {
		bool first = true;

		snprintf(why, NBL_REASON_BYTES, "'%.40s' is no context policy; known are: ", name);
		for (size_t i = 0; contexts[i] != NULL; i++)
			add_name(why, contexts[i]->name, &first);
		return -EINVAL;
	}
	*out = policy;
	return 0;
}

int nbl_set_default_pool(const char *name, char *why)
{
	if (name != NULL)
		return find_pool(name, &default_ops, why);
	default_ops = NULL;
	return 0;
}

int nbl_set_default_context(const char *name, char *why)
{
	if (name != NULL)
		return find_context(name, &default_policy, why);
	default_policy = NULL;
	return 0;
}

int nbl_set_context_alignment(uint32_t bytes)
{
	if (bytes != 0 && bytes != CONTEXT_ALIGN_BYTES && bytes != CONTEXT_ALIGN_POINTER_BYTES)
		return -EINVAL;
	default_align_bytes = bytes;
	return 0;
}

void nbl_set_default_capacity(uint32_t objects)
{
	default_objects = objects;
}

/*
 * A name in the environment that is not known stops nothing silently: the pool is not created, and
 * the reason goes to the misuse handler, the one channel there is.
 */
static int default_subjects(const struct pool_ops **ops, const struct context_ops **policy)
{
	char why[NBL_REASON_BYTES];
	const char *name = getenv("NBL_POOL");
	int rc = 0;

	if (*ops == NULL && (*ops = default_ops) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_pool(name, ops, why);
		else
			*ops = pool_default();
	}
	if (rc != 0) {
		nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_POOL", NULL, NULL, "%s", why);
		return rc;
	}
	name = getenv("NBL_CONTEXT");
	if (*policy == NULL && (*policy = default_policy) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_context(name, policy, why);
		else
			*policy = context_default();
	}
	if (rc != 0)
		nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_CONTEXT", NULL, NULL, "%s", why);
	return rc;
}

/* 16 or 8; 0 after a report that the environment names neither. */
static uint32_t context_alignment(void)
{
	const char *name = getenv("NBL_CONTEXT_ALIGNMENT");

	if (default_align_bytes != 0)
		return default_align_bytes;
	if (name == NULL || name[0] == '\0' || strcmp(name, "strict") == 0)
		return CONTEXT_ALIGN_BYTES;
	if (strcmp(name, "pointer") == 0)
		return CONTEXT_ALIGN_POINTER_BYTES;
	nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_CONTEXT_ALIGNMENT", NULL, NULL,
		"'%.40s' is no alignment rule; known are: strict, pointer", name);
	return 0;
}

/*
 * Pools.
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

/* Lays the object out; see the drawing in nbl.h. */
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

	if (config->capacity != 0)
		return config->capacity;
	return default_objects < most ? default_objects : most;
}

/* All of a slot but `published`, which others may look at. */
static void fill_slot(struct nbl_pool *slot, const struct nbl_pool *made)
{
	const size_t from = offsetof(struct nbl_pool, id);

	memcpy((unsigned char *)slot + from, (const unsigned char *)made + from,
		sizeof(*slot) - from);
}

/* Claims a free slot, the one longest out of use; NULL if all are in use. */
static struct nbl_pool *claim_slot(void)
{
	struct nbl_pool *slot = NULL;

	pthread_mutex_lock(&registry);
	for (uint32_t tried = 0; tried < NBL_POOLS_MAX && slot == NULL; tried++) {
		uint32_t id = next_slot++ % NBL_POOLS_MAX;

		if (nbl_pools[id].object_bytes == 0) {
			slot = &nbl_pools[id];
			fill_slot(slot, &(struct nbl_pool){.id = id, .object_bytes = 1});
			if (slots_used <= id)
				slots_used = id + 1;
		}
	}
	pthread_mutex_unlock(&registry);
	return slot;
}

static void release_slot(struct nbl_pool *slot)
{
	pthread_mutex_lock(&registry);
	slot->object_bytes = 0;
	pthread_mutex_unlock(&registry);
}

/* What the pool publishes while its handle is valid. */
static uint32_t open_value(const struct nbl_pool *pool)
{
	return (uint32_t)pool->kind | (pool->checks ? (uint32_t)NBL_POOL_CHECKED : 0);
}

int nbl_pool_create(const struct nbl_pool_config *config, struct nbl_pool **out)
{
	const struct pool_ops *ops = config->ops;
	const struct context_ops *policy = config->policy;
	const uint32_t align_bytes = context_alignment();
	int rc = default_subjects(&ops, &policy);

	if (rc != 0)
		return rc;
	if (align_bytes == 0)
		return -EINVAL;
	rc = arrange_fork();
	if (rc != 0)
		return rc;
	bool lists = config->kind == NBL_POOL_LISTS;
	if (config->kind == NBL_POOL_NONE || (!lists && config->context_bytes != 0) ||
		(lists && !config->with_nb && config->data_bytes != 0) ||
		config->context_bytes > CONTEXT_BYTES_MAX ||
		config->data_bytes > POOL_OBJECT_BYTES_MAX)
		return -EINVAL;
	if (config->context_bytes % align_bytes != 0) {
		if (config->context_bytes % CONTEXT_ALIGN_POINTER_BYTES == 0)
			nbl_misuse(NBL_MISUSE_ALIGNMENT, "NdisAllocateNetBufferListPool", NULL,
				NULL,
				"a ContextSize of %u is no multiple of %u, so the pool is refused; "
				"NBL_CONTEXT_ALIGNMENT=pointer in the environment, or "
				"nbl_set_context_alignment(%d), allows multiples of %d",
				config->context_bytes, align_bytes, CONTEXT_ALIGN_POINTER_BYTES,
				CONTEXT_ALIGN_POINTER_BYTES);
		return -EINVAL;
	}

	struct nbl_pool *pool = claim_slot();
	if (pool == NULL)
		return -ENOMEM;
	struct nbl_pool made = {
		.kind = config->kind,
		.id = pool->id,
		.ops = ops,
		.policy = policy,
		.tag = config->tag,
		.account = nbl_tag(config->tag),
		.align_mask = align_bytes - 1,
		.data_bytes = config->data_bytes,
		.with_nb = lists && config->with_nb,
		.verify = config->verify,
		.checks = config->verify || debug_build,
		.protocol_id = config->protocol_id & NDIS_PROTOCOL_ID_MASK,
	};
	if (lists) {
		/* The least that an NBL can be: there are at most so many of them. */
		struct pool_config smallest = {.object_bytes = NBL_NB_OFFSET,
			.capacity = capacity_of(config, NBL_NB_OFFSET)};

		pool_config_resolve(ops, &smallest); /* cannot fail: nothing else is asked for */
		struct context_config context = {
			.pool_ops = ops,
			.capacity = smallest.capacity,
			.context_bytes = config->context_bytes,
			.align_bytes = align_bytes,
			.tag = config->tag,
		};
		rc = context_create(policy, &context, &made.context);
		if (rc != 0)
			goto fail_slot;
	}
	lay_out(&made);
	if (made.object_bytes > POOL_OBJECT_BYTES_MAX) {
		rc = -EINVAL;
		goto fail_context;
	}
	rc = pool_create(ops,
		&(struct pool_config){
			.object_bytes = made.object_bytes,
			.capacity = capacity_of(config, made.object_bytes),
		},
		&made.pool);
	if (rc != 0)
		goto fail_context;
	pthread_mutex_lock(&registry);
	fill_slot(pool, &made);
	pthread_mutex_unlock(&registry);
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

static uint64_t outstanding_locked(const struct nbl_pool *pool)
{
	uint64_t live = pool->live_gone;

	for (struct nbl_thread *t = pool->threads; t != NULL; t = t->next)
		live += (uint64_t)thread_live(t);
	return live;
}

uint64_t nbl_pool_outstanding(struct nbl_pool *pool)
{
	pthread_mutex_lock(&registry);
	uint64_t live = outstanding_locked(pool);
	pthread_mutex_unlock(&registry);
	return live;
}

/* Detaches one thread of a pool that is about to go. False: there is none. */
static bool detach_one(struct nbl_pool *pool)
{
	struct finding found[NBL_QUARANTINE_OBJECTS];

	rcu_guard_register();
	pthread_mutex_lock(&registry);
	bool any = pool->threads != NULL;
	if (any)
		detach_locked(pool->threads, found);
	pthread_mutex_unlock(&registry);
	if (any)
		report_findings(pool, found);
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
	 * Looked at twice: a pool that is plainly in use is not closed, not even for a moment; and
	 * when it is closed nobody is in a call, and the figure is exact.
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

/*
 * Trimming.
 */

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
	pthread_mutex_lock(&registry);
	/* Of counters that others change meanwhile: below 0 if an object changed hands midway. */
	int64_t out = (int64_t)outstanding_locked(pool);
	for (const struct nbl_thread *t = pool->threads; pool->verify && t != NULL; t = t->next)
		out += NBL_QUARANTINE_OBJECTS;
	pthread_mutex_unlock(&registry);
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

/*
 * Reading the accounts.
 */

/* What the threads of a tag have not told: the live figure, and how high they have been. */
struct untold {
	int64_t objects;
	int64_t bytes;
	int64_t high_objects;
	int64_t high_bytes;
};

static void untold_of_thread(struct nbl_thread *t, struct untold *rows)
{
	int64_t bytes = (int64_t)t->pool->object_bytes;
	int64_t delta = read_signed(&t->untold);
	int64_t high = read_signed(&t->high);
	struct untold *row = &rows[t->pool->account - tags];

	if (high < delta)
		high = delta;
	row->objects += delta;
	row->bytes += delta * bytes;
	row->high_objects += high;
	row->high_bytes += high * bytes;
	if (t->context_thread == NULL)
		return;
	/* A1, meets R1 in cells_grow: the table that is seen has what the one before it had. */
	struct context_cells *cells = atom_load_acquire(&t->context_thread->cells);
	for (uint32_t i = 0; i <= cells->mask; i++) {
		struct context_cell *cell = &cells->at[i];
		struct nbl_tag *account = atom_load_relaxed(&cell->account);

		if (account == NULL)
			continue;
		row = &rows[account - tags];
		row->objects += read_signed(&cell->objects);
		row->bytes += read_signed(&cell->bytes);
		row->high_objects += read_signed(&cell->high_objects);
		row->high_bytes += read_signed(&cell->high_bytes);
	}
}

size_t nbl_tags(struct nbl_tag_usage *rows, size_t n)
{
	struct untold untold[TAGS_MAX] = {{0}};

	pthread_mutex_lock(&registry);
	for (uint32_t id = 0; id < slots_used; id++) {
		for (struct nbl_thread *t = nbl_pools[id].threads; t != NULL; t = t->next)
			untold_of_thread(t, untold);
	}
	size_t used = atom_load_acquire(&tags_used); /* A0, meets R0 */
	for (size_t i = 0; i < used && i < n; i++) {
		int64_t objects = read_signed(&tags[i].objects);
		int64_t bytes = read_signed(&tags[i].bytes);

		raise_to(&tags[i].peak_objects, objects + untold[i].high_objects);
		raise_to(&tags[i].peak_bytes, bytes + untold[i].high_bytes);
		rows[i] = (struct nbl_tag_usage){
			.tag = tags[i].tag,
			.objects = objects + untold[i].objects,
			.bytes = bytes + untold[i].bytes,
			.peak_objects = read_signed(&tags[i].peak_objects),
			.peak_bytes = read_signed(&tags[i].peak_bytes),
		};
	}
	pthread_mutex_unlock(&registry);
	return used;
}
