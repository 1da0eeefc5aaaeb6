/*
 * What a driver sees of an NBL's context: Context, Size, Offset, the macros, the blocks behind. A
 * model of the reference's pages is the oracle, and random drivers the load, under every policy.
 * The policies whose trait is `exact`, of which the default is one, show the model to the byte; the
 * others differ from it as ndis.h says, and no further.
 */
#include "alloc/context.h"
#include "alloc/ndis/support_test.h"

enum {
	NBLS = 24,
	STEPS = 6000,
	DEPTH_MAX = 40, /* beyond what any policy keeps */
	HEADROOM_SHOWN = 256,
	CLASS_HEAD = 32, /* what the lines of a size class have beside context */
};

/*
 * The model: NdisAllocateNetBufferListContext and its free as the pages tell them, on a stack of
 * blocks.
 */

struct model_block {
	uint32_t size;
	uint32_t offset;
	uint32_t limit; /* of Offset, when all that may be popped is */
	bool leaves;    /* at the limit */
	const void *at; /* where it was seen first */
};

/* A driver's context. */
struct model_context {
	uint32_t bytes;
	UCHAR pattern;
	UCHAR *at;
};

struct model {
	NET_BUFFER_LIST *nbl;
	uint32_t blocks;
	struct model_block block[DEPTH_MAX + 2];
	uint32_t depth;
	struct model_context context[DEPTH_MAX];
};

/* What a policy shows that the reference does not; all 0 in exact ones. */
struct difference {
	const char *policy;
	uint32_t inline_more; /* bytes of the NBL's own block beyond the pool's ContextSize */
	bool classes;         /* an allocated block has the Size of its class */
	bool always_new;      /* a push allocates even where there is room */
};

static const struct difference differences[] = {
	{.policy = "malloc"},
	{.policy = "arena"},
	{.policy = "sticky"},
	{.policy = "adaptive"},
	{.policy = "size_class", .classes = true},
	{.policy = "headroom", .inline_more = HEADROOM_SHOWN, .classes = true},
	{.policy = "mtag", .always_new = true},
};

static const struct difference *subject;

static uint32_t block_size(uint32_t wanted)
{
	static const uint32_t lines[] = {1, 3, 5, 9};

	for (size_t i = 0; subject->classes && i < array_count(lines); i++) {
		if (wanted <= lines[i] * CACHE_LINE_BYTES - CLASS_HEAD)
			return lines[i] * CACHE_LINE_BYTES - CLASS_HEAD;
	}
	return wanted;
}

static void model_new(struct model *m, uint32_t bytes, uint32_t backfill, bool owned)
{
	const uint32_t size = block_size(bytes + backfill);

	m->block[m->blocks++] = (struct model_block){.size = size,
		.offset = size - bytes,
		.limit = owned ? size - bytes : size,
		.leaves = !owned};
}

static void model_allocated(struct model *m, uint32_t pool_bytes, uint32_t bytes, uint32_t backfill)
{
	const uint32_t own = pool_bytes + subject->inline_more;

	m->blocks = 0;
	m->depth = 0;
	if (own != 0)
		m->block[m->blocks++] =
			(struct model_block){.size = own, .offset = own, .limit = own};
	if (bytes == 0)
		return;
	if (m->blocks != 0 && m->block[0].offset >= bytes) {
		m->block[0].offset -= bytes;
		m->block[0].limit = m->block[0].offset;
	} else {
		model_new(m, bytes, backfill, true);
	}
}

static void model_push(struct model *m, uint32_t bytes, uint32_t backfill)
{
	struct model_block *front = m->blocks ? &m->block[m->blocks - 1] : NULL;

	if (!subject->always_new && front != NULL && front->offset >= bytes)
		front->offset -= bytes;
	else
		model_new(m, bytes, backfill, false);
}

static void model_pop(struct model *m, uint32_t bytes)
{
	struct model_block *front = &m->block[m->blocks - 1];

	front->offset += bytes;
	if (front->leaves && front->offset == front->limit)
		m->blocks--;
}

/* The NBL must show what the model has, block by block. */
static void compare(struct model *m)
{
	const NET_BUFFER_LIST *nbl = m->nbl;
	uint32_t i = m->blocks;

	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		if (i-- == 0)
			fail_msg("%s: a block {%u,%u} behind the last", subject->policy, b->Size,
				b->Offset);
		if (b->Size != m->block[i].size || b->Offset != m->block[i].offset)
			fail_msg("%s: block %u of %u is {%u,%u}, not {%u,%u}", subject->policy, i,
				m->blocks, b->Size, b->Offset, m->block[i].size,
				m->block[i].offset);
		if (m->block[i].at == NULL)
			m->block[i].at = b;
		assert_ptr_equal(b, m->block[i].at);
	}
	assert_int_equal(i, 0);
	if (m->blocks == 0)
		return;
	const struct model_block *front = &m->block[m->blocks - 1];
	assert_int_equal(NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl), front->size);
	assert_ptr_equal(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl),
		(const UCHAR *)front->at + sizeof(NET_BUFFER_LIST_CONTEXT) + front->offset);
}

/*
 * The drivers.
 */

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static uint32_t some_bytes(uint64_t *seed, uint32_t align)
{
	static const uint32_t units[] = {1, 2, 2, 4, 4, 4, 6, 27, 48, 150};

	return align * units[next_random(seed) % array_count(units)];
}

static uint32_t some_backfill(uint64_t *seed, uint32_t align)
{
	return next_random(seed) % 3 == 0 ? align * (next_random(seed) % 12) : 0;
}

static void push(struct model *m, uint64_t *seed, uint32_t align)
{
	static const ULONG tags[] = {TEST_TAG, TEST_TAG, TEST_TAG, OTHER_TAG};
	const uint32_t bytes = some_bytes(seed, align);
	const uint32_t backfill = some_backfill(seed, align);
	struct model_context *c = &m->context[m->depth++];

	assert_int_equal(NdisAllocateNetBufferListContext(m->nbl, (USHORT)bytes, (USHORT)backfill,
				 tags[next_random(seed) % array_count(tags)]),
		NDIS_STATUS_SUCCESS);
	model_push(m, bytes, backfill);
	*c = (struct model_context){.bytes = bytes,
		.pattern = (UCHAR)next_random(seed),
		.at = NET_BUFFER_LIST_CONTEXT_DATA_START(m->nbl)};
	memset(c->at, c->pattern, bytes);
}

static void pop(struct model *m)
{
	const struct model_context *c = &m->context[--m->depth];

	assert_ptr_equal(NET_BUFFER_LIST_CONTEXT_DATA_START(m->nbl), c->at);
	for (uint32_t i = 0; i < c->bytes; i++)
		assert_int_equal(c->at[i], c->pattern);
	NdisFreeNetBufferListContext(m->nbl, (USHORT)c->bytes);
	model_pop(m, c->bytes);
}

/* One random step of one NBL's life. It comes back to old depths often, as packets do. */
static void step(
	struct model *m, NDIS_HANDLE pool, uint32_t pool_bytes, uint64_t *seed, uint32_t align)
{
	const uint32_t what = next_random(seed) % 16;

	if (m->nbl == NULL) {
		const uint32_t bytes = next_random(seed) % 3 ? 0 : some_bytes(seed, align);
		const uint32_t backfill = some_backfill(seed, align);

		m->nbl = NdisAllocateNetBufferList(pool, (USHORT)bytes, (USHORT)backfill);
		assert_non_null(m->nbl);
		model_allocated(m, pool_bytes, bytes, backfill);
	} else if (m->depth != 0 && (what < 7 || m->depth == DEPTH_MAX)) {
		pop(m);
	} else if (m->depth == 0 && what < 3) {
		NdisFreeNetBufferList(m->nbl);
		m->nbl = NULL;
		return;
	} else {
		push(m, seed, align);
	}
	compare(m);
}

static void random_drivers(uint32_t pool_bytes, uint32_t align, bool verify, uint64_t seed)
{
	static struct model models[NBLS];
	NDIS_HANDLE pool =
		verify ? verify_pool((USHORT)pool_bytes) : list_pool(TRUE, 0, (USHORT)pool_bytes);

	memset(models, 0, sizeof(models));
	for (int i = 0; i < STEPS; i++) {
		struct model *m = &models[next_random(&seed) % NBLS];

		step(m, pool, pool_bytes, &seed, align);
		if (m->nbl != NULL && i % 16 == 0) {
			struct context *context = ((struct nbl_pool *)pool)->context;
			char why[CONTEXT_REASON_BYTES];

			if (context_check_nbl(context, m->nbl, why) != 0 ||
				context->ops->check(context, why) != 0)
				fail_msg("%s: %s", subject->policy, why);
		}
	}
	for (int i = 0; i < NBLS; i++) {
		struct model *m = &models[i];

		if (m->nbl == NULL)
			continue;
		while (m->depth != 0) {
			pop(m);
			compare(m);
		}
		NdisFreeNetBufferList(m->nbl);
	}
	free_pool(pool);
	if (usage(OTHER_TAG).objects != 0 || usage(OTHER_TAG).bytes != 0)
		fail_msg("%s: %lld blocks of %lld bytes are still charged", subject->policy,
			(long long)usage(OTHER_TAG).objects, (long long)usage(OTHER_TAG).bytes);
	assert_int_equal(misuses.all, 0);
}

static void as(const struct difference *policy)
{
	char why[NBL_REASON_BYTES];

	subject = policy;
	assert_int_equal(nbl_set_default_context(policy->policy, why), 0);
}

static void every_policy_shows_the_model(NO_STATE)
{
	static const uint32_t pool_units[] = {0, 1, 2, 4, 27};
	uint64_t seed = 8;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t d = 0; d < array_count(differences); d++) {
		as(&differences[d]);
		for (uint32_t align = MEMORY_ALLOCATION_ALIGNMENT; align >= sizeof(void *);
			align /= 2) {
			nbl_set_context_alignment(align);
			for (size_t i = 0; i < array_count(pool_units); i++)
				random_drivers(pool_units[i] * align, align, i % 2, seed++);
		}
	}
}

/* No policy is forgotten above, and the trait says of each what the model found. */
static void traits_say_so(NO_STATE)
{
	size_t policies = 0;

	while (contexts[policies] != NULL)
		policies++;
	assert_int_equal(policies, array_count(differences));
	for (size_t d = 0; d < array_count(differences); d++) {
		const struct context_ops *ops = context_find(differences[d].policy);
		const bool same = differences[d].inline_more == 0 && !differences[d].classes &&
				  !differences[d].always_new;

		assert_non_null(ops);
		assert_int_equal(ops->traits.exact, same);
	}
	assert_true(context_default()->traits.exact);
}

/* Pool context 0, a push of 32 with backfill 16, one of 32: twice, for the second time shows more. */
static void the_default_shows_what_the_page_shows(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	for (int packet = 0; packet < 3; packet++) {
		assert_null(nbl->Context);
		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 32, 16, TEST_TAG),
			NDIS_STATUS_SUCCESS);
		assert_int_equal(nbl->Context->Size, 48);
		assert_int_equal(nbl->Context->Offset, 16);
		assert_null(nbl->Context->Next);
		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 32, 0, TEST_TAG),
			NDIS_STATUS_SUCCESS);
		assert_int_equal(nbl->Context->Size, 32);
		assert_int_equal(nbl->Context->Offset, 0);
		assert_int_equal(nbl->Context->Next->Size, 48);
		assert_null(nbl->Context->Next->Next);
		NdisFreeNetBufferListContext(nbl, 32);
		assert_int_equal(nbl->Context->Size, 48);
		NdisFreeNetBufferListContext(nbl, 32);
	}
	assert_null(nbl->Context);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
}

static int teardown(void **state)
{
	char why[NBL_REASON_BYTES];

	nbl_set_default_context(NULL, why);
	nbl_set_context_alignment(0);
	return counting_teardown(state);
}

#define geometry_test(f) cmocka_unit_test_setup_teardown(f, counting_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		geometry_test(the_default_shows_what_the_page_shows),
		geometry_test(every_policy_shows_the_model),
		geometry_test(traits_say_so),
	};

	/* What is kept with an NBL lasts as its memory does: till the pool ends, or not at all. */
	static const char *const strategies[] = {NULL, "malloc"};
	int failed = 0;

	nbl_set_default_capacity(TEST_CAPACITY);
	for (size_t i = 0; i < array_count(strategies); i++) {
		char why[NBL_REASON_BYTES];

		assert_int_equal(nbl_set_default_pool(strategies[i], why), 0);
		failed += cmocka_run_group_tests_name(
			strategies[i] ? strategies[i] : "the default", tests, NULL, NULL);
	}
	return failed;
}
