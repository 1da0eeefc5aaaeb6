/* What was typed, and files of targets, into targets. See ratio.h. */
#include "bench/analysis/ratio.h"
#include "bench/base/append.h"
#include "bench/base/need.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

static const char *known_measure(size_t i)
{
	static const char *const names[] = {
		"time", "rate", "failed", "p50", "p99", "p99.9", "max", "p99/p50", NULL};

	return names[i];
}

static const char *known_format(size_t i)
{
	return i == 0 ? "text" : i == 1 ? "md" : NULL;
}

enum { ROW, OVER, MINUS, AT, MEASURE, LOAD, WANT, KEYS };
_Static_assert((int)KEYS == (int)RATIO_KEYS, "a request has all keys");

#define KEY(i, name, stands, help) OPTION(TEXT, struct ratio_request, key[i], name, 0, stands, help)

static const struct options_entry entries[] = {
	KEY(ROW, "row", "ROWS", "a row, the fastest of several with commas, or ours"),
	KEY(OVER, "over", "ROWS", "the time of --row divided by that of these"),
	KEY(MINUS, "minus", "ROWS", "the time of --row less that of these, in ns"),
	KEY(AT, "at", "CELL",
		"where, as reports name it: 'pair, 1 thread', 'burst 32, 4N threads'"),
	KEY(MEASURE, "measure", "M",
		"time; rate, which is divided; failed, gets that failed; or p50, p99, p99.9, max, "
		"p99/p50 of the times of calls. [time]"),
	KEY(LOAD, "load", "L", "those of response times, at that load in per cent"),
	KEY(WANT, "want", "BOUND",
		"'<= 1.3', '>= 2.5'; or '<= 20 ns'. Without it the figure is shown"),
	OPTION(TEXT, struct ratio_request, of, "of", 0, "FILE",
		"a file of targets; results/targets.ini has this project's own"),
	OPTION(NAMES, struct ratio_request, format, "format", 'f', "F",
		"text, or md for a Markdown table. [text]", .known = known_format,
		.noun = "format"),
};

const struct options ratio_options = {
	.command = "ratios",
	.operands = "STORE...",
	.operands_least = 1,
	.operands_most = RATIO_STORES_MAX,
	.summary =
		"Ratios and differences between rows of result stores, each with its 95 % "
		"interval, against what was wanted: met, missed, undecided, or absent from the "
		"stores. Both sides come from one store. Exit status: 0 whatever was missed, 1 a "
		"store or file can't be read, 2 usage.",
	.closing = "ROWS is a row's name (mag_tls, mag_tls+sticky), or several with commas, of "
		   "which the\n"
		   "fastest counts. These words are names too:\n"
		   "  ours   all of our own: no peer, no row for reference (null, plain, bare_*), "
		   "no policy\n"
		   "         that frees in any order, none that failed a get in that cell\n"
		   "  exact  those of ours that promise to fail no get while an object is free\n"
		   "  same   of over and minus: the row that the first side turned out to be\n"
		   "CELL is a cell as reports name it: 'burst 32, 2 threads'. 'N threads' are one "
		   "a CPU of\n"
		   "the sweep, '4N threads' four. ROWS @ CELL gives a side a cell of its own.\n"
		   "With --load the times are response times of an open loop at that load, which a "
		   "row\n"
		   "that does not keep it has none of.\n"
		   "\n"
		   "In a file a target is a section, [TITLE], with the options above as keys: row "
		   "= ours.\n"
		   "A [HEADING] without keys stands over the targets that follow it.\n",
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

bool ratio_is_over(const struct ratio_target *target)
{
	return strcmp(target->sign, " / ") == 0;
}

bool ratio_is_in_ns(const struct ratio_target *target)
{
	return !ratio_is_over(target) && target->measure != RATIO_FAILED &&
	       target->measure != RATIO_P99_P50;
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
	if (*list == NULL)
		return false;
	copy(name, *list, ",");
	*list = strchr(*list, ',');
	if (*list != NULL)
		++*list;
	return true;
}

/* Says in `why` what would be right. */
#define REFUSE(...) (snprintf(why, RATIO_WHY_BYTES, __VA_ARGS__), -EINVAL)

static int refuse_name(char *why, const char *noun, const char *name, options_known known)
{
	char hint[RATIO_WHY_BYTES / 2];

	options_hint(hint, sizeof(hint), name, known);
	return REFUSE("there is no %s '%.60s'%s", noun, name, hint);
}

/* Whether a name is a row, or a workload, of this build or of a store. */
static bool knows(const struct ratio_stores *stores, const char *name, bool workload)
{
	bool known = workload ? workload_find(name) != NULL
			      : instance_pool(name) != NULL || strcmp(name, "ours") == 0 ||
					strcmp(name, "exact") == 0 || strcmp(name, "same") == 0;

	for (size_t s = 0; s < stores->count; s++) {
		const struct analysis *a = stores->item[s];

		for (size_t i = 0; i < a->subject_count && !workload; i++)
			known |= strcmp(a->subjects[i].label, name) == 0;
		for (size_t c = 0; c < a->cell_count && workload; c++)
			known |= strcmp(a->cells[c].workload, name) == 0;
	}
	return known;
}

static int set_cell(char *cell, const char *text, const struct ratio_stores *stores, char *why)
{
	char workload[RATIO_TEXT_BYTES];

	copy(cell, text, "");
	copy(workload, text, " ,");
	if (!knows(stores, workload, true))
		return refuse_name(why, "workload", workload, names_workloads);
	if (strstr(cell, " thread") == NULL)
		return REFUSE("a cell has threads, as in '%.60s, 1 thread'", workload);
	return 0;
}

/* ROWS, or ROWS @ CELL. */
static int set_side(struct ratio_target *target, int side, const char *text,
	const struct ratio_stores *stores, char *why)
{
	const char *cell = strchr(text, '@'), *list = target->rows[side];
	char name[RATIO_TEXT_BYTES];

	copy(target->rows[side], text, "@");
	while (ratio_name(&list, name)) {
		if (knows(stores, name, false))
			continue;
		refuse_name(why, "strategy", name, names_pools);
		append(why, RATIO_WHY_BYTES,
			"; or, over %s, each with +POLICY; or ours, exact, same",
			instance_context_pool);
		return -EINVAL;
	}
	return cell == NULL ? 0 : set_cell(target->cell[side], cell + 1, stores, why);
}

static int set_want(struct ratio_target *target, const char *text, char *why)
{
	char sign[2], unit[3], rest[2];
	const int parts = sscanf(text, "%1[<>]=%lf %2s%1s", sign, &target->wanted, unit, rest);

	if ((parts != 2 && (parts != 3 || strcmp(unit, "ns") != 0)) || !isfinite(target->wanted) ||
		target->wanted < 0)
		return REFUSE("want is '<=' or '>=' and a number, as in '<= 1.3' or '<= 20 ns', "
			      "and not '%.60s'",
			text);
	copy(target->want, text, "");
	return 0;
}

/* Gives a target, which starts as zeros, one key. */
static int set(struct ratio_target *target, size_t key, const char *value,
	const struct ratio_stores *stores, char *why)
{
	char cell[RATIO_TEXT_BYTES], *end;
	unsigned long load;
	int error = 0;

	if ((target->given & 1U << key) != 0)
		return REFUSE("%s is given twice", entries[key].name);
	if (strlen(value) >= RATIO_TEXT_BYTES)
		return REFUSE(
			"%s has at most %d characters", entries[key].name, RATIO_TEXT_BYTES - 1);
	target->given |= 1U << key;
	switch (key) {
	case ROW:
		return set_side(target, 0, value, stores, why);
	case OVER:
	case MINUS:
		if (*target->sign != '\0')
			return REFUSE("there is either over or minus");
		strcpy(target->sign, key == OVER ? " / " : " - ");
		return set_side(target, 1, value, stores, why);
	case AT: /* of sides without a cell of their own, wherever among the keys it stands */
		error = set_cell(cell, value, stores, why);
		for (int side = 0; side < 2; side++) {
			if (*target->cell[side] == '\0')
				strcpy(target->cell[side], cell);
		}
		return error;
	case MEASURE:
		while (known_measure(target->measure) != NULL &&
			strcmp(known_measure(target->measure), value) != 0)
			target->measure++;
		if (known_measure(target->measure) == NULL)
			return refuse_name(why, "measure", value, known_measure);
		return 0;
	case LOAD:
		load = strtoul(value, &end, 10);
		if (!isdigit((unsigned char)*value) || *end != '\0' || load < 1 || load > 100)
			return REFUSE(
				"load is 1 to 100, in per cent of the capacity, and not '%.60s'",
				value);
		target->load = (uint32_t)load;
		return 0;
	default:
		return set_want(target, value, why);
	}
}

/* What the keys of a target say together. */
static int check(const struct ratio_target *t, char *why)
{
	const bool two = *t->sign != '\0', ns = ratio_is_in_ns(t), wants = *t->want != '\0';
	const bool same = strcmp(t->rows[1], "same") == 0 && strcmp(t->cell[0], t->cell[1]) == 0;
	const struct {
		bool wrong;
		const char *cure;
	} rules[] = {
		{*t->rows[0] == '\0', "there is no row: say which, as in 'row = ours'"},
		{*t->cell[0] == '\0' || (two && *t->cell[1] == '\0'),
			"there is no cell: say where, as in 'at = pair, 1 thread'"},
		{t->measure == RATIO_FAILED && two, "failed gets stand alone"},
		{t->measure == RATIO_RATE && !ratio_is_over(t), "rates are divided, by 'over'"},
		{t->measure == RATIO_P99_P50 && two && !ratio_is_over(t),
			"p99/p50 stands alone or is divided, by 'over'"},
		{t->load > 0 && t->measure < RATIO_P50,
			"load is for p50, p99, p99.9, max and p99/p50"},
		{strcmp(t->rows[0], "same") == 0 || same,
			"'same' is for over and minus, in another cell than the row's"},
		{wants && ns && strstr(t->want, "ns") == NULL,
			"want is in ns here, as in '<= 0.3 ns'"},
		{wants && !ns && strstr(t->want, "ns") != NULL,
			"want has no unit here, as in '<= 1.3'"},
		{wants && !ns && t->measure != RATIO_FAILED && t->wanted == 0,
			"what is wanted of a ratio is above 0"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].wrong)
			return REFUSE("%s", rules[i].cure);
	}
	return 0;
}

struct reading {
	const struct ratio_stores *stores;
	struct ratio_target *targets, next; /* next: whose keys are being read */
	size_t count;
	unsigned line; /* of its title */
};

static const char *known_key(size_t i)
{
	return i < RATIO_KEYS ? entries[i].name : NULL;
}

static int take(void *user, unsigned *line, const char *key, const char *value, char *why)
{
	struct reading *r = user;
	const struct ratio_target done = r->next;
	size_t k = 0;

	while (key != NULL && k < RATIO_KEYS && strcmp(entries[k].name, key) != 0)
		k++;
	if (k == RATIO_KEYS)
		return refuse_name(why, "key", key, known_key);
	if (key != NULL)
		return *done.title == '\0' ? REFUSE("a [TITLE] is expected above the first key")
					   : set(&r->next, k, value, r->stores, why);
	if (value != NULL && *value == '\0')
		return REFUSE("a title has at least one character");
	if (done.given != 0) {
		if (check(&done, why) != 0) {
			*line = r->line;
			return -EINVAL;
		}
		r->targets = realloc(r->targets, (r->count + 1) * sizeof(*r->targets));
		if (r->targets == NULL)
			need_failed();
		r->targets[r->count++] = done;
	}
	/* A title without keys is the heading of what follows. */
	r->next = (struct ratio_target){.measure = RATIO_TIME};
	strcpy(r->next.heading, done.given == 0 ? done.title : done.heading);
	copy(r->next.title, value == NULL ? "" : value, "");
	r->line = *line;
	return 0;
}

int ratio_read(const struct ratio_request *request, const struct ratio_stores *stores,
	struct ratio_target **targets, size_t *count, char *why)
{
	struct reading r = {.stores = stores};
	const char *const *key = request->key;
	unsigned line = 0;
	int error = 0;

	if (request->of != NULL) {
		FILE *in = fopen(request->of, "r");

		if (in == NULL) {
			snprintf(why, RATIO_WHY_BYTES, "%.200s: %s", request->of, strerror(errno));
			return -EIO;
		}
		error = inifile_read(in, request->of, take, &r, why);
		fclose(in);
	} else {
		for (size_t k = 0; k < RATIO_KEYS && error == 0; k++)
			error = key[k] == NULL ? 0 : set(&r.next, k, key[k], stores, why);
		snprintf(r.next.title, RATIO_TEXT_BYTES, "%.200s%s%.200s", r.next.rows[0],
			r.next.sign, r.next.rows[1]);
		error = error == 0 ? take(&r, &line, NULL, NULL, why) : error;
	}
	*targets = r.targets;
	*count = r.count;
	return error;
}
