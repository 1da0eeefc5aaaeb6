/* Targets, right and wrong; their arithmetic on stores whose truth is known; the command. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/analysis/ratio.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/base/append.h"
#include "bench/command/captured.h"
#include "bench/report/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { PATH_BYTES = 128, TEXT_BYTES = 1024 };

static char directory[PATH_BYTES], store[2 * PATH_BYTES], other[2 * PATH_BYTES];
static char file[2 * PATH_BYTES];

/* The store as it comes, read once for all tests that don't change it; in effects and raw. */
static struct analysis *whole, *effects;

/* A store of the first so many cells, 0 for all, and so many forks and blocks, in which sql is run. */
static struct analysis *made(
	const char *path, unsigned cells, unsigned forks, unsigned blocks, const char *sql)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *analysis = NULL;
	char why[RATIO_WHY_BYTES];

	wanted.cells = cells;
	wanted.forks = forks;
	wanted.blocks = blocks;
	synthetic_store_write(path, &wanted);
	synthetic_store_execute(path, sql);
	if (analysis_read_raw(path, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return analysis;
}

/* Two cells, "pair" with one thread and with two. */
static struct analysis *changed(const char *sql)
{
	return made(other, 2, 6, 8, sql);
}

static int set_up(NO_STATE)
{
	char why[RATIO_WHY_BYTES];

	snprintf(directory, sizeof(directory), "/tmp/nblbench-ratios-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(store, sizeof(store), "%s/store.db", directory);
	snprintf(other, sizeof(other), "%s/other.db", directory);
	snprintf(file, sizeof(file), "%s/wishes.ini", directory);
	print_message("seed %llu\n", (unsigned long long)synthetic_store_default().seed);
	whole = made(store, 0, 6, 8, "");
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

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.9g, want %.9g within %.3g", got, want, tolerance);
}

/* Reads a file of this text, in which '|' ends a line too. */
static int read_text(const char *text, struct ratio_target **targets, size_t *count, char *why)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	for (; *text != '\0'; text++)
		fputc(*text == '|' ? '\n' : *text, out);
	fclose(out);
	return ratio_read(&(struct ratio_request){.of = file}, &(struct ratio_stores){1, &whole},
		targets, count, why);
}

/* A target of these keys, with one thread in pair unless they say more: a mistake, or its result. */
static struct ratio_result answered(const struct ratio_stores *stores, const char *keys)
{
	struct ratio_target *targets = NULL;
	struct ratio_result result = {.verdict = RATIO_ABSENT, .estimate.point = NAN};
	char text[TEXT_BYTES];
	size_t count;

	snprintf(text, sizeof(text), "%s%s%s|", *keys == '[' ? "" : "[x]|", keys,
		*keys == '[' || strstr(keys, "at=") != NULL ? "" : "|at=pair, 1 thread");
	if (read_text(text, &targets, &count, result.why) == 0) {
		assert_int_equal(count, 1);
		ratio_evaluate(&targets[0], stores, &result);
	}
	free(targets);
	return result;
}

#define ROW    "[a]|row=mag_tls|"
#define AT     "at=pair, 1 thread|"
#define TWO    "at=pair, 2 threads|"
#define RATE   "row=mag_tls|at=pair, 4N threads|over=same @ pair, N threads|measure=rate|"
#define INJECT "at=wfp_inject, 2 threads|measure="

/*
 * Keys, and what is said of them: a sentence; or a verdict, the rows and about the first one's value. A line
 * that begins with '!' changes the store for those behind it, to two cells: pair with one thread and two.
 */
static const char *const script[] = {
	"[]|row=mag_tls -> wishes.ini:1: a title has at least one character",
	"[a]|row mag_tls|row=nobody -> wishes.ini:2: a line is [HEADING], KEY = VALUE or ; COMM",
	ROW "oven=x -> wishes.ini:3: there is no key 'oven'; did you mean 'over'?",
	ROW "|row=mutex -> wishes.ini:4: row is given twice",
	ROW "over=null|minus=null -> wishes.ini:4: there is either over or minus",
	"row=mag_tlz -> wishes.ini:2: there is no strategy 'mag_tlz'; did you mean 'mag_tls'?",
	"row=mag_tls+nobody -> no strategy 'mag_tls+nobody'",
	"row=plain, -> there is no strategy ''",
	"row=plain mutex -> there is no strategy 'plain mutex'",
	"at=piar, 1 thread -> wishes.ini:2: there is no workload 'piar'; did you mean 'pair'? Kn",
	"row=ours @ -> there is no workload ''",
	"at=pair -> wishes.ini:2: a cell has threads, as in 'pair, 1 thread'",
	"measure=speed -> no measure 'speed'; known: time, rate, failed, p50, p99, p99.9, max, p9",
	"load=0 -> load is 1 to 100, in per cent of the capacity, and not '0'",
	"load=101 -> and not '101'",
	"load=4294967376 -> and not '4294967376'",
	"load=-80 -> and not '-80'",
	"load=80 % -> and not '80 %'",
	"load=many -> and not 'many'",
	"want=< 1 -> want is '<=' or '>=' and a number, as in '<= 1.3' or '<= 20 ns', and not '< "
	"1'",
	"want=<= -1 -> and not '<= -1'",
	"want=>= -> and not '>='",
	"want=>= 1e999 -> and not '>= 1e999'",
	"want=>= nan -> and not '>= nan'",
	"want=>= 1.3x -> and not '>= 1.3x'",
	"[a]|" AT "[b] -> wishes.ini:1: there is no row: say which, as in 'row = ours'",
	ROW " -> wishes.ini:1: there is no cell: say where, as in 'at = pair, 1 thread'",
	"[a]|row=ours @ pair, 1 thread|over=null -> there is no cell",
	"row=mag_tls|over=plain|measure=failed -> failed gets stand alone",
	"row=mag_tls|measure=rate -> rates are divided, by 'over'",
	"row=mag_tls|minus=null|measure=p99/p50 -> p99/p50 stands alone or is divided, by 'over'",
	"row=mag_tls|load=80 -> load is for p50, p99, p99.9, max and p99/p50",
	"row=same -> 'same' is for over and minus",
	"row=mag_tls|over=same -> in another cell than the row's",
	"row=mag_tls|over=plain|want=>= 1 ns -> want has no unit here, as in '<= 1.3'",
	"row=mag_tls|measure=p99/p50|want=<= 3 ns -> want has no unit here",
	"row=mag_tls|want=>= 1 -> want is in ns here, as in '<= 0.3 ns'",
	"row=mag_tls|over=plain|want=>= 0 -> what is wanted of a ratio is above 0",
	"row=mag_tls|measure=p99/p50|want=<= 0 -> what is wanted of a ratio is above 0",

	/* treiber_tag takes 15 ns, rseq_mag 2.04: the weather of a block multiplies a difference. */
	"row=treiber_tag|over=rseq_mag|want=>= 7.2 -> met treiber_tag / rseq_mag ~ 15",
	"row=treiber_tag|over=rseq_mag|want=<= 7.5 -> met",
	"row=treiber_tag|minus=mag_tls|want=<= 14 ns -> met treiber_tag / mag_tls ~ 15",
	"row=treiber_tag|minus=mag_tls|want=>= 12 ns -> met",
	"row=treiber_tag|minus=mag_tls|want=<= 9 ns -> missed",
	"row=mag_tls|minus=treiber_tag|want=<= 0 ns -> met",
	"row=mag_tls|want=>= 1.9 ns -> met mag_tls ~ 2",
	"row=mag_tls|want=<= 2.2 ns -> met",
	/* Two threads: 2.0 + 0.1 ns. Eight on two CPUs: four turns, 2.2 times the sharing. */
	"row=mag_tls @ pair, 2 threads|over=same|want=>= 1.01 -> met mag_tls / mag_tls ~ 2.1",
	"row=mag_tls @ pair, 2 threads|over=same|want=<= 1.1 -> met",
	RATE "want=>= 0.85 -> met ~ 9.01e8",
	RATE "want=<= 1.05 -> met",
	"row=mag_tls @ remote_free 32, 2 threads|minus=mag_tls|want=>= 4 ns -> met mag_tls / "
	"mag_tls ~ 6.4",
	"row=mag_tls @ remote_free 32, 2 threads|minus=mag_tls|want=<= 4.8 ns -> met",
	/* null (0.6 ns) and plain (1.5 ns) are faster, malloc and its peers are no pools. */
	"row=ours|over=mutex|want=<= 0.12 -> met mag_tls, best of 15 / mutex ~ 2",
	"row=ours|over=mutex|measure=rate|want=>= 8.3 -> met mag_tls, best of 15 / mutex ~ 5e8",
	"row=malloc, mimalloc, dpdk|over=ours -> mimalloc, best of 2 (no dpdk) / mag_tls, best of "
	"15 ~ 6.1",

	/* A call of pair takes half a unit's time, and 25 ns for the clock: 61 ns. */
	"row=mutex|" TWO "measure=p50|want=>= 58 ns -> met mutex ~ 61.1",
	"row=mutex|" TWO "measure=p50|want=<= 64 ns -> met",
	"row=mutex|over=ours|" TWO "measure=p99.9|want=>= 2 -> met",
	"row=mag_tls|over=mutex|" TWO "measure=p99.9|want=>= 2 -> missed",
	/* The longest has no interval, and so no verdict. */
	"row=mutex|over=mag_tls|measure=max|want=>= 2 -> undecided",
	/* What is asked of a design at 80 % load is that its tail is near its middle: 2.54 and 6.43. */
	"row=rseq_mag|" INJECT "p99/p50|load=80|want=<= 2.8 -> met rseq_mag ~ 2.54",
	"row=rseq_mag|" INJECT "p99/p50|load=80|want=>= 2.3 -> met",
	"row=ticket|" INJECT "p99/p50|load=80|want=<= 3 -> missed ticket ~ 6.43",
	"row=ticket|over=rseq_mag|" INJECT "p99/p50|load=80|want=>= 2.2 -> met",
	"row=ticket|over=rseq_mag|" INJECT "p99/p50|load=80|want=<= 2.9 -> met",
	"row=ticket|" INJECT "p99|load=80|want=>= 7000 ns -> met ticket ~ 7640",
	/* Calls are another matter: of them ticket has fewer that take long. */
	"row=ticket|" INJECT "p99|want=>= 1000 ns -> missed",
	"row=" SYNTHETIC_UNKEPT "|" INJECT "p99/p50|load=90|want=<= 9 -> met",
	"row=" SYNTHETIC_UNKEPT "|" INJECT
	"p50|load=95 -> absent mutex does not keep a load of 95 %",
	"row=ticket|" INJECT
	"max|load=60 -> absent ticket was not measured at a load of 60 % in 'wfp",

	"row=mag_tls|at=wireguard 32, 1 thread -> absent no sweep here has 'wireguard 32, 1 "
	"thread'",
	"row=mag_tls|at=pair, 3N threads -> absent no sweep here has 'pair, 6 threads'",
	"row=bare_faa -> absent the sweep with 'pair, 1 thread' has no row bare_faa",
	"row=plain|at=pair, 2 threads -> absent plain has no time in 'pair, 2 threads': It can",
	"row=mutex|over=scq|at=burst 32, 8 threads -> absent scq has no time in 'burst 32, 8 "
	"threads': T",
	/* "dpdk" is a row of this store and no strategy of this build. */
	"row=dpdk, dpdk, tcmalloc -> absent dpdk has no time in",
	"row=scq, dpdk|at=burst 32, 8 threads -> absent none of scq, dpdk has a result in",
	"row=scq, dpdk, dpdk|at=burst 32, 8 threads -> absent none of scq, dpdk, ... has a result "
	"in",
	"row=plain|over=same @ pair, 2 threads -> absent plain has no time in 'pair, 2",
	"row=dpdk|measure=failed -> absent dpdk has no time in",

	"! DELETE FROM latency WHERE subject_id = 4",
	"row=mutex|measure=p99 -> absent too few calls of mutex were timed in 'pair, 1 thread'",
	"! UPDATE slice SET failed = 1 WHERE subject_id = 14 AND block_id = 3",
	"row=ours -> shown rseq_mag, best of 14",
	"row=ours|" TWO " -> shown rseq_mag, best of 15",
	"! UPDATE subject SET summary = 'peer: magazines' WHERE label = 'mag_tls'",
	"row=ours -> shown rseq_mag, best of 14",
	"! UPDATE subject SET pool = 'bare_cas' WHERE pool = 'mag_tls'",
	"row=ours -> shown rseq_mag, best of 14",
	"! UPDATE subject SET context = 'mtag' WHERE pool = 'mag_tls';"
	"UPDATE subject SET context = 'sticky' WHERE label = 'rseq_mag'",
	"row=ours -> shown rseq_mag, best of 14",
	"! UPDATE cell SET label = label || ', 64 B' WHERE threads = 2",
	"row=mag_tls|at=pair, N threads, 64 B -> shown mag_tls ~ 2.1",
	"row=mag_tls|at=pair, N threads -> absent no sweep here has 'pair, 2 threads'",
	/* Five pairs have no interval, so the other cell's does not help. */
	"! DELETE FROM slice WHERE block_id > 5 AND block_id IN "
	"(SELECT block_id FROM block WHERE cell_id = 1)",
	"row=mag_tls @ pair, 2 threads|over=same|want=<= 9 -> undecided mag_tls / mag_tls",
	/* With two threads rseq_mag is the faster one of the two, and with one mag_tls. */
	"! UPDATE slice SET units_per_s = units_per_s / 2 WHERE subject_id = 14 AND block_id IN "
	"(SELECT block_id FROM block WHERE cell_id = 2)",
	"row=mag_tls, rseq_mag @ pair, 2 threads|over=same|want=<= 1.07 -> met rseq_mag, best of 2 "
	"/ rseq_mag",
	/* treiber_tag fails 4 and scq 3; mag_tls as well, and promised nothing. */
	"! UPDATE slice SET failed = 2 WHERE subject_id IN (6, 14) AND block_id IN (1, 2);"
	"UPDATE slice SET failed = 3 WHERE subject_id = 9 AND block_id = 5",
	"row=exact|measure=failed|want=<= 0|at=pair, 2 threads -> met each of 10",
	"row=exact|measure=failed|want=<= 0 -> missed treiber_tag, worst of 10 ~ 4",
	"row=scq|measure=failed|want=<= 3 -> met scq ~ 3",
	"row=scq|over=mutex -> absent scq failed 3 gets in 'pair, 1 thread', so its time is not "
	"comp",
};

static void what_is_asked_is_answered(NO_STATE)
{
	static const char *const verdicts[] = {"met", "missed", "undecided", "shown", "absent"};
	struct analysis *now = whole;

	for (size_t i = 0; i < array_count(script); i++) {
		const char *arrow = strstr(script[i], " -> ");
		char keys[TEXT_BYTES], words[TEXT_BYTES], said[3 * TEXT_BYTES];

		if (*script[i] == '!') {
			if (now != whole)
				analysis_free(now);
			now = changed(script[i] + 1);
			continue;
		}
		snprintf(keys, sizeof(keys), "%.*s", (int)(arrow - script[i]), script[i]);
		snprintf(words, sizeof(words), "%s", arrow + strlen(" -> "));

		const struct ratio_result r = answered(&(struct ratio_stores){1, &now}, keys);
		char *about = strstr(words, " ~ ");

		snprintf(said, sizeof(said), "%s %s%s%s%s", verdicts[r.verdict],
			r.verdict == RATIO_ABSENT ? r.why : "", r.rows[0],
			*r.rows[1] == '\0' ? "" : " / ", r.rows[1]);
		print_message("%s: %s, %g, %g\n", keys, said, r.value[0], r.estimate.point);
		if (about != NULL) {
			*about = '\0';
			near(r.value[0] / strtod(about + strlen(" ~ "), NULL), 1, 0.08);
		}
		if (strstr(said, words) == NULL)
			fail_msg("not '%s'", words);
	}
	analysis_free(now);
}

static double width(const struct ratio_result *r)
{
	return r->estimate.hi - r->estimate.lo;
}

static void intervals_are_as_wide_as_they_must_be(NO_STATE)
{
	const struct analysis_cell *cell = &effects->cells[0];
	const struct ratio_stores stores = {1, &whole};
	const struct ratio_result named = answered(&stores, "row=mag_tls|over=mutex");
	const struct ratio_result chosen = answered(&stores, "row=ours|over=mutex");
	const struct ratio_result below = answered(&stores, "row=mutex|over=ours");
	const struct ratio_result apart =
		answered(&stores, "row=mag_tls @ pair, 2 threads|over=same");
	char keys[TEXT_BYTES];
	size_t scq = 0;

	/* In one cell digit for digit what the report has against the cell's best. */
	while (strcmp(effects->subjects[scq].label, "scq") != 0)
		scq++;
	snprintf(keys, sizeof(keys), "row=scq|over=%s", effects->subjects[cell->best].label);

	const struct ratio_result same = answered(&stores, keys);

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

static void a_verdict_wants_the_whole_interval(NO_STATE)
{
	static const char keys[] = "row=treiber_tag|over=mag_tls";
	const struct stats_estimate e = answered(&(struct ratio_stores){1, &whole}, keys).estimate;
	const double points[] = {e.lo - 0.0001, e.point, e.hi + 0.0001};
	static const enum ratio_verdict at_most[] = {RATIO_MISSED, RATIO_UNDECIDED, RATIO_MET};
	static const char *const few[] = {"row=mutex|over=mag_tls|want=>= 2",
		"row=mutex|over=ours|want=>= 2", "row=mutex @ pair, 2 threads|over=same|want=>= 2"};
	struct analysis *a = made(other, 2, 2, 2, "");

	for (size_t i = 0; i < 6; i++) {
		char text[TEXT_BYTES];

		snprintf(text, sizeof(text), "%s|want=%s %.17g", keys,
			i < 3 ? "<=" : ">=", exp(points[i % 3]));
		assert_int_equal(answered(&(struct ratio_stores){1, &whole}, text).verdict,
			at_most[i < 3 ? i : 5 - i]);
	}
	/* Four pairs have no interval, so nothing is met or missed, however clear it looks. */
	for (size_t i = 0; i < array_count(few); i++)
		assert_int_equal(
			answered(&(struct ratio_stores){1, &a}, few[i]).verdict, RATIO_UNDECIDED);
	analysis_free(a);
}

/* The reason of what none has is that of the store which came nearest. */
static void the_first_store_that_has_it_answers(NO_STATE)
{
	struct analysis *small = changed("DELETE FROM slice WHERE subject_id = 6;"
					 "UPDATE slice SET units_per_s = units_per_s / 2");
	const struct ratio_stores both = {2, (struct analysis *[]){small, whole}};

	near(answered(&both, "row=mag_tls").value[0], 4, 0.3);
	near(answered(&both, "row=treiber_tag").value[0], 15, 1);
	assert_non_null(strstr(answered(&both, "row=plain|at=burst 32, 2 threads").why,
		"plain has no time in 'burst 32, 2 threads'"));
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

/* Among the answers: each key as an option, escapes, headings, one table for each. */
static void the_command_answers(NO_STATE)
{
	static const char head[] =
		"\n\n| what | rows | in | each | ratio or difference, 95 % | wanted"
		" | verdict |\n|---|---|---|--:|--:|--:|---|\n";
	struct ratio_target *targets;
	char why[RATIO_WHY_BYTES], words[TEXT_BYTES];
	size_t count;

	assert_int_equal(read_text("[Locks *and* <more>]|[slow *]|row=mutex|over=mag_tls|" AT
				   "want=>= 2 ; why|[none]|row=ours|over=null|"
				   "at=wireguard 32, 1 thread|want=<= 2|[Second]|"
				   "[shown, in more than the 49 characters that inih has for it]|"
				   "row=ours @ pair, 2 threads|over=mutex|" AT,
				 &targets, &count, why),
		0);
	free(targets);
	SAYS(COMMAND_OK, "Of 2 targets 1 are met, 0 missed, 0 undecided and 1 absent.", "--of",
		file, store);
	snprintf(words, sizeof(words),
		"**Locks \\*and\\* &lt;more&gt;**%s| slow \\* | mutex / mag_tls |", head);
	SAYS(COMMAND_OK, words, "--of", file, "--format=md", store);
	snprintf(words, sizeof(words),
		"1 thread' | | | | <= 2 | absent |\n\n**Second**%s| shown, in "
		"more than the 49 characters that inih has for it | rseq_mag, best of 15 / mutex | "
		"pair, 2 threads; pair, 1 thread | ",
		head);
	SAYS(COMMAND_OK, words, "--of", file, "--format=md", store);
	SAYS(COMMAND_OK, "missed by 14 %", "--row=mutex", "--over=mag_tls", "--at=pair, 1 thread",
		"--want=>= 10", store);
	SAYS(COMMAND_OK, "\n      treiber_tag - mag_tls @ pair, 1 thread: ", "--row=treiber_tag",
		"--minus=mag_tls", "--at=pair, 1 thread", store);
	SAYS(COMMAND_OK, "missed by 13.7 ns", "--row=treiber_tag", "--minus=mag_tls",
		"--at=pair, 1 thread", "--want=<= 0 ns", store);
	SAYS(COMMAND_OK, "]  <= 3  missed by 113 %", "--row=ticket", "--measure=p99/p50",
		"--load=80", "--at=wfp_inject, 2 threads", "--want=<= 3", store);
	SAYS(COMMAND_USAGE, "there is no target: name a file with --of, or give one", store);
	SAYS(COMMAND_USAGE, "not both", store, "--of", file, "--row=ours");
	SAYS(COMMAND_USAGE, "there is no strategy 'mutes'; did you mean 'mutex'?", store,
		"--row=mutes");
	snprintf(words, sizeof(words), "--row=%0600d", 0);
	SAYS(COMMAND_USAGE, "row has at most 511 characters", store, words);
	SAYS(COMMAND_USAGE, "there is no cell", store, "--row=mutex");
	SAYS(COMMAND_USAGE, "there is no format 'html'", "--format=html", store);
	SAYS(COMMAND_FAILED, "no store '/nonexistent.db'", "/nonexistent.db", "--row=ours");
	SAYS(COMMAND_FAILED, "/nonexistent: No such file", "--of=/nonexistent", store);
	SAYS(COMMAND_FAILED, "not a store", "--row=ours", "--at=pair, 1 thread", file);
	SAYS(COMMAND_OK, "ROWS @ CELL", "--help");
}

/* Whatever a text beside the figures says of the machine, the store's own words stand there too. */
static void what_the_machine_did_is_told(NO_STATE)
{
	static const char together[] = "changed together by up to ";
	char *said;

	analysis_free(made(other, 0, 6, 8,
		"UPDATE machine SET grade = 'C', json = json_set(json, '$.load', '2.83 2.55 3.86 "
		"2/82 25375', '$.\"cpu pressure\"', 'some avg10=1.00 avg60=2.00 avg300=3.00 "
		"total=9');"
		"UPDATE slice SET units_per_s = units_per_s / 4 WHERE block_id IN "
		"(SELECT block_id FROM block WHERE fork = 2 AND cell_id = 1)"));
	assert_int_equal(captured_run(&command_ratios, &said, "--format", "md", other,
				 "--row=mutex", "--at=pair, 1 thread", NULL),
		COMMAND_OK);

	const char *at = strstr(said, together);

	assert_non_null(strstr(said, "noise grade C, load 2.83 2.55 3.86, cpu pressure some "
				     "avg10=1.00 avg60=2.00 avg300=3.00; from fork"));
	assert_non_null(at);
	near(strtod(at + strlen(together), NULL), 4, 0.5);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_is_answered),
		cmocka_unit_test(intervals_are_as_wide_as_they_must_be),
		cmocka_unit_test(a_verdict_wants_the_whole_interval),
		cmocka_unit_test(the_first_store_that_has_it_answers),
		cmocka_unit_test(the_command_answers),
		cmocka_unit_test(what_the_machine_did_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
