/* Targets, right and wrong; their arithmetic on stores whose truth is known; the command. */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/ratio.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/command/captured.h"
#include "bench/report/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { PATH_BYTES = 128, TEXT_BYTES = 1024 };

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

static int set_up(NO_STATE)
{
	const struct synthetic_store wanted = wanted_store();
	char why[RATIO_WHY_BYTES];

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

static int tear_down(NO_STATE)
{
	char command[2 * PATH_BYTES];

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

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.9g, want %.9g within %.3g", got, want, tolerance);
}

static int read_text(const char *text, struct ratio_target **targets, size_t *count, char *why)
{
	const struct ratio_stores stores = {1, &whole};
	FILE *in = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	int error;

	assert_non_null(in);
	error = ratio_read(in, "wishes.ini", &stores, targets, count, why);
	fclose(in);
	return error;
}

/* One target, from its keys with '|' between them; with one thread in pair unless they say more. */
static struct ratio_target parsed(const char *keys)
{
	struct ratio_target *targets, target;
	char text[TEXT_BYTES], why[RATIO_WHY_BYTES];
	size_t count;

	snprintf(text, sizeof(text), "[x]\n%s%s", keys,
		strstr(keys, "at=") == NULL ? "|at=pair, 1 thread\n" : "\n");
	for (char *c; (c = strchr(text, '|')) != NULL;)
		*c = '\n';
	if (read_text(text, &targets, &count, why) != 0)
		fail_msg("%s", why);
	assert_int_equal(count, 1);
	target = targets[0];
	free(targets);
	return target;
}

static struct ratio_result answered(struct analysis *a, const char *keys)
{
	const struct ratio_target target = parsed(keys);
	struct ratio_result result;

	ratio_evaluate(&target, &(struct ratio_stores){1, &a}, &result);
	return result;
}

static void a_file_is_read(NO_STATE)
{
	static const char text[] =
		"; nothing\n[First part]\n\n[one]\nrow = mag_tls+sticky, mutex\n"
		"  minus = null\nat=burst 32, 4N threads ; why\n"
		"want = <= 0.3 ns\n[Second part]\n# this is above\n"
		"[two, which has a title of more than the 49 characters of inih]\n"
		"row = ours @ pair, N threads\nover = same @ pair, 1 thread\n"
		"measure = rate\n[three]\nat = pair, 1 thread\n"
		"measure = failed\nrow = exact\nwant = >= 0\n";
	struct ratio_target *t;
	char why[RATIO_WHY_BYTES];
	size_t count;

	if (read_text(text, &t, &count, why) != 0)
		fail_msg("%s", why);
	assert_int_equal(count, 3);
	assert_string_equal(t[0].heading, "First part");
	assert_string_equal(t[0].title, "one");
	assert_true(t[0].measure == RATIO_TIME && t[0].operation == RATIO_MINUS);
	assert_int_equal(t[0].side[0].count, 2);
	assert_string_equal(t[0].side[0].name[0], "mag_tls+sticky");
	assert_string_equal(t[0].side[0].name[1], "mutex");
	assert_string_equal(t[0].side[0].cell, "burst 32, 4N threads");
	assert_string_equal(t[0].side[1].name[0], "null");
	assert_string_equal(t[0].side[1].cell, "burst 32, 4N threads");
	assert_true(t[0].bound == RATIO_AT_MOST && t[0].wanted_ns);
	near(t[0].wanted, 0.3, 0);
	assert_string_equal(t[1].heading, "Second part");
	assert_non_null(strstr(t[1].title, "the 49 characters of inih"));
	assert_true(t[1].measure == RATIO_RATE && t[1].operation == RATIO_OVER);
	assert_string_equal(t[1].side[0].cell, "pair, N threads");
	assert_string_equal(t[1].side[1].cell, "pair, 1 thread");
	assert_int_equal(t[1].bound, RATIO_NO_BOUND);
	assert_string_equal(t[2].heading, "Second part");
	assert_true(t[2].measure == RATIO_FAILED && t[2].operation == RATIO_ALONE);
	assert_int_equal(t[2].bound, RATIO_AT_LEAST);
	free(t);
}

#define ROW  "[a]\nrow = mag_tls\n"
#define AT   "at = pair, 1 thread\n"
#define BOTH ROW "over = plain\n" AT

static void a_mistake_has_a_line_and_a_cure(NO_STATE)
{
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{"row = mag_tls\n", "wishes.ini:1: a [TITLE] is expected"},
		{"[a]\nrow mag_tls\n", "wishes.ini:2: a line is [HEADING], KEY = VALUE or ; COMM"},
		{"[a]\nrow mag_tls\nrow = nobody\n", "wishes.ini:2: a line is"},
		{"[a\n", "wishes.ini:1: a heading ends in ']'"},
		{"[]\n", "wishes.ini:1: a title has 1 to 159 characters"},
		{ROW "above = x\n", "wishes.ini:3: 'above' is none of row, over, minus, at, meas"},
		{ROW "\nrow = mutex\n", "wishes.ini:4: row is given twice"},
		{ROW "over = null\nminus = null\n", "wishes.ini:4: there is either over or minus"},
		{"[a]\nrow = mag_tlz\n",
			":2: there is no strategy 'mag_tlz'; did you mean 'mag_tl"},
		{"[a]\nrow = mag_tls+nobody\n", "no strategy 'mag_tls+nobody'"},
		{"[a]\nrow = plain,\n", "wishes.ini:2: there is no strategy ''"},
		{"[a]\nat = piar, 1 thread\n", "no workload 'piar'; did you mean 'pair'? Known: "},
		{"[a]\nat = mutex\n", "wishes.ini:2: there is no workload 'mutex'"},
		{"[a]\nrow = ours @\n", "wishes.ini:2: there is no workload ''"},
		{"[a]\nat = pair\n", "wishes.ini:2: a cell has threads, as in 'pair, 1 thread'"},
		{"[a]\nmeasure = speed\n",
			"measure is time, rate, failed, p50, p99, p99.9, max or p99/p50, and not"},
		{"[a]\nload = 0\n", "load is 1 to 100, in per cent of the capacity, and not '0'"},
		{"[a]\nload = 101\n", "and not '101'"},
		{"[a]\nload = -80\n", "and not '-80'"},
		{"[a]\nload = 80 %\n", "and not '80 %'"},
		{"[a]\nload = many\n", "and not 'many'"},
		{ROW AT "load = 80\n", "load is for p50, p99, p99.9, max and p99/p50"},
		{ROW AT "minus = null\nmeasure = p99/p50\n", "p99/p50 stands alone or is divided"},
		{ROW AT "measure = p99/p50\nwant = <= 3 ns\n", "want has no unit here"},
		{ROW AT "measure = p99/p50\nwant = <= 0\n", "of a ratio is above 0"},
		{"[a]\nwant = < 1\n", "want is '<=' or '>=' and a number, as in '<= 1.3' or"},
		{"[a]\nwant = <= -1\n", "and not '<= -1'"},
		{"[a]\nwant = >=\n", "and not '>='"},
		{"[a]\nwant = >= 1e999\n", "and not '>= 1e999'"},
		{"[a]\nwant = >= nan\n", "and not '>= nan'"},
		{"[a]\nwant = >= 1.3x\n", "and not '>= 1.3x'"},
		{"[a]\n" AT "[b]\n", "wishes.ini:1: there is no row: say which, as in 'row = "},
		{ROW, "wishes.ini:1: there is no cell: say where, as in 'at = pair, 1 thread'"},
		{"[a]\nrow = ours @ pair, 1 thread\nover = null\n", "there is no cell"},
		{BOTH "measure = failed\n", "failed gets stand alone"},
		{ROW AT "measure = rate\n", "rates are divided, by 'over'"},
		{"[a]\nrow = same\n" AT, "'same' is for over and minus"},
		{ROW "over = same\n" AT, "in another cell than the row's"},
		{BOTH "want = >= 1 ns\n", "want has no unit here"},
		{BOTH "want = >= 0\n", "what is wanted of a ratio is above 0"},
		{ROW AT "want = >= 1\n", "want is in ns here, as in '<= 0.3 ns'"},
	};
	struct ratio_target *targets;
	char why[RATIO_WHY_BYTES], text[TEXT_BYTES];
	size_t count;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_text(wrong[i].text, &targets, &count, why) != -EINVAL ||
			strstr(why, wrong[i].words) == NULL)
			fail_msg("'%s' was answered '%s', not '%s'", wrong[i].text, why,
				wrong[i].words);
		assert_null(targets);
	}
	snprintf(text, sizeof(text), "\n[a]\nrow = %0*d\n", TEXT_BYTES / 2, 0);
	assert_int_equal(read_text(text, &targets, &count, why), -EINVAL);
	assert_string_equal(why, "wishes.ini:3: a line has at most 198 characters");
	/* "dpdk" is a row of this store and no strategy of this build. */
	parsed("row=dpdk");
}

static double width(const struct ratio_result *r)
{
	return r->estimate.hi - r->estimate.lo;
}

static void the_truth_is_found(NO_STATE)
{
	const struct {
		const char *keys, *rows;
		double point, tolerance, value;
		enum ratio_verdict verdict;
	} rows[] = {
		{"row=treiber_tag|over=rseq_mag", "treiber_tag:rseq_mag", log(15 / 2.04), 0.02, 15,
			RATIO_SHOWN},
		/* The weather of a block is common to both and multiplies the difference. */
		{"row=treiber_tag|minus=mag_tls|want=<= 20 ns", "treiber_tag:mag_tls", 13, 1, 15,
			RATIO_MET},
		{"row=treiber_tag|minus=mag_tls|want=<= 9 ns", "treiber_tag:mag_tls", 13, 1, 15,
			RATIO_MISSED},
		{"row=mag_tls|minus=treiber_tag|want=<= 0 ns", "mag_tls:treiber_tag", -13, 1, 2,
			RATIO_MET},
		/* Two threads: 2.0 + 0.1 ns. Eight on two CPUs: four turns, 2.2 times the sharing. */
		{"row=mag_tls @ pair, 2 threads|over=same", "mag_tls:mag_tls", log(2.1 / 2.0), 0.05,
			2.1, RATIO_SHOWN},
		{"row=mag_tls|at=pair, 4N threads|over=same @ pair, N threads|measure=rate",
			"mag_tls:mag_tls", log((8 / (4 * 2.22)) / (2 / 2.1)), 0.05,
			8e9 / (4 * 2.22), RATIO_SHOWN},
		{"row=mag_tls @ remote_free 32, 2 threads|minus=mag_tls", "mag_tls:mag_tls", 4.4,
			0.5, 6.4, RATIO_SHOWN},
		{"row=mag_tls|want=>= 1 ns", "mag_tls:", 2, 0.15, 2, RATIO_MET},
		/* null (0.6 ns) and plain (1.5 ns) are faster, malloc and its peers are no pools. */
		{"row=ours|over=mutex", "mag_tls, best of 15:mutex", log(2.0 / 17), 0.02, 2,
			RATIO_SHOWN},
		{"row=malloc, mimalloc, dpdk|over=ours",
			"mimalloc, best of 2 (no dpdk):mag_tls, best of 15", log(6.1 / 2.0), 0.02,
			6.1, RATIO_SHOWN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ratio_result r = answered(whole, rows[i].keys);
		char both[TEXT_BYTES];

		snprintf(both, sizeof(both), "%s:%s", r.rows[0], r.rows[1]);
		print_message("%s: %g, %s\n", rows[i].keys, r.estimate.point, both);
		assert_int_equal(r.verdict, rows[i].verdict);
		near(r.estimate.point, rows[i].point, rows[i].tolerance);
		assert_true(r.estimate.lo < r.estimate.point && r.estimate.point < r.estimate.hi);
		near(r.value[0] / rows[i].value, 1, 0.08);
		assert_string_equal(both, rows[i].rows);
	}
}

/* A call of pair takes half a unit's time, and 25 ns for the clock. */
static void times_of_calls_are_compared(NO_STATE)
{
	struct ratio_result r =
		answered(whole, "row=mutex|at=pair, 2 threads|measure=p50|want=>= 50 ns");
	const double mutex_ns = 25 + 77 / 2.0 / (1 + 39.0 / 2048) * exp(-0.045);

	near(r.value[0] / mutex_ns, 1, 0.06);
	near(r.estimate.point, r.value[0], 0);
	assert_true(r.estimate.lo < r.estimate.hi);
	assert_int_equal(r.verdict, RATIO_MET);
	r = answered(whole, "row=mutex|at=pair, 2 threads|measure=p50|want=<= 50 ns");
	assert_int_equal(r.verdict, RATIO_MISSED);

	r = answered(whole, "row=mutex|over=ours|at=pair, 2 threads|measure=p99.9|want=>= 2");
	assert_int_equal(r.verdict, RATIO_MET);
	assert_non_null(strstr(r.rows[1], "best of"));
	near(r.estimate.point, log(r.value[0] / r.value[1]), 1e-9);
	r = answered(whole, "row=mag_tls|over=mutex|at=pair, 2 threads|measure=p99.9|want=>= 2");
	assert_int_equal(r.verdict, RATIO_MISSED);

	/* The longest has no interval, and so no verdict. */
	r = answered(whole, "row=mutex|over=mag_tls|measure=max|want=>= 2");
	assert_int_equal(r.verdict, RATIO_UNDECIDED);
	assert_true(r.estimate.point > 0);
	assert_true(isinf(r.estimate.lo));

	struct analysis *a = changed("DELETE FROM latency WHERE subject_id = 4");

	r = answered(a, "row=mutex|measure=p99");
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "too few calls of mutex were timed in 'pair, 1 thread'"));
	analysis_free(a);
}

#define INJECT "at=wfp_inject, 2 threads|measure="

/* What is asked of a design at 80 % load: that its tail is near its middle. */
static void response_times_are_compared(NO_STATE)
{
	const double z_99 = 2.326348, ns = 95 * 2.5 / (1 - 0.8);
	struct ratio_result r = answered(whole, "row=rseq_mag|" INJECT "p99/p50|load=80|want=<= 3");

	near(r.value[0] / exp(SYNTHETIC_SIGMA * z_99), 1, 0.06);
	near(r.estimate.point, r.value[0], 0);
	assert_true(r.estimate.lo < r.estimate.point && r.estimate.point < r.estimate.hi);
	assert_int_equal(r.verdict, RATIO_MET);
	r = answered(whole, "row=ticket|" INJECT "p99/p50|load=80|want=<= 3");
	near(r.value[0] / exp(SYNTHETIC_BLOCKED_SIGMA * z_99), 1, 0.06);
	assert_int_equal(r.verdict, RATIO_MISSED);
	r = answered(whole, "row=ticket|over=rseq_mag|" INJECT "p99/p50|load=80|want=>= 2");
	near(r.estimate.point, (SYNTHETIC_BLOCKED_SIGMA - SYNTHETIC_SIGMA) * z_99, 0.12);
	assert_int_equal(r.verdict, RATIO_MET);

	r = answered(whole, "row=ticket|" INJECT "p99|load=80|want=>= 1000 ns");
	near(r.value[0] / (ns * exp(SYNTHETIC_BLOCKED_SIGMA * z_99)), 1, 0.06);
	assert_int_equal(r.verdict, RATIO_MET);
	/* Calls are another matter: of them ticket has fewer that take long. */
	r = answered(whole, "row=ticket|" INJECT "p99|want=>= 1000 ns");
	assert_int_equal(r.verdict, RATIO_MISSED);

	r = answered(whole, "row=" SYNTHETIC_UNKEPT "|" INJECT "p99/p50|load=90|want=<= 9");
	assert_int_equal(r.verdict, RATIO_MET);
	r = answered(whole, "row=" SYNTHETIC_UNKEPT "|" INJECT "p99/p50|load=95|want=<= 9");
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "mutex does not keep a load of 95 % in 'wfp_inject, 2 thr"));
	r = answered(whole, "row=ticket|" INJECT "max|load=60");
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "ticket was not measured at a load of 60 % in 'wfp_in"));
}

static void intervals_are_as_wide_as_they_must_be(NO_STATE)
{
	const struct analysis_cell *cell = &effects->cells[0];
	const struct ratio_result named = answered(whole, "row=mag_tls|over=mutex");
	const struct ratio_result chosen = answered(whole, "row=ours|over=mutex");
	const struct ratio_result below = answered(whole, "row=mutex|over=ours");
	const struct ratio_result apart =
		answered(whole, "row=mag_tls @ pair, 2 threads|over=same");
	char keys[TEXT_BYTES];
	size_t scq = 0;

	/* In one cell digit for digit what the report has against the cell's best. */
	while (strcmp(effects->subjects[scq].label, "scq") != 0)
		scq++;
	snprintf(keys, sizeof(keys), "row=scq|over=%s", effects->subjects[cell->best].label);

	const struct ratio_result same = answered(whole, keys);

	assert_memory_equal(
		&same.estimate, &analysis_at(effects, 0, scq)->to_best, sizeof(same.estimate));
	/* What differs between two cells' blocks is noise, and is in the interval. */
	assert_string_equal(apart.cell[0], "pair, 2 threads");
	assert_string_equal(apart.cell[1], "pair, 1 thread");
	assert_true(width(&apart) > width(&named));
	/* A choice leaves the figure as it is, and costs certainty. */
	assert_true(chosen.estimate.point == named.estimate.point);
	assert_true(width(&chosen) > width(&named));
	near(below.estimate.point, -chosen.estimate.point, 1e-9);
	near(below.estimate.hi, -chosen.estimate.lo, 0.002);
}

static void a_change_changes_who_is_chosen(NO_STATE)
{
	static const char failed[] =
		"UPDATE slice SET failed = 1 WHERE subject_id = 14 AND block_id = 3";
	static const struct {
		const char *sql, *keys, *row;
	} rows[] = {
		{failed, "row=ours", "rseq_mag, best of 14"},
		{failed, "row=ours|at=pair, 2 threads", "rseq_mag, best of 15"},
		{"UPDATE subject SET summary = 'peer: magazines' WHERE label = 'mag_tls'",
			"row=ours", "rseq_mag, best of 14"},
		{"UPDATE subject SET pool = 'bare_cas' WHERE pool = 'mag_tls'", "row=ours",
			"rseq_mag, best of 14"},
		{"UPDATE subject SET context = 'mtag' WHERE pool = 'mag_tls';"
		 "UPDATE subject SET context = 'sticky' WHERE label = 'rseq_mag'",
			"row=ours", "rseq_mag, best of 14"},
		/* With two threads rseq_mag is the faster one of the two, and with one mag_tls. */
		{"UPDATE slice SET units_per_s = units_per_s / 2 WHERE subject_id = 14 AND "
		 "block_id IN (SELECT block_id FROM block WHERE cell_id = 2)",
			"row=mag_tls, rseq_mag @ pair, 2 threads|over=same", "rseq_mag, best of 2"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct analysis *a = changed(rows[i].sql);
		const struct ratio_result r = answered(a, rows[i].keys);

		assert_string_equal(r.rows[0], rows[i].row);
		if (strstr(rows[i].keys, "same") != NULL) {
			assert_string_equal(r.rows[1], "rseq_mag");
			near(r.estimate.point, log(2.09 / 2.04), 0.05);
		}
		analysis_free(a);
	}
}

static void failures_are_counted(NO_STATE)
{
	/* treiber_tag fails 4 and scq 3; mag_tls as well, and promised nothing. */
	struct analysis *a = changed("UPDATE slice SET failed = 2 WHERE subject_id IN (6, 14) AND "
				     "block_id IN (1, 2); UPDATE slice SET failed = 3 WHERE "
				     "subject_id = 9 AND block_id = 5");
	const struct ratio_result none =
		answered(a, "row=exact|measure=failed|want=<= 0|at=pair, 2 threads");
	const struct ratio_result worst = answered(a, "row=exact|measure=failed|want=<= 0");
	const struct ratio_result scq = answered(a, "row=scq|measure=failed|want=<= 3");
	const struct ratio_result time = answered(a, "row=scq|over=mutex");

	assert_true(none.verdict == RATIO_MET && none.estimate.point == 0);
	assert_ptr_equal(strstr(none.rows[0], "each of "), none.rows[0]);
	assert_true(worst.verdict == RATIO_MISSED && worst.estimate.point == 4);
	assert_ptr_equal(strstr(worst.rows[0], "treiber_tag, worst of "), worst.rows[0]);
	assert_true(scq.verdict == RATIO_MET && scq.estimate.point == 3);
	/* A time with failures is none. */
	assert_int_equal(time.verdict, RATIO_ABSENT);
	assert_non_null(strstr(time.why, "scq failed 3 gets in 'pair, 1 thread'"));
	analysis_free(a);
}

static void a_verdict_wants_the_whole_interval(NO_STATE)
{
	const struct ratio_result r = answered(whole, "row=treiber_tag|over=mag_tls");
	const double points[] = {r.estimate.lo - 0.0001, r.estimate.point, r.estimate.hi + 0.0001};
	static const enum ratio_verdict at_most[] = {RATIO_MISSED, RATIO_UNDECIDED, RATIO_MET};
	static const char *const few[] = {"row=mutex|over=mag_tls|want=>= 2",
		"row=mutex|over=ours|want=>= 2", "row=mutex @ pair, 2 threads|over=same|want=>= 2"};
	struct synthetic_store wanted = wanted_store();
	struct analysis *a;

	for (size_t i = 0; i < 3; i++) {
		char keys[TEXT_BYTES], sign[] = "<";

		for (; *sign <= '>'; *sign += '>' - '<') {
			snprintf(keys, sizeof(keys), "row=treiber_tag|over=mag_tls|want=%s= %.17g",
				sign, exp(points[i]));
			assert_int_equal(
				answered(whole, keys).verdict, at_most[*sign == '<' ? i : 2 - i]);
		}
	}
	/* Four pairs have no interval, so nothing is met or missed, however clear it looks. */
	wanted.forks = wanted.blocks = wanted.cells = 2;
	synthetic_store_write(other, &wanted);
	a = read_raw(other);
	for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++)
		assert_int_equal(answered(a, few[i]).verdict, RATIO_UNDECIDED);
	analysis_free(a);
}

static void what_is_absent_says_why(NO_STATE)
{
	static const struct {
		const char *keys, *words;
	} rows[] = {
		{"row=mag_tls|at=wireguard 32, 1 thread", "no sweep here has 'wireguard 32, 1 th"},
		{"row=mag_tls|at=pair, 3N threads", "no sweep here has 'pair, 6 threads'"},
		{"row=bare_faa", "with 'pair, 1 thread' has no row bare_faa"},
		{"row=plain|at=pair, 2 threads", "plain has no time in 'pair, 2 threads': It can"},
		{"row=mutex|over=scq|at=burst 32, 8 threads", "in 'burst 32, 8 threads': The w"},
		{"row=dpdk, dpdk, tcmalloc", "dpdk has no time in"},
		{"row=scq, dpdk|at=burst 32, 8 threads", "none of scq, dpdk has a result in"},
		{"row=plain|over=same @ pair, 2 threads", "plain has no time in 'pair, 2"},
		{"row=dpdk|measure=failed", "dpdk has no time in"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ratio_result r = answered(whole, rows[i].keys);

		if (r.verdict != RATIO_ABSENT || strstr(r.why, rows[i].words) == NULL)
			fail_msg("'%s' was answered %d, '%s'", rows[i].keys, r.verdict, r.why);
	}
}

static void the_first_store_that_has_it_answers(NO_STATE)
{
	struct analysis *small = changed("DELETE FROM slice WHERE subject_id = 6");
	struct analysis *both[] = {small, whole};
	const struct ratio_stores stores = {2, both};
	const struct ratio_target here = parsed("row=mag_tls|over=mutex");
	const struct ratio_target there = parsed("row=mag_tls|over=treiber_tag");
	const struct ratio_target nowhere = parsed("row=plain|at=burst 32, 2 threads");
	struct ratio_result r;

	ratio_evaluate(&here, &stores, &r);
	assert_true(r.store == 0 && r.verdict == RATIO_SHOWN);
	ratio_evaluate(&there, &stores, &r);
	assert_true(r.store == 1 && r.verdict == RATIO_SHOWN);
	/* The reason is that of the store which came nearest. */
	ratio_evaluate(&nowhere, &stores, &r);
	assert_int_equal(r.verdict, RATIO_ABSENT);
	assert_non_null(strstr(r.why, "plain has no time in 'burst 32, 2 threads'"));
	analysis_free(small);
}

#define SAYS(wanted, words, ...)                                                            \
	do {                                                                                \
		char *said;                                                                 \
		const int status = captured_run(&command_ratios, &said, __VA_ARGS__, NULL); \
		if (status != (wanted) || strstr(said, words) == NULL)                      \
			fail_msg("status %d, said '%s', not '%s'", status, said, words);    \
		free(said);                                                                 \
	} while (0)

static void the_command_answers(NO_STATE)
{
	char file[2 * PATH_BYTES], *table;
	size_t rows = 0;
	FILE *out;

	snprintf(file, sizeof(file), "%s/targets", directory);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs("[Locks | and more]\n[slow]\nrow=mutex\nover=mag_tls\n" AT "want=>= 2\n[none]\n"
	      "row=ours\nover=null\nat=wireguard 32, 1 thread\nwant=<= 2\n[shown]\nrow=mutex\n" AT,
		out);
	fclose(out);
	SAYS(COMMAND_OK, "Of 2 targets 1 are met, 0 missed, 0 undecided and 1 absent.", "--of",
		file, store);
	SAYS(COMMAND_OK, "missed by 14 %", "--row=mutex", "--over=mag_tls", "--at=pair, 1 thread",
		"--want=>= 10", store);
	SAYS(COMMAND_OK, "missed by 13.7 ns", "--row=treiber_tag", "--minus=mag_tls",
		"--at=pair, 1 thread", "--want=<= 0 ns", store);
	SAYS(COMMAND_USAGE, "there is no target: name a file with --of, or give one", store);
	SAYS(COMMAND_USAGE, "not both", store, "--of", file, "--row=ours");
	SAYS(COMMAND_USAGE, "row: there is no strategy 'mutes'; did you mean 'mutex'?", store,
		"--row=mutes");
	SAYS(COMMAND_USAGE, "there is no cell", store, "--row=mutex");
	SAYS(COMMAND_USAGE, "there is no format 'html'", "--format=html", store);
	SAYS(COMMAND_FAILED, "no store '/nonexistent.db'", "/nonexistent.db", "--row=ours");
	SAYS(COMMAND_FAILED, "/nonexistent: No such file", "--of=/nonexistent", store);
	SAYS(COMMAND_FAILED, "not a store", "--row=ours", "--at=pair, 1 thread", file);
	SAYS(COMMAND_OK, "ROWS @ CELL", "--help");

	assert_int_equal(
		captured_run(&command_ratios, &table, "--of", file, "--format", "md", store, NULL),
		COMMAND_OK);

	assert_non_null(strstr(table, "**Locks \\| and more**"));
	for (char *line = strtok(table, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		size_t pipes = 0;

		for (const char *p = line; *p != '\0'; p++)
			pipes += *p == '|' && (p == line || p[-1] != '\\');
		rows += *line == '|';
		assert_int_equal(pipes, *line == '|' ? 8 : 0);
	}
	assert_int_equal(rows, 5);
	free(table);
}

/* Whatever a text beside the figures says of the machine, the store's own words stand there too. */
static void what_the_machine_did_is_told(NO_STATE)
{
	static const char together[] = "changed together by up to ";
	const struct synthetic_store wanted = wanted_store();
	const char *at;
	char *said;

	synthetic_store_write(other, &wanted);
	synthetic_store_execute(other,
		"UPDATE machine SET grade = 'C', json = json_set(json, '$.load', '2.83 2.55 3.86 "
		"2/82 25375', '$.\"cpu pressure\"', 'some avg10=1.00 avg60=2.00 avg300=3.00 "
		"total=9');"
		"UPDATE slice SET units_per_s = units_per_s / 4 WHERE block_id IN "
		"(SELECT block_id FROM block WHERE fork = 2 AND cell_id = 1)");

	assert_int_equal(captured_run(&command_ratios, &said, "--format", "md", other,
				 "--row=mutex", "--at=pair, 1 thread", NULL),
		COMMAND_OK);
	at = strstr(said, together);

	assert_non_null(strstr(said, "noise grade C"));
	assert_non_null(strstr(said, ", load 2.83 2.55 3.86,"));
	assert_non_null(strstr(said, "cpu pressure some avg10=1.00 avg60=2.00 avg300=3.00;"));
	assert_non_null(at);
	near(strtod(at + strlen(together), NULL), 4, 0.5);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(a_mistake_has_a_line_and_a_cure),
		cmocka_unit_test(the_truth_is_found),
		cmocka_unit_test(times_of_calls_are_compared),
		cmocka_unit_test(response_times_are_compared),
		cmocka_unit_test(intervals_are_as_wide_as_they_must_be),
		cmocka_unit_test(a_change_changes_who_is_chosen),
		cmocka_unit_test(failures_are_counted),
		cmocka_unit_test(a_verdict_wants_the_whole_interval),
		cmocka_unit_test(what_is_absent_says_why),
		cmocka_unit_test(the_first_store_that_has_it_answers),
		cmocka_unit_test(the_command_answers),
		cmocka_unit_test(what_the_machine_did_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
