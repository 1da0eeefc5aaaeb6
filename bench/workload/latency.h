/*
 * How long single calls take, by the path that they took.
 *
 * A body wraps each call that a driver makes in WORKLOAD_CALL, or WORKLOAD_DO where it has no value.
 * In the unit that throughput is measured with, these are the call and nothing else. A second unit
 * of the same bodies is compiled with BENCH_TIMED, and there every such call is timed. The engine
 * runs rounds of the first, and now and then, at random, one of the second.
 *
 * What moved in the thread's pool_paths during the call says which path it took.
 *
 * Where one thread gets and another puts, objects have *ages* besides (age.h). The body says what it
 * got, and what it is about to put, in WORKLOAD_GOT and WORKLOAD_PUTTING. Every get must look for
 * marks, which costs time, so ages have slices of their own, of the second unit alone, in which no
 * call is timed.
 *
 * In a third kind of slice every call is timed. Its calls, what a body does between them
 * (WORKLOAD_OWN: a ring between two threads) and the readings of the clock must add up to the time of
 * the slice.
 */
#ifndef BENCH_WORKLOAD_LATENCY_H
#define BENCH_WORKLOAD_LATENCY_H

#include "alloc/pool.h"
#include "bench/base/histogram.h"
#include "bench/base/ticks.h"
#include "bench/workload/age.h"

/* Where several counts moved in one call, the one furthest down the list tells more of it. */
enum latency_class {
	LATENCY_FAST, /* nothing moved; of a strategy that counts nothing: all calls */
	LATENCY_FLUSH,
	LATENCY_REFILL,
	LATENCY_STEAL,
	LATENCY_GROW,
	LATENCY_WAIT,
	LATENCY_EMPTY,
	LATENCY_CLASSES,
	LATENCY_PROBE = LATENCY_CLASSES, /* an empty pair of readings */
	LATENCY_AGE,                     /* no call: an object's, when it came back */
	LATENCY_HISTOGRAMS,
};

/* "fast", "flush", ..., "probe", "age". */
const char *latency_class_name(enum latency_class which);

/* By name. Returns true and *out, or false if there is no such path. */
bool latency_class_find(const char *name, enum latency_class *out);

struct latency_times {
	uint64_t sum;     /* of all values, in units of the histogram */
	uint64_t longest; /* as it was, not as its bucket has it */
	struct histogram histogram;
};

/* Adds another's. */
void latency_add(struct latency_times *self, const struct latency_times *other);

/* NAN without a value. */
double latency_mean_ns(const struct latency_times *self);

/*
 * A percentile in nanoseconds, given as a share below 1: NAN where fewer than LATENCY_EVIDENCE
 * values lie beyond it, from which it could not be told.
 */
double latency_percentile(const struct histogram *self, double share);

enum { LATENCY_EVIDENCE = 100 };

/* Those that are shown: p50, p90, p99, p99.9, p99.99. */
enum { LATENCY_P50, LATENCY_P90, LATENCY_P99, LATENCY_P999, LATENCY_P9999, LATENCY_PERCENTILES };
extern const double latency_percentiles[LATENCY_PERCENTILES];

/* Of a slice in which every call is timed: what else its time went to. Sums are in units of the histogram. */
struct latency_whole {
	uint64_t window_ns;
	uint64_t waited_ns; /* of it: for a peer, without a call */
	uint64_t own;       /* times that the body's own work was timed */
	uint64_t own_sum;
	/* Pairs of readings with nothing in between, as a call has them. */
	uint64_t pairs;
	uint64_t pairs_sum; /* what they read */
	uint64_t pairs_ns;  /* what they took, with all that is done for a call that is timed */
};

/* Adds another's. */
void latency_whole_add(struct latency_whole *self, const struct latency_whole *other);

/*
 * The balance of calls that took `sum` together, in units of the histogram: their time by the time
 * that was left for them, each without the readings of the clock. NAN where none was left.
 */
double latency_balance(const struct latency_whole *self, uint64_t calls, uint64_t sum);

/* What one thread timed in a slice. */
struct latency {
	const struct ticks *ticks;
	struct age_marks *marks; /* all threads', of a slice that asks for ages; else NULL */
	bool timing;             /* in this round: calls, or ages */
	bool every;              /* in this slice: all calls, and the body's own work */
	uint64_t units;          /* of work, done in the timed rounds */
	uint64_t calls;          /* that were timed */
	uint64_t marked;         /* puts that were to leave a mark */
	struct latency_whole whole;
	struct latency_times of[LATENCY_HISTOGRAMS];
};
_Static_assert(offsetof(struct latency, of[LATENCY_AGE]) <= 16384,
	"a thread's histograms of calls fit a first-level cache's half");

/* Forgets all that was timed; all but ages. */
void latency_forget(struct latency *self);
void latency_forget_calls(struct latency *self);

/* A call that is being timed. */
struct latency_start {
	bool timing; /* false: it is not */
	struct pool_paths paths;
	uint64_t ticks;
};

ALWAYS_INLINE void latency_begin(struct latency_start *start, bool timing,
	const struct latency *self, const struct pool_thread *thread)
{
	*start = (struct latency_start){.timing = timing};
	if (!start->timing)
		return;
	start->paths = thread->paths;
	start->ticks = ticks_first(self->ticks);
}

ALWAYS_INLINE void latency_record(struct latency_times *self, uint64_t value)
{
	self->sum += value;
	self->longest = value > self->longest ? value : self->longest;
	histogram_record(&self->histogram, value);
}

ALWAYS_INLINE enum latency_class latency_class_of(
	const struct pool_paths *from, const struct pool_paths *to)
{
	if (to->empty != from->empty)
		return LATENCY_EMPTY;
	if (to->wait != from->wait)
		return LATENCY_WAIT;
	if (to->grow != from->grow)
		return LATENCY_GROW;
	if (to->steal != from->steal)
		return LATENCY_STEAL;
	if (to->refill != from->refill)
		return LATENCY_REFILL;
	return to->flush != from->flush ? LATENCY_FLUSH : LATENCY_FAST;
}

ALWAYS_INLINE void latency_end(
	const struct latency_start *start, struct latency *self, const struct pool_thread *thread)
{
	if (!start->timing)
		return;
	uint64_t last = ticks_last(self->ticks);

	self->calls++;
	latency_record(&self->of[latency_class_of(&start->paths, &thread->paths)],
		ticks_between(self->ticks, start->ticks, last));
}

/* The same of what is no call, but the body's own work. */
ALWAYS_INLINE void latency_end_own(const struct latency_start *start, struct latency *self)
{
	if (!start->timing)
		return;
	uint64_t last = ticks_last(self->ticks);

	self->whole.own++;
	self->whole.own_sum += ticks_between(self->ticks, start->ticks, last);
}

/* Whether this round's calls are timed. */
ALWAYS_INLINE bool latency_times_calls(const struct latency *self)
{
	return self->timing && self->marks == NULL;
}

/* In a timed round one object of those that are about to be put gets a mark, each place in turn. */
ALWAYS_INLINE void latency_putting(struct latency *self, void *const *objs, uint32_t n)
{
	if (self->timing && self->marks != NULL)
		age_leave(self->marks, objs[self->marked++ % n], ticks_first(self->ticks));
}

/* In every round: how old are these? */
ALWAYS_INLINE void latency_got(struct latency *self, void *const *objs, uint32_t n)
{
	uint64_t began;

	for (uint32_t i = 0; self->marks != NULL && i < n; i++) {
		if (unlikely(age_take(self->marks, objs[i], &began)))
			latency_record(&self->of[LATENCY_AGE],
				ticks_between(self->ticks, began, ticks_last(self->ticks)));
	}
}

/*
 * WORKLOAD_CALL, WORKLOAD_DO: a driver's call. WORKLOAD_OWN, WORKLOAD_OWN_DO: what the body does itself
 * and takes long, a ring's work above all. WORKLOAD_GOT and WORKLOAD_PUTTING: objs[0..n), after the call that got
 * them, before the one that puts.
 */
#ifdef BENCH_TIMED
#define WORKLOAD_CALL(t, call)                                                                \
	__extension__({                                                                       \
		struct latency_start start_;                                                  \
		latency_begin(                                                                \
			&start_, latency_times_calls((t)->latency), (t)->latency, (t)->self); \
		__auto_type value_ = (call);                                                  \
		latency_end(&start_, (t)->latency, (t)->self);                                \
		value_;                                                                       \
	})
#define WORKLOAD_DO(t, call)                                                                  \
	do {                                                                                  \
		struct latency_start start_;                                                  \
		latency_begin(                                                                \
			&start_, latency_times_calls((t)->latency), (t)->latency, (t)->self); \
		call;                                                                         \
		latency_end(&start_, (t)->latency, (t)->self);                                \
	} while (0)
#define WORKLOAD_OWN(t, work)                                                         \
	__extension__({                                                               \
		struct latency_start start_;                                          \
		latency_begin(&start_, (t)->latency->every, (t)->latency, (t)->self); \
		__auto_type value_ = (work);                                          \
		latency_end_own(&start_, (t)->latency);                               \
		value_;                                                               \
	})
#define WORKLOAD_OWN_DO(t, work)                                                      \
	do {                                                                          \
		struct latency_start start_;                                          \
		latency_begin(&start_, (t)->latency->every, (t)->latency, (t)->self); \
		work;                                                                 \
		latency_end_own(&start_, (t)->latency);                               \
	} while (0)
#define WORKLOAD_GOT(t, objs, n)     latency_got((t)->latency, objs, n)
#define WORKLOAD_PUTTING(t, objs, n) latency_putting((t)->latency, objs, n)
#else
#define WORKLOAD_CALL(t, call)       ((void)(t), (call))
#define WORKLOAD_DO(t, call)         ((void)(t), (call))
#define WORKLOAD_OWN(t, work)        ((void)(t), (work))
#define WORKLOAD_OWN_DO(t, work)     ((void)(t), (work))
#define WORKLOAD_GOT(t, objs, n)     ((void)(t))
#define WORKLOAD_PUTTING(t, objs, n) ((void)(t))
#endif

#endif
