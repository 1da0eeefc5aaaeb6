/* See rcu.h. */
#include "stress/model/rcu.h"
#include "stress/model/explore.h"
#include "stress/model/machine.h"
#include "stress/model/sites.h"
#include "stress/model/trace.h"
#include "stress/model/views.h"

#include <stddef.h>
#include <stdlib.h>

#if NBLBENCH_URCU
#include <urcu-bp.h>

#define FROM __builtin_return_address(0)

enum { CALLS_MAX = 512 };

static struct {
	/* Of each thread: how many of its sections nest now, and how many have begun. */
	uint32_t depth[MODEL_THREADS], sections[MODEL_THREADS];
	/* What call_rcu was given, those that were called included. */
	struct rcu_head *call[CALLS_MAX];
	uint32_t calls, called;
	bool has_helper;
} now, first;

void rcu_clear(void)
{
	now.calls = now.called = 0;
	now.has_helper = false;
	rcu_settle();
}

void rcu_settle(void)
{
	first = now;
}

void rcu_begin(void)
{
	now = first;
}

bool rcu_has_helper(void)
{
	return now.has_helper;
}

/* Edges: from the end of a section to the end of a grace period, from its beginning to that of a section. */
static uintptr_t left_at(uint32_t thread)
{
	return (uintptr_t)&now.depth[thread];
}

static uintptr_t period_at(void)
{
	return (uintptr_t)&now.sections;
}

static uintptr_t queue_at(void)
{
	return (uintptr_t)&now.calls;
}

void machine_rcu_enter(void)
{
	const uint32_t self = model_self();

	sites_reach(FROM);
	model_step();
	if (now.depth[self]++ != 0)
		return;
	now.sections[self]++;
	if (model_runs())
		views_take_from(period_at(), self);
	trace_say("enters a read-side section");
}

void machine_rcu_leave(void)
{
	const uint32_t self = model_self();

	sites_reach(FROM);
	model_step();
	if (now.depth[self] == 0)
		model_fail(PROMISE_SECTIONS,
			"thread %u leaves a read-side section that it is not in", self);
	else if (--now.depth[self] != 0)
		return;
	trace_say("leaves the read-side section");
	if (model_runs()) {
		views_leave_at(left_at(self), self);
		model_changed();
	}
}

int machine_rcu_inside(void)
{
	return now.depth[model_self()] != 0;
}

/* The sections that had begun when a grace period did. */
struct period {
	uint32_t sections[MODEL_THREADS];
	bool inside[MODEL_THREADS];
};

static bool is_over(const void *arg)
{
	const struct period *period = arg;

	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		if (period->inside[i] && now.depth[i] != 0 &&
			now.sections[i] == period->sections[i])
			return false;
	}
	return true;
}

static void wait_for_readers(void)
{
	const uint32_t self = model_self();
	struct period period;

	if (!model_runs())
		return; /* nobody reads */
	model_step();
	if (now.depth[self] != 0)
		model_fail(PROMISE_SECTIONS,
			"thread %u waits for a grace period within its own section", self);
	trace_say("a grace period begins");
	views_leave_at(period_at(), self);
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		period.inside[i] = now.depth[i] != 0;
		period.sections[i] = now.sections[i];
	}
	model_wait(is_over, &period);
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		views_take_from(left_at(i), self);
	trace_say("the grace period ends");
}

/*
 * The library.
 */

void urcu_bp_synchronize_rcu(void)
{
	sites_reach(FROM);
	wait_for_readers();
}

void urcu_bp_call_rcu(struct rcu_head *head, void (*function)(struct rcu_head *head))
{
	sites_reach(FROM);
	model_step();
	views_plain((uintptr_t)head, sizeof(*head), true, FROM);
	head->func = function;
	if (now.calls == CALLS_MAX) {
		model_fail(
			PROMISE_NONE, "an execution has more than %d calls by call_rcu", CALLS_MAX);
		return;
	}
	now.call[now.calls++] = head;
	if (!model_runs())
		return;
	views_leave_at(queue_at(), model_self());
	model_changed();
}

/* Calls what had been given when it began, after a grace period. */
static void call_all(void)
{
	const uint32_t end = now.calls;

	if (model_runs())
		views_take_from(queue_at(), model_self());
	wait_for_readers();
	while (now.called < end) {
		struct rcu_head *head = now.call[now.called];

		views_plain((uintptr_t)head, sizeof(*head), false, FROM);
		head->func(head);
		now.called++;
	}
	if (!model_runs())
		return;
	views_leave_at(queue_at(), model_self());
	model_changed();
}

static bool is_called(const void *end)
{
	return now.called >= *(const uint32_t *)end;
}

/* All that was given has been called. Where no thread runs nobody else does it. */
void urcu_bp_barrier(void)
{
	const uint32_t end = now.calls;

	sites_reach(FROM);
	if (!model_runs()) {
		call_all();
		return;
	}
	model_step();
	model_wait(is_called, &end);
	views_take_from(queue_at(), model_self());
}

static bool has_work(const void *working)
{
	return now.called != now.calls || *(const uint32_t *)working == 0;
}

void rcu_helper(const uint32_t *working)
{
	for (;;) {
		model_wait(has_work, working);
		if (now.called == now.calls)
			return;
		call_all();
	}
}

/* The one thread that there is by default. */
struct call_rcu_data *urcu_bp_get_default_call_rcu_data(void)
{
	now.has_helper = true;
	return NULL;
}

/* Virtual threads do not fork. */
static void forks(void)
{
	model_fail(PROMISE_NONE, "a pool forks");
}

void urcu_bp_before_fork(void)
{
	forks();
}

void urcu_bp_after_fork_parent(void)
{
	forks();
}

void urcu_bp_after_fork_child(void)
{
	forks();
}

void urcu_bp_call_rcu_before_fork(void)
{
	forks();
}

void urcu_bp_call_rcu_after_fork_parent(void)
{
	forks();
}

void urcu_bp_call_rcu_after_fork_child(void)
{
	forks();
}

#else

void rcu_clear(void)
{
}

void rcu_settle(void)
{
}

void rcu_begin(void)
{
}

bool rcu_has_helper(void)
{
	return false;
}

void rcu_helper(const uint32_t *working)
{
	(void)working;
}

#endif
