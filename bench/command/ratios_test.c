/* Targets, right and wrong; their arithmetic on stores whose truth is known; the command. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/analysis/near.h"
#include "bench/analysis/ratio.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/command/captured.h"
#include "bench/command/ratios.ini.h"
#include "bench/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 2048 };

static char directory[SYNTHETIC_FOLDER_BYTES];

/* whole.db, read once for all tests that don't change it. */
static struct analysis *whole;
static const struct ratio_stores stores = {1, &whole};

/* A store of the first so many cells, 0 for all, in which sql is run. */
static struct analysis *made(const char *path, unsigned cells, const char *sql)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *analysis = NULL;
	char why[RATIO_WHY_BYTES];

	wanted.cells = cells;
	wanted.forks = 6;
	wanted.blocks = 8;
	synthetic_store_write(path, &wanted);
	synthetic_store_execute(path, sql);
	if (analysis_read_raw(path, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return analysis;
}

static int set_up(NO_STATE)
{
	print_message("seed %llu\n", (unsigned long long)synthetic_store_default().seed);
	if (synthetic_folder_make(directory) != 0 || chdir(directory) != 0)
		return -1;
	whole = made("whole.db", 0, "");
	return 0;
}

static int tear_down(NO_STATE)
{
	analysis_free(whole);
	return synthetic_folder_remove(directory);
}

/* Reads a file of this text, in which '|' ends a line too. */
static struct ratio_target *read_text(const char *text, size_t *count, char *why)
{
	struct ratio_target *targets;
	FILE *file = fopen("x.ini", "w");

	assert_non_null(file);
	for (; *text != '\0'; text++)
		fputc(*text == '|' ? '\n' : *text, file);
	fclose(file);
	ratio_read("x.ini", &stores, &targets, count, why);
	return targets;
}

/* A target of these keys, with one thread in pair unless they say more: a mistake, or its result. */
static struct ratio_result answered(const struct ratio_stores *of, const char *keys)
{
	struct ratio_result result = {.verdict = RATIO_ABSENT, .estimate.point = NAN};
	char text[TEXT_BYTES];
	size_t count;

	snprintf(text, sizeof(text), "%s%s%s|", *keys == '[' ? "" : "[x]|", keys,
		*keys == '[' || strstr(keys, "at=") != NULL ? "" : "|at=pair, 1 thread");

	struct ratio_target *const targets = read_text(text, &count, result.why);

	if (*result.why == '\0') {
		assert_int_equal(count, 1);
		ratio_evaluate(&targets[0], of, &result);
	}
	free(targets);
	return result;
}

#define AT     "at=pair, 1 thread|"
#define TWO    "at=pair, 2 threads|"
#define RATE   "row=mag_tls|at=pair, 4N threads|over=same @ pair, N threads|measure=rate"
#define INJECT "at=wfp_inject, 2 threads|measure="

/*
 * Keys; and part of what is said of them: a mistake, why it is absent, or its verdict and rows, with about
 * the value of the first side and within what the whole interval lies. '!' changes the store for those
 * behind it, to two cells: pair with one thread and two.
 */
static const char *const cases[][2] = {
	{"[]", "x.ini:1: a title has at least one character"},
	{"[a]|oven=x", "x.ini:2: there is no key 'oven'; did you mean 'over'? Known: row,"},
	{"[a]|row=mutex|row=mutex", "x.ini:3: row is given twice"},
	{"over=null|minus=null", "x.ini:3: there is either over or minus"},
	{"row=mag_tlz", "x.ini:2: there is no strategy 'mag_tlz'; did you mean 'mag_tls'? Known:"},
	{"row=mag_tls+nobody", "over mag_tls, each with +POLICY; or ours, exact, same"},
	{"row=plain,", "there is no strategy ''"},
	{"at=piar, 1 thread", "there is no workload 'piar'; did you mean 'pair'? Known:"},
	{"at=pair", "x.ini:2: a cell has threads, as in 'pair, 1 thread'"},
	{"measure=speed", "'speed'; known: time, rate, failed, p50, p99, p99.9, max, p99/p50"},
	{"load=0", "load is 1 to 100, in % of capacity, and not '0'"},
	{"load=101", "and not '101'"},
	{"load=+80", "and not '+80'"},
	{"load=4294967376", "and not '4294967376'"},
	{"load=-18446744073709551536", "and not '-18446744073709551536'"},
	{"load=80 %", "and not '80 %'"},
	{"want=< 1", "want is <= or >= and a number, as in '<= 2 ns', and not '< 1'"},
	{"want=<= -1", "and not '<= -1'"},
	{"want=>= 1e999", "and not '>= 1e999'"},
	{"want=>= 1.3x", "and not '>= 1.3x'"},
	{"[a]|" AT "[b]", "x.ini:1: there is no row: say which, as in 'row = ours'"},
	{"[a]|row=ours", "x.ini:1: there is no cell: say where, as in 'at = pair, 1 thread'"},
	{"[a]|row=ours @ pair, 1 thread|over=null", "there is no cell"},
	{"row=mag_tls|over=plain|measure=failed", "failed gets stand alone"},
	{"row=mag_tls|measure=rate", "rates are divided, by 'over'"},
	{"row=mutex|minus=null|measure=p99/p50", "p99/p50 stands alone or is divided, by 'over'"},
	{"row=mag_tls|load=80", "load is for p50, p99, p99.9, max and p99/p50"},
	{"row=same", "'same' is for over and minus"},
	{"row=mag_tls|over=same", "in another cell than the row's"},
	{"row=mutex|over=plain|want=>= 1 ns", "want has no unit here, as in '<= 1.3'"},
	{"row=mag_tls|measure=p99/p50|want=<= 3 ns", "want has no unit here"},
	{"row=mag_tls|want=>= 1", "want is in ns here, as in '<= 0.3 ns'"},
	{"row=mag_tls|over=plain|want=>= 0", "what is wanted of a ratio is above 0"},
	{"row=mag_tls|measure=p99/p50|want=<= 0", "what is wanted of a ratio is above 0"},

	/* treiber_tag takes 15 ns, rseq_mag 2.04: the weather of a block multiplies a difference. */
	{"row=treiber_tag|over=rseq_mag", "treiber_tag / rseq_mag ~ 15 [7.2, 7.5]"},
	{"row=treiber_tag|minus=mag_tls", "treiber_tag / mag_tls ~ 15 [12, 14]"},
	{"row=mag_tls|minus=treiber_tag|want=<= 0 ns", "met mag_tls / treiber_tag ~ 2 [-14, -12]"},
	{"row=mag_tls", "shown mag_tls ~ 2 [1.9, 2.2]"},
	/* Two threads: 2.0 + 0.1 ns. Eight on two CPUs: four turns, 2.2 times the sharing. */
	{"row=mag_tls @ pair, 2 threads|over=same", "mag_tls / mag_tls ~ 2.1 [1.01, 1.11]"},
	{RATE, "mag_tls / mag_tls ~ 9.01e8 [0.85, 1.05]"},
	{"row=mag_tls @ remote_free 32, 2 threads|minus=mag_tls", " ~ 6.4 [4, 4.8]"},
	/* null (0.6 ns) and plain (1.5 ns) are faster, malloc and its peers are no pools. */
	{"row=ours|over=mutex", "mag_tls, best of 15 / mutex ~ 2 [0.1, 0.12]"},
	{"row=ours|over=mutex|measure=rate", "mag_tls, best of 15 / mutex ~ 5e8 [8.3, 10]"},
	{"row=malloc, mimalloc, dpdk|over=ours",
		"shown mimalloc, best of 2 (no dpdk) / mag_tls, best of 15 ~ 6.1 [2.8, 3.3]"},

	/* A call of pair takes half a unit's time, and 25 ns for the clock: 61 ns. */
	{TWO "row=mutex|measure=p50", "shown mutex ~ 61.1 [58, 64]"},
	{TWO "row=mutex|over=ours|measure=p99.9", "mutex / mag_tls, best of 15 ~ 122 [3, 3.5]"},
	{TWO "row=mutex|over=ours|measure=p99.9|want=>= 3", "met"},
	{TWO "row=mutex|over=ours|measure=p99.9|want=>= 9", "at floor mutex / mag_tls"},
	{TWO "row=mag_tls|over=mutex|measure=p99.9|want=>= 9", "missed"},
	/* The longest has no interval, and so no verdict. */
	{TWO "row=mutex|over=mag_tls|measure=max|want=>= 2", "undecided"},
	/* What is asked of a design at 80 % load is that its tail is near its middle: 2.54 and 6.43. */
	{INJECT "p99/p50|load=80|row=rseq_mag", "rseq_mag ~ 2.54 [2.3, 2.8]"},
	{INJECT "p99/p50|load=80|row=ticket|want=<= 3", "missed ticket ~ 6.43 [5, 8]"},
	{INJECT "p99/p50|load=80|row=ticket|over=rseq_mag", " ~ 6.43 [2.2, 2.9]"},
	{INJECT "p99|load=80|row=ticket", "ticket ~ 7640 [7000, 8300]"},
	/* Calls are another matter: of them ticket has fewer that take long. */
	{INJECT "p99|row=ticket|want=>= 1000 ns", "missed"},
	{INJECT "p99/p50|load=90|row=" SYNTHETIC_UNKEPT "|want=<= 9", "met"},
	{INJECT "p50|load=95|row=" SYNTHETIC_UNKEPT,
		"absent mutex does not keep up at a load of 95 % in 'wfp_inject, 2 threads'"},
	{INJECT "max|load=60|row=ticket", "ticket was not measured at a load of 60 % in 'wfp"},

	{"row=mag_tls|at=wireguard 32, 1 thread", "no sweep here has 'wireguard 32, 1 thread'"},
	{"row=mag_tls|at=pair, 3N threads", "absent no sweep here has 'pair, 6 threads'"},
	{"row=bare_faa", "absent the sweep with 'pair, 1 thread' has no row bare_faa"},
	{TWO "row=plain", "absent plain has no time in 'pair, 2 threads': It can't run here"},
	/* "dpdk" is a row of this store and no strategy of this build. */
	{"row=dpdk, dpdk, tcmalloc", "absent dpdk has no time in"},
	{"row=scq, dpdk|at=burst 32, 8 threads", "absent none of scq, dpdk has a result in"},
	{"row=plain|over=same @ pair, 2 threads", "absent plain has no time in 'pair, 2"},
	{"row=dpdk|measure=failed", "absent dpdk has no time in"},

	/* Of the 15, home_ret is the fastest that a change does not take out of ours. */
	{"! DELETE FROM latency WHERE subject_id = 4;"
	 "UPDATE slice SET failed = 1 WHERE subject_id = 14 AND block_id = 3;"
	 "UPDATE subject SET summary = 'peer: magazines' WHERE label = 'rseq_mag';"
	 "UPDATE subject SET progress = 'none' WHERE label = 'rseq_arr';"
	 "UPDATE subject SET context = 'mtag' WHERE label = 'percpu_try';"
	 "UPDATE subject SET context = 'sticky' WHERE label = 'home_ret';"
	 "UPDATE cell SET label = label || ', 64 B' WHERE threads = 2"},
	{"row=mutex|measure=p99", "absent mutex has too few timed calls in 'pair, 1 thread'"},
	{"row=ours", "shown home_ret, best of 11 ~ 3.1 [3, 3.4]"},
	{"row=ours|at=pair, N threads, 64 B", "shown mag_tls, best of 12 ~ 2.1 [1.9, 2.3]"},
	/* Five pairs have no interval, so nothing is met or missed, and the other cell does not help. */
	{"! DELETE FROM slice WHERE block_id BETWEEN 6 AND 48"},
	{"row=mutex|over=mag_tls|want=>= 2", "undecided mutex / mag_tls"},
	{"row=mutex|over=ours|want=>= 2", "undecided mutex / mag_tls, best of 15"},
	{"row=mag_tls @ pair, 2 threads|over=same|want=<= 9", "undecided mag_tls / mag_tls"},
	/*
	 * With two threads rseq_mag is the faster one of the two, and with one mag_tls. treiber_tag fails 4
	 * and scq 3; percpu_try as well, and promised nothing.
	 */
	{"! UPDATE slice SET units_per_s = units_per_s / 2 WHERE subject_id = 14 AND block_id > 48;"
	 "UPDATE slice SET failed = 2 WHERE subject_id IN (6, 15) AND block_id IN (1, 2);"
	 "UPDATE slice SET failed = 3 WHERE subject_id = 9 AND block_id = 5"},
	{"row=mag_tls, rseq_mag @ pair, 2 threads|over=same",
		"rseq_mag, best of 2 / rseq_mag ~ 2.1 [1, 1.07]"},
	{TWO "row=exact|measure=failed|want=<= 0", "met each of 10"},
	{TWO "row=scq, dpdk|measure=failed", "shown scq, worst of 1 (no dpdk)"},
	{"row=exact|measure=failed|want=<= 0", "missed treiber_tag, worst of 10 ~ 4 [4, 4]"},
	{"row=scq|measure=failed|want=<= 3", "met scq ~ 3 [3, 3]"},
	{"row=scq|over=mutex", "absent scq failed gets, so that its time is not comparable, in"},
};

static void what_is_asked_is_answered(NO_STATE)
{
	static const char *const verdicts[] = {
		"met", "missed", "undecided", "shown", "absent", "at floor"};
	struct analysis *other = NULL;
	const struct ratio_stores changed = {1, &other};

	for (size_t i = 0; i < array_count(cases); i++) {
		char said[2 * TEXT_BYTES], words[TEXT_BYTES];
		const char *keys = cases[i][0];
		double value, low, high;

		if (*keys == '!') {
			analysis_free(other);
			other = made("other.db", 2, keys + 1);
			continue;
		}

		const struct ratio_result r = answered(other == NULL ? &stores : &changed, keys);
		const struct stats_estimate e =
			strstr(keys, "over=") == NULL ? r.estimate : metric_factor(r.estimate);
		const int parts = sscanf(
			cases[i][1], "%2047[^~]~ %lf [%lf, %lf]", words, &value, &low, &high);

		snprintf(said, sizeof(said), "%s %s / %s ", verdicts[r.verdict],
			r.verdict == RATIO_ABSENT ? r.why : r.rows[0], r.rows[1]);
		print_message("%s: %s, %g, [%g, %g]\n", keys, said, r.value[0], e.lo, e.hi);
		if (strstr(said, words) == NULL)
			fail_msg("not '%s'", words);
		if (parts == 4)
			near(r.value[0] / value, 1, 0.08);
		if (parts == 4 && !(e.lo >= low && e.hi <= high))
			fail_msg("not within %g and %g", low, high);
	}
	analysis_free(other);
}

static void intervals_are_as_wide_as_they_must_be(NO_STATE)
{
	const struct stats_estimate named = answered(&stores, "row=mag_tls|over=mutex").estimate;
	const struct stats_estimate chosen = answered(&stores, "row=ours|over=mutex").estimate;
	const struct stats_estimate below = answered(&stores, "row=mutex|over=ours").estimate;
	const struct stats_estimate apart =
		answered(&stores, "row=mag_tls @ pair, 2 threads|over=same").estimate;
	struct analysis *effects;
	char why[RATIO_WHY_BYTES];
	const size_t mag_tls = 13;

	/* In one cell digit for digit what the report has against its baseline. */
	assert_int_equal(analysis_read("whole.db", "mutex", &effects, why, sizeof(why)), 0);
	assert_string_equal(effects->subjects[mag_tls].label, "mag_tls");
	assert_memory_equal(&named, &analysis_at(effects, 0, mag_tls)->to_base, sizeof(named));
	analysis_free(effects);
	/* What differs between two cells' blocks is noise, and is in the interval. */
	assert_true(apart.hi - apart.lo > named.hi - named.lo);
	/* A choice leaves the figure as it is, and costs certainty. */
	assert_true(chosen.point == named.point);
	assert_true(chosen.hi - chosen.lo > named.hi - named.lo);
	near(below.point, -chosen.point, 1e-9);
	near(below.hi, -chosen.lo, 0.002);
}

static void a_verdict_wants_the_whole_interval(NO_STATE)
{
	static const enum ratio_verdict at_most[] = {
		RATIO_MISSED, RATIO_UNDECIDED, RATIO_UNDECIDED, RATIO_MET};
	const struct stats_estimate e = answered(&stores, "row=treiber_tag|over=mag_tls").estimate;
	const double points[] = {e.lo - 0.0001, e.lo + 0.0001, e.hi - 0.0001, e.hi + 0.0001};

	for (size_t i = 0; i < 8; i++) {
		char text[TEXT_BYTES];

		snprintf(text, sizeof(text), "row=treiber_tag|over=mag_tls|want=%s %.17g",
			i < 4 ? "<=" : ">=", exp(points[i % 4]));
		assert_int_equal(answered(&stores, text).verdict, at_most[i < 4 ? i : 7 - i]);
	}
}

/* The reason of what none has is that of the store which came nearest. */
static void the_first_store_that_has_it_answers(NO_STATE)
{
	struct analysis *small = made("other.db", 2,
		"DELETE FROM slice WHERE subject_id = 6;"
		"UPDATE slice SET units_per_s = units_per_s / 2");
	const struct ratio_stores all = {3, (struct analysis *[]){small, whole, small}};

	near(answered(&all, "row=mag_tls").value[0], 4, 0.3);
	near(answered(&all, "row=treiber_tag").value[0], 15, 1);
	assert_non_null(strstr(answered(&all, "row=plain|at=burst 32, 2 threads").why,
		"plain has no time in 'burst 32, 2 threads'"));
	analysis_free(small);
}

#define SAYS(...) captured_expect(&command_ratios, __VA_ARGS__, NULL)

#define HEAD                                                                               \
	"\n\n| what | rows | in | each | ratio or difference, 95 % | wanted | verdict |\n" \
	"|---|---|---|--:|--:|--:|---|\n| "

/* Among the answers: escapes, headings, one table for each, by how much something is missed. */
static void the_command_answers(NO_STATE)
{
	struct ratio_target *targets;
	char why[RATIO_WHY_BYTES] = "";
	size_t count;

	free(read_text("[Locks *and* <more>]|[slow *]|row=mutex|over=mag_tls|" AT
		       "want=>= 2 ; why|[too few threads]|row=mutex|at=pair, 0 threads|"
		       "[none]|row=ours|over=null|at=wireguard 32, 1 thread|want=<= 2|[Second]|"
		       "[shown, in more than the 49 characters that inih has for it]|"
		       "row=ours @ pair, 2 threads|over=mutex|" AT
		       "[a]|row=mutex|over=mag_tls|want=>= 10|" AT
		       "[b]|row=mag_tls|minus=treiber_tag|want=>= 0 ns|" AT
		       "[c]|row=ticket|want=<= 3|load=80|" INJECT "p99/p50",
		&count, why));
	assert_non_null(freopen("x.ini", "r", stdin));
	SAYS(COMMAND_OK, "**Locks \\*and\\* &lt;more&gt;**" HEAD "slow \\* | mutex / mag_tls | ",
		"-", "whole.db");
	SAYS(COMMAND_OK,
		"1 thread' | | | | <= 2 | absent |\n\n**Second**" HEAD
		"shown, in more than the 49 characters that inih has for it | rseq_mag, best of 15 "
		"/ mutex | pair, 2 threads; pair, 1 thread | ",
		"x.ini", "whole.db");
	SAYS(COMMAND_OK, "] | >= 10 | missed by 14 % |\n| b | mag_tls - treiber_tag | pair, 1 thre",
		"x.ini", "whole.db");
	SAYS(COMMAND_OK, "] ns | >= 0 ns | missed by 13.7 ns |\n| c |", "x.ini", "whole.db");
	SAYS(COMMAND_OK,
		"] | <= 3 | missed by 113 % |\n\nOf 5 targets 1 are met, 0 at the clock's floor, 3 "
		"missed, 0 undecided and 1 absent. `whole.db`: source v0.1-7-gabc1234, 6 forks a "
		"cell; at its start",
		"x.ini", "whole.db");
	SAYS(COMMAND_USAGE, "needs FILE STORE...", "x.ini");
	SAYS(COMMAND_USAGE, "whole.db:1: a line", "whole.db", "whole.db");
	SAYS(COMMAND_FAILED, "no store 'no.db'", "x.ini", "no.db");
	SAYS(COMMAND_FAILED, "no.ini: No such file", "no.ini", "whole.db");
	SAYS(COMMAND_OK, ratios_ini, "--help");
	/* What help shows can be copied, and has all keys. */
	targets = read_text(ratios_ini, &count, why);
	assert_string_equal(why, "");
	assert_int_equal(count, 3);
	assert_int_equal(targets[0].given | targets[1].given | targets[2].given, 0x7f);
	free(targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_is_answered),
		cmocka_unit_test(intervals_are_as_wide_as_they_must_be),
		cmocka_unit_test(a_verdict_wants_the_whole_interval),
		cmocka_unit_test(the_first_store_that_has_it_answers),
		cmocka_unit_test(the_command_answers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
