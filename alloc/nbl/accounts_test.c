/*
 * Accounts by tag where a thread counts many tags apart: exact while its table of tags grows, where
 * there is no memory for it to grow, while another thread reads, and beyond the tags that there are
 * rows for. That many tags cost what one costs is shown in ndis/lines_test.c.
 *
 * The policy is `malloc`: each push is a block and counts.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/nbl/nbl.h"
#include "alloc/nbl/usage_test.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BYTES = 32,
	CHARGED = 16 + BYTES, /* nblbench.h */
	POOL_TAG = 0x6c6f6f50,
};

static const char call[] = "accounts test";

struct bed {
	struct nbl_pool *pool;
	struct nbl_thread *self;
	NET_BUFFER_LIST *nbl;
};

static struct bed make(void)
{
	const struct nbl_pool_config config = {
		.kind = NBL_POOL_LISTS,
		.ops = pool_find("mag_tls"),
		.policy = context_find("malloc"),
		.capacity = 1 << 10,
		.tag = POOL_TAG,
	};
	struct bed bed;

	assert_int_equal(nbl_pool_create(&config, &bed.pool), 0);
	assert_int_equal(nbl_attach(bed.pool, &bed.self), 0);
	bed.nbl = nbl_get(bed.pool->ops, bed.pool->policy, bed.pool, bed.self, 0);
	assert_non_null(bed.nbl);
	return bed;
}

static void unmake(struct bed *bed)
{
	assert_true(nbl_free(bed->pool->ops, bed->pool->policy, bed->pool, bed->self, bed->nbl,
		NBL_MARK_LIVE, call));
	nbl_detach(bed->self);
	assert_true(nbl_pool_destroy(bed->pool, NBL_POOL_LISTS, call));
	assert_int_equal(memory_live_bytes(), 0);
}

static bool try_push(struct bed *bed, uint32_t tag)
{
	return nbl_context_push(bed->pool->policy, bed->pool, bed->self, bed->nbl, BYTES, 0, tag) ==
	       0;
}

static void push(struct bed *bed, uint32_t tag)
{
	assert_true(try_push(bed, tag));
}

static bool pop(struct bed *bed)
{
	return nbl_context_pop(bed->pool->policy, bed->pool, bed->self, bed->nbl, BYTES, call);
}

static void expect(uint32_t tag, int64_t blocks, int64_t peak)
{
	const struct nbl_tag_usage now = usage(tag);

	assert_int_equal(now.objects, blocks);
	assert_int_equal(now.bytes, blocks * CHARGED);
	assert_int_equal(now.peak_objects, peak);
	assert_int_equal(now.peak_bytes, peak * CHARGED);
}

/* A stack of drivers, the i-th of which pushes blocks_of(i) blocks under the tag first + i. */

enum { DRIVERS = 100, PEAK = 7 };

static int blocks_of(uint32_t driver)
{
	return (int)(driver % PEAK) + 1;
}

static void push_stack(struct bed *bed, uint32_t first)
{
	for (uint32_t i = 0; i < DRIVERS; i++) {
		for (int b = 0; b < blocks_of(i); b++)
			push(bed, first + i);
		expect(first + i, blocks_of(i), blocks_of(i));
	}
	for (uint32_t i = 0; i < DRIVERS; i++)
		expect(first + i, blocks_of(i), blocks_of(i));
}

static void pop_stack(struct bed *bed, uint32_t first)
{
	for (uint32_t i = DRIVERS; i-- > 0;) {
		for (int b = blocks_of(i); b-- > 0;) {
			assert_true(pop(bed));
			expect(first + i, b, blocks_of(i));
		}
	}
	for (uint32_t i = 0; i < DRIVERS; i++)
		expect(first + i, 0, blocks_of(i));
}

static void many_tags_are_exact(NO_STATE)
{
	enum { FIRST = 0x01000000 };
	struct bed bed = make();

	push_stack(&bed, FIRST);
	pop_stack(&bed, FIRST);
	unmake(&bed);
}

/* What a thread holds for its tags: nothing before the first block, little for a few tags. */
static void few_tags_take_little_memory(NO_STATE)
{
	enum { FIRST = 0x01000000, FEW = 2, FEW_BYTES = 512 };
	struct bed bed = make();
	const uint64_t before = memory_live_bytes();

	for (uint32_t i = 0; i < FEW; i++)
		push(&bed, FIRST + i);
	assert_in_range(memory_live_bytes(), before, before + FEW_BYTES);
	for (uint32_t i = 0; i < FEW; i++)
		assert_true(pop(&bed));
	unmake(&bed);
}

/* No memory but for the blocks themselves: `after` requests for more succeed, the next do not. */
static bool fail_all_but_blocks(void *arg, size_t bytes)
{
	unsigned *after = arg;

	if (bytes == context_block_bytes(BYTES))
		return false;
	if (*after == 0)
		return true;
	--*after;
	return false;
}

static void tags_without_memory_are_exact(NO_STATE)
{
	enum { FIRST = 0x02000000, TABLES = 6 };

	for (unsigned tables = 0; tables <= TABLES; tables++) {
		struct bed bed = make();
		unsigned after = tables;

		memory_set_fault_hook(fail_all_but_blocks, &after);
		push_stack(&bed, FIRST);
		assert_int_equal(after, 0);
		memory_set_fault_hook(NULL, NULL); /* what follows finds memory again */
		pop_stack(&bed, FIRST);
		unmake(&bed);
	}
}

/* What a thread has not told when it leaves is told then: its objects are out until somebody frees them. */
static void a_thread_that_left_is_counted(NO_STATE)
{
	struct bed bed = make();
	struct nbl_pool *pool = bed.pool;
	struct nbl_thread *left;

	assert_int_equal(nbl_attach(pool, &left), 0);
	NET_BUFFER_LIST *nbl = nbl_get(pool->ops, pool->policy, pool, left, 0);
	assert_non_null(nbl);
	nbl_detach(left);
	assert_int_equal(usage(POOL_TAG).objects, 2);
	assert_int_equal(nbl_pool_outstanding(pool), 2);
	assert_true(nbl_free(pool->ops, pool->policy, pool, bed.self, nbl, NBL_MARK_LIVE, call));
	assert_int_equal(usage(POOL_TAG).objects, 1);
	unmake(&bed);
	assert_int_equal(usage(POOL_TAG).objects, 0);
}

/* One thread counts tag after tag, another reads: nothing that it looks at has gone. */

struct reading {
	pthread_barrier_t begin;
	atom_u32 done;
};

static void *read_accounts(void *arg)
{
	struct reading *reading = arg;
	struct nbl_tag_usage rows[TAG_ROWS];

	pthread_barrier_wait(&reading->begin);
	while (atom_load_relaxed(&reading->done) == 0) /* nothing but an end is told by it */
		nbl_tags(rows, TAG_ROWS);
	return NULL;
}

static void tags_are_read_meanwhile(NO_STATE)
{
	enum { FIRST = 0x01000000, THREADS = 50 };
	struct reading reading;
	struct bed bed = make();
	pthread_t reader;

	atom_init(&reading.done, 0);
	assert_int_equal(pthread_barrier_init(&reading.begin, NULL, 2), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_accounts, &reading), 0);
	pthread_barrier_wait(&reading.begin);
	for (int t = 0; t < THREADS; t++) {
		struct bed another = {.pool = bed.pool, .nbl = bed.nbl};

		assert_int_equal(nbl_attach(bed.pool, &another.self), 0);
		for (uint32_t i = 0; i < DRIVERS; i++)
			push(&another, FIRST + i);
		for (uint32_t i = 0; i < DRIVERS; i++)
			assert_true(pop(&another));
		nbl_detach(another.self);
	}
	atom_store_relaxed(&reading.done, 1);
	pthread_join(reader, NULL);
	pthread_barrier_destroy(&reading.begin);
	for (uint32_t i = 0; i < DRIVERS; i++)
		assert_int_equal(usage(FIRST + i).objects, 0);
	unmake(&bed);
}

/* The last row, tag 0, has what there is no row for. Last: from here on there is none. */
static void more_tags_than_rows(NO_STATE)
{
	enum { FIRST = 0x03000000, TAGS = 3 * TAG_ROWS };
	struct nbl_tag_usage rows[TAG_ROWS];
	struct bed bed = make();
	int64_t alone = 0; /* tags with a row of their own */

	for (uint32_t i = 0; i < TAGS; i++)
		push(&bed, FIRST + i);
	assert_int_equal(nbl_tags(rows, TAG_ROWS), TAG_ROWS);
	for (size_t i = 0; i < TAG_ROWS - 1; i++) {
		if (rows[i].tag < FIRST || rows[i].tag >= FIRST + TAGS)
			continue;
		assert_int_equal(rows[i].objects, 1);
		alone++;
	}
	assert_int_equal(rows[TAG_ROWS - 1].tag, 0);
	assert_int_equal(rows[TAG_ROWS - 1].objects, TAGS - alone);
	assert_int_equal(rows[TAG_ROWS - 1].bytes, (TAGS - alone) * CHARGED);
	for (uint32_t i = 0; i < TAGS; i++)
		assert_true(pop(&bed));
	assert_int_equal(usage(0).objects, 0);
	assert_int_equal(usage(0).peak_objects, TAGS - alone);
	unmake(&bed);
}

static int teardown(NO_STATE)
{
	memory_set_fault_hook(NULL, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_tags_are_exact),
		cmocka_unit_test(few_tags_take_little_memory),
		cmocka_unit_test_teardown(tags_without_memory_are_exact, teardown),
		cmocka_unit_test(a_thread_that_left_is_counted),
		cmocka_unit_test(tags_are_read_meanwhile),
		cmocka_unit_test(more_tags_than_rows),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
