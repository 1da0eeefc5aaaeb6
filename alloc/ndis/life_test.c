/*
 * The life of pools and of the memory under them: trimming, and a destroy that meets a call. Over
 * every strategy.
 */
#include "alloc/mechanism/slab.h"
#include "alloc/ndis/support_test.h"
#include "alloc/peer/urcu.h"

#include <pthread.h>
#include <sched.h>

enum { NBLS = 600, HELD = 7, CONTEXT_BYTES = 64, KEPT = 32 };

static struct nbl_pool *pool_of(NDIS_HANDLE handle)
{
	return handle;
}

/* Memory of the pages that hold what the pool ever handed out. */
static size_t resident(NDIS_HANDLE handle)
{
	struct slab *slab = pool_of(handle)->pool->slab;

	return memory_resident(slab->base, slab_carved(slab) * slab->stride);
}

/* Takes all NBLs, leaves a context block with each, and puts back all but the first HELD. */
static void use_nbls(NDIS_HANDLE pool, NET_BUFFER_LIST **nbls)
{
	for (int i = 0; i < NBLS; i++) {
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
		assert_non_null(nbls[i]);
		assert_int_equal(
			NdisAllocateNetBufferListContext(nbls[i], CONTEXT_BYTES, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbls[i]), i, CONTEXT_BYTES);
		NdisFreeNetBufferListContext(nbls[i], CONTEXT_BYTES);
		nbls[i]->Scratch = nbls[i];
	}
	for (int i = HELD; i < NBLS; i++)
		NdisFreeNetBufferList(nbls[i]);
}

static void trimmed_nbls_are_as_new(NO_STATE)
{
	NET_BUFFER_LIST *nbls[NBLS];
	char why[NBL_REASON_BYTES];
	const uint64_t before = memory_live_bytes();

	assert_int_equal(nbl_set_default_context("sticky", why), 0);
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	struct context *context = pool_of(pool)->context;
	use_nbls(pool, nbls);
	if (!pool_of(pool)->ops->traits.trims) {
		assert_int_equal(nbl_trim(pool, 0), 0);
	} else {
		struct nbl_thread *self = nbl_self(pool_of(pool));
		const size_t all = resident(pool);
		const uint64_t parked = context->ops->kept_bytes(context);

		pool_of(pool)->ops->flush(pool_of(pool)->pool, self->pool_thread);
		const uint64_t given = nbl_trim(pool, KEPT);
		assert_true(given >= all / 2);
		assert_true(resident(pool) < all / 2);
		assert_true(context->ops->kept_bytes(context) < parked / 2);
		assert_int_equal(context->ops->check(context, why), 0);
		pool_of(pool)->ops->flush(pool_of(pool)->pool, self->pool_thread);
	}
	/* What was held is as it was; what was trimmed is an NBL again, and a debug build looks. */
	for (int i = 0; i < HELD; i++)
		assert_ptr_equal(nbls[i]->Scratch, nbls[i]);
	for (int i = HELD; i < NBLS; i++) {
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
		assert_non_null(nbls[i]);
		assert_null(nbls[i]->Scratch);
		assert_non_null(NET_BUFFER_LIST_FIRST_NB(nbls[i]));
		assert_ptr_equal(nbls[i]->NdisPoolHandle, pool);
		assert_int_equal(
			NdisAllocateNetBufferListContext(nbls[i], CONTEXT_BYTES, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		NdisFreeNetBufferListContext(nbls[i], CONTEXT_BYTES);
	}
	for (int i = 0; i < NBLS; i++)
		NdisFreeNetBufferList(nbls[i]);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	free_pool(pool);
	assert_int_equal(memory_live_bytes(), before);
	assert_int_equal(misuses.all, 0);
	nbl_set_default_context(NULL, why);
}

static void nb_and_verify_pools_are_trimmed_too(NO_STATE)
{
	NDIS_HANDLE pools_to_trim[] = {nb_pool(0), nb_pool(500), verify_pool(0)};
	NET_BUFFER_LIST *nbls[NBLS];
	NET_BUFFER *nbs[NBLS];

	for (size_t p = 0; p < 2; p++) {
		NDIS_HANDLE pool = pools_to_trim[p];

		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < NBLS; i++) {
				nbs[i] = p == 0 ? NdisAllocateNetBuffer(pool, NULL, 0, 0)
						: NdisAllocateNetBufferMdlAndData(pool);
				assert_non_null(nbs[i]);
				assert_null(nbs[i]->ProtocolReserved[0]);
				nbs[i]->ProtocolReserved[0] = pool;
			}
			for (int i = 0; i < NBLS; i++)
				NdisFreeNetBuffer(nbs[i]);
			pool_of(pool)->ops->flush(
				pool_of(pool)->pool, nbl_self(pool_of(pool))->pool_thread);
			assert_int_equal(
				nbl_trim(pool, KEPT) != 0, pool_of(pool)->ops->traits.trims);
		}
		free_nb_pool(pool);
	}
	/* The quarantine withholds its objects from a trim, and finds them as they were. */
	NDIS_HANDLE pool = pools_to_trim[2];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NBLS; i++)
			assert_non_null(nbls[i] = NdisAllocateNetBufferList(pool, 0, 0));
		for (int i = 0; i < NBLS; i++)
			NdisFreeNetBufferList(nbls[i]);
		pool_of(pool)->ops->flush(
			pool_of(pool)->pool, nbl_self(pool_of(pool))->pool_thread);
		nbl_trim(pool, 0);
	}
	free_pool(pool);
	assert_int_equal(misuses.all, 0);
}

static void trim_wants_a_pool(NO_STATE)
{
	int something;
	NDIS_HANDLE pool = list_pool(FALSE, 0, 0);

	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, NULL, nbl_trim(NULL, 0));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, &something, nbl_trim(&something, 0));
	assert_int_equal(nbl_trim(pool, 0), 0); /* nothing was ever used */
	free_pool(pool);
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool, nbl_trim(pool, 0));
}

/*
 * A destroy that meets a call: the test holds the call's section open, so what happens is certain.
 */

static void *destroy(void *pool)
{
	NdisFreeNetBufferListPool(pool);
	return NULL;
}

/* Begins a destroy on another thread and returns when the handle has become invalid. */
static pthread_t begin_destroy(NDIS_HANDLE pool)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, destroy, pool), 0);
	while (nbl_pool_valid(pool, NBL_POOL_LISTS))
		sched_yield();
	return thread;
}

static bool guard_can_be_seen(void)
{
	if (!RCU_GUARD_EXISTS) {
		print_message("this build has no liburcu, and guards no pool\n");
		return false;
	}
	if (tsan_build && URCU_OPAQUE_TO_TSAN) {
		print_message("the thread sanitizer does not see liburcu's grace period\n");
		return false;
	}
	return true;
}

/*
 * Another thread has ended the last pool to which this one was attached. The table of what it has of
 * pools then stands empty until it next attaches and detaches.
 */
static void drop_own_table(void)
{
	NDIS_HANDLE pool = verify_pool(0);

	NdisFreeNetBufferList(NdisAllocateNetBufferList(pool, 0, 0));
	free_pool(pool);
}

static void destroy_waits_for_a_call(NO_STATE)
{
	if (!guard_can_be_seen())
		skip();
	NDIS_HANDLE pool = verify_pool(0);
	const uint64_t live = memory_live_bytes();
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	NdisFreeNetBufferList(nbl);

	assert_ptr_equal(nbl_enter(pool, NBL_POOL_LISTS), pool); /* a call has begun */
	pthread_t destroyer = begin_destroy(pool);
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool,
		assert_null(NdisAllocateNetBufferList(pool, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool, nbl_trim(pool, 0));
	assert_non_null(pool_of(pool)->threads); /* nothing was taken down */
	nbl_leave(pool);                         /* the call has ended */
	assert_int_equal(pthread_join(destroyer, NULL), 0);
	assert_null(nbl_threads[pool_of(pool)->id]);
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool, NdisFreeNetBufferListPool(pool));
	drop_own_table();
	assert_true(memory_live_bytes() < live);
}

static void a_call_that_allocates_keeps_the_pool(NO_STATE)
{
	if (!guard_can_be_seen())
		skip();
	NDIS_HANDLE handle = verify_pool(0);
	struct nbl_pool *pool = nbl_enter(handle, NBL_POOL_LISTS);
	assert_non_null(pool);
	pthread_t destroyer = begin_destroy(handle);
	/* The call that had begun gets its object; a free that begins now is refused. */
	NET_BUFFER_LIST *nbl = nbl_get(pool->ops, pool->policy, pool, nbl_self(pool), 0);
	assert_non_null(nbl);
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, nbl, NdisFreeNetBufferList(nbl));
	nbl_leave(pool);
	assert_int_equal(pthread_join(destroyer, NULL), 0);
	assert_int_equal(misuses.last.kind, NBL_MISUSE_POOL_OUTSTANDING);
	/* The pool lives on as if nothing had been. */
	NdisFreeNetBufferList(nbl);
	nbl = NdisAllocateNetBufferList(handle, 0, 0);
	assert_non_null(nbl);
	NdisFreeNetBufferList(nbl);
	free_pool(handle);
}

/* The library's, which the linker wraps: what a test does between a call's first look at its pool and the section. */
void __real_rcu_guard_enter(void);
void __wrap_rcu_guard_enter(void);
static NDIS_HANDLE destroyed_before_entry;

void __wrap_rcu_guard_enter(void)
{
	NDIS_HANDLE pool = destroyed_before_entry;

	destroyed_before_entry = NULL;
	if (pool != NULL)
		free_pool(pool);
	__real_rcu_guard_enter();
}

static void a_call_looks_again_from_its_section(NO_STATE)
{
	NDIS_HANDLE pool = verify_pool(0);

	destroyed_before_entry = pool;
	assert_null(nbl_enter(pool, NBL_POOL_LISTS));
	assert_null(destroyed_before_entry); /* it came that way */
	assert_false(rcu_guard_inside());
	assert_int_equal(misuses.all, 0);
}

/* What a trim meets that has begun: nobody's grace period waits for it, and its own pool's end does. */
static struct met {
	NDIS_HANDLE pool;
	pthread_t destroyer;
	bool begun, inside, waits;
} met;

static bool meet_a_trim(void *arg, size_t bytes)
{
	(void)arg;
	(void)bytes;
	if (met.begun)
		return false;
	met.begun = true;
	met.inside = rcu_guard_inside();
	if (!met.inside) { /* else the destroy would wait for ever */
		met.destroyer = begin_destroy(met.pool);
		usleep(10000); /* for a destroy that does not wait */
		met.waits = pool_of(met.pool)->threads != NULL;
	}
	return false;
}

static void a_trim_holds_up_its_own_pools_end_alone(NO_STATE)
{
	enum { OBJECTS = 2000 };
	static NET_BUFFER_LIST *nbls[OBJECTS];

	if (!guard_can_be_seen())
		skip();
	const uint64_t live = memory_live_bytes();
	met = (struct met){.pool = verify_pool(0)};
	if (!pool_of(met.pool)->ops->traits.trims) {
		free_pool(met.pool);
		return;
	}
	for (int i = 0; i < OBJECTS; i++)
		assert_non_null(nbls[i] = NdisAllocateNetBufferList(met.pool, 0, 0));
	for (int i = 0; i < OBJECTS; i++)
		NdisFreeNetBufferList(nbls[i]);
	/* What waits for a grace period is not there to be trimmed. */
	pool_of(met.pool)->ops->flush(
		pool_of(met.pool)->pool, nbl_self(pool_of(met.pool))->pool_thread);
	memory_set_fault_hook(meet_a_trim, NULL);
	const uint64_t given = nbl_trim(met.pool, 0);
	memory_set_fault_hook(NULL, NULL);
	assert_true(met.begun);
	assert_false(met.inside);
	assert_int_equal(pthread_join(met.destroyer, NULL), 0);
	assert_true(met.waits);
	assert_true(given > 0);
	drop_own_table();
	assert_true(memory_live_bytes() <= live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(trimmed_nbls_are_as_new),
		counted_test(nb_and_verify_pools_are_trimmed_too),
		counted_test(trim_wants_a_pool),
		counted_test(destroy_waits_for_a_call),
		counted_test(a_call_that_allocates_keeps_the_pool),
		counted_test(a_call_looks_again_from_its_section),
		counted_test(a_trim_holds_up_its_own_pools_end_alone),
	};

	/* A trim does not reach what another CPU has cached: a thread that moved would find less to give. */
	stay_on_this_cpu();
	return run_over_strategies("life", tests);
}
