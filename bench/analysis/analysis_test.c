/* Stores whose truth is known, through the analysis: roles, states, effects, ties, bad files. */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/choice.h"
#include "bench/analysis/drift.h"
#include "bench/analysis/near.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/base/number.h"
#include "bench/sweep/plan.h"
#include "bench/sweep/schema.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = 512, PATH_BYTES = 128 };

static char directory[SYNTHETIC_FOLDER_BYTES], store[2 * PATH_BYTES];

/* The store as it comes, read once for all tests that don't change it. */
static struct analysis *shared;

static int make_directory(NO_STATE)
{
	if (synthetic_folder_make(directory) != 0)
		return -1;
	snprintf(store, sizeof(store), "%s/store.db", directory);
	return 0;
}

static int remove_directory(NO_STATE)
{
	analysis_free(shared);
	return synthetic_folder_remove(directory);
}

static struct analysis *read_store(const char *baseline)
{
	struct analysis *analysis = NULL;
	char why[WHY_BYTES];

	if (analysis_read(store, baseline, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return analysis;
}

static void write_store(void (*change)(struct synthetic_store *))
{
	struct synthetic_store wanted = synthetic_store_default();

	wanted.forks = 6;
	wanted.blocks = 8;
	if (change != NULL)
		change(&wanted);
	print_message("seed %llu\n", (unsigned long long)wanted.seed);
	synthetic_store_write(store, &wanted);
}

static struct analysis *small_store(void (*change)(struct synthetic_store *))
{
	write_store(change);
	return read_store(NULL);
}

static struct analysis *whole_store(void)
{
	if (shared == NULL) {
		shared = small_store(NULL);
		unlink(store);
	}
	return shared;
}

static void one_cell(struct synthetic_store *wanted)
{
	wanted->cells = 1;
}

static void two_cells(struct synthetic_store *wanted)
{
	wanted->cells = 2;
}

static size_t subject(const struct analysis *a, const char *label)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		if (strcmp(a->subjects[i].label, label) == 0)
			return i;
	}
	fail_msg("no subject %s", label);
	return 0;
}

static void roles_follow_from_the_store(NO_STATE)
{
	struct analysis *a = whole_store();

	assert_int_equal(a->subjects[subject(a, "null")].role, ANALYSIS_HARNESS);
	assert_int_equal(a->subjects[subject(a, "bare_cas")].role, ANALYSIS_BARE);
	assert_int_equal(a->subjects[subject(a, "plain")].role, ANALYSIS_FLOOR);
	assert_int_equal(a->subjects[subject(a, "mag_tls/table")].role, ANALYSIS_TABLE);
	assert_int_equal(a->subjects[subject(a, "mag_tls (twin)")].role, ANALYSIS_TWIN);
	assert_int_equal(a->subjects[subject(a, "malloc")].role, ANALYSIS_CONTESTANT);
	assert_int_equal(a->subjects[subject(a, "mag_tls (twin)")].original, subject(a, "mag_tls"));
	assert_int_equal(a->subjects[subject(a, "mag_tls/table")].original, subject(a, "mag_tls"));
	assert_true(a->has_baseline);
	assert_int_equal(a->baseline, subject(a, "malloc"));
	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_result *harness = analysis_at(a, c, subject(a, "null"));

		assert_int_equal(harness->rank_low, 0);
		assert_false(harness->in_best_set);
	}
}

/* The twin becomes another build's row: this build's takes `factor` times as long. */
static struct analysis *two_builds(double factor)
{
	struct synthetic_store wanted = synthetic_store_default();
	char sql[WHY_BYTES];

	wanted.cells = 2;
	synthetic_store_write(store, &wanted);
	snprintf(sql, sizeof(sql),
		"INSERT INTO build VALUES ('v1', 'feedfacef00d', 'v1-2-gfeed', 'gcc 13 -O2');"
		"UPDATE slice SET units_per_s = units_per_s * %g WHERE subject_id IN "
		"(SELECT subject_id FROM subject WHERE twin = 1);"
		"UPDATE subject SET label = 'mag_tls@v1', twin = 0, build = 'v1' WHERE twin = 1",
		factor);
	synthetic_store_execute(store, sql);
	return read_store(NULL);
}

static void another_build_is_compared(NO_STATE)
{
	static const struct {
		double factor;
		enum stats_verdict verdict;
		const char *text;
	} cases[] = {
		{1.2, STATS_SLOWER, "This one is faster in 0, slower in 2 (most: mag_tls in '"},
		{0.8, STATS_FASTER, "This one is faster in 2 (most: mag_tls in '"},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct analysis *a = two_builds(cases[i].factor);
		const size_t other = subject(a, "mag_tls@v1");
		char text[ANALYSIS_SENTENCE_BYTES];
		struct stats_estimate effect;
		enum stats_verdict verdict;

		assert_int_equal(a->subjects[other].role, ANALYSIS_OTHER);
		assert_int_equal(a->subjects[other].original, subject(a, "mag_tls"));
		assert_int_equal(
			a->subjects[subject(a, "mag_tls/table")].original, subject(a, "mag_tls"));
		assert_int_equal(analysis_at(a, 0, other)->rank_low, 0);
		assert_true(analysis_against(a, 0, other, &effect, &verdict));
		assert_true(effect.lo <= effect.point && effect.point <= effect.hi);
		assert_true(fabs(effect.point - log(cases[i].factor)) < 0.02);
		assert_int_equal(verdict, cases[i].verdict);
		assert_false(
			analysis_against(a, 0, subject(a, "mag_tls/table"), &effect, &verdict));
		analysis_against_text(a, text);
		assert_non_null(strstr(text, "the other, @v1, is v1-2-gfeed (feedfacef00d)"));
		assert_non_null(strstr(text, cases[i].text));
		assert_non_null(strstr(text, " of 2 pairs."));
		assert_non_null(strstr(text, "compiled otherwise"));
		assert_non_null(strstr(a->cells[0].command, "--against TREE"));
		analysis_free(a);
	}
	struct analysis *alone = whole_store();
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_against_text(alone, text);
	assert_string_equal(text, "");
	assert_null(strstr(alone->cells[0].command, "--against"));
}

static void a_library_is_no_strategy_to_name(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();

	wanted.cells = 1;
	synthetic_store_write(store, &wanted);
	synthetic_store_execute(store,
		"UPDATE subject SET label = 'mine', pool = 'mine', library = '/a b/lib.so' WHERE "
		"pool = 'malloc'");
	struct analysis *a = read_store(NULL);

	assert_int_equal(a->subjects[subject(a, "mine")].role, ANALYSIS_CONTESTANT);
	assert_null(strstr(a->cells[0].command, ",mine"));
	assert_non_null(strstr(a->cells[0].command, " --peer mine='/a b/lib.so'"));
	analysis_free(a);
}

static void times_and_effects_are_near_the_truth(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_result *magazine = analysis_at(a, 0, subject(a, "mag_tls"));
	const struct analysis_result *stack = analysis_at(a, 0, subject(a, "treiber_tag"));
	const struct analysis_result *table = analysis_at(a, 0, subject(a, "mag_tls/table"));
	/* Eight threads on two CPUs: ns a unit are a CPU's, and each does as much as if it had one thread. */
	const struct analysis_result *crowded = analysis_at(a, 2, subject(a, "mag_tls"));
	/* remote_free: two threads make one lane, so ns a unit is the lane's. */
	const struct analysis_result *remote = analysis_at(a, 6, subject(a, "mag_tls"));

	/* The weather is common to a block and only ever slows down: it is in times, not in effects. */
	near(exp(magazine->ns.point), 2.0, 0.15);
	near(exp(crowded->ns.point), 2.0 + 2.2 * 0.1, 0.2);
	near(analysis_rate(&a->cells[2], crowded->ns.point) / 1e6, 2 * 1000 / 2.22, 50);
	near(exp(remote->ns.point), 6.4, 0.5);
	near(analysis_rate(&a->cells[6], remote->ns.point) / 1e6, 1000 / 6.4, 12);
	near(stack->to_best.point, log(15 / 2.0), 0.02);
	near(table->to_original.point, log(3.3 / 2.0), 0.02);
	assert_true(stack->to_best.lo < log(15 / 2.0) && log(15 / 2.0) < stack->to_best.hi);
	assert_int_equal(stack->best_verdict, STATS_SLOWER);
	near(stack->to_base.point, log(15 / 9.0), 0.02);
	assert_int_equal(stack->base_verdict, STATS_SLOWER);
	near(magazine->taken[LATENCY_REFILL], 1.0 / 64, 0.001);
	near(magazine->memory.object_bytes, 256 + 12, 0.01);
	near(magazine->cpu_share, 1, 0.001);
}

static void ties_share_letters_and_ranks(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_cell *cell = &a->cells[0];
	const struct analysis_result *first = analysis_at(a, 0, subject(a, "mag_tls"));
	const struct analysis_result *second = analysis_at(a, 0, subject(a, "rseq_mag"));
	const struct analysis_result *slow = analysis_at(a, 0, subject(a, "mutex"));
	size_t members = 0;

	/* Times of 2.0 and 2.04: within the margin, so no verdict may part them. */
	assert_true(first->in_best_set && second->in_best_set && !slow->in_best_set);
	assert_true(strchr(first->letters, 'a') && strchr(second->letters, 'a'));
	assert_null(strchr(slow->letters, 'a'));
	assert_int_equal(first->rank_low, 1);
	assert_int_equal(second->rank_low, 1);
	assert_true(slow->rank_low > 4);
	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_result *r = analysis_at(a, 0, i);

		members += r->in_best_set;
		assert_true(r->rank_low <= r->rank_high);
		assert_false(r->in_best_set && r->undecided);
		assert_true((r->in_best_set || r->undecided) == (strchr(r->letters, 'a') != NULL));
	}
	assert_int_equal(members, cell->best_set);
}

static void broken_subjects_are_told_and_not_ranked(NO_STATE)
{
	static const struct {
		size_t cell;
		const char *label;
		enum analysis_state state;
	} rows[] = {
		{5, "scq", ANALYSIS_CRASHED},
		{2, "urcu_wfs", ANALYSIS_HUNG},
		{6, "vyukov", ANALYSIS_LOST},
		{0, "dpdk", ANALYSIS_UNSUPPORTED},
		{1, "plain", ANALYSIS_UNSUPPORTED},
		{0, "plain", ANALYSIS_MEASURED},
	};
	struct analysis *a = whole_store();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct analysis_result *r =
			analysis_at(a, rows[i].cell, subject(a, rows[i].label));

		assert_int_equal(r->state, rows[i].state);
		if (r->state == ANALYSIS_MEASURED)
			continue;
		assert_int_equal(r->rank_low, 0);
		assert_non_null(r->reason);
		assert_null(strchr(r->reason, '\n'));
	}
}

/* A loss that only the memory table knows of is a failure all the same, though figures exist. */
static void a_lost_object_is_a_failure(NO_STATE)
{
	struct analysis *a = small_store(two_cells);
	const size_t victim = subject(a, "rseq_arr");
	char sql[PATH_BYTES];

	assert_int_equal(analysis_at(a, 1, victim)->state, ANALYSIS_MEASURED);
	analysis_free(a);
	snprintf(sql, sizeof(sql),
		"UPDATE memory SET drained = 4095 WHERE cell_id = 2 AND subject_id = %zu AND fork "
		"= 2",
		victim + 1);
	synthetic_store_execute(store, sql);
	a = read_store(NULL);
	assert_int_equal(analysis_at(a, 1, victim)->state, ANALYSIS_LOST);
	assert_false(analysis_at(a, 1, victim)->in_best_set);
	assert_int_equal(analysis_at(a, 0, victim)->state, ANALYSIS_MEASURED);
	analysis_free(a);
}

static void slow_down(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->mag_tls_factor = 1.10;
	wanted->noise = 0.005;
}

static void an_injected_slow_down_is_found(NO_STATE)
{
	struct analysis *a = small_store(slow_down);
	const struct analysis_result *r = analysis_at(a, 0, subject(a, "mag_tls"));

	/* 2.2 against rseq_mag's 2.04. */
	near(r->to_best.point, log(2.2 / 2.04), 0.01);
	assert_int_equal(r->best_verdict, STATS_SLOWER);
	assert_false(r->in_best_set);
	analysis_free(a);
}

static void flag_some(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->flagged_share = 0.3;
}

static void flag_all(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->flagged_share = 1;
}

static void flagged_slices_leave_unless_all_are(NO_STATE)
{
	struct analysis *a = small_store(flag_some);
	const struct analysis_result *r = analysis_at(a, 0, subject(a, "treiber_tag"));

	assert_true(a->cells[0].disturbed);
	assert_int_equal(a->disturbed, a->cell_count);
	assert_false(r->all_used);
	near(r->to_best.point, log(15 / 2.0), 0.05);
	analysis_free(a);

	a = small_store(flag_all);
	r = analysis_at(a, 0, subject(a, "treiber_tag"));
	assert_true(a->cells[0].disturbed && r->all_used);
	near(r->to_best.point, log(15 / 2.0), 0.05);
	analysis_free(a);
}

static void make_short(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->forks = 2;
	wanted->blocks = 2;
}

static void a_short_sweep_decides_nothing(NO_STATE)
{
	struct analysis *a = small_store(make_short);
	struct choice_standing standing;
	char text[ANALYSIS_SENTENCE_BYTES];

	assert_true(a->preliminary);
	for (int class = 0; class < CONTENTION_CLASSES; class ++)
		assert_true(isnan(a->cells[0].floors[class]));
	for (size_t i = 0; i < a->subject_count; i++) {
		assert_int_equal(analysis_at(a, 0, i)->best_verdict, STATS_INCONCLUSIVE);
		assert_false(analysis_at(a, 0, i)->in_best_set);
	}
	choice_standing(a, CONTEST_POOLS, subject(a, "mag_tls"), &standing);
	assert_true(standing.undecided > 0);
	analysis_verdict(a, text);
	assert_non_null(strstr(text, "Nothing is decided"));
	analysis_free(a);
}

/* A store of so many cells, in whose first, "pair, 1 thread", rows of `label` were changed. */
static struct analysis *changed_store(unsigned cells, const char *label, const char *assignment)
{
	struct synthetic_store wanted = synthetic_store_default();
	char sql[4 * PATH_BYTES];

	wanted.forks = 6;
	wanted.blocks = 8;
	wanted.cells = cells;
	synthetic_store_write(store, &wanted);
	snprintf(sql, sizeof(sql),
		"UPDATE slice SET %s WHERE subject_id = (SELECT subject_id FROM subject WHERE "
		"label = '%s') AND block_id IN (SELECT block_id FROM block WHERE cell_id = 1)",
		assignment, label);
	synthetic_store_execute(store, sql);
	return read_store(NULL);
}

/* A store in which the row `label` is a twin of another's: they differ by what the rows do. */
static struct analysis *store_with_twin(const char *label, const char *original, const char *moved)
{
	char sql[4 * PATH_BYTES];

	write_store(one_cell);
	snprintf(sql, sizeof(sql),
		"UPDATE subject SET twin = 1, pool = '%s', label = '%s (twin%s)', dispatch = '%s' "
		"WHERE label = '%s'",
		original, original, *moved == '\0' ? "" : ", moved",
		*moved == '\0' ? "folded" : moved, label);
	synthetic_store_execute(store, sql);
	return read_store(NULL);
}

/*
 * A lock's twin that differs by a fifth says nothing of caches, and all of locks; and of what has no twin of
 * its own, as a machine so noisy for one is no better known for the other.
 */
static void each_class_has_the_floor_of_its_twin(NO_STATE)
{
	struct analysis *a = store_with_twin("ticket", "mutex", "");
	const size_t magazines = subject(a, "mag_tls"), arrays = subject(a, "rseq_arr");
	const size_t lock = subject(a, "mutex"), stack = subject(a, "treiber_tag");
	const struct analysis_cell *cell = &a->cells[0];
	char text[ANALYSIS_SENTENCE_BYTES];

	assert_int_equal(a->subjects[magazines].contention, CONTENTION_CACHED);
	assert_int_equal(a->subjects[subject(a, "malloc")].contention, CONTENTION_CACHED);
	assert_int_equal(a->subjects[lock].contention, CONTENTION_LOCKED);
	assert_int_equal(a->subjects[stack].contention, CONTENTION_SHARED);
	assert_int_equal(cell->twin_count, 2);
	assert_int_equal(cell->twins[0].subject, subject(a, "mutex (twin)"));
	assert_int_equal(a->subjects[cell->twins[0].subject].original, lock);
	assert_true(cell->floors[CONTENTION_CACHED] < 0.03);
	near(cell->floors[CONTENTION_LOCKED], log(17.0 / 14), 0.05);
	assert_true(cell->floors[CONTENTION_SHARED] == cell->floors[CONTENTION_LOCKED]);
	assert_true(analysis_floor(a, 0, magazines, arrays) == cell->floors[CONTENTION_CACHED]);
	assert_true(analysis_floor(a, 0, magazines, lock) == cell->floors[CONTENTION_LOCKED]);
	assert_true(analysis_floor(a, 0, lock, magazines) == cell->floors[CONTENTION_LOCKED]);
	analysis_floors(a, 0, text);
	assert_non_null(strstr(text, " cached, 2"));
	assert_non_null(strstr(text, " locked"));
	assert_null(strstr(text, "shared"));
	analysis_confidence(a, text);
	assert_non_null(strstr(text, "locked rows 2"));
	analysis_free(a);
}

/* treiber_dwcas takes 19 ns against 17 of the mutex: a verdict, unless one of the two is that noisy. */
static void a_noisy_class_gets_no_fine_verdict(NO_STATE)
{
	struct analysis *a;

	write_store(one_cell);
	a = read_store("mutex");
	assert_int_equal(
		analysis_at(a, 0, subject(a, "treiber_dwcas"))->base_verdict, STATS_SLOWER);
	analysis_free(a);
	analysis_free(store_with_twin("ticket", "mutex", ""));
	a = read_store("mutex");
	assert_int_equal(
		analysis_at(a, 0, subject(a, "treiber_dwcas"))->base_verdict, STATS_INCONCLUSIVE);
	assert_int_equal(analysis_at(a, 0, subject(a, "rseq_arr"))->base_verdict, STATS_FASTER);
	analysis_free(a);
}

/* The floor of a class is the largest of its twins', so it sees the place of code too. */
static void a_moved_twin_raises_the_floor(NO_STATE)
{
	struct analysis *a = store_with_twin("rseq_arr", "mag_tls", "moved");
	const size_t moved = subject(a, "mag_tls (twin, moved)");
	const struct analysis_cell *cell = &a->cells[0];

	assert_int_equal(a->subjects[moved].role, ANALYSIS_TWIN);
	assert_int_equal(a->subjects[moved].original, subject(a, "mag_tls"));
	assert_int_equal(cell->twin_count, 2);
	near(cell->floors[CONTENTION_CACHED], log(2.5 / 2.0), 0.05);
	assert_true(cell->floors[CONTENTION_LOCKED] == cell->floors[CONTENTION_CACHED]);
	/* 2.04 ns against 2.0: neither known to be the slower nor to be as fast. */
	assert_int_equal(
		analysis_at(a, 0, subject(a, "rseq_mag"))->best_verdict, STATS_INCONCLUSIVE);
	assert_null(strstr(cell->command, "moved"));
	analysis_free(a);
}

static bool is_settled(const char *cell, uint32_t forks, double wanted)
{
	char why[WHY_BYTES];
	bool settled = false;

	if (analysis_settled(store, cell, forks, wanted, &settled, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return settled;
}

static void ten_forks(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->forks = 10;
}

/* A cell needs no more forks once its rows are known so well; of fewer than six nobody knows how well. */
static void a_cell_is_settled_by_width(NO_STATE)
{
	write_store(ten_forks);
	assert_true(is_settled("pair, 1 thread", 6, log1p(0.1)));
	assert_false(is_settled("pair, 1 thread", 6, log1p(0.0005)));
	assert_false(is_settled("pair, 1 thread", PLAN_UNTIL_FORKS - 1, log1p(0.1)));
}

/* The answer is about the blocks of those forks: later ones, other cells and the machine don't change it. */
static void settled_is_what_it_was(NO_STATE)
{
	enum { TRIES = 12 };
	char why[WHY_BYTES];
	bool before[TRIES], settled;
	size_t yes = 0;

	write_store(ten_forks);
	for (size_t i = 0; i < TRIES; i++) {
		before[i] = is_settled("pair, 1 thread", 7, 0.002 * pow(1.5, (double)i));
		yes += before[i];
		assert_true(i == 0 || before[i] >= before[i - 1]);
	}
	assert_true(yes > 0 && yes < TRIES);
	synthetic_store_execute(store,
		"DELETE FROM slice WHERE block_id IN (SELECT block_id FROM block WHERE fork >= 7 "
		"OR cell_id <> 1); UPDATE block SET calibration_ns = 3 * calibration_ns, "
		"calibration_end_ns = 3 * calibration_end_ns WHERE fork >= 7 OR cell_id <> 1");
	for (size_t i = 0; i < TRIES; i++)
		assert_int_equal(
			is_settled("pair, 1 thread", 7, 0.002 * pow(1.5, (double)i)), before[i]);
	assert_int_equal(
		analysis_settled(store, "no such cell", 7, 1, &settled, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "has no cell 'no such cell'"));
}

/* The times of "ticket" in forks below `forks` and in the others: mag_tls takes 2.0 ns. */
static struct analysis *noisy_store(double low_ns, int forks, double high_ns)
{
	char assignment[2 * PATH_BYTES];

	snprintf(assignment, sizeof(assignment),
		"units_per_s = 1e9 / CASE WHEN (SELECT fork FROM block b WHERE b.block_id = "
		"slice.block_id) < %d THEN %g ELSE %g END",
		forks, low_ns, high_ns);
	return changed_store(1, "ticket", assignment);
}

static void expect_tallies(const struct analysis *a)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		size_t best = 0, undecided = 0;

		for (enum contest contest = 0; contest < CONTESTS; contest++) {
			struct choice_standing standing;

			choice_standing(a, contest, i, &standing);
			best += standing.best;
			undecided += standing.undecided;
		}
		for (size_t c = 0; c < a->cell_count; c++) {
			best -= analysis_at(a, c, i)->in_best_set;
			undecided -= analysis_at(a, c, i)->undecided;
		}
		assert_int_equal(best, 0);
		assert_int_equal(undecided, 0);
	}
	for (size_t c = 0; c < a->cell_count; c++) {
		size_t members = 0;

		for (size_t i = 0; i < a->subject_count; i++)
			members += analysis_at(a, c, i)->in_best_set;
		assert_int_equal(a->cells[c].best_set, members);
	}
}

/* A row whose times are all over the place is not shown to be worse, and is not best for that. */
static void an_unknown_time_is_not_best(NO_STATE)
{
	struct analysis *a = noisy_store(3, 3, 20);
	const struct analysis_result *noisy = analysis_at(a, 0, subject(a, "ticket"));
	const struct analysis_subject *first, *ticket = &a->subjects[subject(a, "ticket")];
	struct choice_standing standing;
	size_t order[ANALYSIS_LETTERS_MAX], contestants;
	char text[ANALYSIS_SENTENCE_BYTES];

	assert_false(noisy->in_best_set);
	assert_true(noisy->undecided && strchr(noisy->letters, 'a') != NULL);
	assert_true(analysis_unsure(a, 0, subject(a, "ticket")));
	choice_standing(a, CONTEST_POOLS, subject(a, "ticket"), &standing);
	assert_int_equal(standing.best, 0);
	assert_int_equal(standing.undecided, 1);
	assert_true(analysis_at(a, 0, subject(a, "mag_tls"))->in_best_set);
	assert_true(analysis_at(a, 0, subject(a, "rseq_mag"))->in_best_set);
	expect_tallies(a);

	/* The sentence is about the first of the order. */
	analysis_order(a, order, &contestants);
	first = &a->subjects[order[0]];
	assert_ptr_not_equal(first, ticket);
	analysis_verdict(a, text);
	assert_ptr_equal(strstr(text, first->label), text + strlen("Which pool: "));
	analysis_free(a);
}

/* The lowest point of a cell is luck here: five forks of six read less than mag_tls. */
static void luck_does_not_make_the_best(NO_STATE)
{
	struct analysis *a = noisy_store(1.95, 5, 40);
	const struct analysis_cell *cell = &a->cells[0];
	const struct analysis_result *lucky = analysis_at(a, 0, subject(a, "ticket"));

	assert_true(lucky->ns.point < analysis_at(a, 0, cell->best)->ns.point);
	assert_int_not_equal(cell->best, subject(a, "ticket"));
	assert_true(lucky->undecided && !lucky->in_best_set);
	assert_true(analysis_at(a, 0, cell->best)->in_best_set);
	expect_tallies(a);
	analysis_free(a);

	/* And a fast one with a quiet time is the best, as ever. */
	a = noisy_store(1.95, 6, 40);
	assert_int_equal(a->cells[0].best, subject(a, "ticket"));
	assert_true(analysis_at(a, 0, subject(a, "ticket"))->in_best_set);
	analysis_free(a);
}

/* Whoever drops packets is shown with its time, and is neither best nor advised. */
static void who_runs_dry_is_not_ranked(NO_STATE)
{
	struct analysis *a = changed_store(2, "mag_tls", "failed = failed + (block_id % 2)");
	const size_t dry = subject(a, "mag_tls");
	const struct analysis_result *r = analysis_at(a, 0, dry);
	struct choice_standing standing;
	struct choice choice;

	assert_true(r->failed > 0);
	assert_int_equal(r->state, ANALYSIS_MEASURED);
	assert_int_equal(r->rank_low, 0);
	assert_string_equal(r->letters, "");
	assert_false(r->in_best_set || r->undecided);
	near(r->to_best.point, log(2.0 / 2.04), 0.02);
	assert_int_equal(a->cells[0].best, subject(a, "rseq_mag"));
	choice_standing(a, CONTEST_POOLS, dry, &standing);
	assert_int_equal(standing.best, 1);
	assert_true(analysis_at(a, 1, dry)->in_best_set);
	expect_tallies(a);
	assert_true(choice_of_contest(a, CONTEST_POOLS, &choice));
	if (choice.first.subject == dry)
		assert_true(choice.first.failed_cells == 1 && choice.first.failed == r->failed);
	analysis_free(a);
}

/* A policy where nobody pushes context has no row; what a strategy lacks here stays to be read. */
static void who_has_no_cell_has_no_row(NO_STATE)
{
	struct analysis *a = changed_store(1, "nobody", "units = 0");
	size_t order[ANALYSIS_LETTERS_MAX], contestants, rows;
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_apart(a, text);
	assert_string_equal(text, "");
	rows = analysis_order(a, order, &contestants);
	assert_int_equal(rows, a->subject_count);
	analysis_free(a);
	synthetic_store_execute(store,
		"INSERT INTO subject VALUES (90,'mag_tls+sticky','mag_tls','sticky','folded',0,"
		"'a policy','lock-free','thread',0,1,NULL,NULL);"
		"INSERT INTO event(cell_id,subject_id,fork,state,detail,at_ns) "
		"SELECT cell_id,90,-1,'unsupported','pair pushes no context.',0 FROM cell");
	a = read_store(NULL);
	assert_true(a->subjects[subject(a, "mag_tls+sticky")].apart);
	assert_false(a->subjects[subject(a, "dpdk")].apart);
	assert_int_equal(analysis_order(a, order, &contestants), rows);
	for (size_t i = 0; i < rows; i++)
		assert_int_not_equal(order[i], subject(a, "mag_tls+sticky"));
	analysis_apart(a, text);
	assert_non_null(strstr(text, ": mag_tls+sticky."));
	analysis_free(a);
}

static void a_sweep_that_never_began_is_readable(NO_STATE)
{
	struct analysis *a = small_store(two_cells);
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_free(a);
	synthetic_store_execute(store,
		"DELETE FROM slice; DELETE FROM thread; DELETE FROM block;"
		"DELETE FROM memory; DELETE FROM event; DELETE FROM machine");
	a = read_store(NULL);
	analysis_verdict(a, text);
	assert_non_null(strstr(text, "Nothing can be said"));
	analysis_confidence(a, text);
	assert_true(strlen(text) > 0);
	analysis_free(a);
	synthetic_store_execute(store, "DELETE FROM cell; DELETE FROM subject");
	a = read_store(NULL);
	assert_int_equal(a->cell_count + a->subject_count, 0);
	analysis_free(a);
}

static void the_same_store_gives_the_same_digits(NO_STATE)
{
	struct analysis *a = small_store(two_cells), *b = read_store(NULL);

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct stats_estimate x = analysis_at(a, 1, i)->to_best;
		const struct stats_estimate y = analysis_at(b, 1, i)->to_best;

		assert_memory_equal(&x, &y, sizeof(x));
	}
	analysis_free(a);
	analysis_free(b);
}

static void words_name_what_was_found(NO_STATE)
{
	struct analysis *a = whole_store();
	struct choice choices[CHOICE_SITUATIONS_MAX];
	char text[ANALYSIS_SENTENCE_BYTES];
	const size_t n = choice_by_situation(a, choices, text);

	assert_non_null(strstr(text, "the pool is nearly exhausted"));
	analysis_load(&a->cells[4], text);
	assert_string_equal(text, "burst 32");
	analysis_load(&a->cells[0], text);
	assert_string_equal(text, "pair");
	analysis_verdict(a, text);
	assert_ptr_equal(strstr(text, "Which pool: rseq_mag, 1.0"), text);
	assert_non_null(strstr(text, "scq in 1 cell"));
	analysis_confidence(a, text);
	assert_non_null(strstr(text, "6 forks a cell"));
	assert_true(n >= 7);
	for (size_t i = 0; i < n; i++) {
		const struct analysis_subject *choice = &a->subjects[choices[i].first.subject];

		assert_int_equal(choice->role, ANALYSIS_CONTESTANT);
		assert_true(choices[i].first.typical >= 0 && choices[i].cells > 0);
		assert_true(!choices[i].has_second ||
			    choices[i].second.typical >= choices[i].first.typical);
		if (strstr(choices[i].situation, "may block"))
			assert_string_not_equal(choice->progress, "blocking");
	}
}

/* Each guarantee that a situation asks for has a word, and so has its lack. */
static void guarantees_have_words(NO_STATE)
{
	const struct analysis_subject sheaf = {
		.pool = "sheaf", .progress = "blocking", .exact = true, .is_pool = true};
	const struct analysis_subject promised = {.pool = "null", .progress = "wait-free"};
	/* Over malloc, another's malloc, and a pool that keeps what it has. */
	const struct analysis_subject hazard = {.pool = "hazard", .progress = "blocking"};
	const struct analysis_subject library = {
		.pool = "malloc", .progress = "blocking", .library = "libmine.so"};
	const struct analysis_subject keeps = {
		.pool = "dpdk_ring", .progress = "blocking", .is_pool = true};
	const unsigned all = ~0U;
	char text[ANALYSIS_SENTENCE_BYTES];

	choice_traits(&sheaf, text);
	assert_string_equal(text, "exact prefill gives-back no-rseq bare-c11");
	choice_lacks(&sheaf, all, text);
	assert_string_equal(text, "may wait and is not wait-free and is not for signal handlers");
	choice_traits(&promised, text);
	assert_string_equal(text, "never-waits wait-free no-rseq");
	choice_lacks(&promised, all, text);
	assert_string_equal(text, "may miss a free object and can't promise gets and keeps its "
				  "memory and is not for signal handlers and is not bare C11");
	choice_traits(&hazard, text);
	assert_string_equal(text, "gives-back no-rseq");
	choice_traits(&library, text);
	assert_string_equal(text, "gives-back no-rseq");
	choice_traits(&keeps, text);
	assert_null(strstr(text, "gives-back"));
}

static void one_fork(struct synthetic_store *wanted)
{
	wanted->cells = 2;
	wanted->forks = 1;
	wanted->blocks = 2;
}

/* Where nothing is decided nothing is advised, and a twin that is there is not missed. */
static void undecided_store_advises_nothing(NO_STATE)
{
	struct choice choices[CHOICE_SITUATIONS_MAX];
	struct analysis *a = small_store(one_fork);
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_verdict(a, text);
	assert_non_null(strstr(text, "Nothing is decided"));
	assert_int_equal(choice_by_situation(a, choices, text), 0);
	assert_false(choice_of_contest(a, CONTEST_POOLS, &choices[0]));
	analysis_confidence(a, text);
	assert_null(strstr(text, "No twin was measured"));
	assert_non_null(strstr(text, "The twin has too few slices"));
	analysis_free(a);

	synthetic_store_execute(store, "DELETE FROM slice WHERE subject_id IN (SELECT subject_id "
				       "FROM subject WHERE twin)");
	a = read_store(NULL);
	analysis_confidence(a, text);
	assert_non_null(strstr(text, "No twin was measured"));
	analysis_free(a);
}

/* Rates that can't be are no ground for a choice. */
static void impossible_rates_advise_nothing(NO_STATE)
{
	struct choice choices[CHOICE_SITUATIONS_MAX];
	char text[ANALYSIS_SENTENCE_BYTES];

	write_store(two_cells);
	synthetic_store_execute(store, "UPDATE slice SET units_per_s = -units_per_s");
	struct analysis *a = read_store(NULL);
	choice_by_situation(a, choices, text);
	assert_non_null(strstr(text, "no call may block"));
	assert_false(choice_of_contest(a, CONTEST_POOLS, &choices[0]));
	analysis_free(a);
}

static void noisy(struct synthetic_store *wanted)
{
	static uint64_t seed;

	wanted->cells = 1;
	wanted->noise = 0.3;
	wanted->seed = ++seed;
}

/* Who can't be told from the best is not called slower, and who is slower is not tied with it. */
static void verdicts_agree_with_letters(NO_STATE)
{
	for (int i = 0; i < 8; i++) {
		struct analysis *a = small_store(noisy);

		for (size_t s = 0; s < a->subject_count; s++) {
			const struct analysis_result *r = analysis_at(a, 0, s);

			if (r->rank_low == 0 || s == a->cells[0].best)
				continue;
			if ((r->best_verdict == STATS_SLOWER) == (r->letters[0] == 'a'))
				fail_msg("%s is %s and has the letters %s", a->subjects[s].label,
					stats_verdict_name(r->best_verdict), r->letters);
		}
		analysis_free(a);
	}
}

static void every_cell_has_its_command(NO_STATE)
{
	struct analysis *a = whole_store();

	for (size_t c = 0; c < a->cell_count; c++) {
		char want[PATH_BYTES];

		assert_ptr_equal(strstr(a->cells[c].command, "./nblbench sweep --pool "),
			a->cells[c].command);
		snprintf(want, sizeof(want), " --workload %s --threads %u", a->cells[c].workload,
			a->cells[c].threads);
		assert_non_null(strstr(a->cells[c].command, want));
		assert_non_null(strstr(a->cells[c].command, " --forks 6 --blocks 8 --seed "));
		/* What can't take part is not asked for again. */
		assert_null(strstr(a->cells[c].command, ",dpdk"));
		assert_int_equal(
			strstr(a->cells[c].command, ",plain") != NULL, a->cells[c].threads == 1);
		assert_null(strstr(a->cells[c].command, "--context"));
		assert_null(strstr(a->cells[c].command, "--dispatch folded "));

		/* One row alone: the same load in the same words. */
		snprintf(want, sizeof(want), "./nblbench run --pool %s --workload",
			a->subjects[a->cells[c].best].pool);
		assert_ptr_equal(strstr(a->cells[c].run, want), a->cells[c].run);
		const char *load = strstr(a->cells[c].command, " --workload ");
		const size_t length = (size_t)(strstr(load, " --forks ") - load);
		snprintf(want, sizeof(want), "%.*s --seed ", (int)length, load);
		assert_non_null(strstr(a->cells[c].run, want));
	}
	write_store(make_short);
	/* The slices of the plan, however they were chosen: ten times as long where threads queue. */
	synthetic_store_execute(store,
		"UPDATE plan SET json = (SELECT json_object('cells', json_group_array(json_object("
		"'label', label, 'slice_ns', 12345678))) FROM cell);"
		"UPDATE cell SET oversubscribed = 1 WHERE cell_id = 2");
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, " --slice-ms 12.3457 --seed "));
	assert_non_null(strstr(a->cells[1].command, " --slice-ms 1.23457 --seed "));
	assert_non_null(strstr(a->cells[1].run, " --slice-ms 12.3457 --seed "));
	assert_null(strstr(a->cells[0].command, "--no-latency"));
	analysis_free(a);
	synthetic_store_execute(store, "UPDATE cell SET oversubscribed = 0");
	a = read_store(NULL);
	assert_null(strstr(a->cells[0].command, "--align"));
	synthetic_store_execute(
		store, "UPDATE plan SET json = json_set(json, '$.latency', json('false'))");
	analysis_free(a);
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, " --no-latency --seed "));
	assert_null(strstr(a->cells[0].command, "--pages"));
	assert_true(analysis_same_load(&a->cells[0], &a->cells[1]));
	analysis_free(a);

	/* Objects that were asked for are asked for again, and are another load. */
	synthetic_store_execute(store, "UPDATE cell SET object_bytes = 512, object_align = 2048, "
				       "pages = 'huge' WHERE cell_id = 1");
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, " --size 512 --align 2048 --pages huge "));
	assert_false(analysis_same_load(&a->cells[0], &a->cells[1]));
	analysis_free(a);
	synthetic_store_execute(
		store, "UPDATE cell SET object_bytes = 256, pages = 'ordinary' WHERE cell_id = 1");
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, " --size 256 --align 2048 --"));
	assert_false(analysis_same_load(&a->cells[0], &a->cells[1]));
	analysis_free(a);

	/* So is another placement, of which the plan tells. */
	assert_string_equal(whole_store()->cells[0].placement, "cores");
	write_store(make_short);
	synthetic_store_execute(store,
		"UPDATE plan SET json = (SELECT json_object('cells', json_group_array(json_object("
		"'label', label, 'placement', 'sibling'))) FROM cell WHERE cell_id = 1)");
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, " --placement sibling "));
	assert_non_null(strstr(a->cells[0].run, " --placement sibling "));
	assert_null(strstr(a->cells[1].command, "--placement"));
	assert_false(analysis_same_load(&a->cells[0], &a->cells[1]));
	analysis_free(a);

	/* A name that means something to a shell arrives as a word. */
	synthetic_store_execute(
		store, "UPDATE cell SET workload = 'a b''; rm -rf $HOME' WHERE cell_id = 1");
	a = read_store(NULL);
	assert_non_null(strstr(a->cells[0].command, "--workload 'a b'\\''; rm -rf $HOME' "));
	analysis_free(a);
}

/* When it was started, and from fork to fork in the cell that changed the most. */
static void a_store_says_how_steady_it_was(NO_STATE)
{
	static const char wanted[] =
		"source v0.1-7-gabc1234, 6 forks a cell; at its start noise grade C, load 2.83 "
		"2.55 3.86, cpu pressure some avg10=1.00 avg60=2.00 avg300=3.00; from fork to "
		"fork all rows of a cell changed together by up to 4.";
	char text[ANALYSIS_SENTENCE_BYTES];
	struct analysis *a;

	write_store(two_cells);
	synthetic_store_execute(store,
		"UPDATE machine SET grade = 'C', json = json_set(json, '$.load', '2.83 2.55 3.86 "
		"2/82 25375', '$.\"cpu pressure\"', 'some avg10=1.00 avg60=2.00 avg300=3.00 "
		"total=9');"
		"UPDATE slice SET units_per_s = units_per_s / 4 WHERE block_id IN "
		"(SELECT block_id FROM block WHERE fork = 2 AND cell_id = 2)");
	a = read_store(NULL);
	drift_tell(a, text);
	assert_ptr_equal(strstr(text, wanted), text);
	assert_non_null(strstr(text, " times (pair, 2 threads), and there half of them by less"));
	analysis_free(a);
}

static void expect_refusal(const char *path, const char *baseline, const char *words)
{
	struct analysis *a = NULL;
	char why[WHY_BYTES] = "";

	assert_int_equal(analysis_read(path, baseline, &a, why, sizeof(why)), -1);
	assert_null(a);
	if (strstr(why, words) == NULL || strstr(why, path) == NULL)
		fail_msg("the sentence '%s' does not say '%s' of '%s'", why, words, path);
}

static void what_is_no_store_is_refused(NO_STATE)
{
	FILE *file;
	struct stat status;

	write_store(two_cells);
	expect_refusal(store, "nobody", "no subject 'nobody'");
	expect_refusal("/nonexistent/store.db", NULL, "There is no store");
	expect_refusal(directory, NULL, "not a store");
	synthetic_store_execute(store, "PRAGMA user_version = 99");
	expect_refusal(store, NULL, "schema version 99");
	synthetic_store_execute(store, "PRAGMA application_id = 7");
	expect_refusal(store, NULL, "another program");

	write_store(two_cells);
	assert_int_equal(stat(store, &status), 0);
	assert_int_equal(truncate(store, status.st_size / 2), 0);
	expect_refusal(store, NULL, "damaged");

	file = fopen(store, "w");
	assert_non_null(file);
	fputs("This is a text and not a database, but it is long enough to look like a header of "
	      "one."
	      " It goes on for a while, since the header has one hundred bytes.",
		file);
	fclose(file);
	expect_refusal(store, NULL, "not a store");
	assert_int_equal(truncate(store, 0), 0);
	expect_refusal(store, NULL, "another program");
}

/* Views whose number of rows is another each time they are read, as it may be in a damaged store. */
static void more_rows_than_counted_are_refused(NO_STATE)
{
	static const char *const views[] = {
		"DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL"
		" SELECT n + 1 FROM c LIMIT 1 + abs(random() % 1000)) SELECT n AS event_id,"
		" 1 AS cell_id, 1 AS subject_id, 0 AS fork, 'rationed' AS state, '' AS detail,"
		" 0 AS at_ns FROM c",
		"CREATE TABLE kept AS SELECT * FROM block; DROP TABLE block; CREATE VIEW block AS"
		" SELECT * FROM kept LIMIT 1 + abs(random() % 40)",
		"CREATE TABLE kept AS SELECT * FROM timed; DROP TABLE timed; CREATE VIEW timed AS"
		" SELECT * FROM kept ORDER BY cell_id, subject_id, fork LIMIT 1 + abs(random() % "
		"6)",
	};

	for (size_t i = 0; i < array_count(views); i++) {
		char why[WHY_BYTES] = "";
		bool refused = false;

		write_store(two_cells);
		synthetic_store_execute(store, views[i]);
		/* Fewer rows than counted are none of it, and times of a fork that is not there another mistake. */
		for (int reading = 0; reading < 200 && !refused; reading++) {
			struct analysis *a = NULL;

			refused = analysis_read_raw(store, &a, why, sizeof(why)) != 0 &&
				  strstr(why, "it yields more rows than it counts") != NULL;
			analysis_free(a);
		}
		assert_true(refused);
	}
}

static void slow_for_a_while(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->slow_factor = 1.5;
}

static void slow_with_little_else(struct synthetic_store *wanted)
{
	slow_for_a_while(wanted);
	wanted->forks = 1;
}

/* The slow blocks of the first cell, as SQL. */
#define SLOW                                                                                    \
	"SELECT block_id FROM block WHERE cell_id = 1 AND fork = (SELECT max(fork) FROM block)" \
	" AND block BETWEEN 2 AND 4"

/* One event with its time and size, and its blocks count for nothing, whatever they hold. */
static void a_slow_machine_is_one_event(NO_STATE)
{
	struct analysis *a = small_store(slow_for_a_while);
	char text[ANALYSIS_SENTENCE_BYTES];
	size_t rows = 0;

	assert_int_equal(a->change_count, 1);
	assert_int_equal(a->changes[0].blocks, SYNTHETIC_SLOW_BLOCKS);
	/* Five forks of two cells before it, and of its own fork two blocks, of eight each. */
	assert_int_equal(a->changes[0].from_ns,
		INT64_C(1767225600000000000) + (int64_t)((5 * 8 * 8 + 2) * SYNTHETIC_BLOCK_NS));
	assert_int_equal(a->changes[0].to_ns - a->changes[0].from_ns,
		(int64_t)(SYNTHETIC_SLOW_BLOCKS * SYNTHETIC_BLOCK_NS));
	near(a->changes[0].log[ANALYSIS_SINGLE], log(1.5), 0.02);
	near(a->changes[0].log[ANALYSIS_HANDED], log(1.5), 0.02);
	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_result *r = analysis_at(a, 0, i);

		if (r->state != ANALYSIS_MEASURED)
			continue;
		rows++;
		assert_int_equal(r->others, SYNTHETIC_SLOW_BLOCKS);
		assert_false(r->mixed);
		assert_int_equal(analysis_at(a, 1, i)->others, 0);
	}
	assert_int_equal(a->rows_left, rows);
	assert_int_equal(a->rows_mixed, 0);
	analysis_changes(a, text);
	assert_non_null(strstr(text, "1 event, in 3 of 96 blocks"));
	assert_non_null(strstr(text, "for 0.3"));
	assert_non_null(strstr(text, "a hand-over between CPUs took 1.5"));
	assert_non_null(strstr(text, "leave these blocks out"));

	synthetic_store_execute(store,
		"UPDATE slice SET units_per_s = units_per_s * (1 + subject_id * subject_id)"
		" WHERE block_id IN (" SLOW ")");

	struct analysis *b = read_store(NULL);

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_result *x = analysis_at(a, 0, i), *y = analysis_at(b, 0, i);

		assert_memory_equal(&x->ns, &y->ns, sizeof(x->ns));
		assert_memory_equal(&x->to_best, &y->to_best, sizeof(x->to_best));
		assert_int_equal(x->best_verdict, y->best_verdict);
	}
	analysis_free(a);
	analysis_free(b);
}

/* What a hand-over takes is nothing to a thread that is alone. */
static void one_thread_hands_nothing_over(NO_STATE)
{
	struct analysis *a = small_store(two_cells);

	analysis_free(a);
	synthetic_store_execute(store,
		"UPDATE block SET hand_overs_ns = 3 * hand_overs_ns, hand_overs_end_ns = 3 * "
		"hand_overs_end_ns WHERE block_id BETWEEN 40 AND 60");
	a = read_store(NULL);
	assert_int_equal(a->change_count, 1);
	assert_int_equal(a->cells[0].threads, 1);
	assert_int_equal(a->cells[1].threads, 2);
	assert_int_equal(analysis_at(a, 0, subject(a, "mutex"))->others, 0);
	assert_true(analysis_at(a, 1, subject(a, "mutex"))->others > 0);
	synthetic_store_execute(store,
		"UPDATE block SET calibration_ns = 3 * calibration_ns, calibration_end_ns = 3 * "
		"calibration_end_ns WHERE block_id BETWEEN 40 AND 60");
	analysis_free(a);
	a = read_store(NULL);
	assert_true(analysis_at(a, 0, subject(a, "mutex"))->others > 0);
	analysis_free(a);
}

static void a_steady_machine_has_no_event(NO_STATE)
{
	struct analysis *a = small_store(two_cells);
	char text[ANALYSIS_SENTENCE_BYTES];

	assert_int_equal(a->change_count, 0);
	assert_int_equal(a->rows_left + a->rows_mixed, 0);
	near(a->allowed[ANALYSIS_SINGLE], log(1.2), 1e-9);
	analysis_changes(a, text);
	assert_non_null(strstr(text, "did not change"));
	assert_null(strstr(text, "lack"));
	/* Steal of 0 is also what a host that tells nothing reads as. */
	assert_null(strstr(text, "hypervisor"));
	analysis_free(a);
	synthetic_store_execute(store, "UPDATE block SET stolen_ns = took_ns / 2;"
				       "UPDATE block SET hand_overs_end_ns = NULL WHERE block_id "
				       "IN (1, 2, 5)");
	a = read_store(NULL);
	analysis_changes(a, text);
	assert_non_null(strstr(text, "The hypervisor took 25.0 % of the CPUs' time."));
	assert_non_null(strstr(text, " readings of a hand-over between CPUs 3 lack, because "));
	analysis_free(a);
}

/* Where the blocks that are left could not speak for the row, all are in, and it is said. */
static void too_few_other_blocks_leave_all_in(NO_STATE)
{
	struct analysis *a = small_store(slow_with_little_else);
	const struct analysis_result *r = analysis_at(a, 0, subject(a, "mutex"));
	char text[ANALYSIS_SENTENCE_BYTES];

	assert_int_equal(a->change_count, 1);
	assert_int_equal(r->others, SYNTHETIC_SLOW_BLOCKS);
	assert_true(r->mixed);
	assert_int_equal(a->rows_left, 0);
	assert_true(a->rows_mixed > 0);
	analysis_changes(a, text);
	assert_non_null(strstr(text, "all are in"));
	analysis_free(a);
}

/* What the probes read: by SQL on a steady store, and the events and blocks of them that follow. */
static void an_event_lasts_for_a_block(NO_STATE)
{
	static const struct {
		const char *sql;
		size_t changes, blocks;
	} cases[] = {
		/* Who came between has gone again. */
		{"UPDATE block SET hand_overs_end_ns = 90000 WHERE block_id = 5", 0, 0},
		{"UPDATE block SET hand_overs_end_ns = 90000 WHERE block_id = 5;"
		 "UPDATE block SET hand_overs_ns = 90000 WHERE block_id = 6",
			0, 0},
		/* On both sides of the usual it is no state. */
		{"UPDATE block SET hand_overs_ns = 90000, hand_overs_end_ns = 5000 WHERE block_id "
		 "= 5",
			0, 0},
		{"UPDATE block SET hand_overs_ns = 5000, hand_overs_end_ns = 5000 WHERE block_id = "
		 "5",
			1, 1},
		/* One block saw it begin, and one saw it end. */
		{"UPDATE block SET hand_overs_end_ns = 90000 WHERE block_id IN (5, 6);"
		 "UPDATE block SET hand_overs_ns = 90000 WHERE block_id IN (6, 7)",
			1, 3},
		/* So may one that could not be read. */
		{"UPDATE block SET hand_overs_ns = 90000, hand_overs_end_ns = 90000 WHERE block_id "
		 "= 6;"
		 "UPDATE block SET hand_overs_ns = NULL, hand_overs_end_ns = NULL WHERE block_id "
		 "IN (5, 8)",
			1, 2},
		{"UPDATE block SET hand_overs_ns = 90000, hand_overs_end_ns = 90000 WHERE block_id "
		 "IN (5, 60)",
			2, 2},
		/* At either end of the sweep. */
		{"UPDATE block SET calibration_ns = 9, calibration_end_ns = 9 WHERE block_id IN "
		 "(1, 96)",
			2, 2},
		/* Two states, half of the sweep each. */
		{"UPDATE block SET hand_overs_ns = 3 * hand_overs_ns, hand_overs_end_ns = 3 * "
		 "hand_overs_end_ns WHERE block_id > 48",
			1, 48},
		{"UPDATE block SET hand_overs_ns = NULL", 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct synthetic_store wanted = synthetic_store_default();
		struct analysis *a = NULL;
		char why[WHY_BYTES], text[ANALYSIS_SENTENCE_BYTES];
		size_t blocks = 0;

		two_cells(&wanted);
		wanted.forks = 6;
		wanted.blocks = 8;
		synthetic_store_write(store, &wanted);
		synthetic_store_execute(store, cases[i].sql);
		assert_int_equal(analysis_read_raw(store, &a, why, sizeof(why)), 0);
		for (size_t k = 0; k < a->change_count; k++)
			blocks += a->changes[k].blocks;
		if (a->change_count != cases[i].changes || blocks != cases[i].blocks)
			fail_msg("%s: %zu events, %zu blocks", cases[i].sql, a->change_count,
				blocks);
		analysis_changes(a, text);
		assert_int_equal(strstr(text, "could not be probed") != NULL,
			i + 1 == sizeof(cases) / sizeof(cases[0]));
		analysis_free(a);
	}
}

static void older(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->schema = STORE_SCHEMA_OLDEST;
}

static int version; /* of the stores that of_version makes */

static void of_version(struct synthetic_store *wanted)
{
	two_cells(wanted);
	wanted->schema = version;
}

/* Each version that is said to be read is, to the same times. */
static void every_version_is_read(NO_STATE)
{
	struct analysis *now = small_store(two_cells);

	for (version = STORE_SCHEMA_OLDEST; version < STORE_SCHEMA_VERSION; version++) {
		struct analysis *then = NULL;
		char why[WHY_BYTES];

		write_store(of_version);
		if (analysis_read_raw(store, &then, why, sizeof(why)) != 0)
			fail_msg("version %d: %s", version, why);
		assert_int_equal(then->cell_count, now->cell_count);
		for (size_t i = 0; i < now->subject_count; i++) {
			const struct analysis_result *r = analysis_at(now, 1, i),
						     *old = analysis_at(then, 1, i);

			assert_int_equal(r->slices, old->slices);
			assert_int_equal(r->state, old->state);
			assert_int_equal(r->memory.known, old->memory.known);
			if (r->memory.known)
				near(r->memory.object_bytes, old->memory.object_bytes, 1e-9);
		}
		assert_int_equal(then->moment_count > 0, version >= 5);
		assert_int_equal(then->has_held, version >= 6);
		analysis_free(then);
	}
	analysis_free(now);
}

/* A store that was merged of two machines shows one, by name. */
static void machines_are_read_one_by_one(NO_STATE)
{
	struct analysis *a = small_store(two_cells);
	char why[WHY_BYTES];
	const size_t cells = a->cell_count;

	analysis_free(a);
	synthetic_store_execute(store, "UPDATE cell SET machine = '9a8b7c6d'; UPDATE cell SET "
				       "machine = 'ffff' WHERE cell_id "
				       "= (SELECT max(cell_id) FROM cell);"
				       "INSERT INTO machine VALUES (2, 1, 'ffff', 'A', "
				       "'{\"cpu\":{\"model\":\"Other\"}}')");
	expect_refusal(store, NULL,
		"2 machines, which are not pooled: name one with `nblbench report --machine`: "
		"9a8b7c6d (Example CPU 9000 @ 2.00GHz), ffff (Other).");
	assert_int_equal(analysis_read_machine(store, "x", NULL, &a, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "has no machine 'x'"));
	assert_int_equal(analysis_read_machine(store, "ff", NULL, &a, why, sizeof(why)), 0);
	assert_int_equal(a->cell_count, 1);
	assert_int_equal(a->machine_count, 1);
	assert_string_equal(a->machines[0].hash, "ffff");
	assert_true(a->cells[0].blocks > 0);
	analysis_free(a);
	assert_int_equal(analysis_read_machine(store, "9a8b7c6d", NULL, &a, why, sizeof(why)), 0);
	assert_int_equal(a->cell_count, cells - 1);
	analysis_free(a);
}

/* Stores from before there was latency say what they said; one from before that is refused. */
static void older_stores_stay_readable(NO_STATE)
{
	struct analysis *now = small_store(two_cells), *then = small_store(older);
	char sql[PATH_BYTES];

	for (size_t i = 0; i < now->subject_count; i++) {
		const struct analysis_result *r = analysis_at(now, 1, i),
					     *old = analysis_at(then, 1, i);

		assert_int_equal(r->state, old->state);
		assert_memory_equal(&r->ns, &old->ns, sizeof(r->ns));
		if (r->state == ANALYSIS_MEASURED)
			near(old->taken[LATENCY_WAIT], 0, 0);
	}
	assert_true(now->moment_count > 0);
	assert_int_equal(then->moment_count, 0);
	assert_true(now->has_latency);
	assert_false(then->has_latency);
	assert_true(now->has_responses);
	assert_false(then->has_responses);
	/* An older store tells of a pool's memory when it was opened, and of nothing settled. */
	assert_true(now->has_held);
	assert_false(then->has_held);
	near(analysis_at(now, 1, subject(now, "mutex"))->memory.settled_object_bytes,
		analysis_at(now, 1, subject(now, "mutex"))->memory.object_bytes - 1, 1e-9);
	near(analysis_at(then, 1, subject(then, "mutex"))->memory.object_bytes,
		analysis_at(now, 1, subject(now, "mutex"))->memory.object_bytes, 1e-9);
	assert_true(
		isnan(analysis_at(then, 1, subject(then, "mutex"))->memory.settled_object_bytes));
	near(analysis_at(now, 1, subject(now, "mutex"))->taken[LATENCY_WAIT], 1.0 / 1024, 0.0001);
	analysis_free(now);
	analysis_free(then);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA_OLDEST - 1);
	synthetic_store_execute(store, sql);
	expect_refusal(store, NULL, "schema version 1");
}

/* The value of a normal distribution with that share below it, for those that are shown. */
static const double z_of[LATENCY_PERCENTILES] = {0, 1.281552, 2.326348, 3.090232, 3.719016};

/* What the synthetic store's calls of one path take at a percentile. */
static double lognormal_ns(double mean, double sigma, int i)
{
	return 25 + mean * exp(sigma * z_of[i] - sigma * sigma / 2);
}

static void a_known_distribution_comes_out(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_latency *l = analysis_latency(a, 0, subject(a, "malloc"));

	assert_non_null(l);
	/* glibc has a cache in the model: 9 ns a unit of two calls, of which 1 in 64 is 8 times as long. */
	const double fast = 4.5 / (1 - 2 / 128.0 + 8 * 2 / 128.0);

	assert_int_equal(l->path_count, 3);
	assert_string_equal(l->path[0].name, "fast");
	assert_string_equal(l->path[1].name, "flush");
	assert_string_equal(l->path[2].name, "refill");
	for (int i = 0; i <= LATENCY_P999; i++) {
		near(l->path[0].ns[i] / lognormal_ns(fast, 0.3, i), 1, 0.05);
		if (i <= LATENCY_P90)
			near(l->path[1].ns[i] / lognormal_ns(8 * fast, 0.4, i), 1, 0.05);
	}
	near(l->path[0].mean_ns, 25 + fast, 0.5);
	near(l->path[2].share, 1 / 128.0, 0.0005);
	near(l->path[0].share + l->path[1].share + l->path[2].share, 1, 1e-9);
	near(l->mean_ns, 25 + 4.5, 0.5);
	assert_int_equal(l->calls, l->path[0].calls + l->path[1].calls + l->path[2].calls);
	near(l->probe_ns, 25, 0.8);
	near(l->probe_p99_ns, 25 * exp(0.05 * z_of[LATENCY_P99]), 0.9);
	near(l->calls_per_unit, 2, 1e-4);
	near(l->cost.point, 0.02, 0.02);
	/* Throughput has the weather in it, some per cent. */
	near(l->time_ratio, 0.95, 0.08); /* most of a mean is the probe, in buckets of 6 % */
	assert_false(l->time_comparable || l->balance_comparable);
	near(l->balance, 0.97, 0.001);
	for (int i = 0; i < LATENCY_PERCENTILES - 1; i++) {
		const struct analysis_percentile *p = &l->at[i];

		assert_true(p->lo <= p->ns && p->ns <= p->hi);
		assert_true(p->lo > 0.8 * p->ns && p->hi < 1.25 * p->ns);
		assert_true(i == 0 || p->ns > l->at[i - 1].ns);
		assert_int_equal(p->below, p->ns < 50);
	}
	/* 900,000 calls: 90 beyond p99.99. */
	assert_true(isnan(l->at[LATENCY_P9999].ns));
	assert_true(l->longest_ns > l->at[LATENCY_P999].ns);
	/* Two threads: twice as many, so that there is evidence. */
	assert_true(analysis_latency(a, 1, subject(a, "malloc"))->at[LATENCY_P9999].ns > 0);
}

/* Both sides of a lane are slow, and the slower one is what a unit takes. */
static void sides_of_a_lane_are_told_apart(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_latency *l = analysis_latency(a, 6, subject(a, "mutex"));

	near(l->calls_per_unit, 1.0 / 32, 1e-5);
	assert_true(l->time_comparable && l->balance_comparable);
	near(l->time_ratio, 0.95, 0.05);
	near(l->balance, 0.97, 0.001);
	assert_int_equal(l->path_count, 2);
	assert_string_equal(l->path[1].name, "wait");
	near(l->path[1].share, 1.0 / 1024 * 32 / 2, 0.001);
}

/* The calls of either side, which are alike in the model, and the ages, which the first has. */
static void a_hand_over_has_sides_and_ages(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_latency *l = analysis_latency(a, 6, subject(a, "mutex"));
	const struct analysis_times_of *ages = &l->hand_over[ANALYSIS_AGES];
	const double unit_ns = exp(analysis_at(a, 6, subject(a, "mutex"))->ns.point);
	char text[ANALYSIS_SENTENCE_BYTES];
	uint64_t calls = 0;

	assert_true(a->has_hand_over);
	analysis_no_ages(a, text);
	assert_string_equal(text, "");
	assert_int_equal(l->hand_over_count, ANALYSIS_HAND_OVER);
	assert_string_equal(analysis_hand_over_name(ANALYSIS_GETS), "gets");
	assert_string_equal(analysis_hand_over_name(ANALYSIS_PUTS), "puts");
	assert_string_equal(analysis_hand_over_name(ANALYSIS_AGES), "age");
	for (int side = 0; side < ANALYSIS_AGES; side++) {
		near(l->hand_over[side].at[LATENCY_P50].ns, l->at[LATENCY_P50].ns, 1e-9);
		calls += histogram_count(&l->hand_over[side].histogram);
	}
	assert_int_equal(calls, l->calls); /* ages are none */
	assert_int_equal(histogram_count(&ages->histogram), 6 * 4000);
	near(ages->at[LATENCY_P50].ns / (100 * unit_ns), 1, 0.1);
	near(ages->at[LATENCY_P99].ns / ages->at[LATENCY_P50].ns, exp(0.5 * z_of[LATENCY_P99]),
		0.3);
	assert_true(ages->at[LATENCY_P50].lo < ages->at[LATENCY_P50].hi);
	/* Nobody hands over where each thread gets and puts for itself. */
	assert_int_equal(analysis_latency(a, 1, subject(a, "mutex"))->hand_over_count, 0);
}

/* Clocks that are apart, or of which nothing is known, say nothing of ages. */
static void ages_want_clocks_that_agree(NO_STATE)
{
	static const struct {
		const char *sql, *why;
		double apart_ns;
	} cases[] = {
		{"SELECT 1", "", 60},
		{"UPDATE machine SET json = replace(json, '\"60\"', '\"1000\"')", "", 1000},
		{"UPDATE machine SET json = replace(json, '\"1000\"', '\"1001\"')",
			"may be 1001 ns apart", 1001},
		/* The start that is worst decides; one that does not know leaves all unknown. */
		{"INSERT INTO machine SELECT 2, started_ns, hash, grade, replace(json, '1001', "
		 "'5') FROM machine",
			"may be 1001 ns apart", 1001},
		{"INSERT INTO machine SELECT 3, started_ns, hash, grade, '{}' FROM machine LIMIT 1",
			"it is not known", NAN},
	};
	struct synthetic_store wanted = synthetic_store_default();
	char text[ANALYSIS_SENTENCE_BYTES];

	wanted.forks = 2;
	wanted.blocks = 2;
	wanted.first = 6; /* a hand-over */
	wanted.cells = 1;
	synthetic_store_write(store, &wanted);
	for (size_t i = 0; i < array_count(cases); i++) {
		synthetic_store_execute(store, cases[i].sql);

		struct analysis *a = read_store(NULL);
		const size_t kinds = analysis_latency(a, 0, subject(a, "mutex"))->hand_over_count;

		analysis_no_ages(a, text);
		if (strstr(text, cases[i].why) == NULL)
			fail_msg("case %zu: '%s'", i, text);
		assert_int_equal(*text == '\0', *cases[i].why == '\0');
		assert_int_equal(kinds, *text == '\0' ? ANALYSIS_HAND_OVER : ANALYSIS_AGES);
		assert_int_equal(isnan(a->clocks_apart_ns), isnan(cases[i].apart_ns));
		if (!isnan(cases[i].apart_ns))
			near(a->clocks_apart_ns, cases[i].apart_ns, 0);
		analysis_free(a);
	}

	/* No age is a thread's longest call. */
	synthetic_store_execute(store,
		"UPDATE latency SET longest = 10 * longest WHERE thread = 1;"
		"UPDATE latency SET longest = 1000000000 WHERE path = 'age'");

	struct analysis *a = read_store(NULL);
	const struct analysis_latency *l = analysis_latency(a, 0, subject(a, "mutex"));

	near(l->longest_ns / l->least_longest_ns, 10, 2);
	analysis_free(a);
}

static size_t rows_that_agree, rows_to_agree; /* of the cell, by the last fifth_cell */

/*
 * The latency of "mutex" in the fifth cell, whose calls move 32 objects and take long enough, after
 * sql. The sentence of its row has `why` in it; NULL: there is none. sentence: in the cell's, before
 * the numbers of rows. The caller frees the analysis.
 */
static struct analysis *fifth_cell(int schema, const char *sql, const char *why,
	const char *sentence, const struct analysis_latency **out)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *a;
	char text[ANALYSIS_SENTENCE_BYTES];

	wanted.forks = 6;
	wanted.blocks = 2;
	wanted.first = 4;
	wanted.cells = 1;
	wanted.schema = schema;
	synthetic_store_write(store, &wanted);
	if (sql != NULL)
		synthetic_store_execute(store, sql);
	a = read_store(NULL);
	*out = analysis_latency(a, 0, subject(a, "mutex"));
	analysis_imbalance(a, 0, subject(a, "mutex"), text);
	if (why == NULL ? *text != '\0' : strstr(text, why) == NULL)
		fail_msg("the sentence '%s' does not say '%s'", text, why == NULL ? "" : why);
	analysis_balances(a, 0, text);
	const char *there = strstr(text, sentence);
	if (there == NULL)
		fail_msg("'%s' does not say '%s'", text, sentence);
	rows_that_agree = rows_to_agree = 0;
	sscanf(there + strlen(sentence), "%zu of the %zu rows", &rows_that_agree, &rows_to_agree);
	return a;
}

static void ratio_of(const char *sql, double want, const char *why)
{
	const struct analysis_latency *l;
	struct analysis *a = fifth_cell(0, sql, why,
		"A unit's calls take what throughput gives a unit within 10 % in ", &l);

	near(l->time_ratio / want, 1, 0.08);
	assert_true(l->time_comparable);
	analysis_free(a);
}

#define TWICE "UPDATE latency SET sum = 2 * sum WHERE path <> 'probe';"

static void a_ratio_of_times_has_its_reason(NO_STATE)
{
	ratio_of(NULL, 0.95, NULL);
	assert_int_equal(rows_that_agree, rows_to_agree);
	ratio_of(TWICE, 1.9, "calls in a row overlap");
	assert_int_equal(rows_that_agree, 0);
	ratio_of(TWICE "UPDATE slice SET failed = units / 50", 1.9, "complete no unit");
	ratio_of(TWICE "UPDATE thread SET cpu_ns = window_ns / 2", 1.9,
		"without a CPU for 50 % of the time");
	ratio_of(TWICE "UPDATE timed SET units = units / 2", 1.9, "% less than the others");
	ratio_of(TWICE "UPDATE timed SET units = units * 2", 1.9, "% more than the others");
	/* Half as many calls a unit, those that wait among them: how often is known of these alone. */
	ratio_of("UPDATE timed SET timed_units = 2 * timed_units", 0.475, "between its calls");
}

/* Calls of which four probes are a part that counts, timed or in a row, are not compared. */
static void short_calls_have_no_ratio(NO_STATE)
{
	static const char *const short_calls[] = {
		"UPDATE latency SET sum = sum / 20 WHERE path <> 'probe'",
		"UPDATE thread SET units = 100 * units; UPDATE slice SET units = 100 * units,"
		" units_per_s = 100 * units_per_s"};

	for (size_t i = 0; i < array_count(short_calls); i++) {
		struct synthetic_store wanted = synthetic_store_default();
		struct analysis *a;

		wanted.forks = 2;
		wanted.blocks = 2;
		wanted.first = 4;
		wanted.cells = 1;
		synthetic_store_write(store, &wanted);
		synthetic_store_execute(store, short_calls[i]);
		a = read_store(NULL);
		assert_false(analysis_latency(a, 0, subject(a, "mutex"))->time_comparable);
		analysis_free(a);
	}
}

static void balance_of(const char *sql, double want, const char *why)
{
	const struct analysis_latency *l;
	struct analysis *a = fifth_cell(
		0, sql, why, "Where every call is timed, the times add up within 10 % in ", &l);

	near(l->balance, want, 0.005);
	assert_true(l->balance_comparable);
	assert_int_equal(rows_that_agree == rows_to_agree, why == NULL);
	assert_true(rows_to_agree > 0);
	analysis_free(a);
}

#define NET "(sum - calls * pairs_sum / pairs)" /* of the readings in it */

/* The controls: calls that are too long, calls that are missing, and a row without its slice. */
static void the_balance_finds_what_does_not_add_up(NO_STATE)
{
	static const char all[] = "the times add up within 10 % in ";
	const struct analysis_latency *l;
	struct analysis *a;

	balance_of(NULL, 0.97, NULL);
	const size_t rows = rows_to_agree;
	balance_of("UPDATE balance SET sum = sum + " NET, 1.94, "took 1.94 times what was left");
	balance_of("UPDATE balance SET sum = sum - " NET " / 2", 0.485, "51 % of the time");
	a = fifth_cell(0,
		"DELETE FROM balance WHERE subject_id IN (SELECT subject_id FROM subject WHERE"
		" label = 'mutex')",
		NULL, all, &l);
	assert_true(isnan(l->balance) && !l->balance_comparable);
	assert_int_equal(rows_to_agree, rows - 1);
	analysis_free(a);
	a = fifth_cell(0, "DELETE FROM balance WHERE subject_id < 10", NULL,
		" more no such slice was without a flag.", &l);
	analysis_free(a);
}

/* A store from before has its ratios, and no balance. */
static void a_store_without_balance_has_ratios(NO_STATE)
{
	const struct analysis_latency *l;
	struct analysis *a =
		fifth_cell(3, NULL, NULL, "A unit's calls take what throughput gives", &l);

	assert_true(isnan(l->balance) && !l->balance_comparable && l->time_comparable);
	analysis_free(a);
}

static void stall(struct synthetic_store *wanted)
{
	one_cell(wanted);
	wanted->stall_share = 1e-3;
	wanted->stall_ns = 5000;
}

/* What one call in a thousand takes is in its path and in the tail, and nowhere else. */
static void a_stall_is_in_its_path_and_in_the_tail(NO_STATE)
{
	struct analysis *a = small_store(stall);
	const struct analysis_latency *l = analysis_latency(a, 0, subject(a, "mag_tls"));
	const struct analysis_latency *other = analysis_latency(a, 0, subject(a, "rseq_mag"));

	assert_int_equal(l->path_count, 4);
	assert_string_equal(l->path[3].name, "steal");
	near(l->path[3].ns[LATENCY_P50], 5025, 5025 * 0.04);
	near(l->longest_ns, 5025, 5025 * 0.08);
	assert_true(l->at[LATENCY_P99].ns < 100);
	assert_true(l->at[LATENCY_P999].hi > 4500);
	assert_true(other->longest_ns < 200);
	analysis_free(a);
}

static void second_cell(struct synthetic_store *wanted)
{
	one_cell(wanted);
	wanted->first = 1;
}

/* Both threads fare alike in the model, until one waits. */
static void the_thread_that_waits_is_told_from_the_other(NO_STATE)
{
	const struct analysis_latency *l =
		analysis_latency(whole_store(), 1, subject(whole_store(), "mutex"));
	const double longest_ns = l->longest_ns;
	struct analysis *a;

	near(l->least_longest_ns, longest_ns, 0);
	write_store(second_cell);
	synthetic_store_execute(store,
		"UPDATE latency SET longest = 10 * longest WHERE thread = 1 AND path = 'wait';"
		"UPDATE latency SET longest = 8000000 WHERE path = 'probe'");
	a = read_store(NULL);
	l = analysis_latency(a, 0, subject(a, "mutex"));
	near(l->longest_ns, 10 * l->least_longest_ns, 1e-6);
	near(l->least_longest_ns, longest_ns, longest_ns * 0.1);
	analysis_free(a);
}

/* Percentiles want evidence, intervals want forks. */
static void little_evidence_says_little(NO_STATE)
{
	struct analysis *a;

	write_store(one_cell);
	synthetic_store_execute(store, "DELETE FROM latency WHERE subject_id = 4 AND fork > 0;"
				       "DELETE FROM timed WHERE subject_id = 4 AND fork > 0");
	synthetic_store_execute(store, "DELETE FROM latency WHERE subject_id = 5;"
				       "DELETE FROM timed WHERE subject_id = 5");
	a = read_store(NULL);

	const struct analysis_latency *l = analysis_latency(a, 0, subject(a, "mutex"));

	assert_true(l->at[LATENCY_P99].ns > 0);
	assert_true(isinf(l->at[LATENCY_P99].lo) && isinf(l->at[LATENCY_P99].hi));
	assert_true(isnan(l->at[LATENCY_P9999].ns));
	assert_true(isnan(l->path[1].ns[LATENCY_P99])); /* 73 waits */
	assert_null(analysis_latency(a, 0, subject(a, "ticket")));
	analysis_free(a);
	synthetic_store_execute(
		store, "UPDATE latency SET histogram = x'ff' WHERE subject_id = 6 AND cell_id = 1");
	expect_refusal(store, NULL, "what was timed of treiber_tag");
}

static void expect_words(
	const struct analysis *a, const char *label, const char *knee, const char *marks)
{
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_knee(a, 0, subject(a, label), text);
	assert_string_equal(text, knee);
	analysis_response_marks(a, 0, subject(a, label), text);
	assert_string_equal(text, marks);
}

/* Five loads of two rows; glibc's malloc blocks in the model, rseq_mag does not. */
static void a_known_open_loop_comes_out(NO_STATE)
{
	struct analysis *a = whole_store();
	const struct analysis_response *wide = analysis_response(a, 0, subject(a, "malloc"));
	const struct analysis_response *narrow = analysis_response(a, 0, subject(a, "rseq_mag"));

	assert_int_equal(a->cells[0].load_count, 5);
	assert_non_null(wide);
	assert_string_equal(wide->arrivals, "poisson");
	near(wide->capacity_s / (0.9e9 / 9), 1, 1e-9);
	for (size_t k = 0; k < 5; k++) {
		const double load = a->cells[0].loads[k] / 100.0;
		const struct analysis_at_load *at = &wide->at[k];

		assert_true(at->measured && at->kept);
		near(at->wanted_s / (load * wide->capacity_s), 1, 1e-9);
		near(at->late, (double)k / 200, 1e-9);
		assert_int_equal(at->served, 6 * 25000);
		for (int i = 0; i <= LATENCY_P999; i++) {
			const struct analysis_percentile *p = &at->at[i];

			near(p->ns / (9 / (1 - load) * exp(SYNTHETIC_BLOCKED_SIGMA * z_of[i])), 1,
				0.06);
			near(narrow->at[k].at[i].ns /
					(2.04 / (1 - load) * exp(SYNTHETIC_SIGMA * z_of[i])),
				1, 0.06);
			assert_true(p->lo <= p->ns && p->ns <= p->hi && p->hi < 1.25 * p->lo);
			assert_int_equal(p->below, p->ns < 50);
		}
		assert_true(isnan(at->at[LATENCY_P9999].ns)); /* 15 beyond it */
		assert_true(at->longest_ns > at->at[LATENCY_P999].ns);
	}
	/* 80 % is 2.5 times 50 %, 90 % is 5 times. */
	expect_words(a, "malloc", "80", "late: 90, 95 %");
	expect_words(a, SYNTHETIC_UNKEPT, "80", "not kept: 95 %; late: 90 %");
	near(analysis_response(a, 0, subject(a, SYNTHETIC_UNKEPT))->at[4].served_s /
			analysis_response(a, 0, subject(a, SYNTHETIC_UNKEPT))->at[4].wanted_s,
		0.9, 1e-9);
}

static struct analysis *changed_loads(const char *sql)
{
	write_store(one_cell);
	synthetic_store_execute(store, sql);
	return read_store(NULL);
}

static void the_knee_is_the_last_load_that_holds(NO_STATE)
{
	struct analysis *a = changed_loads(
		"UPDATE load SET histogram = (SELECT histogram FROM load o WHERE o.load = 50 AND"
		" o.cell_id = load.cell_id AND o.subject_id = load.subject_id AND o.fork = "
		"load.fork)");

	/* Nothing grows: only what is not kept ends it. */
	expect_words(a, "malloc", "≥ 95", "late: 90, 95 %");
	expect_words(a, SYNTHETIC_UNKEPT, "90", "not kept: 95 %; late: 90 %");
	analysis_free(a);
	/* The lightest load is the measure of the others, or there is none. */
	a = changed_loads("UPDATE load SET served_s = 0.989 * wanted_s, late = 0 WHERE load = 50;"
			  "UPDATE load SET served_s = 0.991 * wanted_s, late = 0 WHERE load = 70;"
			  "DELETE FROM load WHERE load > 70 AND subject_id = 19");
	expect_words(a, "malloc", "", "not kept: 50 %");
	analysis_free(a);
	a = changed_loads("DELETE FROM load WHERE load < 90 AND subject_id = 19;"
			  "UPDATE load SET late = 0");
	assert_false(analysis_response(a, 0, subject(a, "malloc"))->at[0].measured);
	expect_words(a, "malloc", "≥ 95", "");
	expect_words(a, "rseq_mag", "80", "");
	analysis_free(a);
}

static void little_evidence_of_an_open_loop_says_little(NO_STATE)
{
	struct analysis *a = changed_loads(
		"DELETE FROM load WHERE fork > 0 AND subject_id = 19;"
		"DELETE FROM latency; DELETE FROM timed; DELETE FROM load WHERE subject_id = 5");
	const struct analysis_percentile *at =
		analysis_response(a, 0, subject(a, "malloc"))->at[0].at;

	assert_true(at[LATENCY_P99].ns > 0);
	assert_true(isinf(at[LATENCY_P99].lo) && isinf(at[LATENCY_P99].hi));
	assert_true(isnan(at[LATENCY_P999].ns)); /* 25 beyond it */
	assert_false(at[LATENCY_P50].below);     /* no probe is known */
	assert_null(analysis_response(a, 0, subject(a, "ticket")));
	analysis_free(a);
	synthetic_store_execute(
		store, "UPDATE load SET histogram = x'ff' WHERE subject_id = 6 AND cell_id = 1");
	expect_refusal(store, NULL, "what was timed of treiber_tag");
}

static void numbers_by_hand(NO_STATE)
{
	assert_string_equal(number_plain(0.01234).text, "0.0123");
	assert_string_equal(number_plain(2.024).text, "2.02");
	assert_string_equal(number_plain(31.94).text, "31.9");
	assert_string_equal(number_plain(99.97).text, "100");
	assert_string_equal(number_plain(1250).text, "1250");
	assert_string_equal(number_plain(NAN).text, "-");
	assert_string_equal(number_ratio(0).text, "1.00");
	assert_string_equal(number_ratio(log(12.345)).text, "12.3");
	assert_string_equal(number_ratio(log(9999)).text, "9999");
	assert_string_equal(number_ratio(log(12345)).text, "12.3k");
	assert_string_equal(number_ratio(log(377719)).text, "378k");
	assert_string_equal(number_ratio(log(18411579)).text, "18.4M");
	assert_string_equal(number_ratio(NAN).text, "-");
	assert_string_equal(number_ratio(INFINITY).text, "-");
	assert_string_equal(number_ratio_range(-INFINITY, INFINITY).text, "-");
	assert_string_equal(number_plain_range(0.0461, 0.0471).text, "0.0461-0.0471");
	assert_string_equal(number_plain_range(0, INFINITY).text, "-");
	assert_string_equal(number_percent(log(1.03)).text, "3.0 %");
	assert_string_equal(number_change(log(1.03)).text, "+3.0 %");
	assert_string_equal(number_change(log(0.83)).text, "-17 %");
	assert_string_equal(number_change(log(0.9999)).text, "0.0 %");
	assert_string_equal(number_change(log(8.54)).text, "+754 %");
	assert_string_equal(number_change(NAN).text, "-");
	assert_string_equal(number_change_range(log(0.5), log(1.5)).text, "-50 % to +50 %");
	assert_string_equal(number_change_range(-INFINITY, 0).text, "-");
	assert_string_equal(number_timestamp(0).text, "1970-01-01T00:00:00Z");
	assert_string_equal(number_rate(12345678).text, "12.3 M");
	assert_string_equal(number_rank(2, 4).text, "2-4");
	assert_string_equal(number_date(INT64_C(1767225600000000000)).text, "2026-01-01 00:00 UTC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_by_hand),
		cmocka_unit_test(roles_follow_from_the_store),
		cmocka_unit_test(another_build_is_compared),
		cmocka_unit_test(a_library_is_no_strategy_to_name),
		cmocka_unit_test(times_and_effects_are_near_the_truth),
		cmocka_unit_test(ties_share_letters_and_ranks),
		cmocka_unit_test(broken_subjects_are_told_and_not_ranked),
		cmocka_unit_test(a_lost_object_is_a_failure),
		cmocka_unit_test(an_injected_slow_down_is_found),
		cmocka_unit_test(flagged_slices_leave_unless_all_are),
		cmocka_unit_test(a_short_sweep_decides_nothing),
		cmocka_unit_test(a_cell_is_settled_by_width),
		cmocka_unit_test(settled_is_what_it_was),
		cmocka_unit_test(each_class_has_the_floor_of_its_twin),
		cmocka_unit_test(a_noisy_class_gets_no_fine_verdict),
		cmocka_unit_test(a_moved_twin_raises_the_floor),
		cmocka_unit_test(an_unknown_time_is_not_best),
		cmocka_unit_test(luck_does_not_make_the_best),
		cmocka_unit_test(who_runs_dry_is_not_ranked),
		cmocka_unit_test(who_has_no_cell_has_no_row),
		cmocka_unit_test(a_sweep_that_never_began_is_readable),
		cmocka_unit_test(the_same_store_gives_the_same_digits),
		cmocka_unit_test(words_name_what_was_found),
		cmocka_unit_test(guarantees_have_words),
		cmocka_unit_test(undecided_store_advises_nothing),
		cmocka_unit_test(impossible_rates_advise_nothing),
		cmocka_unit_test(verdicts_agree_with_letters),
		cmocka_unit_test(every_cell_has_its_command),
		cmocka_unit_test(a_store_says_how_steady_it_was),
		cmocka_unit_test(what_is_no_store_is_refused),
		cmocka_unit_test(more_rows_than_counted_are_refused),
		cmocka_unit_test(a_slow_machine_is_one_event),
		cmocka_unit_test(one_thread_hands_nothing_over),
		cmocka_unit_test(a_steady_machine_has_no_event),
		cmocka_unit_test(too_few_other_blocks_leave_all_in),
		cmocka_unit_test(an_event_lasts_for_a_block),
		cmocka_unit_test(machines_are_read_one_by_one),
		cmocka_unit_test(every_version_is_read),
		cmocka_unit_test(older_stores_stay_readable),
		cmocka_unit_test(a_known_distribution_comes_out),
		cmocka_unit_test(sides_of_a_lane_are_told_apart),
		cmocka_unit_test(a_hand_over_has_sides_and_ages),
		cmocka_unit_test(ages_want_clocks_that_agree),
		cmocka_unit_test(a_ratio_of_times_has_its_reason),
		cmocka_unit_test(short_calls_have_no_ratio),
		cmocka_unit_test(the_balance_finds_what_does_not_add_up),
		cmocka_unit_test(a_store_without_balance_has_ratios),
		cmocka_unit_test(a_stall_is_in_its_path_and_in_the_tail),
		cmocka_unit_test(the_thread_that_waits_is_told_from_the_other),
		cmocka_unit_test(little_evidence_says_little),
		cmocka_unit_test(a_known_open_loop_comes_out),
		cmocka_unit_test(the_knee_is_the_last_load_that_holds),
		cmocka_unit_test(little_evidence_of_an_open_loop_says_little),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
