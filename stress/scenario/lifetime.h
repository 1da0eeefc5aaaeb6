/*
 * lifetime: pools are created, used by all threads through their handles, and destroyed while those
 * threads still run and may be in the middle of a call. A thread also calls with handles that are
 * stale: the pool behind them is gone, or is just going.
 *
 * The pools are verify pools over the strategy, which alloc/peer/rcu_guard.h guards in every build. Each
 * race has to end in one of two ways: the call came before and is served, or it is refused as misuse
 * of a foreign handle or object, by name. A destroy that finds objects out is refused, too, and
 * tried again, as is a free that came while it looked. Whatever else is reported is a failure;
 * what would happen without the grace period is a crash, which the control no_grace shows.
 */
#ifndef STRESS_SCENARIO_LIFETIME_H
#define STRESS_SCENARIO_LIFETIME_H

#include "alloc/nbl/nbl.h"
#include "alloc/ndis/ndis.h"
#include "alloc/peer/urcu.h"
#include "stress/base/gang.h"
#include "stress/base/record.h"

#include <sched.h>

enum {
	LIFETIME_POOLS = 10000,  /* at most; time may end it sooner, when enough was done */
	LIFETIME_OBJECTS = 4000, /* a pool: more than all quarantines and caches hold */
	LIFETIME_USES_MAX = 64,  /* allocations that a destroyer waits for, at most */
	LIFETIME_SPINS_BEFORE_YIELD = 2000,
	LIFETIME_CONTEXT_BYTES = 32,
	LIFETIME_HOLD_ONE_IN = 2000, /* packets during which a thread yields */
	LIFETIME_REST_ONE_IN = 20,   /* packets after which it does */
	LIFETIME_TAG = 0x6566694c,   /* 'Life' */
};

struct lifetime_round {
	const struct stress *run;
	atom_ptr handle; /* of the present pool, or of the last one */
	atom_u64 uses;   /* NBLs allocated and freed */
	atom_u64 refused;
	atom_u32 over;
	uint64_t pools; /* destroyed; written by the thread that makes them */
	uint64_t kept;  /* destroys that were refused; likewise */
};

/* Misuses of the calling thread. */
static _Thread_local struct {
	uint64_t count;
	enum nbl_misuse_kind last;
} lifetime_misuse;

static void lifetime_note(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	lifetime_misuse.count++;
	lifetime_misuse.last = misuse->kind;
	if (misuse->kind != NBL_MISUSE_FOREIGN_HANDLE &&
		misuse->kind != NBL_MISUSE_FOREIGN_OBJECT &&
		misuse->kind != NBL_MISUSE_POOL_OUTSTANDING)
		stress_fail(PROMISE_RIGHT_USE,
			"a call that raced with a destroy was reported so: %s", misuse->text);
}

static const char *lifetime_excuse(const struct pool_ops *ops, uint32_t threads)
{
	if (!RCU_GUARD_EXISTS)
		return "this build has no liburcu, and guards no pool";
	if (atom_sanitizes && URCU_OPAQUE_TO_TSAN)
		return "the thread sanitizer does not see liburcu's grace periods";
	return stress_excuse_one_thread(ops, threads);
}

/* One packet through the present pool, as far as it is let. */
static bool lifetime_use(struct gang_thread *t, struct lifetime_round *round)
{
	/* A0, meets R0: a handle comes with its pool. */
	NDIS_HANDLE handle = atom_load_acquire(&round->handle);
	NET_BUFFER_LIST *nbl = NULL;
	bool context = false;
	uint64_t before;

	if (handle == NULL)
		return false;
	record_begun(RECORD_NBL, 1, NULL);
	nbl = NdisAllocateNetBufferList(handle, 0, 0);
	record_over(RECORD_NBL, nbl != NULL, nbl);
	if (nbl == NULL)
		return false;
	nbl->Scratch = t;
	if (stress_below(&t->random, 2)) {
		record_begun(RECORD_PUSH, 1, nbl);
		context = NdisAllocateNetBufferListContext(nbl, LIFETIME_CONTEXT_BYTES, 0,
				  LIFETIME_TAG) == NDIS_STATUS_SUCCESS;
		record_over(RECORD_PUSH, context, nbl);
	}
	if (context)
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), (int)t->index,
			LIFETIME_CONTEXT_BYTES);
	/* Now and then others run while this one has an object, and a destroy must find it. */
	if (stress_below(&t->random, LIFETIME_HOLD_ONE_IN) == 0)
		sched_yield();
	for (int i = 0; context && i < LIFETIME_CONTEXT_BYTES; i++) {
		if (NET_BUFFER_LIST_CONTEXT_DATA_START(nbl)[i] != (UCHAR)t->index)
			stress_fail(PROMISE_CONTEXTS,
				"the context of an NBL that thread %u holds was changed", t->index);
	}
	if (nbl->Scratch != t || nbl->NdisPoolHandle != handle)
		stress_fail(
			PROMISE_OUT_IS_KEPT, "an NBL that thread %u holds was changed", t->index);
	/* Refused while a destroy is looking; then it finds the NBL and gives way. */
	for (before = lifetime_misuse.count - 1; context && before != lifetime_misuse.count;) {
		before = lifetime_misuse.count;
		record_begun(RECORD_POP, 1, nbl);
		NdisFreeNetBufferListContext(nbl, LIFETIME_CONTEXT_BYTES);
		record_over(RECORD_POP, 1, nbl);
		if (before != lifetime_misuse.count)
			sched_yield();
	}
	for (before = lifetime_misuse.count - 1; before != lifetime_misuse.count;) {
		before = lifetime_misuse.count;
		record_begun(RECORD_FREE, 1, nbl);
		NdisFreeNetBufferList(nbl);
		record_over(RECORD_FREE, 1, nbl);
		if (before != lifetime_misuse.count)
			sched_yield();
	}
	return true;
}

static void lifetime_use_all(struct gang_thread *t, struct lifetime_round *round)
{
	while (atom_load_relaxed(&round->over) == 0) {
		const uint64_t before = lifetime_misuse.count;
		bool used = lifetime_use(t, round);

		if (used)
			atom_add_relaxed(&round->uses, 1);
		/* Of an NBL it made two that were served. */
		record_add((used ? 2 : 0) + lifetime_misuse.count - before);
		/* Mostly others run while this one has none, or no destroy would ever succeed. */
		if (!used || stress_below(&t->random, LIFETIME_REST_ONE_IN) == 0)
			sched_yield();
	}
	atom_add_relaxed(&round->refused, lifetime_misuse.count);
}

static void lifetime_one_pool(struct gang_thread *t, struct lifetime_round *round)
{
	const struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
		.ops = round->run->ops,
		.capacity = LIFETIME_OBJECTS,
		.tag = LIFETIME_TAG,
		.with_nb = stress_below(&t->random, 2) == 0,
		.verify = true};
	struct nbl_pool *pool;
	int rc = nbl_pool_create(&config, &pool);

	if (rc != 0)
		stress_fail(stress_refused(rc), "an NBL pool was refused: %s", strerror(-rc));
	const uint64_t enough =
		atom_load_relaxed(&round->uses) + stress_below(&t->random, LIFETIME_USES_MAX);
	atom_store_release(&round->handle, pool); /* R0, meets A0 */
	/* Mostly awake, so that the destroy comes while others run. */
	for (uint32_t spins = 1; atom_load_relaxed(&round->uses) < enough; spins++) {
		if (spins % LIFETIME_SPINS_BEFORE_YIELD == 0)
			sched_yield();
		else
			atom_pause();
	}
	while (!nbl_pool_destroy(pool, NBL_POOL_LISTS, "the scenario")) {
		if (lifetime_misuse.last != NBL_MISUSE_POOL_OUTSTANDING)
			stress_fail(PROMISE_RIGHT_USE,
				"the handle of a living pool was refused to its only destroyer");
		round->kept++;
		sched_yield();
	}
	round->pools++;
	/* The stale handle stays for the others as often as not. */
	if (stress_below(&t->random, 2))
		atom_store_relaxed(&round->handle, NULL);
}

static void lifetime_body(struct gang_thread *t)
{
	struct lifetime_round *round = t->shared;

	if (t->index != 0) {
		lifetime_use_all(t, round);
		return;
	}
	const struct stress *run = round->run;

	do
		lifetime_one_pool(t, round);
	while (round->pools < run->rounds ||
		((stress_now_ns() < run->end_ns || !stress_operated(run)) &&
			round->pools < LIFETIME_POOLS));
	atom_store_relaxed(&round->over, 1);
}

static void lifetime_run(const struct stress *run)
{
	/* The gang attaches its threads to a pool, which here only lends itself to that. */
	const struct pool_config config = {.object_bytes = 64, .capacity = 1};
	const uint64_t baseline = memory_live_bytes();
	struct pool *pool = stress_pool(run->ops, &config);
	struct lifetime_round round = {.run = run};

	nbl_set_misuse_handler(lifetime_note, NULL);
	gang_run(run, pool, run->threads, run->seed, lifetime_body, &round);
	stress_destroy(pool, baseline);
	stress_note("%" PRIu64 " pools destroyed under %" PRIu64 " packets; %" PRIu64
		    " calls and %" PRIu64 " destroys refused",
		round.pools, atom_load_relaxed(&round.uses), atom_load_relaxed(&round.refused),
		round.kept);
}

static const struct scenario scenario_lifetime = {
	.name = "lifetime",
	.summary = "pools are destroyed while threads may be in calls on them",
	.excuse = lifetime_excuse,
	.run = lifetime_run,
};

#endif
