#include "stress/progress/actor.h"

#include "alloc/machine/step.h"
#include "stress/base/object.h"
#include "stress/base/record.h"
#include "stress/progress/breakpoint.h"
#include "stress/progress/coverage.h"

#include <string.h>

const char *const actor_call_names[ACTOR_CALLS] = {
	[ACTOR_GET] = "get",
	[ACTOR_PUT] = "put",
	[ACTOR_GET_BULK] = "get_bulk",
	[ACTOR_PUT_BULK] = "put_bulk",
	[ACTOR_GET_RUN] = "get_run",
	[ACTOR_PUT_RUN] = "put_run",
	[ACTOR_PREFILL] = "prefill",
	[ACTOR_FLUSH] = "flush",
	[ACTOR_DETACH] = "detach",
	[ACTOR_ATTACH] = "attach",
};

/* Who plays on this thread; NULL: a library's own thread. */
static _Thread_local struct actor *playing;

static void stop(struct actor *self, void *context)
{
	breakpoints_clear();
	self->in_call = 0;
	self->stopped(self, context);
	self->in_call = self->following = self->follows;
	self->entered |= self->plan == ACTOR_BREAKS; /* a call that is stepped knows */
	step_go_on(context, self->follows);
}

/* Notes what belongs to the strategy, or to what it calls; whether that is so. */
static bool cover(struct actor *self, void *context)
{
	const uintptr_t stack = (uintptr_t)step_registers(context)[REG_RSP];

	if (stack >= self->frame) {
		self->entered = true;
		return false;
	}
	if (self->entered)
		coverage_note(step_address(context));
	return self->entered;
}

/* As stop, but the call is stepped on, and may be stopped again. */
static void meet(struct actor *self, void *context)
{
	self->in_call = 0;
	self->stopped(self, context);
	self->in_call = 1;
	cover(self, context); /* it may go on elsewhere */
}

static void on_step(struct actor *self, void *context)
{
	const uintptr_t address = step_address(context);
	const uint32_t number = self->trace.length;

	const bool own = cover(self, context);

	step_go_on(context, true);
	if (self->following)
		return;
	if (number == ACTOR_TRACE_MAX)
		stress_fail(PROMISE_ENDS, "a call does not end within %d instructions",
			ACTOR_TRACE_MAX);
	self->trace.address[self->trace.length++] = address;
	if (self->plan == ACTOR_MEETS) {
		if (own && self->meets(self, address))
			meet(self, context);
		return;
	}
	if (number == self->stop) {
		stop(self, context);
		return;
	}
	if (self->aborts && step_in_section(&self->area, context)) {
		step_interrupt(&self->area, context);
		cover(self, context);
	}
}

static void on_breakpoint(struct actor *self, uintptr_t address, void *context)
{
	if (self->plan == ACTOR_MEETS) {
		breakpoints_clear();
		self->entered = true;
		on_step(self, context);
	} else if (address == self->trace.address[self->stop] && self->passes-- == 0) {
		stop(self, context);
	} else if (self->aborts && step_in_section(&self->area, context)) {
		step_interrupt(&self->area, context);
	} else {
		breakpoints_hide();
		self->passing = 1;
		step_go_on(context, true);
	}
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	const uintptr_t address = breakpoint_reached(context);
	struct actor *self = playing;

	(void)number, (void)info;
	step_go_on(context, false);
	if (self == NULL || !self->in_call) {
		breakpoints_hide(); /* the call may miss them */
	} else if (address != 0) {
		on_breakpoint(self, address, context);
	} else if (self->passing) {
		self->passing = 0;
		breakpoints_show();
	} else {
		on_step(self, context);
	}
}

void actor_prepare(void)
{
	const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	if (sigaction(SIGTRAP, &action, NULL) != 0)
		stress_fail(PROMISE_NONE, "sigaction: SIGTRAP is refused");
}

void actor_enter(struct actor *self, uint32_t cpu)
{
	playing = self;
	record_part(self->part);
	self->plan = ACTOR_RUNS;
	kernel_register(&self->area);
	kernel_place(&self->area, cpu);
}

void actor_begin(struct actor *self, struct pool *pool, uint64_t owner)
{
	self->pool = pool;
	self->owner = owner;
	self->count = 0;
	self->run = NULL;
	record_begun(RECORD_ATTACH, 0, pool);
	self->self = stress_attach(pool);
	record_over(RECORD_ATTACH, 0, pool);
}

/* The linker's: pointers to all sections' descriptors. */
extern const struct step_section *const __start___rseq_cs_ptr_array[] __attribute__((weak));
extern const struct step_section *const __stop___rseq_cs_ptr_array[] __attribute__((weak));

static bool begins_section(uintptr_t address)
{
	for (const struct step_section *const *at = __start___rseq_cs_ptr_array;
		at != __stop___rseq_cs_ptr_array; at++) {
		if ((*at)->start == address)
			return true;
	}
	return false;
}

/*
 * Where the trace has come to the instruction `stop`, and where sections of it begin, if they are to be
 * aborted. What the system does not allow is stepped.
 */
static bool set_breakpoints(struct actor *self)
{
	const struct actor_trace *trace = &self->trace;
	bool all = true;

	self->passes = 0;
	for (uint32_t i = 0; i < self->stop; i++) {
		self->passes += trace->address[i] == trace->address[self->stop];
		if (self->aborts && begins_section(trace->address[i]))
			all &= breakpoint_add(trace->address[i]);
	}
	all &= breakpoint_add(trace->address[self->stop]);
	if (all)
		breakpoints_show();
	else
		breakpoints_clear();
	return all;
}

/* False: there is none, or the system does not allow it. */
static bool set_sites(struct actor *self)
{
	uint32_t all = 0;

	while (all < self->sites && breakpoint_add(self->site[all]))
		all++;
	if (all == self->sites)
		breakpoints_show();
	else
		breakpoints_clear();
	return all == self->sites;
}

static bool set_plan(struct actor *self)
{
	switch (self->plan) {
	case ACTOR_RUNS:
		return false;
	case ACTOR_STEPS:
		return true;
	case ACTOR_BREAKS:
		return set_breakpoints(self);
	case ACTOR_MEETS:
		return set_sites(self);
	}
	return false;
}

/*
 * Around the call itself: what is between the two can be stopped. Notes for record.h are made outside of them, or they would
 * be stopped at, too.
 */
static __attribute__((noinline)) void begin(struct actor *self)
{
	if (!set_plan(self))
		return;
	self->entered = false;
	self->following = 0;
	/* Where the frame of the caller ends: a return address and its frame pointer lie between. */
	self->frame = (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(void *);
	self->in_call = 1;
	if (self->plan == ACTOR_BREAKS)
		return;
	self->trace.length = 0;
	if (self->plan == ACTOR_STEPS || self->sites == 0)
		step_call_handler();
}

ALWAYS_INLINE void end(struct actor *self)
{
	self->in_call = 0;
	breakpoints_clear();
}

static void take(struct actor *self, void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		object_got(self->pool, objs[i], self->owner);
}

static void give(struct actor *self, void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		object_putting(self->pool, objs[i], self->owner);
}

static void get_bulk(struct actor *self, uint32_t n)
{
	void **objs = self->held + self->count;

	record_begun(RECORD_GET_BULK, n, NULL);
	begin(self);
	const uint32_t got = self->pool->ops->get_bulk(self->pool, self->self, objs, n);
	end(self);
	record_over(RECORD_GET_BULK, got, got != 0 ? objs[0] : NULL);
	take(self, objs, got);
	self->count += got;
}

/* What is held without the n objects that were held longest, which go to objs. */
static void let_go(struct actor *self, void **objs, uint32_t n)
{
	memcpy(objs, self->held, n * sizeof(*objs));
	self->count -= n;
	memmove(self->held, self->held + n, self->count * sizeof(*objs));
	give(self, objs, n);
}

static void get(struct actor *self)
{
	record_begun(RECORD_GET, 1, NULL);
	begin(self);
	void *object = self->pool->ops->get(self->pool, self->self);
	end(self);
	record_over(RECORD_GET, object != NULL, object);
	if (object == NULL)
		return;
	take(self, &object, 1);
	self->held[self->count++] = object;
}

static void put(struct actor *self)
{
	void *object;

	let_go(self, &object, 1);
	record_begun(RECORD_PUT, 1, object);
	begin(self);
	self->pool->ops->put(self->pool, self->self, object);
	end(self);
	record_over(RECORD_PUT, 1, object);
}

static void put_bulk(struct actor *self, uint32_t n)
{
	void *room[ACTOR_HELD_MAX + 1], **objs = room + n % 2; /* callers' arrays lie anywhere */

	let_go(self, objs, n);
	record_begun(RECORD_PUT_BULK, n, objs[0]);
	begin(self);
	self->pool->ops->put_bulk(self->pool, self->self, objs, n);
	end(self);
	record_over(RECORD_PUT_BULK, n, objs[0]);
}

static void get_run(struct actor *self)
{
	void **run = NULL;

	record_begun(RECORD_GET_RUN, 0, NULL);
	begin(self);
	const uint32_t n = self->pool->ops->get_run(self->pool, self->self, &run);
	end(self);
	record_over(RECORD_GET_RUN, n, n != 0 ? run[0] : NULL);
	take(self, run, n);
	self->run = n != 0 ? run : NULL;
	self->run_count = n;
}

static void put_run(struct actor *self)
{
	void **run = self->run;

	self->run = NULL;
	give(self, run, self->run_count);
	const void *first = self->run_count != 0 ? run[0] : NULL; /* the array goes with them */
	record_begun(RECORD_PUT_RUN, self->run_count, first);
	begin(self);
	self->pool->ops->put_run(self->pool, self->self, run, self->run_count);
	end(self);
	record_over(RECORD_PUT_RUN, self->run_count, first);
}

static void prefill(struct actor *self, uint32_t n)
{
	record_begun(RECORD_PREFILL, n, NULL);
	begin(self);
	self->pool->ops->prefill(self->pool, self->self, n);
	end(self);
	record_over(RECORD_PREFILL, n, NULL);
}

static void flush(struct actor *self)
{
	record_begun(RECORD_FLUSH, 0, NULL);
	begin(self);
	self->pool->ops->flush(self->pool, self->self);
	end(self);
	record_over(RECORD_FLUSH, 0, NULL);
}

static void detach(struct actor *self)
{
	record_begun(RECORD_DETACH, 0, self->pool);
	begin(self);
	self->pool->ops->detach(self->pool, self->self);
	end(self);
	record_over(RECORD_DETACH, 0, self->pool);
}

static void attach(struct actor *self)
{
	record_begun(RECORD_ATTACH, 0, self->pool);
	begin(self);
	self->self = stress_attach(self->pool);
	end(self);
	record_over(RECORD_ATTACH, 0, self->pool);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

bool actor_call(struct actor *self, enum actor_call call, uint32_t n)
{
	self->moving = 0;
	switch (call) {
	case ACTOR_GET:
	case ACTOR_GET_BULK:
		self->moving = smaller(n, ACTOR_HELD_MAX - self->count);
		if (self->moving == 0)
			return false;
		if (call == ACTOR_GET)
			get(self);
		else
			get_bulk(self, self->moving);
		return true;
	case ACTOR_PUT:
	case ACTOR_PUT_BULK:
		self->moving = smaller(n, self->count);
		if (self->moving == 0)
			return false;
		if (call == ACTOR_PUT)
			put(self);
		else
			put_bulk(self, self->moving);
		return true;
	case ACTOR_GET_RUN:
		self->moving = self->pool->config.magazine_objects;
		if (self->pool->ops->get_run == NULL || self->run != NULL)
			return false;
		get_run(self);
		return true;
	case ACTOR_PREFILL:
		self->moving = n;
		if (self->pool->ops->prefill == NULL)
			return false;
		prefill(self, n);
		return true;
	case ACTOR_PUT_RUN:
		self->moving = self->run_count;
		if (self->run == NULL)
			return false;
		put_run(self);
		return true;
	case ACTOR_FLUSH:
		flush(self);
		return true;
	case ACTOR_DETACH:
		detach(self);
		return true;
	case ACTOR_ATTACH:
		attach(self);
		return true;
	case ACTOR_CALLS:
		break;
	}
	return false;
}

static void hand_over(struct pool *pool, void *object, uint64_t from, uint64_t to)
{
	object_verify(pool, object, from);
	object_exchange(object, from, to);
	object_fill(pool, object, to);
}

void actor_swap(struct actor *self, struct actor *other)
{
	const uint32_t n = smaller(self->count, other->count);

	for (uint32_t i = 0; i < n; i++) {
		void **mine = &self->held[i * (self->count / n)];
		void *object = *mine;

		hand_over(self->pool, object, self->owner, other->owner);
		hand_over(self->pool, other->held[i], other->owner, self->owner);
		*mine = other->held[i];
		other->held[i] = object;
	}
}

void actor_shuffle(struct actor *self, uint64_t *random)
{
	for (uint32_t i = self->count; i > 1; i--) {
		void **other = &self->held[stress_below(random, i)];
		void *object = self->held[i - 1];

		self->held[i - 1] = *other;
		*other = object;
	}
}

void actor_return(struct actor *self)
{
	enum { RETURNED_AT_ONCE = 384 };

	actor_call(self, ACTOR_PUT_RUN, 0);
	while (actor_call(self, ACTOR_PUT_BULK, RETURNED_AT_ONCE))
		;
}

void actor_drain(struct actor *self)
{
	for (uint32_t before = UINT32_MAX; before != self->count;) {
		before = self->count;
		actor_call(self, ACTOR_GET, 1);
	}
}
