/* The language of ratios, right and wrong; their arithmetic on stores whose truth is known; the command. */
#include "bench/analysis/analysis.h"
#include "bench/analysis/ratio.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/command/command.h"
#include "bench/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 128, LINE_BYTES = 512, ARGUMENTS_MAX = 10 };

static char directory[PATH_BYTES], store[2 * PATH_BYTES], other[2 * PATH_BYTES];

/* The store as it comes, read once for all tests that don't change it; in effects and raw. */
static struct analysis *whole, *effects;

static struct synthetic_store wanted_store(void)
{
	struct synthetic_store wanted = synthetic_store_default();

	wanted.forks = 6;
	wanted.blocks = 8;
	return wanted;
}

static struct analysis *read_raw(const char *path)
{
	struct analysis *analysis = NULL;
	char why[RATIO_WHY_BYTES];

	if (analysis_read_raw(path, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return analysis;
}

static int set_up(void **state)
{
	const struct synthetic_store wanted = wanted_store();
	char why[RATIO_WHY_BYTES];

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/nblbench-ratios-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(store, sizeof(store), "%s/store.db", directory);
	snprintf(other, sizeof(other), "%s/other.db", directory);
	print_message("seed %llu\n", (unsigned long long)wanted.seed);
	synthetic_store_write(store, &wanted);
	whole = read_raw(store);
	return analysis_read(store, NULL, &effects, why, sizeof(why));
}

static int tear_down(void **state)
{
	char command[2 * PATH_BYTES];

	(void)state;
	analysis_free(whole);
	analysis_free(effects);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

/* A store of two cells, "pair" with one thread and with two, in which something was changed. */
static struct analysis *changed(const char *sql)
{
	struct synthetic_store wanted = wanted_store();

	wanted.cells = 2;
	synthetic_store_write(other, &wanted);
	synthetic_store_execute(other, sql);
	return read_raw(other);
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

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.9g, want %.9g within %.3g", got, want, tolerance);
}

static struct ratio_target parsed(const char *line)
{
	struct ratio_book book = {0};
	struct ratio_target target;
	char why[RATIO_WHY_BYTES];

	if (ratio_book_add(&book, line, why) != 0)
		fail_msg("'%s': %s", line, why);
	assert_int_equal(book.count, 1);
	target = book.target[0];
	ratio_book_free(&book);
	return target;
}

static struct ratio_result answered(struct analysis *a, const char *line)
{
	const struct ratio_target target = parsed(line);
	struct ratio_result result;

	assert_int_equal(ratio_evaluate(&target, &a, 1, &result), 0);
	return result;
}

static void every_form_is_read(void **state)
{
	struct ratio_target t;

	(void)state;
	t = parsed("against the floor: ours / plain @ pair threads=1 <= 1.3");
	assert_string_equal(t.what, "against the floor");
	assert_int_equal(t.quantity, RATIO_TIME);
	assert_int_equal(t.operation, RATIO_DIVIDED);
	assert_int_equal(t.side[0].rows, RATIO_OURS);
	assert_int_equal(t.side[1].rows, RATIO_NAMED);
	assert_string_equal(t.side[1].names.item[0], "plain");
	/* The cell at the end is that of both. */
	assert_string_equal(t.side[0].cell.workload, "pair");
	assert_int_equal(t.side[0].cell.threads, 1);
	assert_memory_equal(&t.side[0].cell, &t.side[1].cell, sizeof(t.side[0].cell));
	assert_int_equal(t.bound, RATIO_AT_MOST);
	near(t.wanted, 1.3, 0);

	t = parsed("  mag_tls+sticky-null@burst burst=32 threads=4N<=0.3 ns  ");
	assert_string_equal(t.what, "mag_tls+sticky-null@burst burst=32 threads=4N<=0.3 ns");
	assert_int_equal(t.operation, RATIO_LESS);
	assert_string_equal(t.side[0].names.item[0], "mag_tls+sticky");
	assert_int_equal(t.side[0].cell.burst, 32);
	assert_int_equal(t.side[0].cell.threads, 4);
	assert_true(t.side[0].cell.threads_a_cpu);
	near(t.wanted, 0.3, 0);

	t = parsed("x: ours @ pair threads=N / same @ pair threads=1 >= 0.9");
	assert_int_equal(t.side[1].rows, RATIO_SAME);
	assert_true(t.side[0].cell.threads_a_cpu && !t.side[1].cell.threads_a_cpu);
	assert_int_equal(t.side[0].cell.threads, 1);
	assert_int_equal(t.bound, RATIO_AT_LEAST);

	t = parsed(
		"x: rate(fastest(mutex, ticket)) @ pair / rate(mag_tls) @ burst size=64 depth=8");
	assert_int_equal(t.quantity, RATIO_RATE);
	assert_int_equal(t.side[0].names.count, 2);
	assert_string_equal(t.side[0].names.item[1], "ticket");
	assert_int_equal(t.side[1].cell.size, 64);
	assert_int_equal(t.side[1].cell.depth, 8);
	assert_int_equal(t.bound, RATIO_NO_TARGET);

	t = parsed("x: failed(exact) @ pair <= 0");
	assert_int_equal(t.quantity, RATIO_FAILED);
	assert_int_equal(t.operation, RATIO_ALONE);
	assert_int_equal(t.side[0].rows, RATIO_EXACT);
	near(t.wanted, 0, 0);

	t = parsed("x: mag_tls @ pair <= 2 ns");
	assert_int_equal(t.operation, RATIO_ALONE);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *line, *words;
	} wrong[] = {
		{"mag_tls / @ pair", "a name is expected where '@' stands"},
		{"mag_tls / plain", "there is no cell"},
		{"mag_tls @ pair / plain", "the second side has no cell"},
		{"mag_tls / plain @", "a name is expected where the end stands"},
		{"mag_tls / plain @ pair threads", "'=' is expected where the end stands"},
		{"mag_tls / plain @ pair threads=0", "from 1 on is expected where '0' stands"},
		{"mag_tls / plain @ pair threads=2M", "one like 4N is expected where '2M' stands"},
		{"mag_tls / plain @ pair burst=2N", "a whole number is expected where '2N' stands"},
		{"mag_tls / plain @ pair threads=99999999999", "from 1 on is expected"},
		{"mag_tls / plain @ pair threads=1 threads=2", "threads= is given twice"},
		{"mag_tls / plain @ pair cpus=1", "expected where 'cpus' stands"},
		{"mag_tls / plain @ pair < 1",
			"'<=', '>=' or the end is expected where '<' stands"},
		{"mag_tls / plain @ pair <= -1", "a number above 0 is expected where '-' stands"},
		{"mag_tls / plain @ pair <= 0", "a number above 0 is expected where '0' stands"},
		{"mag_tls / plain @ pair <= 1e999", "a number above 0 is expected"},
		{"mag_tls / plain @ pair <= nan",
			"a number above 0 is expected where 'nan' stands"},
		{"mag_tls / plain @ pair <= 1.3x", "a number above 0 is expected"},
		{"mag_tls / plain @ pair <= 1.3 ns", "the end is expected where 'ns' stands"},
		{"mag_tls - plain @ pair <= 1.3", "'ns' is expected where the end stands"},
		{"mag_tls @ pair <= 1.3", "'ns' is expected where the end stands"},
		{"mag_tls / plain / null @ pair", "expected where '/' stands"},
		{"fastest(mag_tls / plain @ pair", "')' is expected where '/' stands"},
		{"fastest() / plain @ pair", "a name is expected where ')' stands"},
		{"rate(mag_tls) / plain @ pair", "both sides must be times, or both rate"},
		{"rate(mag_tls) - rate(plain) @ pair", "rates are divided"},
		{"rate(mag_tls) @ pair", "rates are divided"},
		{"failed(ours) / failed(plain) @ pair", "a count and stands alone"},
		{"exact / plain @ pair", "'exact' is for failed(exact)"},
		{"same @ pair / plain @ burst", "'same' is for the second side"},
		{"ours / same @ pair", "'same' in the same cell is the row itself"},
		{": mag_tls / plain @ pair", "a title has 1 to"},
		{"list x = ", "a name is expected where the end stands"},
		{"list x mutex", "'=' is expected where 'mutex' stands"},
		{"list x = mutex ticket", "',' or the end is expected where 'ticket' stands"},
		{"await held_95 /", "',' or the end is expected where '/' stands"},
		{"[Heading", "a heading is one line"},
		{"mag_tls_mag_tls_mag_tls_mag_tls_mag_tls_mag_tls_mag_tls_mag_tls_mag_tls @ pair",
			"is too long for a name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ratio_book book = {0};
		char why[RATIO_WHY_BYTES] = "";

		if (ratio_book_add(&book, wrong[i].line, why) != -EINVAL ||
			strstr(why, wrong[i].words) == NULL)
			fail_msg("'%s' was answered '%s', not '%s'", wrong[i].line, why,
				wrong[i].words);
		assert_int_equal(book.count, 0);
		ratio_book_free(&book);
	}
}

static int read_text(struct ratio_book *book, const char *text, char *why)
{
	FILE *in = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	int error;

	assert_non_null(in);
	error = ratio_book_read(book, in, "wishes.txt", why);
	fclose(in);
	return error;
}

static void a_file_has_lists_and_headings(void **state)
{
	static const char good[] = "# nothing\n\nlist locks = mutex, ticket\n"
				   "list slow = locks, scq\nawait held_95\n"
				   "one: mag_tls / fastest(slow) @ pair\n"
				   "[Second part]\n  two: mag_tls / mutex @ held_95\n";
	struct ratio_book book = {0};
	char why[RATIO_WHY_BYTES];

	(void)state;
	assert_int_equal(read_text(&book, good, why), 0);
	assert_int_equal(book.count, 2);
	assert_string_equal(book.target[0].section, "");
	assert_string_equal(book.target[1].section, "Second part");
	assert_int_equal(book.target[0].side[1].names.count, 3);
	assert_string_equal(book.target[0].side[1].names.item[0], "mutex");
	assert_string_equal(book.target[0].side[1].names.item[2], "scq");
	assert_int_equal(ratio_book_check(&book, &whole, 1, why), 0);
	ratio_book_free(&book);

	assert_int_equal(read_text(&book, "# one\n\nmag_tls /\n", why), -EINVAL);
	assert_ptr_equal(strstr(why, "wishes.txt:3: a name is expected"), why);
	ratio_book_free(&book);
}

static void expect_unknown(const char *line, const char *words, const char *more)
{
	struct ratio_book book = {0};
	char why[RATIO_WHY_BYTES] = "";

	assert_int_equal(ratio_book_add(&book, line, why), 0);
	assert_int_equal(ratio_book_check(&book, &whole, 1, why), -EINVAL);
	if (strstr(why, words) == NULL || strstr(why, more) == NULL)
		fail_msg("'%s' was answered '%s'", line, why);
	ratio_book_free(&book);
}

static void a_name_that_nobody_knows_is_refused(void **state)
{
	/* "dpdk" is a row of this store and no strategy of this build. */
	static const char known[] = "dpdk / mag_tls+sticky @ pair";
	struct ratio_book book = {0};
	char why[RATIO_WHY_BYTES];

	(void)state;
	expect_unknown("mag_tlz / plain @ pair", "no strategy 'mag_tlz'; did you mean 'mag_tls'?",
		"treiber_tag");
	expect_unknown("ours / fastest(plain, nobody) @ pair", "no strategy 'nobody'", "mutex");
	expect_unknown("ours / mag_tls+nobody @ pair", "no strategy 'mag_tls+nobody'", "+POLICY");
	expect_unknown("ours @ pair / same @ piar", "no workload 'piar'; did you mean 'pair'?",
		"remote_free");
	/* A strategy is no workload. */
	expect_unknown("ours / null @ mutex", "no workload 'mutex'", "pair");
	assert_int_equal(ratio_book_add(&book, known, why), 0);
	assert_int_equal(ratio_book_check(&book, &whole, 1, why), 0);
	assert_int_equal(ratio_book_check(&book, NULL, 0, why), -EINVAL);
	ratio_book_free(&book);
}

static void expect_estimate(const struct ratio_result *r, double want, double tolerance)
{
	if (r->verdict == RATIO_ABSENT)
		fail_msg("absent: %s", r->why);
	near(r->estimate.point, want, tolerance);
	assert_true(r->estimate.lo < r->estimate.point && r->estimate.point < r->estimate.hi);
}

static void one_cell_is_paired_as_in_the_report(void **state)
{
	const struct ratio_result r = answered(whole, "treiber_tag / rseq_mag @ pair threads=1");
	const struct ratio_result back = answered(whole, "rseq_mag / treiber_tag @ pair threads=1");
	char line[LINE_BYTES];

	(void)state;
	expect_estimate(&r, log(15 / 2.04), 0.02);
	near(r.value[0], 15, 1);
	near(r.value[1], 2.04, 0.15);
	assert_string_equal(r.rows[0], "treiber_tag");
	assert_string_equal(r.cell[0], "pair, 1 thread");
	assert_int_equal(r.verdict, RATIO_SHOWN);
	expect_estimate(&back, -r.estimate.point, 1e-9);

	/* Digit for digit what the report has against a cell's best. */
	const struct analysis_cell *cell = &effects->cells[0];
	const struct analysis_result *stack = analysis_at(effects, 0, subject(effects, "scq"));

	snprintf(line, sizeof(line), "scq / %s @ pair threads=1",
		effects->subjects[cell->best].label);

	const struct ratio_result same = answered(whole, line);

	assert_memory_equal(&same.estimate, &stack->to_best, sizeof(same.estimate));
}

static void a_difference_is_in_ns(void **state)
{
	const struct ratio_result r =
		answered(whole, "treiber_tag - mag_tls @ pair threads=1 <= 20 ns");

	(void)state;
	/* The weather of a block is common to both and multiplies the difference. */
	expect_estimate(&r, 13, 1);
	near(r.value[0], 15, 1);
	near(r.value[1], 2, 0.15);
	assert_int_equal(r.verdict, RATIO_MET);
	assert_int_equal(answered(whole, "treiber_tag - mag_tls @ pair threads=1 <= 9 ns").verdict,
		RATIO_MISSED);
	assert_int_equal(answered(whole, "mag_tls - treiber_tag @ pair threads=1 <= 0 ns").verdict,
		RATIO_MET);
}

static void two_cells_are_taken_apart(void **state)
{
	/* Two threads: 2.0 + 0.1 ns. Eight on two CPUs: four turns, and 2.2 times the sharing. */
	const struct ratio_result two =
		answered(whole, "mag_tls @ pair threads=2 / mag_tls @ pair threads=1");
	const struct ratio_result eight =
		answered(whole, "rate(mag_tls) @ pair threads=4N / rate(mag_tls) @ pair threads=N");
	const struct ratio_result apart =
		answered(whole, "mag_tls @ remote_free - mag_tls @ pair threads=1");
	const struct ratio_result alone = answered(whole, "mag_tls @ pair threads=1 >= 1 ns");

	(void)state;
	expect_estimate(&two, log(2.1 / 2.0), 0.05);
	assert_string_equal(two.cell[0], "pair, 2 threads");
	assert_string_equal(two.cell[1], "pair, 1 thread");
	expect_estimate(&eight, log((8 / (4 * 2.22)) / (2 / 2.1)), 0.05);
	near(eight.value[1] / 1e6, 2e3 / 2.1, 60);
	expect_estimate(&apart, 6.4 - 2.0, 0.5);
	expect_estimate(&alone, 2, 0.15);
	assert_int_equal(alone.verdict, RATIO_MET);

	/* What differs between the two cells' blocks is noise here, and is in the interval. */
	const struct ratio_result paired = answered(whole, "mag_tls / rseq_arr @ pair threads=1");

	assert_true(two.estimate.hi - two.estimate.lo > paired.estimate.hi - paired.estimate.lo);
}

static void ours_is_none_of_the_others(void **state)
{
	struct ratio_result r = answered(whole, "ours / mutex @ pair threads=1");
	struct analysis *a;

	(void)state;
	/* null (0.6 ns) and plain (1.5 ns) are faster, malloc and its peers are no pools. */
	assert_ptr_equal(strstr(r.rows[0], "mag_tls, best of 15"), r.rows[0]);
	expect_estimate(&r, log(2.0 / 17), 0.02);

	a = changed("UPDATE slice SET failed = 1 WHERE subject_id = 14 AND block_id = 3");
	r = answered(a, "ours / mutex @ pair threads=1");
	assert_ptr_equal(strstr(r.rows[0], "rseq_mag, best of 14"), r.rows[0]);
	r = answered(a, "ours / mutex @ pair threads=2");
	assert_non_null(strstr(r.rows[0], ", best of 15"));
	analysis_free(a);

	a = changed("UPDATE subject SET summary = 'peer: magazines' WHERE label = 'mag_tls'");
	r = answered(a, "ours / mutex @ pair threads=1");
	assert_ptr_equal(strstr(r.rows[0], "rseq_mag, best of 14"), r.rows[0]);
	analysis_free(a);

	a = changed("UPDATE subject SET pool = 'bare_cas' WHERE pool = 'mag_tls'");
	r = answered(a, "ours / mutex @ pair threads=1");
	assert_ptr_equal(strstr(r.rows[0], "rseq_mag, best of 14"), r.rows[0]);
	analysis_free(a);

	a = changed("UPDATE subject SET context = 'mtag' WHERE pool = 'mag_tls';"
		    "UPDATE subject SET context = 'sticky' WHERE label = 'rseq_mag'");
	r = answered(a, "ours / mutex @ pair threads=1");
	assert_ptr_equal(strstr(r.rows[0], "rseq_mag, best of 14"), r.rows[0]);
	analysis_free(a);
}

/* The row is named and the figure is its own; its interval is wider for having been chosen. */
static void a_choice_costs_certainty(void **state)
{
	const struct ratio_result chosen = answered(whole, "ours / mutex @ pair threads=1");
	const struct ratio_result named = answered(whole, "mag_tls / mutex @ pair threads=1");
	const struct ratio_result below = answered(whole, "mutex / ours @ pair threads=1");
	const struct ratio_result both =
		answered(whole, "fastest(malloc, mimalloc, dpdk) / ours @ pair threads=1");

	(void)state;
	assert_true(chosen.estimate.point == named.estimate.point);
	assert_true(
		chosen.estimate.hi - chosen.estimate.lo > named.estimate.hi - named.estimate.lo);
	expect_estimate(&below, -chosen.estimate.point, 1e-9);
	near(below.estimate.hi, -chosen.estimate.lo, 0.002);
	expect_estimate(&both, log(6.1 / 2.0), 0.02);
	assert_string_equal(both.rows[0], "mimalloc, best of 2 (no dpdk)");
}

static void same_is_the_row_of_the_other_side(void **state)
{
	struct analysis *a;
	struct ratio_result r;

	(void)state;
	/* rseq_mag is the fastest of the two with two threads, mag_tls is with one. */
	a = changed("UPDATE slice SET units_per_s = units_per_s / 2 WHERE subject_id = 14 AND "
		    "block_id IN (SELECT block_id FROM block WHERE cell_id = 2)");
	r = answered(a, "fastest(mag_tls, rseq_mag) @ pair threads=2 / same @ pair threads=1");
	assert_string_equal(r.rows[0], "rseq_mag, best of 2");
	assert_string_equal(r.rows[1], "rseq_mag");
	expect_estimate(&r, log(2.09 / 2.04), 0.05);
	r = answered(a, "fastest(mag_tls, rseq_mag) @ pair threads=1 / same @ pair threads=2");
	assert_string_equal(r.rows[1], "mag_tls");
	expect_estimate(&r, log(2.0 / 4.2), 0.05);
	analysis_free(a);
}

static void failures_are_counted(void **state)
{
	struct analysis *a = changed("UPDATE slice SET failed = 2 WHERE subject_id IN (6, 14) AND "
				     "block_id IN (1, 2);"
				     "UPDATE slice SET failed = 3 WHERE subject_id = 9 AND "
				     "block_id = 5");
	struct ratio_result r = answered(a, "failed(exact) @ pair threads=2 <= 0");

	(void)state;
	near(r.estimate.point, 0, 0);
	assert_int_equal(r.verdict, RATIO_MET);
	assert_ptr_equal(strstr(r.rows[0], "each of "), r.rows[0]);
	/* treiber_tag failed 4 and scq 3; mag_tls as well, and promised nothing. */
	r = answered(a, "failed(exact) @ pair threads=1 <= 0");
	near(r.estimate.point, 4, 0);
	assert_int_equal(r.verdict, RATIO_MISSED);
	assert_ptr_equal(strstr(r.rows[0], "treiber_tag, worst of "), r.rows[0]);
	r = answered(a, "failed(scq) @ pair threads=1 <= 3");
	near(r.estimate.point, 3, 0);
	assert_int_equal(r.verdict, RATIO_MET);
	/* A time with failures is none. */
	r = answered(a, "scq / mutex @ pair threads=1");
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "scq failed 3 gets in 'pair, 1 thread'"));
	analysis_free(a);
}

static void a_verdict_wants_the_whole_interval(void **state)
{
	const struct ratio_result r = answered(whole, "treiber_tag / mag_tls @ pair threads=1");
	const double middle = exp(r.estimate.point), low = exp(r.estimate.lo),
		     high = exp(r.estimate.hi);
	const struct {
		const char *sign;
		double wanted;
		enum ratio_verdict verdict;
	} rows[] = {
		{"<=", high * 1.0001, RATIO_MET},
		{"<=", middle, RATIO_UNDECIDED},
		{"<=", low * 0.9999, RATIO_MISSED},
		{">=", low * 0.9999, RATIO_MET},
		{">=", middle, RATIO_UNDECIDED},
		{">=", high * 1.0001, RATIO_MISSED},
	};
	struct synthetic_store wanted = wanted_store();
	struct analysis *a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[LINE_BYTES];

		snprintf(line, sizeof(line), "treiber_tag / mag_tls @ pair threads=1 %s %.17g",
			rows[i].sign, rows[i].wanted);
		assert_int_equal(answered(whole, line).verdict, rows[i].verdict);
	}
	/* Four pairs have no interval, so nothing is met or missed, however clear it looks. */
	wanted.forks = wanted.blocks = wanted.cells = 2;
	synthetic_store_write(other, &wanted);
	a = read_raw(other);
	assert_int_equal(
		answered(a, "mutex / mag_tls @ pair threads=1 >= 2").verdict, RATIO_UNDECIDED);
	assert_int_equal(
		answered(a, "mutex / ours @ pair threads=1 >= 2").verdict, RATIO_UNDECIDED);
	assert_int_equal(
		answered(a, "mutex @ pair threads=2 / mutex @ pair threads=1 >= 2").verdict,
		RATIO_UNDECIDED);
	analysis_free(a);
}

static void what_is_absent_says_why(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"mag_tls / mutex @ wireguard", "no sweep here has wireguard"},
		{"mag_tls / mutex @ pair threads=3", "not measured like that, with 3 threads"},
		{"mag_tls / mutex @ pair threads=1 size=64", "not measured like that"},
		{"mag_tls / mutex @ pair", "3 cells of pair fit; threads="},
		{"mag_tls / bare_faa @ pair threads=1",
			"with 'pair, 1 thread' has no row bare_faa"},
		{"plain / mutex @ pair threads=2",
			"plain has no time in 'pair, 2 threads': It can"},
		{"scq / mutex @ burst threads=8",
			"scq has no time in 'burst 32, 8 threads': The w"},
		{"fastest(dpdk, nobody) / ours @ pair threads=1",
			"none of dpdk, nobody, ... has a"},
		{"plain @ pair threads=1 / same @ pair threads=2", "plain has no time in 'pair, 2"},
		{"failed(dpdk) @ pair threads=1", "dpdk has no time in"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ratio_result r = answered(whole, rows[i].line);

		if (r.verdict != RATIO_ABSENT || strstr(r.why, rows[i].words) == NULL)
			fail_msg("'%s' was answered %s, '%s'", rows[i].line,
				ratio_verdict_name(r.verdict), r.why);
	}
}

static void the_first_store_that_has_it_answers(void **state)
{
	struct analysis *small = changed("DELETE FROM slice WHERE subject_id = 6");
	struct analysis *stores[] = {small, whole};
	const struct ratio_target here = parsed("mag_tls / mutex @ pair threads=1");
	const struct ratio_target there = parsed("mag_tls / treiber_tag @ pair threads=1");
	const struct ratio_target nowhere = parsed("mag_tls / plain @ burst threads=2");
	struct ratio_result r;

	(void)state;
	assert_int_equal(ratio_evaluate(&here, stores, 2, &r), 0);
	assert_int_equal(r.store, 0);
	assert_int_equal(r.verdict, RATIO_SHOWN);
	assert_int_equal(ratio_evaluate(&there, stores, 2, &r), 0);
	assert_int_equal(r.store, 1);
	assert_int_equal(r.verdict, RATIO_SHOWN);
	/* The reason is that of the store which came nearest. */
	assert_int_equal(ratio_evaluate(&nowhere, stores, 2, &r), 0);
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "plain has no time in 'burst 32, 2 threads'"));
	analysis_free(small);
}

/* Runs the command with its output in a file, whose text is kept for the caller to free. */
static int run(char **output, ...)
{
	char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "ratios"}, path[2 * PATH_BYTES];
	int argc = 1;
	va_list args;

	va_start(args, output);
	for (char *word; (word = va_arg(args, char *)) != NULL;)
		argv[argc++] = word;
	va_end(args);
	snprintf(path, sizeof(path), "%s/output", directory);
	fflush(NULL);

	const int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && saved_out >= 0 && saved_err >= 0);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);

	const int status = command_ratios.run(argc, argv);

	fflush(NULL);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);

	const off_t bytes = lseek(fd, 0, SEEK_END);

	*output = calloc(1, (size_t)bytes + 1);
	assert_non_null(*output);
	assert_int_equal(pread(fd, *output, (size_t)bytes, 0), bytes);
	close(fd);
	return status;
}

static void expect_run(int want, const char *words, char *first, char *second, char *third)
{
	char *output = NULL;
	const int status = run(&output, first, second, third, NULL);

	if (status != want || strstr(output, words) == NULL)
		fail_msg("status %d, wanted %d and '%s', said: %s", status, want, words, output);
	free(output);
}

static void the_command_has_statuses(void **state)
{
	char file[2 * PATH_BYTES];
	FILE *out;

	(void)state;
	snprintf(file, sizeof(file), "%s/targets", directory);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs("[Locks | and more]\nslow: mutex / mag_tls @ pair threads=1 >= 2\n"
	      "none: ours / null @ wireguard <= 2\nshown: mutex @ pair threads=1\n",
		out);
	fclose(out);
	expect_run(COMMAND_OK, "Of 2 targets 1 are met, 0 missed, 0 undecided and 1 absent.",
		"--of", file, store);
	expect_run(COMMAND_OK, "missed by 14 %", store, "mutex / mag_tls @ pair threads=1 >= 10",
		NULL);
	expect_run(COMMAND_OK, "missed by 13.7 ns", store,
		"treiber_tag - mag_tls @ pair threads=1 <= 0 ns", NULL);
	expect_run(COMMAND_USAGE, "there is no target", store, NULL, NULL);
	expect_run(COMMAND_USAGE, "no strategy 'mutes'; did you mean 'mutex'?", store,
		"mutes / mag_tls @ pair threads=1", NULL);
	expect_run(COMMAND_USAGE, "a name is expected", store, "mutex / @ pair", NULL);
	expect_run(COMMAND_USAGE, "there is no store '/nonexistent.db'", "/nonexistent.db", NULL,
		NULL);
	expect_run(COMMAND_USAGE, "there is no store 'gone.db'", store, "gone.db", NULL);
	expect_run(COMMAND_USAGE, "no store is named before the target 'mutex / ours @ pair'",
		"mutex / ours @ pair", NULL, NULL);
	expect_run(COMMAND_USAGE, "there is no format 'html'", "--format=html", store, NULL);
	expect_run(
		COMMAND_FAILED, "'/nonexistent' can't be read", "--of=/nonexistent", store, NULL);
	expect_run(COMMAND_FAILED, "not a store", file, "mutex / ours @ pair", NULL);
	expect_run(COMMAND_OK, "SIDE / SIDE @ CELL", "--help", NULL, NULL);
}

/* Whatever a text beside the figures says of the machine, the store's own words stand there too. */
static void what_the_machine_did_is_told(void **state)
{
	static const char together[] = "changed together by up to ";
	const struct synthetic_store wanted = wanted_store();
	char *output = NULL;

	(void)state;
	synthetic_store_write(other, &wanted);
	synthetic_store_execute(other,
		"UPDATE machine SET grade = 'C', json = json_set(json, '$.load', '2.83 2.55 3.86 "
		"2/82 25375', '$.\"cpu pressure\"', 'some avg10=1.00 avg60=2.00 avg300=3.00 "
		"total=9');"
		"UPDATE slice SET units_per_s = units_per_s / 4 WHERE block_id IN "
		"(SELECT block_id FROM block WHERE fork = 2 AND cell_id = 1)");
	assert_int_equal(
		run(&output, "--format", "md", other, "mutex / mag_tls @ pair threads=1", NULL),
		COMMAND_OK);
	assert_non_null(strstr(output, "noise grade C"));
	assert_non_null(strstr(output, ", load 2.83 2.55 3.86,"));
	assert_non_null(strstr(output, "cpu pressure some avg10=1.00 avg60=2.00 avg300=3.00;"));
	const char *at = strstr(output, together);
	assert_non_null(at);
	const double times = strtod(at + strlen(together), NULL);
	assert_true(times > 3.5 && times < 4.5);
	free(output);
}

static void markdown_is_a_table(void **state)
{
	char *output = NULL, file[2 * PATH_BYTES];
	size_t rows = 0;

	(void)state;
	snprintf(file, sizeof(file), "%s/targets", directory);
	assert_int_equal(run(&output, "--of", file, "--format", "md", store, NULL), COMMAND_OK);
	assert_non_null(strstr(output, "**Locks \\| and more**"));
	for (char *line = output, *end; *line != '\0'; line = end + 1) {
		size_t pipes = 0;

		end = strchr(line, '\n');
		assert_non_null(end);
		for (const char *p = line; p < end; p++)
			pipes += *p == '|' && (p == line || p[-1] != '\\') ? 1 : 0;
		if (*line == '|') {
			assert_int_equal(pipes, 8);
			rows++;
		}
	}
	assert_int_equal(rows, 5);
	free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_file_has_lists_and_headings),
		cmocka_unit_test(a_name_that_nobody_knows_is_refused),
		cmocka_unit_test(one_cell_is_paired_as_in_the_report),
		cmocka_unit_test(a_difference_is_in_ns),
		cmocka_unit_test(two_cells_are_taken_apart),
		cmocka_unit_test(ours_is_none_of_the_others),
		cmocka_unit_test(a_choice_costs_certainty),
		cmocka_unit_test(same_is_the_row_of_the_other_side),
		cmocka_unit_test(failures_are_counted),
		cmocka_unit_test(a_verdict_wants_the_whole_interval),
		cmocka_unit_test(what_is_absent_says_why),
		cmocka_unit_test(the_first_store_that_has_it_answers),
		cmocka_unit_test(the_command_has_statuses),
		cmocka_unit_test(what_the_machine_did_is_told),
		cmocka_unit_test(markdown_is_a_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
