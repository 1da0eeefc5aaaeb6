/*
 * How many cache lines of an object an allocation and its free touch when the object is used again.
 *
 * The library is compiled once more for this test with the thread sanitizer's instrumentation: a
 * call before every read and write of memory. But the sanitizer itself is not linked; its functions
 * stand here and note which lines of the object the address lies in. So the count is exact for the
 * code that the compiler made of the source, and the same at every run.
 *
 * What it can't see is memory touched by assembly: the strategies over restartable sequences are
 * left out. They move the address of an object, as the others do, and none looks into it.
 *
 * One thread, and the stand-ins are for one thread.
 */
#include "alloc/ndis/lines_test.h"
#include "alloc/machine/cmocka.h"

#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"
#include "alloc/ndis/parameters_test.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The observer.
 */

enum { LINES_MAX = 64 };

struct lines {
	uint64_t read; /* a bit a line of the object */
	uint64_t written;
};

static struct {
	const unsigned char *object; /* NULL: nobody is watched */
	size_t bytes;
	struct lines seen;
	/* Of any memory: reads and writes; locked instructions, which are both. */
	uint64_t accesses;
	uint64_t locked;
} watch;

static void note(const void *address, size_t bytes, uint64_t *lines)
{
	size_t first = (size_t)((const unsigned char *)address - watch.object);

	if (watch.object == NULL || bytes == 0)
		return;
	for (size_t at = first; at < first + bytes; at++) {
		if (at < watch.bytes)
			*lines |= UINT64_C(1) << (at >> CACHE_LINE_LOG2);
	}
}

static void note_read(const void *address, size_t bytes)
{
	watch.accesses++;
	note(address, bytes, &watch.seen.read);
}

static void note_write(const void *address, size_t bytes)
{
	watch.accesses++;
	note(address, bytes, &watch.seen.written);
}

static void watch_begin(const void *object, size_t bytes)
{
	assert_in_range(bytes, 1, LINES_MAX * CACHE_LINE_BYTES);
	assert_int_equal((uintptr_t)object % CACHE_LINE_BYTES, 0);
	watch.object = object;
	watch.bytes = bytes;
	watch.seen = (struct lines){0};
}

static struct lines watch_end(void)
{
	watch.object = NULL;
	return watch.seen;
}

static int count(uint64_t lines)
{
	return __builtin_popcountll(lines);
}

/*
 * The stand-ins: what instrumented code calls. Names and types are the sanitizer's.
 */

void __tsan_init(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	(void)caller;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}
void __tsan_acquire(void *address)
{
	(void)address;
}
void __tsan_release(void *address)
{
	(void)address;
}

#define STAND_INS(bytes)                                        \
	void __tsan_read##bytes(void *address);                 \
	void __tsan_read##bytes(void *address)                  \
	{                                                       \
		note_read(address, bytes);                      \
	}                                                       \
	void __tsan_write##bytes(void *address);                \
	void __tsan_write##bytes(void *address)                 \
	{                                                       \
		note_write(address, bytes);                     \
	}                                                       \
	void __tsan_unaligned_read##bytes(void *address);       \
	void __tsan_unaligned_read##bytes(void *address)        \
	{                                                       \
		note_read(address, bytes);                      \
	}                                                       \
	void __tsan_unaligned_write##bytes(void *address);      \
	void __tsan_unaligned_write##bytes(void *address)       \
	{                                                       \
		note_write(address, bytes);                     \
	}                                                       \
	void __tsan_read_write##bytes(void *address);           \
	void __tsan_read_write##bytes(void *address)            \
	{                                                       \
		note_read(address, bytes);                      \
		note_write(address, bytes);                     \
	}                                                       \
	void __tsan_unaligned_read_write##bytes(void *address); \
	void __tsan_unaligned_read_write##bytes(void *address)  \
	{                                                       \
		note_read(address, bytes);                      \
		note_write(address, bytes);                     \
	}

STAND_INS(1)
STAND_INS(2)
STAND_INS(4)
STAND_INS(8)
STAND_INS(16)

void __tsan_read_range(void *address, size_t bytes);
void __tsan_read_range(void *address, size_t bytes)
{
	note_read(address, bytes);
}
void __tsan_write_range(void *address, size_t bytes);
void __tsan_write_range(void *address, size_t bytes)
{
	note_write(address, bytes);
}

/* Atomic operations are replaced by calls altogether. */
#define ATOMIC_STAND_INS(bits, type)                                                 \
	type __tsan_atomic##bits##_load(const type *p, int order);                   \
	type __tsan_atomic##bits##_load(const type *p, int order)                    \
	{                                                                            \
		(void)order;                                                         \
		note_read(p, sizeof(type));                                          \
		return *p;                                                           \
	}                                                                            \
	void __tsan_atomic##bits##_store(type *p, type value, int order);            \
	void __tsan_atomic##bits##_store(type *p, type value, int order)             \
	{                                                                            \
		(void)order;                                                         \
		note_write(p, sizeof(type));                                         \
		*p = value;                                                          \
	}                                                                            \
	type __tsan_atomic##bits##_exchange(type *p, type value, int order);         \
	type __tsan_atomic##bits##_exchange(type *p, type value, int order)          \
	{                                                                            \
		type old = __tsan_atomic##bits##_load(p, order);                     \
		watch.locked++;                                                      \
		__tsan_atomic##bits##_store(p, value, order);                        \
		return old;                                                          \
	}                                                                            \
	type __tsan_atomic##bits##_fetch_add(type *p, type value, int order);        \
	type __tsan_atomic##bits##_fetch_add(type *p, type value, int order)         \
	{                                                                            \
		return __tsan_atomic##bits##_exchange(p, (type)(*p + value), order); \
	}                                                                            \
	type __tsan_atomic##bits##_fetch_sub(type *p, type value, int order);        \
	type __tsan_atomic##bits##_fetch_sub(type *p, type value, int order)         \
	{                                                                            \
		return __tsan_atomic##bits##_exchange(p, (type)(*p - value), order); \
	}                                                                            \
	type __tsan_atomic##bits##_fetch_or(type *p, type value, int order);         \
	type __tsan_atomic##bits##_fetch_or(type *p, type value, int order)          \
	{                                                                            \
		return __tsan_atomic##bits##_exchange(p, (type)(*p | value), order); \
	}                                                                            \
	type __tsan_atomic##bits##_fetch_and(type *p, type value, int order);        \
	type __tsan_atomic##bits##_fetch_and(type *p, type value, int order)         \
	{                                                                            \
		return __tsan_atomic##bits##_exchange(p, (type)(*p & value), order); \
	}                                                                            \
	type __tsan_atomic##bits##_compare_exchange_val(                             \
		type *p, type expected, type value, int order, int failure);         \
	type __tsan_atomic##bits##_compare_exchange_val(                             \
		type *p, type expected, type value, int order, int failure)          \
	{                                                                            \
		type met = __tsan_atomic##bits##_load(p, failure);                   \
		watch.locked++;                                                      \
		if (met == expected)                                                 \
			__tsan_atomic##bits##_store(p, value, order);                \
		return met;                                                          \
	}                                                                            \
	int __tsan_atomic##bits##_compare_exchange_strong(                           \
		type *p, type *expected, type value, int order, int failure);        \
	int __tsan_atomic##bits##_compare_exchange_strong(                           \
		type *p, type *expected, type value, int order, int failure)         \
	{                                                                            \
		type met = __tsan_atomic##bits##_compare_exchange_val(               \
			p, *expected, value, order, failure);                        \
		int equal = met == *expected;                                        \
		*expected = met;                                                     \
		return equal;                                                        \
	}                                                                            \
	int __tsan_atomic##bits##_compare_exchange_weak(                             \
		type *p, type *expected, type value, int order, int failure);        \
	int __tsan_atomic##bits##_compare_exchange_weak(                             \
		type *p, type *expected, type value, int order, int failure)         \
	{                                                                            \
		return __tsan_atomic##bits##_compare_exchange_strong(                \
			p, expected, value, order, failure);                         \
	}

__extension__ typedef unsigned __int128 uint128;
ATOMIC_STAND_INS(32, uint32_t)
ATOMIC_STAND_INS(64, uint64_t)
ATOMIC_STAND_INS(128, uint128)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
}

/* The C library's blocks: the linker's --wrap leads here (see CMakeLists.txt). */
void *__real_memset(void *to, int byte, size_t bytes);
void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memset(void *to, int byte, size_t bytes);
void *__wrap_memset(void *to, int byte, size_t bytes)
{
	note_write(to, bytes);
	return __real_memset(to, byte, bytes);
}
void *__wrap_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
	note_read(from, bytes);
	note_write(to, bytes);
	return __real_memcpy(to, from, bytes);
}
/* Clang asks for these by the sanitizer's own names. */
void *__tsan_memset(void *to, int byte, size_t bytes);
void *__tsan_memset(void *to, int byte, size_t bytes)
{
	return __wrap_memset(to, byte, bytes);
}
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
	return __wrap_memcpy(to, from, bytes);
}

/*
 * What is measured.
 */

enum { PACKET_BYTES = 1500, PUSH_BYTES = 32 };

static NDIS_HANDLE pool_of(BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	NDIS_HANDLE pool = try_list_pool(with_nb, data_bytes, context_bytes);

	assert_non_null(pool);
	return pool;
}

/* A pool's shape, what its NBLs are asked to have, and whether a driver pushes on them. */
struct use {
	const char *name;
	BOOLEAN with_nb;
	ULONG data_bytes;
	USHORT pool_context;
	USHORT context;
	bool pushes;
};

static const struct use uses[] = {
	{"NB, as Fwps allocates", TRUE, 0, 0, 0, false},
	{"no NB", FALSE, 0, 0, 0, false},
	{"NB and 384 bytes of data", TRUE, 384, 0, 0, false},
	{"NB, context 32 of the pool's", TRUE, 0, 32, 32, false},
	{"NB, push and pop in the pool's 32", TRUE, 0, 32, 0, true},
	{"NB, push and pop beyond the pool's 0", TRUE, 0, 0, 0, true},
};

static NET_BUFFER_LIST *allocate(const struct use *use, NDIS_HANDLE pool, MDL *mdl)
{
	NET_BUFFER_LIST *nbl = NULL;

	if (use->with_nb && use->data_bytes == 0)
		assert_int_equal(FwpsAllocateNetBufferAndNetBufferList(
					 pool, use->context, 0, mdl, 0, PACKET_BYTES, &nbl),
			STATUS_SUCCESS);
	else
		nbl = NdisAllocateNetBufferList(pool, use->context, 0);
	assert_non_null(nbl);
	return nbl;
}

static void push_and_pop(NET_BUFFER_LIST *nbl)
{
	assert_int_equal(NdisAllocateNetBufferListContext(nbl, PUSH_BYTES, 0, TEST_TAG),
		NDIS_STATUS_SUCCESS);
	NdisFreeNetBufferListContext(nbl, PUSH_BYTES);
}

struct use_lines {
	struct lines alloc; /* with the push, if there is one */
	struct lines free;
	size_t object_bytes;
};

/* Uses one object often enough to know it, then watches its next use. */
static struct use_lines measure(const struct use *use, MDL *mdl)
{
	enum { WARM = 20 };
	NDIS_HANDLE pool = pool_of(use->with_nb, use->data_bytes, use->pool_context);
	struct use_lines found = {.object_bytes = ((struct nbl_pool *)pool)->object_bytes};
	NET_BUFFER_LIST *next = NULL;

	for (int i = 0; i < WARM || next == NULL; i++) {
		NET_BUFFER_LIST *nbl = allocate(use, pool, mdl);

		if (use->pushes)
			push_and_pop(nbl);
		NdisFreeNetBufferList(nbl);
		next = nbl;
	}
	/* The object that the next allocation returns: the last one freed, or the one after it. */
	NET_BUFFER_LIST *nbl;
	do {
		watch_begin(next, found.object_bytes);
		nbl = allocate(use, pool, mdl);
		if (use->pushes)
			push_and_pop(nbl);
		found.alloc = watch_end();
		watch_begin(nbl, found.object_bytes);
		NdisFreeNetBufferList(nbl);
		found.free = watch_end();
	} while (nbl != next);
	NdisFreeNetBufferListPool(pool);
	return found;
}

static void print_use(const char *name, const struct use_lines *u)
{
	print_message("%-38s %5zu %7d %7d %7d %7d %7d %7d\n", name,
		(u->object_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES, count(u->alloc.read),
		count(u->alloc.written), count(u->free.read), count(u->free.written),
		count(u->alloc.read | u->free.read), count(u->alloc.written | u->free.written));
}

static void print_head(void)
{
	print_message("%-38s %5s %15s %15s %15s\n%-38s %5s %7s %7s %7s %7s %7s %7s\n",
		"lines of 64 bytes, on reuse", "", "allocation", "free", "both", "", "lines",
		"read", "written", "read", "written", "read", "written");
}

static void choose(const char *pool)
{
	char why[NBL_REASON_BYTES];

	nbl_set_default_capacity(1 << 10);
	assert_int_equal(nbl_set_default_pool(pool, why), 0);
}

/* A target of issue and design: what a packet costs in lines that other CPUs must fetch. */
enum { WRITTEN_MAX = 4 };

static void lines_of_each_use(NO_STATE)
{
	static UCHAR packet[PACKET_BYTES];

	choose("mag_tls");
	MDL *mdl = NdisAllocateMdl(NULL, packet, PACKET_BYTES);
	assert_non_null(mdl);
	print_head();
	for (size_t i = 0; i < array_count(uses); i++) {
		struct use_lines u = measure(&uses[i], mdl);

		print_use(uses[i].name, &u);
		assert_in_range(count(u.alloc.written | u.free.written), 1, WRITTEN_MAX);
		assert_in_range(count(u.alloc.read | u.free.read), 1, LINES_MAX);
	}
	NdisFreeMdl(mdl);
	assert_true(nbl_release_defaults());
}

/* No strategy adds a line of the object. */
static void lines_over_each_strategy(NO_STATE)
{
	static UCHAR packet[PACKET_BYTES];

	print_head();
	for (size_t i = 0; pools[i] != NULL; i++) {
		char why[POOL_REASON_BYTES];

		if (pools[i]->traits.kind != POOL_KIND_POOL || pools[i]->traits.needs_rseq ||
			pools[i]->traits.progress == POOL_UNSYNCHRONISED ||
			!pools[i]->supported(why))
			continue;
		choose(pools[i]->name);
		MDL *mdl = NdisAllocateMdl(NULL, packet, PACKET_BYTES);
		struct use_lines u = measure(&uses[0], mdl);

		print_use(pools[i]->name, &u);
		assert_in_range(count(u.alloc.written | u.free.written), 1, WRITTEN_MAX);
		NdisFreeMdl(mdl);
		assert_true(nbl_release_defaults());
	}
}

/* The lines that a free writes of an NBL on which a driver has written to `dirty`, a bit a line. */
static uint64_t written_by_free(NDIS_HANDLE pool, MDL *mdl, uint64_t dirty)
{
	NET_BUFFER_LIST *nbl = allocate(&uses[0], pool, mdl);

	for (uint32_t line = 0; line < 64; line++) {
		if (dirty >> line & 1)
			((nbl_word *)nbl)[(line + 1) * (CACHE_LINE_BYTES / sizeof(nbl_word)) - 1] =
				1;
	}
	watch_begin(nbl, ((struct nbl_pool *)pool)->object_bytes);
	NdisFreeNetBufferList(nbl);
	return watch_end().written;
}

/* A driver pays for the lines that it has dirtied, and for no other. */
static void a_dirty_object_costs_its_lines(NO_STATE)
{
	static UCHAR packet[PACKET_BYTES];
	const uint64_t all = (UINT64_C(1) << NBL_NB_HOT_OFFSET / CACHE_LINE_BYTES) - 2;

	choose("mag_tls");
	MDL *mdl = NdisAllocateMdl(NULL, packet, PACKET_BYTES);
	NDIS_HANDLE pool = pool_of(TRUE, 0, 0);
	NdisFreeNetBufferList(allocate(&uses[0], pool, mdl)); /* its first life writes more */
	const uint64_t clean = written_by_free(pool, mdl, 0);
	assert_int_equal(clean & all, 0);
	for (uint64_t line = 2; line < all; line *= 2)
		assert_int_equal(written_by_free(pool, mdl, line), clean | line);
	assert_int_equal(written_by_free(pool, mdl, all), clean | all);
	NdisFreeNetBufferListPool(pool);
	NdisFreeMdl(mdl);
	assert_true(nbl_release_defaults());
}

/*
 * Accounts by tag: contexts of many drivers cost what those of one driver cost.
 */

enum { STACK = 8, STACKS = 16, TAGS = STACK * STACKS };

/* What all drivers of all stacks do to memory, when each pushes and pops once. */
struct stack_cost {
	uint64_t accesses;
	uint64_t locked;
};

/* Four letters, as drivers' tags have. */
static uint32_t tag_of(uint32_t driver)
{
	uint32_t tag = 0;

	for (uint32_t i = 0, rest = driver * 40503 + 4711; i < 4; i++, rest /= 26)
		tag = tag << 8 | ('A' + rest % 26);
	return tag;
}

static struct stack_cost measure_stacks(NET_BUFFER_LIST *nbls[STACKS], uint32_t tags)
{
	enum { WARM = 64 }; /* adaptive learns meanwhile */

	for (int round = 0; round < WARM + 1; round++) {
		watch.accesses = 0;
		watch.locked = 0;
		for (uint32_t i = 0; i < TAGS; i++)
			assert_int_equal(NdisAllocateNetBufferListContext(
						 nbls[i / STACK], PUSH_BYTES, 0, tag_of(i % tags)),
				NDIS_STATUS_SUCCESS);
		for (uint32_t i = 0; i < TAGS; i++)
			NdisFreeNetBufferListContext(nbls[i / STACK], PUSH_BYTES);
	}
	return (struct stack_cost){.accesses = watch.accesses, .locked = watch.locked};
}

static void stacks_of_one_policy(const char *name)
{
	NET_BUFFER_LIST *nbls[STACKS];
	NDIS_HANDLE pool = pool_of(TRUE, 0, 0);

	for (int i = 0; i < STACKS; i++)
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
	const struct stack_cost one = measure_stacks(nbls, 1);
	for (uint32_t tags = 1; tags <= TAGS; tags *= 2) {
		const struct stack_cost cost = measure_stacks(nbls, tags);

		print_message("%-12s %3u tags: %6" PRIu64 " accesses, %4" PRIu64 " locked\n", name,
			tags, cost.accesses, cost.locked);
		assert_int_equal(cost.locked, one.locked);
		assert_in_range(cost.accesses, one.accesses, one.accesses + one.accesses / 10);
	}
	for (int i = 0; i < STACKS; i++)
		NdisFreeNetBufferList(nbls[i]);
	NdisFreeNetBufferListPool(pool);
}

static void tags_cost_what_one_costs(NO_STATE)
{
	char why[NBL_REASON_BYTES];

	choose("mag_tls");
	for (size_t i = 0; contexts[i] != NULL; i++) {
		assert_int_equal(nbl_set_default_context(contexts[i]->name, why), 0);
		stacks_of_one_policy(contexts[i]->name);
	}
	assert_int_equal(nbl_set_default_context(NULL, why), 0);
}

/* Instrumented loops of known extent: every line is counted, in every way of writing it. */
static void controls_are_counted(NO_STATE)
{
	static CACHE_PAIR_ALIGNED unsigned char object[9 * CACHE_LINE_BYTES];
	const int all = sizeof(object) / CACHE_LINE_BYTES;
	struct lines seen;

	watch_begin(object, sizeof(object));
	lines_write_each(object, sizeof(object));
	seen = watch_end();
	assert_int_equal(count(seen.written), all);
	assert_int_equal(seen.read, 0);
	watch_begin(object, sizeof(object));
	assert_int_equal(lines_read_each(object, sizeof(object)), all);
	seen = watch_end();
	assert_int_equal(count(seen.read), all);
	assert_int_equal(seen.written, 0);
	watch_begin(object, sizeof(object));
	lines_clear(object, sizeof(object));
	seen = watch_end();
	assert_int_equal(count(seen.written), all);
	watch_begin(object, sizeof(object));
	lines_write_each(object + 2 * CACHE_LINE_BYTES + 1, 1);
	seen = watch_end();
	assert_int_equal(seen.written, 1 << 2);
	watch_begin(object, CACHE_LINE_BYTES);
	lines_write_each(object + CACHE_LINE_BYTES, CACHE_LINE_BYTES); /* beside it */
	assert_int_equal(watch_end().written, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_are_counted),
		cmocka_unit_test(lines_of_each_use),
		cmocka_unit_test(lines_over_each_strategy),
		cmocka_unit_test(a_dirty_object_costs_its_lines),
		cmocka_unit_test(tags_cost_what_one_costs),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
