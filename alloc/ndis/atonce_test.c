/*
 * The same misuse by two threads at once: both free the same object, or both work on the contexts of
 * the same NBL. In pools that check everything, which are verify pools and in debug builds all, one
 * succeeds and the other is told of misuse by name; nothing is handed out twice, and the accounts are
 * exact. Over every strategy that keeps the memory of freed objects.
 *
 * The two go through a batch of objects in the same order, so that most of the time one is a few
 * instructions behind the other. Nothing is allocated meanwhile: see (1) in nblbench.h.
 */
#include "alloc/ndis/support_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	RACERS = 2,
	BATCH = 256,
	BATCHES = 8, /* over a score of strategies: 40,000 objects of each kind */
	PUSH_BYTES = 32,
};

/* Misuses by kind, counted by any thread. */
static atom_u32 seen[NBL_MISUSE_KINDS];

static void count_any(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	atom_add_relaxed(&seen[misuse->kind], 1); /* read after the threads have met */
}

static uint32_t take_seen(enum nbl_misuse_kind kind)
{
	return atom_xchg_relaxed(&seen[kind], 0);
}

/* What the racers do with each object. */
typedef void (*deed)(void *object);

#define DEED(name, call)               \
	static void name(void *object) \
	{                              \
		call;                  \
	}

DEED(free_nbl, NdisFreeNetBufferList(object))
DEED(free_nb, NdisFreeNetBuffer(object))
DEED(free_mdl, IoFreeMdl(object))
DEED(free_clone, NdisFreeCloneNetBufferList(object, 0))
DEED(free_clone_fwps, FwpsFreeCloneNetBufferList0(object, 0))
DEED(pop, NdisFreeNetBufferListContext(object, PUSH_BYTES))
DEED(push, NdisAllocateNetBufferListContext(object, PUSH_BYTES, 0, OTHER_TAG))

struct race {
	pthread_barrier_t barrier; /* the racers, and who makes and inspects */
	deed deed;
	void *objects[BATCH];
};

static void *run(void *arg)
{
	struct race *race = arg;

	for (int batch = 0; batch < BATCHES; batch++) {
		pthread_barrier_wait(&race->barrier);
		for (int i = 0; i < BATCH; i++)
			race->deed(race->objects[i]);
		pthread_barrier_wait(&race->barrier);
	}
	return NULL;
}

/* Objects of one kind: how they are made, and what each batch has come to. */
struct subject {
	deed deed;
	void *(*make)(void *bed);
	/* After each batch, on the thread that made the objects. */
	void (*inspect)(void *bed, void *const *objects);
};

static void race_over(const struct subject *subject, void *bed)
{
	struct race race = {.deed = subject->deed};
	pthread_t racers[RACERS];

	assert_int_equal(pthread_barrier_init(&race.barrier, NULL, RACERS + 1), 0);
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&racers[i], NULL, run, &race), 0);
	for (int batch = 0; batch < BATCHES; batch++) {
		for (int i = 0; i < BATCH; i++) {
			race.objects[i] = subject->make(bed);
			assert_non_null(race.objects[i]);
		}
		pthread_barrier_wait(&race.barrier);
		pthread_barrier_wait(&race.barrier);
		subject->inspect(bed, race.objects);
	}
	for (int i = 0; i < RACERS; i++)
		pthread_join(racers[i], NULL);
	pthread_barrier_destroy(&race.barrier);
	for (int kind = 0; kind < NBL_MISUSE_KINDS; kind++)
		assert_int_equal(take_seen((enum nbl_misuse_kind)kind), 0); /* no others */
}

struct bed {
	NDIS_HANDLE lists;
	NDIS_HANDLE nbs;
	NET_BUFFER_LIST *original;
	MDL *mdl;
};

/* A pool at rest: so many objects are out, and the strategy's invariants hold. */
static void expect_sound(NDIS_HANDLE handle, uint64_t outstanding)
{
	struct nbl_pool *pool = handle;
	const struct nbl_thread *self = nbl_threads[pool->id];
	uint64_t held = pool->verify && self != NULL ? self->quarantined : 0;
	char why[POOL_REASON_BYTES] = "";

	if (held > NBL_QUARANTINE_OBJECTS)
		held = NBL_QUARANTINE_OBJECTS;
	assert_int_equal(nbl_pool_outstanding(pool), outstanding);
	if (pool->ops->check(pool->pool, outstanding + held, why) != 0)
		fail_msg("%s: %s", pool->ops->name, why);
}

static void each_was_freed_once(void *arg, void *const *objects)
{
	struct bed *bed = arg;

	(void)objects;
	assert_int_equal(take_seen(NBL_MISUSE_DOUBLE_FREE), BATCH);
	assert_int_equal(usage(TEST_TAG).objects, 1); /* the original */
	assert_int_equal(bed->original->ChildRefCount, 0);
}

static void *make_nbl(void *bed)
{
	return NdisAllocateNetBufferList(((struct bed *)bed)->lists, 0, 0);
}
/* One that had a reference: its free looks at the count before it claims the NBL. */
static void *make_once_referenced(void *bed)
{
	NET_BUFFER_LIST *nbl = make_nbl(bed);

	FwpsReferenceNetBufferList0(nbl, FALSE);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
	return nbl;
}
static void *make_nb(void *bed)
{
	return NdisAllocateNetBuffer(((struct bed *)bed)->nbs, NULL, 0, 0);
}
static void *make_clone(void *arg)
{
	struct bed *bed = arg;

	return NdisAllocateCloneNetBufferList(bed->original, bed->lists, bed->nbs, 0);
}
static void *make_clone_fwps(void *arg)
{
	struct bed *bed = arg;
	NET_BUFFER_LIST *clone = NULL;

	FwpsAllocateCloneNetBufferList0(bed->original, bed->lists, bed->nbs, 0, &clone);
	return clone;
}
static void *make_with_context(void *bed)
{
	NET_BUFFER_LIST *nbl = make_nbl(bed);

	push(nbl);
	return nbl;
}

/* One pop went well on each; the other met it, or came after it. */
static void each_was_popped_once(void *arg, void *const *objects)
{
	uint32_t late = take_seen(NBL_MISUSE_CONTEXT_OVERFREE);

	assert_int_equal(late + take_seen(NBL_MISUSE_CONCURRENT_USE), BATCH);
	for (int i = 0; i < BATCH; i++)
		NdisFreeNetBufferList(objects[i]); /* has no context any more */
	assert_int_equal(nbl_pool_outstanding(((struct bed *)arg)->lists), 1);
}

/* At least one push went well on each, and the NBLs have what was pushed. */
static void each_has_what_was_pushed(void *arg, void *const *objects)
{
	uint32_t pushed = 2 * BATCH - take_seen(NBL_MISUSE_CONCURRENT_USE);
	uint32_t popped = 0;

	for (int i = 0; i < BATCH; i++) {
		uint32_t before = popped;

		do {
			pop(objects[i]);
			popped++;
		} while (take_seen(NBL_MISUSE_CONTEXT_OVERFREE) == 0);
		popped--; /* the last one found none */
		assert_in_range(popped - before, 1, 2);
		NdisFreeNetBufferList(objects[i]);
	}
	assert_int_equal(popped, pushed);
	assert_int_equal(nbl_pool_outstanding(((struct bed *)arg)->lists), 1);
}

static const struct subject subjects[] = {
	{free_nbl, make_nbl, each_was_freed_once},
	{free_nbl, make_once_referenced, each_was_freed_once},
	{free_nb, make_nb, each_was_freed_once},
	{free_clone, make_clone, each_was_freed_once},
	{free_clone_fwps, make_clone_fwps, each_was_freed_once},
	{pop, make_with_context, each_was_popped_once},
	{push, make_nbl, each_has_what_was_pushed},
};

static void at_once(bool verify)
{
	struct bed bed = {
		.lists = verify ? verify_pool(0) : list_pool(TRUE, 0, 0),
		.nbs = verify ? nb_verify_pool() : nb_pool(0),
		.mdl = test_mdl(100),
	};

	bed.original = NdisAllocateNetBufferAndNetBufferList(bed.lists, 0, 0, bed.mdl, 0, 100);
	assert_non_null(bed.original);
	nbl_set_misuse_handler(count_any, NULL);
	for (size_t i = 0; i < array_count(subjects); i++) {
		race_over(&subjects[i], &bed);
		expect_sound(bed.lists, 1);
		expect_sound(bed.nbs, 0);
		assert_int_equal(usage(MDLS_TAG).objects, 1);
	}
	nbl_set_misuse_handler(count_misuse, &misuses);
	NdisFreeNetBufferList(bed.original);
	NdisFreeMdl(bed.mdl);
	free_pool(bed.lists);
	free_nb_pool(bed.nbs);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(usage(OTHER_TAG).objects, 0);
}

static void at_once_in_verify_pools(NO_STATE)
{
	if (keeps_memory())
		at_once(true);
}

/* What ordinary pools of release builds make of it is not defined. */
static void at_once_in_ordinary_pools(NO_STATE)
{
	if (debug_build && keeps_memory())
		at_once(false);
}

static void *make_mdl(void *bed)
{
	static UCHAR byte;

	(void)bed;
	return NdisAllocateMdl(NULL, &byte, 1);
}

static void each_mdl_was_freed_once(void *bed, void *const *objects)
{
	(void)bed;
	(void)objects;
	assert_int_equal(take_seen(NBL_MISUSE_DOUBLE_FREE), BATCH);
	assert_int_equal(usage(MDLS_TAG).objects, 0);
}

static void mdls_at_once(NO_STATE)
{
	static const struct subject mdls = {free_mdl, make_mdl, each_mdl_was_freed_once};

	if (!debug_build || !keeps_memory())
		return;
	nbl_set_misuse_handler(count_any, NULL);
	race_over(&mdls, NULL);
}

/*
 * Two owners free a referenced NBL while a third thread drops the last reference. The first is stopped
 * where it looks at the contexts: the NBL has one on a page that faults, and the handler waits.
 */
static struct {
	NET_BUFFER_LIST *nbl;
	NET_BUFFER_LIST_CONTEXT *own;  /* what the NBL came with */
	NET_BUFFER_LIST_CONTEXT *trap; /* on a page of its own */
	atom_u32 stopped, go_on;
} stop;

static void stop_at_the_contexts(int signal)
{
	(void)signal;
	stop.nbl->Context = stop.own;
	mprotect(stop.trap, (size_t)sysconf(_SC_PAGESIZE), PROT_READ);
	atom_store_release(&stop.stopped, 1);
	while (atom_load_acquire(&stop.go_on) == 0)
		sched_yield();
}

static void *free_stopped(void *arg)
{
	(void)arg;
	NdisFreeNetBufferList(stop.nbl);
	return NULL;
}

static void owner_reads_contexts_that_nobody_frees(NO_STATE)
{
	const struct sigaction stopping = {.sa_handler = stop_at_the_contexts};
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sigaction before;
	pthread_t owner;

	if (!keeps_memory())
		return;
	NDIS_HANDLE pool = verify_pool(0);
	stop.nbl = NdisAllocateNetBufferList(pool, 0, 0);
	assert_non_null(stop.nbl);
	FwpsReferenceNetBufferList0(stop.nbl, FALSE);
	stop.trap = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(stop.trap, MAP_FAILED);
	stop.own = stop.nbl->Context;
	stop.trap->Next = stop.own;
	stop.nbl->Context = stop.trap;
	atom_store_relaxed(&stop.stopped, 0);
	atom_store_relaxed(&stop.go_on, 0);
	nbl_set_misuse_handler(count_any, NULL);
	assert_int_equal(mprotect(stop.trap, page, PROT_NONE), 0);
	assert_int_equal(sigaction(SIGSEGV, &stopping, &before), 0);

	assert_int_equal(pthread_create(&owner, NULL, free_stopped, NULL), 0);
	while (atom_load_acquire(&stop.stopped) == 0)
		sched_yield();
	NdisFreeNetBufferList(stop.nbl);
	FwpsDereferenceNetBufferList0(stop.nbl, FALSE);
	const int64_t out = usage(TEST_TAG).objects;
	atom_store_release(&stop.go_on, 1);
	pthread_join(owner, NULL);
	sigaction(SIGSEGV, &before, NULL);
	munmap(stop.trap, page);

	assert_int_equal(out, 1);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(take_seen(NBL_MISUSE_DOUBLE_FREE), 1);
	for (int kind = 0; kind < NBL_MISUSE_KINDS; kind++)
		assert_int_equal(take_seen((enum nbl_misuse_kind)kind), 0); /* no others */
	expect_sound(pool, 0);
	nbl_set_misuse_handler(count_misuse, &misuses);
	free_pool(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(at_once_in_verify_pools),
		counted_test(at_once_in_ordinary_pools),
		counted_test(mdls_at_once),
		counted_test(owner_reads_contexts_that_nobody_frees),
	};

	return run_over_strategies("at once", tests);
}
