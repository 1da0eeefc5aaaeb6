/*
 * What is particular: the pieces that all strategies share (tagged words, slabs, the census, the
 * checks of pool_create and of the tables), and the corners of single strategies that no generic
 * test reaches. What every strategy promises is tested by nblbench-stress.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/cpu.h"
#include "alloc/machine/step.h"
#include "alloc/mechanism/bit_tree.h"
#include "alloc/mechanism/census.h"
#include "alloc/peer/missing_library.h"
#include "alloc/pool.h"
#include "alloc/pool/bitmap.h"
#include "alloc/pool/combining.h"
#include "alloc/pool/elimination.h"
#include "alloc/pool/hazard.h"
#include "alloc/pool/home_ret_node.h"
#include "alloc/pool/idx_local.h"
#include "alloc/pool/lookaside.h"
#include "alloc/pool/mag_tls_grow.h"
#include "alloc/pool/mutex.h"
#include "alloc/pool/owner_list.h"
#include "alloc/pool/percpu_try.h"
#include "alloc/pool/rseq_arr_cid.h"
#include "alloc/pool/rseq_mag_grow.h"
#include "alloc/pool/scq.h"
#include "alloc/pool/sharded.h"
#include "alloc/pool/sheaf.h"
#include "alloc/pool/support_test.h"
#include "alloc/pool/ticket.h"
#include "alloc/pool/treiber_dwcas.h"
#include "alloc/pool/treiber_tag.h"
#include "alloc/pool/urcu_lfs_gp.h"
#include "alloc/pool/vyukov.h"
#include "alloc/pool/wcq.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const uint64_t tag_max = UINT64_MAX << TAGGED_UNIT_BITS;

#ifdef ATOM_TSAN
static const bool thread_sanitizer = true;
#else
static const bool thread_sanitizer = false;
#endif

static const bool sanitized = asan_build || thread_sanitizer;

/* What can run here, and under the thread sanitizer what that can judge. */
static bool runs_here(const struct pool_ops *ops)
{
	char reason[POOL_REASON_BYTES];

	return ops->supported(reason) && !(thread_sanitizer && ops->traits.opaque_to_tsan);
}

static void skip_unless_supported(const struct pool_ops *ops)
{
	char reason[POOL_REASON_BYTES];

	if (!ops->supported(reason)) {
		print_message("%s: %s\n", ops->name, reason);
		skip();
	}
}

/* A pool of a strategy's, this thread's handle of it, and what the strategy knows as its pool. */
#define OPEN(strategy, capacity)                                                  \
	struct pool_thread *thread;                                               \
	struct pool *pool = open_pool(&pool_##strategy##_ops, capacity, &thread); \
	struct strategy##_pool *self = (struct strategy##_pool *)pool

static void tag_wraps_and_keeps_the_index(NO_STATE)
{
	assert_int_equal(tagged_next(tag_max | 5, 7), 7);
	assert_int_equal(tagged_next(5, 7), ((uint64_t)1 << TAGGED_UNIT_BITS) | 7);
	assert_int_equal(tagged_with_unit(tag_max | 5, TAGGED_UNIT_MAX), UINT64_MAX);
	assert_int_equal(tagged_unit(tag_max | 5), 5);
}

static void treiber_tag_pops_across_the_wrap(NO_STATE)
{
	OPEN(treiber_tag, 2);

	void *a = treiber_tag_get(pool, thread);
	void *b = treiber_tag_get(pool, thread);
	atom_init(&self->stack.head, tag_max);
	treiber_tag_put(pool, thread, a);
	treiber_tag_put(pool, thread, b);
	assert_ptr_equal(treiber_tag_get(pool, thread), b);
	assert_int_equal(atom_load_relaxed(&self->stack.head), slab_unit(&self->slab, a));
	assert_ptr_equal(treiber_tag_get(pool, thread), a);
	assert_null(treiber_tag_get(pool, thread));
	close_pool(pool, thread, 2);
}

/* A burst is one pop of several objects: the tag moves once, and nothing is taken twice. */
static void treiber_tag_takes_a_burst_at_once(NO_STATE)
{
	OPEN(treiber_tag, 4);
	void *objs[4], *out[6];

	assert_int_equal(treiber_tag_get_bulk(pool, thread, objs, 4), 4);
	atom_init(&self->stack.head, tag_max);
	treiber_tag_put_bulk(pool, thread, objs, 4);
	assert_int_equal(treiber_tag_get_bulk(pool, thread, out, 3), 3);
	assert_int_equal(atom_load_relaxed(&self->stack.head), slab_unit(&self->slab, objs[3]));
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(out[i], objs[i]);
	assert_int_equal(treiber_tag_get_bulk(pool, thread, out, 6), 1);
	assert_ptr_equal(out[0], objs[3]);
	assert_int_equal(thread->paths.empty, 1);
	close_pool(pool, thread, 4);
}

static void slab_refuses_what_a_unit_cannot_name(NO_STATE)
{
	const size_t range = (size_t)TAGGED_UNIT_MAX * CACHE_LINE_BYTES;
	struct slab slab = {.capacity = 42};
	const struct {
		size_t bytes, align;
		uint32_t capacity;
	} refused[] = {
		{64, 64, 0},
		{64, 64, TAGGED_UNIT_MAX + 1},
		{1, 4096, TAGGED_UNIT_MAX / 64 + 1},
		{range / 2 + 1, 64, 2},
		{range + 1, 64, 1},
		{SIZE_MAX, 64, 1},
		{64, (size_t)1 << 40, 1},
	};

	for (size_t i = 0; i < array_count(refused); i++)
		assert_int_equal(
			slab_init(&slab, refused[i].bytes, refused[i].align, refused[i].capacity,
				MEMORY_PAGES_ORDINARY, SLAB_WITH_LINKS),
			-EOVERFLOW);
	assert_int_equal(slab.capacity, 42);

	/* The largest that fits: its last object is the last unit. */
	assert_int_equal(slab_init(&slab, 64, 64, TAGGED_UNIT_MAX, MEMORY_PAGES_ORDINARY,
				 SLAB_WITHOUT_LINKS),
		0);
	assert_int_equal(
		slab_unit(&slab, slab_object(&slab, TAGGED_UNIT_MAX - 1)), TAGGED_UNIT_MAX);
	slab_fini(&slab);
}

/* The set of a first-level cache of 4 KiB a way, as every x86-64 CPU has it. */
static size_t cache_set(const void *object)
{
	return (uintptr_t)object / CACHE_LINE_BYTES % (4096 / CACHE_LINE_BYTES);
}

/* Every size stands at every alignment, its neighbour in another set, and all sets in use. */
static void slab_aligns_and_colours(NO_STATE)
{
	static const size_t sizes[] = {8, 64, 100, 128, 256, 1000, 1024, 2048, 4096, 5000};
	enum { OBJECTS = 130 };

	for (size_t s = 0; s < array_count(sizes); s++) {
		for (size_t align = POOL_OBJECT_ALIGN_MIN; align <= POOL_OBJECT_ALIGN_MAX;
			align *= 2) {
			const size_t step = align < CACHE_LINE_BYTES ? CACHE_LINE_BYTES : align;
			bool used[4096 / CACHE_LINE_BYTES] = {false};
			struct slab slab;
			size_t sets = 0;

			assert_int_equal(slab_init(&slab, sizes[s], align, OBJECTS,
						 MEMORY_PAGES_ORDINARY, SLAB_WITHOUT_LINKS),
				0);
			assert_true(slab.stride >= sizes[s]);
			assert_true(slab.stride < sizes[s] + 2 * step);
			for (uint32_t i = 0; i < OBJECTS; i++) {
				const void *object = slab_object(&slab, i);

				assert_int_equal((uintptr_t)object % step, 0);
				if (i > 0 && align < 4096)
					assert_int_not_equal(cache_set(object),
						cache_set(slab_object(&slab, i - 1)));
				used[cache_set(object)] = true;
			}
			for (size_t i = 0; i < array_count(used); i++)
				sets += used[i];
			assert_int_equal(sets, 4096 / step);
			slab_fini(&slab);
		}
	}
}

/*
 * What follows key in the part of /proc/self/smaps about the mapping that holds memory; "" if there
 * is none.
 */
static const char *smaps_value(const void *memory, const char *key)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	static char line[512];
	const char *value = NULL;
	bool here = false;

	assert_non_null(file);
	while (value == NULL && fgets(line, sizeof(line), file) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)memory && (uintptr_t)memory < to;
		else if (here && strncmp(line, key, strlen(key)) == 0)
			value = line + strlen(key);
	}
	fclose(file);
	return value != NULL ? value : "";
}

/* The same as a figure in KiB; -1 if there is none. */
static long smaps_kib(const void *memory, const char *key)
{
	const char *value = smaps_value(memory, key);

	return value[0] != '\0' ? strtol(value, NULL, 10) : -1;
}

enum { HUGE_BYTES = 2 << 20, HUGE_PAGES = 8 };

/* Maps pages of a kind and touches every one. NULL: there are none. */
static unsigned char *touched(enum memory_pages pages)
{
	unsigned char *memory = memory_map(HUGE_PAGES * HUGE_BYTES, pages);

	for (size_t at = 0; memory != NULL && at < HUGE_PAGES * HUGE_BYTES; at += 4096)
		memory[at] = 1;
	return memory;
}

/* The word in brackets of one of the kernel's settings; "" if there is no such setting. */
static void chosen_word(const char *path, char *word, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[128] = "";

	if (file != NULL && fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	const char *from = strchr(line, '[');
	snprintf(word, bytes, "%.*s", from == NULL ? 0 : (int)strcspn(from + 1, "]"),
		from == NULL ? "" : from + 1);
}

/* Ordinary pages are ordinary, whatever the system does for others. */
static void ordinary_pages_are_not_huge(NO_STATE)
{
	unsigned char *memory = touched(MEMORY_PAGES_ORDINARY);

	assert_non_null(memory);
	assert_true(smaps_kib(memory, "Rss:") >= HUGE_PAGES * HUGE_BYTES / 1024);
	assert_int_equal(smaps_kib(memory, "AnonHugePages:"), 0);
	assert_null(strstr(smaps_value(memory, "VmFlags:"), " hg"));
	memory_unmap(memory, HUGE_PAGES * HUGE_BYTES, MEMORY_PAGES_ORDINARY);
}

static void transparent_pages_are_huge_where_the_kernel_allows(NO_STATE)
{
	char enabled[32];

	chosen_word("/sys/kernel/mm/transparent_hugepage/enabled", enabled, sizeof(enabled));
	if (strcmp(enabled, "always") != 0 && strcmp(enabled, "madvise") != 0) {
		print_message("transparent huge pages are off here (enabled is '%s')\n", enabled);
		skip();
	}
	unsigned char *memory = touched(MEMORY_PAGES_TRANSPARENT);
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % HUGE_BYTES, 0);
	/* They are asked for. How many there are is the machine's affair: others may have left none. */
	assert_non_null(strstr(smaps_value(memory, "VmFlags:"), " hg"));
	print_message("%ld KiB of %d are huge\n", smaps_kib(memory, "AnonHugePages:"),
		HUGE_PAGES * HUGE_BYTES / 1024);
	memory_unmap(memory, HUGE_PAGES * HUGE_BYTES, MEMORY_PAGES_TRANSPARENT);
}

/* The first 2 MiB are ordinary; for what follows huge ones are asked for. */
static void growing_pages_begin_ordinary(NO_STATE)
{
	unsigned char *memory = touched(MEMORY_PAGES_GROWING);

	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % HUGE_BYTES, 0);
	assert_int_equal(smaps_kib(memory, "AnonHugePages:"), 0);
	assert_null(strstr(smaps_value(memory, "VmFlags:"), " hg"));
	assert_non_null(strstr(smaps_value(memory + HUGE_BYTES, "VmFlags:"), " hg"));
	print_message("%ld KiB of %d are huge\n", smaps_kib(memory + HUGE_BYTES, "AnonHugePages:"),
		(HUGE_PAGES - 1) * HUGE_BYTES / 1024);
	memory_unmap(memory, HUGE_PAGES * HUGE_BYTES, MEMORY_PAGES_GROWING);
}

/* Explicit huge pages are there or are refused when asked for: never a SIGBUS at the first touch. */
static void huge_pages_are_reserved_or_refused(NO_STATE)
{
	const uint64_t live = memory_live_bytes();
	unsigned char *memory = touched(MEMORY_PAGES_HUGE);

	if (memory == NULL) {
		assert_int_equal(memory_live_bytes(), live);
		print_message("no huge pages are reserved here (vm.nr_hugepages)\n");
		return;
	}
	assert_int_equal((uintptr_t)memory % HUGE_BYTES, 0);
	assert_int_equal(smaps_kib(memory, "KernelPageSize:"), HUGE_BYTES / 1024);
	memory_unmap(memory, HUGE_PAGES * HUGE_BYTES, MEMORY_PAGES_HUGE);
	assert_int_equal(memory_live_bytes(), live);
}

static void pages_have_names(NO_STATE)
{
	enum memory_pages found;

	for (enum memory_pages pages = MEMORY_PAGES_ORDINARY; pages <= MEMORY_PAGES_HUGE; pages++) {
		assert_true(memory_pages_find(memory_pages_name(pages), &found));
		assert_int_equal(found, pages);
	}
	assert_false(memory_pages_find("large", &found));
}

static void slab_carves_to_the_cap_and_owns_what_it_carved(NO_STATE)
{
	const uint64_t live = memory_live_bytes();
	struct slab slab;
	uint32_t first;

	assert_int_equal(slab_init(&slab, 100, 16, 5, MEMORY_PAGES_ORDINARY, SLAB_WITH_LINKS), 0);
	assert_int_equal(slab.stride % (2 * CACHE_LINE_BYTES), CACHE_LINE_BYTES); /* coloured */
	assert_int_equal(slab_carve(&slab, 3, &first), 3);
	assert_int_equal(first, 0);
	assert_true(slab_owns(&slab, slab_object(&slab, 2)));
	assert_false(slab_owns(&slab, slab_object(&slab, 3))); /* not carved yet */
	assert_false(slab_owns(&slab, (char *)slab_object(&slab, 2) + CACHE_LINE_BYTES));
	assert_false(slab_owns(&slab, (char *)slab.base - slab.stride));
	assert_false(slab_owns(&slab, NULL));
	assert_int_equal(slab_uncarved(&slab), 2);
	assert_int_equal(slab_carve(&slab, 3, &first), 2);
	assert_int_equal(first, 3);
	assert_int_equal(slab_carve(&slab, 1, &first), 0);
	for (uint32_t i = 0; i < 5; i++) {
		void *object = slab_object(&slab, i);

		assert_ptr_equal(slab_at(&slab, slab_unit(&slab, object)), object);
	}
	slab_fini(&slab);
	assert_int_equal(memory_live_bytes(), live);
}

/* Negative controls: each test of the census must be able to fail. */
static void census_catches_what_it_should(NO_STATE)
{
	char why[POOL_REASON_BYTES];
	struct census census;
	struct slab slab;
	uint32_t first;

	assert_int_equal(slab_init(&slab, 64, 64, 3, MEMORY_PAGES_ORDINARY, SLAB_WITHOUT_LINKS), 0);
	assert_int_equal(slab_carve(&slab, 2, &first), 2);

	assert_int_equal(census_begin(&census, &slab, why, sizeof(why)), 0);
	assert_true(census_mark(&census, slab_object(&slab, 0), "here"));
	assert_int_equal(census_end(&census, 1), 0);

	assert_int_equal(census_begin(&census, &slab, why, sizeof(why)), 0);
	assert_true(census_mark(&census, slab_object(&slab, 1), "here"));
	assert_false(census_mark(&census, slab_object(&slab, 1), "there"));
	assert_int_equal(census_end(&census, 1), -EINVAL);
	assert_non_null(strstr(why, "free twice, the second time in there"));

	assert_int_equal(census_begin(&census, &slab, why, sizeof(why)), 0);
	assert_false(census_mark(&census, slab_object(&slab, 2), "here")); /* never carved */
	assert_int_equal(census_end(&census, 2), -EINVAL);
	assert_non_null(strstr(why, "is not an object of this pool"));

	assert_int_equal(census_begin(&census, &slab, why, sizeof(why)), 0);
	assert_true(census_mark(&census, slab_object(&slab, 0), "here"));
	assert_int_equal(census_end(&census, 0), -EINVAL); /* one is missing */
	assert_non_null(strstr(why, "1 objects free and 0 outstanding"));

	assert_int_equal(census_begin(&census, &slab, why, sizeof(why)), 0);
	assert_false(census_fail(&census, "first %d", 1));
	assert_false(census_fail(&census, "second"));
	assert_int_equal(census_end(&census, 2), -EINVAL);
	assert_string_equal(why, "first 1");
	slab_fini(&slab);
}

/* Negative controls of what the walks share: a list of nodes that has become a ring, a lock that is held. */
static void walks_catch_a_ring_of_nodes(NO_STATE)
{
	struct node {
		uint64_t other;
		struct node *next;
	};
	char why[POOL_REASON_BYTES];
	struct census census;
	struct side_nodes nodes;
	uint32_t first;

	assert_int_equal(
		side_nodes_init(&nodes, 64, 64, 2, MEMORY_PAGES_ORDINARY, sizeof(struct node)), 0);
	assert_int_equal(slab_carve(&nodes.slab, 2, &first), 2);
	struct node *a = side_nodes_node(&nodes, slab_object(&nodes.slab, 0), sizeof(*a));
	struct node *b = side_nodes_node(&nodes, slab_object(&nodes.slab, 1), sizeof(*b));

	a->next = b;
	assert_int_equal(census_begin(&census, &nodes.slab, why, sizeof(why)), 0);
	side_nodes_walk(&nodes, a, sizeof(*a), offsetof(struct node, next), &census, "the list");
	assert_int_equal(census_end(&census, 0), 0);

	b->next = a;
	assert_int_equal(census_begin(&census, &nodes.slab, why, sizeof(why)), 0);
	side_nodes_walk(&nodes, a, sizeof(*a), offsetof(struct node, next), &census, "the list");
	assert_int_equal(census_end(&census, 0), -EINVAL);
	assert_non_null(strstr(why, "free twice, the second time in the list"));
	side_nodes_fini(&nodes, sizeof(struct node));
}

static void mutex_walk_catches_a_held_lock(NO_STATE)
{
	char why[POOL_REASON_BYTES];
	OPEN(mutex, 1);

	mutex_lock(self, thread);
	assert_int_equal(pool->ops->check(pool, 0, why), -EINVAL);
	assert_string_equal(why, "I2: the lock of a quiet pool is held");
	pthread_mutex_unlock(&self->lock);
	close_pool(pool, thread, 0);
}

static void ticket_walk_catches_a_held_lock(NO_STATE)
{
	char why[POOL_REASON_BYTES];
	OPEN(ticket, 1);

	uint32_t next = ticket_lock(self, thread);
	assert_int_equal(pool->ops->check(pool, 0, why), -EINVAL);
	assert_string_equal(why, "I2: the lock of a quiet pool is held");
	ticket_unlock(self, next);
	close_pool(pool, thread, 0);
}

/* Few objects travel in the record, more of them by the waiter's array; neither touches the next record. */
static void combining_serves_what_stands_in_a_record(NO_STATE)
{
	enum { OBJECTS = 64, MOST = 2 * COMBINER_FEW };
	void *objs[MOST];
	struct pool_thread *thread, *next;
	struct pool *pool = open_pool(&pool_combining_ops, OBJECTS, &thread);
	struct combiner *self = (struct combiner *)pool;

	assert_int_equal(pool->ops->attach(pool, &next), 0);
	struct combiner_record *beside = ((struct combiner_thread *)next)->record;
	for (uint32_t n = 1; n <= MOST; n++) {
		/* As if the lock had been taken a moment ago. */
		assert_int_equal(combining_ask(self, thread, true, objs, n), n);
		assert_int_equal(atom_load_relaxed(&beside->wanted), 0);
		combining_ask(self, thread, false, objs, n);
		assert_int_equal(atom_load_relaxed(&beside->wanted), 0);
		assert_int_equal(pool->ops->count(pool), OBJECTS);
	}

	/* Whoever has the lock serves the others. */
	objs[0] = combining_get(pool, thread);
	struct combiner_record *record = ((struct combiner_thread *)thread)->record;
	record->gets = false;
	record->objs = objs;
	atom_store_release(&record->wanted, 1);
	char why[POOL_REASON_BYTES];
	assert_int_equal(pool->ops->check(pool, 1, why), -EINVAL);
	assert_string_equal(why, "I2: a request of a quiet pool was not served");
	void *other = combining_get(pool, next);
	assert_int_equal(atom_load_relaxed(&record->wanted), 0);
	combining_put(pool, next, other);
	pool->ops->detach(pool, next);
	close_pool(pool, thread, 0);
}

/* What another thread frees comes home: a burst by one message, and with no new shard. */
static void sharded_sends_a_burst_home(NO_STATE)
{
	enum { OBJECTS = 2 * SHARD_OBJECTS };
	void *objs[OBJECTS];
	struct pool_thread *owner, *other;
	struct pool *pool = open_pool(&pool_sharded_ops, OBJECTS, &owner);
	struct shards *self = (struct shards *)pool;

	assert_int_equal(pool->ops->attach(pool, &other), 0);
	assert_int_equal(sharded_get_bulk(pool, owner, objs, SHARD_OBJECTS), SHARD_OBJECTS);
	sharded_put_bulk(pool, other, objs, SHARD_OBJECTS);
	assert_int_equal(tagged_unit(atom_load_relaxed(&self->shard[0].word)),
		slab_unit(&self->slab, objs[0]));
	assert_int_equal(sharded_get_bulk(pool, owner, objs, SHARD_OBJECTS), SHARD_OBJECTS);
	assert_int_equal(owner->paths.refill, 1);
	assert_int_equal(owner->paths.grow, 1);

	/* Its owner gone, a shard is whose who takes it next. */
	sharded_put(pool, owner, objs[0]);
	pool->ops->detach(pool, owner);
	for (uint32_t i = 1; i < SHARD_OBJECTS; i++)
		sharded_put(pool, other, objs[i]);
	assert_int_equal(sharded_get_bulk(pool, other, objs, SHARD_OBJECTS), SHARD_OBJECTS);
	assert_int_equal(other->paths.grow, 0);
	sharded_put(pool, other, objs[0]);
	assert_false(shard_is_away(&self->shard[0], (struct shards_thread *)other));
	close_pool(pool, other, SHARD_OBJECTS - 1);
}

/* Negative controls of the walk. */
static void sharded_walk_catches_what_it_should(NO_STATE)
{
	enum { OBJECTS = 2 * SHARD_OBJECTS };
	char why[POOL_REASON_BYTES];
	void *objs[OBJECTS];
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_sharded_ops, OBJECTS, &thread);
	struct shard *shard = ((struct shards *)pool)->shard;

	assert_int_equal(sharded_get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	sharded_put(pool, thread, objs[0]);
	const uint64_t word = atom_load_relaxed(&shard->word);
	atom_store_relaxed(&shard->word, word | SHARD_LISTED);
	assert_int_equal(pool->ops->check(pool, OBJECTS - 1, why), -EINVAL);
	assert_non_null(strstr(why, "I2: a shard is listed with nothing sent"));
	atom_store_relaxed(&shard->word, word | SHARD_LISTED | shard->local);
	shard->local = 0;
	assert_int_equal(pool->ops->check(pool, OBJECTS - 1, why), -EINVAL);
	assert_non_null(strstr(why, "I2: 1 shards are listed and 0 are on the stacks"));
	shard->local = tagged_unit(atom_load_relaxed(&shard->word));
	atom_store_relaxed(&shard->word, word);
	shard->at_hand = false;
	assert_int_equal(pool->ops->check(pool, OBJECTS - 1, why), -EINVAL);
	assert_non_null(strstr(why, "I3: a shard has objects and no owner that knows it"));
	shard->at_hand = true;
	sharded_put(pool, thread, objs[1]);
	shard[1].local = shard->local;
	shard[1].at_hand = true;
	shard->local = 0;
	assert_int_equal(pool->ops->check(pool, OBJECTS - 2, why), -EINVAL);
	assert_non_null(strstr(why, "holds an object of another one"));
	shard->local = shard[1].local;
	shard[1].local = 0;
	close_pool(pool, thread, OBJECTS - 2);
}

static void create_checks_every_field(NO_STATE)
{
	const struct pool_config sound = {.object_bytes = 64, .capacity = 4};
	struct pool *const untouched = (struct pool *)(uintptr_t)1;
	struct pool_config broken[16];
	size_t n = 0;

	for (size_t i = 0; i < array_count(broken); i++)
		broken[i] = sound;
	broken[n++].object_bytes = POOL_OBJECT_BYTES_MIN - 1;
	broken[n++].object_bytes = POOL_OBJECT_BYTES_MAX + 1;
	broken[n++].object_align = POOL_OBJECT_ALIGN_MIN / 2;
	broken[n++].object_align = POOL_OBJECT_ALIGN_MAX * 2;
	broken[n++].object_align = 48;
	broken[n++].magazine_objects = POOL_MAGAZINE_OBJECTS_MIN - 1;
	broken[n++].magazine_objects = POOL_MAGAZINE_OBJECTS_MIN + 1;
	broken[n++].magazine_objects = POOL_MAGAZINE_OBJECTS_MAX + POOL_MAGAZINE_OBJECTS_MIN;
	broken[n++].magazine_objects_most = POOL_MAGAZINE_OBJECTS_MIN;
	broken[n++].magazine_objects_most = POOL_MAGAZINE_OBJECTS_DEFAULT + 1;
	broken[n++].magazine_objects_most =
		POOL_MAGAZINE_OBJECTS_DEFAULT + 8 * POOL_MAGAZINE_GROWTH;
	broken[n++].cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN - 1;
	broken[n++].cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MAX + 1;
	broken[n++].batch_objects = POOL_CPU_CACHE_OBJECTS_DEFAULT / 2 + 1;
	broken[n++].pages = (enum memory_pages)(MEMORY_PAGES_HUGE + 1);
	assert_true(n <= array_count(broken));
	for (size_t i = 0; i < n; i++) {
		struct pool *pool = untouched;

		assert_int_equal(pool_create(&pool_treiber_tag_ops, &broken[i], &pool), -EINVAL);
		assert_ptr_equal(pool, untouched);
	}

	struct pool *pool = untouched;
	struct pool_config large = sound;
	large.capacity = TAGGED_UNIT_MAX + 1;
	assert_int_equal(pool_create(&pool_treiber_tag_ops, &large, &pool), -EOVERFLOW);
	assert_ptr_equal(pool, untouched);
}

static void create_fills_in_the_defaults(NO_STATE)
{
	struct pool_config config = {.object_bytes = 8, .capacity = 1, .cpu_cache_objects = 16};
	struct pool *pool;

	assert_int_equal(pool_create(&pool_treiber_tag_ops, &config, &pool), 0);
	assert_ptr_equal(pool->ops, &pool_treiber_tag_ops);
	assert_int_equal(pool->config.object_align, CACHE_LINE_BYTES);
	assert_int_equal(pool->config.magazine_objects, POOL_MAGAZINE_OBJECTS_DEFAULT);
	assert_int_equal(pool->config.magazine_objects_most, 504);
	assert_int_equal(pool->config.batch_objects, 8);
	pool_destroy(pool);
	config.magazine_objects = POOL_MAGAZINE_OBJECTS_MAX - POOL_MAGAZINE_GROWTH;
	assert_int_equal(pool_config_resolve(&pool_treiber_tag_ops, &config), 0);
	assert_int_equal(config.magazine_objects_most, POOL_MAGAZINE_OBJECTS_MAX);
}

/* For a test of one thread that maps and unmaps a lot: seconds for the thread sanitizer. */
static void skip_if_only_races_are_looked_for(void)
{
	if (thread_sanitizer) {
		print_message("one thread, in which the thread sanitizer has nothing to find\n");
		skip();
	}
}

/* Without a cap every strategy has room for what it can name, and pays for what is used. */
static void pools_without_a_cap(NO_STATE)
{
	static const struct pool_config configs[] = {
		{.object_bytes = 64},
		{.object_bytes = 100, .object_align = 256, .batch_objects = 1},
		{.object_bytes = 700, .magazine_objects = POOL_MAGAZINE_OBJECTS_MIN},
		{.object_bytes = POOL_OBJECT_BYTES_MAX / 2},
	};
	enum { OBJECTS = 700 };
	void *held[OBJECTS];

	skip_if_only_races_are_looked_for();
	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];

		for (size_t c = 0; c < array_count(configs) && runs_here(ops); c++) {
			const uint32_t most = slab_most(configs[c].object_bytes,
				configs[c].object_align ? configs[c].object_align
							: CACHE_LINE_BYTES);
			struct pool_thread *thread;
			struct pool *pool;

			assert_int_equal(pool_create(ops, &configs[c], &pool), 0);
			const uint32_t capacity = pool->config.capacity;
			if (ops->traits.kind != POOL_KIND_POOL)
				assert_int_equal(capacity, UINT32_MAX);
			else if (ops->traits.bounded && most > POOL_CAPACITY_BOUNDED_DEFAULT)
				assert_int_equal(capacity, POOL_CAPACITY_BOUNDED_DEFAULT);
			else
				assert_in_range(capacity, most / 2, most);
			assert_int_equal(ops->attach(pool, &thread), 0);
			for (uint32_t k = 0; k < OBJECTS; k++)
				assert_non_null(held[k] = ops->get(pool, thread));
			ops->put_bulk(pool, thread, held, OBJECTS);
			close_pool(pool, thread, 0);
		}
	}
}

static uint32_t visited; /* by count_visit */

static void count_visit(void *arg, void *object)
{
	void **held = arg;

	assert_ptr_equal(object, held[visited]); /* one by one from the front of the slab */
	visited++;
}

static void each_visits_what_was_handed_out(NO_STATE)
{
	enum { OBJECTS = 3 };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_treiber_tag_ops, OBJECTS + 1, &thread);
	void *held[OBJECTS];

	for (uint32_t i = 0; i < OBJECTS; i++)
		held[i] = treiber_tag_get(pool, thread);
	treiber_tag_put(pool, thread, held[1]);
	visited = 0;
	pool_each(pool, count_visit, held);
	assert_int_equal(visited, OBJECTS);
	close_pool(pool, thread, OBJECTS - 1);
}

/* True if the object holds `value` all over but for its first 8 bytes. */
static bool object_holds(const struct pool *pool, const void *object, unsigned char value)
{
	const unsigned char *bytes = (const unsigned char *)object + POOL_OBJECT_BYTES_MIN;

	/* Each byte is as the one before. */
	return bytes[0] == value &&
	       memcmp(bytes, bytes + 1, pool->config.object_bytes - POOL_OBJECT_BYTES_MIN - 1) == 0;
}

static void count_retired(void *arg, void *object)
{
	const struct pool *pool = arg;

	assert_true(slab_owns(pool->slab, object));
	visited++;
}

/* The highest CPU that the process may use, on which the calling thread then is; or 0. */
static uint32_t pin_to_the_highest_cpu(cpu_set_t *before)
{
	uint32_t cpu = CPU_SETSIZE - 1;
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(*before), before), 0);
	while (cpu > 0 && !CPU_ISSET(cpu, before))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	return cpu;
}

/* One pool: OBJECTS used, a few held, the rest trimmed. */
static void trim_one(const struct pool_ops *ops, const struct pool_config *config)
{
	enum { OBJECTS = 2000, HELD = 10, KEPT = 100, USED = 0x5a };
	const size_t page = memory_page_bytes(MEMORY_PAGES_ORDINARY);
	const uint64_t live = memory_live_bytes();
	struct pool_thread *thread;
	struct pool *pool;
	void *objs[OBJECTS];
	uint32_t zeroed = 0;

	assert_int_equal(pool_create(ops, config, &pool), 0);
	assert_int_equal(ops->attach(pool, &thread), 0);
	for (uint32_t i = 0; i < OBJECTS; i++) {
		assert_non_null(objs[i] = ops->get(pool, thread));
		memset(objs[i], USED, config->object_bytes);
	}
	const uint32_t carved = slab_carved(pool->slab);
	const size_t range = carved * pool->slab->stride;
	const size_t used = memory_resident(pool->slab->base, range);
	assert_true(used >= OBJECTS * config->object_bytes);
	for (uint32_t i = HELD; i < OBJECTS; i++)
		ops->put(pool, thread, objs[i]);
	ops->flush(pool, thread);

	visited = 0;
	const uint64_t given = pool_trim(pool, thread, HELD, KEPT, count_retired, pool);
	const size_t left = memory_resident(pool->slab->base, range);
	/* A look at a page that was never used makes it appear; it has no memory of its own. */
	assert_in_range(left + given - used, 0, page);
	/* What is held or kept, wherever it lies, pins two pages more than it fills. */
	assert_true(
		used - given <= (HELD + KEPT + carved - OBJECTS) * (pool->slab->stride + 2 * page));
	assert_int_equal(ops->count(pool), pool->config.capacity - HELD);
	for (uint32_t i = 0; i < HELD; i++)
		assert_true(object_holds(pool, objs[i], USED));

	/* There is next to nothing for another one, though it may hold other objects. */
	assert_true(pool_trim(pool, thread, HELD, KEPT, NULL, NULL) <= left);
	ops->flush(pool, thread); /* where puts take a grace period */
	for (uint32_t i = HELD; i < OBJECTS; i++) {
		assert_non_null(objs[i] = ops->get(pool, thread));
		zeroed += object_holds(pool, objs[i], 0);
		assert_true(object_holds(pool, objs[i], 0) || object_holds(pool, objs[i], USED));
	}
	/* As many as were carved beside ours can have come out in the place of trimmed ones. */
	assert_true(zeroed + (carved - OBJECTS) >= visited);
	ops->put_bulk(pool, thread, objs, POOL_BULK_MAX);
	ops->put_bulk(pool, thread, objs + POOL_BULK_MAX, OBJECTS - POOL_BULK_MAX);
	close_pool(pool, thread, 0);
	assert_int_equal(memory_live_bytes(), live);
}

static void trimmed_memory_is_gone_and_comes_back_zeroed(NO_STATE)
{
	static const struct pool_config configs[] = {
		{.object_bytes = 64},
		{.object_bytes = 600},
		{.object_bytes = 3000, .capacity = 2000},
		{.object_bytes = 4096, .object_align = 4096},
		{.object_bytes = 10000},
	};

	cpu_set_t before;

	skip_if_only_races_are_looked_for();
	/* On another CPU than before, the thread would take never-used objects first. */
	pin_to_the_highest_cpu(&before);
	for (size_t i = 0; pools[i] != NULL; i++) {
		for (size_t c = 0; c < array_count(configs); c++) {
			if (pools[i]->traits.trims && runs_here(pools[i]))
				trim_one(pools[i], &configs[c]);
		}
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void trim_leaves_alone_what_it_was_told_to(NO_STATE)
{
	enum { OBJECTS = 1000, OUT = 400 };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_treiber_tag_ops, OBJECTS, &thread);
	void *objs[OBJECTS];

	for (uint32_t i = 0; i < OBJECTS; i++)
		memset(objs[i] = treiber_tag_get(pool, thread), 1, 64);
	for (uint32_t i = OUT; i < OBJECTS; i++)
		treiber_tag_put(pool, thread, objs[i]);
	assert_int_equal(pool_trim(pool, thread, OUT, OBJECTS - OUT, NULL, NULL), 0);
	assert_int_equal(pool_trim(pool, thread, OBJECTS, 0, NULL, NULL), 0);
	assert_int_equal(pool_trim(pool, thread, UINT64_MAX, UINT64_MAX, NULL, NULL), 0);
	const uint64_t given = pool_trim(pool, thread, OUT, (OBJECTS - OUT) / 2, NULL, NULL);
	assert_in_range(given, 1, (OBJECTS - OUT) / 2 * pool->slab->stride);

	/* What the trim held comes out first where memory stayed, and last where it went. */
	bool zero = false;
	for (uint32_t i = 0; i < (OBJECTS - OUT) / 2; i++) {
		void *object = treiber_tag_get(pool, thread);

		assert_true(object_holds(pool, object, 0) >= zero);
		zero = object_holds(pool, object, 0);
	}
	assert_true(zero);
	close_pool(pool, thread, OUT + (OBJECTS - OUT) / 2);

	/* Links in the objects: a trim would undo itself. */
	pool = open_pool(&pool_mutex_ops, OBJECTS, &thread);
	for (uint32_t i = 0; i < OBJECTS; i++)
		memset(objs[i] = mutex_get(pool, thread), 1, 64);
	mutex_put_bulk(pool, thread, objs, OBJECTS);
	assert_int_equal(pool_trim(pool, thread, 0, 0, NULL, NULL), 0);
	close_pool(pool, thread, 0);
}

/* A strategy whose library the build did not find. */
static bool missing_library_supported(char *reason)
{
	return missing_library(reason, "libexample", "libexample-dev");
}

static const struct pool_ops absent_ops = {.name = "example",
	.summary = "not there",
	.supported = missing_library_supported,
	MISSING_LIBRARY_HOOKS};

static void absent_strategy_names_its_package(NO_STATE)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = 4};
	char reason[POOL_REASON_BYTES];
	struct pool *pool;

	assert_null(pool_broken_rule(&absent_ops));
	assert_false(absent_ops.supported(reason));
	assert_non_null(strstr(reason, "libexample-dev"));
	assert_int_equal(pool_create(&absent_ops, &config, &pool), -ENOTSUP);
}

static void tables_are_checked(NO_STATE)
{
	char why[POOL_REASON_BYTES] = "";

	assert_int_equal(pools_validate(why), 0);
	for (size_t i = 0; pools[i] != NULL; i++)
		assert_ptr_equal(pool_find(pools[i]->name), pools[i]);
	assert_null(pool_find("no such strategy"));
	assert_non_null(pool_default());

	/* Each hook and each rule in turn is broken in a copy of a sound table. */
	const size_t hooks[] = {
		offsetof(struct pool_ops, name),
		offsetof(struct pool_ops, summary),
		offsetof(struct pool_ops, supported),
		offsetof(struct pool_ops, parts),
		offsetof(struct pool_ops, attach),
		offsetof(struct pool_ops, detach),
		offsetof(struct pool_ops, get),
		offsetof(struct pool_ops, put),
		offsetof(struct pool_ops, get_bulk),
		offsetof(struct pool_ops, put_bulk),
		offsetof(struct pool_ops, flush),
		offsetof(struct pool_ops, count),
		offsetof(struct pool_ops, check),
	};
	struct pool_ops copy;
	for (size_t i = 0; i < array_count(hooks); i++) {
		copy = pool_treiber_tag_ops;
		memset((char *)&copy + hooks[i], 0, sizeof(void *));
		assert_non_null(pool_broken_rule(&copy));
	}
	copy = pool_treiber_tag_ops;
	assert_null(pool_broken_rule(&copy));
	copy.traits.needs_rseq = true;
	assert_non_null(pool_broken_rule(&copy));
	copy = pool_treiber_tag_ops;
	copy.traits.kind = POOL_KIND_NULL;
	assert_non_null(pool_broken_rule(&copy));
	copy = pool_treiber_tag_ops;
	copy.traits.progress = POOL_BLOCKING;
	assert_non_null(pool_broken_rule(&copy));
	copy = *pool_find("mag_tls");
	assert_null(pool_broken_rule(&copy));
	copy.traits.exact = true;
	assert_non_null(pool_broken_rule(&copy));
	copy = *pool_find("mag_tls");
	copy.variant_of = "mag";
	assert_non_null(pool_broken_rule(&copy));
	copy = *pool_find("null");
	copy.prefill = pool_find("sheaf")->prefill;
	assert_non_null(pool_broken_rule(&copy));
	copy = *pool_find("malloc");
	assert_null(pool_broken_rule(&copy));
	copy.traits.trims = true;
	assert_non_null(pool_broken_rule(&copy));
}

static void ticket_numbers_wrap(NO_STATE)
{
	OPEN(ticket, 1);

	atom_init(&self->next, UINT32_MAX);
	atom_init(&self->owner, UINT32_MAX);
	void *object = ticket_get(pool, thread);
	ticket_put(pool, thread, object);
	assert_int_equal(atom_load_relaxed(&self->owner), 1);
	close_pool(pool, thread, 0);
}

static void ticket_check_notices_a_held_lock(NO_STATE)
{
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_ticket_ops, 1, &thread);
	char why[POOL_REASON_BYTES];

	uint32_t mine = ticket_lock((struct ticket_pool *)pool, thread);
	assert_int_equal(pool->ops->check(pool, 0, why), -EINVAL);
	ticket_unlock((struct ticket_pool *)pool, mine);
	close_pool(pool, thread, 0);
}

static void dwcas_tells_what_it_met(NO_STATE)
{
	atom_pair word;
	int a, b;

	skip_unless_supported(&pool_treiber_dwcas_ops);
	atom_init(&word.pointer, &a);
	atom_init(&word.generation, 1);
	struct pair expected = {.pointer = &a, .generation = 2};
	const struct pair desired = {.pointer = &b, .generation = 3};
	assert_false(atom_pair_cas(&word, &expected, desired)); /* half of it matches */
	assert_ptr_equal(expected.pointer, &a);
	assert_int_equal(expected.generation, 1);
	assert_true(atom_pair_cas(&word, &expected, desired));
	assert_ptr_equal(atom_load_relaxed(&word.pointer), &b);
	assert_int_equal(atom_load_relaxed(&word.generation), 3);
}

/* The popper that sleeps while its object leaves and returns: the textbook's ABA. */
static void dwcas_refuses_a_head_that_came_back(NO_STATE)
{
	struct pool_thread *thread;

	skip_unless_supported(&pool_treiber_dwcas_ops);
	struct pool *pool = open_pool(&pool_treiber_dwcas_ops, 2, &thread);
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;
	void *a = treiber_dwcas_get(pool, thread);
	void *b = treiber_dwcas_get(pool, thread);
	treiber_dwcas_put(pool, thread, b);
	treiber_dwcas_put(pool, thread, a);

	struct pair asleep = {
		.pointer = a, .generation = atom_load_relaxed(&self->stack.head.generation)};
	const struct pair stale = {.pointer = b, .generation = asleep.generation + 1};
	assert_ptr_equal(treiber_dwcas_get(pool, thread), a);
	assert_ptr_equal(treiber_dwcas_get(pool, thread), b);
	treiber_dwcas_put(pool, thread, a); /* b stays out */
	assert_ptr_equal(atom_load_relaxed(&self->stack.head.pointer), asleep.pointer);
	assert_false(atom_pair_cas(&self->stack.head, &asleep, stale));
	close_pool(pool, thread, 1);
}

/* The list has its depth, and what is more lies behind. */
static void lookaside_has_a_depth(NO_STATE)
{
	enum { OBJECTS = MISS_DEPTH_MIN + 2 };

	skip_unless_supported(&pool_lookaside_ops);
	OPEN(lookaside, OBJECTS);
	void *objs[OBJECTS];

	assert_int_equal(lookaside_get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	lookaside_put_bulk(pool, thread, objs, OBJECTS);
	assert_int_equal(thread->paths.flush, 2);
	for (uint32_t i = 0; i < MISS_DEPTH_MIN; i++)
		assert_ptr_equal(lookaside_get(pool, thread), objs[MISS_DEPTH_MIN - 1 - i]);
	assert_int_equal(thread->paths.refill, 0);
	assert_ptr_equal(lookaside_get(pool, thread), objs[OBJECTS - 1]);
	assert_int_equal(thread->paths.refill, 1);
	assert_int_equal(atom_load_relaxed(&self->depth), MISS_DEPTH_MIN);
	close_pool(pool, thread, MISS_DEPTH_MIN + 1);
}

/* A get that found the stack empty, and then nothing behind, finds what was put meanwhile. */
static void lookaside_looks_twice(NO_STATE)
{
	skip_unless_supported(&pool_lookaside_ops);
	OPEN(lookaside, 1);
	struct lookaside_thread *mine = (struct lookaside_thread *)thread;
	void *object = lookaside_get(pool, thread);

	lookaside_put(pool, thread, object);
	assert_ptr_equal(lookaside_get_behind(self, mine), object);
	assert_int_equal(thread->paths.empty, 0);
	assert_null(lookaside_get_behind(self, mine));
	assert_int_equal(thread->paths.empty, 1);
	close_pool(pool, thread, 1);
}

static void lookaside_depth_follows_the_misses(NO_STATE)
{
	assert_int_equal(miss_depth_next(4, (struct miss_count){1000, 0}), 4);
	assert_int_equal(miss_depth_next(100, (struct miss_count){1000, 4}), 99);
	assert_int_equal(
		miss_depth_next(100, (struct miss_count){1000, 5}), 100 + 5 * 156 / 2000 + 5);
	assert_int_equal(miss_depth_next(156, (struct miss_count){1000, 100}), 156 + 10);
	assert_int_equal(miss_depth_next(4, (struct miss_count){4096, 4096}), 34);
	assert_int_equal(miss_depth_next(254, (struct miss_count){4096, 2048}), 256);
	assert_int_equal(miss_depth_next(256, (struct miss_count){4096, 4096}), 256);

	/* A burst twice as long as the least depth misses half of it, until the list holds the burst. */
	enum { OBJECTS = 2 * MISS_DEPTH_MIN, PERIODS = 4 };

	skip_unless_supported(&pool_lookaside_ops);
	OPEN(lookaside, OBJECTS);
	void *objs[OBJECTS];
	uint32_t deepest = 0;

	for (uint32_t gets = 0; gets < PERIODS * MISS_DEPTH_PERIOD; gets += OBJECTS) {
		lookaside_get_bulk(pool, thread, objs, OBJECTS);
		lookaside_put_bulk(pool, thread, objs, OBJECTS);
		if (atom_load_relaxed(&self->depth) > deepest)
			deepest = atom_load_relaxed(&self->depth);
	}
	assert_int_equal(deepest, 34);
	/* Since then it was deep enough in each period. */
	assert_int_equal(atom_load_relaxed(&self->depth), deepest - (PERIODS - 1));
	close_pool(pool, thread, 0);
}

/* What a hazard pointer shows is neither on the stack nor freed, though its thread ends, until it is shown no more. */
static void hazard_keeps_what_is_shown(NO_STATE)
{
	struct pool_thread *other;

	OPEN(hazard, 2);
	void *shown = hazard_get(pool, thread), *object = hazard_get(pool, thread);
	struct hazards_place *popper = ((struct hazard_thread *)thread)->place;

	assert_int_equal(pool->ops->attach(pool, &other), 0);
	atom_store_relaxed(&popper->hazard, hazard_block_of(self, shown));
	hazard_put(pool, other, object);
	hazard_put(pool, other, shown);
	hazard_flush(pool, other);
	assert_ptr_equal(atom_load_relaxed(&self->stack.head), hazard_block_of(self, object));
	assert_null(atom_load_relaxed(&hazard_block_of(self, object)->below));

	struct hazards_place *place = ((struct hazard_thread *)other)->place;
	pool->ops->detach(pool, other);
	assert_ptr_equal(place->retired, hazard_block_of(self, shown));
	assert_int_equal(place->count, 1);
	assert_int_equal(pool->ops->attach(pool, &other), 0);
	assert_ptr_equal(((struct hazard_thread *)other)->place, place);
	atom_store_relaxed(&popper->hazard, NULL);
	hazard_flush(pool, other);
	assert_null(place->retired);
	assert_ptr_equal(hazard_get(pool, other), shown);
	assert_ptr_equal(hazard_get(pool, other), object);
	hazard_put(pool, other, shown);
	hazard_put(pool, other, object);
	pool->ops->detach(pool, other);
	close_pool(pool, thread, 0);
}

/* The stack has its limit: what is put beyond is free's. */
static void hazard_gives_back(NO_STATE)
{
	enum { OBJECTS = HAZARD_KEEP + 1000 };
	static void *objs[OBJECTS];
	uint32_t kept = 0;

	OPEN(hazard, OBJECTS);
	for (uint32_t i = 0; i < OBJECTS; i++)
		assert_non_null(objs[i] = hazard_get(pool, thread));
	for (uint32_t i = 0; i < OBJECTS; i++)
		hazard_put(pool, thread, objs[i]);
	hazard_flush(pool, thread);
	for (struct hazards_block *at = atom_load_relaxed(&self->stack.head); at != NULL;
		at = atom_load_relaxed(&at->below))
		kept++;
	assert_int_equal(kept, HAZARD_KEEP);
	assert_null(((struct hazard_thread *)thread)->place->retired);
	assert_int_equal(thread->paths.grow, OBJECTS);
	close_pool(pool, thread, 0);
}

/* Bytes of this process that lie in memory. */
static size_t resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* What a peak leaves in memory when all objects are put again, in thousandths of what it took. */
static size_t left_of_a_peak(const struct pool_ops *ops, bool backwards, size_t *allocated)
{
	enum { OBJECTS = 8 * HAZARD_KEEP, BYTES = 256 };
	static void *objs[OBJECTS];
	struct pool_thread *thread;
	const struct pool_config config = {.object_bytes = BYTES, .capacity = OBJECTS};
	struct pool *pool;

	memset(objs, 0xff, sizeof(objs)); /* resident before anything is counted */
	malloc_trim(0);
	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, &thread), 0);
	const size_t before = resident();
	for (uint32_t i = 0; i < OBJECTS; i++) {
		assert_non_null(objs[i] = ops->get(pool, thread));
		memset(objs[i], 0xff, BYTES);
	}
	const size_t peak = resident() - before;
	assert_true(peak >= (size_t)OBJECTS * BYTES);
	for (uint32_t i = 0; i < OBJECTS; i++)
		ops->put(pool, thread, objs[backwards ? OBJECTS - 1 - i : i]);
	ops->flush(pool, thread);
	*allocated = mallinfo2().uordblks;
	malloc_trim(0);
	const size_t after = resident();
	close_pool(pool, thread, 0);
	return after < before ? 0 : (after - before) * 1000 / peak;
}

/* After a peak hazard has what its stack keeps, an eighth here. A pool with objects of its own, the control, keeps all. */
static void a_peak_leaves_little_in_hazard(NO_STATE)
{
	enum { EIGHTH = 1000 / 8, FIFTH = 1000 / 5, NEARLY_ALL = 900 };
	size_t allocated;

	if (sanitized) {
		print_message("a sanitizer has a malloc of its own, which keeps what was freed\n");
		skip();
	}
	assert_true(left_of_a_peak(&pool_treiber_tag_ops, false, &allocated) >= NEARLY_ALL);
	for (int backwards = 0; backwards < 2; backwards++) {
		const size_t left = left_of_a_peak(&pool_hazard_ops, backwards, &allocated);

		print_message("hazard: %zu of 1000 bytes are left of a peak\n", left);
		assert_in_range(left, EIGHTH / 2, FIFTH);
		assert_true(allocated < (size_t)2 * HAZARD_KEEP * 512);
	}
}

/* A putter that stopped between its CAS and its store hides what others put behind it. */
static void vyukov_says_empty_behind_a_stopped_put(NO_STATE)
{
	OPEN(vyukov, 2);

	void *a = vyukov_get(pool, thread);
	void *b = vyukov_get(pool, thread);
	uint64_t at = atom_add_relaxed(&self->ring.give, 1);
	struct cell_ring_cell *cell = cell_ring_at(&self->ring, at);
	vyukov_put(pool, thread, b);
	assert_null(vyukov_get(pool, thread));
	assert_int_equal(thread->paths.empty, 1);

	cell->object = a; /* the stopped put goes on */
	atom_store_release(&cell->seq, at + 1);
	assert_ptr_equal(vyukov_get(pool, thread), a);
	assert_ptr_equal(vyukov_get(pool, thread), b);
	close_pool(pool, thread, 2);
}

/* A burst ends at the cell of a stopped put, and begins again when that has gone on. */
static void vyukov_burst_ends_at_a_stopped_put(NO_STATE)
{
	OPEN(vyukov, 4);
	void *objs[4], *out[4];

	assert_int_equal(vyukov_get_bulk(pool, thread, objs, 4), 4);
	vyukov_put_bulk(pool, thread, objs, 2);
	uint64_t at = atom_add_relaxed(&self->ring.give, 1);
	struct cell_ring_cell *cell = cell_ring_at(&self->ring, at);
	vyukov_put_bulk(pool, thread, &objs[3], 1);
	assert_int_equal(vyukov_get_bulk(pool, thread, out, 4), 2);
	assert_memory_equal(out, objs, 2 * sizeof(*out));

	cell->object = objs[2]; /* the stopped put goes on */
	atom_store_release(&cell->seq, at + 1);
	assert_int_equal(vyukov_get_bulk(pool, thread, out, 4), 2);
	assert_memory_equal(out, &objs[2], 2 * sizeof(*out));
	close_pool(pool, thread, 4);
}

/* Bursts longer than the ring, round it many times and at every offset. */
static void vyukov_bursts_lap_the_ring(NO_STATE)
{
	enum { OBJECTS = 5, LAPS = 40 };
	OPEN(vyukov, OBJECTS);
	void *objs[POOL_BULK_MAX];
	void *next[POOL_BULK_MAX];

	assert_true(self->ring.mask + 1 < POOL_BULK_MAX);
	assert_int_equal(vyukov_get_bulk(pool, thread, objs, POOL_BULK_MAX), OBJECTS);
	for (uint64_t i = 0; i < LAPS * (self->ring.mask + 1); i++) {
		vyukov_put_bulk(pool, thread, objs, OBJECTS);
		assert_int_equal(vyukov_get_bulk(pool, thread, next, POOL_BULK_MAX), OBJECTS);
		assert_memory_equal(objs, next, OBJECTS * sizeof(*objs)); /* FIFO */
	}
	vyukov_put_bulk(pool, thread, objs, OBJECTS);
	close_pool(pool, thread, 0);
}

struct vyukov_putter {
	struct pool *pool;
	void *object;
	atom_u32 done;
};

static void *vyukov_putter(void *arg)
{
	struct vyukov_putter *putter = arg;
	struct pool_thread *thread;

	if (pool_vyukov_ops.attach(putter->pool, &thread) != 0)
		return NULL;
	vyukov_put(putter->pool, thread, putter->object);
	atom_store_release(&putter->done, 1);
	pool_vyukov_ops.detach(putter->pool, thread);
	return putter;
}

/* A getter that stopped one lap ago makes the ring look full: put waits and drops nothing. */
static void vyukov_put_waits_for_a_stopped_get(NO_STATE)
{
	const struct timespec while_it_must_not_return = {.tv_nsec = 5000000};
	OPEN(vyukov, 2);
	pthread_t id;
	void *ended;

	assert_int_equal(self->ring.mask, 3);
	void *a = vyukov_get(pool, thread);
	void *b = vyukov_get(pool, thread);
	vyukov_put(pool, thread, a);
	uint64_t at = atom_add_relaxed(&self->ring.take, 1); /* holds a's cell, and stops */
	for (uint64_t i = 0; i < self->ring.mask; i++) {
		vyukov_put(pool, thread, b);
		assert_ptr_equal(vyukov_get(pool, thread), b);
	}

	struct vyukov_putter putter = {.pool = pool, .object = b};
	atom_init(&putter.done, 0);
	assert_int_equal(pthread_create(&id, NULL, vyukov_putter, &putter), 0);
	nanosleep(&while_it_must_not_return, NULL);
	assert_int_equal(atom_load_acquire(&putter.done), 0);
	atom_store_release(
		&cell_ring_at(&self->ring, at)->seq, at + self->ring.mask + 1); /* goes on */
	assert_int_equal(pthread_join(id, &ended), 0);
	assert_non_null(ended);
	assert_ptr_equal(vyukov_get(pool, thread), b);
	close_pool(pool, thread, 2);
}

static void scq_cycle_wraps(NO_STATE)
{
	OPEN(scq, 3);
	const uint64_t entries = (uint64_t)1 << self->ring.order;
	const uint64_t last_cycle = UINT64_MAX >> INDEX_RING_CYCLE_SHIFT;
	char why[POOL_REASON_BYTES] = "";
	void *held[3];

	for (size_t i = 0; i < array_count(held); i++)
		assert_non_null(held[i] = scq_get(pool, thread));
	index_ring_start(&self->ring, INDEX_RING_NARROW, (last_cycle - 1) << self->ring.order);
	for (uint64_t i = 0; i < 4 * entries; i++) {
		for (size_t k = 0; k < array_count(held); k++)
			scq_put(pool, thread, held[k]);
		assert_int_equal(pool->ops->check(pool, 0, why), 0);
		for (size_t k = 0; k < array_count(held); k++)
			assert_ptr_equal(scq_get(pool, thread), held[k]); /* FIFO */
		assert_null(scq_get(pool, thread));
	}
	assert_true(atom_load_relaxed(&self->ring.head.generation) >> self->ring.order >
		    last_cycle + 1);
	close_pool(pool, thread, 3);
}

/* A hint that outlives a put loses an object that is there. */
static void scq_finds_a_put_after_any_number_of_misses(NO_STATE)
{
	OPEN(scq, 1);

	void *object = scq_get(pool, thread);
	for (uint64_t misses = 0; misses >> self->ring.order < 3; misses++) {
		assert_null(scq_get(pool, thread));
		if (misses % 5 == 0) {
			scq_put(pool, thread, object);
			assert_ptr_equal(scq_get(pool, thread), object);
		}
	}
	close_pool(pool, thread, 1);
}

/* A getter that set the hint after a put had looked at it. */
static void scq_finds_what_rests_behind_a_stale_hint(NO_STATE)
{
	OPEN(scq, 2);

	void *a = scq_get(pool, thread);
	void *b = scq_get(pool, thread);
	scq_put(pool, thread, a);
	scq_put(pool, thread, b);
	atom_store_relaxed(&self->ring.dry, 1);
	assert_ptr_equal(scq_get(pool, thread), a);
	assert_ptr_equal(scq_get(pool, thread), b);
	assert_null(scq_get(pool, thread));
	close_pool(pool, thread, 2);
}

/* Puts that stopped between position and entry, laps of them: what rests behind them is found. */
static void scq_finds_what_rests_behind_stopped_puts(NO_STATE)
{
	OPEN(scq, 1);
	const uint64_t entries = (uint64_t)1 << self->ring.order;

	void *object = scq_get(pool, thread);
	for (uint64_t stopped = 0; stopped < 3 * entries; stopped += 7) {
		atom_add_seq_cst(&self->ring.tail.generation, stopped);
		assert_null(scq_get(pool, thread));
		scq_put(pool, thread, object);
		assert_ptr_equal(scq_get(pool, thread), object);
		assert_null(scq_get(pool, thread));
	}
	close_pool(pool, thread, 1);
}

/* A put that took its position before, and for which it is too late there, takes the next one. */
static void put_too_late(
	struct scq_pool *self, struct pool_thread *thread, void *object, uint64_t late)
{
	struct pool *pool = &self->base;

	atom_init(&self->ring.tail.generation, late);
	scq_put(pool, thread, object);
	assert_int_equal(atom_load_relaxed(&self->ring.tail.generation), late + 2);
	assert_int_equal(thread->paths.wait, 1);
	assert_ptr_equal(scq_get(pool, thread), object);
	close_pool(pool, thread, 1);
}

/* A put whose getter came too early must not fill that getter's entry. */
static void scq_put_passes_over_an_entry_whose_get_is_gone(NO_STATE)
{
	OPEN(scq, 1);

	void *object = scq_get(pool, thread);
	scq_put(pool, thread, object);
	assert_ptr_equal(scq_get(pool, thread), object);
	const uint64_t late = atom_load_relaxed(&self->ring.head.generation);
	assert_int_equal(scq_take_next(self), 0); /* takes position `late` and moves its entry on */
	put_too_late(self, thread, object, late);
}

/* A get that is a lap ahead of another one goes by that one's entry; what is put later must not lie where it was. */
static void scq_put_passes_over_a_position_that_was_gone_by(NO_STATE)
{
	OPEN(scq, 1);

	void *object = scq_get(pool, thread);
	const uint64_t first = atom_load_relaxed(&self->ring.tail.generation);
	scq_put(pool, thread, object);
	const uint64_t late = first + ((uint64_t)1 << self->ring.order);
	atom_init(
		&self->ring.head.generation, late); /* as if a get had taken `first` and stopped */
	atom_init(&self->ring.tail.generation, late);
	assert_int_equal(scq_take_next(self), 0);
	assert_int_not_equal(scq_empty(self, first), 0);
	put_too_late(self, thread, object, late);
}

/* One addition a burst, and single ones for positions in which nothing was, or which were overtaken. */
static void scq_burst_takes_its_positions_at_once(NO_STATE)
{
	OPEN(scq, 3);
	void *held[3], *got[5];

	for (size_t i = 0; i < array_count(held); i++)
		assert_non_null(held[i] = scq_get(pool, thread));
	uint64_t head = atom_load_relaxed(&self->ring.head.generation),
		 tail = atom_load_relaxed(&self->ring.tail.generation);

	scq_put_bulk(pool, thread, held, 3);
	assert_int_equal(atom_load_relaxed(&self->ring.tail.generation), tail + 3);
	assert_int_equal(scq_get_bulk(pool, thread, got, 2), 2);
	assert_int_equal(scq_get_bulk(pool, thread, got + 2, 3), 1);
	assert_memory_equal(got, held, sizeof(held)); /* FIFO */
	assert_true(atom_load_relaxed(&self->ring.head.generation) >= head + 3);

	/* A put stopped between the first and the others. */
	scq_put(pool, thread, held[0]);
	atom_add_seq_cst(&self->ring.tail.generation, 1);
	scq_put_bulk(pool, thread, held + 1, 2);
	assert_int_equal(scq_get_bulk(pool, thread, got, 3), 3);
	assert_memory_equal(got, held, sizeof(held));

	/* A get that came too early moved the first two entries on. */
	thread->paths.wait = 0;
	tail = atom_load_relaxed(&self->ring.tail.generation);
	atom_init(&self->ring.head.generation, tail);
	assert_int_equal(scq_take_next(self), 0);
	assert_int_equal(scq_take_next(self), 0);
	atom_init(&self->ring.tail.generation, tail);
	scq_put_bulk(pool, thread, held, 3);
	assert_int_equal(thread->paths.wait, 2);
	assert_int_equal(atom_load_relaxed(&self->ring.tail.generation), tail + 5);
	assert_int_equal(scq_get_bulk(pool, thread, got, 5), 3);
	assert_ptr_equal(got[0], held[0]);
	close_pool(pool, thread, 3);
}

/* Asks for everything: each put fills its entry for a request, each get ends one, round the ring and over the wrap of its cycle. */
static void wcq_requests_go_round(NO_STATE)
{
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_wcq_ops, 3, &thread);
	struct helped_ring *self = (struct helped_ring *)pool;
	char why[POOL_REASON_BYTES] = "";
	struct helped_thread *mine = (struct helped_thread *)thread;
	const uint64_t entries = (uint64_t)1 << self->ring.order;
	const uint64_t last_cycle = UINT64_MAX >> INDEX_RING_CYCLE_SHIFT;
	void *held[3];

	for (size_t i = 0; i < array_count(held); i++)
		assert_non_null(held[i] = wcq_get(pool, thread));
	index_ring_start(&self->ring, INDEX_RING_WIDE, (last_cycle - 1) << self->ring.order);
	for (uint64_t i = 0; i < 4 * entries; i++) {
		for (size_t k = 0; k < array_count(held); k++) {
			if (i % 5 == k) /* as puts that stopped */
				index_ring_next(&self->ring.tail, 3);
			helped_ring_ask(self, mine, slab_unit(&self->slab, held[k]));
		}
		assert_int_equal(pool->ops->check(pool, 0, why), 0);
		for (size_t k = 0; k < array_count(held); k++) {
			uint32_t unit = helped_ring_collect(
				self, helped_ring_ask(self, mine, HELPED_RING_GET));

			assert_int_equal(unit, slab_unit(&self->slab, held[k])); /* FIFO */
		}
		assert_int_equal(
			helped_ring_collect(self, helped_ring_ask(self, mine, HELPED_RING_GET)), 0);
	}
	assert_true(atom_load_relaxed(&self->ring.head.generation) >> self->ring.order >
		    last_cycle + 1);
	close_pool(pool, thread, 3);
}

/* The thread's CPU is what the test says, not what the kernel says. */
static void idx_local_hands_over_chains(NO_STATE)
{
	enum { OBJECTS = 2 * COUNTED_SHARDS_LIMIT + 1 };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_idx_local_ops, OBJECTS, &thread);
	struct counted_shards *self = (struct counted_shards *)pool;
	char why[POOL_REASON_BYTES] = "";
	void *held[OBJECTS];
	atom_u32 cpu;

	atom_init(&cpu, 0);
	((struct cpu_thread *)thread)->cpu_word = &cpu;
	for (size_t i = 0; i < OBJECTS; i++)
		assert_non_null(held[i] = idx_local_get(pool, thread));
	assert_null(idx_local_get(pool, thread));
	for (size_t i = 0; i < OBJECTS; i++)
		idx_local_put(pool, thread, held[i]);
	assert_int_equal(thread->paths.flush, 2);
	assert_int_equal(counted_stack_length(atom_load_relaxed(&self->shard[0].head)), 1);
	assert_int_equal(life_cycle_check(pool, 0, why), 0);

	atom_store_relaxed(&cpu, 1); /* another CPU takes the chains over, then searches */
	for (size_t i = 0; i < OBJECTS; i++)
		assert_non_null(held[i] = idx_local_get(pool, thread));
	assert_int_equal(thread->paths.refill, 2);
	assert_int_equal(thread->paths.steal, 1);
	assert_null(idx_local_get(pool, thread));
	close_pool(pool, thread, OBJECTS);
}

static void idx_local_bulk_splits_at_the_limit(NO_STATE)
{
	enum { OBJECTS = POOL_BULK_MAX };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_idx_local_ops, OBJECTS, &thread);
	char why[POOL_REASON_BYTES] = "";
	void *held[OBJECTS];

	assert_int_equal(idx_local_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	idx_local_put_bulk(pool, thread, held, OBJECTS);
	assert_int_equal(life_cycle_check(pool, 0, why), 0);
	idx_local_flush(pool, thread);
	idx_local_flush(pool, thread);
	assert_int_equal(life_cycle_check(pool, 0, why), 0);
	assert_int_equal(life_cycle_count(pool), OBJECTS);
	assert_int_equal(idx_local_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	close_pool(pool, thread, OBJECTS);
}

/* Elements that have something, as a search from each place finds them; some bits are set in vain. */
static void bit_tree_finds_what_was_added(NO_STATE)
{
	enum { ELEMENTS = 3 * 64 * 64 + 5 };
	static const uint32_t has[] = {1, 63, 64, 70, 4095, 4096, 8191, ELEMENTS - 1};
	struct bit_tree tree;
	uint32_t found;

	assert_int_equal(bit_tree_init(&tree, ELEMENTS), 0);
	assert_false(bit_tree_next(&tree, 0, &found));
	for (size_t i = 0; i < array_count(has); i++)
		bit_tree_add(&tree, has[i]);
	for (size_t i = 0; i < array_count(has); i++) {
		assert_true(bit_tree_next(&tree, has[i], &found));
		assert_int_equal(found, has[i]);
		assert_true(bit_tree_next(&tree, has[i] + 1, &found));
		assert_int_equal(found, has[(i + 1) % array_count(has)]);
	}
	for (size_t i = 0; i < array_count(has); i++) {
		assert_true(bit_tree_shows(&tree, has[i]));
		bit_tree_lower(&tree, has[i]);
		assert_false(bit_tree_shows(&tree, has[i]));
	}
	assert_int_equal(atom_load_relaxed(&tree.level[BIT_TREE_LEVELS - 1][0]), 0);
	/* As when an adder was overtaken by who took it away: the search cleans up and goes on. */
	bit_tree_add(&tree, 200);
	atom_init(&tree.level[0][3], 0);
	bit_tree_add(&tree, 5000);
	assert_true(bit_tree_next(&tree, 5, &found));
	assert_int_equal(found, 5000);
	assert_int_equal(atom_load_relaxed(&tree.level[1][0]) >> 3 & 1, 0);
	bit_tree_fini(&tree);
}

/* Two CPUs have a group each; a third one shares, until one of them gives its own up. */
static void bitmap_reserves_a_group_for_a_cpu(NO_STATE)
{
	enum { OBJECTS = 2 * BIT_GROUP_OBJECTS, HELD = BIT_WORD_OBJECTS + 1 };
	OPEN(bitmap, OBJECTS);
	void *held[2][HELD], *object;
	atom_u32 cpu;

	((struct cpu_thread *)thread)->cpu_word = &cpu;
	for (uint32_t i = 0; i < 2; i++) {
		atom_init(&cpu, i);
		for (uint32_t k = 0; k < HELD; k++) {
			assert_non_null(held[i][k] = bitmap_get(pool, thread));
			assert_int_equal(
				slab_number(&self->slab, held[i][k]), i * BIT_GROUP_OBJECTS + k);
		}
	}
	assert_int_equal(thread->paths.grow, 2);
	atom_init(&cpu, 2);
	assert_non_null(object = bitmap_get(pool, thread));
	assert_int_equal(thread->paths.steal, 1);
	bitmap_put(pool, thread, object);
	atom_init(&cpu, 1);
	bitmap_flush(pool, thread);
	atom_init(&cpu, 2);
	bitmap_flush(pool, thread);
	for (uint32_t k = 0; k < HELD; k++) { /* to whoever has the group, in any order */
		bitmap_put(pool, thread, held[0][k]);
		bitmap_put(pool, thread, held[1][HELD - 1 - k]);
	}
	assert_non_null(object = bitmap_get(pool, thread));
	assert_int_equal(slab_number(&self->slab, object), BIT_GROUP_OBJECTS);
	assert_int_equal(thread->paths.refill, 1);
	bitmap_put(pool, thread, object);
	close_pool(pool, thread, 0);
}

/* A burst from one word comes by one step and goes back by one. */
static void bitmap_moves_a_word_at_once(NO_STATE)
{
	enum { OBJECTS = 3 * BIT_WORD_OBJECTS };
	OPEN(bitmap, OBJECTS);
	void *held[OBJECTS], *none;

	assert_int_equal(bitmap_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	assert_int_equal(bitmap_get_bulk(pool, thread, &none, 1), 0);
	bitmap_put_bulk(pool, thread, held + 10, OBJECTS - 10);
	assert_int_equal(atom_load_relaxed(&self->bits.word[0].free), UINT64_MAX << 10);
	for (uint32_t i = 1; i < OBJECTS / BIT_WORD_OBJECTS; i++)
		assert_true(atom_load_relaxed(&self->bits.word[i].free) == UINT64_MAX);
	assert_int_equal(life_cycle_count(pool), OBJECTS - 10);
	assert_int_equal(bitmap_get_bulk(pool, thread, held + 10, 60), 60);
	assert_int_equal(slab_number(&self->slab, held[10]), OBJECTS - BIT_WORD_OBJECTS);
	assert_int_equal(slab_number(&self->slab, held[69]), OBJECTS - BIT_WORD_OBJECTS + 59);
	close_pool(pool, thread, 70);
}

/* The bits of word `at` that stand for objects of a pool of so many. */
static uint64_t bitmap_word_of(uint32_t objects, uint32_t at)
{
	const uint32_t before = at * BIT_WORD_OBJECTS;
	const uint32_t here = objects < before ? 0 : objects - before;

	return here >= BIT_WORD_OBJECTS ? UINT64_MAX : ((uint64_t)1 << here) - 1;
}

/* Objects that fill no whole number of words or groups: each has a bit, and what is left of a word stands for none. */
static void bitmap_ends_within_a_word(NO_STATE)
{
	static const uint32_t sizes[] = {1, BIT_WORD_OBJECTS - 1, BIT_WORD_OBJECTS + 1,
		BIT_GROUP_OBJECTS - 1, BIT_GROUP_OBJECTS, BIT_GROUP_OBJECTS + 1,
		2 * BIT_GROUP_OBJECTS + 44};
	void *held[POOL_BULK_MAX], *none;
	char why[POOL_REASON_BYTES];

	for (size_t i = 0; i < array_count(sizes); i++) {
		const uint32_t objects = sizes[i], last = (objects - 1) / BIT_WORD_OBJECTS;
		OPEN(bitmap, objects);

		for (int bulk = 0; bulk < 2; bulk++) {
			if (bulk)
				assert_int_equal(bitmap_get_bulk(pool, thread, held, POOL_BULK_MAX),
					objects);
			for (uint32_t k = 0; k < objects && !bulk; k++)
				assert_non_null(held[k] = bitmap_get(pool, thread));
			assert_null(bitmap_get(pool, thread));
			assert_int_equal(bitmap_get_bulk(pool, thread, &none, 1), 0);
			if (bulk)
				bitmap_put_bulk(pool, thread, held, objects);
			for (uint32_t k = objects; k-- > 0 && !bulk;)
				bitmap_put(pool, thread, held[k]);
			for (uint32_t at = 0; at <= last; at++)
				assert_true(atom_load_relaxed(&self->bits.word[at].free) ==
					    bitmap_word_of(objects, at));
			assert_int_equal(pool->ops->count(pool), objects);
		}
		/* The control: a bit behind the last object's. */
		const uint64_t bits = bitmap_word_of(objects, last);
		if (bits != UINT64_MAX) {
			atom_store_relaxed(&self->bits.word[last].free, bits + bits + 1);
			assert_int_equal(pool->ops->check(pool, 0, why), -EINVAL);
			assert_non_null(strstr(why, "I1"));
			atom_store_relaxed(&self->bits.word[last].free, bits);
		}
		close_pool(pool, thread, 0);
	}
}

static void slab_numbers_objects_of_any_size(NO_STATE)
{
	static const size_t sizes[] = {64, 65, 192, 200, 448, 1536, 2048, 4096, 100000, 1 << 20};

	for (size_t i = 0; i < array_count(sizes); i++) {
		for (size_t align = 64; align <= 4096; align *= 4) {
			const uint32_t most = slab_most(sizes[i], align);
			struct slab slab;

			assert_int_equal(slab_init(&slab, sizes[i], align, most,
						 MEMORY_PAGES_ORDINARY, SLAB_WITHOUT_LINKS),
				0);
			for (uint32_t k = 0; k < most; k += most / 500 + 1)
				assert_int_equal(slab_number(&slab, slab_object(&slab, k)), k);
			assert_int_equal(
				slab_number(&slab, slab_object(&slab, most - 1)), most - 1);
			slab_fini(&slab);
		}
	}
}

/* Each half of a meeting, while the other half is what has been left at the place. */
static void elimination_meets_at_a_place(NO_STATE)
{
	OPEN(elimination, 2);
	struct meeting *beside = &self->beside;
	struct meeting_guest *mine = &((struct elimination_thread *)thread)->guest;
	atom_u64 *place = &beside->place[0].word; /* a new thread uses no other */
	void *object = elimination_get(pool, thread);
	const uint32_t unit = slab_unit(&self->shared.slab, object);
	uint64_t offer, wish, again;

	assert_true(meeting_come(place, 0, MEETING_OFFER, unit, &offer));
	assert_int_equal(meeting_take(beside, mine), unit);
	assert_int_equal(meeting_state(atom_load_relaxed(place)), MEETING_NOBODY);
	assert_true(meeting_come(place, atom_load_relaxed(place), MEETING_WISH, 0, &wish));
	assert_true(meeting_give(beside, mine, unit));
	assert_int_equal(meeting_state(atom_load_relaxed(place)), MEETING_GIFT);
	assert_false(meeting_come(place, atom_load_relaxed(place), MEETING_OFFER, unit, &again));
	again = wish;
	assert_true(meeting_answered(mine, place, &again));
	assert_int_equal(tagged_unit(again), unit);
	atom_store_relaxed(place, meeting_with(again, MEETING_NOBODY, 0));
	/* Nobody comes: what was left is taken back, and is not what was left before. */
	assert_false(meeting_give(beside, mine, unit));
	assert_int_equal(meeting_take(beside, mine), 0);
	assert_int_equal(meeting_state(atom_load_relaxed(place)), MEETING_NOBODY);
	assert_true(meeting_come(place, atom_load_relaxed(place), MEETING_OFFER, unit, &again));
	assert_int_not_equal(again, offer);
	assert_ptr_equal(elimination_take_beside(pool, thread), object);
	assert_int_equal(thread->paths.steal, 1);
	close_pool(pool, thread, 1);
}

/* What another thread frees waits for its owner, who takes all of it once the own list is empty. */
static void owner_list_gets_back_what_others_freed(NO_STATE)
{
	enum { OBJECTS = 2 * POOL_MAGAZINE_OBJECTS_DEFAULT };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_owner_list_ops, OBJECTS, &thread);
	struct owned_lists *self = (struct owned_lists *)pool;
	struct pool_thread *other;
	void *held[OBJECTS], *theirs;
	const uint32_t half = self->limit;

	assert_int_equal(pool_owner_list_ops.attach(pool, &other), 0);
	assert_int_equal(owner_list_get_bulk(pool, thread, held, half), half);
	assert_non_null(theirs = owner_list_get(pool, other));
	for (uint32_t i = 0; i < half; i++)
		owner_list_put(pool, other, held[i]);
	assert_int_equal(counted_stack_length(atom_load_relaxed(&self->back[0].head)), half);
	assert_int_equal(owner_list_get_bulk(pool, thread, held + half, half), half);
	for (uint32_t i = 0; i < half; i++)
		assert_ptr_equal(held[half + i], held[half - 1 - i]);
	assert_int_equal(thread->paths.refill, 1);
	assert_null(owner_list_get(pool, thread)); /* the rest is the other's own */
	owner_list_put(pool, other, theirs);
	pool_owner_list_ops.detach(pool, other);
	assert_int_equal(owner_list_get_bulk(pool, thread, held, half), half);
	assert_int_equal(*homes_of(&self->owners, theirs), 0); /* now they are this thread's */
	close_pool(pool, thread, 2 * half);
}

/* What comes back to a thread that has ended is there for all, and its place for the next. */
static void owner_list_outlives_its_owner(NO_STATE)
{
	enum { OBJECTS = POOL_MAGAZINE_OBJECTS_DEFAULT };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_owner_list_ops, OBJECTS, &thread);
	struct pool_thread *owner;
	void *held[OBJECTS], *object;

	for (int round = 0; round < 2; round++) {
		assert_int_equal(pool_owner_list_ops.attach(pool, &owner), 0);
		assert_int_equal(((struct owned_lists_thread *)owner)->place, 1);
		assert_int_equal(owner_list_get_bulk(pool, owner, held, OBJECTS), OBJECTS);
		pool_owner_list_ops.detach(pool, owner);
		owner_list_put_bulk(pool, thread, held, OBJECTS);
		assert_int_equal(pool_owner_list_ops.attach(pool, &owner), 0);
		assert_non_null(object = owner_list_get(pool, owner));
		owner_list_put(pool, owner, object);
		pool_owner_list_ops.detach(pool, owner);
		/* Without another owner: stolen. */
		assert_int_equal(owner_list_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
		owner_list_put_bulk(pool, thread, held, OBJECTS);
		owned_lists_flush(pool, thread);
	}
	assert_int_equal(owner_list_get_bulk(pool, thread, held, 1), 1);
	assert_int_equal(pool_owner_list_ops.attach(pool, &owner), 0);
	owner_list_put_bulk(pool, owner, held, 1);
	owned_lists_flush(pool, thread);
	assert_int_equal(owner_list_get_bulk(pool, owner, held, OBJECTS), OBJECTS);
	pool_owner_list_ops.detach(pool, owner);
	owner_list_put_bulk(pool, thread, held, OBJECTS);
	assert_int_equal(thread->paths.steal, 0);
	assert_int_equal(owner_list_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	assert_int_equal(thread->paths.steal, 1);
	close_pool(pool, thread, OBJECTS);
}

/* A second list has room for more than the own one keeps: the next put makes it the reserve. */
static void owner_list_takes_more_than_it_keeps(NO_STATE)
{
	enum { OBJECTS = 2 * POOL_MAGAZINE_OBJECTS_DEFAULT + 1 };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_owner_list_ops, OBJECTS, &thread);
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;
	struct pool_thread *other;
	void *held[OBJECTS];

	assert_int_equal(pool_owner_list_ops.attach(pool, &other), 0);
	assert_int_equal(owner_list_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	owner_list_put_bulk(pool, other, held + 1, OBJECTS - 1);
	assert_int_equal(counted_stack_length(atom_load_relaxed(&self->back[0].head)), OBJECTS - 1);
	assert_non_null(held[1] = owner_list_get(pool, thread));
	owner_list_put_bulk(pool, thread, held, 2);
	assert_int_equal(counted_stack_length(mine->reserve), OBJECTS - 2);
	assert_int_equal(counted_stack_length(mine->list), 2);
	assert_int_equal(thread->paths.flush, 0);
	pool_owner_list_ops.detach(pool, other);
	assert_int_equal(owner_list_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	close_pool(pool, thread, OBJECTS);
}

/* At the edge of a full list a put and a get in turn, of any pattern, don't go behind the lists. */
static void owner_list_has_a_reserve(NO_STATE)
{
	enum { OBJECTS = 3 * POOL_MAGAZINE_OBJECTS_DEFAULT + 3, HELD = 4, TURNS = 50 };
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_owner_list_ops, OBJECTS, &thread);
	void *held[OBJECTS];

	assert_int_equal(owner_list_get_bulk(pool, thread, held, OBJECTS), OBJECTS);
	for (uint32_t i = HELD; i < OBJECTS; i++)
		owner_list_put(pool, thread, held[i]);
	const uint64_t flushes = thread->paths.flush, refills = thread->paths.refill;
	for (int i = 0; i < TURNS; i++) {
		owner_list_put_bulk(pool, thread, held, 2);
		assert_int_equal(owner_list_get_bulk(pool, thread, held, 2), 2);
	}
	assert_in_range(thread->paths.flush - flushes + thread->paths.refill - refills, 1, 1);
	close_pool(pool, thread, HELD);
}

/* An array that somebody is in: each call that finds it so counts a turn, and goes on elsewhere. */
static void percpu_try_counts_turns_that_it_lost(NO_STATE)
{
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_percpu_try_ops, 2, &thread);
	struct try_arrays *self = (struct try_arrays *)pool;
	void *object = percpu_try_get(pool, thread);

	assert_int_equal(thread->paths.wait, 0);
	for (uint32_t i = 0; i < self->cpus; i++)
		assert_true(try_lock_enter(&self->arrays[i].lock));
	percpu_try_put(pool, thread, object);
	const uint64_t lost = thread->paths.wait;
	assert_true(lost >= 2); /* the own one twice, or more */
	assert_ptr_equal(percpu_try_get(pool, thread), object);
	assert_true(thread->paths.wait > lost);
	for (uint32_t i = 0; i < self->cpus; i++)
		try_lock_leave(&self->arrays[i].lock);
	close_pool(pool, thread, 1);
}

struct contender {
	struct pool *pool;
	atom_u32 *done;
	atom_u32 cpu;
	bool waited;
};

enum { CONTENDER_BATCH = 1000 };

static bool contend(struct contender *self, struct pool_thread *thread)
{
	const struct pool_ops *ops = self->pool->ops;

	for (int i = 0; i < CONTENDER_BATCH; i++) {
		void *object = ops->get(self->pool, thread);

		if (object != NULL)
			ops->put(self->pool, thread, object);
	}
	return thread->paths.wait > 0;
}

static void *contend_until_done(void *arg)
{
	struct contender *self = arg;
	struct pool_thread *thread;

	if (self->pool->ops->attach(self->pool, &thread) != 0)
		return NULL;
	if (self->pool->ops == &pool_idx_local_ops)
		((struct cpu_thread *)thread)->cpu_word = &self->cpu;
	while (!self->waited && atom_load_relaxed(self->done) == 0)
		self->waited = contend(self, thread);
	atom_store_relaxed(self->done, 1);
	self->pool->ops->flush(self->pool, thread);
	self->pool->ops->detach(self->pool, thread);
	return NULL;
}

/*
 * Two threads that get and put as fast as they can: one of them loses a turn, and its count says so. The
 * control: a thread that is alone loses none. With a single CPU that would take too long.
 */
static void lost_turns_are_counted(NO_STATE)
{
	static const struct pool_ops *const designs[] = {&pool_treiber_tag_ops,
		&pool_elimination_ops, &pool_treiber_dwcas_ops, &pool_vyukov_ops,
		&pool_idx_local_ops};

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	for (size_t i = 0; i < array_count(designs); i++) {
		char reason[POOL_REASON_BYTES];
		struct pool_thread *thread;
		atom_u32 done;
		pthread_t id;

		if (!designs[i]->supported(reason))
			continue;
		atom_init(&done, 0);
		struct pool *pool = open_pool(designs[i], 4, &thread);
		struct contender alone = {.pool = pool}, other = {.pool = pool, .done = &done};

		atom_init(&alone.cpu, 0);
		atom_init(&other.cpu, 0);
		if (designs[i] == &pool_idx_local_ops)
			((struct cpu_thread *)thread)->cpu_word = &alone.cpu;
		for (int round = 0; round < 10; round++)
			assert_false(contend(&alone, thread));
		assert_int_equal(pthread_create(&id, NULL, contend_until_done, &other), 0);
		while (!contend(&alone, thread) && atom_load_relaxed(&done) == 0)
			;
		atom_store_relaxed(&done, 1);
		pthread_join(id, NULL);
		assert_true(thread->paths.wait > 0 || other.waited);
		close_pool(pool, thread, 0);
	}
}

static void cpu_numbers_have_a_bound(NO_STATE)
{
	assert_true(cpu_possible() >= 1);
	assert_true(cpu_limit() >= cpu_possible());
	assert_true(cpu_limit() > (uint32_t)sched_getcpu());
	cpu_set_possible(CPU_LIMIT_MAX + 1);
	assert_int_equal(cpu_limit(), CPU_LIMIT_MAX + 1);
	cpu_set_possible(1);
	assert_int_equal(cpu_possible(), 1);
	cpu_set_possible(0);
}

/* All of a pool's objects, taken and put in every way, by a thread that no cache serves. */
static void use_all(struct pool *pool, struct pool_thread *thread, uint32_t objects)
{
	enum { ROUNDS = 3 };
	const struct pool_ops *ops = pool->ops;
	void *held[POOL_BULK_MAX];
	void **run;

	for (int round = 0; round < ROUNDS; round++) {
		for (uint32_t k = 0; k < objects; k++)
			assert_non_null(held[k] = ops->get(pool, thread));
		assert_null(ops->get(pool, thread));
		for (uint32_t k = 0; k < objects; k++)
			ops->put(pool, thread, held[k]);
		ops->flush(pool, thread);
		assert_int_equal(ops->count(pool), objects);
		assert_int_equal(ops->get_bulk(pool, thread, held, objects), objects);
		ops->put_bulk(pool, thread, held, objects);
		if (ops->get_run != NULL) {
			uint32_t n = ops->get_run(pool, thread, &run);

			assert_true(n >= 1);
			ops->put_run(pool, thread, run, n);
		}
	}
}

/* A period of a thread's visits to a depot, in which so many turns were lost. */
static void lose_turns(
	struct depot *depot, struct pool_thread *thread, struct depot_watch *watch, uint32_t lost)
{
	thread->paths.wait += lost;
	for (uint32_t i = 0; i < DEPOT_PERIOD_VISITS; i++)
		depot_watch(depot, thread, watch);
}

/* Magazines grow by a step a period with lost turns, whoever lost them, up to the most; never in others. */
static void outgrow(struct pool *pool, struct pool_thread *thread, struct depot *depot)
{
	const uint32_t first = pool->config.magazine_objects;
	struct depot_watch mine = {0}, other = {0};

	lose_turns(depot, thread, &mine, DEPOT_PERIOD_LOST + 1);
	assert_int_equal(depot_size(depot), first); /* nobody saw when that began */
	for (uint32_t size = first; size < pool->config.magazine_objects_most;) {
		lose_turns(depot, thread, &mine, DEPOT_PERIOD_LOST);
		lose_turns(depot, thread, &other, 0);
		assert_int_equal(depot_size(depot), size);
		thread->paths.wait += DEPOT_PERIOD_LOST + 1; /* the same turns, for both */
		/* A weak compare-and-swap may fail without a cause. */
		for (int i = 0; i < 16 && depot_size(depot) == size; i++)
			lose_turns(depot, thread, &mine, i == 0 ? 0 : DEPOT_PERIOD_LOST + 1);
		lose_turns(depot, thread, &other, 0);
		size += POOL_MAGAZINE_GROWTH;
		assert_int_equal(depot_size(depot), size);
	}
	lose_turns(depot, thread, &mine, DEPOT_PERIOD_LOST + 1);
	assert_int_equal(depot_size(depot), pool->config.magazine_objects_most);
}

static uint64_t visits_to_use_all(struct pool *pool, struct pool_thread *thread, uint32_t objects)
{
	const struct pool_paths before = thread->paths;

	use_all(pool, thread, objects);
	return thread->paths.refill + thread->paths.flush - before.refill - before.flush;
}

static void magazines_grow_while_turns_are_lost(NO_STATE)
{
	enum { OBJECTS = 1000 };
	static const struct pool_ops *const designs[] = {
		&pool_mag_tls_grow_ops, &pool_rseq_mag_grow_ops};

	for (size_t i = 0; i < array_count(designs); i++) {
		const bool of_threads = designs[i] == &pool_mag_tls_grow_ops;
		char reason[POOL_REASON_BYTES];
		struct pool_thread *thread;

		if (!designs[i]->supported(reason))
			continue;
		struct pool *pool = open_pool(designs[i], OBJECTS, &thread);
		struct depot *depot = of_threads ? &((struct thread_magazines *)pool)->depot
						 : &((struct cpu_magazines *)pool)->depot;

		const uint64_t at_first = visits_to_use_all(pool, thread, OBJECTS);
		outgrow(pool, thread, depot);
		use_all(pool, thread, OBJECTS); /* what was full is topped up */
		assert_true(2 * visits_to_use_all(pool, thread, OBJECTS) < at_first);
		close_pool(pool, thread, 0);
	}
}

/* The control: of a fixed size they stay, whatever is lost. */
static void magazines_of_a_fixed_size_stay(NO_STATE)
{
	struct pool_thread *thread;
	struct pool *pool = open_pool(&pool_mag_tls_ops, 1, &thread);
	struct depot *depot = &((struct thread_magazines *)pool)->depot;
	struct depot_watch watch = {0};

	for (int i = 0; i < 4; i++)
		lose_turns(depot, thread, &watch, DEPOT_PERIOD_VISITS);
	assert_int_equal(depot_size(depot), pool->config.magazine_objects);
	close_pool(pool, thread, 0);
}

/* What a thread has of a run when it ends stays out, and others may put it; its magazines go back once. */
static void a_thread_ends_with_a_run(NO_STATE)
{
	enum { OBJECTS = 600, TIMES = 3 };

	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];
		struct pool_thread *thread, *ends, *other;
		void **run;
		void *held[OBJECTS];

		if (!runs_here(ops) || ops->get_run == NULL)
			continue;
		struct pool *pool = open_pool(ops, OBJECTS, &thread);
		for (int k = 0; k < TIMES; k++) {
			assert_int_equal(ops->attach(pool, &ends), 0);
			uint32_t n = ops->get_run(pool, ends, &run);

			assert_in_range(n, 1, OBJECTS);
			memcpy(held, run, n * sizeof(*held));
			ops->detach(pool, ends);
			for (uint32_t j = 0; j < n; j++)
				ops->put(pool, thread, held[j]);
			/* Two threads would now have the same magazine. */
			assert_int_equal(ops->attach(pool, &ends), 0);
			assert_int_equal(ops->attach(pool, &other), 0);
			assert_int_equal(ops->get_bulk(pool, thread, held, OBJECTS), OBJECTS);
			for (uint32_t j = 0; j < OBJECTS; j++)
				ops->put(pool, j % 2 == 0 ? ends : other, held[j]);
			ops->detach(pool, other);
			ops->detach(pool, ends);
		}
		close_pool(pool, thread, 0);
	}
}

/* More handles than the 4096 threads that a depot's table has magazines for. */
static void more_threads_than_a_table_has_places(NO_STATE)
{
	enum { HANDLES = 4200 };
	static struct pool_thread *threads[HANDLES];
	void *object;

	skip_if_only_races_are_looked_for();
	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];

		if (!runs_here(ops) || ops->traits.progress == POOL_UNSYNCHRONISED)
			continue;
		struct pool *pool = open_pool(ops, 0, &threads[0]); /* no cap: some cache much */
		for (uint32_t k = 1; k < HANDLES; k++) {
			assert_int_equal(ops->attach(pool, &threads[k]), 0);
			assert_non_null(object = ops->get(pool, threads[k]));
			ops->put(pool, threads[k - 1], object);
		}
		for (uint32_t k = 1; k < HANDLES; k++)
			ops->detach(pool, threads[k]);
		close_pool(pool, threads[0], 0);
	}
}

/* Everything on a CPU with a higher number than the pool was made for. */
static void more_cpus_than_expected(NO_STATE)
{
	enum { OBJECTS = 500 };
	cpu_set_t before;

	if (pin_to_the_highest_cpu(&before) == 0) {
		print_message("the process may use CPU 0 alone\n");
		skip();
	}
	cpu_set_possible(1);
	for (size_t i = 0; pools[i] != NULL; i++) {
		struct pool_thread *thread;

		if (pools[i]->traits.cache != POOL_CACHE_CPU || !runs_here(pools[i]))
			continue;
		struct pool *pool = open_pool(pools[i], OBJECTS, &thread);
		use_all(pool, thread, OBJECTS);
		close_pool(pool, thread, 0);
	}
	cpu_set_possible(0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* The same on the highest number that the kernel could report, which only a stand-in can name. */
static void the_highest_cpu_there_can_be(NO_STATE)
{
	enum { OBJECTS = 500 };
	static const struct pool_ops *const sections[] = {&pool_rseq_arr_ops,
		&pool_rseq_arr_cid_ops, &pool_home_ret_ops, &pool_home_ret_node_ops,
		&pool_rseq_mag_ops, &pool_rseq_mag_grow_ops};
	const uint32_t number = cpu_limit() - 1;
	struct rseq_unregistered highest;

	skip_unless_supported(&pool_rseq_arr_ops);
	rseq_set_feature_bytes(sizeof(highest)); /* nothing asks the kernel here */
	for (size_t i = 0; i < array_count(sections); i++) {
		struct pool_thread *thread;
		struct pool *pool = open_pool(sections[i], OBJECTS, &thread);
		const bool by_id = sections[i] == &pool_rseq_arr_cid_ops;

		/* An id counts alone: its thread runs on CPU 0. */
		highest = (struct rseq_unregistered){.cpu_id_start = by_id ? 0 : number,
			.cpu_id = by_id ? 0 : number,
			.mm_cid = by_id ? number : 0};
		if (sections[i] == &pool_rseq_mag_ops || sections[i] == &pool_rseq_mag_grow_ops)
			((struct cpu_magazines_thread *)thread)->rs = &highest;
		else
			((struct cpu_arrays_thread *)thread)->rs = &highest;
		use_all(pool, thread, OBJECTS);
		close_pool(pool, thread, 0);
	}
	rseq_set_feature_bytes(0);
}

#ifdef RSEQ_ARCH_SUPPORTED

/* A thread whose first section is aborted, as by the kernel, before the stop-th of its instructions. */
static struct {
	struct rseq_unregistered area;
	uint64_t stop, steps;
	volatile sig_atomic_t stepping, aborted;
} interrupted;

static void abort_section(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	step_go_on(context, interrupted.stepping);
	if (!interrupted.stepping || !step_in_section(&interrupted.area, context) ||
		++interrupted.steps != interrupted.stop)
		return;
	interrupted.aborted = step_interrupt(&interrupted.area, context);
	interrupted.stepping = false;
	step_go_on(context, false);
}

/* A burst that its CPU has room for goes there whole, and the CPU has one magazine in use, not two half full ones. */
static void an_interrupted_burst_stays_together(NO_STATE)
{
	enum { OBJECTS = 500, BURST = 11 };
	const struct sigaction action = {.sa_sigaction = abort_section, .sa_flags = SA_SIGINFO};
	struct sigaction before;

#ifdef ATOM_TSAN
	/*
	 * There is one thread. A step that ends in the sanitizer's runtime while that holds the lock of the thread's
	 * trace would end the test: the handler's own events want the lock.
	 */
	print_message("the thread sanitizer's runtime can't be stepped\n");
	skip();
#endif
	skip_unless_supported(&pool_rseq_mag_ops);
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	interrupted.stop = 0;
	do {
		struct pool_thread *thread;
		struct pool *pool = open_pool(&pool_rseq_mag_ops, OBJECTS, &thread);
		struct cpu_magazines *cache = (struct cpu_magazines *)pool;
		void *objs[BURST];

		interrupted.area = (struct rseq_unregistered){0};
		((struct cpu_magazines_thread *)thread)->rs = &interrupted.area;
		assert_int_equal(pool->ops->get_bulk(pool, thread, objs, BURST), BURST);
		struct rseq_place *place = cpu_magazines_place(cache, 0);
		const uint32_t count = rseq_place_count(place, rseq_place_pair(place));
		interrupted.stop++;
		interrupted.steps = 0;
		interrupted.aborted = false;
		interrupted.stepping = true;
		step_call_handler();
		pool->ops->put_bulk(pool, thread, objs, BURST);
		interrupted.stepping = false;
		struct rseq_pair *pair = rseq_place_pair(place);
		if (rseq_place_count(place, pair) != count + BURST ||
			magazine_count(rseq_pair_spare(pair)) != 0)
			fail_msg("aborted before instruction %" PRIu64
				 " of its section, a burst went elsewhere",
				interrupted.stop);
		close_pool(pool, thread, 0);
	} while (interrupted.aborted);
	assert_true(interrupted.stop > BURST);
	assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
}

#endif

/* Nodes have numbers from 0 on, and there is a bound to them: what is beyond counts as node 0. */
static void nodes_have_a_bound(NO_STATE)
{
	uint16_t node[CPU_NODES_MAX + 8];
	const uint32_t cpus = array_count(node);
	const uint32_t nodes = cpu_nodes(node, cpus);

	assert_in_range(nodes, 1, CPU_NODES_MAX);
	for (uint32_t i = 0; i < cpus; i++)
		assert_true(node[i] < nodes);
	cpu_set_nodes(2);
	assert_int_equal(cpu_nodes(node, cpus), 2);
	for (uint32_t i = 0; i < cpus; i++)
		assert_int_equal(node[i], i % 2);
	assert_int_equal(cpu_nodes(node, 1), 1);
	cpu_set_nodes(CPU_NODES_MAX + 4);
	assert_int_equal(cpu_nodes(node, cpus), CPU_NODES_MAX);
	assert_int_equal(node[CPU_NODES_MAX - 1], CPU_NODES_MAX - 1);
	for (uint32_t i = CPU_NODES_MAX; i <= CPU_NODES_MAX + 4; i++)
		assert_int_equal(node[i], 0);
	assert_int_equal(node[CPU_NODES_MAX + 5], 1);
	cpu_set_nodes(0);
	assert_int_equal(cpu_nodes(node, cpus), nodes);
}

/* Of two nodes: what is freed on the other goes to its own node's depot, and any CPU there finds it. */
static void objects_go_home_to_their_node(NO_STATE)
{
	enum { BATCH = 8, CPUS = 4, OBJECTS = 6 * BATCH };
	const struct pool_config config = {.object_bytes = 64,
		.capacity = OBJECTS,
		.cpu_cache_objects = 2 * BATCH,
		.batch_objects = BATCH};
	const struct pool_ops *ops = &pool_home_ret_node_ops;
	struct rseq_unregistered on[CPUS];
	struct pool_thread *thread;
	struct pool *pool;
	void *objs[OBJECTS], *again[BATCH];

	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		on[cpu] = (struct rseq_unregistered){.cpu_id_start = cpu, .cpu_id = cpu};
	skip_unless_supported(ops);
	cpu_set_possible(CPUS);
	cpu_set_nodes(2);
	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, &thread), 0);
	struct cpu_arrays *arrays = (struct cpu_arrays *)pool;
	void **rs = &((struct cpu_arrays_thread *)thread)->rs;
	struct tagged_stack *full[] = {
		&cpu_arrays_depot(arrays, 0)->full, &cpu_arrays_depot(arrays, 1)->full};
	assert_int_equal(arrays->nodes, 2);

	*rs = &on[0];
	assert_int_equal(ops->get_bulk(pool, thread, objs, BATCH), BATCH);
	*rs = &on[1];
	for (int i = 0; i < BATCH; i++)
		ops->put(pool, thread, objs[i]);
	assert_int_not_equal(tagged_unit(atom_load_relaxed(&full[0]->head)), 0);
	assert_int_equal(tagged_unit(atom_load_relaxed(&full[1]->head)), 0);
	assert_int_equal(rseq_array_count(&arrays->array[1]), 0);
	assert_int_equal(ops->get_bulk(pool, thread, again, BATCH),
		BATCH); /* never used, and at home here */
	for (int i = 0; i < BATCH; i++) {
		for (int k = 0; k < BATCH; k++)
			assert_ptr_not_equal(again[i], objs[k]);
	}
	ops->put_bulk(pool, thread, again, BATCH);
	assert_int_equal(rseq_array_count(&arrays->array[1]), BATCH);
	*rs = &on[2];
	assert_int_equal(ops->get_bulk(pool, thread, again, BATCH), BATCH);
	for (int i = 0; i < BATCH; i++)
		assert_ptr_equal(again[i], objs[i]);
	ops->put_bulk(pool, thread, again, BATCH);
	assert_int_equal(rseq_array_count(&arrays->array[2]), BATCH);

	/* What does not fit into a CPU's array stays on its node, too. */
	*rs = &on[3];
	assert_int_equal(ops->get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	assert_null(ops->get(pool, thread));
	uint32_t last = OBJECTS - 1;
	while (*homes_of(&((struct cpu_inboxes *)pool)->homes, objs[last]) != 1)
		last--;
	ops->put(pool, thread, objs[last]);
	ops->flush(pool, thread); /* a single object */
	objs[last] = objs[OBJECTS - 1];
	ops->put_bulk(pool, thread, objs, OBJECTS - 1);
	ops->flush(pool, thread);
	assert_int_not_equal(tagged_unit(atom_load_relaxed(&full[1]->head)), 0);
	*rs = &on[0];
	assert_int_equal(ops->get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	ops->put_bulk(pool, thread, objs, OBJECTS);
	close_pool(pool, thread, 0);
	cpu_set_nodes(0);
	cpu_set_possible(0);
}

/* Of two nodes: full sheaves go to the barn of the CPU's own, whose CPUs find them first, and others when there is nothing else. */
static void sheaves_go_to_the_barn_of_their_node(NO_STATE)
{
	enum { SHEAF = POOL_MAGAZINE_OBJECTS_MIN, OBJECTS = 4 * SHEAF };
	const struct pool_config config = {
		.object_bytes = 64, .capacity = OBJECTS, .magazine_objects = SHEAF};
	const struct pool_ops *ops = &pool_sheaf_ops;
	atom_u32 on[4];
	struct pool_thread *thread;
	struct pool *pool;
	void *objs[OBJECTS], *again[SHEAF];

	for (uint32_t cpu = 0; cpu < array_count(on); cpu++)
		atom_init(&on[cpu], cpu);
	cpu_set_possible(array_count(on));
	cpu_set_nodes(2);
	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, &thread), 0);
	struct sheaves *self = (struct sheaves *)pool;
	atom_u32 **cpu = &((struct cpu_thread *)thread)->cpu_word;
	assert_int_equal(self->nodes, 2);

	*cpu = &on[0];
	assert_int_equal(ops->get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	*cpu = &on[1];
	ops->put_bulk(pool, thread, objs, 3 * SHEAF); /* two sheaves stay with the CPU */
	assert_int_equal(self->barn[0].full, 0);
	assert_int_not_equal(self->barn[1].full, 0);
	*cpu = &on[3];
	assert_int_equal(ops->get_bulk(pool, thread, again, SHEAF), SHEAF);
	assert_int_equal(self->barn[1].full, 0);
	assert_int_equal(magazine_count(self->cpu[1].main), SHEAF);
	assert_int_equal(magazine_count(self->cpu[1].spare), SHEAF);

	*cpu = &on[1];
	ops->put_bulk(pool, thread, again, SHEAF);
	assert_int_not_equal(self->barn[1].full, 0);
	*cpu = &on[2]; /* its node has nothing */
	assert_int_equal(ops->get_bulk(pool, thread, again, SHEAF), SHEAF);
	assert_int_equal(self->barn[1].full, 0);
	assert_int_equal(magazine_count(self->cpu[1].main), SHEAF);
	ops->put_bulk(pool, thread, again, SHEAF);
	ops->put_bulk(pool, thread, &objs[3 * SHEAF], SHEAF);
	ops->flush(pool, thread);
	assert_int_not_equal(self->barn[0].full, 0);
	assert_int_equal(self->barn[1].full, 0);
	assert_int_equal(ops->get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	ops->put_bulk(pool, thread, objs, OBJECTS);
	close_pool(pool, thread, 0);
	cpu_set_nodes(0);
	cpu_set_possible(0);
}

/* Bytes of a range of whole pages that lie in memory. */
static size_t resident_of(void *base, size_t bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page;
	unsigned char *in = calloc(pages, 1);
	size_t resident = 0;

	assert_non_null(in);
	assert_int_equal(mincore(base, pages * page, in), 0);
	for (size_t i = 0; i < pages; i++)
		resident += (in[i] & 1) * page;
	free(in);
	return resident;
}

/*
 * Few threads come round on many CPUs, each time with a burst. By CPU every array ends up with objects of its own; by
 * concurrency id those of the ids do.
 */
static void ids_save_the_objects_of_other_arrays(NO_STATE)
{
	enum { CPUS = 64, IDS = 4, BATCH = 120, OBJECTS = CPUS * BATCH };
	static const struct pool_ops *const designs[] = {
		&pool_rseq_arr_ops, &pool_rseq_arr_cid_ops};
	const struct pool_config config = {
		.object_bytes = 256, .capacity = OBJECTS, .batch_objects = BATCH};
	struct rseq_unregistered on[CPUS];
	size_t objects_bytes[array_count(designs)];
	void *objs[BATCH];

	skip_unless_supported(&pool_rseq_arr_ops);
	cpu_set_possible(CPUS);
	rseq_set_feature_bytes(sizeof(on[0])); /* nothing asks the kernel here */
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		on[cpu] = (struct rseq_unregistered){
			.cpu_id_start = cpu, .cpu_id = cpu, .mm_cid = cpu % IDS};
	for (size_t i = 0; i < array_count(designs); i++) {
		const struct pool_ops *ops = designs[i];
		struct pool_thread *thread;
		struct pool *pool;

		assert_int_equal(pool_create(ops, &config, &pool), 0);
		assert_int_equal(ops->attach(pool, &thread), 0);
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			((struct cpu_arrays_thread *)thread)->rs = &on[cpu];
			assert_int_equal(ops->get_bulk(pool, thread, objs, BATCH), BATCH);
			for (int k = 0; k < BATCH; k++)
				memset(objs[k], 0xff, config.object_bytes);
			ops->put_bulk(pool, thread, objs, BATCH);
		}
		const struct cpu_arrays *arrays = (struct cpu_arrays *)pool;
		uint32_t filled = 0;
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			filled += rseq_array_count(&arrays->array[cpu]) != 0;
		assert_int_equal(filled, arrays->by == RSEQ_BY_CID ? IDS : CPUS);
		assert_int_equal(slab_carved(pool->slab), filled * BATCH);
		objects_bytes[i] = resident_of(pool->slab->base, OBJECTS * pool->slab->stride);
		close_pool(pool, thread, 0);
	}
	print_message("objects of %d ids on %d CPUs: %zu KiB by CPU, %zu by id\n", IDS, CPUS,
		objects_bytes[0] >> 10, objects_bytes[1] >> 10);
	assert_in_range(objects_bytes[0] / objects_bytes[1], CPUS / IDS - 1, CPUS / IDS);
	rseq_set_feature_bytes(0);
	cpu_set_possible(0);
}

/* A kernel that keeps no concurrency ids is told from one that does, and the reason says which does. */
static void concurrency_ids_are_asked_for(NO_STATE)
{
	enum { WITHOUT = 27, WITH = 28 }; /* bytes of the area that the kernel keeps */
	const struct pool_config config = {.object_bytes = 64, .capacity = 4};
	struct pool *const untouched = (struct pool *)(uintptr_t)1;
	struct pool *pool = untouched;
	char reason[POOL_REASON_BYTES];
	const bool sections = pool_rseq_arr_ops.supported(reason);

	rseq_set_feature_bytes(WITHOUT);
	assert_false(pool_rseq_arr_cid_ops.supported(reason));
	assert_non_null(strstr(reason, sections ? "(mm_cid); Linux >= 6.3" : "sequences"));
	assert_int_equal(pool_create(&pool_rseq_arr_cid_ops, &config, &pool), -ENOTSUP);
	assert_ptr_equal(pool, untouched);
	rseq_set_feature_bytes(WITH);
	assert_int_equal(pool_rseq_arr_cid_ops.supported(reason), sections);
	rseq_set_feature_bytes(0);
}

enum fenceless { FENCELESS_DONE, FENCELESS_NOT_HAD, FENCELESS_RUNS, FENCELESS_LOST };

/* Whoever needs fences refuses with the reason; a pool made before goes on without what other CPUs have. */
static enum fenceless go_on_without_fences(void)
{
	enum { OBJECTS = 8 };
	const struct pool_config config = {.object_bytes = 64, .capacity = OBJECTS};
	struct rseq_unregistered on[] = {{.cpu_id = 0}, {.cpu_id_start = 1, .cpu_id = 1}};
	struct pool *const untouched = (struct pool *)(uintptr_t)1;
	char reason[POOL_REASON_BYTES];
	void *objs[OBJECTS];
	struct pool_thread *thread;

	cpu_set_possible(array_count(on));
	struct pool *pool = open_pool(&pool_rseq_arr_ops, OBJECTS, &thread);
	/* A kernel that knows no membarrier(2). */
	if (!lose_call(SYS_membarrier, ENOSYS))
		return FENCELESS_NOT_HAD;
	for (size_t i = 0; pools[i] != NULL; i++) {
		struct pool *made = untouched;

		if (!pools[i]->traits.needs_rseq)
			continue;
		if (pools[i]->supported(reason) || strstr(reason, "membarrier(2)") == NULL ||
			pool_create(pools[i], &config, &made) != -ENOTSUP || made != untouched)
			return FENCELESS_RUNS;
	}
	((struct cpu_arrays_thread *)thread)->rs = &on[0];
	if (pool->ops->get_bulk(pool, thread, objs, OBJECTS) != OBJECTS)
		return FENCELESS_LOST;
	pool->ops->put_bulk(pool, thread, objs, OBJECTS);
	((struct cpu_arrays_thread *)thread)->rs = &on[1];
	if (pool->ops->get(pool, thread) != NULL || pool->ops->count(pool) != OBJECTS)
		return FENCELESS_LOST;
	((struct cpu_arrays_thread *)thread)->rs = &on[0];
	if (pool->ops->get_bulk(pool, thread, objs, OBJECTS) != OBJECTS)
		return FENCELESS_LOST;
	return FENCELESS_DONE;
}

/* A kernel without the fence that stops another CPU's sections: in a child, which never has it again. */
static void fences_are_asked_for(NO_STATE)
{
	int status;

	skip_unless_supported(&pool_rseq_arr_ops);
	fflush(NULL);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit((int)go_on_without_fences());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == FENCELESS_NOT_HAD) {
		print_message("the system allows no filter of system calls here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), FENCELESS_DONE);
}

/* Pointers into one run and below or above it, in bursts that end within a step of the vectors and behind one. */
static void a_burst_of_two_runs_is_told_from_its_addresses(NO_STATE)
{
	enum { RUN = 1 << 16, LOW = 5 * RUN + 4096, MANY = 40 };
	void *objs[MANY];

	for (uint32_t n = 1; n <= MANY; n++) {
		for (uint32_t i = 0; i < n; i++)
			objs[i] = (void *)(uintptr_t)(LOW + i * (RUN / MANY));
		objs[n - 1] = (void *)(uintptr_t)(LOW + RUN - 16);
		assert_true(vector_pointers_within(objs, n, LOW, RUN));
		for (uint32_t at = 0; at < n; at++) {
			void *const inside = objs[at];

			objs[at] = (void *)(uintptr_t)(at % 2 == 0 ? LOW + RUN : LOW - 16);
			assert_false(vector_pointers_within(objs, n, LOW, RUN));
			objs[at] = inside;
		}
	}
}

/*
 * Two CPUs that carve in turns: what one has carved is no other's, and a burst of both goes home in two parts. In a
 * small pool, too, there are runs for both.
 */
static void carve_by_runs(uint32_t capacity)
{
	enum { EACH = 8 };
	struct rseq_unregistered cpu = {0};
	struct pool_thread *thread;
	void *objs[2 * EACH];

	struct pool *pool = open_pool(&pool_home_ret_ops, capacity, &thread);
	const struct homes *homes = &((struct cpu_inboxes *)pool)->homes;

	((struct cpu_arrays_thread *)thread)->rs = &cpu;
	for (uint32_t i = 0; i < 2 * EACH; i++) {
		cpu.cpu_id = cpu.cpu_id_start = i % 2;
		assert_non_null(objs[i] = pool->ops->get(pool, thread));
		assert_int_equal(*homes_of(homes, objs[i]), i % 2);
	}
	cpu.cpu_id = cpu.cpu_id_start = 0;
	pool->ops->put_bulk(pool, thread, objs, 2 * EACH);
	for (uint32_t i = 0; i < EACH; i++) {
		assert_non_null(objs[i] = pool->ops->get(pool, thread));
		assert_int_equal(*homes_of(homes, objs[i]), 0);
	}
	pool->ops->put_bulk(pool, thread, objs, EACH);
	close_pool(pool, thread, 0);
}

static void home_ret_carves_by_runs(NO_STATE)
{
	skip_unless_supported(&pool_home_ret_ops);
	cpu_set_possible(2);
	carve_by_runs(3000);
	carve_by_runs(40);
	carve_by_runs(2 * 8);
	cpu_set_possible(0);
}

/*
 * All that one CPU has carved lies in the depot. Another takes what it needs from there once, and then has it; neighbours
 * in a run stay at home where they were.
 */
static void home_ret_adopts_what_a_cpu_needs(NO_STATE)
{
	enum { BATCH = 8, OBJECTS = 6 * BATCH };
	const struct pool_config config = {.object_bytes = 64,
		.capacity = OBJECTS,
		.cpu_cache_objects = 2 * BATCH,
		.batch_objects = BATCH};
	const struct pool_ops *ops = &pool_home_ret_ops;
	struct rseq_unregistered cpu = {0};
	struct pool_thread *thread;
	struct pool *pool;
	void *objs[OBJECTS], *mine[BATCH];

	skip_unless_supported(ops);
	cpu_set_possible(2);
	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, &thread), 0);
	struct cpu_arrays *arrays = (struct cpu_arrays *)pool;
	const struct homes *homes = &((struct cpu_inboxes *)pool)->homes;
	((struct cpu_arrays_thread *)thread)->rs = &cpu;
	assert_int_equal(ops->get_bulk(pool, thread, objs, OBJECTS), OBJECTS);
	ops->put_bulk(pool, thread, objs + BATCH / 2, OBJECTS - BATCH / 2); /* across runs */
	ops->put_bulk(pool, thread, objs, BATCH / 2);
	ops->flush(pool, thread);

	cpu.cpu_id = cpu.cpu_id_start = 1;
	for (uint64_t refills = 0, i = 0; i < 3; i++) {
		assert_int_equal(ops->get_bulk(pool, thread, mine, BATCH), BATCH);
		ops->put_bulk(pool, thread, mine, BATCH);
		assert_int_equal(rseq_array_count(&arrays->array[1]), BATCH);
		assert_true(i == 0 || thread->paths.refill == refills);
		refills = thread->paths.refill;
	}
	uint32_t here = 0;
	for (uint32_t i = 0; i < OBJECTS; i++)
		here += *homes_of(homes, objs[i]) == 1;
	assert_int_equal(here, BATCH);

	/* Of a mixed run each object goes to its own home, on whatever CPU it is put. */
	assert_int_equal(ops->get_bulk(pool, thread, mine, BATCH), BATCH);
	cpu.cpu_id = cpu.cpu_id_start = 0;
	assert_int_equal(ops->get_bulk(pool, thread, objs, BATCH), BATCH);
	for (uint32_t i = 0; i < BATCH; i += 2) {
		void *const object = objs[i];

		objs[i] = mine[i];
		mine[i] = object;
	}
	ops->put_bulk(pool, thread, objs, BATCH);
	assert_int_equal(rseq_array_count(&arrays->array[0]), BATCH / 2);
	ops->put_bulk(pool, thread, mine, BATCH);
	assert_int_equal(rseq_array_count(&arrays->array[0]), BATCH);
	close_pool(pool, thread, 0);
	cpu_set_possible(0);
}

/*
 * A handler on a small stack of its own. The stack is painted, and so is what lies below it, where
 * an overrun shows.
 */

enum {
	STACK_OBJECTS = 500,
	STACK_BELOW_BYTES = 16 << 10,
	STACK_OF_HANDLER_BYTES = 128, /* use_on_stack's own frame */
	STACK_PAINT = 0xA5,
};

static struct {
	struct pool *pool; /* NULL: nothing is to be done */
	struct pool_thread *thread;
	void *objs[POOL_BULK_MAX];
	uint32_t got;
	unsigned char *memory;
	size_t bytes;
} on_stack;

/* Everything that traits.signals allows, through the caches and behind them. */
static void use_on_stack(int number)
{
	struct pool *pool = on_stack.pool;
	uint32_t n = 0;

	(void)number;
	if (pool == NULL)
		return;
	while ((on_stack.objs[n] = pool->ops->get(pool, on_stack.thread)) != NULL)
		n++;
	on_stack.got = n;
	for (uint32_t i = 0; i < n; i++)
		pool->ops->put(pool, on_stack.thread, on_stack.objs[i]);
	n = pool->ops->get_bulk(pool, on_stack.thread, on_stack.objs, POOL_BULK_MAX);
	if (n != 0)
		pool->ops->put_bulk(pool, on_stack.thread, on_stack.objs, n);
}

/* Bytes of stack that a signal takes, the kernel's frame and the handler. */
static size_t stack_of_a_signal(void)
{
	size_t clean = 0;

	memset(on_stack.memory, STACK_PAINT, on_stack.bytes);
	assert_int_equal(raise(SIGUSR1), 0);
	while (clean < on_stack.bytes && on_stack.memory[clean] == STACK_PAINT)
		clean++;
	return on_stack.bytes - clean;
}

static void signal_handlers_need_little_stack(NO_STATE)
{
	const size_t kernel = getauxval(AT_MINSIGSTKSZ);
	const size_t small = (kernel != 0 ? kernel : (size_t)MINSIGSTKSZ) +
			     POOL_SIGNAL_STACK_BYTES + STACK_OF_HANDLER_BYTES;
	const struct sigaction action = {.sa_handler = use_on_stack, .sa_flags = SA_ONSTACK};
	const struct pool_config config = {.object_bytes = 64,
		.capacity = STACK_OBJECTS,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};
	struct sigaction action_before;
	stack_t stack_before;

	on_stack.bytes = STACK_BELOW_BYTES + small;
	on_stack.memory = memory_alloc(on_stack.bytes);
	assert_non_null(on_stack.memory);
	const stack_t stack = {.ss_sp = on_stack.memory + STACK_BELOW_BYTES, .ss_size = small};
	assert_int_equal(sigaltstack(&stack, &stack_before), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, &action_before), 0);
	on_stack.pool = NULL;
	const size_t nothing = stack_of_a_signal();
	for (size_t i = 0; pools[i] != NULL; i++) {
		if (!pools[i]->traits.signals || !runs_here(pools[i]))
			continue;
		assert_int_equal(pool_create(pools[i], &config, &on_stack.pool), 0);
		assert_int_equal(pools[i]->attach(on_stack.pool, &on_stack.thread), 0);
		const size_t used = stack_of_a_signal() - nothing;
		print_message("%s: %zu bytes\n", pools[i]->name, used);
		assert_int_equal(on_stack.got, STACK_OBJECTS);
		if (!debug_build && !atom_perturbs && !sanitized) /* frames there are larger */
			assert_in_range(used, 0, POOL_SIGNAL_STACK_BYTES + STACK_OF_HANDLER_BYTES);
		close_pool(on_stack.pool, on_stack.thread, 0);
	}
	assert_int_equal(sigaction(SIGUSR1, &action_before, NULL), 0);
	assert_int_equal(sigaltstack(&stack_before, NULL), 0);
	memory_free(on_stack.memory, on_stack.bytes);
}

#if NBLBENCH_URCU

/* The read lock that the test holds keeps the grace period from ending. */
static void urcu_lfs_gp_keeps_an_object_for_a_grace_period(NO_STATE)
{
	struct pool_thread *thread;

	if (thread_sanitizer && pool_urcu_lfs_gp_ops.traits.opaque_to_tsan) {
		print_message("the thread sanitizer sees neither liburcu's edges nor its thread\n");
		skip();
	}
	struct pool *pool = open_pool(&pool_urcu_lfs_gp_ops, 1, &thread);
	void *object = urcu_lfs_gp_get(pool, thread);
	urcu_bp_read_lock();
	urcu_lfs_gp_put(pool, thread, object);
	assert_null(urcu_lfs_gp_get(pool, thread));
	urcu_bp_read_unlock();
	urcu_flush(pool, thread);
	assert_ptr_equal(urcu_lfs_gp_get(pool, thread), object);
	close_pool(pool, thread, 1);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_wraps_and_keeps_the_index),
		cmocka_unit_test(treiber_tag_pops_across_the_wrap),
		cmocka_unit_test(treiber_tag_takes_a_burst_at_once),
		cmocka_unit_test(slab_refuses_what_a_unit_cannot_name),
		cmocka_unit_test(slab_carves_to_the_cap_and_owns_what_it_carved),
		cmocka_unit_test(slab_aligns_and_colours),
		cmocka_unit_test(ordinary_pages_are_not_huge),
		cmocka_unit_test(transparent_pages_are_huge_where_the_kernel_allows),
		cmocka_unit_test(growing_pages_begin_ordinary),
		cmocka_unit_test(huge_pages_are_reserved_or_refused),
		cmocka_unit_test(pages_have_names),
		cmocka_unit_test(census_catches_what_it_should),
		cmocka_unit_test(walks_catch_a_ring_of_nodes),
		cmocka_unit_test(mutex_walk_catches_a_held_lock),
		cmocka_unit_test(ticket_walk_catches_a_held_lock),
		cmocka_unit_test(combining_serves_what_stands_in_a_record),
		cmocka_unit_test(sharded_sends_a_burst_home),
		cmocka_unit_test(sharded_walk_catches_what_it_should),
		cmocka_unit_test(create_checks_every_field),
		cmocka_unit_test(create_fills_in_the_defaults),
		cmocka_unit_test(pools_without_a_cap),
		cmocka_unit_test(each_visits_what_was_handed_out),
		cmocka_unit_test(trimmed_memory_is_gone_and_comes_back_zeroed),
		cmocka_unit_test(trim_leaves_alone_what_it_was_told_to),
		cmocka_unit_test(absent_strategy_names_its_package),
		cmocka_unit_test(tables_are_checked),
		cmocka_unit_test(ticket_numbers_wrap),
		cmocka_unit_test(ticket_check_notices_a_held_lock),
		cmocka_unit_test(dwcas_tells_what_it_met),
		cmocka_unit_test(dwcas_refuses_a_head_that_came_back),
		cmocka_unit_test(hazard_keeps_what_is_shown),
		cmocka_unit_test(hazard_gives_back),
		cmocka_unit_test(a_peak_leaves_little_in_hazard),
		cmocka_unit_test(lookaside_has_a_depth),
		cmocka_unit_test(lookaside_looks_twice),
		cmocka_unit_test(lookaside_depth_follows_the_misses),
		cmocka_unit_test(vyukov_says_empty_behind_a_stopped_put),
		cmocka_unit_test(vyukov_burst_ends_at_a_stopped_put),
		cmocka_unit_test(vyukov_bursts_lap_the_ring),
		cmocka_unit_test(vyukov_put_waits_for_a_stopped_get),
		cmocka_unit_test(scq_cycle_wraps),
		cmocka_unit_test(scq_finds_a_put_after_any_number_of_misses),
		cmocka_unit_test(scq_finds_what_rests_behind_a_stale_hint),
		cmocka_unit_test(scq_finds_what_rests_behind_stopped_puts),
		cmocka_unit_test(scq_put_passes_over_an_entry_whose_get_is_gone),
		cmocka_unit_test(scq_put_passes_over_a_position_that_was_gone_by),
		cmocka_unit_test(scq_burst_takes_its_positions_at_once),
		cmocka_unit_test(wcq_requests_go_round),
		cmocka_unit_test(idx_local_hands_over_chains),
		cmocka_unit_test(idx_local_bulk_splits_at_the_limit),
		cmocka_unit_test(slab_numbers_objects_of_any_size),
		cmocka_unit_test(bit_tree_finds_what_was_added),
		cmocka_unit_test(bitmap_reserves_a_group_for_a_cpu),
		cmocka_unit_test(bitmap_moves_a_word_at_once),
		cmocka_unit_test(bitmap_ends_within_a_word),
		cmocka_unit_test(elimination_meets_at_a_place),
		cmocka_unit_test(owner_list_gets_back_what_others_freed),
		cmocka_unit_test(owner_list_outlives_its_owner),
		cmocka_unit_test(owner_list_takes_more_than_it_keeps),
		cmocka_unit_test(owner_list_has_a_reserve),
		cmocka_unit_test(magazines_grow_while_turns_are_lost),
		cmocka_unit_test(magazines_of_a_fixed_size_stay),
		cmocka_unit_test(percpu_try_counts_turns_that_it_lost),
		cmocka_unit_test(lost_turns_are_counted),
		cmocka_unit_test(cpu_numbers_have_a_bound),
		cmocka_unit_test(a_thread_ends_with_a_run),
		cmocka_unit_test(more_threads_than_a_table_has_places),
		cmocka_unit_test(more_cpus_than_expected),
		cmocka_unit_test(the_highest_cpu_there_can_be),
#ifdef RSEQ_ARCH_SUPPORTED
		cmocka_unit_test(an_interrupted_burst_stays_together),
#endif
		cmocka_unit_test(nodes_have_a_bound),
		cmocka_unit_test(objects_go_home_to_their_node),
		cmocka_unit_test(sheaves_go_to_the_barn_of_their_node),
		cmocka_unit_test(ids_save_the_objects_of_other_arrays),
		cmocka_unit_test(concurrency_ids_are_asked_for),
		cmocka_unit_test(fences_are_asked_for),
		cmocka_unit_test(a_burst_of_two_runs_is_told_from_its_addresses),
		cmocka_unit_test(home_ret_carves_by_runs),
		cmocka_unit_test(home_ret_adopts_what_a_cpu_needs),
		cmocka_unit_test(signal_handlers_need_little_stack),
#if NBLBENCH_URCU
		cmocka_unit_test(urcu_lfs_gp_keeps_an_object_for_a_grace_period),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
