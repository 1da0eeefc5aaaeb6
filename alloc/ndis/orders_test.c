/*
 * The acquires and releases of NBLs, contexts, accounts and default pools, each where nothing else orders
 * what two threads do. The threads take turns by a word that orders nothing, so the thread sanitizer reports
 * a race wherever the library's own order is missing. Other builds see that the turns come out right.
 *
 * One strategy is enough, and it is one whose caches are a thread's: what it keeps orders nothing either.
 */
#include "alloc/ndis/internal.h"
#include "alloc/ndis/support_test.h"

#include "alloc/context/accounts.h"

#include <pthread.h>
#include <stdlib.h>

enum { BYTES = 32 };

static NDIS_HANDLE pool;
static NET_BUFFER_LIST *nbl;
static int mark_of_the_other; /* its address is what the other thread writes */

/*
 * Turns.
 */

static atom_u32 turn;

static void pass(uint32_t next)
{
	atom_store_relaxed(&turn, next);
}

static void await(uint32_t own)
{
	while (atom_load_relaxed(&turn) != own)
		sched_yield();
}

/*
 * The other thread's part. It begins when both are there, and the thread ends when both have done their
 * parts. Not one barrier twice: who is late to leave it would come after what the other did.
 */
struct part {
	void (*prepare)(void);
	void (*act)(void);
	pthread_barrier_t begin, end;
};

static void *run(void *arg)
{
	struct part *part = arg;

	if (part->prepare != NULL)
		part->prepare();
	pthread_barrier_wait(&part->begin);
	part->act();
	pthread_barrier_wait(&part->end);
	return NULL;
}

static void beside(void (*prepare)(void), void (*act)(void), void (*mine)(void))
{
	struct part part = {.prepare = prepare, .act = act};
	pthread_t other;

	atom_store_relaxed(&turn, 0);
	assert_int_equal(pthread_barrier_init(&part.begin, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&part.end, NULL, 2), 0);
	assert_int_equal(pthread_create(&other, NULL, run, &part), 0);
	pthread_barrier_wait(&part.begin);
	mine();
	pthread_barrier_wait(&part.end);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&part.begin);
	pthread_barrier_destroy(&part.end);
}

static _Thread_local bool stops_when_made; /* the next pool's maker, which passes the turn */

/*
 * A pool checks everything if that is asked for, and no other one does, though in a debug build: two words
 * more would order what is tried.
 */
int __real_nbl_pool_create(const struct nbl_pool_config *, struct nbl_pool **);
int __wrap_nbl_pool_create(const struct nbl_pool_config *, struct nbl_pool **);
int __wrap_nbl_pool_create(const struct nbl_pool_config *config, struct nbl_pool **out)
{
	const bool stops = stops_when_made;

	stops_when_made = false;
	const int rc = __real_nbl_pool_create(config, out);
	if (rc == 0 && !config->verify) {
		(*out)->checks = false;
		(*out)->marks = (uintptr_t)*out ^ NBL_MARK_UNUSUAL;
		atom_store_relaxed(&(*out)->published, (uint32_t)config->kind);
	}
	if (stops) {
		pass(1);
		await(2);
	}
	return rc;
}

static atom_u32 reports;

static void count_report(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg, (void)misuse;
	atom_add_relaxed(&reports, 1); /* read after the threads have met */
}

/* As many as the test means to have. */
static void expect_reports(uint32_t n)
{
	assert_int_equal(atom_xchg_relaxed(&reports, 0), n);
	nbl_set_misuse_handler(count_misuse, &misuses);
}

/* The other thread has met the pool: what follows takes no lock. */
static void meet_the_pool(void)
{
	NdisFreeNetBufferList(NdisAllocateNetBufferList(pool, 0, 0));
}

static void make_list(NDIS_HANDLE from)
{
	pool = from;
	meet_the_pool();
	nbl = NdisAllocateNetBufferList(pool, 0, 0);
	assert_non_null(nbl);
}

/*
 * References.
 */

static void use_and_drop(void)
{
	nbl->Scratch = &mark_of_the_other;
	FwpsDereferenceNetBufferList0(nbl, FALSE);
}

static void use_and_drop_first(void)
{
	use_and_drop();
	pass(1);
}

static void free_and_use(void)
{
	NdisFreeNetBufferList(nbl);
	NET_BUFFER_LIST *again = NdisAllocateNetBufferList(pool, 0, 0);
	assert_ptr_equal(again, nbl);
	nbl->Scratch = NULL;
	NdisFreeNetBufferList(nbl);
}

static void free_after_it(void)
{
	await(1);
	free_and_use();
}

static void owner_frees_after_a_reference(NO_STATE)
{
	make_list(list_pool(TRUE, 0, 0));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	beside(meet_the_pool, use_and_drop_first, free_after_it);
	free_pool(pool);
}

/* A pool that checks everything overwrites what is freed. */
static void free_checked_after_it(void)
{
	await(1);
	NdisFreeNetBufferList(nbl);
}

static void owner_frees_after_a_reference_where_all_is_checked(NO_STATE)
{
	make_list(verify_pool(0));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	beside(meet_the_pool, use_and_drop_first, free_checked_after_it);
	free_pool(pool);
}

static void drop_and_use(void)
{
	await(1);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
	NET_BUFFER_LIST *again = NdisAllocateNetBufferList(pool, 0, 0);
	again->Scratch = NULL;
	if (again != nbl)
		abort(); /* and the test sees nothing */
	NdisFreeNetBufferList(again);
}

static void use_and_free_first(void)
{
	nbl->Scratch = nbl;
	NdisFreeNetBufferList(nbl);
	pass(1);
}

static void reference_ends_after_the_owner(NO_STATE)
{
	make_list(list_pool(TRUE, 0, 0));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	beside(meet_the_pool, drop_and_use, use_and_free_first);
	free_pool(pool);
}

/* The owner looks at the contexts while a reference is left, whose holder is another than this one. */
static void push_pop_and_drop(void)
{
	NdisAllocateNetBufferListContext(nbl, BYTES, 0, OTHER_TAG);
	NdisFreeNetBufferListContext(nbl, BYTES);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
	pass(1);
}

static void free_and_drop(void)
{
	await(1);
	NdisFreeNetBufferList(nbl);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
}

static void owner_looks_after_one_of_two_references(NO_STATE)
{
	make_list(list_pool(TRUE, 0, 0));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	FwpsReferenceNetBufferList0(nbl, FALSE);
	beside(meet_the_pool, push_pop_and_drop, free_and_drop);
	free_pool(pool);
}

/* The last reference ends after the owner has read the count, while it looks at the contexts. */
static bool stops_at_the_contexts;

bool __real_nbl_report_contexts(struct nbl_pool *, NET_BUFFER_LIST *, const char *);
bool __wrap_nbl_report_contexts(struct nbl_pool *, NET_BUFFER_LIST *, const char *);
bool __wrap_nbl_report_contexts(struct nbl_pool *of, NET_BUFFER_LIST *list, const char *by)
{
	if (stops_at_the_contexts) {
		stops_at_the_contexts = false;
		pass(1);
		await(2);
	}
	return __real_nbl_report_contexts(of, list, by);
}

static void use_and_drop_meanwhile(void)
{
	await(1);
	use_and_drop();
	pass(2);
}

static void owner_frees_after_a_reference_that_ends_meanwhile(NO_STATE)
{
	make_list(list_pool(TRUE, 0, BYTES));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	stops_at_the_contexts = true;
	beside(meet_the_pool, use_and_drop_meanwhile, free_and_use);
	assert_false(stops_at_the_contexts);
	free_pool(pool);
}

/*
 * Claims.
 */

static void push_first(void)
{
	NdisAllocateNetBufferListContext(nbl, BYTES, 0, OTHER_TAG);
	pass(1);
}

static void pop_after_it(void)
{
	await(1);
	NdisFreeNetBufferListContext(nbl, BYTES);
}

static void contexts_after_contexts(NO_STATE)
{
	make_list(verify_pool(0));
	beside(meet_the_pool, push_first, pop_after_it);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
}

static void free_too_early(void)
{
	NdisFreeNetBufferList(nbl);
	pass(1);
}

static void contexts_after_a_free_that_was_refused(NO_STATE)
{
	make_list(verify_pool(0));
	NdisAllocateNetBufferListContext(nbl, BYTES, 0, OTHER_TAG);
	nbl_set_misuse_handler(count_report, NULL);
	beside(meet_the_pool, free_too_early, pop_after_it);
	expect_reports(1);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
}

static void contexts_after_a_free_of_a_referenced_that_was_refused(NO_STATE)
{
	make_list(verify_pool(0));
	NdisAllocateNetBufferListContext(nbl, BYTES, 0, OTHER_TAG);
	FwpsReferenceNetBufferList0(nbl, FALSE);
	nbl_set_misuse_handler(count_report, NULL);
	beside(meet_the_pool, free_too_early, pop_after_it);
	expect_reports(1);
	NdisFreeNetBufferList(nbl);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
	free_pool(pool);
}

static NET_BUFFER *nb;

static void free_retreated_first(void)
{
	NdisFreeNetBuffer(nb);
	pass(1);
}

/* The second free is refused as well, and comes after what the first one read. */
static void free_retreated_again(void)
{
	await(1);
	NdisFreeNetBuffer(nb);
	NdisAdvanceNetBufferDataStart(nb, BYTES, TRUE, NULL);
}

static void nb_is_claimed_after_a_free_that_was_refused(NO_STATE)
{
	NDIS_HANDLE nbs = nb_verify_pool();

	nb = NdisAllocateNetBuffer(nbs, NULL, 0, 0);
	assert_non_null(nb);
	assert_int_equal(NdisRetreatNetBufferDataStart(nb, BYTES, 0, NULL), NDIS_STATUS_SUCCESS);
	nbl_set_misuse_handler(count_report, NULL);
	beside(NULL, free_retreated_first, free_retreated_again);
	expect_reports(2);
	NdisFreeNetBuffer(nb);
	free_nb_pool(nbs);
}

/*
 * Clones: a driver may take the count's fall for the end of what was done with one.
 */

static NET_BUFFER_LIST *a_clone;

static void use_original_and_free_clone(void)
{
	nbl->Scratch = &mark_of_the_other;
	FwpsFreeCloneNetBufferList0(a_clone, 0);
}

static void use_original_after_the_clone(void)
{
	while (atom_load_acquire(ndis_child_count(nbl)) != 0) /* as a driver that polls it */
		sched_yield();
	nbl->Scratch = NULL;
}

static void clone_ends_before_its_count_falls(NO_STATE)
{
	make_list(list_pool(TRUE, 0, 0));
	assert_int_equal(FwpsAllocateCloneNetBufferList0(nbl, NULL, NULL, 0, &a_clone), 0);
	beside(meet_the_pool, use_original_and_free_clone, use_original_after_the_clone);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
}

/*
 * Default pools. Of two threads that make one at once, the later one's is kept here until the end: the lock
 * that its end takes would order what follows.
 */

static struct nbl_pool *discarded;
static MDL *other_mdl;

void __wrap_nbl_pool_discard(struct nbl_pool *made);
void __wrap_nbl_pool_discard(struct nbl_pool *made)
{
	discarded = made;
}

static void make_mdl(void)
{
	static UCHAR memory[BYTES];

	other_mdl = NdisAllocateMdl(NULL, memory, sizeof(memory));
}

static void make_mdl_and_stop(void)
{
	stops_when_made = true;
	make_mdl();
}

static void make_mdl_after_it(void)
{
	await(1);
	make_mdl();
}

static void make_mdl_first(void)
{
	MDL *mdl = test_mdl(BYTES);

	pass(1);
	NdisFreeMdl(mdl);
}

static void default_pool_is_complete(NO_STATE)
{
	beside(NULL, make_mdl_after_it, make_mdl_first);
	NdisFreeMdl(other_mdl);
}

static void make_mdl_meanwhile(void)
{
	await(1);
	MDL *mdl = test_mdl(BYTES);
	pass(2);
	NdisFreeMdl(mdl);
}

void __real_nbl_pool_discard(struct nbl_pool *made);

static void default_pool_of_another_is_complete(NO_STATE)
{
	beside(NULL, make_mdl_and_stop, make_mdl_meanwhile);
	NdisFreeMdl(other_mdl);
	assert_non_null(discarded);
	__real_nbl_pool_discard(discarded);
}

/*
 * Accounts.
 */

enum { FOUND_TAG = 0x01000000, READ_TAG, GROWN_TAG };

static void make_account_first(void)
{
	account_of(FOUND_TAG);
	pass(1);
}

static void find_account(void)
{
	await(1);
	assert_ptr_not_equal(account_of(FOUND_TAG), account_of(OTHER_TAG));
}

static void account_is_found_complete(NO_STATE)
{
	account_of(OTHER_TAG);
	beside(NULL, make_account_first, find_account);
}

static void make_another_account_first(void)
{
	account_of(READ_TAG);
	pass(1);
}

static void read_accounts(void)
{
	static const struct account_figures none[ACCOUNTS_MAX];
	static struct nbl_tag_usage rows[ACCOUNTS_MAX];

	await(1);
	const size_t n = accounts_read(none, rows, ACCOUNTS_MAX);
	assert_in_range(n, 1, ACCOUNTS_MAX);
	assert_int_equal(rows[n - 1].tag, READ_TAG);
}

static void account_is_read_complete(NO_STATE)
{
	beside(NULL, make_another_account_first, read_accounts);
}

static void push_under_a_new_tag(void)
{
	NdisAllocateNetBufferListContext(nbl, BYTES, 0, GROWN_TAG);
	pass(1);
}

static void count_after_it(void)
{
	await(1);
	assert_int_equal(usage(GROWN_TAG).objects, 1);
}

static void cells_are_read_complete(NO_STATE)
{
	make_list(list_pool(TRUE, 0, 0));
	beside(meet_the_pool, push_under_a_new_tag, count_after_it);
	NdisFreeNetBufferListContext(nbl, BYTES);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
}

/*
 * arena: a chunk is cut anew after what others did with its blocks.
 */

enum { BLOCK_BYTES = 4096, CHUNK_BLOCKS_MOST = 64 };

static NET_BUFFER_LIST *own;

static void push_block(NET_BUFFER_LIST *on)
{
	assert_int_equal(NdisAllocateNetBufferListContext(on, BLOCK_BYTES, 0, OTHER_TAG),
		NDIS_STATUS_SUCCESS);
}

static void pop_first(void)
{
	NdisFreeNetBufferListContext(nbl, BLOCK_BYTES);
	pass(1);
}

/* The chunk is full at last, its only live block was the other's, and it is the next one that is opened. */
static void cut_anew(void)
{
	const void *first = nbl->Scratch;
	int blocks = 0;

	await(1);
	push_block(own);
	while (own->Context != first) {
		assert_in_range(++blocks, 1, CHUNK_BLOCKS_MOST);
		NdisFreeNetBufferListContext(own, BLOCK_BYTES);
		push_block(own);
	}
}

static void chunk_is_cut_anew_after_its_blocks(NO_STATE)
{
	char why[NBL_REASON_BYTES];

	assert_int_equal(nbl_set_default_context("arena", why), 0);
	make_list(list_pool(TRUE, 0, 0));
	own = NdisAllocateNetBufferList(pool, 0, 0);
	assert_non_null(own);
	push_block(nbl);
	nbl->Scratch = nbl->Context;
	beside(meet_the_pool, pop_first, cut_anew);
	NdisFreeNetBufferListContext(own, BLOCK_BYTES);
	NdisFreeNetBufferList(own);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	assert_int_equal(nbl_set_default_context(context_default()->name, why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(owner_frees_after_a_reference),
		counted_test(owner_frees_after_a_reference_where_all_is_checked),
		counted_test(reference_ends_after_the_owner),
		counted_test(owner_looks_after_one_of_two_references),
		counted_test(owner_frees_after_a_reference_that_ends_meanwhile),
		counted_test(contexts_after_contexts),
		counted_test(contexts_after_a_free_that_was_refused),
		counted_test(contexts_after_a_free_of_a_referenced_that_was_refused),
		counted_test(nb_is_claimed_after_a_free_that_was_refused),
		counted_test(clone_ends_before_its_count_falls),
		counted_test(default_pool_is_complete),
		counted_test(default_pool_of_another_is_complete),
		counted_test(account_is_found_complete),
		counted_test(account_is_read_complete),
		counted_test(cells_are_read_complete),
		counted_test(chunk_is_cut_anew_after_its_blocks),
	};
	char why[NBL_REASON_BYTES];

	if (nbl_set_default_pool("mag_tls", why) != 0) {
		print_error("%s\n", why);
		return 1;
	}
	nbl_set_default_capacity(TEST_CAPACITY);
	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
