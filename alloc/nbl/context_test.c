/*
 * The context policies, every one over several strategies, by the pushes and pops of nbl.h.
 *
 * The documented semantics (vectors V35 to V63 of the reference) are tested as what every policy
 * must keep: how many bytes are in use, where they are, what a pop gives back, what is refused.
 * Sizes of blocks are a policy's own; ndis/vectors_test.c tests the exact ones with `malloc`.
 */
#include "alloc/context.h"
#include "alloc/context/adaptive.h"
#include "alloc/context/arena.h"
#include "alloc/context/headroom.h"
#include "alloc/context/mtag.h"
#include "alloc/context/sticky.h"
#include "alloc/machine/cmocka.h"
#include "alloc/nbl/nbl.h"
#include "alloc/nbl/usage_test.h"

#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEST_TAG = 0x74736554, OTHER_TAG = 0x7268744f, CAPACITY = 256 };

static const char call[] = "context test";

/* What the tests below are about at the moment. */
static struct {
	const struct context_ops *policy;
	const struct pool_ops *ops;
} subject;

/* Misuses, counted instead of fatal. Only the thread that runs the test commits any. */
static struct {
	unsigned all;
	enum nbl_misuse_kind last;
} misuses;

static void count_misuse(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	misuses.all++;
	misuses.last = misuse->kind;
}

/*
 * A pool with the calling thread attached, and short names for the calls.
 */

struct bed {
	struct nbl_pool *pool;
	struct nbl_thread *self;
};

static int try_make(struct bed *bed, uint32_t context_bytes)
{
	const struct nbl_pool_config config = {
		.kind = NBL_POOL_LISTS,
		.ops = subject.ops,
		.policy = subject.policy,
		.capacity = CAPACITY,
		.context_bytes = context_bytes,
		.tag = TEST_TAG,
		.with_nb = true,
	};
	int rc = nbl_pool_create(&config, &bed->pool);

	if (rc != 0)
		return rc;
	rc = nbl_attach(bed->pool, &bed->self);
	if (rc != 0)
		nbl_pool_destroy(bed->pool, NBL_POOL_LISTS, call);
	return rc;
}

static void skip_if(bool unsuited, const char *why)
{
	if (unsuited) {
		print_message("not over %s: %s\n", subject.ops->name, why);
		skip();
	}
}

static struct bed make(uint32_t context_bytes)
{
	struct bed bed;

	assert_int_equal(try_make(&bed, context_bytes), 0);
	return bed;
}

static void assert_sound(struct bed *bed)
{
	char why[CONTEXT_REASON_BYTES] = "";

	if (subject.policy->check(bed->pool->context, why) != 0)
		fail_msg("%s over %s: %s", subject.policy->name, subject.ops->name, why);
}

static void assert_sound_nbl(struct bed *bed, NET_BUFFER_LIST *nbl)
{
	char why[CONTEXT_REASON_BYTES] = "";

	if (context_check_nbl(bed->pool->context, nbl, why) != 0)
		fail_msg("%s over %s: %s", subject.policy->name, subject.ops->name, why);
}

static void unmake(struct bed *bed)
{
	unsigned before = misuses.all;

	assert_sound(bed);
	nbl_detach(bed->self);
	assert_sound(bed);
	assert_true(nbl_pool_destroy(bed->pool, NBL_POOL_LISTS, call));
	assert_int_equal(misuses.all, before);
}

static int try_nbl(struct bed *bed, uint32_t bytes, uint32_t backfill, NET_BUFFER_LIST **out)
{
	return nbl_alloc(subject.ops, subject.policy, bed->pool, bed->self, bytes, backfill, NULL,
		0, 0, out);
}

static NET_BUFFER_LIST *get_nbl(struct bed *bed, uint32_t bytes, uint32_t backfill)
{
	NET_BUFFER_LIST *nbl;

	assert_int_equal(try_nbl(bed, bytes, backfill, &nbl), 0);
	return nbl;
}

static void put_nbl(struct bed *bed, NET_BUFFER_LIST *nbl)
{
	assert_true(nbl_free(
		subject.ops, subject.policy, bed->pool, bed->self, nbl, NBL_MARK_LIVE, call));
}

static int try_push(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill)
{
	return nbl_context_push(
		subject.policy, bed->pool, bed->self, nbl, bytes, backfill, OTHER_TAG);
}

static void push(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill)
{
	assert_int_equal(try_push(bed, nbl, bytes, backfill), 0);
}

static bool try_pop(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	return nbl_context_pop(subject.policy, bed->pool, bed->self, nbl, bytes, call);
}

static void pop(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	assert_true(try_pop(bed, nbl, bytes));
}

static const struct context_paths *paths(const struct bed *bed)
{
	return &bed->self->context_thread->paths;
}

/* What a driver sees of an NBL's context. */
struct view {
	uint32_t blocks;
	uint32_t used;
	const NET_BUFFER_LIST_CONTEXT *front;
	uint32_t size;   /* of the front block */
	uint32_t offset; /* likewise */
};

static struct view view(const NET_BUFFER_LIST *nbl)
{
	struct view v = {.front = nbl->Context};

	for (const NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		v.blocks++;
		v.used += (uint32_t)(b->Size - b->Offset);
	}
	if (v.front != NULL) {
		v.size = v.front->Size;
		v.offset = v.front->Offset;
	}
	return v;
}

static void assert_view(const NET_BUFFER_LIST *nbl, const struct view *expected)
{
	struct view now = view(nbl);

	assert_int_equal(now.blocks, expected->blocks);
	assert_int_equal(now.used, expected->used);
	assert_ptr_equal(now.front, expected->front);
	assert_int_equal(now.size, expected->size);
	assert_int_equal(now.offset, expected->offset);
}

#define expect_misuse(kind_, nbl, statement)                                                \
	do {                                                                                \
		unsigned before_ = misuses.all;                                             \
		struct view view_ = view(nbl);                                              \
		statement;                                                                  \
		assert_int_equal(misuses.all, before_ + 1);                                 \
		assert_string_equal(nbl_misuse_name(misuses.last), nbl_misuse_name(kind_)); \
		assert_view(nbl, &view_);                                                   \
	} while (0)

static bool nests(void)
{
	return !subject.policy->traits.any_order;
}

/*
 * The vectors.
 */

/* V35 to V42. */
static void context_of_the_nbl(NO_STATE)
{
	static const struct {
		uint32_t pool_bytes;
		uint32_t bytes;
		uint32_t backfill;
		bool made;
		bool pops; /* backfill has room for 16 more */
		bool relaxed;
	} rows[] = {
		{32, 32, 0, true, false, false},     /* V35 */
		{64, 16, 0, true, true, false},      /* V36 */
		{0, 48, 16, true, true, false},      /* V37 */
		{32, 48, 16, true, true, false},     /* V38 */
		{128, 0, 0, true, true, false},      /* V39 */
		{32, 12, 0, false, false, false},    /* V40 */
		{32, 8, 0, false, false, false},     /* V40 */
		{32, 8, 0, true, false, true},       /* V40 R */
		{0, 0, 16, true, false, false},      /* V41 */
		{0, 65520, 16, false, false, false}, /* V42 */
		{0, 65528, 8, false, false, true},   /* V42 R */
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		nbl_set_context_alignment(rows[i].relaxed ? CONTEXT_ALIGN_POINTER_BYTES : 0);
		struct bed bed = make(rows[i].pool_bytes);

		for (int use = 0; use < 2; use++) {
			NET_BUFFER_LIST *nbl = NULL;
			int rc = try_nbl(&bed, rows[i].bytes, rows[i].backfill, &nbl);

			assert_int_equal(rc, rows[i].made ? 0 : -EINVAL);
			if (!rows[i].made)
				continue;
			struct view before = view(nbl);
			assert_int_equal(before.used, rows[i].bytes);
			assert_sound_nbl(&bed, nbl);
			if (rows[i].bytes == 0 && bed.pool->inline_bytes == 0)
				assert_null(nbl->Context);
			if (before.front != NULL) {
				assert_true(
					NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl) >= rows[i].bytes);
				memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x11,
					rows[i].bytes);
			}
			if (rows[i].pops && nests()) {
				push(&bed, nbl, 16, 0);
				assert_int_equal(view(nbl).blocks, before.blocks);
				pop(&bed, nbl, 16);
			}
			if (rows[i].bytes != 0)
				expect_misuse(NBL_MISUSE_CONTEXT_OF_NBL, nbl,
					assert_false(try_pop(&bed, nbl, rows[i].bytes))); /* V63 */
			put_nbl(&bed, nbl);
		}
		unmake(&bed);
	}
}

/* V44, V45, V46 and back. */
static void stack_of_pushes(NO_STATE)
{
	struct bed bed = make(64);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 16, 0);
	struct view v[4];

	v[0] = view(nbl);
	push(&bed, nbl, 16, 0);
	v[1] = view(nbl);
	push(&bed, nbl, 48, 32);
	v[2] = view(nbl);
	push(&bed, nbl, 16, 0);
	v[3] = view(nbl);
	assert_int_equal(v[3].used, 16 + 16 + 48 + 16);
	if (nests()) {
		assert_int_equal(v[1].blocks, v[0].blocks);
		assert_ptr_equal(v[3].front, v[2].front);
	} else {
		assert_int_equal(v[3].blocks, v[0].blocks + 3);
	}
	assert_sound_nbl(&bed, nbl);
	pop(&bed, nbl, 16);
	assert_view(nbl, &v[2]);
	pop(&bed, nbl, 48);
	assert_view(nbl, &v[1]);
	pop(&bed, nbl, 16);
	assert_view(nbl, &v[0]);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/* V49 and V52: only the front block is looked at; with room its Size stays, whatever backfill. */
static void room(NO_STATE)
{
	struct bed bed = make(64);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);
	struct view v = view(nbl);

	if (nests()) {
		push(&bed, nbl, 16, 1024);
		assert_ptr_equal(view(nbl).front, v.front);
		assert_int_equal(view(nbl).size, v.size);
		pop(&bed, nbl, 16);
	}
	push(&bed, nbl, v.offset, 0); /* all the room there is */
	push(&bed, nbl, 16, 0);
	assert_int_equal(view(nbl).blocks, v.blocks + (nests() ? 1 : 2));
	pop(&bed, nbl, 16);
	pop(&bed, nbl, v.offset);
	assert_view(nbl, &v);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/* V53, V54, V55. */
static void refused_sizes(NO_STATE)
{
	static const uint32_t sizes[][2] = {{20, 0}, {16, 4}, {24, 0}, {16, 8}};
	struct bed bed = make(32);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);
	struct view v = view(nbl);

	for (size_t i = 0; i < array_count(sizes); i++) {
		assert_int_equal(try_push(&bed, nbl, sizes[i][0], sizes[i][1]), -EINVAL);
		assert_view(nbl, &v);
	}
	push(&bed, nbl, 0, 0);
	push(&bed, nbl, 0, 16);
	pop(&bed, nbl, 0);
	assert_view(nbl, &v);
	put_nbl(&bed, nbl);
	unmake(&bed);

	nbl_set_context_alignment(CONTEXT_ALIGN_POINTER_BYTES);
	bed = make(32);
	nbl = get_nbl(&bed, 0, 0);
	for (int i = 0; i < 3; i++) {
		push(&bed, nbl, 24, 0);
		assert_sound_nbl(&bed, nbl);
	}
	for (int i = 0; i < 3; i++)
		pop(&bed, nbl, 24);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/* V56. */
static void largest(NO_STATE)
{
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		const uint32_t align = relaxed ? CONTEXT_ALIGN_POINTER_BYTES : CONTEXT_ALIGN_BYTES;
		const uint32_t most = 65536 - align;

		nbl_set_context_alignment(align);
		struct bed bed = make(0);
		NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);
		struct view v = view(nbl);

		assert_int_equal(try_push(&bed, nbl, most, align), -EINVAL);
		assert_view(nbl, &v);
		push(&bed, nbl, most, 0);
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x33, most);
		assert_sound_nbl(&bed, nbl);
		pop(&bed, nbl, most);
		assert_view(nbl, &v);
		put_nbl(&bed, nbl);
		unmake(&bed);
	}
}

/* V58, V59. */
static void overfree(NO_STATE)
{
	struct bed bed = make(0);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);

	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, assert_false(try_pop(&bed, nbl, 16)));
	push(&bed, nbl, 16, 0);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, assert_false(try_pop(&bed, nbl, 4096)));
	expect_misuse(NBL_MISUSE_CONTEXT_SIZE, nbl, assert_false(try_pop(&bed, nbl, 12)));
	expect_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, nbl,
		assert_false(nbl_free(subject.ops, subject.policy, bed.pool, bed.self, nbl,
			NBL_MARK_LIVE, call)));
	pop(&bed, nbl, 16);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/*
 * V60 at length: random pushes and pops on several NBLs, each context filled with a pattern of its
 * own, which is intact when it is popped and lies where it lay.
 */

enum { WALK_NBLS = 8, WALK_DEPTH = 24, WALK_STEPS = 4000 };

struct walk_nbl {
	NET_BUFFER_LIST *nbl;
	uint32_t depth;
	uint32_t bytes[WALK_DEPTH];
	unsigned char *at[WALK_DEPTH];
};

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static unsigned char pattern(const struct walk_nbl *w, uint32_t level)
{
	return (unsigned char)((uintptr_t)w->nbl / CACHE_LINE_BYTES * 31 + level * 7 + 1);
}

static void walk_push(struct bed *bed, struct walk_nbl *w, uint64_t *seed)
{
	static const uint32_t sizes[] = {16, 16, 32, 32, 32, 64, 208, 384, 1024, 4096};
	uint32_t bytes = sizes[next_random(seed) % array_count(sizes)];
	uint32_t backfill = next_random(seed) % 3 == 0 ? 16 * (next_random(seed) % 8) : 0;

	push(bed, w->nbl, bytes, backfill);
	w->at[w->depth] = NET_BUFFER_LIST_CONTEXT_DATA_START(w->nbl);
	assert_int_equal((uintptr_t)w->at[w->depth] % CONTEXT_ALIGN_BYTES, 0);
	w->bytes[w->depth] = bytes;
	memset(w->at[w->depth], pattern(w, w->depth), bytes);
	w->depth++;
}

static void walk_pop(struct bed *bed, struct walk_nbl *w)
{
	uint32_t level = --w->depth;

	assert_ptr_equal(NET_BUFFER_LIST_CONTEXT_DATA_START(w->nbl), w->at[level]);
	for (uint32_t i = 0; i < w->bytes[level]; i++)
		assert_int_equal(w->at[level][i], pattern(w, level));
	pop(bed, w->nbl, w->bytes[level]);
}

static void random_walk(NO_STATE)
{
	struct walk_nbl walks[WALK_NBLS] = {{0}};
	uint64_t seed = 20;

	skip_if(subject.ops->traits.kind == POOL_KIND_NULL, "it hands out one NBL");
	struct bed bed = make(64);
	for (int step = 0; step < WALK_STEPS; step++) {
		struct walk_nbl *w = &walks[next_random(&seed) % WALK_NBLS];

		if (w->nbl == NULL) {
			*w = (struct walk_nbl){.nbl = get_nbl(&bed, 0, 0)};
		} else if (w->depth < WALK_DEPTH && next_random(&seed) % 2) {
			walk_push(&bed, w, &seed);
		} else if (w->depth > 0) {
			walk_pop(&bed, w);
		} else {
			put_nbl(&bed, w->nbl);
			w->nbl = NULL;
		}
		if (w->nbl != NULL)
			assert_sound_nbl(&bed, w->nbl);
		if (step % 500 == 0)
			assert_sound(&bed);
	}
	for (int i = 0; i < WALK_NBLS; i++) {
		if (walks[i].nbl == NULL)
			continue;
		while (walks[i].depth > 0)
			walk_pop(&bed, &walks[i]);
		put_nbl(&bed, walks[i].nbl);
	}
	unmake(&bed);
}

/*
 * Steady state: packets in bursts through a stack of drivers. After a warm-up the policies that
 * promise it never ask the system for memory again; for the others the count is what it must be.
 */

enum { BURST = 64, PACKETS = 100000, FEWER_PACKETS = 10000, DRIVERS = 8, DRIVER_BYTES = 32 };

static void burst(struct bed *bed, uint32_t drivers, uint32_t backfill)
{
	NET_BUFFER_LIST *nbls[BURST];

	for (int i = 0; i < BURST; i++) {
		nbls[i] = get_nbl(bed, 0, 0);
		for (uint32_t d = 0; d < drivers; d++)
			push(bed, nbls[i], DRIVER_BYTES, d == 0 ? backfill : 0);
	}
	for (int i = 0; i < BURST; i++) {
		for (uint32_t d = 0; d < drivers; d++)
			pop(bed, nbls[i], DRIVER_BYTES);
		put_nbl(bed, nbls[i]);
	}
}

/*
 * Keeps the calling thread on its CPU: elsewhere a per-CPU pool would hand out other objects, whose
 * first packets have yet to come. Returns where the thread was allowed to be.
 */
static cpu_set_t stay_here(void)
{
	cpu_set_t allowed, here;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
	return allowed;
}

static void steady(int packets, uint32_t context_bytes, uint32_t drivers, uint32_t backfill)
{
	const char *name = subject.policy->name;
	const cpu_set_t allowed = stay_here();
	struct bed bed = make(context_bytes);
	/* Every object of the pool, and adaptive's first window on top. */
	const int warm_up = 4 * (CAPACITY + ADAPTIVE_WINDOW_FIRST) / BURST;

	for (int i = 0; i < warm_up; i++)
		burst(&bed, drivers, backfill);
	uint64_t before = paths(&bed)->allocate;
	for (int i = 0; i < packets / BURST; i++)
		burst(&bed, drivers, backfill);
	uint64_t each = (paths(&bed)->allocate - before) / (uint32_t)(packets / BURST);
	uint64_t rest = (paths(&bed)->allocate - before) % (uint32_t)(packets / BURST);
	uint64_t expected = 0;

	if (subject.policy == context_find("mtag"))
		expected = BURST * drivers;
	else if (subject.policy == context_find("malloc") && backfill != 0)
		expected = BURST;
	else if (subject.policy == context_find("malloc"))
		expected = BURST * (drivers - context_bytes / DRIVER_BYTES);
	if (each != expected || rest != 0)
		fail_msg("%s over %s: %" PRIu64 " allocations a burst of %d packets, not %" PRIu64,
			name, subject.ops->name, each, BURST, expected);
	unmake(&bed);
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

static void steady_state(NO_STATE)
{
	skip_if(subject.ops->traits.kind != POOL_KIND_POOL,
		"an NBL's memory goes back at each free, and what is parked with it");
	/*
	 * The promise is the policy's: kept at length once, and over every strategy. Not at length
	 * under the address sanitizer, which sees all that a burst does in the first ones.
	 */
	const bool at_length = !asan_build && subject.ops == pool_find("mag_tls");
	const int packets = at_length ? PACKETS : FEWER_PACKETS;
	steady(packets, 0, DRIVERS, 0);
	steady(packets, 32, DRIVERS, 0);
	steady(packets, 0, 1, 0);
	steady(packets, 0, DRIVERS, (DRIVERS - 1) * DRIVER_BYTES);
}

/*
 * Faults: the k-th request for memory fails, for every k: in the making of the pool, in the
 * attachment and in every fallback. What fails leaves all as it was, and a second try succeeds.
 */

struct fault {
	uint64_t after; /* requests that still pass */
	uint64_t failed;
};

static bool fail_once(void *arg, size_t bytes)
{
	struct fault *fault = arg;

	(void)bytes;
	if (fault->after-- != 0)
		return false;
	fault->after = UINT64_MAX;
	fault->failed++;
	return true;
}

static void push_through_faults(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	struct view v = view(nbl);
	int rc = try_push(bed, nbl, bytes, 0);

	if (rc != 0) {
		assert_int_equal(rc, -ENOMEM);
		assert_view(nbl, &v);
		assert_sound_nbl(bed, nbl);
		push(bed, nbl, bytes, 0);
	}
}

static void life_through_faults(void)
{
	static const uint32_t sizes[] = {32, 64, 2048, 16, 65520, 32};
	struct bed bed;
	NET_BUFFER_LIST *nbl;
	int rc = try_make(&bed, 32);

	if (rc != 0) {
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(try_make(&bed, 32), 0);
	}
	rc = try_nbl(&bed, 4096, 0, &nbl);
	if (rc != 0) {
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(nbl_pool_outstanding(bed.pool), 0);
		nbl = get_nbl(&bed, 4096, 0);
	}
	for (size_t i = 0; i < array_count(sizes); i++)
		push_through_faults(&bed, nbl, sizes[i]);
	for (size_t i = array_count(sizes); i > 0; i--)
		pop(&bed, nbl, sizes[i - 1]);
	put_nbl(&bed, nbl);
	memory_set_fault_hook(NULL, NULL);
	unmake(&bed);
}

static void faults(NO_STATE)
{
	const uint64_t live = memory_live_bytes();
	struct fault fault;
	uint64_t k = 0;

	do {
		fault = (struct fault){.after = k++};
		memory_set_fault_hook(fail_once, &fault);
		life_through_faults();
		assert_int_equal(memory_live_bytes(), live);
	} while (fault.failed != 0);
	/* At least the policy's state, its thread's, and a block larger than any reserve cuts. */
	assert_true(k > 3);
}

/* A policy that has a reserve of blocks goes on without it. */
static void reserve_runs_dry(NO_STATE)
{
	enum {
		LARGE = ARENA_BLOCK_BYTES - SIZE_CLASS_HEAD_BYTES,
		LARGE_PUSHES = CAPACITY * (ARENA_CHUNK_BYTES / ARENA_BLOCK_BYTES + 1),
		SMALL_PUSHES = SIZE_CLASS_BLOCKS_MIN + 100,
	};
	struct bed bed = make(0);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);

	/* Each fills a block and leaves the next one no room. */
	for (int i = 0; i < LARGE_PUSHES; i++)
		push(&bed, nbl, LARGE, 0);
	struct context_paths after_large = *paths(&bed);
	for (int i = 0; i < SMALL_PUSHES; i++)
		push(&bed, nbl, nbl->Context->Offset ? nbl->Context->Offset : 32, 0);
	assert_sound_nbl(&bed, nbl);
	assert_sound(&bed);
	if (subject.policy == context_find("arena"))
		assert_true(after_large.reuse > 0 && after_large.allocate > 0);
	if (subject.policy == context_find("size_class") &&
		subject.ops->traits.kind == POOL_KIND_POOL)
		assert_true(paths(&bed)->reuse > after_large.reuse &&
			    paths(&bed)->allocate > after_large.allocate);
	while (nbl->Context != nbl_inline_block(bed.pool, nbl))
		pop(&bed, nbl, (uint32_t)(nbl->Context->Size - nbl->Context->Offset));
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/* Policies that leave a block with its NBL. */
static bool parks(void)
{
	return subject.policy == context_find("sticky") ||
	       subject.policy == context_find("adaptive");
}

/* What flush promises: nothing learned, and nothing kept once every NBL has been used again. */
static void flush_forgets(NO_STATE)
{
	skip_if(subject.ops->traits.kind == POOL_KIND_NULL, "it hands out one NBL");
	struct bed bed = make(0);
	for (int i = 0; i < 3 * ADAPTIVE_WINDOW_FIRST / BURST; i++)
		burst(&bed, DRIVERS, 0);
	bool kept = subject.policy->kept_bytes(bed.pool->context) != 0;
	if (subject.ops->traits.kind == POOL_KIND_POOL &&
		subject.policy != context_find("headroom"))
		assert_int_equal(kept, subject.policy->traits.retains);
	subject.policy->flush(bed.pool->context, bed.self->context_thread);
	assert_sound(&bed);
	NET_BUFFER_LIST *nbls[CAPACITY]; /* all there are */
	uint32_t got = 0;
	while (got < CAPACITY && try_nbl(&bed, 0, 0, &nbls[got]) == 0)
		got++;
	if (parks() && subject.ops->traits.exact)
		assert_int_equal(subject.policy->kept_bytes(bed.pool->context), 0);
	while (got > 0)
		put_nbl(&bed, nbls[--got]);
	unmake(&bed);
}

/*
 * Accounts: a block counts under the tag of its push while it is out, and afterwards only if it
 * stays with its NBL, until its memory goes back or a push under another tag takes it over.
 */

/* Blocks of the chain that are not the NBL's own, and what they count for. */
static struct nbl_tag_usage charged(struct bed *bed, NET_BUFFER_LIST *nbl)
{
	const NET_BUFFER_LIST_CONTEXT *last = nbl_inline_block(bed->pool, nbl);
	struct nbl_tag_usage sum = {0};

	for (const NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != last; b = b->Next) {
		sum.objects++;
		sum.bytes += context_charged_bytes(b);
	}
	return sum;
}

static void assert_usage(uint32_t tag, const struct nbl_tag_usage *expected)
{
	struct nbl_tag_usage now = usage(tag);

	assert_int_equal(now.objects, expected->objects);
	assert_int_equal(now.bytes, expected->bytes);
}

static void accounts_follow_the_memory(NO_STATE)
{
	enum { FIRST_TAG = 0x74736946, SECOND_TAG = 0x6e6f6353, PACKETS_EACH = 600, BYTES = 256 };
	static const struct nbl_tag_usage nothing;
	static const uint32_t tags[] = {FIRST_TAG, SECOND_TAG};
	struct bed bed = make(16);
	struct context *context = bed.pool->context;

	for (size_t t = 0; t < array_count(tags); t++) {
		/* Longer than adaptive takes to learn, and than a thread keeps figures to itself. */
		for (int packet = 0; packet < PACKETS_EACH; packet++) {
			NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);

			for (int i = 0; i < 2; i++)
				assert_int_equal(nbl_context_push(subject.policy, bed.pool,
							 bed.self, nbl, BYTES, 0, tags[t]),
					0);
			struct nbl_tag_usage out = charged(&bed, nbl);
			if (packet % 100 == 0)
				assert_usage(tags[t], &out);
			for (int i = 0; i < 2; i++)
				pop(&bed, nbl, BYTES);
			put_nbl(&bed, nbl);
		}
		struct nbl_tag_usage kept = usage(tags[t]);
		uint64_t bytes = (uint64_t)kept.bytes +
				 (uint64_t)kept.objects * sizeof(struct context_prefix);
		if (parks())
			assert_true(bytes <= subject.policy->kept_bytes(context));
		else
			assert_usage(tags[t], &nothing);
	}
	/* One NBL went round, with two blocks, which the second tag has taken over. */
	if (subject.ops->traits.kind == POOL_KIND_POOL && parks() && !subject.ops->traits.bounded)
		assert_int_equal(usage(SECOND_TAG).objects, 2);
	if (!subject.ops->traits.bounded)
		assert_usage(FIRST_TAG, &nothing);
	unmake(&bed);
	assert_usage(FIRST_TAG, &nothing);
	assert_usage(SECOND_TAG, &nothing);
}

/*
 * Hand-over: one thread allocates and pushes, another checks, pops and frees.
 */

enum { HANDED = 4000, QUEUE = 32 };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	NET_BUFFER_LIST *nbls[QUEUE];
	uint32_t in;
	uint32_t out;
	struct nbl_pool *pool;
	unsigned wrong; /* the consumer's, read after the join */
};

static void queue_put(struct queue *q, NET_BUFFER_LIST *nbl)
{
	pthread_mutex_lock(&q->lock);
	while (q->in - q->out == QUEUE)
		pthread_cond_wait(&q->moved, &q->lock);
	q->nbls[q->in++ % QUEUE] = nbl;
	pthread_cond_signal(&q->moved);
	pthread_mutex_unlock(&q->lock);
}

static NET_BUFFER_LIST *queue_get(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->in == q->out)
		pthread_cond_wait(&q->moved, &q->lock);
	NET_BUFFER_LIST *nbl = q->nbls[q->out++ % QUEUE];
	pthread_cond_signal(&q->moved);
	pthread_mutex_unlock(&q->lock);
	return nbl;
}

static const uint32_t handed_bytes[] = {32, 16, 208};

static unsigned char handed_pattern(uint32_t packet, size_t level)
{
	return (unsigned char)(packet * 5 + level * 3 + 1);
}

static void *consume(void *arg)
{
	struct queue *q = arg;
	struct bed bed = {.pool = q->pool};

	if (nbl_attach(q->pool, &bed.self) != 0) {
		q->wrong = HANDED;
		return NULL;
	}
	for (uint32_t packet = 0; packet < HANDED; packet++) {
		NET_BUFFER_LIST *nbl = queue_get(q);

		for (size_t level = array_count(handed_bytes); level-- > 0;) {
			const unsigned char *at = NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);

			for (uint32_t i = 0; i < handed_bytes[level]; i++)
				q->wrong += at[i] != handed_pattern(packet, level);
			q->wrong += !try_pop(&bed, nbl, handed_bytes[level]);
		}
		q->wrong += !nbl_free(
			subject.ops, subject.policy, bed.pool, bed.self, nbl, NBL_MARK_LIVE, call);
	}
	nbl_detach(bed.self);
	return NULL;
}

static void freed_on_another_thread(NO_STATE)
{
	struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	struct bed bed;
	pthread_t consumer;

	skip_if(subject.ops->traits.progress == POOL_UNSYNCHRONISED, "it is for one thread");
	bed = make(16);
	q.pool = bed.pool;
	assert_int_equal(pthread_create(&consumer, NULL, consume, &q), 0);
	for (uint32_t packet = 0; packet < HANDED; packet++) {
		NET_BUFFER_LIST *nbl = NULL;

		while (try_nbl(&bed, 0, 0, &nbl) != 0)
			sched_yield(); /* the rest is in the other side's cache, and comes back */
		for (size_t level = 0; level < array_count(handed_bytes); level++) {
			push(&bed, nbl, handed_bytes[level], 0);
			memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl),
				handed_pattern(packet, level), handed_bytes[level]);
		}
		queue_put(&q, nbl);
	}
	pthread_join(consumer, NULL);
	assert_int_equal(q.wrong, 0);
	unmake(&bed);
}

/*
 * Negative controls: what check and check_nbl are there for.
 */

#define expect_found(statement, words)                                                             \
	do {                                                                                       \
		char why_[CONTEXT_REASON_BYTES] = "";                                              \
		assert_int_equal((statement), -EINVAL);                                            \
		if (strstr(why_, (words)) == NULL)                                                 \
			fail_msg("%s: '%s' does not say '%s'", subject.policy->name, why_, words); \
	} while (0)
#define expect_nbl_found(bed, nbl, words) \
	expect_found(context_check_nbl((bed)->pool->context, nbl, why_), words)
#define expect_pool_found(bed, words) \
	expect_found(subject.policy->check((bed)->pool->context, why_), words)

/* An NBL with two fallback blocks in front of its inline one. */
static NET_BUFFER_LIST *two_blocks(struct bed *bed)
{
	NET_BUFFER_LIST *nbl = get_nbl(bed, 0, 0);

	push(bed, nbl, nbl->Context->Offset, 0);
	push(bed, nbl, 32, 0);
	push(bed, nbl, (uint32_t)nbl->Context->Offset + 16, 0);
	assert_sound_nbl(bed, nbl);
	return nbl;
}

static void drop_two_blocks(struct bed *bed, NET_BUFFER_LIST *nbl)
{
	assert_sound_nbl(bed, nbl);
	while (view(nbl).used != 0)
		pop(bed, nbl, (uint32_t)(nbl->Context->Size - nbl->Context->Offset));
	put_nbl(bed, nbl);
}

static void broken_chains_are_found(NO_STATE)
{
	struct bed bed = make(64);
	NET_BUFFER_LIST *nbl = two_blocks(&bed);
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;
	NET_BUFFER_LIST_CONTEXT *second = front->Next;
	NET_BUFFER_LIST_CONTEXT *below = second->Next;
	NET_BUFFER_LIST_CONTEXT *last = nbl_inline_block(bed.pool, nbl);
	const NET_BUFFER_LIST_CONTEXT was = *front;
	const NET_BUFFER_LIST_CONTEXT last_was = *last;

	front->Offset = (USHORT)(was.Offset + 4);
	expect_nbl_found(&bed, nbl, "not aligned");
	front->Offset = (USHORT)(was.Size + 16);
	expect_nbl_found(&bed, nbl, "beyond");
	front->Offset = was.Size;
	expect_nbl_found(&bed, nbl, "wholly unused");
	*front = was;
	second->Next = front;
	expect_nbl_found(&bed, nbl, "twice");
	second->Next = second;
	expect_nbl_found(&bed, nbl, "twice");
	second->Next = below;
	last->Next = front;
	expect_nbl_found(&bed, nbl, "not the last");
	*last = last_was;
	last->Size = (USHORT)(bed.pool->inline_bytes + 16);
	expect_nbl_found(&bed, nbl, "more than the NBL has");
	*last = last_was;
	drop_two_blocks(&bed, nbl);
	unmake(&bed);
}

/* One break of each policy's own invariants, found and mended. */
static void broken_invariants_are_found(NO_STATE)
{
	struct bed bed = make(64);
	NET_BUFFER_LIST *nbl = two_blocks(&bed);
	struct context *context = bed.pool->context;
	struct context_thread *self = bed.self->context_thread;
	struct context_prefix *prefix = context_prefix(nbl->Context);
	const struct context_prefix was = *prefix;
	const char *name = subject.policy->name;
	const uint64_t kept = atom_load_relaxed(&self->kept);

	if (subject.policy->kept_bytes == context_kept) {
		atom_store_relaxed(&self->kept, UINT64_C(0) - 64);
		expect_pool_found(&bed, "ever kept");
		atom_store_relaxed(&self->kept, kept);
	}
	if (parks()) {
		/* The older one is the region's: the newer one found no room. */
		NET_BUFFER_LIST_CONTEXT *slot = nbl->Context->Next;
		struct context_prefix *in = context_prefix(slot);
		struct context_prefix *above = in->policy_ptr;
		struct region *region = region_of(nbl);
		const uint32_t bytes = region->bytes;

		assert_ptr_equal(in, region_first(nbl));
		in->policy_ptr = in;
		expect_nbl_found(&bed, nbl, "side by side");
		in->policy_ptr = above;
		nbl->Context->Next = slot->Next;
		expect_nbl_found(&bed, nbl, "not in its chain");
		nbl->Context->Next = slot;
		prefix->policy_ptr = in;
		expect_nbl_found(&bed, nbl, "not the newest");
		prefix->policy_ptr = above;
		/* Without the newer one, which may lie where the region now claims to reach. */
		NET_BUFFER_LIST_CONTEXT *newer = nbl->Context;
		nbl->Context = slot;
		region->bytes += CACHE_LINE_BYTES + STICKY_KEEP_BYTES;
		region->stamp = 0;
		expect_nbl_found(&bed, nbl, "keeps a region of");
		nbl->Context = newer;
		region->bytes = bytes;
		region->stamp = REGION_STALE;
		if (strcmp(name, "sticky") == 0)
			region->stamp = region_stamp(context);
	}
	if (strcmp(name, "adaptive") == 0) {
		struct region_policy *policy = (struct region_policy *)context;
		uint32_t mark = atom_load_relaxed(&policy->stamp);

		atom_store_relaxed(&policy->stamp, ADAPTIVE_LINES_MAX + 1);
		expect_pool_found(&bed, "mark");
		atom_store_relaxed(&policy->stamp, mark);
	}
	if (strcmp(name, "size_class") == 0 || strcmp(name, "headroom") == 0) {
		prefix->policy_ptr = &bed;
		expect_nbl_found(&bed, nbl, "no known class");
		*prefix = was;
		struct size_class_thread *thread = (struct size_class_thread *)self;
		atom_store_relaxed(&thread->out[0], atom_load_relaxed(&thread->out[0]) + 1);
		if (subject.ops->traits.kind == POOL_KIND_POOL)
			expect_pool_found(&bed, "outstanding");
		atom_store_relaxed(&thread->out[0], atom_load_relaxed(&thread->out[0]) - 1);
	}
	if (strcmp(name, "arena") == 0) {
		struct arena_chunk *chunk = prefix->policy_ptr;

		atom_store_relaxed(&chunk->count, atom_load_relaxed(&chunk->count) - 1);
		expect_pool_found(&bed, "live blocks");
		atom_store_relaxed(&chunk->count, atom_load_relaxed(&chunk->count) + 1);
		prefix->policy_u32 = 0; /* an overwritten header */
		expect_pool_found(&bed, "live blocks");
		*prefix = was;
		chunk->state = ARENA_CLOSED;
		expect_pool_found(&bed, "not open");
		chunk->state = ARENA_EMPTY;
		expect_pool_found(&bed, "handed out first");
		chunk->state = ARENA_OPEN;
	}
	if (strcmp(name, "mtag") == 0) {
		prefix->policy_ptr = &bed;
		expect_nbl_found(&bed, nbl, "belongs to NBL");
		*prefix = was;
	}
	drop_two_blocks(&bed, nbl);
	unmake(&bed);
}

/* The tables themselves. */
static void tables_are_sound(NO_STATE)
{
	char why[CONTEXT_REASON_BYTES] = "";

	if (contexts_validate(why) != 0)
		fail_msg("%s", why);
	assert_null(context_find("nobody"));
	assert_non_null(context_default());
}

/*
 * What one policy alone has.
 */

static void as(const char *policy)
{
	subject.policy = context_find(policy);
	subject.ops = pool_find("mag_tls");
}

/* mtag: contexts leave in any order, the newest under a tag first. */
static void mtag_frees_in_any_order(NO_STATE)
{
	static const uint32_t tags[] = {'A', 'B', 'A', 'C'};
	static const uint32_t order[] = {'B', 'A', 'C', 'A'};

	as("mtag");
	struct bed bed = make(32);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 32, 0);
	for (size_t i = 0; i < array_count(tags); i++) {
		assert_int_equal(
			nbl_context_push(subject.policy, bed.pool, bed.self, nbl, 32, 0, tags[i]),
			0);
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), (int)i, 32);
	}
	assert_null(nbl_context_find(bed.pool, nbl, 'X'));
	assert_null(nbl_context_find(bed.pool, nbl, TEST_TAG)); /* the NBL's own */
	for (size_t i = 0; i < array_count(order); i++) {
		NET_BUFFER_LIST_CONTEXT *block = nbl_context_find(bed.pool, nbl, order[i]);

		assert_non_null(block);
		size_t newest = array_count(tags);
		while (newest-- > 0 && tags[newest] != order[i])
			;
		if (i == 1) /* the second A of the two */
			assert_int_equal(*(unsigned char *)(block + 1), newest);
		nbl_context_remove(subject.policy, bed.pool, bed.self, nbl, block);
		assert_sound_nbl(&bed, nbl);
	}
	assert_int_equal(view(nbl).used, 32);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

/* Lines of slots for so many drivers. */
static uint32_t driver_lines(uint32_t drivers)
{
	return adaptive_lines(drivers * region_slot_bytes(DRIVER_BYTES));
}

/* adaptive: one packet in 500 that needs six times as much does not move the mark. */
static void adaptive_ignores_outliers(NO_STATE)
{
	enum { USES = 4 * ADAPTIVE_WINDOW_MAX, OUTLIER_EACH = 500, USUAL = 2, DEEP = 12 };

	as("adaptive");
	struct bed bed = make(0);
	for (int use = 1; use <= USES; use++) {
		NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);
		const int drivers = use % OUTLIER_EACH == 0 ? DEEP : USUAL;

		for (int d = 0; d < drivers; d++)
			push(&bed, nbl, DRIVER_BYTES, 0);
		for (int d = 0; d < drivers; d++)
			pop(&bed, nbl, DRIVER_BYTES);
		put_nbl(&bed, nbl);
	}
	assert_int_equal(region_stamp(bed.pool->context), driver_lines(USUAL));
	unmake(&bed);
}

/* adaptive: the mark follows a stack that grows. */
static void adaptive_follows_need(NO_STATE)
{
	as("adaptive");
	struct bed bed = make(0);
	for (uint32_t drivers = 1; drivers <= 16; drivers *= 2) {
		for (int i = 0; i < 2 * ADAPTIVE_WINDOW_MAX / BURST; i++)
			burst(&bed, drivers, 0);
		assert_int_equal(region_stamp(bed.pool->context), driver_lines(drivers));
	}
	unmake(&bed);
}

/* One packet on an NBL that the caller keeps: so many drivers, down and up. */
static void packet(struct bed *bed, NET_BUFFER_LIST *nbl, int drivers)
{
	for (int d = 0; d < drivers; d++)
		push(bed, nbl, DRIVER_BYTES, 0);
	for (int d = 0; d < drivers; d++)
		pop(bed, nbl, DRIVER_BYTES);
}

/* adaptive: the same where NBLs are held, and most of what happens to them is not seen. */
static void adaptive_counts_held_nbls(NO_STATE)
{
	enum { HELD = 64, MANY = 5 * PACKETS, USUAL = 2, DEEP = 12 };
	static const struct {
		uint32_t outlier_in;
		int mark_covers;
	} cases[] = {{500, USUAL}, {20, DEEP}};

	as("adaptive");
	for (size_t c = 0; c < array_count(cases); c++) {
		struct bed bed = make(0);
		NET_BUFFER_LIST *held[HELD];
		uint64_t seed = 3;

		for (int i = 0; i < HELD; i++)
			held[i] = get_nbl(&bed, 0, 0);
		for (int p = 0; p < MANY; p++)
			packet(&bed, held[p % HELD],
				next_random(&seed) % cases[c].outlier_in == 0 ? DEEP : USUAL);
		assert_int_equal(region_stamp(bed.pool->context),
			driver_lines((uint32_t)cases[c].mark_covers));

		/* A stack that is deep for good is soon covered. */
		for (int p = 0; p < 4 * ADAPTIVE_WINDOW_MAX; p++)
			packet(&bed, held[p % HELD], DEEP);
		assert_int_equal(region_stamp(bed.pool->context), driver_lines(DEEP));
		uint64_t before = paths(&bed)->allocate;
		for (int p = 0; p < 2 * HELD; p++)
			packet(&bed, held[p % HELD], DEEP);
		assert_int_equal(paths(&bed)->allocate, before);
		for (int i = 0; i < HELD; i++) {
			assert_sound_nbl(&bed, held[i]);
			put_nbl(&bed, held[i]);
		}
		unmake(&bed);
	}
}

/* One driver's push under a tag, and what is charged to it then. */
static void push_as(struct bed *bed, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t tag)
{
	assert_int_equal(
		nbl_context_push(subject.policy, bed->pool, bed->self, nbl, bytes, 0, tag), 0);
	assert_sound_nbl(bed, nbl);
}

/*
 * sticky and adaptive: blocks are cut from what the NBL keeps, and are not seen when they are gone;
 * the accounts do not change while the stack is the same.
 */
static void parked_blocks_serve_again(const char *policy, uint32_t inline_bytes)
{
	enum { ENOUGH = 4 * ADAPTIVE_WINDOW_FIRST, HUGE = 4096 };

	as(policy);
	struct bed bed = make(inline_bytes);
	NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);
	NET_BUFFER_LIST_CONTEXT *own = nbl->Context;
	const int drivers = 4 + (int)inline_bytes / DRIVER_BYTES;

	for (int p = 0; p < ENOUGH; p++) {
		packet(&bed, nbl, drivers);
		assert_ptr_equal(nbl->Context, own);
	}
	assert_sound_nbl(&bed, nbl);
	struct context_paths before = *paths(&bed);
	struct nbl_tag_usage charged_before = usage(OTHER_TAG);
	assert_int_equal(charged_before.objects, 4);
	for (int p = 0; p < ENOUGH; p++)
		packet(&bed, nbl, drivers);
	assert_memory_equal(paths(&bed), &before, sizeof(before));
	assert_usage(OTHER_TAG, &charged_before);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, try_pop(&bed, nbl, DRIVER_BYTES));

	/* Another tag takes one slot over, another size all above it. */
	for (uint32_t used = 0; used < inline_bytes; used += DRIVER_BYTES)
		push(&bed, nbl, DRIVER_BYTES, 0);
	push_as(&bed, nbl, DRIVER_BYTES, OTHER_TAG);
	push_as(&bed, nbl, DRIVER_BYTES, TEST_TAG);
	assert_int_equal(usage(OTHER_TAG).objects, 3);
	push_as(&bed, nbl, DRIVER_BYTES / 2, TEST_TAG);
	assert_int_equal(usage(OTHER_TAG).objects, 1);
	assert_int_equal(paths(&bed)->allocate, before.allocate);

	/* What is too large goes past the region, to which nothing is added then. */
	push_as(&bed, nbl, HUGE, TEST_TAG);
	assert_int_equal(paths(&bed)->allocate, before.allocate + 1);
	push_as(&bed, nbl, DRIVER_BYTES / 2, TEST_TAG);
	assert_int_equal(paths(&bed)->allocate, before.allocate + 2);
	expect_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, nbl,
		nbl_free(
			subject.ops, subject.policy, bed.pool, bed.self, nbl, NBL_MARK_LIVE, call));
	pop(&bed, nbl, DRIVER_BYTES / 2);
	pop(&bed, nbl, HUGE);
	assert_sound_nbl(&bed, nbl);
	pop(&bed, nbl, DRIVER_BYTES / 2);
	pop(&bed, nbl, DRIVER_BYTES);
	pop(&bed, nbl, DRIVER_BYTES);
	for (uint32_t used = 0; used < inline_bytes; used += DRIVER_BYTES)
		pop(&bed, nbl, DRIVER_BYTES);
	assert_ptr_equal(nbl->Context, own);
	assert_sound_nbl(&bed, nbl);

	/* The NBL's next life has it when it is wanted. */
	put_nbl(&bed, nbl);
	assert_ptr_equal(get_nbl(&bed, 0, 0), nbl);
	before = *paths(&bed);
	packet(&bed, nbl, drivers);
	assert_int_equal(paths(&bed)->allocate, before.allocate);

	/* A block of the NBL's own that is the region's. */
	put_nbl(&bed, nbl);
	assert_ptr_equal(get_nbl(&bed, inline_bytes + DRIVER_BYTES, DRIVER_BYTES), nbl);
	assert_sound_nbl(&bed, nbl);
	packet(&bed, nbl, 3);
	expect_misuse(NBL_MISUSE_CONTEXT_OF_NBL, nbl, try_pop(&bed, nbl, DRIVER_BYTES));
	put_nbl(&bed, nbl);
	assert_ptr_equal(get_nbl(&bed, 0, 0), nbl);
	packet(&bed, nbl, drivers);
	assert_sound_nbl(&bed, nbl);

	/* A new stamp ends it when the NBL is next allocated. */
	subject.policy->flush(bed.pool->context, bed.self->context_thread);
	put_nbl(&bed, nbl);
	assert_ptr_equal(get_nbl(&bed, 0, 0), nbl);
	assert_null(*context_word(nbl));
	assert_int_equal(subject.policy->kept_bytes(bed.pool->context), 0);
	put_nbl(&bed, nbl);
	unmake(&bed);
}

static void sticky_blocks_serve_again(NO_STATE)
{
	parked_blocks_serve_again("sticky", 0);
	parked_blocks_serve_again("sticky", 2 * DRIVER_BYTES);
}

static void adaptive_blocks_serve_again(NO_STATE)
{
	parked_blocks_serve_again("adaptive", 0);
	parked_blocks_serve_again("adaptive", 2 * DRIVER_BYTES);
}

/* A prefetch from a page that is not there walks the page table, each time. */
static void assert_mapped(const void *at)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char resident = 0;

	assert_int_equal(mincore((void *)((uintptr_t)at & ~(page - 1)), 1, &resident), 0);
	assert_true((resident & 1) != 0);
}

/* What a push prefetches, the last slot's end included, is memory that somebody has written. */
static void pushes_look_ahead_at_mapped_memory(NO_STATE)
{
	as("sticky");
	struct bed bed = make(0);

	for (int p = 0; p < 3; p++) {
		NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);

		for (uint32_t d = 0; d < 2; d++)
			push(&bed, nbl, DRIVER_BYTES, 0);
		if (p == 2) {
			const struct context_prefix *slot = region_first(nbl);

			for (; slot != &region_end; slot = slot->policy_ptr)
				assert_mapped(slot->policy_ptr);
			/* The loader writes it, whatever else the linker puts beside it. */
			assert_ptr_equal(slot->policy_ptr, slot);
		}
		for (uint32_t d = 0; d < 2; d++)
			pop(&bed, nbl, DRIVER_BYTES);
		put_nbl(&bed, nbl);
	}
	unmake(&bed);
}

/* sticky: from the third packet on nothing is allocated for any stack. */
static void sticky_settles_by_the_third_packet(NO_STATE)
{
	as("sticky");
	for (uint32_t drivers = 1; drivers <= STICKY_KEEP_BYTES / CACHE_LINE_BYTES; drivers++) {
		struct bed bed = make(0);

		for (int p = 0; p < 4; p++) {
			uint64_t before = paths(&bed)->allocate;
			NET_BUFFER_LIST *nbl = get_nbl(&bed, 0, 0);

			for (uint32_t d = 0; d < drivers; d++)
				push(&bed, nbl, DRIVER_BYTES, 0);
			assert_int_equal(view(nbl).blocks, drivers);
			assert_int_equal(paths(&bed)->allocate - before,
				p == 0 ? drivers : (p == 1 && drivers > 1));
			for (uint32_t d = 0; d < drivers; d++)
				pop(&bed, nbl, DRIVER_BYTES);
			put_nbl(&bed, nbl);
		}
		unmake(&bed);
	}
}

/* arena: chunks come back in whatever order their blocks die. */
static void arena_uses_chunks_again(NO_STATE)
{
	enum { NBLS = CAPACITY / 2, ROUNDS = 400 };
	NET_BUFFER_LIST *nbls[NBLS] = {NULL};
	uint64_t seed = 7;
	uint32_t carved = 0;

	as("arena");
	struct bed bed = make(0);
	struct arena_context *arena = (struct arena_context *)bed.pool->context;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < NBLS; i++) {
			NET_BUFFER_LIST **nbl = &nbls[next_random(&seed) % NBLS];

			if (*nbl != NULL) {
				pop(&bed, *nbl, 480);
				put_nbl(&bed, *nbl);
				*nbl = NULL;
			} else {
				*nbl = get_nbl(&bed, 0, 0);
				push(&bed, *nbl, 480, 0);
			}
		}
		assert_sound(&bed);
		if (round == ROUNDS / 2)
			carved = slab_uncarved(&arena->slab);
	}
	/* At most one chunk is pinned by each NBL; random lifetimes need far fewer. */
	assert_true(carved - slab_uncarved(&arena->slab) <= 2);
	for (int i = 0; i < NBLS; i++) {
		if (nbls[i] != NULL) {
			pop(&bed, nbls[i], 480);
			put_nbl(&bed, nbls[i]);
		}
	}
	unmake(&bed);
}

static int setup(NO_STATE)
{
	misuses.all = 0;
	nbl_set_misuse_handler(count_misuse, NULL);
	return 0;
}

/* So much more stands in each NBL, as far as a block's sizes go. */
static void headroom_stands_in_the_nbl(NO_STATE)
{
	enum { BYTES = 64 };

	as("headroom");
	struct bed bed = make(BYTES);
	assert_int_equal(bed.pool->inline_bytes, BYTES + HEADROOM_BYTES);
	unmake(&bed);
	bed = make(CONTEXT_BYTES_MAX / CONTEXT_ALIGN_BYTES * CONTEXT_ALIGN_BYTES);
	assert_in_range(bed.pool->inline_bytes, 1, CONTEXT_BYTES_MAX);
	unmake(&bed);
}

/* Back to the strict rule, no hook; and nothing of ours is left. */
static int teardown(NO_STATE)
{
	memory_set_fault_hook(NULL, NULL);
	nbl_set_context_alignment(0);
	return memory_live_bytes() == 0 ? 0 : -1;
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/*
 * One of each kind: caches per thread, per CPU with and without rseq, by owner, none at all, a
 * bounded ring, a general allocator, one thread only, and the harness's own.
 */
static const char *const strategies[] = {"mag_tls", "percpu_try", "rseq_arr", "home_ret",
	"treiber_tag", "vyukov", "malloc", "plain", "null"};

int main(void)
{
	const struct CMUnitTest of_threads[] = {bed_test(freed_on_another_thread)};
	const struct CMUnitTest each[] = {
		bed_test(context_of_the_nbl),
		bed_test(stack_of_pushes),
		bed_test(room),
		bed_test(refused_sizes),
		bed_test(largest),
		bed_test(overfree),
		bed_test(random_walk),
		bed_test(steady_state),
		bed_test(faults),
		bed_test(reserve_runs_dry),
		bed_test(flush_forgets),
		bed_test(accounts_follow_the_memory),
		bed_test(freed_on_another_thread),
		bed_test(broken_chains_are_found),
		bed_test(broken_invariants_are_found),
	};
	const struct CMUnitTest once[] = {
		bed_test(tables_are_sound),
		bed_test(mtag_frees_in_any_order),
		bed_test(adaptive_ignores_outliers),
		bed_test(adaptive_follows_need),
		bed_test(adaptive_counts_held_nbls),
		bed_test(sticky_blocks_serve_again),
		bed_test(adaptive_blocks_serve_again),
		bed_test(pushes_look_ahead_at_mapped_memory),
		bed_test(sticky_settles_by_the_third_packet),
		bed_test(arena_uses_chunks_again),
		bed_test(headroom_stands_in_the_nbl),
	};
	int failed = 0;

	/* The thread sanitizer is given what has threads: of the rest it sees nothing that others don't. */
	if (!atom_sanitizes)
		failed += cmocka_run_group_tests_name("policies alone", once, NULL, NULL);

	for (size_t s = 0; s < array_count(strategies); s++) {
		char reason[POOL_REASON_BYTES];

		subject.ops = pool_find(strategies[s]);
		if (!subject.ops->supported(reason)) {
			print_message("[ ABSENT   ] %s: %s\n", strategies[s], reason);
			continue;
		}
		for (size_t p = 0; contexts[p] != NULL; p++) {
			char name[128];

			subject.policy = contexts[p];
			snprintf(
				name, sizeof(name), "%s over %s", contexts[p]->name, strategies[s]);
			failed +=
				atom_sanitizes
					? cmocka_run_group_tests_name(name, of_threads, NULL, NULL)
					: cmocka_run_group_tests_name(name, each, NULL, NULL);
		}
	}
	return failed != 0; /* 77 would be a skip */
}
