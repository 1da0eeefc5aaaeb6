/*
 * What a sweep will do, settled before anything runs: which subjects meet in which cells, how
 * often and for how long. A plan follows from the request, the strategies and the CPUs alone, so
 * that the same command makes the same plan, and a store that was left behind by a killed sweep
 * is recognised by the plan's hash.
 *
 * A *subject* is a strategy in one form of dispatch, or a context policy over the strategy that
 * all policies share or, in the whole, over a few others (instances.h). Which competes where follows
 * from contest.h. A *cell* is a load under which subjects compete: a workload with its threads, burst
 * and depth, and the pool's objects by their size, alignment and pages. The first fork of every cell comes before the
 * second of any: what a machine does over minutes then hits all cells alike, and a sweep that is
 * stopped early has something of each.
 */
#ifndef BENCH_SWEEP_PLAN_H
#define BENCH_SWEEP_PLAN_H

#include "alloc/pool.h"
#include "bench/base/options.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/topology.h"
#include "bench/sweep/guest.h"
#include "bench/workload.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_LABEL_BYTES = 96,
	PLAN_HASH_BYTES = 17, /* 16 hexadecimal digits and the terminator */
	PLAN_PLACE_BYTES = 128,
	PLAN_WHY_BYTES = 4096, /* room for some sentences, a line each */
	PLAN_CELLS_MAX = 4096,
	PLAN_FORKS_MAX = 1000,
	PLAN_BLOCKS_MAX = 10000,
	PLAN_SUBJECTS_MAX = 256,
	/*
	 * A cell has so many forks before it can be known well enough: what a spread between fewer is
	 * itself is hardly known, and an interval that is narrow by luck would end the cell.
	 */
	PLAN_UNTIL_FORKS = 6,
	/*
	 * Where threads outnumber CPUs a subject may use so many times its planned time in a fork of
	 * a cell; then it is left out of blocks until it has not. Only threads that wait in line for
	 * one that has lost its CPU need more: a slice of theirs takes seconds on a busy machine,
	 * shows the same however often it is repeated, and would make a sweep twice as long. In the
	 * reference sweep the others needed up to 3 times.
	 */
	PLAN_RATION_FACTOR = 10,
	/*
	 * Oversubscribed cells need a window of many scheduler turns, which are 3 ms and more, and
	 * workloads of long slices of several round trips (workload.h): ten times an ordinary slice.
	 */
	PLAN_LONG_FACTOR = 10,
};

/* Cells: every combination of what the lists have. An empty list means what is usual. */
struct plan_axes {
	struct options_names workloads;
	struct options_numbers threads;
	struct options_numbers bursts;
	struct options_numbers depths;
	struct options_numbers sizes;    /* object payload, bytes */
	struct options_numbers aligns;   /* of objects, bytes */
	struct options_names pages;      /* ordinary, transparent, huge */
	struct options_names placements; /* of threads: topology.h */
};

/* Axes with the place that a mistake in them is told of: "mine.ini:12: ". */
struct plan_group {
	char place[PLAN_PLACE_BYTES];
	struct plan_axes axes;
};

/* The policy's name that stands for none, and for no workload that pushes context. */
#define PLAN_NO_CONTEXT "none"

/* What was asked for. Empty lists and zeros mean what is usual. */
struct plan_request {
	struct options_names pools;
	/* Policies, or "none". Nothing: all in a sweep that names no strategies, else no policy. */
	struct options_names contexts;
	struct options_names dispatch; /* folded, table */
	struct plan_axes axes;         /* of all cells, if there are no groups */
	size_t group_count;
	const struct plan_group *groups; /* else each has its own */
	/* A cell or workload in which nothing can be measured here is left out, and not refused. */
	bool lenient;
	uint64_t within_s; /* the slices' length follows from it unless slice_ms does; 0: nothing */
	uint64_t forks;
	uint64_t blocks;
	double slice_ms;
	double until;                 /* per cent, see struct plan; 0: every cell takes all forks */
	bool no_latency;              /* throughput alone */
	bool no_variants;             /* of strategies, designs alone, unless named */
	struct options_numbers loads; /* of the capacity, per cent; none: no open loop */
	const char *arrivals;         /* of the open loop (arrivals.h); NULL: poisson */
	uint64_t seed;
	const struct guest_build *other; /* competes with all that this build has; NULL: none */
	size_t library_count;            /* GUEST_LIBRARIES_MAX at most */
	const struct guest_library *libraries; /* that compete as mallocs */
};

struct plan_subject {
	/*
	 * "mag_tls", "mag_tls/table", "mag_tls (twin, moved)", "mag_tls@f1eeb3f",
	 * "mag_tls+malloc/jemalloc"
	 */
	char label[PLAN_LABEL_BYTES];
	char name[INSTANCE_NAME_BYTES]; /* "mag_tls", "mag_tls+sticky" */
	const struct pool_ops *pool;
	const struct context_ops *context; /* NULL: the reference, and not what is compared */
	const char *dispatch;              /* "folded", "table" or, of a twin, "moved" */
	bool twin; /* the same as another subject, entered twice: their distance is the noise floor */
	const struct guest_build *build;     /* whose worker it is; NULL: this one's */
	const struct guest_library *library; /* that takes over malloc; NULL: none */
	/* Of a policy: whose malloc is preloaded and beneath it; NULL: the C library's. */
	const struct pool_ops *beneath;
};

struct plan_cell {
	char label[PLAN_LABEL_BYTES]; /* "burst 32, 2 threads", "pair, 1 thread, huge pages" */
	const struct workload *workload;
	uint32_t threads;
	uint32_t burst;
	uint32_t depth;
	uint32_t object_bytes;
	uint32_t object_align; /* 0: the strategy's own */
	enum memory_pages pages;
	enum placement placement; /* of its threads; PLACEMENT_CORES where there is one */
	bool oversubscribed;      /* more threads than CPUs */
	size_t group;             /* of the request, to which it belongs */
	uint64_t slice_ns;
	uint64_t lead_in_ns;
};

struct plan {
	uint32_t cpus; /* that this process may use */
	uint32_t forks;
	uint32_t blocks; /* a fork */
	/*
	 * Where a cell's ratios are known to so many per cent, it takes no more forks; 0: it takes all.
	 * Who measures asks somebody who can tell (measure.h).
	 */
	double until;
	uint64_t seed;
	bool latency;                 /* each block has latency slices besides */
	struct options_numbers loads; /* and slices of an open loop at such loads */
	char arrivals[ARRIVALS_NAME_BYTES];
	bool has_other;
	struct guest_build other; /* if has_other */
	size_t library_count;
	struct guest_library library[GUEST_LIBRARIES_MAX];
	size_t subject_count;
	struct plan_subject subject[PLAN_SUBJECTS_MAX];
	size_t cell_count;
	struct plan_cell *cell;
	json_t *json;                 /* all of the above by name, in canonical order */
	char hash[PLAN_HASH_BYTES];   /* covers json, the schema's version and the build id */
	char digest[PLAN_HASH_BYTES]; /* of json alone: the same for every build */
};

/*
 * Makes the plan for request. 0 and *out, which the caller frees with plan_free; -EINVAL with a
 * sentence for each mistake in why (PLAN_WHY_BYTES), a line each and without full stops, when something
 * can't be measured or a limit is passed; -ENOMEM with a sentence.
 */
int plan_make(const struct plan_request *request, struct plan **out, char *why);
void plan_free(struct plan *plan);

/*
 * Whether subject can take part in cell by what its traits and the workload say. If not, reason
 * (ENGINE_REASON_BYTES) receives a sentence. What the machine lacks shows only when a worker
 * starts.
 */
bool plan_competes(const struct plan *plan, const struct plan_cell *cell,
	const struct plan_subject *subject, char *reason);

/* The cell as the engine and the workload know it. */
struct workload_cell plan_shape(const struct plan *plan, const struct plan_cell *cell);

/* Whether a cell's blocks have latency slices: its workload has calls to time. */
static inline bool plan_times(const struct plan *plan, const struct plan_cell *cell)
{
	return plan->latency && !cell->workload->untimed;
}

/*
 * Whether a fork of it has a slice in which every call is timed: its threads have a CPU each, without
 * which time passes between calls too.
 */
static inline bool plan_balances(const struct plan *plan, const struct plan_cell *cell)
{
	return plan_times(plan, cell) && !cell->oversubscribed && cell->workload->stall_ms == 0;
}

/* Whether a cell's blocks have slices of an open loop: its threads have a CPU each. */
static inline bool plan_loads(const struct plan *plan, const struct plan_cell *cell)
{
	return plan->loads.count > 0 && !cell->oversubscribed && cell->workload->stall_ms == 0;
}

/*
 * How long one block of a cell takes, its part of the workers' start included, and how long the
 * whole plan does, in nanoseconds. The estimate rests on what starting workers, switching between
 * them and the scheduler's turns cost on the machine named in plan_cost.c. A strategy whose
 * threads wait for each other can need more, up to its ration.
 */
uint64_t plan_block_ns(const struct plan *plan, size_t cell);

/* How many times an ordinary slice one of a cell lasts: 1 or PLAN_LONG_FACTOR. */
uint32_t plan_slice_factor(const char *workload, bool oversubscribed);
uint64_t plan_eta_ns(const struct plan *plan);

/*
 * Whether a subject that has spent so much on its slices of `blocks` blocks of a fork, skipped ones
 * included, is given a slice in the next block; see PLAN_RATION_FACTOR.
 */
bool plan_affords(const struct plan *plan, size_t cell, uint32_t blocks, uint64_t spent_ns);

/* Blocks of all cells and forks together. */
uint64_t plan_blocks(const struct plan *plan);

/* Bytes that the pools of the cell with the largest sum need, all its workers open. */
uint64_t plan_memory_bytes(const struct plan *plan);

/* Bytes that the store will have when all is measured, an estimate. */
uint64_t plan_store_bytes(const struct plan *plan);

/* True if the request leaves everything but --forks and their like to the defaults. */
bool plan_is_default(const struct plan_request *request);

#endif
