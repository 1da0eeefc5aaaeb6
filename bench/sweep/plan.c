/* The plan of a sweep: see plan.h. */
#include "bench/sweep/plan.h"

#include "alloc/mechanism/slab.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How often and how long, unless the request says otherwise. Forks are the top level of resampling,
 * 3 are the least from which a spread between forks can be told at all.
 */
enum {
	PLAN_FORKS = 10,
	PLAN_BLOCKS = 20,
	PLAN_QUICK_FORKS = 3,
	PLAN_QUICK_BLOCKS = 8,
	PLAN_BURST = 32,         /* objects: DPDK's customary burst */
	PLAN_DEPTH = 4,          /* filter drivers on one stack */
	PLAN_OBJECT_BYTES = 256, /* an NBL with its NET_BUFFER and a context area */
	PLAN_LEAD_IN_PARTS = 5, /* of a slice is the lead-in; at least 10 parts in 100 are needed */
	PLAN_THREADS_FACTOR = 2, /* threads a CPU of the largest default cell */
};

#define MS_NS               (1000.0 * 1000.0)
#define PLAN_SLICE_MS       2.0
#define PLAN_SLICE_LEAST_MS 1.0
#define PLAN_SLICE_MOST_MS  5.0

/*
 * What a sweep costs beside its slices: starting a worker and having it open and close a cell, and
 * giving the turn from one worker to the next. Measured over all strategies on a 2-CPU guest by
 * `nblbench sweep --quick`, rounded up.
 */
#define PLAN_START_NS  (20.0 * MS_NS)
#define PLAN_SWITCH_NS (0.5 * MS_NS)

/*
 * A scheduler's turn. Where threads outnumber CPUs, all that share one must have had theirs before
 * the last has started, and again before the last has stopped. From the blocks of a reference sweep
 * on the same guest, in which a slice of 8 threads took 42 to 58 ms instead of 24.
 */
#define PLAN_TURN_NS (3.0 * MS_NS)

/* All blocks of --quick together. What remains of a minute is for the noise probe and the report. */
#define PLAN_QUICK_NS (48000.0 * MS_NS)

/* A worker's own memory beside its pool; measured as rss_open less pool_bytes. */
enum { PLAN_WORKER_BYTES = 8 << 20, PLAN_HUGE_PAGE_BYTES = 2 << 20 };

/* A row of the store with its threads' rows, indexes included; from a reference sweep's file. */
enum {
	PLAN_STORE_SLICE_BYTES = 160,
	PLAN_STORE_THREAD_BYTES = 64,
	PLAN_STORE_BASE_BYTES = 1 << 17
};

bool plan_is_default(const struct plan_request *request)
{
	return request->pools.count == 0 && request->contexts.count == 0 &&
	       request->workloads.count == 0 && request->dispatch.count == 0 &&
	       request->threads.count == 0 && request->bursts.count == 0 &&
	       request->depths.count == 0 && request->sizes.count == 0 &&
	       request->aligns.count == 0 && request->pages.count == 0;
}

struct workload_cell plan_shape(const struct plan *plan, const struct plan_cell *cell)
{
	return (struct workload_cell){
		.threads = cell->threads,
		.burst = cell->burst,
		.depth = cell->depth,
		.seed = plan->seed,
	};
}

bool plan_competes(const struct plan *plan, const struct plan_cell *cell,
	const struct plan_subject *subject, char *reason)
{
	const struct engine_cell asked = {
		.shape = plan_shape(plan, cell),
		.object_bytes = cell->object_bytes,
		.object_align = cell->object_align,
		.pages = cell->pages,
	};

	reason[0] = '\0';
	if (subject->context != NULL && (cell->workload->axes & WORKLOAD_CONTEXT) == 0) {
		snprintf(
			reason, ENGINE_REASON_BYTES, "%s pushes no context.", cell->workload->name);
		return false;
	}
	return engine_check(subject->pool, cell->workload, &asked, reason) == 0;
}

/* Cells of the plan in which subject competes. */
static size_t cells_of(const struct plan *plan, const struct plan_subject *subject)
{
	char reason[ENGINE_REASON_BYTES];
	size_t count = 0;

	for (size_t i = 0; i < plan->cell_count; i++)
		count += plan_competes(plan, &plan->cell[i], subject, reason);
	return count;
}

static size_t subjects_of(const struct plan *plan, const struct plan_cell *cell)
{
	char reason[ENGINE_REASON_BYTES];
	size_t count = 0;

	for (size_t i = 0; i < plan->subject_count; i++)
		count += plan_competes(plan, cell, &plan->subject[i], reason);
	return count;
}

/*
 * Subjects.
 */

static bool add_subject(struct plan *plan, const struct pool_ops *pool,
	const struct context_ops *context, const char *dispatch, bool twin, char *why)
{
	if (plan->subject_count == PLAN_SUBJECTS_MAX) {
		snprintf(why, PLAN_WHY_BYTES, "a sweep takes at most %d subjects",
			PLAN_SUBJECTS_MAX);
		return false;
	}
	struct plan_subject *subject = &plan->subject[plan->subject_count++];
	snprintf(subject->name, sizeof(subject->name), "%s%s%s", pool->name, context ? "+" : "",
		context ? context->name : "");
	snprintf(subject->label, sizeof(subject->label), "%s%s%s%s%s", pool->name,
		context ? "+" : "", context ? context->name : "",
		strcmp(dispatch, "table") == 0 ? "/table" : "", twin ? " (twin)" : "");
	subject->pool = pool;
	subject->context = context;
	subject->dispatch = dispatch;
	subject->twin = twin;
	return true;
}

/* How well a subject serves as the twin; 0: not at all. */
static int twin_fitness(const struct plan *plan, const struct plan_subject *subject)
{
	char reason[POOL_REASON_BYTES];
	const struct pool_ops *pool = subject->pool;

	if (pool->traits.kind != POOL_KIND_POOL || !pool->supported(reason) ||
		cells_of(plan, subject) == 0)
		return 0;
	if (cells_of(plan, subject) < plan->cell_count)
		return 1;
	if (pool == pool_default())
		return 4;
	return pool->traits.progress >= POOL_LOCK_FREE ? 3 : 2;
}

/*
 * Enters one subject a second time: what a program gets by default if it competes, else the first
 * that is lock-free and competes everywhere, else any that can run.
 */
static bool add_twin(struct plan *plan, char *why)
{
	const struct plan_subject *best = NULL;
	int fitness = 0;

	for (size_t i = 0; i < plan->subject_count; i++) {
		int fit = twin_fitness(plan, &plan->subject[i]);

		if (fit > fitness) {
			fitness = fit;
			best = &plan->subject[i];
		}
	}
	return best == NULL ||
	       add_subject(plan, best->pool, best->context, best->dispatch, true, why);
}

static bool has_name(const struct options_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->item[i], name) == 0)
			return true;
	}
	return false;
}

static bool make_context_subjects(struct plan *plan, const struct plan_request *request, char *why)
{
	const struct pool_ops *pool = pool_find(instance_context_pool);
	const bool all = !plan->quick && request->pools.count == 0;

	for (size_t i = 0; contexts[i] != NULL; i++) {
		bool wanted = request->contexts.count == 0
				      ? all
				      : has_name(&request->contexts, contexts[i]->name);

		if (wanted && !add_subject(plan, pool, contexts[i], "folded", false, why))
			return false;
	}
	return true;
}

/* In the order of the lists, not of the request: the order of words is no difference of plans. */
static bool make_subjects(struct plan *plan, const struct plan_request *request, char *why)
{
	static const char *const dispatches[] = {"folded", "table"};

	for (size_t d = 0; d < array_count(dispatches); d++) {
		bool wanted = request->dispatch.count == 0
				      ? d == 0
				      : has_name(&request->dispatch, dispatches[d]);
		for (size_t i = 0; wanted && pools[i] != NULL; i++) {
			if ((request->pools.count == 0 ||
				    has_name(&request->pools, pools[i]->name)) &&
				!add_subject(plan, pools[i], NULL, dispatches[d], false, why))
				return false;
		}
	}
	return make_context_subjects(plan, request, why);
}

/*
 * Cells.
 */

static void label_cell(struct plan_cell *cell)
{
	size_t room = sizeof(cell->label);
	size_t used = (size_t)snprintf(cell->label, room, "%s", cell->workload->name);

	if (cell->workload->axes & WORKLOAD_BURST)
		used += (size_t)snprintf(cell->label + used, room - used, " %" PRIu32, cell->burst);
	if (cell->workload->axes & WORKLOAD_DEPTH)
		used += (size_t)snprintf(
			cell->label + used, room - used, " %" PRIu32 " deep", cell->depth);
	used += (size_t)snprintf(cell->label + used, room - used, ", %" PRIu32 " thread%s",
		cell->threads, cell->threads == 1 ? "" : "s");
	if (cell->object_bytes != PLAN_OBJECT_BYTES)
		used += (size_t)snprintf(
			cell->label + used, room - used, ", %" PRIu32 " B", cell->object_bytes);
	if (cell->object_align != 0)
		used += (size_t)snprintf(cell->label + used, room - used, ", aligned to %" PRIu32,
			cell->object_align);
	if (cell->pages != MEMORY_PAGES_ORDINARY)
		snprintf(cell->label + used, room - used, ", %s pages",
			memory_pages_name(cell->pages));
}

/* Adds the cell unless one of the same label, and so of the same load, is there. */
static int add_cell(struct plan *plan, struct plan_cell *cell, char *why)
{
	if (plan->cell_count == PLAN_CELLS_MAX) {
		snprintf(why, PLAN_WHY_BYTES,
			"a sweep takes at most %d cells; name fewer workloads, "
			"threads, bursts or sizes",
			PLAN_CELLS_MAX);
		return -EINVAL;
	}
	label_cell(cell);
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (strcmp(plan->cell[i].label, cell->label) == 0)
			return 0;
	}
	struct plan_cell *grown = realloc(plan->cell, (plan->cell_count + 1) * sizeof(*plan->cell));
	if (grown == NULL) {
		snprintf(why, PLAN_WHY_BYTES, "there is no memory for %zu cells",
			plan->cell_count + 1);
		return -ENOMEM;
	}
	plan->cell = grown;
	plan->cell[plan->cell_count++] = *cell;
	return 0;
}

/* The list of the request, or `fallback` of `count` numbers. */
static const uint64_t *numbers_or(
	const struct options_numbers *numbers, const uint64_t *fallback, size_t *count)
{
	if (numbers->count == 0)
		return fallback;
	*count = numbers->count;
	return numbers->item;
}

static void append_once(struct options_numbers *numbers, uint64_t value)
{
	for (size_t i = 0; i < numbers->count; i++) {
		if (numbers->item[i] == value)
			return;
	}
	if (numbers->count < OPTIONS_LIST_MAX && value <= ENGINE_THREADS_MAX)
		numbers->item[numbers->count++] = value;
}

/*
 * Threads of a workload by default: quick takes one lane and one thread a CPU; else the powers of
 * two on the way there and one oversubscribed count beyond it.
 */
static void default_threads(
	const struct plan *plan, const struct workload *workload, struct options_numbers *out)
{
	uint32_t lane = workload->lane_threads;
	uint32_t all = plan->cpus / lane * lane;

	out->count = 0;
	append_once(out, lane);
	if (!plan->quick) {
		for (uint64_t threads = 2 * (uint64_t)lane; threads < all; threads *= 2)
			append_once(out, threads);
	}
	if (all > 0)
		append_once(out, all);
	if (!plan->quick)
		append_once(out, PLAN_THREADS_FACTOR * (uint64_t)(all > 0 ? all : lane));
}

/* The objects of a cell's pool. */
struct objects {
	uint64_t bytes, align;
	enum memory_pages pages;
};

/* The cells of a workload over one kind of objects. */
static int make_cells_over(struct plan *plan, const struct plan_request *request,
	const struct workload *workload, const struct objects *objects, char *why)
{
	static const uint64_t bursts_quick[] = {PLAN_BURST};
	static const uint64_t bursts_full[] = {8, PLAN_BURST, 128};
	static const uint64_t depths_quick[] = {PLAN_DEPTH};
	static const uint64_t depths_full[] = {1, PLAN_DEPTH, 8};
	const bool quick = plan->quick;
	size_t burst_count = quick ? array_count(bursts_quick) : array_count(bursts_full);
	size_t depth_count = quick ? array_count(depths_quick) : array_count(depths_full);
	const uint64_t *burst =
		numbers_or(&request->bursts, quick ? bursts_quick : bursts_full, &burst_count);
	const uint64_t *depth =
		numbers_or(&request->depths, quick ? depths_quick : depths_full, &depth_count);
	struct options_numbers threads = request->threads;

	if (threads.count == 0)
		default_threads(plan, workload, &threads);
	/* An axis that the workload doesn't have is one cell, not several of the same. */
	if (!(workload->axes & WORKLOAD_BURST)) {
		burst = bursts_quick;
		burst_count = 1;
	}
	if (!(workload->axes & WORKLOAD_DEPTH)) {
		depth = depths_quick;
		depth_count = 1;
	}
	for (size_t b = 0; b < burst_count; b++) {
		for (size_t d = 0; d < depth_count; d++) {
			for (size_t t = 0; t < threads.count; t++) {
				struct plan_cell cell = {
					.workload = workload,
					.threads = (uint32_t)threads.item[t],
					.burst = (uint32_t)burst[b],
					.depth = (uint32_t)depth[d],
					.object_bytes = (uint32_t)objects->bytes,
					.object_align = (uint32_t)objects->align,
					.pages = objects->pages,
					.oversubscribed = threads.item[t] > plan->cpus,
				};
				if (cell.threads % workload->lane_threads != 0)
					continue;
				int rc = add_cell(plan, &cell, why);
				if (rc != 0)
					return rc;
			}
		}
	}
	return 0;
}

/*
 * A workload that makes its own pool has objects of its own: size is no axis of it, and an alignment
 * or pages that were asked for are a cell that it doesn't have.
 */
static bool has_objects(const struct workload *workload, const struct objects *objects)
{
	return workload->create == NULL ||
	       (objects->align == 0 && objects->pages == MEMORY_PAGES_ORDINARY);
}

static bool wants_pages(const struct plan_request *request, enum memory_pages pages)
{
	return request->pages.count == 0 ? pages == MEMORY_PAGES_ORDINARY
					 : has_name(&request->pages, memory_pages_name(pages));
}

static int make_cells_of(struct plan *plan, const struct plan_request *request,
	const struct workload *workload, char *why)
{
	static const uint64_t usual_sizes[] = {PLAN_OBJECT_BYTES};
	static const uint64_t own_align[] = {0};
	size_t size_count = array_count(usual_sizes), align_count = array_count(own_align);
	const uint64_t *sizes = numbers_or(&request->sizes, usual_sizes, &size_count);
	const uint64_t *aligns = numbers_or(&request->aligns, own_align, &align_count);
	struct objects objects;

	if (workload->create != NULL) {
		sizes = usual_sizes;
		size_count = array_count(usual_sizes);
	}
	for (size_t s = 0; s < size_count; s++) {
		objects.bytes = sizes[s];
		for (size_t a = 0; a < align_count; a++) {
			objects.align = aligns[a];
			for (objects.pages = MEMORY_PAGES_ORDINARY;
				objects.pages <= MEMORY_PAGES_HUGE; objects.pages++) {
				int rc = 0;

				if (wants_pages(request, objects.pages) &&
					has_objects(workload, &objects))
					rc = make_cells_over(
						plan, request, workload, &objects, why);
				if (rc != 0)
					return rc;
			}
		}
	}
	return 0;
}

/* Why a workload that was asked for by name has no cell. */
static void explain_no_cell(
	const struct plan_request *request, const struct workload *workload, char *why)
{
	const bool own = workload->create != NULL;

	if (own && (request->aligns.count != 0 || !wants_pages(request, MEMORY_PAGES_ORDINARY)))
		snprintf(why, PLAN_WHY_BYTES,
			"%s makes its own pool, whose objects have an alignment of their own and "
			"ordinary pages; --align and --pages ask for others",
			workload->name);
	else
		snprintf(why, PLAN_WHY_BYTES,
			"%s needs a multiple of %" PRIu32 " threads, and --threads names none",
			workload->name, workload->lane_threads);
}

static int make_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	for (size_t i = 0; workloads[i] != NULL; i++) {
		if (request->workloads.count == 0
				? plan->quick && workloads[i]->profile
				: !has_name(&request->workloads, workloads[i]->name))
			continue;
		size_t before = plan->cell_count;
		int rc = make_cells_of(plan, request, workloads[i], why);
		if (rc != 0)
			return rc;
		if (plan->cell_count == before && request->workloads.count != 0) {
			explain_no_cell(request, workloads[i], why);
			return -EINVAL;
		}
	}
	return 0;
}

/* True if the request names what keeps every subject out of a cell: its threads or its pages. */
static bool was_asked_for(
	const struct plan *plan, const struct plan_request *request, const struct plan_cell *cell)
{
	struct plan_cell usual = *cell;

	usual.pages = MEMORY_PAGES_ORDINARY;
	return request->threads.count != 0 ||
	       (cell->pages != usual.pages && subjects_of(plan, &usual) > 0);
}

/*
 * Drops the cells in which nothing competes, if the defaults brought them in; a cell that was asked
 * for is refused instead.
 */
static bool drop_empty_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->cell_count; i++) {
		struct plan_cell *cell = &plan->cell[i];
		char reason[ENGINE_REASON_BYTES];

		if (subjects_of(plan, cell) > 0) {
			plan->cell[kept++] = *cell;
			continue;
		}
		/* The reason that the first subject gives stands for the others'. */
		plan_competes(plan, cell, &plan->subject[0], reason);
		/* It is a sentence; the caller's, which it ends, has a full stop of its own. */
		snprintf(why, PLAN_WHY_BYTES, "nothing can be measured in '%s': %.*s", cell->label,
			(int)strlen(reason) - 1, reason);
		if (was_asked_for(plan, request, cell))
			return false;
	}
	plan->cell_count = kept;
	return kept > 0;
}

/*
 * Time.
 */

/* How many ordinary slices one slice of cell counts for. */
static double slice_weight(const struct plan_cell *cell)
{
	return cell->oversubscribed ? PLAN_OVERSUBSCRIBED_FACTOR : 1;
}

static double lead_in_ns(double slice_ns)
{
	return slice_ns / PLAN_LEAD_IN_PARTS;
}

/* What a slice costs beside itself: its part of starting the fork's workers, the switch, the turns. */
static double overhead_ns(const struct plan *plan, const struct plan_cell *cell)
{
	const uint32_t turns = (cell->threads + plan->cpus - 1) / plan->cpus;

	return PLAN_SWITCH_NS + PLAN_START_NS / plan->blocks +
	       (cell->oversubscribed ? 2 * PLAN_TURN_NS * turns : 0);
}

/* The length that fills --quick's time, within what a slice may be. */
static double quick_slice_ns(const struct plan *plan)
{
	double overhead = 0, weight = 0;

	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct plan_cell *cell = &plan->cell[i];
		double slices =
			(double)plan->forks * plan->blocks * (double)subjects_of(plan, cell);

		overhead += slices * overhead_ns(plan, cell);
		weight += slices * slice_weight(cell);
	}
	double slice = (PLAN_QUICK_NS - overhead) / (weight + weight / PLAN_LEAD_IN_PARTS);
	if (!(slice > PLAN_SLICE_LEAST_MS * MS_NS))
		return PLAN_SLICE_LEAST_MS * MS_NS;
	return slice > PLAN_SLICE_MOST_MS * MS_NS ? PLAN_SLICE_MOST_MS * MS_NS : slice;
}

static void set_slices(struct plan *plan, const struct plan_request *request)
{
	double slice = PLAN_SLICE_MS * MS_NS;

	if (request->slice_ms > 0)
		slice = request->slice_ms * MS_NS;
	else if (plan->quick)
		slice = quick_slice_ns(plan);
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
	double slice = (double)(c->slice_ns + c->lead_in_ns) + overhead_ns(plan, c);

	return (uint64_t)((double)subjects_of(plan, c) * slice);
}

bool plan_affords(const struct plan *plan, size_t cell, uint32_t blocks, uint64_t spent_ns)
{
	const struct plan_cell *c = &plan->cell[cell];

	return !c->oversubscribed ||
	       spent_ns <= PLAN_RATION_FACTOR * (c->slice_ns + c->lead_in_ns) * blocks;
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
			subjects_of(plan, cell) * (PLAN_WORKER_BYTES + pool_bytes(plan, cell));

		if (bytes > most)
			most = bytes;
	}
	return most;
}

uint64_t plan_store_bytes(const struct plan *plan)
{
	uint64_t bytes = PLAN_STORE_BASE_BYTES;

	for (size_t i = 0; i < plan->cell_count; i++)
		bytes += (uint64_t)plan->forks * plan->blocks * subjects_of(plan, &plan->cell[i]) *
			 (PLAN_STORE_SLICE_BYTES +
				 (uint64_t)plan->cell[i].threads * PLAN_STORE_THREAD_BYTES);
	return bytes;
}

/*
 * The whole.
 */

static json_t *cell_json(const struct plan_cell *cell)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:I}", "label",
		cell->label, "workload", cell->workload->name, "threads", (json_int_t)cell->threads,
		"burst", (json_int_t)cell->burst, "depth", (json_int_t)cell->depth, "object_bytes",
		(json_int_t)cell->object_bytes, "object_align", (json_int_t)cell->object_align,
		"pages", memory_pages_name(cell->pages), "oversubscribed", cell->oversubscribed,
		"slice_ns", (json_int_t)cell->slice_ns, "lead_in_ns", (json_int_t)cell->lead_in_ns);
}

static json_t *plan_json(const struct plan *plan)
{
	json_t *cells = json_array();
	json_t *subjects = json_array();

	for (size_t i = 0; i < plan->cell_count; i++)
		json_array_append_new(cells, cell_json(&plan->cell[i]));
	for (size_t i = 0; i < plan->subject_count; i++)
		json_array_append_new(subjects, json_string(plan->subject[i].label));
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "quick", plan->quick, "cpus",
		(json_int_t)plan->cpus, "forks", (json_int_t)plan->forks, "blocks",
		(json_int_t)plan->blocks, "seed", (json_int_t)plan->seed, "subjects", subjects,
		"cells", cells);
}

/*
 * FNV-1a over 64 bits: a plan is compared with one other, so chance is the only adversary and
 * 1 in 2^64 is enough.
 */
static uint64_t fnv1a(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

static bool set_hash(struct plan *plan)
{
	char *text = json_dumps(plan->json, JSON_COMPACT | JSON_SORT_KEYS);
	char version[32];

	if (text == NULL)
		return false;
	snprintf(version, sizeof(version), " schema %d ", STORE_SCHEMA_VERSION);
	uint64_t hash = fnv1a(0xcbf29ce484222325u, text);
	snprintf(plan->digest, sizeof(plan->digest), "%016" PRIx64, hash);
	hash = fnv1a(fnv1a(hash, version), build_id());
	snprintf(plan->hash, sizeof(plan->hash), "%016" PRIx64, hash);
	free(text);
	return true;
}

int plan_make(const struct plan_request *request, struct plan **out, char *why)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int rc = -ENOMEM;

	snprintf(why, PLAN_WHY_BYTES, "there is no memory for the plan");
	if (plan == NULL)
		return -ENOMEM;
	plan->cpus = options_cpus();
	plan->quick = request->quick;
	plan->seed = request->seed;
	plan->forks = request->quick ? PLAN_QUICK_FORKS : PLAN_FORKS;
	plan->blocks = request->quick ? PLAN_QUICK_BLOCKS : PLAN_BLOCKS;
	if (request->forks != 0)
		plan->forks = (uint32_t)request->forks;
	if (request->blocks != 0)
		plan->blocks = (uint32_t)request->blocks;

	rc = make_cells(plan, request, why);
	if (rc != 0)
		goto fail;
	rc = -EINVAL;
	if (!make_subjects(plan, request, why) || !drop_empty_cells(plan, request, why) ||
		!add_twin(plan, why))
		goto fail;
	set_slices(plan, request);
	rc = -ENOMEM;
	snprintf(why, PLAN_WHY_BYTES, "there is no memory for the plan");
	plan->json = plan_json(plan);
	if (plan->json == NULL || !set_hash(plan))
		goto fail;
	*out = plan;
	return 0;
fail:
	plan_free(plan);
	return rc;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	json_decref(plan->json);
	free(plan->cell);
	free(plan);
}
