/*
 * Page one holds water: each choice that the Markdown report prints is worked out once more, from the CSV
 * alone and by other code than that which made it, and a report that was doctored is caught.
 */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/choice.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/report/page.h"
#include "bench/report/printed.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 256,
	WHY = 2048,
	FIELDS_MAX = 256,
	ROWS_MAX = 4096,
	COLUMNS = 10, /* of the table of choices */
	FORKS_MAX = 64,
};

/* A row of the CSV, as far as a choice rests on it. */
struct row {
	char cell[TEXT], workload[TEXT], contest[TEXT], name[TEXT], context[TEXT], traits[TEXT];
	bool ranked, preliminary, crowded, capped;
	int lane_threads, burst;
	double units, failed, times, p99, p999, bytes, floor;
	struct forks {
		size_t n;
		double at[FORKS_MAX];
	} times_of, p99_of, p999_of, bytes_of; /* by fork */
};

static struct row *rows;
static size_t row_count;

/* Takes a line apart in place; fields point into it. Returns how many. */
static size_t split_csv(char *line, char **field)
{
	size_t n = 0;
	char *out;

	for (;;) {
		field[n++] = out = line;
		if (*line == '"') {
			for (line++; *line != '\0' && (*line != '"' || line[1] == '"'); line++) {
				line += *line == '"';
				*out++ = *line;
			}
			line++;
		} else {
			for (; *line != ',' && *line != '\0'; line++)
				*out++ = *line;
		}
		const bool last = *line == '\0';

		*out = '\0';
		if (last || n == FIELDS_MAX)
			return n;
		line++;
	}
}

static const char *get(char **head, char **field, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(head[i], name) == 0)
			return field[i];
	}
	fail_msg("the CSV has no column '%s'", name);
	return "";
}

static double real(const char *text)
{
	return *text == '\0' ? NAN : strtod(text, NULL);
}

static struct forks forks_of(const char *text)
{
	char copy[FORKS_MAX * TEXT], *rest = NULL;
	struct forks forks = {0};

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *f = strtok_r(copy, " ", &rest); f != NULL && forks.n < FORKS_MAX;
		f = strtok_r(NULL, " ", &rest))
		forks.at[forks.n++] = *f == '-' ? NAN : strtod(f, NULL);
	return forks;
}

static void read_csv(char *text)
{
	static char *head[FIELDS_MAX], *field[FIELDS_MAX];
	char *save = NULL, *line = strtok_r(text, "\r\n", &save);
	const size_t n = split_csv(line, head);

	row_count = 0;
	while ((line = strtok_r(NULL, "\r\n", &save)) != NULL && row_count < ROWS_MAX) {
		struct row *r = &rows[row_count++];

		assert_int_equal(split_csv(line, field), n);
#define TAKE(member, column) \
	snprintf(r->member, sizeof(r->member), "%s", get(head, field, n, column))
		TAKE(cell, "cell");
		TAKE(workload, "workload");
		TAKE(contest, "contest");
		TAKE(name, "name");
		TAKE(context, "context");
		TAKE(traits, "traits");
#define NUMBER(column) real(get(head, field, n, column))
		r->ranked = strcmp(get(head, field, n, "role"), "contestant") == 0 &&
			    strcmp(get(head, field, n, "state"), "measured") == 0;
		r->preliminary = NUMBER("preliminary") != 0;
		r->crowded = NUMBER("oversubscribed") != 0;
		r->capped = NUMBER("capped") != 0;
		r->lane_threads = (int)NUMBER("lane_threads");
		r->burst = (int)NUMBER("burst");
		r->units = NUMBER("units");
		r->failed = NUMBER("failed_gets");
		r->times = NUMBER("times_best");
		r->p99 = NUMBER("call_p99_ns");
		r->p999 = NUMBER("call_p99.9_ns");
		r->bytes = NUMBER("held_bytes_per_object");
		if (isnan(r->bytes))
			r->bytes = NUMBER("memory_bytes_per_object");
		r->times_of = forks_of(get(head, field, n, "times_best_by_fork"));
		r->bytes_of = forks_of(get(head, field, n, "bytes_per_object_by_fork"));
		r->p99_of = forks_of(get(head, field, n, "call_p99_ns_by_fork"));
		r->p999_of = forks_of(get(head, field, n, "call_p99.9_ns_by_fork"));
		r->floor = log(NUMBER("own_noise_floor_ratio"));
	}
}

/* What the questions of page one ask of. */
static const struct asked {
	const char *question, *contest; /* NULL: pools, or the whole where there are none */
	const char *traits;             /* with blanks around each; a choice must have all */
	char kind;                      /* of cells: any, handed over, bursts, crowded, scarce */
	char by;                        /* time, tail, memory */
} asked[] = {
	{"Which pool", "pools", "", 'a', 't'},
	{"Which context policy", "policies", "", 'a', 't'},
	{"Which pool and policy for the whole", "whole", "", 'a', 't'},
	{"if objects are freed on another CPU", NULL, "", 'h', 't'},
	{"if packets come in bursts", NULL, "", 'b', 't'},
	{"if there are more threads than CPUs", NULL, "", 'c', 't'},
	{"if the pool is nearly exhausted", NULL, "exact", 's', 't'},
	{"if memory is short", NULL, "", 'a', 'm'},
	{"if the tail of calls matters", NULL, "", 'a', 'l'},
	{"if no call may block", NULL, "never-waits", 'a', 't'},
	{"if every call must end after so many steps", NULL, "wait-free", 'a', 't'},
	{"if some gets must not fail", NULL, "prefill", 'a', 't'},
	{"if memory must go back to the system", NULL, "gives-back", 'a', 't'},
	{"if signal handlers get and put", NULL, "signals", 'a', 't'},
	{"if there is no rseq", NULL, "no-rseq", 'a', 't'},
	{"if it must be bare C11", NULL, "no-rseq bare-c11", 'a', 't'},
};

enum { ASKED = sizeof(asked) / sizeof(asked[0]) };

static const char *contest_asked(const struct asked *q)
{
	if (q->contest != NULL)
		return q->contest;
	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].contest, "pools") == 0)
			return "pools";
	}
	return "whole";
}

static bool has_traits(const struct row *r, const char *traits)
{
	char list[TEXT + 2], wanted[TEXT], *save = NULL;

	snprintf(list, sizeof(list), " %s ", r->traits);
	snprintf(wanted, sizeof(wanted), "%s", traits);
	for (char *t = strtok_r(wanted, " ", &save); t != NULL; t = strtok_r(NULL, " ", &save)) {
		char word[TEXT + 2];

		snprintf(word, sizeof(word), " %s ", t);
		if (strstr(list, word) == NULL)
			return false;
	}
	return true;
}

/* Whether a row's cell belongs to what is asked. */
static bool is_asked(const struct asked *q, const struct row *r)
{
	char burst[2 * TEXT];

	if (strcmp(r->contest, contest_asked(q)) != 0 || r->preliminary)
		return false;
	snprintf(burst, sizeof(burst), "%s %d", r->workload, r->burst);
	switch (q->kind) {
	case 'h':
		return r->lane_threads > 1 && !r->crowded;
	case 'b':
		return r->burst > 1 && !r->crowded && strncmp(r->cell, burst, strlen(burst)) == 0;
	case 'c':
		return r->crowded;
	case 's':
		return r->capped;
	default:
		return true;
	}
}

/* A contestant of its contest. */
static bool competes(const struct row *r)
{
	return r->ranked && (strcmp(r->contest, "whole") == 0 ||
				    (strcmp(r->contest, "policies") == 0) == (*r->context != '\0'));
}

/* Whether the tail of a row's cell is the p99.9. */
static bool is_far(const struct row *r)
{
	int far = 0, all = 0;

	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].cell, r->cell) != 0 || !competes(&rows[i]))
			continue;
		all += isfinite(rows[i].p99);
		far += isfinite(rows[i].p999);
	}
	return far * 2 >= all;
}

/* The logarithm of what a row is compared by; NAN: it has nothing to compare. */
static double value_of(const struct asked *q, const struct row *r)
{
	double value = r->times;

	if (!competes(r) || r->failed / (r->failed + r->units) > CHOICE_FAILED)
		return NAN;
	if (q->by == 'm')
		value = r->bytes;
	if (q->by == 'l')
		value = is_far(r) ? r->p999 : r->p99;
	return value > 0 ? log(value) : NAN;
}

/* The same of its forks. */
static const struct forks *values_of(const struct asked *q, const struct row *r)
{
	return q->by == 't'   ? &r->times_of
	       : q->by == 'm' ? &r->bytes_of
	       : is_far(r)    ? &r->p999_of
			      : &r->p99_of;
}

/* The rows of a cell: its best value, its slowest, and who has the best. */
static const struct row *first_of(
	const struct asked *q, const char *cell, double *best, double *slowest)
{
	const struct row *first = NULL;

	*best = INFINITY;
	*slowest = -INFINITY;
	for (size_t i = 0; i < row_count; i++) {
		const double value = strcmp(rows[i].cell, cell) == 0 ? value_of(q, &rows[i]) : NAN;

		if (value < *best) {
			*best = value;
			first = &rows[i];
		}
		if (value > *slowest)
			*slowest = value;
	}
	return first;
}

/* What a name comes to. */
struct outcome {
	bool candidate; /* it has the traits and a figure */
	double typical, worst;
	const struct row *worst_row, *first_there;
	bool missing_there;
	int missing, failed_cells;
	double failed, floor; /* floor: of a comparison with the chosen */
	size_t forks;
	double fork[FORKS_MAX];
};

/* Cells of a workload that are asked and have a value; or, with NULL, workloads. */
static int count_asked(const struct asked *q, const char *workload)
{
	int n = 0;

	for (size_t i = 0; i < row_count; i++) {
		double best, slowest;
		bool earlier = false;

		if (!is_asked(q, &rows[i]) || first_of(q, rows[i].cell, &best, &slowest) == NULL)
			continue;
		if (workload != NULL && strcmp(rows[i].workload, workload) != 0)
			continue;
		for (size_t k = 0; k < i && !earlier; k++) {
			double b, s;

			earlier = workload != NULL
					  ? strcmp(rows[k].cell, rows[i].cell) == 0
					  : strcmp(rows[k].workload, rows[i].workload) == 0 &&
						    is_asked(q, &rows[k]) &&
						    first_of(q, rows[k].cell, &b, &s) != NULL;
		}
		n += !earlier;
	}
	return n;
}

static struct outcome outcome_of(const struct asked *q, const char *name)
{
	struct outcome o = {.worst = -INFINITY, .forks = FORKS_MAX};
	const int workloads = count_asked(q, NULL);

	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];
		double best, slowest;
		const struct row *first;

		if (strcmp(r->name, name) != 0 || !is_asked(q, r) ||
			(first = first_of(q, r->cell, &best, &slowest)) == NULL)
			continue;

		const double value = value_of(q, r);
		const double behind = (isnan(value) ? slowest : value) - best;
		const double weight = 1.0 / (workloads * count_asked(q, r->workload));

		o.typical += weight * behind;
		o.missing += isnan(value);
		o.failed_cells += r->failed > 0;
		o.failed += r->failed;
		if (!isnan(value))
			o.candidate |= has_traits(r, q->traits);
		if (behind > o.worst) {
			o.worst = behind;
			o.missing_there = isnan(value);
			o.worst_row = r;
			o.first_there = first;
		}

		const struct forks *forks = values_of(q, r);

		if (forks->n > 0 && forks->n < o.forks)
			o.forks = forks->n;
		for (size_t f = 0; f < FORKS_MAX; f++) {
			const bool known = !isnan(value) && f < forks->n && forks->at[f] > 0;

			o.fork[f] += weight * ((known                 ? log(forks->at[f])
						       : isnan(value) ? slowest
								      : value) -
						      best);
		}
	}
	return o;
}

/* The mean noise floor of two names, by the cells' weights: the larger of either in each. Of times alone. */
static double floor_of(const struct asked *q, const char *name, const char *other)
{
	const int workloads = count_asked(q, NULL);
	double sum = 0, best, slowest;

	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];

		if (q->by != 't' || strcmp(r->name, name) != 0 || !is_asked(q, r) ||
			first_of(q, r->cell, &best, &slowest) == NULL)
			continue;
		for (size_t k = 0; k < row_count; k++) {
			const double floor = fmax(r->floor, rows[k].floor);

			if (strcmp(rows[k].cell, r->cell) == 0 &&
				strcmp(rows[k].name, other) == 0 && isfinite(floor))
				sum += floor / (workloads * count_asked(q, r->workload));
		}
	}
	return sum;
}

/* Two-sided tail of Student's distribution, by Simpson's rule over its density. */
static double t_tail(double t, double freedom)
{
	enum { STEPS = 4000 };
	const double scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) /
			     sqrt(freedom * 3.14159265358979323846);
	double area = 0;

	for (int i = 0; i <= STEPS; i++) {
		const double x = t * i / STEPS;
		const double weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;

		area += weight * pow(1 + x * x / freedom, -(freedom + 1) / 2);
	}
	return fmax(0, 1 - 2 * scale * area * t / STEPS / 3);
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How many of others are not known to be more than margin and floor behind the chosen, by Holm's procedure. */
static int rivals_of(const struct outcome *chosen, const struct outcome *others, size_t n)
{
	double chance[FIELDS_MAX];
	size_t made = 0;

	for (size_t k = 0; k < n; k++) {
		const size_t forks = chosen->forks;
		double mean = 0, square = 0, walsh[FORKS_MAX * (FORKS_MAX + 1) / 2];
		size_t pairs = 0;

		for (size_t f = 0; f < forks; f++) {
			const double d = others[k].fork[f] - chosen->fork[f];

			mean += d / (double)forks;
			for (size_t g = 0; g <= f; g++)
				walsh[pairs++] = (d + others[k].fork[g] - chosen->fork[g]) / 2;
		}
		qsort(walsh, pairs, sizeof(walsh[0]), by_size);
		for (size_t f = 0; f < forks; f++) {
			const double d = others[k].fork[f] - chosen->fork[f] - mean;

			square += d * d;
		}
		const double error = sqrt(square / (double)(forks - 1) / (double)forks);
		const double beyond = (walsh[(pairs - 1) / 2] + walsh[pairs / 2]) / 2 -
				      fmax(log1p(STATS_MARGIN), others[k].floor);

		chance[k] = !(beyond > 0) ? 1
			    : error > 0   ? t_tail(beyond / error, (double)forks - 1)
					  : 0;
	}
	qsort(chance, n, sizeof(chance[0]), by_size);
	while (made < n && chance[made] <= STATS_ERROR / (double)(n - made))
		made++;
	return (int)(n - made);
}

/* Whether a printed factor is that of a logarithm, to the digits that it has. */
static bool agrees(const char *printed, double log_ratio)
{
	const double value = strtod(printed, NULL), want = exp(log_ratio);
	const char *dot = strchr(printed, '.');
	const double half = 0.5 * pow(10, dot == NULL ? 0 : -(double)strspn(dot + 1, "0123456789"));

	return strchr(printed, 'k') != NULL || strchr(printed, 'M') != NULL
		       ? true
		       : fabs(value - want) <= half * 1.02 + 1e-5 * want;
}

#define REFUSE(...)                              \
	do {                                     \
		snprintf(why, WHY, __VA_ARGS__); \
		return false;                    \
	} while (0)

/* Four fields of a choice: its name, typically, at worst, there. */
static bool check_pick(const struct asked *q, char **field, const struct outcome *o, char *why)
{
	char there[4 * TEXT], failed[TEXT];

	if (!agrees(field[1], o->typical))
		REFUSE("%s: %s is typically %.4f, not %s", q->question, field[0], exp(o->typical),
			field[1]);
	if (!agrees(field[2], o->worst))
		REFUSE("%s: %s is at worst %.4f, not %s", q->question, field[0], exp(o->worst),
			field[2]);
	if (o->missing_there)
		snprintf(there, sizeof(there), "%s, where it has no figure", o->worst_row->cell);
	else if (o->first_there == o->worst_row)
		snprintf(there, sizeof(there), "first in all cells");
	else
		snprintf(there, sizeof(there), "%s, behind %s", o->worst_row->cell,
			o->first_there->name);
	if (strncmp(field[3], there, strlen(there)) != 0)
		REFUSE("%s: %s is at its worst in '%s', not '%s'", q->question, field[0], there,
			field[3]);
	if (o->first_there != o->worst_row && !o->missing_there &&
		(strstr(field[3], " (") != NULL) != !has_traits(o->first_there, q->traits))
		REFUSE("%s: what %s lacks is said wrongly: '%s'", q->question, o->first_there->name,
			field[3]);
	snprintf(failed, sizeof(failed), "no figure in %d cell", o->missing);
	if (o->missing > 0 ? strstr(field[3], failed) == NULL : strstr(field[3], "no fig") != NULL)
		REFUSE("%s: %s lacks %d cells: '%s'", q->question, field[0], o->missing, field[3]);
	snprintf(failed, sizeof(failed), "%.0f get%s failed in %d cell", o->failed,
		o->failed == 1 ? "" : "s", o->failed_cells);
	if (o->failed_cells > 0 ? strstr(field[3], failed) == NULL
				: strstr(field[3], "failed in") != NULL)
		REFUSE("%s: %s failed gets: '%s', not '%s'", q->question, field[0], failed,
			field[3]);
	return true;
}

static bool check_line(const struct asked *q, char **field, char *why)
{
	static struct outcome others[FIELDS_MAX];
	const struct outcome chosen = outcome_of(q, field[1]);
	const struct outcome second = outcome_of(q, field[5]);
	char sure[TEXT];
	size_t n = 0;

	if (!chosen.candidate)
		REFUSE("%s: %s lacks a trait, or any figure", q->question, field[1]);
	for (size_t i = 0; i < row_count; i++) {
		bool earlier = !is_asked(q, &rows[i]) || !competes(&rows[i]);

		for (size_t k = 0; k < i && !earlier; k++)
			earlier = is_asked(q, &rows[k]) && competes(&rows[k]) &&
				  strcmp(rows[k].name, rows[i].name) == 0;
		if (earlier || strcmp(rows[i].name, field[1]) == 0)
			continue;

		struct outcome o = outcome_of(q, rows[i].name);

		if (!o.candidate)
			continue;
		o.floor = floor_of(q, rows[i].name, field[1]);
		others[n++] = o;
		if (o.typical < chosen.typical - 1e-6)
			REFUSE("%s: %s is better than %s", q->question, rows[i].name, field[1]);
		if (strcmp(rows[i].name, field[5]) != 0 && o.typical < second.typical - 1e-6)
			REFUSE("%s: %s is better than %s, the second", q->question, rows[i].name,
				field[5]);
	}
	if (!check_pick(q, field + 1, &chosen, why) ||
		(n > 0 && !check_pick(q, field + 5, &second, why)))
		return false;
	const int rivals = n > 0 ? rivals_of(&chosen, others, n) : 0;

	if (n == 0)
		snprintf(sure, sizeof(sure), "nobody else can");
	else if (rivals == 0)
		snprintf(sure, sizeof(sure), "all %zu others %s", n,
			q->by == 't'   ? "are slower"
			: q->by == 'm' ? "take more"
				       : "have longer ones");
	else
		snprintf(sure, sizeof(sure), "%d of %zu others may %s", rivals, n,
			q->by == 't'   ? "be as fast"
			: q->by == 'm' ? "take as little"
				       : "have as short ones");
	if (strcmp(field[9], sure) != 0)
		REFUSE("%s: '%s', not '%s'", q->question, sure, field[9]);
	return true;
}

/* Takes a line of the table apart in place; false: it is none of ten columns. */
static bool split_line(char *line, char **field)
{
	size_t n = 0;

	if (strncmp(line, "| ", 2) != 0)
		return false;
	for (char *at = line + 2, *end; (end = strstr(at, " |")) != NULL && n < COLUMNS; n++) {
		field[n] = at;
		at = end + 2 + (end[2] == ' ');
		*end = '\0';
		for (char *p = field[n]; *p != '\0'; p++) {
			if (*p == '\\' || *p == '*')
				memmove(p, p + 1, strlen(p)), p--;
		}
	}
	return n == COLUMNS;
}

/* Whether all that a report chooses follows from the rows; else why says what does not. */
static bool holds(const char *markdown, char *why)
{
	char *text = strdup(markdown), *save = NULL, *field[COLUMNS];
	bool good = true, answered[ASKED] = {false};

	for (char *line = strtok_r(text, "\n", &save); line != NULL && good;
		line = strtok_r(NULL, "\n", &save)) {
		for (size_t q = 0; q < ASKED; q++) {
			char head[TEXT];

			snprintf(head, sizeof(head), "| %s |", asked[q].question);
			if (strncmp(line, head, strlen(head)) != 0)
				continue;
			answered[q] = true;
			good = split_line(line, field) && check_line(&asked[q], field, why);
			break;
		}
	}
	for (size_t q = 0; q < ASKED && good; q++) {
		/* Who is not answered is named, unless nobody measured a cell of that contest. */
		const char *clause = asked[q].question + strlen("if ");

		if (answered[q] || count_asked(&asked[q], NULL) == 0)
			continue;
		if (asked[q].contest == NULL && strstr(markdown, clause) == NULL) {
			snprintf(why, WHY, "%s: neither answered nor said to be open",
				asked[q].question);
			good = false;
		}
	}
	free(text);
	return good;
}

/* Reads a store, and its CSV into rows; *markdown is its report. */
static struct analysis *read_all(const char *path, char **markdown)
{
	struct analysis *a = NULL;
	char why[WHY], *csv;

	if (analysis_read(path, NULL, &a, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	csv = printed(a, report_csv);
	read_csv(csv);
	free(csv);
	*markdown = printed(a, report_markdown);
	return a;
}

static char directory[SYNTHETIC_FOLDER_BYTES], store[TEXT];

static int set_up(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();

	rows = calloc(ROWS_MAX, sizeof(*rows));
	if (rows == NULL || synthetic_folder_make(directory) != 0)
		return -1;
	snprintf(store, sizeof(store), "%s/one.db", directory);
	wanted.forks = 6;
	wanted.blocks = 4;
	wanted.noise = 0.05;
	synthetic_store_write(store, &wanted);
	/* Cells that run short, with rows that fail some gets and many. */
	synthetic_store_execute(store,
		"UPDATE cell SET capped = 1 WHERE label = 'pair, 2 threads';"
		"UPDATE slice SET failed = 1 WHERE subject_id = (SELECT subject_id FROM subject "
		"WHERE label = 'rseq_mag') AND block_id IN (SELECT block_id FROM block WHERE "
		"cell_id IN (2, 4));"
		"UPDATE slice SET failed = units WHERE subject_id = (SELECT subject_id FROM "
		"subject WHERE label = 'mag_tls') AND block_id IN (SELECT block_id FROM block "
		"WHERE cell_id = 7)");
	return 0;
}

static int tear_down(NO_STATE)
{
	free(rows);
	return synthetic_folder_remove(directory);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void choices_follow_from_the_csv(NO_STATE)
{
	char *markdown, why[WHY] = "";
	struct analysis *a = read_all(store, &markdown);

	if (!holds(markdown, why))
		fail_msg("%s\n%s", why, markdown);
	assert_true(lines_of(markdown) < 60);
	assert_non_null(strstr(markdown, "| Which pool | "));
	assert_non_null(strstr(markdown, "| Which pool and policy for the whole | "));
	assert_non_null(strstr(markdown, "+malloc"));
	assert_non_null(strstr(markdown, "remote_free 32, 2 threads, where it has no figure"));
	free(markdown);
	analysis_free(a);
}

/* A machine that tells twins apart by two fifths does not tell the first from who is a tenth behind. */
static void noise_is_doubt(NO_STATE)
{
	char *markdown, why[WHY] = "";
	struct analysis *a = read_all(store, &markdown);
	struct choice choice;

	assert_true(choice_of_contest(a, CONTEST_POOLS, &choice));

	const size_t quiet = choice.rivals;

	free(markdown);
	analysis_free(a);
	synthetic_store_execute(store,
		"UPDATE slice SET units_per_s = units_per_s / 1.4 WHERE subject_id = "
		"(SELECT subject_id FROM subject WHERE label = 'mag_tls (twin)')");
	a = read_all(store, &markdown);
	if (!holds(markdown, why))
		fail_msg("%s\n%s", why, markdown);
	assert_true(choice_of_contest(a, CONTEST_POOLS, &choice));
	assert_true(choice.rivals > quiet);
	free(markdown);
	analysis_free(a);
	synthetic_store_execute(store,
		"UPDATE slice SET units_per_s = units_per_s * 1.4 WHERE subject_id = "
		"(SELECT subject_id FROM subject WHERE label = 'mag_tls (twin)')");
}

/* The report with the first `old` behind `after` replaced; it must not hold. */
static void expect_caught(const char *markdown, const char *after, const char *old, const char *new)
{
	const char *from = strstr(markdown, after);
	const char *at = from == NULL ? NULL : strstr(from, old);
	char *text, why[WHY] = "";

	if (at == NULL)
		fail_msg("no '%s' behind '%s' in\n%s", old, after, markdown);
	if (asprintf(&text, "%.*s%s%s", (int)(at - markdown), markdown, new, at + strlen(old)) < 0)
		fail();
	if (holds(text, why))
		fail_msg("'%s' for '%s' behind '%s' is not noticed", new, old, after);
	free(text);
}

/* The control: a checker that lets these pass would see nothing. */
static void a_doctored_report_is_caught(NO_STATE)
{
	char *markdown;
	struct analysis *a = read_all(store, &markdown);

	expect_caught(markdown, "| Which pool |", "**", "**mutex** | 1.00 | 1.00 | first | **");
	expect_caught(markdown, "| Which pool |", " others", " others or so");
	expect_caught(markdown, "| Which pool |", " | 1.", " | 2.");
	expect_caught(markdown, "| if memory is short |", " | 1.", " | 7.");
	expect_caught(markdown, "| if memory is short |", " others ", " others, perhaps, ");
	expect_caught(markdown, "| if the tail of calls matters |", " of ", " or 1 of ");
	expect_caught(markdown, "| if the pool is nearly exhausted |", "failed in", "lost in");
	expect_caught(markdown, "| if no call may block |", "| if no call may block |", "| no |");
	free(markdown);
	analysis_free(a);
}

static void print_table(const struct analysis *a, FILE *out)
{
	enum { WIDE = 2000 };

	table_print(a, out, WIDE, false);
}

/* Terminal and page say what the Markdown says. */
static void all_forms_choose_alike(NO_STATE)
{
	char *markdown, *table, *page;
	struct analysis *a = read_all(store, &markdown);
	struct choice choice, situations[CHOICE_SITUATIONS_MAX];
	char text[ANALYSIS_SENTENCE_BYTES];
	const size_t n = choice_by_situation(a, situations, text);

	table = printed(a, print_table);
	page = printed(a, report_html);
	for (size_t i = 0; i < n + CONTESTS; i++) {
		if (i >= n && !choice_of_contest(a, (enum contest)(i - n), &choice))
			continue;
		if (i < n)
			choice = situations[i];
		choice_sentences(a, &choice, text);
		assert_non_null(strstr(table, text));
		choice_worst(a, &choice, &choice.first, text);
		assert_non_null(strstr(page, text));
		assert_non_null(strstr(page, choice_name(a, choice.contest, choice.first.subject)));
	}
	free(page);
	free(table);
	free(markdown);
	analysis_free(a);
}

/* A slot of a row: what it says in each column that has a figure. */
static size_t check_row(
	const struct analysis *a, enum contest contest, const json_t *columns, const json_t *row)
{
	const char *label = json_string_value(json_object_get(row, "label"));
	const size_t subject = analysis_find_subject(a, label);
	const json_t *cells = json_object_get(row, "cells");
	size_t figures = 0;

	assert_true(subject < a->subject_count);
	assert_string_equal(
		json_string_value(json_object_get(row, "name")), choice_name(a, contest, subject));
	for (size_t k = 0; k < json_array_size(cells); k++) {
		const json_t *column = json_array_get(columns, k);
		const size_t c = (size_t)json_integer_value(json_object_get(column, "cell"));

		assert_int_equal(a->cells[c].contest, contest);
		if (json_is_null(json_object_get(json_array_get(cells, k), "figure")))
			continue;
		figures++;
		if (a->subjects[subject].role == ANALYSIS_CONTESTANT &&
			!analysis_in_contest(a, c, subject))
			fail_msg("%s has a figure in %s, of another contest", label,
				a->cells[c].label);
	}
	return figures;
}

/* Two rows are policies, one cell is theirs, and pools were measured there as older sweeps did. */
static void tables_keep_contests_apart(NO_STATE)
{
	static const char *const first[CONTESTS] = {"mag_tls", "mag_tls+sticky", "mag_tls+malloc"};
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *a = NULL;
	char path[2 * TEXT], why[WHY];
	struct page p;
	json_t *page, *tables, *tradeoffs;

	snprintf(path, sizeof(path), "%s/contests.db", directory);
	wanted.forks = 3;
	wanted.blocks = 2;
	synthetic_store_write(path, &wanted);
	synthetic_store_execute(path,
		"UPDATE subject SET label = 'mag_tls+sticky', pool = 'mag_tls', context = 'sticky' "
		"WHERE label = 'urcu_lfs';"
		"UPDATE subject SET label = 'mag_tls+arena', pool = 'mag_tls', context = 'arena' "
		"WHERE label = 'urcu_wfcq';"
		"UPDATE cell SET workload = 'ctx_stack', label = 'ctx_stack, 2 threads' "
		"WHERE cell_id = 2");
	assert_int_equal(analysis_read(path, NULL, &a, why, sizeof(why)), 0);
	page_open(&p, a);
	page = page_fill(&p);
	page_close(&p);
	tables = json_object_get(page, "ratios");
	tradeoffs = json_object_get(page, "tradeoffs");
	assert_int_equal(json_array_size(tables), CONTESTS);
	assert_int_equal(json_array_size(tradeoffs), CONTESTS);
	for (size_t t = 0; t < CONTESTS; t++) {
		const json_t *table = json_array_get(tables, t);
		const enum contest contest =
			contest_find(json_string_value(json_object_get(table, "contest")));
		const json_t *columns = json_object_get(table, "columns");
		const json_t *shown = json_object_get(table, "rows");
		size_t cells = 0, figures = 0, named = 0;

		for (size_t c = 0; c < a->cell_count; c++)
			cells += a->cells[c].contest == contest;
		assert_int_equal(json_array_size(columns), cells);
		for (size_t r = 0; r < json_array_size(shown); r++)
			figures += check_row(a, contest, columns, json_array_get(shown, r));
		assert_true(figures > cells);
		shown = json_object_get(json_array_get(tradeoffs, t), "rows");
		for (size_t r = 0; r < json_array_size(shown); r++) {
			const json_t *label = json_object_get(json_array_get(shown, r), "label");

			named += strcmp(json_string_value(label), first[contest]) == 0;
		}
		assert_int_equal(named, 1);
	}
	json_decref(page);
	analysis_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices_follow_from_the_csv),
		cmocka_unit_test(noise_is_doubt),
		cmocka_unit_test(a_doctored_report_is_caught),
		cmocka_unit_test(all_forms_choose_alike),
		cmocka_unit_test(tables_keep_contests_apart),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
