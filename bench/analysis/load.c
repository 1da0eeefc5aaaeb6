/*
 * An analysis, first part: what stands in a store, as it stands there. load_slices.c has the
 * figures.
 */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/engine/instances.h"
#include "bench/engine/topology.h"
#include "bench/sweep/fingerprint.h"
#include "bench/sweep/schema.h"
#include "bench/workload.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 256 };

int analysis_check_is_store(struct analysis_source *r)
{
	int64_t application = 0;

	if (source_integer(r, "PRAGMA application_id", &application) != 0 ||
		source_integer(r, "PRAGMA user_version", &r->schema) != 0)
		return -1;
	if (application != STORE_APPLICATION_ID)
		return analysis_refuse(r,
			"'%s' is not a store: it is an SQLite file of another program.", r->path);
	if (r->schema < STORE_SCHEMA_OLDEST || r->schema > STORE_SCHEMA_VERSION)
		return analysis_refuse(r,
			"'%s' has schema version %" PRId64 ", and this nblbench reads "
			"versions %d to %d: use the one that wrote it.",
			r->path, r->schema, STORE_SCHEMA_OLDEST, STORE_SCHEMA_VERSION);
	return 0;
}

/*
 * The machines of a store, and of each what it is: those of cells, where several were merged. ?1: the
 * beginning of the hash.
 */
static const char machines_sql[] =
	"SELECT DISTINCT hash, ifnull(json_extract(json, '$.cpu.model'), 'unknown processor') FROM "
	"machine"
	" WHERE substr(hash, 1, length(?1)) = ?1 GROUP BY hash ORDER BY min(machine_id)";

/* Views that hide the others' rows from every query that follows. */
static int hide_other_machines(struct analysis_source *r, const char *hash)
{
	char *sql = sqlite3_mprintf(
		"CREATE TEMP VIEW cell AS SELECT * FROM main.cell WHERE machine = %Q;"
		"CREATE TEMP VIEW block AS SELECT * FROM main.block WHERE cell_id IN (SELECT "
		"cell_id"
		" FROM main.cell WHERE machine = %Q);"
		"CREATE TEMP VIEW event AS SELECT * FROM main.event WHERE cell_id IS NULL OR "
		"cell_id"
		" IN (SELECT cell_id FROM main.cell WHERE machine = %Q);"
		"CREATE TEMP VIEW machine AS SELECT * FROM main.machine WHERE hash = %Q",
		hash, hash, hash, hash);

	if (sql == NULL)
		need_failed();
	if (sqlite3_exec(r->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		analysis_refuse_sqlite(r);
	sqlite3_free(sql);
	return source_result(r);
}

int analysis_choose_machine(struct analysis_source *r, const char *machine)
{
	char known[ANALYSIS_SENTENCE_BYTES] = "";
	const char *hash = "";
	size_t count = 0;
	int64_t merged = 0;

	if (machine == NULL && r->schema < SCHEMA_WITH_MACHINES)
		return 0;
	if (r->schema >= SCHEMA_WITH_MACHINES)
		source_integer(r, "SELECT count(*) FROM cell WHERE machine <> ''", &merged);

	sqlite3_stmt *s = source_prepare(r, machines_sql);

	sqlite3_bind_text(s, 1, machine == NULL ? "" : machine, -1, SQLITE_STATIC);
	while (source_next(r, s)) {
		hash = source_text(r, s, 0);
		append(known, sizeof(known), "%s%.12s (%s)", count == 0 ? "" : ", ", hash,
			source_text(r, s, 1));
		count++;
	}
	if (machine != NULL && count == 0)
		return analysis_refuse(r,
			"'%s' has no machine '%s'; leave it out, and those that there are get "
			"named.",
			r->path, machine);
	if (merged > 0 && count > 1)
		return analysis_refuse(r,
			"'%s' has figures of %zu machines, which are not pooled: name one with "
			"`nblbench report --machine`: %s.",
			r->path, count, known);
	return merged > 0 && count == 1 ? hide_other_machines(r, hash) : source_result(r);
}

static uint32_t small_of(const json_t *plan, const char *name)
{
	const json_int_t value = json_integer_value(json_object_get(plan, name));

	return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* What the plan says of itself, as far as it does. */
static void take_plan(struct analysis *a)
{
	json_t *plan = json_loads(a->plan_json, 0, NULL);

	a->cpus = small_of(plan, "cpus");
	a->forks = small_of(plan, "forks");
	a->until = json_number_value(json_object_get(plan, "until"));
	json_decref(plan);
}

int analysis_read_plan(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_prepare(r, "SELECT hash, json, build_id, source_revision, seed, "
					    "created_ns, command FROM plan LIMIT 1");

	a->has_held = r->schema >= SCHEMA_WITH_HELD;
	a->has_frequency = r->schema >= SCHEMA_WITH_FREQUENCY;
	while (source_next(r, s)) {
		a->plan_hash = source_text(r, s, 0);
		a->plan_json = source_text(r, s, 1);
		a->build_id = source_text(r, s, 2);
		a->source_revision = source_text(r, s, 3);
		a->seed = (uint64_t)sqlite3_column_int64(s, 4);
		a->created_ns = sqlite3_column_int64(s, 5);
		a->command = source_text(r, s, 6);
		take_plan(a);
	}
	if (!r->failed && a->plan_hash == NULL)
		analysis_refuse(r, "'%s' holds no plan: its sweep ended before it began.", r->path);
	return source_result(r);
}

/* Fills one row of a table, which was zeroed. */
typedef void take_row(struct analysis_source *r, sqlite3_stmt *s, void *row);

/*
 * Reads a table whose key is <table>_id, in the order of its keys: its rows, of `bytes` bytes
 * each, which live as long as the analysis. *count is how many have been taken, from 0 on.
 */
static void *read_table(struct analysis_source *r, const char *table, const char *columns,
	size_t bytes, size_t *count, take_row *take)
{
	char sql[SQL_BYTES];
	int64_t rows = 0;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	source_integer(r, sql, &rows);
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY %s_id", columns, table, table);

	unsigned char *memory = analysis_keep(r->analysis, (size_t)rows, bytes);
	sqlite3_stmt *s = source_prepare(r, sql);

	for (*count = 0; source_next(r, s);) {
		if (*count == (size_t)rows) {
			analysis_refuse_excess(r);
			continue;
		}
		take(r, s, memory + *count * bytes);
		++*count;
	}
	return memory;
}

/* Leaves of a JSON value, as "outer.inner" = "text"; counts them if values is NULL. */
static size_t flatten(struct analysis *a, const char *prefix, const json_t *json,
	struct analysis_value *values, size_t n)
{
	if (json_is_object(json)) {
		const char *name;
		json_t *member;

		json_object_foreach((json_t *)(uintptr_t)json, name, member)
		{
			const size_t bytes = strlen(prefix) + strlen(name) + 2;
			char *path = analysis_keep(a, bytes, 1);

			snprintf(path, bytes, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", name);
			n = flatten(a, path, member, values, n);
		}
		return n;
	}
	if (values != NULL) {
		AUTO_FREE char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);

		values[n].name = prefix;
		values[n].value =
			analysis_keep_text(a, json_is_string(json) ? json_string_value(json)
					      : dump == NULL       ? ""
								   : dump);
	}
	return n + 1;
}

static void take_machine(struct analysis_source *r, sqlite3_stmt *s, void *row)
{
	struct analysis *a = r->analysis;
	struct analysis_machine *m = row;
	const char *fingerprint = source_text(r, s, 3);
	json_t *json = json_loads(fingerprint, JSON_DECODE_ANY, NULL);

	m->started_ns = sqlite3_column_int64(s, 0);
	m->hash = source_text(r, s, 1);
	m->grade = source_text(r, s, 2);
	m->value_count = json == NULL ? 1 : flatten(a, "", json, NULL, 0);

	struct analysis_value *values = analysis_keep(a, m->value_count, sizeof(*values));

	if (json == NULL)
		values[0] = (struct analysis_value){"fingerprint", fingerprint};
	else
		m->value_count = flatten(a, "", json, values, 0);
	m->values = values;
	json_decref(json);
}

/* What the start that saw the most of it has to say; NAN if one says nothing. */
static double clocks_apart_ns(const struct analysis *a)
{
	double most = a->machine_count > 0 ? 0 : NAN;

	for (size_t i = 0; i < a->machine_count; i++) {
		const struct analysis_machine *m = &a->machines[i];
		double apart = NAN;

		for (size_t k = 0; k < m->value_count; k++) {
			if (strcmp(m->values[k].name, FINGERPRINT_CLOCKS_APART) == 0)
				apart = strtod(m->values[k].value, NULL);
		}
		most = apart > most || isnan(apart) ? apart : most;
	}
	return most;
}

int analysis_read_machines(struct analysis_source *r)
{
	struct analysis *a = r->analysis;

	a->machines = read_table(r, "machine", "started_ns, hash, grade, json",
		sizeof(*a->machines), &a->machine_count, take_machine);
	a->clocks_apart_ns = clocks_apart_ns(a);
	return source_result(r);
}

/* A label with the policy behind it that a pool has where it is given none. */
static const char *with_reference(struct analysis *a, const char *label)
{
	char text[ANALYSIS_SENTENCE_BYTES];

	snprintf(text, sizeof(text), "%s+%s", label, instance_context_reference);
	return analysis_keep_text(a, text);
}

static void take_subject(struct analysis_source *r, sqlite3_stmt *s, void *row)
{
	struct analysis_subject *subject = row;

	subject->id = sqlite3_column_int64(s, 0);
	subject->label = source_text(r, s, 1);
	subject->pool = source_text(r, s, 2);
	subject->context = source_text_or_null(r, s, 3);
	subject->dispatch = source_text(r, s, 4);
	subject->role = sqlite3_column_int(s, 5) ? ANALYSIS_TWIN : ANALYSIS_CONTESTANT;
	subject->summary = source_text(r, s, 6);
	subject->progress = source_text(r, s, 7);
	subject->cache = source_text(r, s, 8);
	subject->contention = contention_of(subject->progress, subject->cache);
	subject->exact = sqlite3_column_int(s, 9) != 0;
	subject->is_pool = sqlite3_column_int(s, 10) != 0;
	subject->build = source_text_or_null(r, s, 11);
	subject->library = source_text_or_null(r, s, 12);
	subject->whole = subject->context != NULL ? subject->label
						  : with_reference(r->analysis, subject->label);
	subject->original = r->analysis->subject_count;
}

/* The other build, if there is one. */
static void read_other(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = NULL;

	if (r->schema >= SCHEMA_WITH_BUILDS)
		s = source_prepare(
			r, "SELECT name, build_id, source_revision, made FROM build LIMIT 1");
	while (s != NULL && source_next(r, s)) {
		a->has_other = true;
		a->other.name = source_text(r, s, 0);
		a->other.build_id = source_text(r, s, 1);
		a->other.source_revision = source_text(r, s, 2);
		a->other.made = source_text(r, s, 3);
	}
}

int analysis_read_subjects(struct analysis_source *r)
{
	struct analysis *a = r->analysis;

	a->subjects = read_table(r, "subject",
		r->schema >= SCHEMA_WITH_BUILDS
			? "subject_id, label, pool, context, dispatch, twin, summary, progress, "
			  "cache, exact, is_pool, build, library"
			: "subject_id, label, pool, context, dispatch, twin, summary, progress, "
			  "cache, exact, is_pool, NULL, NULL",
		sizeof(*a->subjects), &a->subject_count, take_subject);
	read_other(r);
	return source_result(r);
}

static void take_cell(struct analysis_source *r, sqlite3_stmt *s, void *row)
{
	struct analysis_cell *cell = row;

	cell->id = sqlite3_column_int64(s, 0);
	cell->label = source_text(r, s, 1);
	cell->workload = source_text(r, s, 2);
	cell->unit = source_text(r, s, 3);
	cell->program = source_text(r, s, 4);
	cell->threads = source_small(s, 5);
	cell->lane_threads = source_small(s, 6);
	cell->lanes =
		cell->threads == 0 || cell->lane_threads == 0
			? NAN
			: workload_lanes(cell->threads, r->analysis->cpus, cell->lane_threads);
	cell->oversubscribed = sqlite3_column_int(s, 7) != 0;
	cell->burst = source_small(s, 8);
	cell->depth = source_small(s, 9);
	cell->object_bytes = source_count(s, 10);
	cell->object_align = source_small(s, 11);
	cell->pages = source_text(r, s, 12);
	cell->capped = sqlite3_column_int(s, 13) != 0;
	for (int class = 0; class < CONTENTION_CLASSES; class ++)
		cell->floors[class] = NAN;
	cell->calibration_ns = cell->calibration_low_ns = cell->calibration_high_ns = NAN;
}

/* Of a workload that this build knows what it says, of others the pools'. */
static enum contest contest_of(const struct analysis_cell *cell)
{
	const struct workload *workload = workload_find(cell->workload);

	return workload == NULL ? CONTEST_POOLS : workload->contest;
}

/*
 * Where the cells' threads ran and what they compare, which the plan says. Stores that don't know
 * placements have the usual one.
 */
static void read_plan_of_cells(struct analysis *a)
{
	json_t *plan = json_loads(a->plan_json, 0, NULL);
	const json_t *entry;
	size_t i;

	for (size_t c = 0; c < a->cell_count; c++) {
		a->cells[c].placement = placement_name(PLACEMENT_CORES);
		a->cells[c].contest = contest_of(&a->cells[c]);
	}
	json_array_foreach(json_object_get(plan, "cells"), i, entry)
	{
		const char *label = json_string_value(json_object_get(entry, "label"));
		const char *name = json_string_value(json_object_get(entry, "placement"));
		const char *text = json_string_value(json_object_get(entry, "contest"));
		const enum contest contest = text == NULL ? CONTESTS : contest_find(text);

		for (size_t c = 0; c < a->cell_count && label != NULL; c++) {
			if (strcmp(a->cells[c].label, label) != 0)
				continue;
			if (name != NULL)
				a->cells[c].placement = analysis_keep_text(a, name);
			if (contest != CONTESTS)
				a->cells[c].contest = contest;
		}
	}
	json_decref(plan);
}

int analysis_read_cells(struct analysis_source *r)
{
	struct analysis *a = r->analysis;

	a->cells = read_table(r, "cell",
		"cell_id, label, workload, unit, program, threads, lane_threads, oversubscribed, "
		"burst, depth, object_bytes, object_align, pages, capped",
		sizeof(*a->cells), &a->cell_count, take_cell);
	read_plan_of_cells(a);
	a->results = analysis_keep(a, a->cell_count * (a->subject_count + 1), sizeof(*a->results));
	return source_result(r);
}

static enum analysis_state state_of(const char *name)
{
	for (int state = ANALYSIS_UNSUPPORTED; state < ANALYSIS_FAILED; state++) {
		if (strcmp(analysis_state_name((enum analysis_state)state), name) == 0)
			return (enum analysis_state)state;
	}
	return ANALYSIS_FAILED;
}

/* The first line of an event's detail: its sentence, without the worker's output. */
static const char *first_line(struct analysis *a, const char *detail)
{
	const size_t length = strcspn(detail, "\n");

	return memcpy(analysis_keep(a, length + 1, 1), detail, length);
}

static void apply_event(
	struct analysis *a, size_t cell, size_t subject, const char *state, const char *reason)
{
	struct analysis_result *result = &a->results[cell * a->subject_count + subject];

	/* Later events follow from the first one. Not being able to run explains least. */
	if (result->state == ANALYSIS_ABSENT || result->state == ANALYSIS_UNSUPPORTED) {
		result->state = state_of(state);
		result->reason = reason;
	}
}

/* Why a subject may have no figures, which says nothing of its state. */
static void excuse(struct analysis *a, size_t cell, size_t subject, const char *reason)
{
	struct analysis_result *result = &a->results[cell * a->subject_count + subject];

	if (result->state == ANALYSIS_ABSENT)
		result->reason = reason;
}

static void take_event(struct analysis_source *r, sqlite3_stmt *s, void *row)
{
	struct analysis *a = r->analysis;
	struct analysis_event *event = row;
	const bool any_cell = sqlite3_column_type(s, 0) == SQLITE_NULL;
	const bool any_subject = sqlite3_column_type(s, 1) == SQLITE_NULL;
	const size_t cell = source_cell(a, sqlite3_column_int64(s, 0));
	const size_t subject = source_subject(a, sqlite3_column_int64(s, 1));

	event->fork = sqlite3_column_type(s, 2) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 2);
	event->state = source_text(r, s, 3);
	event->detail = source_text(r, s, 4);
	event->at_ns = sqlite3_column_int64(s, 5);
	if (!any_cell && cell < a->cell_count)
		event->cell = a->cells[cell].label;
	if (any_subject || subject == a->subject_count)
		return;
	event->subject = a->subjects[subject].label;
	if (strcmp(event->state, "rationed") == 0)
		return; /* measured all the same */

	const char *reason = first_line(a, event->detail);

	if (strcmp(event->state, "starved") == 0 || strcmp(event->state, "disturbed") == 0) {
		/* Measured again, most likely; if not, this is why. */
		if (!any_cell && cell < a->cell_count)
			excuse(a, cell, subject, reason);
		return;
	}

	for (size_t c = 0; c < a->cell_count; c++) {
		if (any_cell || c == cell)
			apply_event(a, c, subject, event->state, reason);
	}
}

int analysis_read_events(struct analysis_source *r)
{
	struct analysis *a = r->analysis;

	a->events = read_table(r, "event", "cell_id, subject_id, fork, state, detail, at_ns",
		sizeof(*a->events), &a->event_count, take_event);
	return source_result(r);
}

static void take_moment(struct analysis_source *r, sqlite3_stmt *s, void *row)
{
	const struct analysis *a = r->analysis;
	struct analysis_moment *m = row;
	const size_t cell = source_cell(a, sqlite3_column_int64(s, 1));

	m->block_id = sqlite3_column_int64(s, 0);
	m->oversubscribed = cell < a->cell_count && a->cells[cell].oversubscribed;
	m->started_ns = sqlite3_column_int64(s, 2);
	m->took_ns = sqlite3_column_int64(s, 3);
	m->stolen_ns = source_real(s, 4);
	m->pressure_ns = source_real(s, 5);
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		m->change[probe] = NAN;
		for (int end = 0; end < 2; end++) {
			const double ns = source_real(s, 6 + 2 * probe + end);

			m->log[probe][end] = ns > 0 ? log(ns) : NAN;
		}
	}
	for (int end = 0; end < 2; end++)
		m->khz[end] = r->schema < SCHEMA_WITH_FREQUENCY ? NAN : source_real(s, 10 + end);
}

#define MOMENT_COLUMNS                                                                     \
	"block_id, cell_id, started_ns, took_ns, stolen_ns, pressure_ns, calibration_ns, " \
	"calibration_end_ns, hand_overs_ns, hand_overs_end_ns"

int analysis_read_moments(struct analysis_source *r)
{
	struct analysis *a = r->analysis;

	a->allowed[ANALYSIS_SINGLE] = a->allowed[ANALYSIS_HANDED] = NAN;
	a->usual[ANALYSIS_SINGLE] = a->usual[ANALYSIS_HANDED] = NAN;
	if (r->schema < SCHEMA_WITH_PROBES)
		return 0;

	struct analysis_moment *moments = read_table(r, "block",
		r->schema < SCHEMA_WITH_FREQUENCY ? MOMENT_COLUMNS
						  : MOMENT_COLUMNS ", khz, khz_end",
		sizeof(*moments), &a->moment_count, take_moment);

	a->moments = moments;
	analysis_find_changes(a, moments);
	return source_result(r);
}
