/*
 * Forks at moments at which no thread is inside a call: threads end meanwhile, others make and free
 * pools between one call and the next, others stand still. The child uses everything. Over every
 * strategy whose traits let a child use its copy.
 *
 * Under the thread sanitizer no thread ends while another forks: a thread that ends may have a lock
 * of the sanitizer's allocator, which gcc 12's runtime does not take around a fork, and the child
 * asks for it before fork returns there, when liburcu makes its thread anew.
 *
 * The argument `full` forks ten thousand times over the default strategy.
 */
#include "alloc/nbl/registry.h"
#include "alloc/ndis/support_test.h"

#include <pthread.h>
#include <sched.h>

enum {
	FORKS_DEFAULT = 100, /* over the strategy that programs get */
	FORKS_OTHER = 10,
	FORKS_SANITIZED = 5,
	FORKS_FULL = 10000,
	FORKS_FULL_OTHER = 500,
	/*
	 * With stacks of 8 MiB, as is usual: more than the C library keeps for later threads. In a
	 * child it unmaps them when a thread ends there.
	 */
	PARKED = 8,
	CHILD_SECONDS = 300, /* a hang: it has milliseconds of work */
	HOLD_US = 20000,     /* far beyond the time from a lock's taking to a fork */
	FORK_CONTEXT = 64,
};

enum { SKIP = 77 };
static bool in_full;

/* What the threads have in common. */
struct crowd {
	NDIS_HANDLE pools[2];   /* an ordinary one and a verify pool */
	pthread_rwlock_t calls; /* read by whoever is inside a call, written by who forks */
	pthread_barrier_t parked;
	atom_u32 outside; /* the short life has made its last call */
	atom_u32 forked;
	atom_u32 stop;
};

static void use_pool(NDIS_HANDLE pool)
{
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	if (nbl == NULL || NdisAllocateNetBufferListContext(nbl, FORK_CONTEXT, 0, OTHER_TAG) !=
				   NDIS_STATUS_SUCCESS)
		abort();
	NdisFreeNetBufferListContext(nbl, FORK_CONTEXT);
	NdisFreeNetBufferList(nbl);
}

static void use_pools(struct crowd *crowd)
{
	for (size_t i = 0; i < array_count(crowd->pools); i++)
		use_pool(crowd->pools[i]);
}

static void make_and_free(void)
{
	NDIS_HANDLE own = try_list_pool(TRUE, 0, 32);

	if (own == NULL)
		abort();
	use_pool(own);
	NdisFreeNetBufferListPool(own);
}

static void *live_shortly(void *arg)
{
	struct crowd *crowd = arg;

	pthread_rwlock_rdlock(&crowd->calls);
	use_pools(crowd);
	pthread_rwlock_unlock(&crowd->calls);
	atom_store_release(&crowd->outside, 1); /* R0: the last call happens before the fork */
	while (tsan_build && atom_load_relaxed(&crowd->forked) == 0)
		sched_yield();
	return NULL;
}

static void *make_pools(void *arg)
{
	struct crowd *crowd = arg;

	while (atom_load_relaxed(&crowd->stop) == 0) {
		pthread_rwlock_rdlock(&crowd->calls);
		make_and_free();
		pthread_rwlock_unlock(&crowd->calls);
		sched_yield();
	}
	return NULL;
}

static void *park(void *arg)
{
	struct crowd *crowd = arg;

	use_pools(crowd);
	pthread_barrier_wait(&crowd->parked); /* before the first fork */
	pthread_barrier_wait(&crowd->parked); /* after the last one */
	return NULL;
}

static void *live_in_child(void *arg)
{
	use_pools(arg);
	make_and_free();
	return NULL;
}

/* Everything, and the end of what the parent made. The status: misuses. */
_Noreturn static void be_the_child(struct crowd *crowd)
{
	static UCHAR memory[16];
	struct nbl_tag_usage row;
	pthread_t thread;

	signal(SIGABRT, SIG_DFL); /* cmocka has handlers of its own */
	signal(SIGSEGV, SIG_DFL);
	nbl_tags(&row, 1);
	use_pools(crowd);
	make_and_free();
	MDL *mdl = NdisAllocateMdl(NULL, memory, sizeof(memory));
	if (mdl == NULL)
		abort();
	/* The thread sanitizer ends a child whose new thread gets the name of one in the parent. */
	if (!tsan_build && (pthread_create(&thread, NULL, live_in_child, crowd) != 0 ||
				   pthread_join(thread, NULL) != 0))
		abort();
	NdisFreeMdl(mdl);
	for (size_t i = 0; i < array_count(crowd->pools); i++) {
		nbl_trim(crowd->pools[i], 0);
		NdisFreeNetBufferListPool(crowd->pools[i]);
	}
	_exit(misuses.all == 0 && nbl_release_defaults() ? 0 : 1);
}

static bool one_hung;

/* After a child that hung there is none: each would take as long. */
static pid_t fork_child(void)
{
	assert_false(one_hung);
	return fork();
}

/*
 * The child ends, and well. A child that hangs may do so with all signals blocked: liburcu waits for
 * its lock so. An alarm would not end it.
 */
static void assert_ends(pid_t child)
{
	int status = -1;

	assert_true(child > 0);
	for (int ms = 0; waitpid(child, &status, WNOHANG) == 0; ms++) {
		if (ms == 1000 * CHILD_SECONDS) {
			kill(child, SIGKILL);
			one_hung = true;
			print_error("the child did not end in %d s\n", CHILD_SECONDS);
		}
		usleep(1000);
	}
	if (WIFSIGNALED(status))
		print_error("the child died of signal %d\n", WTERMSIG(status));
	assert_int_equal(status, 0);
}

static void fork_once(struct crowd *crowd)
{
	pthread_t life;

	atom_store_relaxed(&crowd->outside, 0);
	atom_store_relaxed(&crowd->forked, 0);
	assert_int_equal(pthread_create(&life, NULL, live_shortly, crowd), 0);
	while (atom_load_acquire(&crowd->outside) == 0) /* A0, meets R0 */
		sched_yield();
	pthread_rwlock_wrlock(&crowd->calls); /* no thread is inside a call now */
	pid_t child = fork_child();
	if (child == 0)
		be_the_child(crowd);
	atom_store_relaxed(&crowd->forked, 1);
	pthread_rwlock_unlock(&crowd->calls);
	assert_ends(child);
	assert_int_equal(pthread_join(life, NULL), 0);
}

static int forks_over(const struct pool_ops *ops)
{
	if (in_full)
		return ops == pool_default() ? FORKS_FULL : FORKS_FULL_OTHER;
	if (tsan_build || debug_build)
		return FORKS_SANITIZED;
	return ops == pool_default() ? FORKS_DEFAULT : FORKS_OTHER;
}

static void children_use_everything(NO_STATE)
{
	static struct crowd crowd;
	pthread_t parked[PARKED];
	pthread_t maker;

	crowd = (struct crowd){.pools = {list_pool(TRUE, 0, 32), verify_pool(32)}};
	const struct pool_ops *ops = ((struct nbl_pool *)crowd.pools[0])->ops;
	if (ops->traits.lost_in_fork) {
		print_message("[ EXCUSED  ] the traits say that a child must not use its copy\n");
	} else {
		assert_int_equal(pthread_rwlock_init(&crowd.calls, NULL), 0);
		assert_int_equal(pthread_barrier_init(&crowd.parked, NULL, PARKED + 1), 0);
		for (int i = 0; i < PARKED; i++)
			assert_int_equal(pthread_create(&parked[i], NULL, park, &crowd), 0);
		pthread_barrier_wait(&crowd.parked);
		assert_int_equal(pthread_create(&maker, NULL, make_pools, &crowd), 0);
		for (int i = 0; i < forks_over(ops); i++)
			fork_once(&crowd);
		atom_store_relaxed(&crowd.stop, 1);
		assert_int_equal(pthread_join(maker, NULL), 0);
		pthread_barrier_wait(&crowd.parked);
		for (int i = 0; i < PARKED; i++)
			assert_int_equal(pthread_join(parked[i], NULL), 0);
		pthread_barrier_destroy(&crowd.parked);
		pthread_rwlock_destroy(&crowd.calls);
	}
	for (size_t i = 0; i < array_count(crowd.pools); i++)
		free_pool(crowd.pools[i]);
}

static atom_u32 registry_held;

/* As a thread's end does, only longer: for a fork to fall into. */
static void *hold_registry(void *arg)
{
	nbl_registry_lock();
	atom_store_release(&registry_held, 1); /* R1, meets A1 */
	usleep(HOLD_US);
	nbl_registry_unlock();
	while (atom_load_relaxed(&registry_held) == 1) /* it ends after the fork */
		usleep(1000); /* asleep: a child that hangs meets its bound before this process meets one */
	atom_store_release(&registry_held, 3); /* R2, meets A2 */
	return arg;
}

/* A fork waits for the registry, whose holder is not in the child. */
static void registry_is_free_in_a_child(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0); /* the hooks are there */
	struct nbl_tag_usage row;
	pthread_t holder;

	atom_store_relaxed(&registry_held, 0);
	assert_int_equal(pthread_create(&holder, NULL, hold_registry, NULL), 0);
	/* Nobody can join it in the child, where the thread sanitizer would ask for that. */
	assert_int_equal(pthread_detach(holder), 0);
	while (atom_load_acquire(&registry_held) == 0) /* A1, meets R1 */
		sched_yield();
	pid_t child = fork_child();
	if (child == 0) {
		nbl_tags(&row, 1);
		_exit(0);
	}
	assert_ends(child);
	atom_store_relaxed(&registry_held, 2);
	while (atom_load_acquire(&registry_held) != 3) /* A2, meets R2 */
		sched_yield();
	free_pool(pool);
}

static atom_u32 reader, waiter; /* as far as they are */
static atom_u32 rcu_forked;

/* In a read-side section, which it leaves long after it may. */
static void *read_for_long(void *arg)
{
	rcu_guard_enter();
	atom_store_release(&reader, 1); /* R3, meets A3 */
	while (atom_load_relaxed(&reader) == 1)
		sched_yield();
	usleep(HOLD_US);
	rcu_guard_leave();
	while (atom_load_relaxed(&rcu_forked) == 0)
		usleep(1000);
	atom_store_release(&reader, 3); /* R4, meets A4 */
	return arg;
}

/* Waits for the reader, and has a lock of liburcu's meanwhile. */
static void *wait_for_reader(void *arg)
{
	atom_store_release(&waiter, 1); /* R5, meets A5 */
	rcu_guard_wait();
	while (atom_load_relaxed(&rcu_forked) == 0)
		usleep(1000);
	atom_store_release(&waiter, 2); /* R6, meets A6 */
	return arg;
}

/* A fork waits for liburcu's locks, whose holder is not in the child. */
static void liburcu_is_free_in_a_child(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0); /* the hooks are there */
	pthread_t thread;

	if (!RCU_GUARD_EXISTS) {
		free_pool(pool);
		print_message("skipped: this build has no liburcu\n");
		skip();
	}
	atom_store_relaxed(&reader, 0);
	atom_store_relaxed(&waiter, 0);
	atom_store_relaxed(&rcu_forked, 0);
	assert_int_equal(pthread_create(&thread, NULL, read_for_long, NULL), 0);
	assert_int_equal(pthread_detach(thread), 0); /* as above */
	while (atom_load_acquire(&reader) != 1)      /* A3, meets R3 */
		sched_yield();
	assert_int_equal(pthread_create(&thread, NULL, wait_for_reader, NULL), 0);
	assert_int_equal(pthread_detach(thread), 0);
	while (atom_load_acquire(&waiter) != 1) /* A5, meets R5 */
		sched_yield();
	usleep(HOLD_US); /* until it has the lock */
	atom_store_relaxed(&reader, 2);
	pid_t child = fork_child();
	if (child == 0) {
		rcu_guard_wait();
		_exit(0);
	}
	assert_ends(child);
	atom_store_relaxed(&rcu_forked, 1);
	while (atom_load_acquire(&reader) != 3 || atom_load_acquire(&waiter) != 2) /* A4, A6 */
		sched_yield();
	free_pool(pool);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		counted_test(registry_is_free_in_a_child),
		counted_test(liburcu_is_free_in_a_child),
		counted_test(children_use_everything),
	};

	if (asan_build) {
		/* A child that inherits a lock of that allocator's hangs in its first malloc. */
		printf("skipped: the address sanitizer's allocator is not made for forks beside "
		       "threads\n");
		return SKIP;
	}
	in_full = argc > 1 && strcmp(argv[1], "full") == 0;
	return run_over_strategies("fork", tests);
}
