/* The language of ratios: lines into targets. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/context.h"
#include "alloc/machine/compiler.h"
#include "alloc/pool.h"
#include "bench/base/options.h"
#include "bench/engine/instances.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char ratio_language[] =
	"A target is one line, TITLE: EXPRESSION BOUND, where title and bound may be absent:\n"
	"\n"
	"  SIDE @ CELL                  the time of one row, in ns a unit\n"
	"  SIDE / SIDE @ CELL           the ratio of two times\n"
	"  SIDE - SIDE @ CELL           their difference, in ns\n"
	"  SIDE @ CELL / SIDE @ CELL    the same of rows in different cells\n"
	"  rate(SIDE) / rate(SIDE)      the ratio of two throughputs, all threads together\n"
	"  failed(SIDE) @ CELL          how many gets failed, of the row with the most\n"
	"\n"
	"  SIDE   a row's name (mag_tls, mag_tls+sticky); fastest(A, B), the best of several; "
	"ours,\n"
	"         the best of our own: no peer, no row for reference (null, plain, bare_*), no "
	"policy\n"
	"         that frees in any order, none that failed a get in that cell; exact, those of "
	"ours\n"
	"         that promise to fail no get while an object is free; same, the row that the "
	"other\n"
	"         side turned out to be, in another cell\n"
	"  CELL   a workload, then what tells its cells apart: threads=, burst=, depth=, size=;\n"
	"         threads=N is one thread a CPU of the sweep, threads=4N is four\n"
	"  BOUND  <= or >= and a number, followed by ns for a time or a difference\n"
	"\n"
	"In a file there may also be [Headings], # comments, `list NAME = A, B` (fastest(NAME) is "
	"then\n"
	"the best of the list) and `await A, B`: names that this build and the stores need not "
	"know.\n";

static int refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, RATIO_WHY_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

/* A line being read: one token is looked at, the rest is to come. */
struct reader {
	const char *next;
	char token[RATIO_NAME_BYTES]; /* "" at the end */
	char *why;
};

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '+' || c == '.';
}

/* Looks at the next token: a word or a number, a sign of one or two characters. */
static int advance(struct reader *r)
{
	const char *start = r->next + strspn(r->next, " \t");
	size_t length = 0;

	while (in_word(start[length]))
		length++;
	if (length == 0 && *start != '\0')
		length = (*start == '<' || *start == '>') && start[1] == '=' ? 2 : 1;
	if (length >= sizeof(r->token))
		return refuse(r->why, "'%.*s' is too long for a name", (int)length, start);
	memcpy(r->token, start, length);
	r->token[length] = '\0';
	r->next = start + length;
	return 0;
}

static bool at(const struct reader *r, const char *token)
{
	return strcmp(r->token, token) == 0;
}

static bool at_word(const struct reader *r)
{
	return in_word(r->token[0]);
}

static int expected(struct reader *r, const char *what)
{
	return refuse(r->why, "%s is expected where %s%s%s stands", what, *r->token ? "'" : "",
		*r->token ? r->token : "the end", *r->token ? "'" : "");
}

static int skip(struct reader *r, const char *token)
{
	char what[RATIO_NAME_BYTES];

	if (at(r, token))
		return advance(r);
	snprintf(what, sizeof(what), "'%.8s'", token);
	return expected(r, what);
}

static int take_name(struct reader *r, char *name)
{
	if (!at_word(r))
		return expected(r, "a name");
	memcpy(name, r->token, sizeof(r->token));
	return advance(r);
}

/* A, B, C; the name of a list stands for its members. */
static int take_names(struct reader *r, const struct ratio_book *book, struct ratio_names *names)
{
	for (;;) {
		struct ratio_names one = {.count = 1};
		const struct ratio_names *more = &one;
		const int error = take_name(r, one.item[0]);

		if (error != 0)
			return error;
		for (size_t i = 0; i < book->list_count; i++) {
			if (strcmp(book->list[i].name, one.item[0]) == 0)
				more = &book->list[i].names;
		}
		if (names->count + more->count > RATIO_NAMES_MAX)
			return refuse(r->why, "a list has at most %d names", RATIO_NAMES_MAX);
		memcpy(names->item[names->count], more->item, more->count * sizeof(*more->item));
		names->count += more->count;
		if (!at(r, ","))
			return 0;
		if (advance(r) != 0)
			return -EINVAL;
	}
}

/* A whole number of at least 1; *a_cpu: it counts CPUs, and only where that is allowed. */
static int take_count(struct reader *r, uint32_t *value, bool *a_cpu)
{
	const char *text = r->token;
	char *end = NULL;
	unsigned long n = 1;

	if (a_cpu == NULL || *text != 'N') {
		errno = 0;
		n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
		if (n == 0 || n > UINT32_MAX || errno != 0)
			return expected(r, "a whole number from 1 on");
		text = end;
	}
	if (a_cpu != NULL && *text == 'N') {
		*a_cpu = true;
		text++;
	}
	if (*text != '\0')
		return expected(r, a_cpu == NULL ? "a whole number" : "a number, or one like 4N");
	*value = (uint32_t)n;
	return advance(r);
}

static int take_cell(struct reader *r, struct ratio_cell *cell)
{
	int error = take_name(r, cell->workload);

	while (error == 0 && at_word(r)) {
		char key[RATIO_NAME_BYTES];
		uint32_t *value;

		memcpy(key, r->token, sizeof(key));
		value = strcmp(key, "threads") == 0 ? &cell->threads
			: strcmp(key, "burst") == 0 ? &cell->burst
			: strcmp(key, "depth") == 0 ? &cell->depth
			: strcmp(key, "size") == 0  ? &cell->size
						    : NULL;
		if (value == NULL)
			return expected(r, "threads=, burst=, depth= or size=");
		if (*value != 0)
			return refuse(r->why, "%s= is given twice", key);
		if ((error = advance(r)) == 0 && (error = skip(r, "=")) == 0)
			error = take_count(
				r, value, value == &cell->threads ? &cell->threads_a_cpu : NULL);
	}
	return error;
}

/* The rows of a side, without quantity and cell. */
static int take_rows(struct reader *r, const struct ratio_book *book, struct ratio_side *side)
{
	static const struct {
		const char *word;
		enum ratio_rows rows;
	} words[] = {{"ours", RATIO_OURS}, {"exact", RATIO_EXACT}, {"same", RATIO_SAME}};
	int error;

	for (size_t i = 0; i < array_count(words); i++) {
		if (at(r, words[i].word)) {
			side->rows = words[i].rows;
			return advance(r);
		}
	}
	side->rows = RATIO_NAMED;
	if (!at(r, "fastest")) {
		error = take_name(r, side->names.item[0]);
		side->names.count = 1;
		return error;
	}
	if ((error = advance(r)) == 0 && (error = skip(r, "(")) == 0 &&
		(error = take_names(r, book, &side->names)) == 0)
		error = skip(r, ")");
	return error;
}

static int take_side(struct reader *r, const struct ratio_book *book, struct ratio_side *side,
	enum ratio_quantity *quantity)
{
	const bool rate = at(r, "rate"), failed = at(r, "failed");
	int error;

	*quantity = rate ? RATIO_RATE : failed ? RATIO_FAILED : RATIO_TIME;
	if (rate || failed) {
		if ((error = advance(r)) != 0 || (error = skip(r, "(")) != 0 ||
			(error = take_rows(r, book, side)) != 0 || (error = skip(r, ")")) != 0)
			return error;
	} else if ((error = take_rows(r, book, side)) != 0) {
		return error;
	}
	if (!at(r, "@"))
		return 0;
	if ((error = advance(r)) != 0)
		return error;
	return take_cell(r, &side->cell);
}

static int take_bound(struct reader *r, struct ratio_target *target)
{
	const bool in_ns = target->quantity == RATIO_TIME && target->operation != RATIO_DIVIDED;
	char *end;
	int error;

	if (*r->token == '\0')
		return 0;
	if (!at(r, "<=") && !at(r, ">="))
		return expected(r, "'<=', '>=' or the end");
	target->bound = at(r, "<=") ? RATIO_AT_MOST : RATIO_AT_LEAST;
	if ((error = advance(r)) != 0)
		return error;
	target->wanted = strtod(r->token, &end);
	if (!isdigit((unsigned char)*r->token) || *end != '\0' || !isfinite(target->wanted) ||
		(target->operation == RATIO_DIVIDED && !(target->wanted > 0)))
		return expected(
			r, target->operation == RATIO_DIVIDED ? "a number above 0" : "a number");
	if ((error = advance(r)) == 0 && in_ns)
		error = skip(r, "ns");
	if (error == 0 && *r->token != '\0')
		error = expected(r, "the end");
	return error;
}

/* What the parts of an expression must have in common. */
static int make_sense(struct reader *r, struct ratio_target *t, enum ratio_quantity second)
{
	struct ratio_side *one = &t->side[0], *two = &t->side[1];

	if (t->operation != RATIO_ALONE && second != t->quantity)
		return refuse(r->why, "both sides must be times, or both rate(...)");
	if (t->quantity == RATIO_FAILED && t->operation != RATIO_ALONE)
		return refuse(r->why, "failed(...) is a count and stands alone");
	if (t->quantity == RATIO_RATE && t->operation != RATIO_DIVIDED)
		return refuse(r->why, "rates are divided: rate(...) / rate(...)");
	if (t->quantity != RATIO_FAILED && (one->rows == RATIO_EXACT || two->rows == RATIO_EXACT))
		return refuse(r->why, "'exact' is for failed(exact): of times say 'ours'");
	if (t->operation != RATIO_ALONE && *one->cell.workload == '\0')
		one->cell = two->cell;
	else if (t->operation != RATIO_ALONE && *two->cell.workload == '\0')
		return refuse(
			r->why, "the second side has no cell; one for both stands at the end");
	if (*one->cell.workload == '\0')
		return refuse(r->why, "there is no cell: say '@ WORKLOAD threads=...'");
	if (one->rows == RATIO_SAME || (t->operation == RATIO_ALONE && two->rows == RATIO_SAME))
		return refuse(r->why, "'same' is for the second side: it is the first one's row");
	if (two->rows == RATIO_SAME && memcmp(&one->cell, &two->cell, sizeof(one->cell)) == 0)
		return refuse(r->why, "'same' in the same cell is the row itself");
	return 0;
}

static int take_target(struct ratio_book *book, const char *line, char *why)
{
	struct ratio_target target = {0};
	enum ratio_quantity second = RATIO_TIME;
	const char *colon = strchr(line, ':');
	const char *title = line + strspn(line, " \t");
	size_t length = colon == NULL ? strlen(title) : (size_t)(colon - title);
	struct reader r = {.next = colon == NULL ? line : colon + 1, .why = why};
	int error;

	while (length > 0 && isspace((unsigned char)title[length - 1]))
		length--;
	if (length == 0 || length >= sizeof(target.what))
		return refuse(why, "a title has 1 to %d characters", RATIO_TEXT_BYTES - 1);
	memcpy(target.what, title, length);
	memcpy(target.section, book->section, sizeof(target.section));
	if ((error = advance(&r)) != 0 ||
		(error = take_side(&r, book, &target.side[0], &target.quantity)) != 0)
		return error;
	target.operation = at(&r, "/") ? RATIO_DIVIDED : at(&r, "-") ? RATIO_LESS : RATIO_ALONE;
	if (target.operation != RATIO_ALONE &&
		((error = advance(&r)) != 0 ||
			(error = take_side(&r, book, &target.side[1], &second)) != 0))
		return error;
	if ((error = take_bound(&r, &target)) != 0 ||
		(error = make_sense(&r, &target, second)) != 0)
		return error;

	struct ratio_target *grown =
		realloc(book->target, (book->count + 1) * sizeof(*book->target));

	if (grown == NULL) {
		refuse(why, "there is not enough memory for the targets");
		return -ENOMEM;
	}
	book->target = grown;
	book->target[book->count++] = target;
	return 0;
}

static int take_list(struct ratio_book *book, struct reader *r)
{
	struct ratio_list *list = &book->list[book->list_count];
	int error;

	if (book->list_count == RATIO_LISTS_MAX)
		return refuse(r->why, "there are at most %d lists", RATIO_LISTS_MAX);
	*list = (struct ratio_list){0};
	if ((error = advance(r)) != 0 || (error = take_name(r, list->name)) != 0 ||
		(error = skip(r, "=")) != 0 || (error = take_names(r, book, &list->names)) != 0)
		return error;
	book->list_count++;
	return *r->token == '\0' ? 0 : expected(r, "',' or the end");
}

int ratio_book_add(struct ratio_book *book, const char *line, char *why)
{
	struct reader r = {.next = line, .why = why};
	const char *start = line + strspn(line, " \t");
	const char *end = start + strlen(start);
	int error;

	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	if (end == start || *start == '#')
		return 0;
	if (*start == '[') {
		if (end[-1] != ']' || (size_t)(end - start) - 2 >= sizeof(book->section))
			return refuse(why, "a heading is one line of [Text]");
		snprintf(book->section, sizeof(book->section), "%.*s", (int)(end - start) - 2,
			start + 1);
		return 0;
	}

	/* Without the line's end, which would be a token. */
	char *copy = strndup(start, (size_t)(end - start));

	if (copy == NULL) {
		refuse(why, "there is not enough memory for the targets");
		return -ENOMEM;
	}
	r.next = copy;
	error = advance(&r);
	if (error == 0 && at(&r, "list"))
		error = take_list(book, &r);
	else if (error == 0 && at(&r, "await"))
		error = advance(&r) != 0                            ? -EINVAL
			: take_names(&r, book, &book->awaited) != 0 ? -EINVAL
			: *r.token != '\0'                          ? expected(&r, "',' or the end")
								    : 0;
	else
		error = take_target(book, copy, why);
	free(copy);
	return error;
}

int ratio_book_read(struct ratio_book *book, FILE *in, const char *name, char *why)
{
	char sentence[RATIO_WHY_BYTES];
	char *line = NULL;
	size_t bytes = 0;
	int error = 0;

	for (unsigned number = 1; error == 0 && getline(&line, &bytes, in) >= 0; number++) {
		error = ratio_book_add(book, line, sentence);
		if (error != 0)
			snprintf(
				why, RATIO_WHY_BYTES, "%.200s:%u: %.1800s", name, number, sentence);
	}
	if (error == 0 && ferror(in))
		error = refuse(why, "'%.200s' can't be read: %s", name, strerror(errno));
	free(line);
	return error;
}

void ratio_book_free(struct ratio_book *book)
{
	free(book->target);
	*book = (struct ratio_book){0};
}

static bool has_name(const struct ratio_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->item[i], name) == 0)
			return true;
	}
	return false;
}

static bool knows_row(const struct ratio_book *book, struct analysis *const *stores,
	size_t store_count, const char *name)
{
	if (instance_pool(name) != NULL || has_name(&book->awaited, name))
		return true;
	for (size_t s = 0; s < store_count; s++) {
		for (size_t i = 0; i < stores[s]->subject_count; i++) {
			if (strcmp(stores[s]->subjects[i].label, name) == 0)
				return true;
		}
	}
	return false;
}

static bool knows_workload(const struct ratio_book *book, struct analysis *const *stores,
	size_t store_count, const char *name)
{
	if (workload_find(name) != NULL || has_name(&book->awaited, name))
		return true;
	for (size_t s = 0; s < store_count; s++) {
		for (size_t c = 0; c < stores[s]->cell_count; c++) {
			if (strcmp(stores[s]->cells[c].workload, name) == 0)
				return true;
		}
	}
	return false;
}

static const char *pool_name(size_t i)
{
	return pools[i] == NULL ? NULL : pools[i]->name;
}

static const char *workload_name(size_t i)
{
	return workloads[i] == NULL ? NULL : workloads[i]->name;
}

static int check_names(const struct ratio_book *book, const struct ratio_names *names,
	struct analysis *const *stores, size_t store_count, const char *where, char *why)
{
	char hint[RATIO_WHY_BYTES / 2];

	for (size_t i = 0; i < names->count; i++) {
		if (knows_row(book, stores, store_count, names->item[i]))
			continue;
		options_hint(hint, sizeof(hint), names->item[i], pool_name);
		return refuse(why,
			"%.160s: there is no strategy '%s'%s; or, over %s, each with +POLICY",
			where, names->item[i], hint, instance_context_pool);
	}
	return 0;
}

int ratio_book_check(const struct ratio_book *book, struct analysis *const *stores,
	size_t store_count, char *why)
{
	char hint[RATIO_WHY_BYTES / 2];
	int error = 0;

	for (size_t i = 0; i < book->count && error == 0; i++) {
		const struct ratio_target *t = &book->target[i];

		for (int s = 0; s < (t->operation == RATIO_ALONE ? 1 : 2) && error == 0; s++) {
			const char *workload = t->side[s].cell.workload;

			error = check_names(
				book, &t->side[s].names, stores, store_count, t->what, why);
			if (error != 0 || knows_workload(book, stores, store_count, workload))
				continue;
			options_hint(hint, sizeof(hint), workload, workload_name);
			error = refuse(why, "%.160s: there is no workload '%s'%s", t->what,
				workload, hint);
		}
	}
	return error;
}
