/*
 * The plan of a sweep: see plan.h. Its cells are made in plan_cells.c, its twins chosen in
 * plan_twins.c, its costs told in plan_cost.c.
 */
#include "bench/sweep/plan.h"

#include "bench/base/append.h"
#include "bench/base/hash.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/plan_parts.h"
#include "bench/sweep/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
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
};

bool plan_is_default(const struct plan_request *request)
{
	const struct plan_axes *axes = &request->axes;

	return request->pools.count == 0 && request->contexts.count == 0 &&
	       request->dispatch.count == 0 && axes->workloads.count == 0 &&
	       axes->threads.count == 0 && axes->bursts.count == 0 && axes->depths.count == 0 &&
	       axes->sizes.count == 0 && axes->aligns.count == 0 && axes->pages.count == 0 &&
	       axes->placements.count == 0 && request->other == NULL && request->library_count == 0;
}

const struct plan_axes *plan_axes_of(const struct plan_request *request, size_t group)
{
	return request->group_count == 0 ? &request->axes : &request->groups[group].axes;
}

const char *plan_place_of(const struct plan_request *request, size_t group)
{
	return request->group_count == 0 ? "" : request->groups[group].place;
}

void plan_refuse(char *why, const char *place, const char *format, ...)
{
	const size_t length = strlen(why);
	va_list args;

	if (length + strlen(place) + 2 >= PLAN_WHY_BYTES)
		return;
	char *at = why + length + sprintf(why + length, "%s%s", length > 0 ? "\n" : "", place);
	va_start(args, format);
	vsnprintf(at, (size_t)(why + PLAN_WHY_BYTES - at), format, args);
	va_end(args);
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

/* Whether the plan has the pool of a policy's row by itself: where policies are not compared it has `malloc`. */
static bool stands_for(const struct plan *plan, const struct plan_subject *policy)
{
	for (size_t i = 0; i < plan->subject_count; i++) {
		const struct plan_subject *other = &plan->subject[i];

		if (other->pool == policy->pool && other->context == NULL && !other->twin &&
			strcmp(other->dispatch, policy->dispatch) == 0)
			return strcmp(policy->context->name, instance_context_reference) == 0;
	}
	return false;
}

/*
 * Whether a row stands in a column that measures what it is: see contest.h. Else reason says why not.
 * What takes no policy in the policies' contest tells what the calls cost by themselves: the pool beneath
 * stands there for itself, as the harness does everywhere.
 */
static bool is_in_contest(const struct plan *plan, const struct workload *workload,
	const struct plan_subject *subject, char *reason)
{
	const bool takes_policies = workload_takes_policies(workload);

	if (subject->context != NULL && !takes_policies)
		snprintf(reason, ENGINE_REASON_BYTES, "%s pushes no context.", workload->name);
	else if (subject->context != NULL && workload->contest != CONTEST_WHOLE &&
		 strcmp(subject->pool->name, instance_context_pool) != 0)
		snprintf(reason, ENGINE_REASON_BYTES,
			"%s is not the whole, in which alone policies compete over %s too.",
			workload->name, subject->pool->name);
	else if (subject->beneath != NULL && workload->contest != CONTEST_POLICIES)
		snprintf(reason, ENGINE_REASON_BYTES,
			"%s is no contest of policies, in which alone a policy has several "
			"mallocs beneath.",
			workload->name);
	else if (subject->context != NULL && workload->contest == CONTEST_WHOLE &&
		 stands_for(plan, subject))
		snprintf(reason, ENGINE_REASON_BYTES,
			"the row %s is the same: a pool without a policy has malloc.",
			subject->pool->name);
	else if (subject->context == NULL && workload->contest == CONTEST_POLICIES &&
		 subject->pool->traits.kind != POOL_KIND_NULL &&
		 (takes_policies || strcmp(subject->pool->name, instance_context_pool) != 0))
		snprintf(reason, ENGINE_REASON_BYTES,
			"%s never touches the pool: it compares context policies, which --context "
			"names.",
			workload->name);
	else
		return true;
	return false;
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
	return is_in_contest(plan, cell->workload, subject, reason) &&
	       engine_check(subject->pool, cell->workload, &asked, reason) == 0;
}

size_t plan_subjects_of(const struct plan *plan, const struct plan_cell *cell)
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

bool plan_add_subject(struct plan *plan, const struct pool_ops *pool,
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
		strcmp(dispatch, "table") == 0 ? "/table" : "",
		!twin                            ? ""
		: strcmp(dispatch, "moved") == 0 ? " (twin, moved)"
						 : " (twin)");
	subject->pool = pool;
	subject->context = context;
	subject->dispatch = dispatch;
	subject->twin = twin;
	return true;
}

/* A library's subject is this build's malloc with another behind it. */
static bool add_libraries(struct plan *plan, const char *dispatch, char *why)
{
	for (size_t i = 0; i < plan->library_count; i++) {
		const struct guest_library *library = &plan->library[i];

		if (!plan_add_subject(plan, pool_find("malloc"), NULL, dispatch, false, why))
			return false;

		struct plan_subject *subject = &plan->subject[plan->subject_count - 1];

		subject->library = library;
		snprintf(subject->label, sizeof(subject->label), "%s%s", library->name,
			strcmp(dispatch, "table") == 0 ? "/table" : "");
	}
	return true;
}

/* Enters all that is there once more, as the other build has it. */
static bool add_others(struct plan *plan, char *why)
{
	const size_t count = plan->has_other ? plan->subject_count : 0;

	for (size_t i = 0; i < count; i++) {
		const struct plan_subject *own = &plan->subject[i];

		if (!plan_add_subject(plan, own->pool, own->context, own->dispatch, false, why))
			return false;

		struct plan_subject *other = &plan->subject[plan->subject_count - 1];

		other->library = own->library;
		other->beneath = own->beneath;
		other->build = &plan->other;
		snprintf(other->label, sizeof(other->label), "%.*s@%s",
			PLAN_LABEL_BYTES - GUEST_NAME_BYTES - 1, own->label, plan->other.name);
	}
	return true;
}

bool plan_has_name(const struct options_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->item[i], name) == 0)
			return true;
	}
	return false;
}

/* A policy that goes to malloc for each block competes over each malloc, by the mallocs' names. */
static bool add_mallocs_beneath(struct plan *plan, const struct plan_request *request,
	const struct context_ops *context, char *why)
{
	const struct pool_ops *pool = pool_find(instance_context_pool);

	for (size_t i = 0; pools[i] != NULL && !context->traits.retains; i++) {
		if (pools[i]->preload == NULL ||
			(request->pools.count != 0 &&
				!plan_has_name(&request->pools, pools[i]->name)))
			continue;
		if (!plan_add_subject(plan, pool, context, "folded", false, why))
			return false;

		struct plan_subject *subject = &plan->subject[plan->subject_count - 1];

		subject->beneath = pools[i];
		append(subject->label, sizeof(subject->label), "/%s", pools[i]->name);
	}
	return true;
}

/* Policies over other pools, for the whole. */
static bool add_pairs(struct plan *plan, const struct plan_request *request, char *why)
{
	for (const struct instance_pair *pair = instance_pairs; pair->name != NULL; pair++) {
		const bool pool =
			request->pools.count == 0 || plan_has_name(&request->pools, pair->pool);
		const bool policy = request->contexts.count == 0
					    ? request->pools.count == 0
					    : plan_has_name(&request->contexts, pair->context);

		if (pool && policy &&
			!plan_add_subject(plan, pool_find(pair->pool), context_find(pair->context),
				"folded", false, why))
			return false;
	}
	return true;
}

static bool make_context_subjects(struct plan *plan, const struct plan_request *request, char *why)
{
	const struct pool_ops *pool = pool_find(instance_context_pool);
	const bool all = request->pools.count == 0;

	for (size_t i = 0; contexts[i] != NULL; i++) {
		bool wanted = request->contexts.count == 0
				      ? all
				      : plan_has_name(&request->contexts, contexts[i]->name);

		if (wanted && (!plan_add_subject(plan, pool, contexts[i], "folded", false, why) ||
				      !add_mallocs_beneath(plan, request, contexts[i], why)))
			return false;
	}
	return add_pairs(plan, request, why);
}

/* In the order of the lists, not of the request: the order of words is no difference of plans. */
static bool make_subjects(struct plan *plan, const struct plan_request *request, char *why)
{
	static const char *const dispatches[] = {"folded", "table"};

	for (size_t d = 0; d < array_count(dispatches); d++) {
		bool wanted = request->dispatch.count == 0
				      ? d == 0
				      : plan_has_name(&request->dispatch, dispatches[d]);
		for (size_t i = 0; wanted && pools[i] != NULL; i++) {
			if ((request->pools.count == 0
					    ? !request->no_variants || pools[i]->variant_of == NULL
					    : plan_has_name(&request->pools, pools[i]->name)) &&
				!plan_add_subject(plan, pools[i], NULL, dispatches[d], false, why))
				return false;
		}
		if (wanted && !add_libraries(plan, dispatches[d], why))
			return false;
	}
	return make_context_subjects(plan, request, why) && add_others(plan, why);
}

/*
 * The whole.
 */

static json_t *cell_json(const struct plan_cell *cell)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:b, s:I, s:I}",
		"label", cell->label, "workload", cell->workload->name, "contest",
		contest_name(cell->workload->contest), "threads", (json_int_t)cell->threads,
		"burst", (json_int_t)cell->burst, "depth", (json_int_t)cell->depth, "object_bytes",
		(json_int_t)cell->object_bytes, "object_align", (json_int_t)cell->object_align,
		"pages", memory_pages_name(cell->pages), "placement",
		placement_name(cell->placement), "oversubscribed", cell->oversubscribed, "slice_ns",
		(json_int_t)cell->slice_ns, "lead_in_ns", (json_int_t)cell->lead_in_ns);
}

/* Each guest by its name and what tells whether it is still the same. */
static json_t *guests_json(const struct plan *plan)
{
	json_t *guests = json_object();

	if (plan->has_other)
		json_object_set_new(guests, plan->other.name, json_string(plan->other.build_id));
	for (size_t i = 0; i < plan->library_count; i++)
		json_object_set_new(
			guests, plan->library[i].name, json_string(plan->library[i].digest));
	return guests;
}

static json_t *plan_json(const struct plan *plan)
{
	json_t *cells = json_array();
	json_t *subjects = json_array();
	json_t *loads = json_array();

	for (size_t i = 0; i < plan->cell_count; i++)
		json_array_append_new(cells, cell_json(&plan->cell[i]));
	for (size_t i = 0; i < plan->subject_count; i++)
		json_array_append_new(subjects, json_string(plan->subject[i].label));
	for (size_t i = 0; i < plan->loads.count; i++)
		json_array_append_new(loads, json_integer((json_int_t)plan->loads.item[i]));
	json_t *json = json_pack("{s:b, s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "latency",
		plan->latency, "loads", loads, "arrivals", plan->arrivals, "cpus",
		(json_int_t)plan->cpus, "forks", (json_int_t)plan->forks, "blocks",
		(json_int_t)plan->blocks, "seed", (json_int_t)plan->seed, "subjects", subjects,
		"cells", cells, "guests", guests_json(plan));
	if (plan->until > 0)
		json_object_set_new(json, "until", json_real(plan->until));
	return json;
}

static bool set_hash(struct plan *plan)
{
	char *text = json_dumps(plan->json, JSON_COMPACT | JSON_SORT_KEYS);
	char version[32];

	if (text == NULL)
		return false;
	snprintf(version, sizeof(version), " schema %d ", STORE_SCHEMA_VERSION);
	uint64_t hash = hash_text(HASH_EMPTY, text);
	snprintf(plan->digest, sizeof(plan->digest), "%016" PRIx64, hash);
	hash = hash_text(hash_text(hash, version), build_id());
	snprintf(plan->hash, sizeof(plan->hash), "%016" PRIx64, hash);
	free(text);
	return true;
}

/* False: it was asked to leave out forks, and there are none to leave out. */
static bool set_until(struct plan *plan, const struct plan_request *request, char *why)
{
	plan->until = request->until;
	snprintf(why, PLAN_WHY_BYTES,
		"--until leaves out forks beyond the first %d, and there are %" PRIu32
		"; give --forks more than %d",
		PLAN_UNTIL_FORKS, plan->forks, PLAN_UNTIL_FORKS);
	return plan->until == 0 || plan->forks > PLAN_UNTIL_FORKS;
}

static bool set_arrivals(struct plan *plan, const struct plan_request *request, char *why)
{
	const char *name = request->arrivals;
	char wrong[ARRIVALS_WHY_BYTES];
	struct arrivals parsed;

	if (!arrivals_choose(&name, plan->loads.count, &parsed, wrong)) {
		plan_refuse(why, "", "%s", wrong);
		return false;
	}
	snprintf(plan->arrivals, sizeof(plan->arrivals), "%s", plan->loads.count > 0 ? name : "");
	return true;
}

/* False: an open loop was asked for, and no cell has one. */
static bool loads_have_a_cell(const struct plan *plan, char *why)
{
	if (plan->loads.count == 0)
		return true;
	for (size_t c = 0; c < plan->cell_count; c++) {
		if (plan_loads(plan, &plan->cell[c]))
			return true;
	}
	plan_refuse(why, "",
		"--load wants a cell with a CPU for each thread (%" PRIu32
		" here) and a workload that stops no thread, and there is none",
		plan->cpus);
	return false;
}

static void set_guests(struct plan *plan, const struct plan_request *request)
{
	plan->has_other = request->other != NULL;
	if (plan->has_other)
		plan->other = *request->other;
	plan->library_count = request->library_count;
	for (size_t i = 0; i < plan->library_count; i++)
		plan->library[i] = request->libraries[i];
}

int plan_make(const struct plan_request *request, struct plan **out, char *why)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int rc = -ENOMEM;

	snprintf(why, PLAN_WHY_BYTES, "there is no memory for the plan");
	if (plan == NULL)
		return -ENOMEM;
	plan->cpus = options_cpus();
	plan->seed = request->seed;
	plan->latency = !request->no_latency;
	plan->loads = request->loads;
	set_guests(plan, request);
	plan->forks = request->forks != 0 ? (uint32_t)request->forks : PLAN_FORKS;
	plan->blocks = request->blocks != 0 ? (uint32_t)request->blocks : PLAN_BLOCKS;

	why[0] = '\0';
	rc = -EINVAL;
	const bool arrive = set_until(plan, request, why) && set_arrivals(plan, request, why);
	const int made = plan_make_cells(plan, request, why);
	if (!arrive || made != 0) {
		rc = made != 0 ? made : rc;
		goto fail;
	}
	if (!make_subjects(plan, request, why) || !plan_drop_empty_cells(plan, request, why) ||
		!loads_have_a_cell(plan, why) || !plan_add_twins(plan, why))
		goto fail;
	plan_set_slices(plan, request);
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
