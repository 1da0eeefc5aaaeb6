/* The cells of a plan: loads by the workloads' axes, threads, and the pool's objects. */
#include "bench/base/append.h"
#include "bench/engine/usual.h"
#include "bench/sweep/plan_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_THREADS_FACTOR = 2 }; /* threads a CPU of the largest default cell */

static void label_cell(struct plan_cell *cell)
{
	char *label = cell->label;

	snprintf(label, PLAN_LABEL_BYTES, "%s", cell->workload->name);
	if (cell->workload->axes & WORKLOAD_BURST)
		append(label, PLAN_LABEL_BYTES, " %" PRIu32, cell->burst);
	if (cell->workload->axes & WORKLOAD_DEPTH)
		append(label, PLAN_LABEL_BYTES, " %" PRIu32 " deep", cell->depth);
	append(label, PLAN_LABEL_BYTES, ", %" PRIu32 " thread%s", cell->threads,
		cell->threads == 1 ? "" : "s");
	if (cell->object_bytes != USUAL_OBJECT_BYTES)
		append(label, PLAN_LABEL_BYTES, ", %" PRIu32 " B", cell->object_bytes);
	if (cell->object_align != 0)
		append(label, PLAN_LABEL_BYTES, ", aligned to %" PRIu32, cell->object_align);
	if (cell->pages != MEMORY_PAGES_ORDINARY)
		append(label, PLAN_LABEL_BYTES, ", %s pages", memory_pages_name(cell->pages));
	if (cell->placement != PLACEMENT_CORES)
		append(label, PLAN_LABEL_BYTES, ", on %s", placement_name(cell->placement));
}

/* Whether there is a cell of the workload. */
static bool is_there(const struct plan *plan, const struct workload *workload)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (plan->cell[i].workload == workload)
			return true;
	}
	return false;
}

/* Adds the cell unless one of the same label, and so of the same load, is there. */
static int add_cell(struct plan *plan, struct plan_cell *cell, char *why)
{
	if (plan->cell_count == PLAN_CELLS_MAX) {
		plan_refuse(why, "",
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

/* The list of the request, or the usual one. */
static const struct options_numbers *numbers_or(
	const struct options_numbers *numbers, const struct options_numbers *usual)
{
	return numbers->count == 0 ? usual : numbers;
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
 * Threads of a workload by default: one lane, one thread a CPU, the powers of two on the way there and
 * one oversubscribed count beyond it.
 */
static void default_threads(
	const struct plan *plan, const struct workload *workload, struct options_numbers *out)
{
	uint32_t lane = workload->lane_threads;
	uint32_t all = plan->cpus / lane * lane;

	out->count = 0;
	append_once(out, lane);
	for (uint64_t threads = 2 * (uint64_t)lane; threads < all; threads *= 2)
		append_once(out, threads);
	if (all > 0)
		append_once(out, all);
	append_once(out, PLAN_THREADS_FACTOR * (uint64_t)(all > 0 ? all : lane));
}

/* The objects of a cell's pool. */
struct objects {
	uint64_t bytes, align;
	enum memory_pages pages;
};

static bool wants_placement(const struct plan_axes *axes, enum placement placement)
{
	return axes->placements.count == 0
		       ? placement == PLACEMENT_CORES
		       : plan_has_name(&axes->placements, placement_name(placement));
}

/*
 * Adds the cell once for each placement: one thread has none. Threads that a placement has no CPUs for
 * are left out where the defaults brought them in, as with other axes.
 */
static int add_placed(struct plan *plan, const struct plan_request *request,
	const struct plan_axes *axes, struct plan_cell *cell, char *why)
{
	uint32_t cpus[ENGINE_THREADS_MAX];
	char reason[TOPOLOGY_WHY_BYTES];

	for (enum placement p = PLACEMENT_CORES; p <= PLACEMENT_NODE; p++) {
		const bool alone = cell->threads == 1;

		if (alone ? p != PLACEMENT_CORES : !wants_placement(axes, p))
			continue;
		cell->placement = p;
		if (p != PLACEMENT_CORES && topology_place(p, cell->threads, cpus, reason) != 0) {
			if (axes->threads.count > 0 && !request->lenient)
				plan_refuse(why, plan_place_of(request, cell->group),
					"nothing can be measured in '%s, %" PRIu32 " threads': %s",
					cell->workload->name, cell->threads, reason);
			continue;
		}

		const int rc = add_cell(plan, cell, why);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The cells of a workload over one kind of objects. */
static int make_cells_over(struct plan *plan, const struct plan_request *request, size_t group,
	const struct plan_axes *axes, const struct workload *workload,
	const struct objects *objects, char *why)
{
	static const struct options_numbers one_burst = {1, {USUAL_BURST}},
					    one_depth = {1, {USUAL_DEPTH}};
	static const struct options_numbers all_bursts = {3, {8, USUAL_BURST, 128}};
	static const struct options_numbers all_depths = {3, {1, USUAL_DEPTH, 8}};
	/* An axis that the workload doesn't have is one cell, not several of the same. */
	const struct options_numbers *bursts = !(workload->axes & WORKLOAD_BURST)
						       ? &one_burst
						       : numbers_or(&axes->bursts, &all_bursts);
	const struct options_numbers *depths = !(workload->axes & WORKLOAD_DEPTH)
						       ? &one_depth
						       : numbers_or(&axes->depths, &all_depths);
	struct options_numbers threads = axes->threads;

	if (threads.count == 0)
		default_threads(plan, workload, &threads);
	for (size_t b = 0; b < bursts->count; b++) {
		for (size_t d = 0; d < depths->count; d++) {
			for (size_t t = 0; t < threads.count; t++) {
				struct plan_cell cell = {
					.workload = workload,
					.threads = (uint32_t)threads.item[t],
					.burst = (uint32_t)bursts->item[b],
					.depth = (uint32_t)depths->item[d],
					.object_bytes = (uint32_t)objects->bytes,
					.object_align = (uint32_t)objects->align,
					.pages = objects->pages,
					.oversubscribed = threads.item[t] > plan->cpus,
					.group = group,
				};
				if (cell.threads % workload->lane_threads != 0)
					continue;
				int rc = add_placed(plan, request, axes, &cell, why);
				if (rc != 0)
					return rc;
			}
		}
	}
	return 0;
}

/*
 * Whether the workload has a cell over such objects. A workload that makes its own pool has
 * objects of its own, of an alignment and pages that nobody can choose.
 */
static bool has_objects(const struct workload *workload, const struct objects *objects)
{
	return workload->create == NULL ||
	       (objects->align == 0 && objects->pages == MEMORY_PAGES_ORDINARY);
}

static bool wants_pages(const struct plan_axes *axes, enum memory_pages pages)
{
	return axes->pages.count == 0 ? pages == MEMORY_PAGES_ORDINARY
				      : plan_has_name(&axes->pages, memory_pages_name(pages));
}

static int make_cells_of(struct plan *plan, const struct plan_request *request, size_t group,
	const struct plan_axes *axes, const struct workload *workload, char *why)
{
	static const struct options_numbers usual_size = {1, {USUAL_OBJECT_BYTES}},
					    own_align = {1, {0}};
	const struct options_numbers *sizes =
		workload->create != NULL ? &usual_size : numbers_or(&axes->sizes, &usual_size);
	const struct options_numbers *aligns = numbers_or(&axes->aligns, &own_align);
	struct objects objects;

	for (size_t s = 0; s < sizes->count; s++) {
		objects.bytes = sizes->item[s];
		for (size_t a = 0; a < aligns->count; a++) {
			objects.align = aligns->item[a];
			for (objects.pages = MEMORY_PAGES_ORDINARY;
				objects.pages <= MEMORY_PAGES_HUGE; objects.pages++) {
				int rc = 0;

				if (wants_pages(axes, objects.pages) &&
					has_objects(workload, &objects))
					rc = make_cells_over(plan, request, group, axes, workload,
						&objects, why);
				if (rc != 0)
					return rc;
			}
		}
	}
	return 0;
}

/* Why a workload that was asked for by name has no cell. */
static void explain_no_cell(
	const char *place, const struct plan_axes *axes, const struct workload *workload, char *why)
{
	const bool own = workload->create != NULL;

	if (own && (axes->aligns.count != 0 || !wants_pages(axes, MEMORY_PAGES_ORDINARY)))
		plan_refuse(why, place,
			"%s makes its own pool, whose objects have an alignment of their own and "
			"ordinary pages; --align and --pages ask for others",
			workload->name);
	else
		plan_refuse(why, place,
			"%s needs a multiple of %" PRIu32 " threads, and --threads names none",
			workload->name, workload->lane_threads);
}

/* Whether a group has this workload: none of the policies' contest where they are told not to compete. */
static bool has_workload(const struct plan_request *request, const struct plan_axes *axes,
	const struct workload *workload)
{
	if (workload->contest == CONTEST_POLICIES &&
		plan_has_name(&request->contexts, PLAN_NO_CONTEXT))
		return false;
	return axes->workloads.count == 0 ? !workload->by_name
					  : plan_has_name(&axes->workloads, workload->name);
}

/* Whether the machine has every place that a group names; else sentences. */
static bool has_places(const struct plan_request *request, size_t group, char *why)
{
	const struct plan_axes *axes = plan_axes_of(request, group);
	char reason[TOPOLOGY_WHY_BYTES];
	bool all = true;
	uint32_t cpu;

	for (enum placement p = PLACEMENT_CORES; p <= PLACEMENT_NODE && !request->lenient; p++) {
		if (!wants_placement(axes, p) || topology_place(p, 1, &cpu, reason) == 0)
			continue;
		plan_refuse(why, plan_place_of(request, group), "--placement: %s", reason);
		all = false;
	}
	return all;
}

/* 0; -EINVAL with sentences added to why; -ENOMEM. */
static int make_group(
	struct plan *plan, const struct plan_request *request, size_t group, char *why)
{
	const struct plan_axes *axes = plan_axes_of(request, group);
	int result = 0;

	if (!has_places(request, group, why))
		return -EINVAL;

	for (size_t i = 0; workloads[i] != NULL; i++) {
		if (!has_workload(request, axes, workloads[i]))
			continue;
		const size_t before = plan->cell_count, told = strlen(why);
		const int rc = make_cells_of(plan, request, group, axes, workloads[i], why);

		if (rc != 0)
			return rc;
		if (plan->cell_count == before && axes->workloads.count != 0 && !request->lenient &&
			!is_there(plan, workloads[i]))
			explain_no_cell(plan_place_of(request, group), axes, workloads[i], why);
		if (strlen(why) > told)
			result = -EINVAL;
	}
	return result;
}

int plan_make_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	const size_t groups = request->group_count > 0 ? request->group_count : 1;
	int result = 0;

	for (size_t group = 0; group < groups; group++) {
		const int rc = make_group(plan, request, group, why);

		if (rc == -ENOMEM || plan->cell_count == PLAN_CELLS_MAX)
			return rc;
		result = rc != 0 ? rc : result;
	}
	return result;
}

/* True if the request names what keeps every subject out of a cell: its threads or its pages. */
static bool was_asked_for(
	const struct plan *plan, const struct plan_request *request, const struct plan_cell *cell)
{
	struct plan_cell usual = *cell;

	usual.pages = MEMORY_PAGES_ORDINARY;
	return !request->lenient &&
	       (plan_axes_of(request, cell->group)->threads.count != 0 ||
		       (cell->pages != usual.pages && plan_subjects_of(plan, &usual) > 0));
}

bool plan_drop_empty_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	char reason[ENGINE_REASON_BYTES] = "", last[PLAN_LABEL_BYTES] = "";
	size_t kept = 0;
	bool good = true;

	for (size_t i = 0; i < plan->cell_count; i++) {
		struct plan_cell *cell = &plan->cell[i];

		if (plan_subjects_of(plan, cell) > 0) {
			plan->cell[kept++] = *cell;
			continue;
		}
		/*
		 * The reason that the first subject gives stands for the others'. It is a sentence;
		 * the caller's, which it ends, has a full stop of its own.
		 */
		plan_competes(plan, cell, &plan->subject[0], reason);
		memcpy(last, cell->label, sizeof(last));
		if (!was_asked_for(plan, request, cell))
			continue;
		plan_refuse(why, plan_place_of(request, cell->group),
			"nothing can be measured in '%s': %.*s", cell->label,
			(int)strlen(reason) - 1, reason);
		good = false;
	}
	plan->cell_count = kept;
	if (kept > 0 || !good)
		return good;
	if (last[0] != '\0')
		plan_refuse(why, "", "nothing can be measured in '%s': %.*s", last,
			(int)strlen(reason) - 1, reason);
	else
		plan_refuse(why, "",
			"no cell is left: --context " PLAN_NO_CONTEXT
			" leaves out what compares policies, and --threads may name no whole lane");
	return false;
}
