/* Plans: the same request makes the same plan, and what can't be measured is refused by name. */
#include "bench/sweep/plan.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/append.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add_name(struct options_names *names, const char *name)
{
	names->item[names->count++] = name;
}

static void add_number(struct options_numbers *numbers, uint64_t number)
{
	numbers->item[numbers->count++] = number;
}

static struct plan *make(const struct plan_request *request)
{
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	if (plan_make(request, &plan, why) != 0)
		fail_msg("the plan was refused: %s", why);
	return plan;
}

/* True if the two requests lead to the same hash. */
static bool same_hash(const struct plan_request *a, const struct plan_request *b)
{
	struct plan *first = make(a), *second = make(b);
	bool same = strcmp(first->hash, second->hash) == 0;

	assert_int_equal(strlen(first->hash), PLAN_HASH_BYTES - 1);
	plan_free(first);
	plan_free(second);
	return same;
}

static void hash_follows_from_the_request(NO_STATE)
{
	struct plan_request base = {.within_s = 60, .seed = 1}, other;

	assert_true(same_hash(&base, &base));
	other = base;
	other.seed = 2;
	assert_false(same_hash(&base, &other));
	other = base;
	other.within_s = 0;
	assert_false(same_hash(&base, &other));
	other = base;
	other.blocks = 9;
	assert_false(same_hash(&base, &other));
	other = base;
	other.slice_ms = 1.5;
	assert_false(same_hash(&base, &other));
	other = base;
	add_name(&other.pools, "mutex");
	assert_false(same_hash(&base, &other));
	other = base;
	add_number(&other.axes.sizes, 64);
	assert_false(same_hash(&base, &other));
	other = base;
	add_number(&other.axes.aligns, 64);
	assert_false(same_hash(&base, &other));
	other = base;
	add_name(&other.axes.pages, "transparent");
	assert_false(same_hash(&base, &other));
	other = base;
	add_name(&other.axes.pages, "ordinary");
	assert_true(same_hash(&base, &other)); /* the default by its name */
}

static void order_of_names_is_no_difference(NO_STATE)
{
	struct plan_request a = {.seed = 1}, b = {.seed = 1};

	add_name(&a.pools, "mutex");
	add_name(&a.pools, "treiber_tag");
	add_name(&b.pools, "treiber_tag");
	add_name(&b.pools, "mutex");
	assert_true(same_hash(&a, &b));
}

static const struct plan_cell *find_cell(const struct plan *plan, const char *label)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (strcmp(plan->cell[i].label, label) == 0)
			return &plan->cell[i];
	}
	return NULL;
}

static void cells_are_the_product_of_the_axes_that_count(NO_STATE)
{
	struct plan_request request = {.seed = 1};

	add_name(&request.axes.workloads, "pair");
	add_name(&request.axes.workloads, "burst");
	add_number(&request.axes.threads, 1);
	add_number(&request.axes.threads, 2);
	add_number(&request.axes.bursts, 8);
	add_number(&request.axes.bursts, 16);
	struct plan *plan = make(&request);
	/* pair has no bursts: 2 cells; burst: 4. */
	assert_int_equal(plan->cell_count, 6);
	assert_non_null(find_cell(plan, "pair, 1 thread"));
	assert_non_null(find_cell(plan, "burst 16, 2 threads"));
	assert_int_equal(plan_blocks(plan), 6 * (uint64_t)plan->forks * plan->blocks);
	plan_free(plan);
}

static void objects_are_axes_of_every_pool(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char reason[ENGINE_REASON_BYTES];

	add_name(&request.axes.workloads, "pair");
	add_name(&request.pools, "mutex");
	add_name(&request.pools, "malloc");
	add_number(&request.axes.threads, 1);
	add_number(&request.axes.sizes, 256);
	add_number(&request.axes.sizes, 2048);
	add_number(&request.axes.aligns, 16);
	add_number(&request.axes.aligns, 2048);
	add_name(&request.axes.pages, "huge");
	add_name(&request.axes.pages, "ordinary");
	struct plan *plan = make(&request);
	assert_int_equal(plan->cell_count, 2 * 2 * 2);
	const struct plan_cell *cell = find_cell(plan, "pair, 1 thread, aligned to 16");
	assert_non_null(cell);
	assert_int_equal(cell->object_bytes, 256);
	assert_int_equal(cell->object_align, 16);
	assert_int_equal(cell->pages, MEMORY_PAGES_ORDINARY);
	assert_true(plan_competes(plan, cell, &plan->subject[0], reason));
	assert_true(plan_competes(plan, cell, &plan->subject[1], reason));
	cell = find_cell(plan, "pair, 1 thread, 2048 B, aligned to 2048, huge pages");
	assert_non_null(cell);
	assert_int_equal(cell->object_bytes, 2048);
	assert_int_equal(cell->object_align, 2048);
	assert_int_equal(cell->pages, MEMORY_PAGES_HUGE);
	/* A malloc has pages of its own: it stays in the table, absent, with the reason. */
	assert_true(plan_competes(plan, cell, &plan->subject[0], reason));
	assert_false(plan_competes(plan, cell, &plan->subject[1], reason));
	assert_non_null(strstr(reason, "malloc takes its memory from the system by itself"));
	plan_free(plan);
}

/* Pages that only mallocs would have to bring are refused, and not left out in silence. */
static void pages_that_nobody_has_are_refused(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.axes.workloads, "pair");
	add_name(&request.pools, "malloc");
	add_name(&request.axes.pages, "ordinary");
	add_name(&request.axes.pages, "huge");
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "'pair, 1 thread, huge pages': pages are huge; malloc"));
}

/* So are loads that no cell can have: work cannot arrive at a thread without a CPU. */
static void loads_that_no_cell_has_are_refused(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.axes.workloads, "pair");
	add_number(&request.loads, 80);
	add_number(&request.axes.threads, 4 * (uint64_t)options_cpus());
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "--load wants a cell with a CPU for each thread"));
	add_number(&request.axes.threads, 1);
	plan = make(&request);
	assert_int_equal(plan->cell_count, 2);
	plan_free(plan);
}

/* A workload with a pool of its own has one cell, whatever is asked of objects, or none. */
static void pools_of_workloads_have_their_own_objects(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.axes.workloads, "clone_tree");
	add_name(&request.axes.workloads, "pair");
	add_number(&request.axes.threads, 1);
	add_number(&request.axes.sizes, 64);
	add_number(&request.axes.sizes, 256);
	add_name(&request.axes.pages, "ordinary");
	add_name(&request.axes.pages, "transparent");
	plan = make(&request);
	assert_int_equal(plan->cell_count, 1 + 2 * 2);
	assert_non_null(find_cell(plan, "clone_tree, 1 thread"));
	plan_free(plan);

	/* Without a name it is left out, with one it is refused. */
	add_number(&request.axes.aligns, 2048);
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "clone_tree makes its own pool"));
	request.axes.workloads.count = 0;
	plan = make(&request);
	for (size_t i = 0; i < plan->cell_count; i++)
		assert_null(plan->cell[i].workload->create);
	plan_free(plan);
}

/* Room is counted as slabs take it: whole strides, and whole huge pages. */
static void memory_follows_from_the_objects(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	uint64_t usual, wide, huge;

	add_name(&request.axes.workloads, "pair");
	add_name(&request.pools, "mutex");
	add_number(&request.axes.threads, 1);
	struct plan *plan = make(&request);
	const uint64_t objects = engine_capacity(
		plan->cell[0].workload, &(struct workload_cell){.threads = 1, .burst = 1});
	usual = plan_memory_bytes(plan);
	const uint64_t subjects = plan->subject_count;
	plan_free(plan);
	add_number(&request.axes.aligns, 4096);
	plan = make(&request);
	wide = plan_memory_bytes(plan);
	plan_free(plan);
	assert_int_equal(wide - usual, subjects * objects * (4096 - 320));
	request.axes.aligns.count = 0;
	add_name(&request.axes.pages, "huge");
	plan = make(&request);
	huge = plan_memory_bytes(plan);
	plan_free(plan);
	assert_int_equal(huge - usual, subjects * ((2 << 20) - objects * 320));
}

static void threads_come_in_whole_lanes(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.axes.workloads, "remote_free");
	plan = make(&request);
	for (size_t i = 0; i < plan->cell_count; i++)
		assert_int_equal(plan->cell[i].threads % plan->cell[i].workload->lane_threads, 0);
	plan_free(plan);
	add_number(&request.axes.threads, 3);
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "multiple of 2"));
}

static void until_is_part_of_the_plan(NO_STATE)
{
	struct plan_request base = {.forks = PLAN_UNTIL_FORKS + 1, .seed = 1}, other = base;
	char why[PLAN_WHY_BYTES];
	struct plan *plan;

	other.until = 2;
	assert_false(same_hash(&base, &other));
	other.forks = PLAN_UNTIL_FORKS;
	assert_int_equal(plan_make(&other, &plan, why), -EINVAL);
	assert_string_equal(why,
		"--until leaves out forks beyond the first 6, and there are 6; give "
		"--forks more than 6");
}

/* The twins of a plan, by their labels. */
static void expect_twins(const struct plan_request *request, const char *expected)
{
	struct plan *plan = make(request);
	char labels[8 * PLAN_LABEL_BYTES] = "";

	for (size_t i = 0; i < plan->subject_count; i++) {
		if (plan->subject[i].twin)
			append(labels, sizeof(labels), "%s%s", labels[0] != '\0' ? ", " : "",
				plan->subject[i].label);
	}
	assert_string_equal(labels, expected);
	plan_free(plan);
}

static void each_class_has_a_twin(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	const char *usual = pool_default()->name;
	char expected[8 * PLAN_LABEL_BYTES];

	snprintf(expected, sizeof(expected),
		"%s (twin), treiber_tag (twin), mutex (twin), mag_tls+malloc (twin)", usual);
	if (instance_is_moved(usual))
		append(expected, sizeof(expected), ", %s (twin, moved)", usual);
	expect_twins(&request, expected);

	add_name(&request.pools, "ticket");
	add_name(&request.pools, "vyukov");
	expect_twins(&request, "ticket (twin)");
	add_name(&request.pools, "scq");
	add_name(&request.pools, "bare_cas");
	expect_twins(&request, "scq (twin), ticket (twin)");
	add_name(&request.pools, "malloc");
	expect_twins(&request, "malloc (twin), scq (twin), ticket (twin)");
	add_name(&request.pools, "mag_tls");
	expect_twins(&request, instance_is_moved("mag_tls")
				       ? "mag_tls (twin), scq (twin), ticket (twin), "
					 "mag_tls (twin, moved)"
				       : "mag_tls (twin), scq (twin), ticket (twin)");

	request.pools.count = 0;
	add_name(&request.pools, "plain");
	expect_twins(&request, "plain (twin)");
}

/* A twin stands for its class wherever that competes, one of a policy where policies do. */
static void twins_compete_everywhere(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	struct plan *plan = make(&request);
	char reason[ENGINE_REASON_BYTES];

	for (size_t i = 0; i < plan->subject_count; i++) {
		const struct plan_subject *subject = &plan->subject[i];

		for (size_t cell = 0; cell < plan->cell_count && subject->twin; cell++) {
			const struct workload *workload = plan->cell[cell].workload;

			if (workload->contest == CONTEST_POLICIES &&
				!workload_takes_policies(workload))
				continue;
			assert_int_equal(plan_competes(plan, &plan->cell[cell], subject, reason),
				(workload->contest == CONTEST_POLICIES) ==
					(subject->context != NULL));
		}
	}
	plan_free(plan);
}

static const struct plan_subject *find_subject(const struct plan *plan, const char *label)
{
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (strcmp(plan->subject[i].label, label) == 0)
			return &plan->subject[i];
	}
	fail_msg("no subject %s", label);
	return NULL;
}

/* All that is entered competes in both builds; the twin is this one's. */
static void guests_compete(NO_STATE)
{
	static struct guest_build other = {.name = "v1", .build_id = "0123"}, newer;
	static struct guest_library library = {.name = "mine", .path = "/x.so", .digest = "4567"};
	struct plan_request alone = {.seed = 1}, request, changed;

	add_name(&alone.pools, "mutex");
	add_name(&alone.dispatch, "table");
	request = alone;
	assert_true(plan_is_default(&(struct plan_request){.seed = 1}));
	request.other = &other;
	request.libraries = &library;
	request.library_count = 1;
	struct plan *plan = make(&request);

	assert_int_equal(plan->subject_count, 5);
	assert_null(find_subject(plan, "mutex/table")->build);
	assert_string_equal(find_subject(plan, "mutex/table@v1")->build->name, "v1");
	assert_string_equal(find_subject(plan, "mine/table")->library->path, "/x.so");
	assert_string_equal(find_subject(plan, "mine/table")->name, "malloc");
	assert_string_equal(find_subject(plan, "mine/table@v1")->library->path, "/x.so");
	assert_null(find_subject(plan, "mutex/table (twin)")->build);
	plan_free(plan);
	assert_false(same_hash(&alone, &request));
	changed = request;
	newer = other;
	changed.other = &newer;
	assert_true(same_hash(&changed, &request));
	strcpy(newer.build_id, "0124");
	assert_false(same_hash(&changed, &request));
	assert_false(plan_is_default(&(struct plan_request){.other = &other}));
	assert_false(plan_is_default(&(struct plan_request){.library_count = 1}));
}

static void what_cannot_compete_is_told(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char reason[ENGINE_REASON_BYTES], why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.pools, "plain");
	add_name(&request.axes.workloads, "pair");
	/* The defaults leave out what is impossible; what was asked for is refused. */
	plan = make(&request);
	assert_int_equal(plan->cell_count, 1);
	assert_true(plan_competes(plan, &plan->cell[0], &plan->subject[0], reason));
	plan_free(plan);
	add_number(&request.axes.threads, 2);
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "pair, 2 threads"));
	assert_non_null(strstr(why, "plain"));
}

/* The slices' length follows from the time that there is, within its bounds. */
static void slices_fit_a_time(NO_STATE)
{
	static const struct {
		uint64_t within_s, least_s, most_s;
	} cases[] = {{40, 39, 41}, {1, 20, 35}, {1000, 45, 80}};
	struct plan_request request = {.seed = 1, .forks = 10, .blocks = 100, .no_latency = true};

	add_name(&request.pools, "mutex");
	add_name(&request.axes.workloads, "pair");
	add_name(&request.axes.workloads, "burst");
	add_number(&request.axes.threads, 1);
	for (size_t i = 0; i < array_count(cases); i++) {
		request.within_s = cases[i].within_s;
		struct plan *plan = make(&request);

		assert_in_range(plan->cell[0].slice_ns, 1000000, 5000000);
		assert_in_range(plan_eta_ns(plan) / 1000000000, cases[i].least_s, cases[i].most_s);
		plan_free(plan);
	}
}

/* Each group has cells of its own; the same cell in two groups is one. */
static void groups_add_their_cells(NO_STATE)
{
	static struct plan_group groups[2] = {{.place = "x.ini:3: "}, {.place = "x.ini:7: "}};
	struct plan_request request = {.seed = 1, .groups = groups, .group_count = 2};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&groups[0].axes.workloads, "pair");
	add_number(&groups[0].axes.threads, 1);
	add_name(&groups[1].axes.workloads, "burst");
	add_name(&groups[1].axes.workloads, "pair");
	add_number(&groups[1].axes.threads, 1);
	add_number(&groups[1].axes.threads, 2);
	add_number(&groups[1].axes.bursts, 4);
	plan = make(&request);
	assert_int_equal(plan->cell_count, 4);
	assert_non_null(find_cell(plan, "burst 4, 2 threads"));
	plan_free(plan);

	/* All mistakes are told, each with its group's place. */
	add_name(&request.pools, "plain");
	groups[0].axes.threads.item[0] = 4;
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "x.ini:3: nothing can be measured in 'pair, 4 threads'"));
	assert_non_null(strstr(why, "\nx.ini:7: nothing can be measured in 'pair, 2 threads'"));
	assert_non_null(strstr(why, "\nx.ini:7: nothing can be measured in 'burst 4, 2 threads'"));
	/* A job of the tree leaves them out. */
	request.lenient = true;
	plan = make(&request);
	assert_int_equal(plan->cell_count, 2);
	plan_free(plan);
}

/* One thread has no placement, and what the machine lacks is refused with what it has. */
static void placements_are_an_axis(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	add_name(&request.axes.workloads, "pair");
	add_name(&request.axes.placements, "compact");
	add_name(&request.axes.placements, "cores");
	add_number(&request.axes.threads, 1);
	add_number(&request.axes.threads, 2);
	plan = make(&request);
	assert_int_equal(plan->cell_count, 3);
	assert_non_null(find_cell(plan, "pair, 1 thread"));
	assert_non_null(find_cell(plan, "pair, 2 threads"));
	assert_int_equal(
		find_cell(plan, "pair, 2 threads, on compact")->placement, PLACEMENT_COMPACT);
	plan_free(plan);

	request.axes.placements.item[0] = "cache";
	request.axes.threads.item[1] = ENGINE_THREADS_MAX;
	assert_int_equal(plan_make(&request, &plan, why), -EINVAL);
	assert_non_null(strstr(why, "placement cache "));
}

/* Whether the subject of that label competes in the cell of that label. */
static bool competes(const struct plan *plan, const char *cell, const char *label)
{
	char reason[ENGINE_REASON_BYTES];

	assert_non_null(find_cell(plan, cell));
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (strcmp(plan->subject[i].label, label) == 0)
			return plan_competes(
				plan, find_cell(plan, cell), &plan->subject[i], reason);
	}
	fail_msg("no subject '%s'", label);
	return false;
}

/* A row never stands in a column that measures something else. */
static void contests_are_kept_apart(NO_STATE)
{
	static const char pool[] = "burst_touch 32, 1 thread", whole[] = "wfp_inject 32, 2 threads",
			  policy[] = "ctx_stack 32 4 deep, 1 thread",
			  calls[] = "ctx_unchecked, 1 thread";
	struct plan_request request = {.seed = 1};

	for (const char *const *name = (const char *const[]){"burst_touch", "ctx_stack",
		     "ctx_unchecked", "wfp_inject", NULL};
		*name != NULL; name++)
		add_name(&request.axes.workloads, *name);
	add_number(&request.axes.bursts, 32);
	add_number(&request.axes.depths, 4);
	add_number(&request.axes.threads, 1);
	add_number(&request.axes.threads, 2);
	struct plan *plan = make(&request);

	for (const char *const *row =
			(const char *const[]){"mag_tls", "mutex", "malloc", "jemalloc", NULL};
		*row != NULL; row++) {
		assert_true(competes(plan, pool, *row) && competes(plan, whole, *row));
		assert_false(competes(plan, policy, *row));
		assert_int_equal(competes(plan, calls, *row), strcmp(*row, "mag_tls") == 0);
	}
	assert_true(competes(plan, calls, "null"));
	assert_false(competes(plan, policy, "null"));
	assert_true(competes(plan, policy, "mag_tls+sticky"));
	assert_true(competes(plan, whole, "mag_tls+sticky"));
	assert_false(competes(plan, pool, "mag_tls+sticky"));
	/* What calls malloc has each malloc beneath, the others have none; and it is the pool's own in the whole. */
	for (const char *const *malloc =
			(const char *const[]){"jemalloc", "mimalloc", "tcmalloc", NULL};
		*malloc != NULL; malloc++) {
		char label[PLAN_LABEL_BYTES];

		snprintf(label, sizeof(label), "mag_tls+malloc/%s", *malloc);
		assert_true(competes(plan, policy, label));
		assert_false(competes(plan, whole, label));
	}
	assert_true(competes(plan, policy, "mag_tls+malloc"));
	assert_false(competes(plan, whole, "mag_tls+malloc"));
	for (size_t i = 0; i < plan->subject_count; i++)
		assert_string_not_equal(plan->subject[i].label, "mag_tls+sticky/jemalloc");
	/* A policy is over other pools in the whole alone. */
	for (const struct instance_pair *pair = instance_pairs; pair->name != NULL; pair++) {
		assert_true(competes(plan, whole, pair->name));
		assert_false(competes(plan, policy, pair->name));
		assert_false(competes(plan, pool, pair->name));
	}
	plan_free(plan);
}

/* "none": no policies, and no workload that is there for them. */
static void no_context_is_no_workload_of_contexts(NO_STATE)
{
	struct plan_request request = {.seed = 1};

	add_name(&request.contexts, PLAN_NO_CONTEXT);
	struct plan *plan = make(&request);
	for (size_t i = 0; i < plan->cell_count; i++)
		assert_int_not_equal(plan->cell[i].workload->contest, CONTEST_POLICIES);
	for (size_t i = 0; i < plan->subject_count; i++)
		assert_null(plan->subject[i].context);
	plan_free(plan);
}

static void oversubscribed_cells_have_longer_slices(NO_STATE)
{
	struct plan_request request = {.seed = 1};
	const uint64_t cpus = options_cpus();

	add_name(&request.axes.workloads, "pair");
	add_number(&request.axes.threads, cpus);
	add_number(&request.axes.threads, 2 * cpus);
	struct plan *plan = make(&request);
	assert_int_equal(plan->cell_count, 2);
	assert_false(plan->cell[0].oversubscribed);
	assert_true(plan->cell[1].oversubscribed);
	assert_int_equal(plan->cell[1].slice_ns, 10 * plan->cell[0].slice_ns);
	plan_free(plan);
}

/* Turns of the scheduler are part of what such a cell takes. */
static void oversubscribed_cells_take_turns(NO_STATE)
{
	struct plan_request request = {.seed = 1, .slice_ms = 2};
	const uint64_t cpus = options_cpus();

	add_name(&request.axes.workloads, "pair");
	add_name(&request.pools, "mutex");
	add_number(&request.axes.threads, 2 * cpus);
	add_number(&request.axes.threads, 4 * cpus);
	struct plan *plan = make(&request);
	assert_int_equal(plan->cell[0].slice_ns, plan->cell[1].slice_ns);
	/* Of each subject two turns more at either end of both slices, of 1 to 10 ms. */
	assert_in_range(plan_block_ns(plan, 1) - plan_block_ns(plan, 0),
		plan->subject_count * 8 * 1000000, plan->subject_count * 8 * 10000000);
	plan_free(plan);
}

/* One slice is always given; then a dear subject waits until the blocks have caught up with it. */
static void dear_subjects_are_rationed(NO_STATE)
{
	struct plan_request request = {.seed = 1, .slice_ms = 2};
	const uint64_t cpus = options_cpus(), second = 1000000000;

	add_name(&request.axes.workloads, "pair");
	add_number(&request.axes.threads, cpus);
	add_number(&request.axes.threads, 2 * cpus);
	struct plan *plan = make(&request);
	/* 20 ms and 4 ms lead-in, for throughput and for latency: 480 ms a block. */
	assert_true(plan_affords(plan, 1, 0, 0));
	assert_true(plan_affords(plan, 1, 1, 480000000));
	assert_false(plan_affords(plan, 1, 1, 480000001));
	assert_false(plan_affords(plan, 1, 2, second));
	assert_true(plan_affords(plan, 1, 3, second));
	/* Where every thread has a CPU, a slow slice is the machine's doing. */
	assert_true(plan_affords(plan, 0, 1, 100 * second));
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_follows_from_the_request),
		cmocka_unit_test(order_of_names_is_no_difference),
		cmocka_unit_test(cells_are_the_product_of_the_axes_that_count),
		cmocka_unit_test(objects_are_axes_of_every_pool),
		cmocka_unit_test(pages_that_nobody_has_are_refused),
		cmocka_unit_test(loads_that_no_cell_has_are_refused),
		cmocka_unit_test(pools_of_workloads_have_their_own_objects),
		cmocka_unit_test(memory_follows_from_the_objects),
		cmocka_unit_test(threads_come_in_whole_lanes),
		cmocka_unit_test(guests_compete),
		cmocka_unit_test(until_is_part_of_the_plan),
		cmocka_unit_test(each_class_has_a_twin),
		cmocka_unit_test(twins_compete_everywhere),
		cmocka_unit_test(what_cannot_compete_is_told),
		cmocka_unit_test(slices_fit_a_time),
		cmocka_unit_test(groups_add_their_cells),
		cmocka_unit_test(placements_are_an_axis),
		cmocka_unit_test(contests_are_kept_apart),
		cmocka_unit_test(no_context_is_no_workload_of_contexts),
		cmocka_unit_test(oversubscribed_cells_have_longer_slices),
		cmocka_unit_test(oversubscribed_cells_take_turns),
		cmocka_unit_test(dear_subjects_are_rationed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
