/* Threads come and go: attachment, the end of a thread, and the spare state of each pool. */
#include "alloc/nbl/threads.h"

#include "alloc/nbl/accounts.h"
#include "alloc/nbl/registry.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

/* A thread's table. It lies in pages of its own, of which those cost memory that were written to. */
struct table {
	uint32_t attached; /* entries that are not NULL; under the registry's lock */
	struct nbl_thread *thread[NBL_POOLS_MAX];
};

/* The table of who is attached to nothing: never written. */
static struct table nobody;

_Thread_local struct nbl_thread **nbl_threads = nobody.thread;

/* Gives the calling thread a table of its own. False: no memory. */
static bool make_table(void)
{
	struct table *table;

	if (nbl_threads != nobody.thread)
		return true;
	table = memory_map(sizeof(*table), MEMORY_PAGES_ORDINARY);
	if (table == NULL)
		return false;
	nbl_threads = table->thread;
	return true;
}

/* Under the registry's lock: frees the calling thread's table if nothing stands in it. */
static void drop_table_locked(void)
{
	struct table *table = container_of(nbl_threads, struct table, thread);

	if (table == &nobody || table->attached != 0)
		return;
	nbl_threads = nobody.thread;
	memory_unmap(table, sizeof(*table), MEMORY_PAGES_ORDINARY);
}

/* Under the registry's lock: an entry of some thread's table. */
static void set_slot(struct nbl_thread **slot, uint32_t id, struct nbl_thread *self)
{
	struct table *table = container_of(slot - id, struct table, thread);

	*slot = self;
	table->attached += self != NULL ? 1u : -1u;
}

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
	self->untold_limit = pool->checks ? 0 : 2 * NBL_ACCOUNT_BATCH;
	nbl_account_begin(self);
	if (self->context_thread != NULL)
		self->context_thread->untold_max = pool->checks ? 0 : NBL_ACCOUNT_BATCH;
	nbl_registry_lock();
	self->next = pool->threads;
	pool->threads = self;
	nbl_registry_unlock();
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

void nbl_detach_locked(struct nbl_thread *self, struct nbl_findings *found)
{
	struct nbl_pool *pool = self->pool;
	struct nbl_thread **link = &pool->threads;

	while (*link != self)
		link = &(*link)->next;
	*link = self->next;
	if (self->slot != NULL) {
		set_slot(self->slot, pool->id, NULL);
		drop_table_locked();
	}
	adopt(self);
	nbl_account_publish(self);
	pool->live_gone += atom_load_relaxed(&self->told);
	nbl_quarantine_end(self, found);
	if (self->context_thread != NULL)
		pool->policy->detach(pool->context, self->context_thread);
	pool->ops->detach(pool->pool, self->pool_thread);
	memory_free(self, sizeof(*self));
}

void nbl_detach(struct nbl_thread *self)
{
	const struct nbl_pool *pool = self->pool;
	struct nbl_findings found;

	rcu_guard_register();
	nbl_registry_lock();
	nbl_detach_locked(self, &found);
	nbl_registry_unlock();
	nbl_report_findings(pool, &found);
}

/*
 * The end of a thread.
 */

static pthread_key_t exit_key; /* its destructor detaches a thread that ends */
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

/*
 * Rounds of destructors in which thread_exit runs: all but the last. What it does makes the thread
 * known to liburcu. liburcu's own destructor comes first in each round, so after the last one
 * nothing would take the thread off liburcu's list. One round less under the thread sanitizer: it
 * gives its state of a thread up in the last round, and can't see liburcu's destructor run there.
 */
enum { EXIT_ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 - atom_sanitizes };

/* Rounds in which thread_exit has run. */
static _Thread_local uint32_t exit_rounds;
/* The thread has attached since thread_exit last looked. */
static _Thread_local bool exit_due;

/*
 * Runs when a thread ends that used a pool by the documented calls. A destructor that runs later
 * may free an NBL, and the thread attaches again. So thread_exit asks for EXIT_ROUNDS of the rounds
 * in which the C library runs destructors, and after the last of them the thread attaches no more
 * (nbl_self_attach). A thread may make its first call in a destructor of a later round; then the
 * rounds left are fewer than EXIT_ROUNDS, and if none is left, nobody learns that the thread has
 * ended.
 */
static void thread_exit(void *value)
{
	struct nbl_findings found;
	const struct nbl_pool *pool;
	uint32_t id = 0;

	if (++exit_rounds < EXIT_ROUNDS)
		pthread_setspecific(exit_key, value); /* it has a place: this cannot fail */
	/*
	 * No lock where nothing is to be done: in the last round a library beneath may have ended
	 * its part of the thread, as liburcu and the thread sanitizer do.
	 */
	if (!exit_due)
		return;
	exit_due = false;
	rcu_guard_register();
	do {
		pool = NULL;
		nbl_registry_lock();
		while (id < nbl_slots_used && nbl_threads[id] == NULL)
			id++;
		if (id < nbl_slots_used) {
			pool = nbl_threads[id]->pool;
			nbl_detach_locked(nbl_threads[id], &found);
		}
		nbl_registry_unlock();
		if (pool != NULL)
			nbl_report_findings(pool, &found);
	} while (pool != NULL);
	/* Others may have ended the last pools of the table. */
	nbl_registry_lock();
	drop_table_locked();
	nbl_registry_unlock();
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
		pthread_setspecific(exit_key, &nbl_threads) != 0 || nbl_attach(pool, &self) != 0)
		return NULL;
	if (!make_table()) {
		nbl_detach(self);
		return NULL;
	}
	nbl_registry_lock();
	self->slot = &nbl_threads[pool->id];
	set_slot(self->slot, pool->id, self);
	nbl_registry_unlock();
	exit_due = true;
	return self;
}

/*
 * The spare state.
 */

/*
 * One lock for the spare states of all pools, a last resort. Its holder borrows again where a
 * misuse handler frees. spare_holder is relaxed: a thread finds its own name there only if it has
 * put it there itself.
 */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static atom_ptr spare_holder; /* where the holder's nbl_threads is, which names it; or NULL */
static uint32_t spare_depth;  /* how often it has borrowed; under the lock */

struct nbl_thread *nbl_spare_borrow(struct nbl_pool *pool)
{
	if (atom_load_relaxed(&spare_holder) != &nbl_threads) {
		pthread_mutex_lock(&spare_lock);
		atom_store_relaxed(&spare_holder, &nbl_threads);
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
