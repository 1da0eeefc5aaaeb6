/* Files of targets. See ratio.h. */
#include "bench/analysis/ratio.h"
#include "bench/base/append.h"
#include "bench/base/need.h"
#include "bench/base/options.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

static const char *known_key(size_t i)
{
	static const char *const names[] = {
		"row", "over", "minus", "at", "measure", "load", "want", NULL};

	return names[i];
}

enum { ROW, OVER, MINUS, AT, MEASURE, LOAD, WANT };

bool ratio_is_in_ns(const struct ratio_target *t)
{
	return t->sign != '/' && t->measure != METRIC_FAILED && t->measure != METRIC_P99_P50;
}

struct reading {
	const struct ratio_stores *stores;
	struct ratio_target *targets, next; /* next: whose keys are being read */
	size_t count;
	unsigned line; /* of its title */
	char *why;
};

/* Says what would be right. */
#define REFUSE(r, ...) (snprintf((r)->why, RATIO_WHY_BYTES, __VA_ARGS__), -EINVAL)

static int refuse_name(
	const struct reading *r, const char *noun, const char *name, options_known known)
{
	char hint[RATIO_WHY_BYTES / 2];

	options_hint(hint, sizeof(hint), name, known);
	return REFUSE(r, "there is no %s '%.60s'%s", noun, name, hint);
}

/* text up to one of the characters of stop, without the blanks around it. */
static void copy(char out[RATIO_TEXT_BYTES], const char *text, const char *stop)
{
	text += strspn(text, " \t");

	size_t length = strcspn(text, stop);

	while (length > 0 && isblank((unsigned char)text[length - 1]))
		length--;
	snprintf(out, RATIO_TEXT_BYTES, "%.*s", (int)length, text);
}

bool ratio_name(const char **list, char name[RATIO_TEXT_BYTES])
{
	const char *start = *list, *comma = start == NULL ? NULL : strchr(start, ',');

	if (start != NULL)
		copy(name, start, ",");
	*list = comma == NULL ? NULL : comma + 1;
	return start != NULL;
}

/* A name must be that of a row, or of a workload, of this build or of a store. */
static int check_name(const struct reading *r, const char *name, bool workload)
{
	bool known = workload ? workload_find(name) != NULL
			      : instance_pool(name) != NULL || strcmp(name, "ours") == 0 ||
					strcmp(name, "exact") == 0 || strcmp(name, "same") == 0;

	for (size_t s = 0; s < r->stores->count; s++) {
		const struct analysis *a = r->stores->item[s];

		for (size_t i = 0; i < (workload ? a->cell_count : a->subject_count); i++)
			known |= strcmp(workload ? a->cells[i].workload : a->subjects[i].label,
					 name) == 0;
	}
	if (known)
		return 0;
	if (workload)
		return refuse_name(r, "workload", name, names_workloads);
	refuse_name(r, "strategy", name, names_pools);
	append(r->why, RATIO_WHY_BYTES, "; or, over %s, each with +POLICY; or ours, exact, same",
		instance_context_pool);
	return -EINVAL;
}

static int set_cell(const struct reading *r, char *cell, const char *text)
{
	char workload[RATIO_TEXT_BYTES];

	copy(cell, text, "");
	copy(workload, text, " ,");
	if (check_name(r, workload, true) != 0)
		return -EINVAL;
	if (strstr(cell, " thread") == NULL)
		return REFUSE(r, "a cell has threads, as in '%.60s, 1 thread'", workload);
	return 0;
}

/* ROWS, or ROWS @ CELL. */
static int set_side(struct reading *r, int side, const char *text)
{
	const char *cell = strchr(text, '@'), *list = r->next.rows[side];
	char name[RATIO_TEXT_BYTES];

	copy(r->next.rows[side], text, "@");
	r->next.same = strcmp(r->next.rows[1], "same") == 0;
	while (ratio_name(&list, name)) {
		if (check_name(r, name, false) != 0)
			return -EINVAL;
	}
	return cell == NULL ? 0 : set_cell(r, r->next.cell[side], cell + 1);
}

/* Gives the target, which starts as zeros, one key. */
static int set(struct reading *r, size_t key, const char *value)
{
	struct ratio_target *t = &r->next;
	char cell[RATIO_TEXT_BYTES], sign[2], unit[3], rest[2];
	int error, parts;

	if ((t->given & 1U << key) != 0)
		return REFUSE(r, "%s is given twice", known_key(key));
	t->given |= 1U << key;
	switch (key) {
	case ROW:
		return set_side(r, 0, value);
	case OVER:
	case MINUS:
		if (t->sign != '\0')
			return REFUSE(r, "there is either over or minus");
		t->sign = key == OVER ? '/' : '-';
		return set_side(r, 1, value);
	case AT: /* of sides without a cell of their own, wherever among the keys it stands */
		error = set_cell(r, cell, value);
		for (int side = 0; side < 2; side++) {
			if (*t->cell[side] == '\0')
				strcpy(t->cell[side], cell);
		}
		return error;
	case MEASURE:
		t->measure = (enum metric)options_find(value, metric_name);
		if (metric_name(t->measure) == NULL)
			return refuse_name(r, "measure", value, metric_name);
		return 0;
	case LOAD:
		if (isdigit((unsigned char)*value) &&
			sscanf(value, "%3u%1s", &t->load, rest) == 1 && t->load - 1 < 100)
			return 0;
		return REFUSE(r, "load is 1 to 100, in %% of capacity, and not '%.60s'", value);
	default:
		strcpy(t->want, value);
		parts = sscanf(value, "%1[<>]=%lf %2s%1s", sign, &t->wanted, unit, rest);
		if ((parts == 2 || (parts == 3 && strcmp(unit, "ns") == 0)) &&
			isfinite(t->wanted) && t->wanted >= 0)
			return 0;
		return REFUSE(r, "want is <= or >= and a number, as in '<= 2 ns', and not '%.60s'",
			value);
	}
}

/* What the keys of a target say together. */
static int check(const struct reading *r)
{
	const struct ratio_target *t = &r->next;
	const bool two = t->sign != '\0', ns = ratio_is_in_ns(t), wants = *t->want != '\0';
	const bool unit = strstr(t->want, "ns") != NULL;
	const struct {
		bool wrong;
		const char *cure;
	} rules[] = {
		{*t->rows[0] == '\0', "there is no row: say which, as in 'row = ours'"},
		{*t->cell[0] == '\0' || (two && *t->cell[1] == '\0'),
			"there is no cell: say where, as in 'at = pair, 1 thread'"},
		{t->measure == METRIC_FAILED && two, "failed gets stand alone"},
		{t->measure == METRIC_RATE && t->sign != '/', "rates are divided, by 'over'"},
		{t->measure == METRIC_P99_P50 && t->sign == '-',
			"p99/p50 stands alone or is divided, by 'over'"},
		{t->load > 0 && t->measure < METRIC_P50,
			"load is for p50, p99, p99.9, max and p99/p50"},
		{strcmp(t->rows[0], "same") == 0 ||
				(t->same && strcmp(t->cell[0], t->cell[1]) == 0),
			"'same' is for over and minus, in another cell than the row's"},
		{wants && ns && !unit, "want is in ns here, as in '<= 0.3 ns'"},
		{wants && !ns && unit, "want has no unit here, as in '<= 1.3'"},
		{wants && !ns && t->measure != METRIC_FAILED && t->wanted == 0,
			"what is wanted of a ratio is above 0"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].wrong)
			return REFUSE(r, "%s", rules[i].cure);
	}
	return 0;
}

static int take(void *user, unsigned *line, const char *key, const char *value, char *why)
{
	struct reading *r = user;
	const struct ratio_target done = r->next;
	const size_t k = key == NULL ? 0 : options_find(key, known_key);

	r->why = why;
	if (known_key(k) == NULL)
		return refuse_name(r, "key", key, known_key);
	if (key != NULL)
		return *done.title == '\0' ? REFUSE(r, "a [TITLE] is expected above the first key")
					   : set(r, k, value);
	if (value != NULL && *value == '\0')
		return REFUSE(r, "a title has at least one character");
	if (done.given != 0) {
		if (check(r) != 0) {
			*line = r->line;
			return -EINVAL;
		}
		r->targets = realloc(r->targets, (r->count + 1) * sizeof(*r->targets));
		if (r->targets == NULL)
			need_failed();
		r->targets[r->count++] = done;
	}
	/* A title without keys is the heading of what follows. */
	r->next = (struct ratio_target){.measure = METRIC_TIME};
	strcpy(r->next.heading, done.given == 0 ? done.title : done.heading);
	copy(r->next.title, value == NULL ? "" : value, "");
	r->line = *line;
	return 0;
}

int ratio_read(const char *path, const struct ratio_stores *stores, struct ratio_target **targets,
	size_t *count, char *why)
{
	struct reading r = {.stores = stores};
	const int error = inifile_read(path, take, &r, why);

	if (error != 0) {
		free(r.targets);
		r = (struct reading){0};
	}
	*targets = r.targets;
	*count = r.count;
	return error;
}
