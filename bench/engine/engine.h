/*
 * The engine: runs one workload on one strategy with pinned threads, in windows of fixed duration
 * in which all threads run.
 *
 *	open    creates the pool, touches its memory, starts, pins and attaches the threads
 *	slice   lead-in, then a window; any number of times, the pool stays as it is between them
 *	close   lets the threads put back what they hold and leave; counts and checks the pool
 *
 * Between calls all threads are parked in the kernel. One engine is used by one thread at a time,
 * which is called the coordinator here; a process may have several engines, but figures mean
 * something only while one runs.
 *
 * A fixed number of iterations instead of a fixed duration would let the fast threads leave early
 * and the slow ones finish undisturbed: that error always flatters.
 */
#ifndef BENCH_ENGINE_ENGINE_H
#define BENCH_ENGINE_ENGINE_H

#include "alloc/atomic/tally.h"
#include "bench/engine/arrivals.h"
#include "bench/engine/counters.h"
#include "bench/engine/topology.h"
#include "bench/workload.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENGINE_THREADS_MAX = 256,
	ENGINE_DEPTH_MAX = 64,         /* more filter drivers than any stack has */
	ENGINE_CAPACITY_MAX = 1 << 24, /* what the 24 bits of a tagged index can name */
	ENGINE_REASON_BYTES = 512, /* room for a sentence, a quoted one of a strategy included */
};

/*
 * The shortest and the longest window: below, starting threads is most of it; above, it is a typo.
 */
#define ENGINE_WINDOW_NS_MIN UINT64_C(10000)
#define ENGINE_WINDOW_NS_MAX UINT64_C(60000000000)

/* What timing calls may cost of a latency slice's time, as a share. */
#define ENGINE_TIMED_SHARE 0.0125

/* What is run. Two strategies compete under equal cells only. */
struct engine_cell {
	struct workload_cell shape; /* threads 1..256, burst 1..POOL_BULK_MAX, depth 1..64 */
	size_t object_bytes;        /* as in struct pool_config, and what the workload needs */
	size_t object_align;        /* as in struct pool_config; 0: the strategy's own */
	uint32_t capacity; /* objects of the pool; 0: engine_capacity(), the only one if exact */
	enum memory_pages pages;
	enum placement placement; /* of its threads */
};

/* What there is to say of a slice besides its figures. Flags. */
enum engine_flag {
	ENGINE_SKEW = 1,     /* threads did not start or stop together (beyond ENGINE_SKEW_MAX) */
	ENGINE_NIVCSW = 2,   /* a thread was preempted by something else than the engine */
	ENGINE_MIGRATED = 4, /* a thread was not on its CPU */
};

/*
 * What one thread did in a window: from its own first sight of the start to that of the stop, or,
 * in an oversubscribed cell, from the first thread's start to the last one's stop.
 */
struct engine_thread {
	uint32_t cpu;       /* where it is pinned */
	uint64_t units;     /* on which it finished its part */
	uint64_t window_ns; /* never shorter than asked for */
	uint64_t cpu_ns;    /* CPU time in it */
	uint64_t nvcsw;     /* voluntary and involuntary context switches, minor page faults */
	uint64_t nivcsw;
	uint64_t minflt;
	const struct latency *latency; /* what it timed in a latency slice; else NULL */
};

/* Of all threads, over the slice. False: nothing counts. */
struct engine_counted {
	bool known;
	uint64_t of[COUNTERS];
};

/* The same; known of a workload that wants all objects of the pool (workload.h). worst: see schema.sql. */
struct engine_scarcity {
	bool known;
	uint64_t worst;
	struct workload_scarcity sum; /* but the most at one get for stranded_most */
};

struct engine_slice {
	uint64_t window_ns; /* from the first thread's start to the last one's stop */
	uint64_t units;     /* completed, by the last thread of each lane */
	double units_per_s; /* sum over lanes of units by that thread's own window */
	double ns_per_unit; /* as workload_lanes has it; 0 where nothing was done */
	uint64_t failed; /* gets that found less than was asked; see struct workload's capacity */
	double skew;     /* spread of the starts, or of the stops if larger, by window_ns */
	double jain;     /* Jain's index of the lanes' rates: 1 is fair, 1/lanes is one for all */
	double slowest_share; /* the slowest lane's rate by the mean rate: 0..1 */
	unsigned flags;       /* enum engine_flag */
	struct pool_paths paths;
	struct engine_counted counted;
	struct engine_scarcity scarcity;
	struct atom_tally tally; /* zeros but in a build that counts (alloc/atomic/count.h) */
	/* One per thread of the cell. The engine's; valid until its next slice or close. */
	const struct engine_thread *threads;
};

/*
 * Resident memory, in bytes. What a cell *holds* is what the process has beyond what it had before
 * the pool was made: objects, caches, magazines, parked blocks, what an allocator keeps. Not in it are
 * the harness's own buffers, and the pool's spare objects: those beyond what the workload may need at
 * once, which are there so that no cache can run another dry (engine_capacity). All objects were written
 * to when the pool was filled, and spare ones have their part of what that cost.
 */
struct engine_memory {
	uint64_t rss;       /* of the process */
	uint64_t rss_peak;  /* at its most since the cell was opened */
	uint64_t held;      /* of rss */
	uint64_t held_peak; /* of rss_peak */
	uint32_t objects;   /* that the workload may need at once: what `held` is for */
};

/* What a pool looks like after everything came back. */
struct engine_closing {
	/*
	 * When all threads had put back what they held, flushed and detached, and the pool was
	 * still there. Nothing is trimmed (pool_trim).
	 */
	struct engine_memory settled;
	uint64_t count;                /* free objects; 0 for strategies that are not pools */
	uint64_t expected;             /* what count must be */
	char check[POOL_REASON_BYTES]; /* "" or the sentence of a broken invariant */
};

/* What came of a slice of an open loop. */
struct engine_open_loop {
	double per_s;    /* arrivals a second that were asked for; 0: without end */
	double served_s; /* completed a second */
	uint64_t arrived;
	uint64_t served;
	uint64_t late; /* begun more than OPEN_LOOP_LATE_NS (open_loop.h) after they had arrived */
	struct latency_times times; /* from the intended moment to the completion */
	unsigned flags;             /* enum engine_flag */
};

struct engine;

/*
 * Checks a cell for one strategy and workload without running anything. 0, or -EINVAL with a
 * sentence in why (ENGINE_REASON_BYTES) that names the number and says what would be right.
 */
int engine_check(const struct pool_ops *ops, const struct workload *workload,
	const struct engine_cell *cell, char *why);

/*
 * Objects that a pool needs so that the workload never runs it dry: what its threads hold, and for
 * each thread what a cache of its own may keep from the others; or exactly what the workload says.
 * The same for every strategy, so that all walk through as much memory.
 */
uint32_t engine_capacity(const struct workload *workload, const struct workload_cell *shape);

/*
 * Creates the pool of a checked cell whose capacity is set, without threads: *pool, and *shared
 * where the workload makes its own. 0, or an error and a sentence as from engine_open.
 */
int engine_create_pool(const struct workload_case *subject, const struct engine_cell *cell,
	void **shared, struct pool **pool, char *why);

/*
 * Opens a cell. subject is copied. 0 and *out; or, with a sentence in why (ENGINE_REASON_BYTES)
 * and nothing left behind: -EINVAL (see engine_check), -ENOTSUP (the strategy cannot run here, or
 * there are no such pages), -EOVERFLOW (a pool cannot name so much memory), -ENOMEM, -EAGAIN (no
 * more threads), or what the workload's open or enter answered. -ENOTSUP and -EOVERFLOW would be
 * answered every time on this machine.
 */
int engine_open(const struct workload_case *subject, const struct engine_cell *cell,
	struct engine **out, char *why);

/*
 * Runs all threads for at least lead_in_ns, then measures for at least window_ns
 * (ENGINE_WINDOW_NS_MIN..MAX). Where threads outnumber CPUs it takes longer by the turns in which
 * they come to see both ends, and by some rounds of the body where those are longer. A slice
 * whose threads did not start or stop together is repeated once; if that does not help it is
 * flagged. Cells with more threads than CPUs have no such rule.
 */
void engine_slice(
	struct engine *self, uint64_t window_ns, uint64_t lead_in_ns, struct engine_slice *out);

/*
 * The same, but one call in about 64 is timed, or one in more where that would cost more than
 * ENGINE_TIMED_SHARE of the time; at random distances, since a fixed one beats with the size of a
 * magazine. out->threads[i].latency has what each thread timed in this slice. 0; -ENOTSUP: the
 * workload has no call to time, or -ENOMEM; with a sentence in why (ENGINE_REASON_BYTES).
 */
int engine_latency_slice(struct engine *self, uint64_t window_ns, uint64_t lead_in_ns,
	struct engine_slice *out, char *why);

/*
 * The same, but every call is timed, and what a body does between them (WORKLOAD_OWN). Its units are
 * not those of throughput: reading the clock takes longer than many a call. out->threads[i].latency
 * has the calls, and in `whole` what else the time went to; no ages.
 */
int engine_balance_slice(struct engine *self, uint64_t window_ns, uint64_t lead_in_ns,
	struct engine_slice *out, char *why);

/*
 * A slice of an open loop (open_loop.h): work arrives per_s times a second, over all lanes; 0: it is
 * always waiting, so that out->served_s is the capacity. 0; -ENOTSUP: threads share CPUs, -ENOMEM, or
 * -EPROTO: the workload completes what nobody began; with a sentence in why (ENGINE_REASON_BYTES).
 */
int engine_open_loop_slice(struct engine *self, const struct arrivals *arrivals, double per_s,
	uint64_t window_ns, uint64_t lead_in_ns, struct engine_open_loop *out, char *why);

/* The clock of a latency slice, as ticks_describe has it. */
void engine_describe_clock(const struct engine *self, char *text);

/* Ends the threads and the pool, and frees the engine. out may be NULL. */
void engine_close(struct engine *self, struct engine_closing *out);

/* More threads than CPUs that the process may use: bodies that cannot go on yield. */
bool engine_oversubscribed(const struct engine *self);

/* Objects of the pool. */
uint32_t engine_pool_capacity(const struct engine *self);

/* The CPU of thread i. */
uint32_t engine_cpu(const struct engine *self, uint32_t i);

/* Resident memory that the pool, its objects and the attached threads' caches cost, in bytes. */
uint64_t engine_pool_bytes(const struct engine *self);

/* The memory of the open cell, while no slice runs. */
void engine_memory(const struct engine *self, struct engine_memory *out);

/* The flags as words with blanks between, in the order of the enum: "", "skew nivcsw". */
enum { ENGINE_FLAGS_BYTES = 32 };
void engine_flags_text(unsigned flags, char text[ENGINE_FLAGS_BYTES]);

#endif
