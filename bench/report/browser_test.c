/* The page in a browser: how it looks at several sizes, and that what can be pressed does what it says. */
#include "bench/report/browser.h"

#include "alloc/machine/cmocka.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/base/need.h"
#include "bench/report/browser_faults.js.h"
#include "bench/report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 256,
	WHY_BYTES = 512,
	SCRIPT_BYTES = 8192,
	ELEMENT_BYTES = 256,
};

static char folder[SYNTHETIC_FOLDER_BYTES];
static struct browser *browser;

static const struct browser_view desk = {1440, 900, false, false};

/* Everything that can be folded is open. */
static const char open_all[] =
	"document.querySelectorAll('details').forEach(function (d) { d.open = true; }), 0";

/* Every store is small: few forks, and as few cells as show what is asked. */
static struct synthetic_store small(unsigned cells)
{
	struct synthetic_store wanted = synthetic_store_default();

	wanted.forks = 3;
	wanted.blocks = 3;
	wanted.cells = cells;
	return wanted;
}

/* Makes the page of a store that sql has changed, and opens it at "#?" and what follows. */
static void show(const struct synthetic_store *wanted, const char *sql, const char *choices)
{
	char path[PATH_BYTES], address[2 * PATH_BYTES], why[WHY_BYTES];
	struct analysis *a = NULL;
	FILE *out;

	snprintf(path, sizeof(path), "%s/store.db", folder);
	synthetic_store_write(path, wanted);
	synthetic_store_execute(path, sql);
	if (analysis_read(path, NULL, &a, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	out = fopen(path, "w");
	assert_non_null(out);
	report_html(a, out);
	assert_int_equal(fclose(out), 0);
	analysis_free(a);
	snprintf(address, sizeof(address), "file://%s%s", path, choices);
	browser_open(browser, address);
}

static int number(const char *expression)
{
	return browser_number(browser, expression);
}

static void run(const char *expression)
{
	json_decref(browser_value(browser, expression));
}

/* How many faults the page has as it stands; the first of them into text. */
static size_t faults(char *text)
{
	json_t *list = browser_value(browser, browser_faults_js);
	const size_t n = json_array_size(list);

	snprintf(text, WHY_BYTES, "%s", n == 0 ? "" : json_string_value(json_array_get(list, 0)));
	json_decref(list);
	return n;
}

static void assert_looks_right(const struct browser_view *views, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct browser_view *view = &views[i];
		char why[WHY_BYTES];

		browser_look(browser, view);
		if (faults(why) > 0)
			fail_msg("%dx%d%s%s: %s", view->width, view->height,
				view->dark ? ", dark" : "", view->print ? ", print" : "", why);
	}
	browser_look(browser, &desk);
	assert_int_equal(browser_exceptions(browser), 0);
}

/* A page on paper is as wide as A4, on its side. */
static void page_is_right_at_every_size(NO_STATE)
{
	static const struct browser_view folded[] = {{1440, 900, false, false},
		{1440, 900, true, false}, {1024, 768, false, false}, {390, 844, false, false},
		{1032, 720, false, true}};
	static const struct browser_view open[] = {{1440, 900, true, false},
		{1024, 768, true, false}, {390, 844, true, false}, {1032, 720, true, true}};
	const struct synthetic_store wanted = small(5);

	show(&wanted, "", "");
	assert_true(number("document.querySelectorAll('svg').length > 5 ||"
			   " document.body.innerText.includes('gnuplot was not found')"));
	assert_looks_right(folded, sizeof(folded) / sizeof(folded[0]));
	run(open_all);
	assert_looks_right(open, sizeof(open) / sizeof(open[0]));
}

/* Controls: each fault that is looked for is found where it is made. */
static void faults_are_found(NO_STATE)
{
	static const struct {
		const char *script, *want;
	} broken[] = {
		{"document.body.insertAdjacentHTML('beforeend',"
		 " '<p style=\"width: 2000px; max-width: none\">wide</p>')",
			"The page scrolls sideways"},
		{"document.querySelector('h2').style.marginBottom = '-2rem'", "Overlap: "},
		{"document.querySelector('h2').style.color = '#ddd'", "Contrast 1."},
		{"document.querySelector('#heat-pools').parentElement.style.width = '300px',"
		 " document.querySelectorAll('#heat-pools tr > :first-child').forEach("
		 "function (c) { c.style.position = 'static'; })",
			"The first column leaves its frame"},
	};
	const struct synthetic_store wanted = small(2);
	char why[WHY_BYTES];

	show(&wanted, "", "");
	browser_look(browser, &desk);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		json_t *list;

		run("window.kept = document.body.innerHTML, 0");
		assert_int_equal(faults(why), 0);
		run(broken[i].script);
		list = browser_value(browser, browser_faults_js);
		assert_int_equal(json_array_size(list) > 0, 1);
		if (strncmp(json_string_value(json_array_get(list, 0)), broken[i].want,
			    strlen(broken[i].want)) != 0)
			fail_msg("not '%s' but '%s'", broken[i].want,
				json_string_value(json_array_get(list, 0)));
		json_decref(list);
		run("document.body.innerHTML = window.kept, 0");
	}
}

/* Whether an expression holds, or soon does: what the page does after an event it may do a moment later. */
static bool becomes(const char *expression)
{
	char script[SCRIPT_BYTES];

	snprintf(script, sizeof(script),
		"new Promise(function (done) { let left = 1000; (function ask() {"
		" const is = (%.4000s);"
		" if (is || --left === 0) done(is); else setTimeout(ask, 10); }()); })",
		expression);
	return number(script);
}

/*
 * Presses each of the elements that a selector finds, with the mouse and by a key, and asks after
 * each what an expression says of it, which knows it as `e`: 1 is right. Returns how many there are.
 */
static int press_each(const char *selector, const char *key, const char *mouse, const char *pressed)
{
	char script[SCRIPT_BYTES], element[ELEMENT_BYTES];

	snprintf(script, sizeof(script), "document.querySelectorAll(\"%s\").length", selector);

	const int n = number(script);

	for (int i = 0; i < n; i++) {
		snprintf(element, sizeof(element), "document.querySelectorAll(\"%s\")[%d]",
			selector, i);
		for (int by_key = mouse == NULL; by_key < 2; by_key++) {
			if (by_key)
				browser_press(browser, element, key);
			else
				browser_click(browser, element);
			snprintf(script, sizeof(script), "(function (e) { return %s; }(%s))",
				by_key ? pressed : mouse, element);
			if (!becomes(script))
				fail_msg("%s %d: not so after %s: %s", selector, i,
					by_key ? "a key" : "a click", by_key ? pressed : mouse);
		}
	}
	return n;
}

static void chips_work(NO_STATE)
{
	const struct synthetic_store wanted = small(4);

	show(&wanted, "", "");
	run(open_all);
	assert_true(
		press_each("details.choice:last-of-type .chip:not([hidden])", " ",
			"e.getAttribute('aria-pressed') === 'false' &&"
			" document.querySelector('tr[data-label=\"' + e.textContent + '\"]').hidden"
			" && new URLSearchParams(location.hash.slice(2)).get('without') === "
			"e.textContent",
			"e.getAttribute('aria-pressed') === 'true' &&"
			" !document.querySelector('tr[data-label=\"' + e.textContent + "
			"'\"]').hidden"
			" && !location.hash.includes('without')") >= 20);
	assert_int_equal(press_each("details.choice:first-of-type .chip", "Enter",
				 "document.querySelectorAll('#heat-pools thead "
				 "th[data-cell]:not([hidden])').length"
				 " < 4",
				 "document.querySelectorAll('#heat-pools thead "
				 "th[data-cell]:not([hidden])').length"
				 " === 4"),
		2);
	press_each("details.choice .plain", "Enter",
		"Array.from(e.parentElement.querySelectorAll('.chip')).every(function (c) {"
		" return c.getAttribute('aria-pressed') === String(e.textContent === 'all'); })",
		"true");
	assert_true(becomes("document.querySelectorAll('#weighed tbody tr').length === 0"));
	assert_int_equal(browser_exceptions(browser), 0);
}

/* Each slider moves, stands in the address, and says what it weighs. */
static void sliders_work(NO_STATE)
{
	const struct synthetic_store wanted = small(4);

	show(&wanted, "", "");
	run(open_all);
	assert_int_equal(press_each(".weight input", "ArrowRight",
				 "e.value === '5' && e.nextElementSibling.textContent === '5'",
				 "e.value === '6' && e.nextElementSibling.textContent === '6' &&"
				 " decodeURIComponent(location.hash).includes("
				 "e.getAttribute('aria-label').replace('Weight of ', '') + '=6')"),
		6);
	assert_int_equal(browser_exceptions(browser), 0);
}

/* Rows of one contest have no figures in another's cells: each contest has an order, and its own workloads. */
static void each_contest_has_an_order(NO_STATE)
{
	static const char ordered[] =
		"document.querySelector('#weighed').closest('section').querySelector('.answer')"
		".textContent.startsWith('First by these weights') ? 1 : 0";
	static const char workloads[] =
		"Array.from(document.querySelectorAll('.chips .weight')).filter("
		"function (w) { return !w.hidden; }).length";
	struct synthetic_store wanted = small(8);

	wanted.forks = 6;
	show(&wanted, "", "");
	assert_int_equal(number(ordered), 1);
	assert_int_equal(number(workloads), 3); /* pair, burst, remote_free */
	show(&wanted, "", "#?contest=whole");
	assert_int_equal(number(ordered), 1);
	assert_int_equal(number(workloads), 1); /* wfp_inject */
	show(&wanted, "", "#?contest=no");
	assert_int_equal(number(workloads), 3);
	assert_int_equal(browser_exceptions(browser), 0);
}

/* A column is in order after a click, and in the other after a key. */
static void sorts_work(NO_STATE)
{
	static const char in_order[] =
		"(function () { const head = e.closest('th'), k = Number(head.dataset.sort);"
		" const values = Array.from(e.closest('table').tBodies[0].rows).filter(function "
		"(r) {"
		" return !r.classList.contains('aside') && !r.classList.contains('ns'); })"
		".map(function (r) { const c = r.children[k]; return !c || c.dataset.dry !== "
		"undefined ? NaN :"
		" k === 0 ? c.textContent.trim() : parseFloat(c.dataset.ns || c.dataset.value || "
		"c.textContent); })"
		".filter(function (v) { return k === 0 || !isNaN(v); });"
		" const sign = head.getAttribute('aria-sort') === 'ascending' ? 1 : -1;"
		" return values.every(function (v, i) { return i === 0 || (values[i - 1] === v ? 0 "
		":"
		" values[i - 1] < v ? 1 : -1) * sign >= 0; }) && head.getAttribute('aria-sort') "
		"=== '%s'; }())";
	const struct synthetic_store wanted = small(1);
	char up[SCRIPT_BYTES / 2], down[SCRIPT_BYTES / 2];

	snprintf(up, sizeof(up), in_order, "ascending");
	snprintf(down, sizeof(down), in_order, "descending");
	show(&wanted, "", "");
	run(open_all);
	assert_true(press_each("#heat-pools th button", "Enter", up, down) == 3);
	assert_true(press_each("#cell-1 th button", " ", up, down) >= 20);
	assert_true(press_each("#tradeoffs th button, #latency-1 th button, #load-1 th button",
			    "Enter", up, down) >= 20);
	assert_int_equal(browser_exceptions(browser), 0);
}

/* What a link leads to is in sight, however folded up it was. */
static void links_work(NO_STATE)
{
	/* The page's own part of it is done when it is told of the new address, and so are those behind it. */
	static const char there[] =
		"(function () { const t = document.getElementById(e.getAttribute('href').slice(1)),"
		" r = t.getBoundingClientRect(), now = window.went === e.getAttribute('href') &&"
		" t.checkVisibility() && r.bottom > 0 && r.top < innerHeight;"
		" if (now) { document.querySelectorAll('details').forEach(function (d) { d.open = "
		"false; });"
		" window.went = ''; history.replaceState(null, '', location.pathname); }"
		" return now; }())";
	const struct synthetic_store wanted = small(1);

	show(&wanted, "", "");
	run("window.went = '', addEventListener('hashchange', function () {"
	    " window.went = location.hash; }), 0");
	assert_true(press_each("nav a, table.heat a", "Enter", there, there) > 20);
	assert_int_equal(browser_exceptions(browser), 0);
}

static void slices_come_when_asked_for(NO_STATE)
{
	const struct synthetic_store wanted = small(1);

	/* The first block of the first row takes 100 ns a unit, in a window with 20000 of them. */
	show(&wanted,
		"UPDATE slice SET units_per_s = 1e7, flags = 'skew' WHERE block_id = 1 AND "
		"subject_id ="
		" (SELECT subject_id FROM subject WHERE label = 'mutex')",
		"");
	run(open_all);
	assert_int_equal(
		press_each("[data-slices] button", "Enter",
			"e.nextElementSibling.querySelectorAll('tbody tr').length ==="
			" 3 * document.querySelectorAll('#cell-1 table')[1].tBodies[0].rows.length",
			"e.nextElementSibling === null"),
		1);
	browser_click(browser, "document.querySelector('[data-slices] button')");
	assert_true(
		becomes("Array.from(document.querySelectorAll('td.slices')).filter(function (c) {"
			" return c.parentElement.firstChild.textContent === 'mutex' &&"
			" c.textContent.startsWith('100*') }).length === 1"));
}

/* The state is in the address: another reader who follows it sees the same. */
static void a_link_shows_the_same(NO_STATE)
{
	struct synthetic_store wanted = small(4);

	show(&wanted, "",
		"#?without=rseq_mag&without=rseq_arr&skip=burst&measure=p99%3D3&measure=throughput%"
		"3D0"
		"&base=mutex&workload=pair%3D4&sort-pools=-2");
	assert_true(number("document.querySelector('tr[data-label=rseq_mag]').hidden"));
	assert_int_equal(number("document.querySelectorAll('#heat-pools thead "
				"th[data-cell]:not([hidden])').length"),
		3);
	assert_true(
		number("Array.from(document.querySelectorAll('.weight input')).map(function (i) {"
		       " return i.value; }).join() === '0,3,0,0,4,1'"));
	/* mutex is the measure of all things, in the tables and in the order. */
	assert_int_equal(
		number("document.querySelectorAll('tr[data-label=mutex] td.h0 small').length"), 4);
	assert_true(number(
		"Array.from(document.querySelectorAll('#weighed tbody tr')).some(function (r) {"
		" return r.cells[0].textContent === 'mutex' && r.cells[2].textContent === '1.00'"
		" && r.cells[3].textContent === ''; })"));
	assert_true(
		number("document.querySelector('th[aria-sort=descending]').dataset.sort === '2'"));
	/* What nobody wrote so is left aside. */
	show(&wanted, "",
		"#?without=%3Cb%3E&measure=p99%3D99&measure=x&workload=toString%3D3&base=nobody");
	assert_int_equal(browser_exceptions(browser), 0);
	assert_true(number("document.querySelectorAll('#weighed tbody tr').length ==="
			   " Array.from(document.querySelectorAll('#heat-pools "
			   "tr[data-label]:not(.aside)')).filter("
			   "function (r) { return r.querySelector('td[data-ns]'); }).length"));
}

/*
 * Relative to another row, who ran dry, what is inconclusive and what was disturbed is marked so;
 * and who ran dry sorts last, fast as it is.
 */
static void marks_outlast_another_baseline(NO_STATE)
{
	static const char marked[] =
		"document.querySelector('tr[data-label=%s] sup').textContent === '%s'";
	struct synthetic_store wanted = small(1);
	char script[SCRIPT_BYTES];

	wanted.forks = 1; /* that decides nothing */
	wanted.blocks = 2;
	show(&wanted,
		"UPDATE slice SET failed = 1 WHERE subject_id IN (SELECT subject_id FROM subject"
		" WHERE label = 'mag_tls');"
		"UPDATE block SET calibration_ns = 9 * calibration_ns,"
		" calibration_end_ns = 9 * calibration_end_ns WHERE block = 1",
		"#?base=mutex&sort-pools=2");
	assert_true(
		number("document.querySelector('tr[data-label=mutex] b').textContent === '1.00'"));
	snprintf(script, sizeof(script), marked, "mag_tls", "dry!");
	assert_true(number(script));
	snprintf(script, sizeof(script), marked, "rseq_arr", "?!");
	assert_true(number(script));
	assert_true(number("(function (at) { return at('mag_tls') > at('mutex') && at('mutex') > "
			   "at('rseq_arr'); }"
			   "(function (label) { return document.querySelector('tr[data-label=' + "
			   "label + ']').rowIndex; }))"));
}

/* The page's own arithmetic is that of the program: throughput in one cell, against its best. */
static void weights_agree_with_the_program(NO_STATE)
{
	struct synthetic_store wanted = small(1);
	struct analysis *a = NULL;
	char path[PATH_BYTES], why[WHY_BYTES], script[SCRIPT_BYTES];
	int compared = 0;

	wanted.forks = 6;
	show(&wanted, "", "");
	snprintf(path, sizeof(path), "%s/store.db", folder);
	assert_int_equal(analysis_read(path, NULL, &a, why, sizeof(why)), 0);
	snprintf(path, sizeof(path), "file://%s/report.html#?base=%s", folder,
		a->subjects[a->cells[0].best].label);
	browser_open(browser, path);
	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_result *r = analysis_at(a, 0, i);

		if (r->rank_low == 0 || i == a->cells[0].best)
			continue;
		snprintf(script, sizeof(script),
			"Array.from(document.querySelectorAll('#weighed tbody "
			"tr')).filter(function (r) {"
			" const ends = r.cells[3].textContent.split('\u2013').map(parseFloat),"
			" near = function (x, y) { return Math.abs(x / y - 1) < 0.01; };"
			" return r.cells[0].textContent === '%s' && "
			"near(parseFloat(r.cells[2].textContent), %f)"
			" && near(ends[0], %f) && near(ends[1], %f); }).length",
			a->subjects[i].label, exp(r->to_best.point), exp(r->to_best.lo),
			exp(r->to_best.hi));
		if (number(script) != 1)
			fail_msg("%s: not %.4f, %.4f to %.4f", a->subjects[i].label,
				exp(r->to_best.point), exp(r->to_best.lo), exp(r->to_best.hi));
		compared++;
	}
	assert_true(compared > 10);
	analysis_free(a);
}

/* Stores that hold what no sweep means to write. */
static void odd_stores_are_shown(NO_STATE)
{
	static const struct {
		const char *what, *sql;
		unsigned cells;
	} stores[] = {
		{"one cell", "", 1},
		{"nothing but failures",
			"DELETE FROM slice; DELETE FROM thread; DELETE FROM memory; DELETE FROM "
			"latency;"
			"DELETE FROM timed; DELETE FROM balance; DELETE FROM load;"
			"INSERT INTO event(cell_id, subject_id, fork, state, detail, at_ns)"
			" SELECT cell_id, subject_id, 0, 'crashed', 'It died.', 0 FROM cell, "
			"subject",
			2},
		{"hostile names",
			"UPDATE subject SET label = '</script><script>window.hit = "
			"1</script>\"''&' || subject_id,"
			" summary = '\"><img src=x onerror=\"window.hit = 1\">';"
			"UPDATE cell SET label = '<svg onload=window.hit=1>' || cell_id,"
			" workload = '\"><b>' || cell_id || '</b>', program = '{{program}} <!--'",
			2},
		{"long names",
			"UPDATE subject SET label = printf('%.*c', 120, 'x') || subject_id;"
			"UPDATE cell SET label = printf('%.*c', 300, 'y') || cell_id,"
			" workload = printf('%.*c', 200, 'z')",
			2},
		{"no numbers",
			"UPDATE slice SET units_per_s = 9e999 WHERE subject_id % 3 = 0;"
			"UPDATE slice SET units_per_s = 0 WHERE subject_id % 3 = 1;"
			"UPDATE slice SET jain = -9e999, slowest_share = 9e999, skew = 9e999;"
			"UPDATE memory SET held_peak = 0, objects = 0",
			2},
	};

	static const struct browser_view views[] = {
		{1440, 900, true, false}, {390, 844, false, false}, {1032, 720, false, true}};

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		const struct synthetic_store wanted = small(stores[i].cells);

		print_message("%s\n", stores[i].what);
		show(&wanted, stores[i].sql, "");
		run(open_all);
		run("document.querySelectorAll('[data-slices] button').forEach(function (b) { "
		    "b.click(); }), 0");
		assert_looks_right(views, sizeof(views) / sizeof(views[0]));
		assert_true(number("window.hit === undefined"));
		assert_true(number(
			"!/NaN|undefined|Infinity|\\binf\\b/.test(document.body.innerText)"));
	}
}

int main(void)
{
	const struct CMUnitTest pictures[] = {cmocka_unit_test(page_is_right_at_every_size)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_found),
		cmocka_unit_test(chips_work),
		cmocka_unit_test(sliders_work),
		cmocka_unit_test(each_contest_has_an_order),
		cmocka_unit_test(sorts_work),
		cmocka_unit_test(links_work),
		cmocka_unit_test(slices_come_when_asked_for),
		cmocka_unit_test(a_link_shows_the_same),
		cmocka_unit_test(marks_outlast_another_baseline),
		cmocka_unit_test(weights_agree_with_the_program),
		cmocka_unit_test(odd_stores_are_shown),
	};
	char *path = need_copy(getenv("PATH") == NULL ? "" : getenv("PATH"));
	int code;

	if (synthetic_folder_make(folder) != 0)
		return 1;
	browser = browser_start(folder);
	if (browser == NULL) {
		synthetic_folder_remove(folder);
		return 77;
	}
	browser_look(browser, &desk);
	code = cmocka_run_group_tests(pictures, NULL, NULL);
	/* The other tests need no pictures, which take most of a page's time. */
	setenv("PATH", "/nonexistent", 1);
	code |= cmocka_run_group_tests(tests, NULL, NULL);
	setenv("PATH", path, 1);
	free(path);
	browser_stop(browser);
	synthetic_folder_remove(folder);
	return code;
}
