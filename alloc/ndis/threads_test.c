/*
 * Several threads: V17, V70, V98-V101, frees from destructors of thread-specific data, state that
 * another thread goes on with, and the accounts afterwards. Over every strategy.
 *
 * The reference asks for 10^6 packets in V70 and 10^7 in V98. Builds without sanitizers and checks
 * send as many over the strategy that programs get by default, and a part of it over each other
 * one: two dozen times 10^7 would take a night, which is what the argument is for. Sanitized builds
 * look at every access, which takes ten times as long and needs no luck, so they send a part, too.
 * Each test prints its number.
 */
#include "alloc/mechanism/slab.h"
#include "alloc/ndis/support_test.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>

enum { V70_PACKETS = 1000000, V98_PACKETS = 10000000 };

/* Through each test and strategy. */
static uint64_t packets = tsan_build ? 2000 : debug_build ? 5000 : 20000;
static bool in_full; /* the argument: all that is asked for */

/*
 * A ring from one thread to one other. A0, meets R0: the consumer sees what the producer wrote
 * into the NBL. A1, meets R1: the producer sees that the cell is free again.
 */
enum { RING_CELLS = 512 };

struct ring {
	CACHE_PAIR_ALIGNED atom_u64 head;
	CACHE_PAIR_ALIGNED atom_u64 tail;
	NET_BUFFER_LIST *cells[RING_CELLS];
};

static void ring_push(struct ring *ring, NET_BUFFER_LIST *nbl)
{
	uint64_t tail = atom_load_relaxed(&ring->tail); /* this thread's own */

	while (tail - atom_load_acquire(&ring->head) == RING_CELLS) /* A1 */
		sched_yield();
	ring->cells[tail % RING_CELLS] = nbl;
	atom_store_release(&ring->tail, tail + 1); /* R0 */
}

static NET_BUFFER_LIST *ring_pop(struct ring *ring)
{
	uint64_t head = atom_load_relaxed(&ring->head); /* this thread's own */

	while (head == atom_load_acquire(&ring->tail)) /* A0 */
		sched_yield();
	NET_BUFFER_LIST *nbl = ring->cells[head % RING_CELLS];
	atom_store_release(&ring->head, head + 1); /* R1 */
	return nbl;
}

/* Runs n threads of `body` over args[i * size] and waits for them. */
static void run_threads(int n, void *(*body)(void *), void *args, size_t size)
{
	enum { THREADS_MAX = 16 };
	pthread_t threads[THREADS_MAX];

	assert_in_range(n, 1, THREADS_MAX);
	for (int i = 0; i < n; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, body, (char *)args + (size_t)i * size),
			0);
	for (int i = 0; i < n; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/*
 * V17.
 */

struct worker {
	NDIS_HANDLE pool;
	uint64_t rounds;
	uint64_t failed;
	bool patient; /* a round that got nothing is made again */
};

static void *allocate_and_free(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; i < w->rounds; i++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(w->pool, 32, 0);

		if (nbl == NULL && w->patient) {
			sched_yield();
			i--;
			continue;
		}
		if (nbl == NULL) {
			w->failed++;
			continue;
		}
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), (int)i, 32);
		NdisFreeNetBufferList(nbl);
	}
	return NULL;
}

/* The strategy that this group runs over. */
static const struct pool_ops *ops_of(NDIS_HANDLE pool)
{
	return ((struct nbl_pool *)pool)->ops;
}

static void V17_eight_threads(NO_STATE)
{
	enum { THREADS = 8, THREADS_BLOCKING = 2, ROUNDS = 10000 };
	struct worker workers[THREADS];
	uint64_t before = memory_live_bytes();

	NDIS_HANDLE pool = list_pool(TRUE, 0, 32);
	/* Eight threads that spin for a lock on few CPUs pass it on once a time slice. */
	const int threads =
		ops_of(pool)->traits.progress == POOL_BLOCKING ? THREADS_BLOCKING : THREADS;
	/* Objects may rest on their way back until a thread that has no CPU has moved on. */
	const bool late = frees_late(ops_of(pool));
	for (int i = 0; i < THREADS; i++)
		workers[i] = (struct worker){
			.pool = pool, .rounds = ROUNDS / (uint64_t)threads, .patient = late};
	run_threads(threads, allocate_and_free, workers, sizeof(workers[0]));
	for (int i = 0; i < threads; i++)
		assert_int_equal(workers[i].failed, 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	free_pool(pool);
	assert_int_equal(memory_live_bytes(), before);
	vector(17);
}

/*
 * V70, V98, V99: packets from producers to consumers, with a context that the producer pushes and
 * fills and the consumer checks and pops. Each producer has a ring to each consumer.
 */

enum { SIDES_MAX = 4, BATCH = 255 };

struct traffic {
	NDIS_HANDLE pool;
	int producers;
	int consumers;
	uint64_t each; /* packets of a producer; a multiple of consumers x BATCH */
	struct ring rings[SIDES_MAX][SIDES_MAX];
};

struct side {
	struct traffic *traffic;
	int index;
	bool produces;
	uint64_t wrong; /* packets whose context was not as it was sent */
};

/*
 * How many packets a test sends over a strategy, of `asked`. Threads that spin for one another on
 * few CPUs make progress once a time slice.
 */
static uint64_t packets_over(NDIS_HANDLE pool, uint64_t asked)
{
	enum { BLOCKING_SHARE = 20 };
	const bool counts = !debug_build && !atom_sanitizes && !atom_perturbs;

	if (in_full || (counts && ops_of(pool) == pool_default()))
		return asked;
	return ops_of(pool)->traits.progress == POOL_BLOCKING ? packets / BLOCKING_SHARE : packets;
}

/* Context of packet number n of producer p: its size and its bytes. */
static USHORT context_bytes(uint64_t n)
{
	return (USHORT)(CONTEXT_ALIGN_BYTES * (1 + n % 5));
}

static void produce(struct side *side)
{
	struct traffic *t = side->traffic;

	for (uint64_t n = 0; n < t->each; n++) {
		NET_BUFFER_LIST *nbl;

		/* The capacity is far beyond what is under way, unless frees take their time. */
		while ((nbl = NdisAllocateNetBufferList(t->pool, 0, 0)) == NULL &&
			frees_late(ops_of(t->pool)))
			sched_yield();
		if (nbl == NULL || NdisAllocateNetBufferListContext(nbl, context_bytes(n), 16,
					   OTHER_TAG) != NDIS_STATUS_SUCCESS)
			abort();
		nbl->Scratch = (void *)(uintptr_t)n;
		nbl->Flags = (ULONG)side->index;
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl),
			(int)(n * 31 + (uint64_t)side->index), context_bytes(n));
		ring_push(&t->rings[side->index][n / BATCH % (uint64_t)t->consumers], nbl);
	}
}

/* number: what the packet must have, which tells one that is lost and one that comes twice. */
static void consume_one(struct side *side, NET_BUFFER_LIST *nbl, int producer, uint64_t number)
{
	uint64_t n = (uintptr_t)nbl->Scratch;
	UCHAR expected = (UCHAR)(n * 31 + (uint64_t)producer);
	const UCHAR *bytes = NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);

	if (nbl->Flags != (ULONG)producer || n != number)
		side->wrong++;
	for (int i = 0; i < context_bytes(n); i++) {
		if (bytes[i] != expected) {
			side->wrong++;
			break;
		}
	}
	NdisFreeNetBufferListContext(nbl, context_bytes(n));
	NdisFreeNetBufferList(nbl);
}

static void consume(struct side *side)
{
	struct traffic *t = side->traffic;
	uint64_t batches = t->each / BATCH / (uint64_t)t->consumers;

	for (uint64_t b = 0; b < batches; b++) {
		for (int p = 0; p < t->producers; p++) {
			NET_BUFFER_LIST *batch[BATCH];

			for (int i = 0; i < BATCH; i++)
				batch[i] = ring_pop(&t->rings[p][side->index]);
			uint64_t first =
				(b * (uint64_t)t->consumers + (uint64_t)side->index) * BATCH;
			for (int i = BATCH; i-- > 0;) /* freed in reverse */
				consume_one(side, batch[i], p, first + (uint64_t)i);
		}
	}
}

static void *run_side(void *arg)
{
	struct side *side = arg;

	if (side->produces)
		produce(side);
	else
		consume(side);
	return NULL;
}

/* Returns the packets that went through; prints that for the test of that name. */
static uint64_t run_traffic(int producers, int consumers, uint64_t asked, const char *test)
{
	struct traffic *t = memory_alloc(sizeof(*t));
	struct side sides[2 * SIDES_MAX];
	uint64_t unit = (uint64_t)consumers * BATCH;

	assert_non_null(t);
	t->pool = list_pool(TRUE, 0, 32);
	t->producers = producers;
	t->consumers = consumers;
	t->each = (packets_over(t->pool, asked) / (uint64_t)producers / unit + 1) * unit;
	for (int i = 0; i < producers + consumers; i++)
		sides[i] = (struct side){.traffic = t,
			.produces = i < producers,
			.index = i < producers ? i : i - producers};
	run_threads(producers + consumers, run_side, sides, sizeof(sides[0]));
	for (int i = 0; i < producers + consumers; i++) {
		assert_int_equal(sides[i].wrong, 0);
	}
	assert_int_equal(misuses.all, 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(usage(TEST_TAG).bytes, 0);
	free_pool(t->pool); /* and with it the blocks that its NBLs kept for their next contexts */
	assert_int_equal(usage(OTHER_TAG).objects, 0);
	assert_int_equal(usage(OTHER_TAG).bytes, 0);
	uint64_t sent = t->each * (uint64_t)producers;
	memory_free(t, sizeof(*t));
	print_message("[ PACKETS  ] %s: %llu\n", test, (unsigned long long)sent);
	return sent;
}

static void V98_producers_and_consumers(NO_STATE)
{
	run_traffic(2, 2, V98_PACKETS, __func__);
	vector(98);
}

static void V99_ping_pong(NO_STATE)
{
	run_traffic(1, 1, packets, "V99_ping_pong 1:1");
	run_traffic(1, 3, packets, "V99_ping_pong 1:3");
	run_traffic(3, 1, packets, "V99_ping_pong 3:1");
	vector(99);
}

/*
 * V70: what a pool holds when one side only allocates and the other only frees. The peak of the
 * accounts counts what was out; the slab what was ever made.
 */
static void V70_no_growth(NO_STATE)
{
	struct traffic *t = memory_alloc(sizeof(*t));
	struct side sides[2] = {{.traffic = t, .produces = true}, {.traffic = t}};
	/*
	 * A ring and a batch under way, and the largest caches: two magazines and one array each.
	 */
	enum { UNDER_WAY = RING_CELLS + BATCH + 1, CACHED = 2 * 4 * 1024 };

	assert_non_null(t);
	nbl_set_default_capacity(2 * (UNDER_WAY + CACHED)); /* so that growth could be seen */
	t->pool = list_pool(TRUE, 0, 32);
	nbl_set_default_capacity(test_capacity(ops_of(t->pool)));
	t->producers = t->consumers = 1;
	t->each = (packets_over(t->pool, V70_PACKETS) / BATCH + 1) * BATCH;
	run_threads(2, run_side, sides, sizeof(sides[0]));
	struct nbl_pool *pool = t->pool;
	/* A bounded structure hands all its objects out in turn: its capacity is the bound. */
	if (ops_of(pool)->traits.kind == POOL_KIND_POOL) {
		uint32_t made = slab_carved(pool->pool->slab);

		if (!frees_late(ops_of(pool)) && !ops_of(pool)->traits.bounded)
			assert_in_range(made, 0, UNDER_WAY + CACHED);
		print_message("[ PACKETS  ] %s: %llu, %u NBLs made\n", __func__,
			(unsigned long long)t->each, made);
	}
	free_pool(t->pool);
	memory_free(t, sizeof(*t));
	vector(70);
}

/*
 * V100.
 */

enum { FEW = 256 };

static void *fill_and_leave(void *arg)
{
	NET_BUFFER_LIST *nbls[FEW];

	for (int i = 0; i < FEW; i++)
		nbls[i] = NdisAllocateNetBufferList(arg, 0, 0);
	for (int i = 0; i < FEW; i++) {
		if (nbls[i] != NULL)
			NdisFreeNetBufferList(nbls[i]);
	}
	return NULL;
}

static void V100_thread_exit_returns_caches(NO_STATE)
{
	struct nbl_pool *pool;
	NET_BUFFER_LIST *nbls[FEW];
	cpu_set_t before;
	cpu_set_t one;

	struct nbl_pool_config config = {.kind = NBL_POOL_LISTS, .capacity = FEW, .with_nb = true};
	assert_int_equal(nbl_pool_create(&config, &pool), 0);
	if (frees_late(ops_of(pool))) {
		free_pool(pool);
		vector_excused(100, "what was freed waits for a grace period");
		return;
	}
	/* Caches of CPUs are not the thread's: both threads use the same CPU's. */
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
		if (CPU_ISSET(cpu, &before))
			CPU_SET(cpu, &one);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (int round = 0; round < 3; round++)
		run_threads(1, fill_and_leave, pool, 0);
	int got = 0;
	for (int i = 0; i < FEW; i++) {
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
		got += nbls[i] != NULL;
	}
	assert_int_equal(got, FEW);
	for (int i = 0; i < FEW; i++)
		NdisFreeNetBufferList(nbls[i]);
	free_pool(pool);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	vector(100);
}

/*
 * V101: each thread makes and frees pools of its own while all use one in common.
 */

static void *come_and_go(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 10; i++) {
		NDIS_HANDLE own = try_list_pool(TRUE, i % 2 ? 128 : 0, 16);
		NET_BUFFER_LIST *mine = NdisAllocateNetBufferList(own, 16, 0);
		NET_BUFFER_LIST *common = NdisAllocateNetBufferList(w->pool, 16, 0);

		if (own == NULL || mine == NULL || common == NULL)
			abort();
		NdisFreeNetBufferList(mine);
		NdisFreeNetBufferListPool(own);
		NdisFreeNetBufferList(common);
	}
	return NULL;
}

static void V101_pools_come_and_go(NO_STATE)
{
	enum { THREADS = 4 };
	NDIS_HANDLE pool = list_pool(TRUE, 0, 32);
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++)
		workers[i] = (struct worker){.pool = pool};
	run_threads(THREADS, come_and_go, workers, sizeof(workers[0]));
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	vector(101);
}

/*
 * A destructor of thread-specific data frees an NBL after the thread's own state was given back.
 */

static pthread_key_t late_key;

static void free_late(void *value)
{
	NdisFreeNetBufferList(value);
}

static void *leave_an_nbl(void *arg)
{
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(arg, 0, 0);

	if (nbl == NULL || pthread_setspecific(late_key, nbl) != 0)
		abort();
	return NULL;
}

static void frees_from_destructors(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);

	/* Keys' destructors run in the order of creation: this one after the library's. */
	assert_int_equal(pthread_key_create(&late_key, free_late), 0);
	for (int i = 0; i < 20; i++)
		run_threads(1, leave_an_nbl, pool, 0);
	assert_int_equal(nbl_pool_outstanding(pool), 0);
	assert_null(((struct nbl_pool *)pool)->threads->next); /* the spare one alone is left */
	free_pool(pool);
	pthread_key_delete(late_key);
}

/*
 * State of a pool that another thread goes on with: the spare one, which its creator attached, and
 * whatever a thread leaves behind. Each such thread has ended, and its memory is no longer mapped.
 */

enum { STACK_BYTES = 1 << 20 };

/* Runs body on a thread whose stack, with all that is local to the thread, is then unmapped. */
static void run_and_unmap(void *(*body)(void *), void *arg)
{
	void *stack = memory_map(STACK_BYTES, MEMORY_PAGES_ORDINARY);
	pthread_attr_t attributes;
	pthread_t thread;

	assert_non_null(stack);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
	assert_int_equal(pthread_create(&thread, &attributes, body, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	memory_unmap(stack, STACK_BYTES, MEMORY_PAGES_ORDINARY);
}

enum { PILE = 400, PILES = 2, PILE_CONTEXT = 64 };

struct piles {
	NDIS_HANDLE pool;
	bool verify;
	NET_BUFFER_LIST *nbls[PILES][PILE];
	atom_u32 freed; /* piles */
};

static void *create_pool(void *arg)
{
	struct piles *piles = arg;

	piles->pool = piles->verify ? verify_pool(0) : list_pool(TRUE, 0, 0);
	return NULL;
}

static _Thread_local bool starved;

static bool fails_if_starved(void *arg, size_t bytes)
{
	(void)arg;
	(void)bytes;
	return starved;
}

struct pile {
	struct piles *piles;
	int number;
};

static void *free_pile(void *arg)
{
	struct pile *pile = arg;

	starved = true;
	for (int i = 0; i < PILE; i++) {
		NET_BUFFER_LIST *nbl = pile->piles->nbls[pile->number][i];

		NdisFreeNetBufferListContext(nbl, (USHORT)(PILE_CONTEXT << i % 3));
		NdisFreeNetBufferList(nbl);
	}
	atom_add_relaxed(&pile->piles->freed, 1);
	return NULL;
}

static void spare_state_serves(const struct context_ops *policy, bool verify)
{
	static struct piles piles;
	struct pile pile[PILES];
	pthread_t threads[PILES];
	char why[NBL_REASON_BYTES] = "";

	piles = (struct piles){.verify = verify};
	assert_int_equal(nbl_set_default_context(policy->name, why), 0);
	run_and_unmap(create_pool, &piles);
	struct nbl_pool *pool = piles.pool;
	for (int p = 0; p < PILES; p++) {
		for (int i = 0; i < PILE; i++) {
			piles.nbls[p][i] = NdisAllocateNetBufferList(pool, 0, 0);
			assert_non_null(piles.nbls[p][i]);
			assert_int_equal(NdisAllocateNetBufferListContext(piles.nbls[p][i],
						 (USHORT)(PILE_CONTEXT << i % 3), 0, OTHER_TAG),
				NDIS_STATUS_SUCCESS);
		}
	}
	memory_set_fault_hook(fails_if_starved, NULL);
	for (int p = 0; p < PILES; p++) {
		pile[p] = (struct pile){.piles = &piles, .number = p};
		assert_int_equal(pthread_create(&threads[p], NULL, free_pile, &pile[p]), 0);
	}
	/* Beside them this thread works with a state of its own. */
	while (atom_load_relaxed(&piles.freed) < PILES) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		if (nbl != NULL) /* what others free may take its time: a grace period */
			NdisFreeNetBufferList(nbl);
		sched_yield(); /* they are who this waits for */
	}
	for (int p = 0; p < PILES; p++)
		assert_int_equal(pthread_join(threads[p], NULL), 0);
	memory_set_fault_hook(NULL, NULL);
	assert_int_equal(misuses.all, 0);
	assert_null(pool->threads->next->next); /* this thread's and the spare one */
	assert_int_equal(nbl_pool_outstanding(pool), 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	int rc = pool->context->ops->check(pool->context, why);
	assert_string_equal(why, "");
	assert_int_equal(rc, 0);
	if (!verify) { /* else some are in quarantine */
		rc = pool->ops->check(pool->pool, 0, why);
		assert_string_equal(why, "");
		assert_int_equal(rc, 0);
	}
	free_pool(pool);
	assert_int_equal(usage(OTHER_TAG).objects, 0);
	assert_int_equal(usage(OTHER_TAG).bytes, 0);
	nbl_set_default_context(NULL, why);
}

static void threads_without_memory_free(NO_STATE)
{
	const uint64_t before = memory_live_bytes();

	for (size_t i = 0; contexts[i] != NULL; i++) {
		if (contexts[i]->traits.any_order) /* its contexts are removed by their address */
			continue;
		spare_state_serves(contexts[i], false);
		spare_state_serves(contexts[i], true);
	}
	assert_int_equal(memory_live_bytes(), before);
}

/* A misuse handler may free, on a thread that cannot attach either. */
static NET_BUFFER_LIST *freed_by_handler;

static void free_in_handler(void *arg, const struct nbl_misuse *misuse)
{
	NET_BUFFER_LIST *nbl = freed_by_handler;

	freed_by_handler = NULL;
	count_misuse(arg, misuse);
	if (nbl != NULL)
		NdisFreeNetBufferList(nbl);
}

static void *free_twice(void *arg)
{
	starved = true;
	NdisFreeNetBufferList(arg);
	NdisFreeNetBufferList(arg);
	return NULL;
}

static void misuse_handlers_free_without_memory(NO_STATE)
{
	if (!keeps_memory())
		return; /* the second look at a freed NBL would be one at memory that is gone */
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	freed_by_handler = NdisAllocateNetBufferList(pool, 0, 0);
	assert_non_null(nbl);
	assert_non_null(freed_by_handler);
	nbl_set_misuse_handler(free_in_handler, &misuses);
	memory_set_fault_hook(fails_if_starved, NULL);
	expect_misuse(NBL_MISUSE_DOUBLE_FREE, nbl, run_threads(1, free_twice, nbl, 0));
	memory_set_fault_hook(NULL, NULL);
	nbl_set_misuse_handler(count_misuse, &misuses);
	assert_null(freed_by_handler);
	assert_int_equal(nbl_pool_outstanding(pool), 0);
	free_pool(pool);
}

/* A thread that attached by hand leaves its state, with a quarantine and caches, to another. */
struct heir {
	struct nbl_pool *pool;
	struct nbl_thread *state;
};

static void *leave_a_state(void *arg)
{
	struct heir *heir = arg;
	struct nbl_pool *pool = heir->pool;

	if (nbl_attach(pool, &heir->state) != 0)
		abort();
	for (int i = 0; i < 2 * NBL_QUARANTINE_OBJECTS; i++) {
		NET_BUFFER_LIST *nbl = nbl_get(pool->ops, pool->policy, pool, heir->state, 0);

		if (nbl == NULL)
			abort();
		nbl_free(pool->ops, pool->policy, pool, heir->state, nbl, NBL_MARK_LIVE, "test");
	}
	return NULL;
}

static void a_state_is_detached_by_another_thread(NO_STATE)
{
	char why[POOL_REASON_BYTES] = "";

	/* A thread and its heir meet in the same places under each policy. */
	for (size_t i = 0; contexts[i] != NULL && !(tsan_build && i > 0); i++) {
		assert_int_equal(nbl_set_default_context(contexts[i]->name, why), 0);
		for (int verify = 0; verify < 2; verify++) {
			struct heir heir = {
				.pool = verify ? verify_pool(32) : list_pool(TRUE, 0, 32)};

			run_and_unmap(leave_a_state, &heir);
			nbl_detach(heir.state);
			int rc = heir.pool->ops->check(heir.pool->pool, 0, why);
			assert_string_equal(why, "");
			assert_int_equal(rc, 0);
			/* And once more, with the pool's end instead of a call. */
			run_and_unmap(leave_a_state, &heir);
			free_pool(heir.pool);
		}
	}
	nbl_set_default_context(NULL, why);
}

/*
 * A destructor frees an NBL in each of the last rounds that the C library allows; after the last one
 * nobody can tell the library that the thread has ended.
 */

static pthread_key_t last_key;

struct last_rounds {
	NET_BUFFER_LIST *nbls[PTHREAD_DESTRUCTOR_ITERATIONS]; /* one is freed a round */
	int from;                                             /* this round on */
	int rounds;                                           /* that were */
};

static void free_in_last_rounds(void *value)
{
	struct last_rounds *last = value;

	if (last->rounds >= last->from)
		NdisFreeNetBufferList(last->nbls[last->rounds]);
	if (++last->rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(last_key, last);
}

static void *leave_some_nbls(void *arg)
{
	struct last_rounds *last = arg;
	NDIS_HANDLE pool = last->nbls[last->from]->NdisPoolHandle;

	NdisFreeNetBufferList(NdisAllocateNetBufferList(pool, 0, 0)); /* it is known */
	if (pthread_setspecific(last_key, last) != 0)
		abort();
	return NULL;
}

static void frees_from_the_last_destructors(NO_STATE)
{
	if (tsan_build) /* its own part of a thread ends with the last round */
		return;
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	assert_int_equal(pthread_key_create(&last_key, free_in_last_rounds), 0);
	for (int from = 0; from < PTHREAD_DESTRUCTOR_ITERATIONS; from++) {
		struct last_rounds last = {.from = from};

		for (int i = from; i < PTHREAD_DESTRUCTOR_ITERATIONS; i++) {
			last.nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
			assert_non_null(last.nbls[i]);
		}
		run_and_unmap(leave_some_nbls, &last);
		assert_int_equal(last.rounds, PTHREAD_DESTRUCTOR_ITERATIONS);
		assert_int_equal(nbl_pool_outstanding(pool), 0);
		/* The spare one and this thread's: none is left of a thread that is gone. */
		assert_null(((struct nbl_pool *)pool)->threads->next->next);
	}
	free_pool(pool); /* writes to the table of each thread that is known */
	pthread_key_delete(last_key);
}

/*
 * Accounts.
 */

enum { ACCOUNT_TAG = 0x41636374, HELD = 700 };

static void accounts_of_one_thread_are_exact(NO_STATE)
{
	static uint32_t tag = ACCOUNT_TAG; /* a new one each time: peaks do not fall */
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(TRUE, 0, 0);
	NET_BUFFER_LIST *nbls[HELD];

	p.PoolTag = ++tag;
	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
	assert_non_null(pool);
	uint32_t object_bytes = ((struct nbl_pool *)pool)->object_bytes;
	for (int i = 0; i < HELD; i++) {
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
		assert_non_null(nbls[i]);
	}
	assert_int_equal(usage(tag).objects, HELD);
	assert_int_equal(usage(tag).bytes, (int64_t)HELD * object_bytes);
	for (int i = 0; i < HELD / 2; i++)
		NdisFreeNetBufferList(nbls[i]);
	assert_int_equal(usage(tag).objects, HELD - HELD / 2);
	assert_int_equal(usage(tag).peak_objects, HELD);
	assert_int_equal(usage(tag).peak_bytes, (int64_t)HELD * object_bytes);
	for (int i = HELD / 2; i < HELD; i++)
		NdisFreeNetBufferList(nbls[i]);
	free_pool(pool);
	assert_int_equal(usage(tag).objects, 0);
	assert_int_equal(usage(tag).bytes, 0);
	assert_int_equal(usage(tag).peak_objects, HELD);
}

/*
 * Peaks with several threads: all hold their NBLs at once, and what the accounts say of it later is
 * exact in pools that check and within the documented bound in others.
 */

enum { HOLDERS = 4, EACH = 300, HOLDER_CONTEXT = 32 };

struct holder {
	NDIS_HANDLE pool;
	pthread_barrier_t *all_hold;
	uint32_t tag; /* of the contexts */
};

static void *hold(void *arg)
{
	struct holder *h = arg;
	NET_BUFFER_LIST *nbls[EACH];

	for (int i = 0; i < EACH; i++) {
		nbls[i] = NdisAllocateNetBufferList(h->pool, 0, 0);
		if (nbls[i] == NULL || NdisAllocateNetBufferListContext(nbls[i], HOLDER_CONTEXT, 0,
					       h->tag) != NDIS_STATUS_SUCCESS)
			abort();
	}
	pthread_barrier_wait(h->all_hold);
	for (int i = 0; i < EACH; i++) {
		NdisFreeNetBufferListContext(nbls[i], HOLDER_CONTEXT);
		NdisFreeNetBufferList(nbls[i]);
	}
	return NULL;
}

static void expect_peaks(const struct nbl_tag_usage *row, int64_t bytes, bool exact)
{
	const int64_t objects = HOLDERS * EACH;
	const int64_t off = exact ? 0 : HOLDERS * NBL_ACCOUNT_BATCH;

	assert_int_equal(row->objects, 0);
	assert_int_equal(row->bytes, 0);
	assert_in_range(row->peak_objects, objects - off, objects + off);
	assert_in_range(row->peak_bytes, (objects - off) * bytes, (objects + off) * bytes);
}

static void peaks_of_threads(bool verify)
{
	static uint32_t tag = 0x50656100; /* new ones each time: peaks do not fall */
	struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
		.tag = ++tag,
		.capacity = 2 * TEST_CAPACITY,
		.verify = verify};
	struct holder holders[HOLDERS];
	pthread_barrier_t barrier;
	struct nbl_pool *pool;

	assert_int_equal(nbl_pool_create(&config, &pool), 0);
	const int64_t bytes = pool->object_bytes;
	const bool exact = pool->checks;
	assert_int_equal(exact, verify || debug_build);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, HOLDERS), 0);
	++tag;
	for (int i = 0; i < HOLDERS; i++)
		holders[i] = (struct holder){.pool = pool, .all_hold = &barrier, .tag = tag};
	run_threads(HOLDERS, hold, holders, sizeof(holders[0]));
	pthread_barrier_destroy(&barrier);
	struct nbl_tag_usage nbls = usage(tag - 1);
	struct nbl_tag_usage blocks = usage(tag);
	expect_peaks(&nbls, bytes, exact);
	/* Policies may make a block larger than it was asked for, never one more. */
	if (exact)
		assert_int_equal(blocks.peak_objects, HOLDERS * EACH);
	free_pool(pool); /* and with it the blocks that its NBLs kept for their next contexts */
	blocks = usage(tag);
	assert_int_equal(blocks.objects, 0);
	assert_int_equal(blocks.bytes, 0);
}

static void peaks_of_ordinary_pools(NO_STATE)
{
	peaks_of_threads(false);
}

static void peaks_of_verify_pools_are_exact(NO_STATE)
{
	peaks_of_threads(true);
}

/* Context blocks of many tags. */
static void accounts_of_many_tags(NO_STATE)
{
	enum { TAGS = 24, FIRST = 0x54414700 };
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	for (uint32_t i = 0; i < TAGS; i++)
		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 32, 0, FIRST + i),
			NDIS_STATUS_SUCCESS);
	for (uint32_t i = 0; i < TAGS; i++) {
		assert_in_range(usage(FIRST + i).objects, 0, 1);
		assert_int_equal(usage(FIRST + i).bytes % 16, 0);
	}
	for (uint32_t i = 0; i < TAGS; i++)
		NdisFreeNetBufferListContext(nbl, 32);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	for (uint32_t i = 0; i < TAGS; i++) {
		assert_int_equal(usage(FIRST + i).objects, 0);
		assert_int_equal(usage(FIRST + i).bytes, 0);
	}
}

static void every_vector_held(NO_STATE)
{
	every_vector_held_in(THREADS_TEST);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		counted_test(V17_eight_threads),
		counted_test(V98_producers_and_consumers),
		counted_test(V99_ping_pong),
		counted_test(V70_no_growth),
		counted_test(V100_thread_exit_returns_caches),
		counted_test(V101_pools_come_and_go),
		counted_test(frees_from_destructors),
		counted_test(threads_without_memory_free),
		counted_test(misuse_handlers_free_without_memory),
		counted_test(a_state_is_detached_by_another_thread),
		counted_test(frees_from_the_last_destructors),
		counted_test(accounts_of_one_thread_are_exact),
		counted_test(peaks_of_ordinary_pools),
		counted_test(peaks_of_verify_pools_are_exact),
		counted_test(accounts_of_many_tags),
		counted_test(every_vector_held),
	};

	if (argc > 1 && strcmp(argv[1], "full") == 0) {
		in_full = true;
		packets = V70_PACKETS;
	}
	return run_over_strategies("threads", tests);
}
