/*
 * signals: handlers that allocate. Threads get and put while each has a timer that interrupts it
 * some ten thousand times a second, and the handler gets and puts on the same pool with the handle
 * of the thread that it interrupted, at whatever instruction that was. A timer is better at it than
 * another thread, whose signals find the victim running only if both have a CPU at that moment.
 *
 * The handler owns objects as a thread of its own does: what it gets it may keep until a later
 * signal, so that an object that the interrupted call was about to return shows as one with two
 * owners, and a lock that it held as a run that does not end. A run in which no signal came in the
 * middle of a call has shown nothing, and fails.
 */
#ifndef STRESS_SCENARIO_SIGNALS_H
#define STRESS_SCENARIO_SIGNALS_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* glibc before 2.38 has the field without its name */
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
	SIGNALS_ROUND_MS = 100,
	SIGNALS_HELD_MAX = 32, /* objects a thread holds at most */
	SIGNALS_HAND_MAX = 8,  /* objects its handler does */
	SIGNALS_BULK_MAX = 8,
	SIGNALS_BATCH = 32, /* steps between two looks at the clock */
	SIGNALS_NUMBER = SIGUSR1,
	/* Ten times what a handler takes: the thread is to get on, too. */
	SIGNALS_EVERY_NS = 20000 * STRESS_SLOWDOWN,
};

/* What a thread's handler has; touched by nobody else while signals are let in. */
struct signals_hand {
	struct gang_thread *thread;
	uint64_t owner;
	uint64_t random;
	void *object[SIGNALS_HAND_MAX];
	uint32_t held;
	uint64_t handled;
	uint64_t inside;               /* of them in the middle of a call */
	volatile sig_atomic_t in_call; /* written by the thread */
};

struct signals_round {
	atom_u64 handled;
	atom_u64 inside;
};

static _Thread_local struct signals_hand *signals_mine;

static const char *signals_excuse(const struct pool_ops *ops, uint32_t threads)
{
	if (!ops->traits.signals)
		return "its traits say that a signal handler must not use it";
	return stress_excuse_one_thread(ops, threads);
}

static uint32_t signals_get(struct gang_thread *t, void **objs, uint32_t n)
{
	const struct pool_ops *ops = t->pool->ops;

	if (n > 1)
		return ops->get_bulk(t->pool, t->self, objs, n);
	return (objs[0] = ops->get(t->pool, t->self)) != NULL;
}

static void signals_put(struct gang_thread *t, void **objs, uint32_t n)
{
	if (n > 1)
		t->pool->ops->put_bulk(t->pool, t->self, objs, n);
	else
		t->pool->ops->put(t->pool, t->self, objs[0]);
}

static void signals_hand_put(struct signals_hand *hand, uint32_t n)
{
	hand->held -= n;
	for (uint32_t i = 0; i < n; i++)
		object_putting(hand->thread->pool, hand->object[hand->held + i], hand->owner);
	if (n != 0)
		signals_put(hand->thread, &hand->object[hand->held], n);
}

static void signals_handler(int number)
{
	struct signals_hand *hand = signals_mine;
	const int error = errno;

	(void)number;
	hand->handled++;
	hand->inside += hand->in_call != 0;
	uint32_t n = stress_below(&hand->random, SIGNALS_HAND_MAX - hand->held + 1);
	if (n != 0)
		n = signals_get(hand->thread, &hand->object[hand->held], n);
	for (uint32_t i = 0; i < n; i++)
		object_got(hand->thread->pool, hand->object[hand->held + i], hand->owner);
	hand->held += n;
	signals_hand_put(hand, stress_below(&hand->random, hand->held + 1));
	errno = error;
}

static void signals_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGNALS_NUMBER);
	pthread_sigmask(how, &set, NULL);
}

/* A timer of the calling thread's own. */
static timer_t signals_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNALS_NUMBER};
	const struct itimerspec every = {
		.it_interval.tv_nsec = SIGNALS_EVERY_NS, .it_value.tv_nsec = SIGNALS_EVERY_NS};
	timer_t timer;

	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
		timer_settime(timer, 0, &every, NULL) != 0)
		stress_fail(PROMISE_NONE, "a thread's timer: %s", strerror(errno));
	return timer;
}

static void signals_step(
	struct gang_thread *t, struct signals_hand *hand, void **objs, uint32_t *held)
{
	uint32_t n = 1 + stress_below(&t->random, SIGNALS_BULK_MAX);

	n = stress_below(&t->random, 2) ? 1 : n;
	if (stress_below(&t->random, 2)) {
		if (*held + n > SIGNALS_HELD_MAX)
			return;
		hand->in_call = 1;
		n = signals_get(t, &objs[*held], n);
		hand->in_call = 0;
		for (uint32_t i = 0; i < n; i++)
			object_got(t->pool, objs[*held + i], t->owner);
		*held += n;
	} else if (*held >= n) {
		*held -= n;
		for (uint32_t i = 0; i < n; i++)
			object_putting(t->pool, objs[*held + i], t->owner);
		hand->in_call = 1;
		signals_put(t, &objs[*held], n);
		hand->in_call = 0;
	}
}

static void signals_body(struct gang_thread *t)
{
	struct signals_round *round = t->shared;
	/* An owner of its own, beyond those of all threads. */
	struct signals_hand hand = {.thread = t,
		.owner = t->owner + STRESS_THREADS_MAX,
		.random = stress_seed(t->random, STRESS_THREADS_MAX)};
	void *objs[SIGNALS_HELD_MAX];
	uint32_t held = 0;

	signals_mine = &hand;
	signals_mask(SIG_UNBLOCK);
	timer_t timer = signals_timer();
	while (gang_goes_on(t, SIGNALS_ROUND_MS)) {
		for (uint32_t i = 0; i < SIGNALS_BATCH; i++)
			signals_step(t, &hand, objs, &held);
		t->done += SIGNALS_BATCH;
	}
	timer_delete(timer);
	signals_mask(SIG_BLOCK);
	signals_hand_put(&hand, hand.held);
	for (uint32_t i = 0; i < held; i++) {
		object_putting(t->pool, objs[i], t->owner);
		t->pool->ops->put(t->pool, t->self, objs[i]);
	}
	atom_add_relaxed(&round->handled, hand.handled);
	atom_add_relaxed(&round->inside, hand.inside);
}

static void signals_run(const struct stress *run)
{
	const struct sigaction action = {.sa_handler = signals_handler, .sa_flags = SA_RESTART};
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint64_t handled = 0;
	uint64_t inside = 0;
	uint32_t more = 0;

	signals_mask(SIG_BLOCK); /* threads inherit it, until they are ready */
	sigaction(SIGNALS_NUMBER, &action, NULL);
	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct signals_round round = {0};

		operations += gang_run(
			run, pool, run->threads, stress_random(&random), signals_body, &round);
		handled += atom_load_relaxed(&round.handled);
		inside += atom_load_relaxed(&round.inside);
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
		/* The thread sanitizer holds a signal back until the thread next calls into it. */
	} while (stress_another_round(
		run, (atom_sanitizes ? handled : inside) > 0 && stress_operated(run), &more));
	if ((atom_sanitizes ? handled : inside) == 0)
		stress_fail(PROMISE_NONE,
			"none of %" PRIu64 " signals came in the middle of a call: nothing is "
			"shown",
			handled);
	stress_note("%" PRIu64 " operations, %" PRIu64 " signals, %" PRIu64 " of them in a call",
		operations, handled, inside);
}

static const struct scenario scenario_signals = {
	.name = "signals",
	.summary = "signal handlers get and put where they interrupt a thread that does",
	.excuse = signals_excuse,
	.run = signals_run,
};

#endif
