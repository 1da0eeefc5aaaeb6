/*
 * A fuzzer over sequences of documented calls, with parameters from the sound to the absurd. The
 * bytes of an input choose calls, which of two threads makes each, and parameters over small tables
 * of pools, NBLs, NBs and MDLs. The oracle is a model of the object graph: who is live, which
 * contexts are on an NBL and what they show, how many references and clones hold it, how many bytes
 * of data an NB has and which, which MDLs a driver's handlers have made, how many objects each pool
 * and each tag has out, and for each call the documented result and whether it is a misuse, and of
 * which kind. At an input's end everything is freed, and every pool is destroyed and gone from the
 * accounts.
 *
 * input.h turns bytes into parameters, model.h is the model; the calls stand in lists.h and data.h,
 * and here those on pools.
 *
 * libFuzzer drives it, in the clang preset. The test runs it for 30 seconds with a fixed seed, from
 * the corpus beside this file. By hand, for hours, on every CPU:
 *
 *	cmake --preset clang && cmake --build build/clang --target ndis_calls_fuzz
 *	mkdir -p /tmp/calls && build/clang/alloc/ndis/ndis_calls_fuzz -fork=$(nproc) -max_len=512 \
 *		-max_total_time=14400 /tmp/calls alloc/ndis/fuzz/corpus
 *
 * and to make a small corpus of what was found: ndis_calls_fuzz -merge=1 alloc/ndis/fuzz/corpus
 * /tmp/calls. A failure leaves the input in crash-*; give it as the only argument to see it again.
 */
#include "alloc/ndis/fuzz/data.h"

#include <pthread.h>
#include <semaphore.h>

/*
 * Pools.
 */

/* A pool from absurd parameters: refused as documented, or made, used and destroyed. */
static void absurd_pool(void)
{
	static const UCHAR types[] = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_TYPE_DEFAULT, 0, 255};
	const bool of_nbs = below(2);
	NET_BUFFER_LIST_POOL_PARAMETERS p = {
		.Header = {.Type = types[below(array_count(types))],
			.Revision = (UCHAR)below(4),
			.Size = (USHORT)(10 + below(12))},
		.ProtocolId = (UCHAR)byte(),
		.fAllocateNetBuffer = (BOOLEAN)below(3),
		.ContextSize = some_context_bytes(),
		.PoolTag = 0x37373737,
		.DataSize = below(2) ? some_ulong() : 0,
		.Flags = below(3),
	};
	const bool two = p.Header.Revision >= 2;
	bool sound = p.Header.Type == NDIS_OBJECT_TYPE_DEFAULT && p.Header.Revision != 0;
	NDIS_HANDLE pool;

	if (of_nbs) {
		const NET_BUFFER_POOL_PARAMETERS q = {.Header = p.Header,
			.PoolTag = p.PoolTag,
			.DataSize = p.DataSize,
			.Flags = p.Flags};

		sound = sound && p.Header.Size >= (two ? 16 : 12);
		pool = NdisAllocateNetBufferPool(NULL, below(8) ? &q : NULL);
	} else {
		sound = sound && p.Header.Size >= (two ? 20 : 16) &&
			p.ContextSize % MEMORY_ALLOCATION_ALIGNMENT == 0 &&
			(p.fAllocateNetBuffer || p.DataSize == 0);
		pool = NdisAllocateNetBufferListPool(NULL, below(8) ? &p : NULL);
	}
	sound = sound && p.DataSize < 1 << 20 && (!two || p.Flags < 2);
	if (misuses != 0)
		expect(NBL_MISUSE_ALIGNMENT);
	if (pool == NULL)
		return;
	must(sound);
	NET_BUFFER_LIST *nbl = of_nbs ? NULL : NdisAllocateNetBufferList(pool, 0, 0);
	must(of_nbs || nbl != NULL);
	if (of_nbs) {
		NdisFreeNetBufferListPool(pool);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		NdisFreeNetBufferPool(pool);
	} else {
		NdisFreeNetBufferListPool(pool);
		expect(NBL_MISUSE_POOL_OUTSTANDING);
		NdisFreeNetBufferList(nbl);
		NdisFreeNetBufferListPool(pool);
	}
	no_misuse();
	NdisFreeNetBufferListPool(pool);
	expect(NBL_MISUSE_FOREIGN_HANDLE);
}

static void destroy_in_use(void)
{
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);

	if (which == FOREIGN || out[which] == 0)
		return;
	if (which < LIST_POOLS)
		NdisFreeNetBufferListPool(pool);
	else
		NdisFreeNetBufferPool(pool);
	expect(NBL_MISUSE_POOL_OUTSTANDING);
}

static void make_pools(void)
{
	for (uint32_t i = 0; i < FOREIGN; i++) {
		const struct pool_shape *s = shape_of(i);
		const struct nbl_pool_config config = {
			.kind = i < LIST_POOLS ? NBL_POOL_LISTS : NBL_POOL_NBS,
			.context_bytes = s->context_bytes,
			.data_bytes = s->data_bytes,
			.with_nb = s->with_nb,
			.verify = s->verify,
			.tag = s->tag,
		};

		must(nbl_pool_create(&config, &pools_made[i]) == 0);
		out[i] = 0;
	}
}

/*
 * A second thread, which does the call while the first waits: what belongs to a thread changes
 * hands, and the oracle still knows every answer.
 */

static struct {
	bool lives;
	pthread_t id;
	sem_t begin, done;
	void (*act)(void); /* NULL: the thread ends */
} other;

static void *be_other(void *unused)
{
	(void)unused;
	for (;;) {
		while (sem_wait(&other.begin) != 0)
			;
		if (other.act == NULL)
			return NULL;
		other.act();
		sem_post(&other.done);
	}
}

static void act_on_other(void (*act)(void))
{
	if (!other.lives) {
		must(sem_init(&other.begin, 0, 0) == 0 && sem_init(&other.done, 0, 0) == 0);
		must(pthread_create(&other.id, NULL, be_other, NULL) == 0);
		other.lives = true;
	}
	other.act = act;
	sem_post(&other.begin);
	while (sem_wait(&other.done) != 0)
		;
}

static void end_other_thread(void)
{
	if (!other.lives)
		return;
	other.act = NULL;
	sem_post(&other.begin);
	must(pthread_join(other.id, NULL) == 0);
	other.lives = false;
}

/* Everything is freed, clones before what they are of; then the pools go, and leave nothing. */
static void end_all(void)
{
	for (int round = 0; round < NBLS; round++) { /* as deep as clones of clones go */
		for (int i = 0; i < NBLS; i++) {
			if (lists[i].kind == DEAD || lists[i].clones != 0)
				continue;
			if (!lists[i].given_up)
				free_list_well(&lists[i]);
			while (lists[i].kind != DEAD)
				dereference(&lists[i]);
		}
	}
	for (int i = 0; i < LOOSE_NBS; i++) {
		if (loose[i].data.nb != NULL)
			free_loose_well(&loose[i]);
	}
	for (int i = 0; i < MDLS; i++) {
		must(mdls[i].mdl == NULL || mdls[i].users == 0);
		if (mdls[i].mdl != NULL)
			IoFreeMdl(mdls[i].mdl);
		mdls[i].mdl = NULL;
	}
	check_all();
	must(handlers_out == 0);
	end_other_thread();
	for (uint32_t i = 0; i < FOREIGN; i++) {
		char why[POOL_REASON_BYTES];

		if (pools_made[i]->context != NULL &&
			pools_made[i]->policy->check(pools_made[i]->context, why) != 0)
			fuzz_fail("%s", why);
		if (i < LIST_POOLS)
			NdisFreeNetBufferListPool(pools_made[i]);
		else
			NdisFreeNetBufferPool(pools_made[i]);
		no_misuse();
		must(objects_under(shape_of(i)->tag) == 0);
	}
	must(nbl_release_defaults()); /* the clones' NBLs keep blocks too */
	must(objects_under(CONTEXT_TAG) == 0);
	no_misuse();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const acts[])(void) = {alloc_list, alloc_list_and_nb, free_some_list,
		contexts_of_a_list, contexts_of_a_list, contexts_of_a_list, clone_some_list,
		alloc_loose, free_some_loose, mdls_come_and_go, retreat, advance, look_at_data,
		list_forms, copy_data, derivations, absurd_pool, destroy_in_use,
		references_of_a_list, references_of_a_list, end_other_thread};

	input = data;
	input_left = bytes;
	misuses = 0;
	nbl_set_misuse_handler(count_misuse, NULL);
	nbl_set_default_capacity(CAPACITY);
	if (getenv("NBL_POOL") == NULL) { /* pools are made for each input: the quickest to make */
		char why[NBL_REASON_BYTES];
		must(nbl_set_default_pool("mutex", why) == 0);
	}
	make_pools();
	for (calls = 0; calls < CALLS_MAX && input_left != 0; calls++) {
		const uint32_t what = byte();
		void (*const act)(void) = acts[what % array_count(acts)];

		if (what < 128 || act == end_other_thread)
			act();
		else
			act_on_other(act);
		check_all();
	}
	end_all();
	return 0;
}
