/* Keys and values into targets. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/machine/compiler.h"
#include "bench/base/need.h"
#include "bench/base/options.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

const char ratio_help[] =
	"ROWS is a row's name (mag_tls, mag_tls+sticky), or several with commas, of which the\n"
	"fastest counts. These words are names too:\n"
	"  ours   all of our own: no peer, no row for reference (null, plain, bare_*), no policy\n"
	"         that frees in any order, none that failed a get in that cell\n"
	"  exact  those of ours that promise to fail no get while an object is free\n"
	"  same   of over and minus: the row that the first side turned out to be\n"
	"CELL is a cell as reports name it: 'burst 32, 2 threads'. 'N threads' are one a CPU of\n"
	"the sweep, '4N threads' four. ROWS @ CELL gives a side a cell of its own.\n"
	"With --load the times are response times of an open loop at that load, which a row that "
	"does\n"
	"not keep it has none of.\n"
	"\n"
	"In a file a target is a section, [TITLE], with the options above as keys: row = ours. A\n"
	"[HEADING] without keys stands over the targets that follow it.\n";

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, RATIO_WHY_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

/* Whether a name is a row of this build or of a store; or, of a cell, the workload of one. */
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
	return known && strlen(name) < RATIO_NAME_BYTES;
}

static int set_cell(char *cell, const char *text, const struct ratio_stores *stores, char *why)
{
	char hint[RATIO_WHY_BYTES / 2], workload[RATIO_TEXT_BYTES];

	text += strspn(text, " \t");
	snprintf(workload, sizeof(workload), "%.*s", (int)strcspn(text, " ,"), text);
	if (strlen(text) >= RATIO_TEXT_BYTES || !knows(stores, workload, true)) {
		options_hint(hint, sizeof(hint), workload, names_workloads);
		return refuse(why, "there is no workload '%.60s'%s", workload, hint);
	}
	if (strstr(text, " thread") == NULL)
		return refuse(why, "a cell has threads, as in '%.60s, 1 thread'", workload);
	strcpy(cell, text);
	return 0;
}

/* ROWS, or ROWS @ CELL. */
static int set_side(
	struct ratio_side *side, char *text, const struct ratio_stores *stores, char *why)
{
	char *cell = strchr(text, '@'), hint[RATIO_WHY_BYTES / 2];

	if (cell != NULL)
		*cell++ = '\0';
	for (char *rest = text, *name; (name = strsep(&rest, ",")) != NULL; side->count++) {
		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		if (side->count == RATIO_NAMES_MAX)
			return refuse(why, "there are at most %d rows", RATIO_NAMES_MAX);
		if (!knows(stores, name, false)) {
			options_hint(hint, sizeof(hint), name, names_pools);
			return refuse(why,
				"there is no strategy '%.60s'%s; or, over %s, each with +POLICY; "
				"or ours, exact, same",
				name, hint, instance_context_pool);
		}
		strcpy(side->name[side->count], name);
	}
	return cell == NULL ? 0 : set_cell(side->cell, cell, stores, why);
}

static int set_want(struct ratio_target *target, const char *text, char *why)
{
	char *end = (char *)(uintptr_t)text;

	target->bound = strncmp(text, "<=", 2) == 0   ? RATIO_AT_MOST
			: strncmp(text, ">=", 2) == 0 ? RATIO_AT_LEAST
						      : RATIO_NO_BOUND;
	if (target->bound != RATIO_NO_BOUND)
		target->wanted = strtod(text + 2, &end);
	target->wanted_ns = strcmp(end + strspn(end, " \t"), "ns") == 0;
	if (end <= text + 2 || !isfinite(target->wanted) || target->wanted < 0 ||
		(*end != '\0' && !target->wanted_ns))
		return refuse(why,
			"want is '<=' or '>=' and a number, as in '<= 1.3' or '<= 20 ns', and not "
			"'%.60s'",
			text);
	return 0;
}

static int set_measure(struct ratio_target *target, const char *text, char *why)
{
	static const char *const names[] = {
		"time", "rate", "failed", "p50", "p99", "p99.9", "max", "p99/p50"};

	for (size_t m = 0; m < array_count(names); m++) {
		if (strcmp(names[m], text) == 0) {
			target->measure = (enum ratio_measure)m;
			return 0;
		}
	}
	return refuse(why,
		"measure is time, rate, failed, p50, p99, p99.9, max or p99/p50, and not '%.60s'",
		text);
}

static int set_load(struct ratio_target *target, const char *text, char *why)
{
	char *end;
	const unsigned long load = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != '\0' || load == 0 || load > 100)
		return refuse(why, "load is 1 to 100, in per cent of the capacity, and not '%.60s'",
			text);
	target->load = (uint32_t)load;
	return 0;
}

int ratio_set(struct ratio_target *target, const char *key, const char *value,
	const struct ratio_stores *stores, char *why)
{
	static const char *const keys[] = {"row", "over", "minus", "at", "measure", "load", "want"};
	enum { ROW, OVER, MINUS, AT, MEASURE, LOAD };
	char text[2 * RATIO_TEXT_BYTES];
	size_t k = 0;

	while (k < array_count(keys) && strcmp(keys[k], key) != 0)
		k++;
	if (k == array_count(keys))
		return refuse(
			why, "'%.60s' is none of row, over, minus, at, measure, load, want", key);
	if ((target->given & 1U << k) != 0)
		return refuse(why, "%s is given twice", key);
	if (strlen(value) >= sizeof(text))
		return refuse(why, "%s has at most %zu characters", key, sizeof(text) - 1);
	target->given |= 1U << k;
	strcpy(text, value);
	if (k == ROW)
		return set_side(&target->side[0], text, stores, why);
	if (k == AT)
		return set_cell(target->at, text, stores, why);
	if (k == MEASURE)
		return set_measure(target, text, why);
	if (k == LOAD)
		return set_load(target, text, why);
	if (k != OVER && k != MINUS)
		return set_want(target, text, why);
	if (target->operation != RATIO_ALONE)
		return refuse(why, "there is either over or minus");
	target->operation = k == OVER ? RATIO_OVER : RATIO_MINUS;
	return set_side(&target->side[1], text, stores, why);
}

int ratio_check(struct ratio_target *t, char *why)
{
	const bool ns = ratio_is_in_ns(t);

	if (t->side[0].count == 0)
		return refuse(why, "there is no row: say which, as in 'row = ours'");
	for (int s = 0; s < (t->operation == RATIO_ALONE ? 1 : 2); s++) {
		if (*t->side[s].cell == '\0')
			strcpy(t->side[s].cell, t->at);
		if (*t->side[s].cell == '\0')
			return refuse(
				why, "there is no cell: say where, as in 'at = pair, 1 thread'");
	}
	if ((t->measure == RATIO_FAILED && t->operation != RATIO_ALONE) ||
		(t->measure == RATIO_RATE && t->operation != RATIO_OVER))
		return refuse(why, "rates are divided, by 'over'; failed gets stand alone");
	if (t->measure == RATIO_P99_P50 && t->operation == RATIO_MINUS)
		return refuse(why, "p99/p50 stands alone or is divided, by 'over'");
	if (t->load > 0 && !ratio_is_of_calls(t))
		return refuse(why, "load is for p50, p99, p99.9, max and p99/p50");
	if (ratio_is(&t->side[0], "same") ||
		(ratio_is(&t->side[1], "same") && strcmp(t->side[0].cell, t->side[1].cell) == 0))
		return refuse(why, "'same' is for over and minus, in another cell than the row's");
	if (t->bound != RATIO_NO_BOUND && t->wanted_ns != ns)
		return refuse(why, ns ? "want is in ns here, as in '<= 0.3 ns'"
				      : "want has no unit here, as in '<= 1.3'");
	if (t->bound != RATIO_NO_BOUND && t->wanted == 0 &&
		(t->operation == RATIO_OVER || t->measure == RATIO_P99_P50))
		return refuse(why, "what is wanted of a ratio is above 0");
	return 0;
}

struct reading {
	const struct ratio_stores *stores;
	struct ratio_target *targets, next; /* next: whose keys are being read */
	size_t count;
	unsigned line; /* of its title */
};

static int take(void *user, unsigned *line, const char *key, const char *value, char *why)
{
	struct reading *r = user;
	const struct ratio_target done = r->next;

	if (key != NULL && *done.title == '\0')
		return refuse(why, "a [TITLE] is expected above the first key");
	if (key != NULL)
		return ratio_set(&r->next, key, value, r->stores, why);
	if (value != NULL && (*value == '\0' || strlen(value) >= sizeof(done.title)))
		return refuse(why, "a title has 1 to %zu characters", sizeof(done.title) - 1);
	if (done.given != 0) {
		struct ratio_target *grown = realloc(r->targets, (r->count + 1) * sizeof(*grown));

		if (grown == NULL)
			need_failed();
		r->targets = grown;
		grown[r->count] = done;
		if (ratio_check(&grown[r->count++], why) != 0) {
			*line = r->line;
			return -EINVAL;
		}
	}
	/* A title without keys is the heading of what follows. */
	r->next = (struct ratio_target){0};
	strcpy(r->next.heading, done.given == 0 ? done.title : done.heading);
	snprintf(r->next.title, sizeof(r->next.title), "%s", value == NULL ? "" : value);
	r->line = *line;
	return 0;
}

int ratio_read(FILE *in, const char *name, const struct ratio_stores *stores,
	struct ratio_target **targets, size_t *count, char *why)
{
	struct reading reading = {.stores = stores};
	const int error = inifile_read(in, name, take, &reading, why);

	if (error != 0) {
		free(reading.targets);
		reading = (struct reading){0};
	}
	*targets = reading.targets;
	*count = reading.count;
	return error;
}
