/*
 * nbl: the NBL layer over the pool, under each context policy in turn. Threads allocate NBLs, push
 * contexts of several sizes under several tags, hand the NBLs to one another with their contexts on
 * them, pop, retreat and free, through the documented calls.
 *
 * What is checked: every NBL that comes from another thread has the contexts that it was sent with,
 * byte for byte, and a sound chain; no call reports misuse, which its marks would make it do when
 * an NBL were out twice. At the end of a round the threads leave and NBLs are still out: then the
 * accounts must say exactly how many objects and bytes are out under each tag, counted by walking
 * what is there. Everything is then freed by a thread that allocated none of it, and the accounts
 * must say what NBLs keep for their next contexts and nothing else, and 0 once the pool is gone; the
 * pool that all is back, the memory what it was.
 *
 * What it can't show: peaks are only bounded, see nblbench.h.
 */
#ifndef STRESS_SCENARIO_NBL_H
#define STRESS_SCENARIO_NBL_H

#include "stress/base/gang.h"
#include "stress/base/record.h"
#include "stress/base/tags.h"

#include "alloc/context/region.h"
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"

#include <inttypes.h>
#include <sched.h>

enum {
	NBL_SCENARIO_ROUND_MS = 30,
	NBL_SCENARIO_HELD_MAX = 16, /* NBLs that a thread has in hand */
	NBL_SCENARIO_PLACES = 16,   /* through which NBLs travel */
	NBL_SCENARIO_DEPTH_MAX = 8, /* contexts on one NBL */
	NBL_SCENARIO_UNITS_MAX = 6, /* of 16 bytes in one context */
	NBL_SCENARIO_CONTEXT_BYTES = 32,
	NBL_SCENARIO_RETREAT_BYTES = 64,
	NBL_SCENARIO_DRIVERS = 8, /* that push, each with a tag of its own */
	NBL_SCENARIO_TAGS = 1 + NBL_SCENARIO_DRIVERS,
};

/* The NBLs' tag, or that of driver i - 1. */
static inline uint32_t nbl_scenario_tag(uint32_t i)
{
	return i == 0 ? (uint32_t)TAG_NBLS : tag_of_driver(i - 1);
}

/* A context begins so; the rest is filled with its stamp. */
struct nbl_scenario_context {
	uint64_t stamp;
	uint32_t tag;
	uint16_t bytes; /* of all of it */
	uint16_t depth; /* contexts below it */
};

_Static_assert(sizeof(struct nbl_scenario_context) == CONTEXT_ALIGN_BYTES, "the smallest context");

/*
 * R0 when an NBL is posted, meets A0 when it is taken: what its owner wrote is seen. As in board.h
 * there is no edge back.
 */
struct nbl_scenario_place {
	CACHE_PAIR_ALIGNED atom_ptr nbl;
};

struct nbl_scenario_round {
	struct nbl_pool *pool;
	uint64_t end_ns;
	struct nbl_scenario_place place[NBL_SCENARIO_PLACES];
};

struct nbl_scenario_thread {
	CACHE_PAIR_ALIGNED pthread_t id;
	struct nbl_scenario_round *round;
	uint64_t random;
	uint32_t held;
	NET_BUFFER_LIST *nbl[NBL_SCENARIO_HELD_MAX];
	uint64_t allocated;
	uint64_t pushed;
	uint64_t handed; /* taken from another thread */
};

/* How many contexts the scenario has on an NBL: in a member that is its owner's. */
static uint16_t *nbl_scenario_depth(NET_BUFFER_LIST *nbl)
{
	return (uint16_t *)&nbl->ProtocolReserved[0];
}

static void nbl_scenario_misuse(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	stress_fail(PROMISE_RIGHT_USE, "%s", misuse->text);
}

/*
 * Contexts.
 */

static void nbl_scenario_push(struct nbl_scenario_thread *t, NET_BUFFER_LIST *nbl)
{
	const uint16_t bytes = (uint16_t)(CONTEXT_ALIGN_BYTES *
					  (1 + stress_below(&t->random, NBL_SCENARIO_UNITS_MAX)));
	const uint16_t backfill =
		(uint16_t)(CONTEXT_ALIGN_BYTES * stress_below(&t->random, NBL_SCENARIO_UNITS_MAX));
	const uint32_t tag = tag_of_driver(stress_below(&t->random, NBL_SCENARIO_DRIVERS));
	uint16_t *depth = nbl_scenario_depth(nbl);

	if (*depth == NBL_SCENARIO_DEPTH_MAX)
		return;
	record_begun(RECORD_PUSH, 1, nbl);
	NDIS_STATUS status = NdisAllocateNetBufferListContext(nbl, bytes, backfill, tag);
	record_over(RECORD_PUSH, 1, nbl);
	if (status != NDIS_STATUS_SUCCESS)
		stress_fail(PROMISE_RIGHT_USE, "a context of %u bytes was refused with status %#x",
			bytes, (unsigned)status);
	struct nbl_scenario_context *c =
		(struct nbl_scenario_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	*c = (struct nbl_scenario_context){.stamp = stress_random(&t->random),
		.tag = tag,
		.bytes = bytes,
		.depth = (*depth)++};
	for (uint16_t at = sizeof(*c); at < bytes; at = (uint16_t)(at + sizeof(c->stamp)))
		memcpy((UCHAR *)c + at, &c->stamp, sizeof(c->stamp));
	t->pushed++;
}

/* The newest context must be what was pushed; then it goes. */
static void nbl_scenario_pop(NET_BUFFER_LIST *nbl)
{
	const struct nbl_scenario_context *c =
		(const struct nbl_scenario_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	uint16_t *depth = nbl_scenario_depth(nbl);

	if (c->depth != *depth - 1 || c->bytes % CONTEXT_ALIGN_BYTES != 0 || c->bytes == 0 ||
		c->bytes > NBL_SCENARIO_UNITS_MAX * CONTEXT_ALIGN_BYTES)
		stress_fail(PROMISE_CONTEXTS,
			"the newest context of NBL %p says depth %u and %u bytes, but %u are "
			"on it",
			(void *)nbl, c->depth, c->bytes, *depth);
	for (uint16_t at = sizeof(*c); at < c->bytes; at = (uint16_t)(at + sizeof(c->stamp))) {
		if (memcmp((const UCHAR *)c + at, &c->stamp, sizeof(c->stamp)) != 0)
			stress_fail(PROMISE_CONTEXTS,
				"byte %u of context %u of NBL %p was overwritten", at, c->depth,
				(void *)nbl);
	}
	(*depth)--;
	record_begun(RECORD_POP, 1, nbl);
	NdisFreeNetBufferListContext(nbl, c->bytes);
	record_over(RECORD_POP, 1, nbl);
}

/*
 * NBLs.
 */

static NET_BUFFER_LIST *nbl_scenario_alloc(struct nbl_scenario_thread *t)
{
	NET_BUFFER_LIST *nbl = NULL;
	NDIS_HANDLE pool = t->round->pool;
	const USHORT bytes =
		(USHORT)(CONTEXT_ALIGN_BYTES * stress_below(&t->random, NBL_SCENARIO_UNITS_MAX));

	record_begun(RECORD_NBL, 1, NULL);
	if (stress_below(&t->random, 2))
		nbl = NdisAllocateNetBufferList(pool, bytes, 0);
	else
		FwpsAllocateNetBufferAndNetBufferList(pool, bytes, 0, NULL, 0, 0, &nbl);
	record_over(RECORD_NBL, nbl != NULL, nbl);
	if (nbl == NULL)
		return NULL; /* the pool is dry */
	if (nbl->Next != NULL || nbl->Flags != 0 || nbl->ChildRefCount != 0 ||
		*nbl_scenario_depth(nbl) != 0 || nbl->FirstNetBuffer->MdlChain != NULL)
		stress_fail(
			PROMISE_NBL_FRESH, "NBL %p was allocated and is not as new", (void *)nbl);
	t->allocated++;
	return nbl;
}

static void nbl_scenario_free(NET_BUFFER_LIST *nbl)
{
	NET_BUFFER *nb = nbl->FirstNetBuffer;

	while (*nbl_scenario_depth(nbl) != 0)
		nbl_scenario_pop(nbl);
	if (nb->DataLength != 0)
		NdisAdvanceNetBufferDataStart(nb, nb->DataLength, TRUE, NULL);
	record_begun(RECORD_FREE, 1, nbl);
	FwpsFreeNetBufferList(nbl);
	record_over(RECORD_FREE, 1, nbl);
}

/* What the new owner of an NBL looks at. */
static void nbl_scenario_examine(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	char why[CONTEXT_REASON_BYTES];

	if (!nbl_is(nbl, pool, NBL_MARK_LIVE))
		stress_fail(PROMISE_NBL_FRESH, "NBL %p was handed over and does not bear its mark",
			(void *)nbl);
	if (context_check_nbl(pool->context, nbl, why) != 0)
		stress_fail(PROMISE_CONTEXTS, "%s: %.400s", pool->policy->name, why);
}

/* Hands one over, or frees it where nobody takes it. */
static void nbl_scenario_hand_over(struct nbl_scenario_thread *t, NET_BUFFER_LIST *nbl)
{
	uint32_t place = stress_below(&t->random, NBL_SCENARIO_PLACES);
	void *none = NULL;

	if (!atom_cas_weak_release(&t->round->place[place].nbl, &none, nbl)) /* R0 */
		nbl_scenario_free(nbl);
}

static NET_BUFFER_LIST *nbl_scenario_take(struct nbl_scenario_round *round, uint32_t place)
{
	atom_ptr *nbl = &round->place[place].nbl;

	if (atom_load_relaxed(nbl) == NULL) /* spare the line */
		return NULL;
	return atom_xchg_acquire(nbl, NULL); /* A0 */
}

/* One of: a new NBL, one of another thread's, a push, a pop, a retreat, a hand-over, a free. */
static void nbl_scenario_step(struct nbl_scenario_thread *t)
{
	enum { NEW, TAKEN, PUSH, PUSH_TOO, POP, RETREAT, HAND_OVER, FREE, STEPS };
	const uint32_t step = stress_below(&t->random, STEPS);
	NET_BUFFER_LIST *nbl = NULL;

	if (step <= TAKEN) {
		if (t->held == NBL_SCENARIO_HELD_MAX)
			return;
		if (step == NEW) {
			nbl = nbl_scenario_alloc(t);
		} else {
			nbl = nbl_scenario_take(
				t->round, stress_below(&t->random, NBL_SCENARIO_PLACES));
			t->handed += nbl != NULL;
		}
		if (nbl != NULL) {
			nbl_scenario_examine(t->round->pool, nbl);
			t->nbl[t->held++] = nbl;
		}
		return;
	}
	if (t->held == 0)
		return;
	const uint32_t chosen = stress_below(&t->random, t->held);
	nbl = t->nbl[chosen];
	if (step == PUSH || step == PUSH_TOO) {
		nbl_scenario_push(t, nbl);
	} else if (step == POP) {
		if (*nbl_scenario_depth(nbl) != 0)
			nbl_scenario_pop(nbl);
	} else if (step == RETREAT) {
		if (nbl->FirstNetBuffer->DataLength == 0 &&
			NdisRetreatNetBufferDataStart(nbl->FirstNetBuffer,
				NBL_SCENARIO_RETREAT_BYTES, 0, NULL) != NDIS_STATUS_SUCCESS)
			stress_fail(PROMISE_RIGHT_USE, "a retreat was refused");
	} else {
		t->nbl[chosen] = t->nbl[--t->held];
		if (step == HAND_OVER)
			nbl_scenario_hand_over(t, nbl);
		else
			nbl_scenario_free(nbl);
	}
}

static void *nbl_scenario_main(void *arg)
{
	enum { STEPS_A_LOOK = 32 }; /* at the clock */
	struct nbl_scenario_thread *t = arg;

	atom_perturb_seed(t->random);
	do {
		for (int i = 0; i < STEPS_A_LOOK; i++)
			nbl_scenario_step(t);
		sched_yield();
	} while (stress_now_ns() < t->round->end_ns);
	return NULL; /* what the thread used goes back by itself; what it holds stays out */
}

/*
 * Accounts.
 */

struct nbl_scenario_books {
	struct {
		int64_t objects;
		int64_t bytes;
	} of[NBL_SCENARIO_TAGS];
};

static void nbl_scenario_book(
	struct nbl_scenario_books *books, uint32_t tag, int64_t objects, int64_t bytes)
{
	for (uint32_t i = 0; i < NBL_SCENARIO_TAGS; i++) {
		if (nbl_scenario_tag(i) == tag) {
			books->of[i].objects += objects;
			books->of[i].bytes += bytes;
			return;
		}
	}
	stress_fail(PROMISE_ACCOUNTS,
		"a context block bears the tag %#" PRIx32 ", which nobody gave", tag);
}

/*
 * Counts the blocks that an NBL, out or free, keeps for its next contexts (alloc/context/region.h): they stay
 * charged to the tags that pushed them last. Policies that keep regions are those that want to be told when
 * an NBL's memory goes. Of an NBL that is free nothing is in use, and its Context is of no account.
 */
static void nbl_scenario_count_idle(struct nbl_scenario_books *books, const struct nbl_pool *pool,
	NET_BUFFER_LIST *nbl, bool out)
{
	struct context_prefix *slot = NULL;

	if (pool->policy->retire && out)
		slot = region_top(nbl);
	if (pool->policy->retire && slot == NULL)
		slot = region_first(nbl);
	while (slot != NULL && slot != &region_end) {
		const NET_BUFFER_LIST_CONTEXT *block = context_block(slot);

		nbl_scenario_book(books, slot->tag, 1, (int64_t)sizeof(*block) + block->Size);
		slot = slot->policy_ptr;
	}
}

/* For pool_each. */
struct nbl_scenario_free_ones {
	struct nbl_scenario_books *books;
	const struct nbl_pool *pool;
};

static void nbl_scenario_count_free(void *arg, void *object)
{
	const struct nbl_scenario_free_ones *free_ones = arg;

	if (!nbl_is(object, free_ones->pool, NBL_MARK_LIVE))
		nbl_scenario_count_idle(free_ones->books, free_ones->pool, object, false);
}

/* What the free NBLs keep. A general allocator's have given it back with their memory. */
static void nbl_scenario_count_all_free(
	struct nbl_scenario_books *books, const struct nbl_pool *pool)
{
	struct nbl_scenario_free_ones free_ones = {.books = books, .pool = pool};

	if (pool->pool->slab != NULL)
		pool_each(pool->pool, nbl_scenario_count_free, &free_ones);
}

/* Counts what one NBL has out: itself, the blocks of its contexts, the MDL of a retreat. */
static void nbl_scenario_count(
	struct nbl_scenario_books *books, const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl_scenario_book(books, TAG_NBLS, 1, pool->object_bytes);
	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		if (b != nbl_inline_block(pool, nbl))
			nbl_scenario_book(
				books, context_prefix(b)->tag, 1, (int64_t)sizeof(*b) + b->Size);
	}
	nbl_scenario_count_idle(books, pool, nbl, true);
	/* The system's memory for a retreat: the tag's place, the MDL and the bytes, one behind the other. */
	for (const MDL *mdl = nbl->FirstNetBuffer->MdlChain; mdl != NULL; mdl = mdl->Next)
		nbl_scenario_book(books, TAG_NBLS, 1,
			NBL_LOOSE_OFFSET + ((const char *)mdl->MappedSystemVa - (const char *)mdl) +
				mdl->ByteCount);
}

/* The accounts must say what the books say, and have a peak that is not below it. */
static void nbl_scenario_compare(const struct nbl_scenario_books *books, const char *when)
{
	struct nbl_tag_usage rows[TAGS_MAX];
	size_t count = nbl_tags(rows, TAGS_MAX);

	for (uint32_t i = 0; i < NBL_SCENARIO_TAGS; i++) {
		struct nbl_tag_usage row = {.tag = nbl_scenario_tag(i)};
		char text[NBL_TAG_TEXT_BYTES];

		for (size_t r = 0; r < count && r < TAGS_MAX; r++) {
			if (rows[r].tag == row.tag)
				row = rows[r];
		}
		nbl_tag_text(row.tag, text);
		if (row.objects != books->of[i].objects || row.bytes != books->of[i].bytes)
			stress_fail(PROMISE_ACCOUNTS,
				"%s the accounts of tag '%s' say %" PRId64 " objects of %" PRId64
				" bytes, but %" PRId64 " of %" PRId64 " are out",
				when, text, row.objects, row.bytes, books->of[i].objects,
				books->of[i].bytes);
		if (row.peak_objects < row.objects || row.peak_bytes < row.bytes)
			stress_fail(PROMISE_ACCOUNTS,
				"%s the peak of tag '%s' is %" PRId64 " objects of %" PRId64
				" bytes, but %" PRId64 " of %" PRId64 " are out",
				when, text, row.peak_objects, row.peak_bytes, row.objects,
				row.bytes);
	}
}

/* The threads are gone: counts what they left, compares, frees all, compares again. */
static void nbl_scenario_settle(
	struct nbl_scenario_round *round, struct nbl_scenario_thread *threads, uint32_t n)
{
	struct nbl_scenario_thread *last = &threads[n]; /* what was still on its way */
	struct nbl_scenario_books books = {0};
	uint64_t out = 0;

	for (uint32_t i = 0; i < NBL_SCENARIO_PLACES; i++) {
		NET_BUFFER_LIST *nbl = nbl_scenario_take(round, i);

		if (nbl != NULL)
			last->nbl[last->held++] = nbl;
	}
	for (uint32_t i = 0; i <= n; i++) {
		for (uint32_t h = 0; h < threads[i].held; h++) {
			nbl_scenario_examine(round->pool, threads[i].nbl[h]);
			nbl_scenario_count(&books, round->pool, threads[i].nbl[h]);
			out++;
		}
	}
	nbl_scenario_count_all_free(&books, round->pool);
	nbl_scenario_compare(&books, "with NBLs out");
	if (nbl_pool_outstanding(round->pool) != out)
		stress_fail(PROMISE_ACCOUNTS,
			"%" PRIu64 " NBLs are out, but the pool knows of %" PRIu64, out,
			nbl_pool_outstanding(round->pool));
	stress_quiet(round->pool->pool, out, "with NBLs out");
	for (uint32_t i = 0; i <= n; i++) {
		for (uint32_t h = 0; h < threads[i].held; h++)
			nbl_scenario_free(threads[i].nbl[h]);
	}
	books = (struct nbl_scenario_books){0};
	nbl_scenario_count_all_free(&books, round->pool);
	nbl_scenario_compare(&books, "after all was freed");
	stress_quiet(round->pool->pool, 0, "after all was freed");
}

_Static_assert((int)NBL_SCENARIO_PLACES <= (int)NBL_SCENARIO_HELD_MAX, "one thread's hands");

static void nbl_scenario_run(const struct stress *run)
{
	struct nbl_scenario_thread *threads = stress_array(run->threads + 1, sizeof(*threads));
	uint64_t random = run->seed;
	uint64_t allocated = 0;
	uint64_t pushed = 0;
	uint64_t handed = 0;
	uint32_t policies = 0;
	uint32_t rounds = 0;
	uint32_t more = 0;

	nbl_set_misuse_handler(nbl_scenario_misuse, NULL);
	while (contexts[policies] != NULL)
		policies++;
	uint32_t first = stress_below(&random, policies);
	do {
		const uint64_t baseline = memory_live_bytes();
		struct nbl_scenario_round round = {
			.end_ns = stress_now_ns() + NBL_SCENARIO_ROUND_MS * UINT64_C(1000000)};
		struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
			.ops = run->ops,
			.policy = contexts[(first + rounds) % policies],
			.capacity = stress_shape(&random).capacity + run->threads,
			.context_bytes = stress_below(&random, 2) ? NBL_SCENARIO_CONTEXT_BYTES : 0,
			.tag = TAG_NBLS,
			.with_nb = true};
		int rc = nbl_pool_create(&config, &round.pool);

		if (rc != 0)
			stress_fail(stress_refused(rc), "a pool of NBLs was refused: %s",
				strerror(-rc));
		memset(threads, 0, (run->threads + 1) * sizeof(*threads));
		for (uint32_t i = 0; i < run->threads; i++) {
			threads[i].round = &round;
			threads[i].random = stress_seed(stress_random(&random), i);
			gang_start(&threads[i].id, nbl_scenario_main, &threads[i]);
		}
		for (uint32_t i = 0; i < run->threads; i++) {
			pthread_join(threads[i].id, NULL);
			allocated += threads[i].allocated;
			pushed += threads[i].pushed;
			handed += threads[i].handed;
			/* What comes goes. */
			record_add(2 * (threads[i].allocated + threads[i].pushed));
		}
		nbl_scenario_settle(&round, threads, run->threads);
		nbl_pool_destroy(round.pool, NBL_POOL_LISTS, "the end of a round");
		nbl_scenario_compare(&(struct nbl_scenario_books){0}, "after destroy");
		if (memory_live_bytes() != baseline)
			stress_fail(PROMISE_GIVEN_BACK,
				"after destroy %" PRId64 " bytes of the pool's memory are missing",
				(int64_t)(memory_live_bytes() - baseline));
		rounds++;
	} while (
		rounds < policies ||
		stress_another_round(run, handed > 0 && pushed > 0 && stress_operated(run), &more));
	free(threads);
	if (handed == 0 || pushed == 0)
		stress_fail(PROMISE_NONE,
			"no NBL with a context went from thread to thread: nothing is shown");
	tags_report();
	stress_note("%" PRIu64 " NBLs, %" PRIu64 " contexts, %" PRIu64 " handed over, %" PRIu32
		    " policies",
		allocated, pushed, handed, policies);
}

static const struct scenario scenario_nbl = {
	.name = "nbl",
	.summary = "NBLs and contexts under every policy; accounts by tag exact",
	.excuse = stress_excuse_one_thread,
	.run = nbl_scenario_run,
};

#endif
