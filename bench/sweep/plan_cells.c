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
	static const struct options_numbers one_burst = {1, {USUAL_BURST}},
					    one_depth = {1, {USUAL_DEPTH}};
	static const struct options_numbers all_bursts = {3, {8, USUAL_BURST, 128}};
	static const struct options_numbers all_depths = {3, {1, USUAL_DEPTH, 8}};
	/* An axis that the workload doesn't have is one cell, not several of the same. */
	const struct options_numbers *bursts =
		!(workload->axes & WORKLOAD_BURST)
			? &one_burst
			: numbers_or(&request->bursts, plan->quick ? &one_burst : &all_bursts);
	const struct options_numbers *depths =
		!(workload->axes & WORKLOAD_DEPTH)
			? &one_depth
			: numbers_or(&request->depths, plan->quick ? &one_depth : &all_depths);
	struct options_numbers threads = request->threads;

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
 * Whether the workload has a cell over such objects. A workload that makes its own pool has
 * objects of its own, of an alignment and pages that nobody can choose.
 */
static bool has_objects(const struct workload *workload, const struct objects *objects)
{
	return workload->create == NULL ||
	       (objects->align == 0 && objects->pages == MEMORY_PAGES_ORDINARY);
}

static bool wants_pages(const struct plan_request *request, enum memory_pages pages)
{
	return request->pages.count == 0 ? pages == MEMORY_PAGES_ORDINARY
					 : plan_has_name(&request->pages, memory_pages_name(pages));
}

static int make_cells_of(struct plan *plan, const struct plan_request *request,
	const struct workload *workload, char *why)
{
	static const struct options_numbers usual_size = {1, {USUAL_OBJECT_BYTES}},
					    own_align = {1, {0}};
	const struct options_numbers *sizes =
		workload->create != NULL ? &usual_size : numbers_or(&request->sizes, &usual_size);
	const struct options_numbers *aligns = numbers_or(&request->aligns, &own_align);
	struct objects objects;

	for (size_t s = 0; s < sizes->count; s++) {
		objects.bytes = sizes->item[s];
		for (size_t a = 0; a < aligns->count; a++) {
			objects.align = aligns->item[a];
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

/*
 * Whether a sweep that names no workloads has this one. What pushes context says next to nothing of
 * pools, so a quick sweep has it where policies compete.
 */
static bool is_default(const struct plan_request *request, const struct workload *workload)
{
	if (workload->by_name)
		return false;
	return !request->quick ||
	       (!workload->profile && !workload->diagnostic &&
		       ((workload->axes & WORKLOAD_CONTEXT) == 0 || request->contexts.count > 0));
}

int plan_make_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	for (size_t i = 0; workloads[i] != NULL; i++) {
		if (request->workloads.count == 0
				? !is_default(request, workloads[i])
				: !plan_has_name(&request->workloads, workloads[i]->name))
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
	       (cell->pages != usual.pages && plan_subjects_of(plan, &usual) > 0);
}

bool plan_drop_empty_cells(struct plan *plan, const struct plan_request *request, char *why)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->cell_count; i++) {
		struct plan_cell *cell = &plan->cell[i];
		char reason[ENGINE_REASON_BYTES];

		if (plan_subjects_of(plan, cell) > 0) {
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
