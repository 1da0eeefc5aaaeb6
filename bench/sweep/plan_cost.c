/* What a plan costs: the length of a slice, time, memory, room on the disk. */
#include "alloc/mechanism/slab.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/sweep/plan_parts.h"

/* The lead-in is one part in so many of a slice; it must be at least one in ten. */
enum { PLAN_LEAD_IN_PARTS = 5 };

#define MS_NS               (1000.0 * 1000.0)
#define PLAN_SLICE_MS       2.0
#define PLAN_SLICE_LEAST_MS 1.0
#define PLAN_SLICE_MOST_MS  5.0

/*
 * What a sweep costs beside its slices: starting a worker, having it open and close a cell, and the
 * first slice of each kind, which takes longer; and giving the turn from one worker to the next. On a
 * 2-CPU guest, over all strategies: between the blocks of two forks of results/tails.db and stalls.db
 * pass 19 to 21 ms a worker, and a fork's first block takes 1 ms a worker longer than the others in
 * contexts.db. Rounded up.
 */
#define PLAN_START_NS  (24.0 * MS_NS)
#define PLAN_SWITCH_NS (0.9 * MS_NS)

/*
 * The machine's probes before a block and behind it (probe.c). Not measured as a whole but added up: in
 * a store of that guest a try of one thread's work takes 0.073 ms and one of hand-overs 0.046 ms, so
 * three and eight of them, twice, are 1.2 ms. The rest is for the start of two threads each time. Where
 * another task has a CPU, each hand-over's wait adds up to 3 ms, which is not planned for.
 */
#define PLAN_PROBES_NS (2.0 * MS_NS)

/*
 * A scheduler's turn. Where threads outnumber CPUs, all that share one must have had theirs before
 * the last has started, and again before the last has stopped. From the blocks of a reference sweep
 * on the same guest, in which a slice of 8 threads took 42 to 58 ms instead of 24.
 */
#define PLAN_TURN_NS (3.0 * MS_NS)

/* A worker's own memory beside its pool; measured as rss_open less pool_bytes. */
enum { PLAN_WORKER_BYTES = 8 << 20, PLAN_HUGE_PAGE_BYTES = 2 << 20 };

/* A row of the store with its threads' rows, indexes included; from a reference sweep's file. */
enum {
	PLAN_STORE_SLICE_BYTES = 160,
	PLAN_STORE_THREAD_BYTES = 64,
	PLAN_STORE_TIMES_BYTES = 800, /* of a fork's thread: its paths and their histograms */
	PLAN_STORE_BALANCE_BYTES = 64,
	PLAN_STORE_LOAD_BYTES = 400, /* of a fork's load: its histogram */
	PLAN_STORE_BASE_BYTES = 1 << 17
};

/*
 * Time.
 */

uint32_t plan_slice_factor(const char *workload, bool oversubscribed)
{
	const struct workload *known = workload_find(workload);

	return oversubscribed || (known != NULL && known->long_slices) ? PLAN_LONG_FACTOR : 1;
}

/* How many ordinary slices one slice of cell counts for. */
static double slice_weight(const struct plan_cell *cell)
{
	return plan_slice_factor(cell->workload->name, cell->oversubscribed);
}

static double lead_in_ns(double slice_ns)
{
	return slice_ns / PLAN_LEAD_IN_PARTS;
}

/* Slices that a subject has in a block of the cell, in the mean of a fork's. */
static double slices_of(const struct plan *plan, const struct plan_cell *cell)
{
	/* An open loop's capacity is measured in a slice of its own. */
	return 1 + plan_times(plan, cell) + plan_balances(plan, cell) / (double)plan->blocks +
	       (plan_loads(plan, cell) ? 1 + (double)plan->loads.count : 0);
}

/*
 * What a subject's slices of a block cost beside themselves: its part of starting the fork's workers;
 * and each the switch, the turns, and a stop with a quarter of its length on either side (engine.c).
 */
static double overhead_ns(const struct plan *plan, const struct plan_cell *cell)
{
	const uint32_t turns = (cell->threads + plan->cpus - 1) / plan->cpus;

	return PLAN_START_NS / plan->blocks +
	       slices_of(plan, cell) *
		       (PLAN_SWITCH_NS + 1.5 * MS_NS * cell->workload->stall_ms +
			       (cell->oversubscribed ? 2 * PLAN_TURN_NS * turns : 0));
}

/* The length with which all blocks together take so long, within what a slice may be. */
static double fitting_slice_ns(const struct plan *plan, double time_ns)
{
	double overhead = PLAN_PROBES_NS * (double)plan_blocks(plan), weight = 0;

	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cell[i];
		double slices =
			(double)plan->forks * plan->blocks * (double)plan_subjects_of(plan, cell);

		overhead += slices * overhead_ns(plan, cell);
		weight += slices * slices_of(plan, cell) * slice_weight(cell);
	}
	double slice = (time_ns - overhead) / (weight + weight / PLAN_LEAD_IN_PARTS);
	if (!(slice > PLAN_SLICE_LEAST_MS * MS_NS))
		return PLAN_SLICE_LEAST_MS * MS_NS;
	return slice > PLAN_SLICE_MOST_MS * MS_NS ? PLAN_SLICE_MOST_MS * MS_NS : slice;
}

void plan_set_slices(struct plan *plan, const struct plan_request *request)
{
	double slice = PLAN_SLICE_MS * MS_NS;

	if (request->slice_ms > 0)
		slice = request->slice_ms * MS_NS;
	else if (request->within_s > 0)
		slice = fitting_slice_ns(plan, (double)request->within_s * 1000 * MS_NS);
	for (size_t i = 0; i < plan->cell_count; i++) {
		struct plan_cell *cell = &plan->cell[i];

		cell->slice_ns = (uint64_t)(slice * slice_weight(cell));
		cell->lead_in_ns = (uint64_t)lead_in_ns(slice * slice_weight(cell));
	}
}

uint64_t plan_blocks(const struct plan *plan)
{
	return (uint64_t)plan->cell_count * plan->forks * plan->blocks;
}

uint64_t plan_block_ns(const struct plan *plan, size_t cell)
{
	const struct plan_cell *c = &plan->cell[cell];
	double slices = slices_of(plan, c) * (double)(c->slice_ns + c->lead_in_ns);

	return (uint64_t)(PLAN_PROBES_NS +
			  (double)plan_subjects_of(plan, c) * (slices + overhead_ns(plan, c)));
}

bool plan_affords(const struct plan *plan, size_t cell, uint32_t blocks, uint64_t spent_ns)
{
	const struct plan_cell *c = &plan->cell[cell];

	return !c->oversubscribed ||
	       (double)spent_ns <= PLAN_RATION_FACTOR * slices_of(plan, c) *
					   (double)(c->slice_ns + c->lead_in_ns) * blocks;
}

uint64_t plan_eta_ns(const struct plan *plan)
{
	uint64_t total = 0;

	for (size_t i = 0; i < plan->cell_count; i++)
		total += (uint64_t)plan->forks * plan->blocks * plan_block_ns(plan, i);
	return total;
}

/*
 * Room.
 */

/* The objects of one pool of a cell. */
static uint64_t pool_bytes(const struct plan *plan, const struct plan_cell *cell)
{
	const struct workload_cell shape = plan_shape(plan, cell);
	const uint64_t bytes = (uint64_t)engine_capacity(cell->workload, &shape) *
			       slab_stride(cell->object_bytes, cell->object_align);

	if (cell->pages == MEMORY_PAGES_ORDINARY)
		return bytes;
	return (bytes + PLAN_HUGE_PAGE_BYTES - 1) / PLAN_HUGE_PAGE_BYTES * PLAN_HUGE_PAGE_BYTES;
}

uint64_t plan_memory_bytes(const struct plan *plan)
{
	uint64_t most = 0;

	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cell[i];
		uint64_t bytes =
			plan_subjects_of(plan, cell) * (PLAN_WORKER_BYTES + pool_bytes(plan, cell));

		if (bytes > most)
			most = bytes;
	}
	return most;
}

uint64_t plan_store_bytes(const struct plan *plan)
{
	uint64_t bytes = PLAN_STORE_BASE_BYTES;

	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cell[i];
		const uint64_t thread = (uint64_t)plan->blocks * PLAN_STORE_THREAD_BYTES +
					(plan_times(plan, cell) ? PLAN_STORE_TIMES_BYTES : 0) +
					(plan_balances(plan, cell) ? PLAN_STORE_BALANCE_BYTES : 0);
		const uint64_t loads =
			plan_loads(plan, cell) ? plan->loads.count * PLAN_STORE_LOAD_BYTES : 0;

		bytes += (uint64_t)plan->forks * plan_subjects_of(plan, cell) *
			 ((uint64_t)plan->blocks * PLAN_STORE_SLICE_BYTES + cell->threads * thread +
				 loads);
	}
	return bytes;
}
