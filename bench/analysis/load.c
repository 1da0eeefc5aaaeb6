/* An analysis, first part: what stands in a store, as it stands there. */
#include "bench/analysis/private.h"

#include "bench/sweep/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const double ns_a_second = 1e9;

int analysis_refuse(struct analysis_source *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->why_bytes, format, args);
	va_end(args);
	return -1;
}

int analysis_refuse_memory(struct analysis_source *r)
{
	return analysis_refuse(r, "There is not enough memory to work through '%s'.", r->path);
}

int analysis_refuse_sqlite(struct analysis_source *r)
{
	switch (sqlite3_errcode(r->db)) {
	case SQLITE_NOTADB:
		return analysis_refuse(r,
			"'%s' is not a store: it is not an SQLite file. A store is what "
			"`nblbench sweep` writes.",
			r->path);
	case SQLITE_NOMEM:
		return analysis_refuse_memory(r);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return analysis_refuse(r,
			"'%s' is locked by another program; wait until it has finished.", r->path);
	case SQLITE_CANTOPEN:
		return analysis_refuse(
			r, "'%s' can't be opened: %s.", r->path, sqlite3_errmsg(r->db));
	default:
		return analysis_refuse(r,
			"'%s' is damaged: SQLite says \"%s\". Restore it from a copy, or "
			"measure again with --fresh.",
			r->path, sqlite3_errmsg(r->db));
	}
}

static sqlite3_stmt *prepare(struct analysis_source *r, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) != SQLITE_OK)
		analysis_refuse_sqlite(r);
	return statement;
}

/* Steps to the next row: 1 a row, 0 the end, -1 a failure with why set. */
static int next_row(struct analysis_source *r, sqlite3_stmt *statement)
{
	const int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : analysis_refuse_sqlite(r);
}

static const char *text_or_null(struct analysis_source *r, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text == NULL ? NULL : analysis_keep_text(r->analysis, text);
}

static const char *text(struct analysis_source *r, sqlite3_stmt *statement, int column)
{
	const char *value = text_or_null(r, statement, column);

	return value == NULL ? analysis_no_text : value;
}

static uint32_t small(sqlite3_stmt *statement, int column)
{
	const int64_t value = sqlite3_column_int64(statement, column);

	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint64_t count_of(sqlite3_stmt *statement, int column)
{
	const int64_t value = sqlite3_column_int64(statement, column);

	return value < 0 ? 0 : (uint64_t)value;
}

/* The value of a query that yields one integer. */
static int query_integer(struct analysis_source *r, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement = prepare(r, sql);
	int row;

	if (statement == NULL)
		return -1;
	row = next_row(r, statement);
	if (row == 1)
		*value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return row < 0 ? -1 : 0;
}

int analysis_check_is_store(struct analysis_source *r)
{
	int64_t application = 0, version = 0;

	if (query_integer(r, "PRAGMA application_id", &application) != 0 ||
		query_integer(r, "PRAGMA user_version", &version) != 0)
		return -1;
	if (application != STORE_APPLICATION_ID)
		return analysis_refuse(r,
			"'%s' is not a store: it is an SQLite file of another program.", r->path);
	if (version != STORE_SCHEMA_VERSION)
		return analysis_refuse(r,
			"'%s' has schema version %" PRId64 ", and this nblbench reads "
			"version %d: use the one that wrote it.",
			r->path, version, STORE_SCHEMA_VERSION);
	return 0;
}

static uint32_t plan_cpus(const char *plan_json)
{
	json_t *plan = json_loads(plan_json, 0, NULL);
	const json_int_t cpus = json_integer_value(json_object_get(plan, "cpus"));

	json_decref(plan);
	return cpus < 0 || cpus > UINT32_MAX ? 0 : (uint32_t)cpus;
}

int analysis_read_plan(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = prepare(r, "SELECT hash, json, build_id, source_revision, seed, "
				     "created_ns, command FROM plan");
	int row;

	if (s == NULL)
		return -1;
	row = next_row(r, s);
	if (row == 1) {
		a->plan_hash = text(r, s, 0);
		a->plan_json = text(r, s, 1);
		a->build_id = text(r, s, 2);
		a->source_revision = text(r, s, 3);
		a->seed = (uint64_t)sqlite3_column_int64(s, 4);
		a->created_ns = sqlite3_column_int64(s, 5);
		a->command = text(r, s, 6);
		a->cpus = plan_cpus(a->plan_json);
	} else if (row == 0) {
		analysis_refuse(r, "'%s' holds no plan: its sweep ended before it began.", r->path);
	}
	sqlite3_finalize(s);
	return row == 1 ? 0 : -1;
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

			if (path == NULL)
				continue;
			snprintf(path, bytes, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", name);
			n = flatten(a, path, member, values, n);
		}
		return n;
	}
	if (values != NULL) {
		char *dump = json_is_string(json)
				     ? NULL
				     : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);

		values[n].name = prefix;
		values[n].value = json_is_string(json)
					  ? analysis_keep_text(a, json_string_value(json))
				  : dump == NULL ? analysis_no_text
						 : analysis_keep_text(a, dump);
		free(dump);
	}
	return n + 1;
}

int analysis_read_machines(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM machine", &count) != 0)
		return -1;

	struct analysis_machine *machines = analysis_keep(a, (size_t)count, sizeof(*machines));
	sqlite3_stmt *s = prepare(r, "SELECT started_ns, hash, grade, json FROM machine "
				     "ORDER BY machine_id");
	int row = -1;

	if (machines == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : analysis_refuse_memory(r);
	}
	while (a->machine_count < (size_t)count && (row = next_row(r, s)) == 1) {
		struct analysis_machine *m = &machines[a->machine_count++];
		const char *fingerprint = text(r, s, 3);
		json_t *json = json_loads(fingerprint, JSON_DECODE_ANY, NULL);

		m->started_ns = sqlite3_column_int64(s, 0);
		m->hash = text(r, s, 1);
		m->grade = text(r, s, 2);
		m->value_count = json == NULL ? 1 : flatten(a, "", json, NULL, 0);

		struct analysis_value *values = analysis_keep(a, m->value_count, sizeof(*values));

		if (values == NULL)
			m->value_count = 0;
		else if (json == NULL)
			values[0] = (struct analysis_value){"fingerprint", fingerprint};
		else
			m->value_count = flatten(a, "", json, values, 0);
		m->values = values;
		json_decref(json);
	}
	a->machines = machines;
	sqlite3_finalize(s);
	return row < 0 && count > 0 ? -1 : 0;
}

int analysis_read_subjects(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM subject", &count) != 0)
		return -1;
	a->subjects = analysis_keep(a, (size_t)count, sizeof(*a->subjects));

	sqlite3_stmt *s = prepare(r, "SELECT subject_id, label, pool, context, dispatch, twin, "
				     "summary, progress, cache, exact, is_pool FROM subject "
				     "ORDER BY subject_id");
	int row = 0;

	if (a->subjects == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : analysis_refuse_memory(r);
	}
	while (a->subject_count < (size_t)count && (row = next_row(r, s)) == 1) {
		struct analysis_subject *subject = &a->subjects[a->subject_count];

		subject->id = sqlite3_column_int64(s, 0);
		subject->label = text(r, s, 1);
		subject->pool = text(r, s, 2);
		subject->context = text_or_null(r, s, 3);
		subject->dispatch = text(r, s, 4);
		subject->role = sqlite3_column_int(s, 5) ? ANALYSIS_TWIN : ANALYSIS_CONTESTANT;
		subject->summary = text(r, s, 6);
		subject->progress = text(r, s, 7);
		subject->cache = text(r, s, 8);
		subject->exact = sqlite3_column_int(s, 9) != 0;
		subject->is_pool = sqlite3_column_int(s, 10) != 0;
		subject->original = a->subject_count++;
		subject->median = subject->worst = subject->overhead_bytes = NAN;
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

int analysis_read_cells(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM cell", &count) != 0)
		return -1;
	a->cells = analysis_keep(a, (size_t)count, sizeof(*a->cells));
	a->results = analysis_keep(a, (size_t)count * (a->subject_count + 1), sizeof(*a->results));

	sqlite3_stmt *s = prepare(r, "SELECT cell_id, label, workload, unit, program, threads, "
				     "lane_threads, oversubscribed, burst, depth, object_bytes, "
				     "object_align, pages, capped FROM cell ORDER BY cell_id");
	int row = 0;

	if (a->cells == NULL || a->results == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : analysis_refuse_memory(r);
	}
	while (a->cell_count < (size_t)count && (row = next_row(r, s)) == 1) {
		struct analysis_cell *cell = &a->cells[a->cell_count++];

		cell->id = sqlite3_column_int64(s, 0);
		cell->label = text(r, s, 1);
		cell->workload = text(r, s, 2);
		cell->unit = text(r, s, 3);
		cell->program = text(r, s, 4);
		cell->threads = small(s, 5);
		cell->lane_threads = small(s, 6);
		cell->oversubscribed = sqlite3_column_int(s, 7) != 0;
		cell->burst = small(s, 8);
		cell->depth = small(s, 9);
		cell->object_bytes = count_of(s, 10);
		cell->object_align = small(s, 11);
		cell->pages = text(r, s, 12);
		cell->capped = sqlite3_column_int(s, 13) != 0;
		cell->floor = NAN;
		cell->calibration_ns = cell->calibration_low_ns = cell->calibration_high_ns = NAN;
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

/* The index of an id, or the count if the store names one that it does not list. */
static size_t subject_index(const struct analysis *a, int64_t id)
{
	size_t i = 0;

	while (i < a->subject_count && a->subjects[i].id != id)
		i++;
	return i;
}

static size_t cell_index(const struct analysis *a, int64_t id)
{
	size_t i = 0;

	while (i < a->cell_count && a->cells[i].id != id)
		i++;
	return i;
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
	char *line = analysis_keep(a, length + 1, 1);

	return line == NULL ? analysis_no_text : memcpy(line, detail, length);
}

static void apply_event(
	struct analysis *a, size_t cell, size_t subject, const char *state, const char *reason)
{
	struct analysis_result *result = &a->results[cell * a->subject_count + subject];

	/* What went wrong first is what the others follow from; not being able to run explains less. */
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

int analysis_read_events(struct analysis_source *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM event", &count) != 0)
		return -1;

	struct analysis_event *events = analysis_keep(a, (size_t)count, sizeof(*events));
	sqlite3_stmt *s = prepare(r, "SELECT cell_id, subject_id, fork, state, detail, at_ns "
				     "FROM event ORDER BY event_id");
	int row = 0;

	if (events == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : analysis_refuse_memory(r);
	}
	while (a->event_count < (size_t)count && (row = next_row(r, s)) == 1) {
		struct analysis_event *event = &events[a->event_count++];
		const bool any_cell = sqlite3_column_type(s, 0) == SQLITE_NULL;
		const bool any_subject = sqlite3_column_type(s, 1) == SQLITE_NULL;
		const size_t cell = cell_index(a, sqlite3_column_int64(s, 0));
		const size_t subject = subject_index(a, sqlite3_column_int64(s, 1));

		event->fork =
			sqlite3_column_type(s, 2) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 2);
		event->state = text(r, s, 3);
		event->detail = text(r, s, 4);
		event->at_ns = sqlite3_column_int64(s, 5);
		if (!any_cell && cell < a->cell_count)
			event->cell = a->cells[cell].label;
		if (any_subject || subject == a->subject_count)
			continue;
		event->subject = a->subjects[subject].label;
		if (strcmp(event->state, "rationed") == 0)
			continue; /* measured all the same */

		const char *reason = first_line(a, event->detail);

		if (strcmp(event->state, "starved") == 0 ||
			strcmp(event->state, "disturbed") == 0) {
			/* Measured again, most likely; if not, this is why. */
			if (!any_cell && cell < a->cell_count)
				excuse(a, cell, subject, reason);
			continue;
		}

		for (size_t c = 0; c < a->cell_count; c++) {
			if (any_cell || c == cell)
				apply_event(a, c, subject, event->state, reason);
		}
	}
	a->events = events;
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

void analysis_raw_free(struct analysis_raw *raw)
{
	free(raw->start);
	free(raw->log_ns);
	free(raw->flagged);
	free(raw->jain);
	free(raw->slowest);
	free(raw->calibration);
}

static int raw_alloc(struct analysis_raw *raw, size_t blocks, size_t forks, size_t subjects)
{
	const size_t values = subjects * blocks + 1;

	raw->subjects = subjects;
	raw->blocks = blocks;
	raw->forks = forks;
	raw->start = calloc(forks + 1, sizeof(*raw->start));
	raw->log_ns = calloc(values, sizeof(*raw->log_ns));
	raw->flagged = calloc(values, sizeof(*raw->flagged));
	raw->jain = calloc(values, sizeof(*raw->jain));
	raw->slowest = calloc(values, sizeof(*raw->slowest));
	raw->calibration = calloc(blocks + 1, sizeof(*raw->calibration));
	if (!raw->start || !raw->log_ns || !raw->flagged || !raw->jain || !raw->slowest ||
		!raw->calibration)
		return -ENOMEM;
	for (size_t i = 0; i < values; i++)
		raw->log_ns[i] = raw->jain[i] = raw->slowest[i] = NAN;
	return 0;
}

/*
 * log(ns a unit) of a slice. units_per_s is the sum over lanes, each by its own window; lanes run
 * side by side, so a unit takes its lane as many times longer as there are lanes.
 */
static double slice_log_ns(const struct analysis_cell *cell, double units_per_s)
{
	if (!(units_per_s > 0) || cell->threads == 0 || cell->lane_threads == 0)
		return NAN;
	return log(ns_a_second * cell->threads / cell->lane_threads / units_per_s);
}

enum slice_column {
	COLUMN_BLOCK,
	COLUMN_FORK,
	COLUMN_CALIBRATION,
	COLUMN_SUBJECT,
	COLUMN_RATE,
	COLUMN_UNITS,
	COLUMN_FAILED,
	COLUMN_JAIN,
	COLUMN_SLOWEST,
	COLUMN_FLAGS,
	COLUMN_REFILL,
	COLUMN_FLUSH,
	COLUMN_GROW,
	COLUMN_STEAL,
	COLUMN_EMPTY,
};

static const char slice_sql[] =
	"SELECT b.block_id, b.fork, b.calibration_ns, s.subject_id, s.units_per_s, s.units, "
	"s.failed,"
	" s.jain, s.slowest_share, s.flags, s.refill, s.flush, s.grow, s.steal, s.empty"
	" FROM block b JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ?"
	" ORDER BY b.fork, b.block, b.block_id";

static void take_slice(struct analysis *a, size_t cell_at, size_t subject, size_t block,
	sqlite3_stmt *s, struct analysis_raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
	const size_t at = subject * raw->blocks + block;

	raw->log_ns[at] = slice_log_ns(cell, sqlite3_column_double(s, COLUMN_RATE));
	raw->flagged[at] = sqlite3_column_bytes(s, COLUMN_FLAGS) > 0;
	raw->jain[at] = sqlite3_column_double(s, COLUMN_JAIN);
	raw->slowest[at] = sqlite3_column_double(s, COLUMN_SLOWEST);
	result->slices++;
	result->flagged += raw->flagged[at];
	result->units += count_of(s, COLUMN_UNITS);
	result->failed += count_of(s, COLUMN_FAILED);
	/* Sums here; divided by the units when all slices are in. */
	result->refill += sqlite3_column_double(s, COLUMN_REFILL);
	result->flush += sqlite3_column_double(s, COLUMN_FLUSH);
	result->grow += sqlite3_column_double(s, COLUMN_GROW);
	result->steal += sqlite3_column_double(s, COLUMN_STEAL);
	result->empty += sqlite3_column_double(s, COLUMN_EMPTY);
	cell->slices++;
	cell->flagged += raw->flagged[at];
}

static int read_slices(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s =
		prepare(r, "SELECT count(DISTINCT b.block_id), count(DISTINCT b.fork) FROM block b"
			   " JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ?");

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);

	int row = next_row(r, s);
	const size_t blocks = row == 1 ? (size_t)count_of(s, 0) : 0;
	const size_t forks = row == 1 ? (size_t)count_of(s, 1) : 0;

	sqlite3_finalize(s);
	if (row < 0)
		return -1;
	if (raw_alloc(raw, blocks, forks, a->subject_count) != 0)
		return analysis_refuse_memory(r);

	s = prepare(r, slice_sql);
	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);

	size_t block = 0, fork = 0;
	int64_t block_id = 0, fork_id = 0;
	bool first = true;

	while ((row = next_row(r, s)) == 1) {
		const int64_t row_block = sqlite3_column_int64(s, COLUMN_BLOCK);
		const int64_t row_fork = sqlite3_column_int64(s, COLUMN_FORK);

		if (!first && row_block != block_id)
			block++;
		if (!first && row_fork != fork_id)
			fork++;
		/* Another program may be adding blocks since they were counted. */
		if (block >= blocks || fork >= forks)
			break;
		if (first || row_fork != fork_id)
			raw->start[fork] = block;
		first = false;
		block_id = row_block;
		fork_id = row_fork;
		raw->calibration[block] = sqlite3_column_double(s, COLUMN_CALIBRATION);

		const size_t subject = subject_index(a, sqlite3_column_int64(s, COLUMN_SUBJECT));

		if (subject < a->subject_count)
			take_slice(a, cell_at, subject, block, s, raw);
	}
	raw->start[forks] = blocks;
	a->cells[cell_at].forks = forks;
	a->cells[cell_at].blocks = blocks;
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

static int read_threads(struct analysis_source *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s =
		prepare(r, "SELECT t.subject_id, sum(t.cpu_ns), sum(t.window_ns), sum(t.nivcsw),"
			   " sum(t.minflt) FROM thread t JOIN block b ON b.block_id = t.block_id"
			   " WHERE b.cell_id = ? GROUP BY t.subject_id");
	int row;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);
	while ((row = next_row(r, s)) == 1) {
		const size_t subject = subject_index(a, sqlite3_column_int64(s, 0));

		if (subject == a->subject_count)
			continue;

		struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
		const double window = sqlite3_column_double(s, 2);

		result->cpu_share = window > 0 ? sqlite3_column_double(s, 1) / window : NAN;
		result->involuntary = count_of(s, 3);
		result->faults = count_of(s, 4);
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

/* Medians over forks; a shortfall of objects is a failure, whatever the figures say. */
static int read_memory(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	struct analysis *a = r->analysis;
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject_at];
	sqlite3_stmt *s = prepare(r,
		"SELECT pool_bytes, rss_open, rss_peak, capacity, drained, expected, count(*) OVER "
		"() FROM memory WHERE cell_id = ? AND subject_id = ? ORDER BY fork");
	double *values = NULL;
	size_t n = 0, capacity = 0;
	int row;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);
	sqlite3_bind_int64(s, 2, a->subjects[subject_at].id);
	while ((row = next_row(r, s)) == 1) {
		if (values == NULL) {
			capacity = (size_t)count_of(s, 6);
			values = calloc(4 * capacity, sizeof(*values));
			if (values == NULL) {
				sqlite3_finalize(s);
				return analysis_refuse_memory(r);
			}
		}
		if (n == capacity)
			break;

		const double objects = sqlite3_column_double(s, 3);
		const int64_t drained = sqlite3_column_int64(s, 4);
		const int64_t expected = sqlite3_column_int64(s, 5);

		values[n] = sqlite3_column_double(s, 0);
		values[capacity + n] = sqlite3_column_double(s, 1);
		values[2 * capacity + n] = sqlite3_column_double(s, 2);
		values[3 * capacity + n] = objects > 0 ? values[n] / objects : 0;
		n++;
		if (a->subjects[subject_at].is_pool && expected > 0 && drained != expected &&
			(result->state == ANALYSIS_ABSENT || result->state == ANALYSIS_MEASURED)) {
			char sentence[ANALYSIS_SENTENCE_BYTES];

			snprintf(sentence, sizeof(sentence),
				"%" PRId64 " objects were accounted for at the end, and there "
				"should have been %" PRId64 ".",
				drained, expected);
			result->state = ANALYSIS_LOST;
			result->reason = analysis_keep_text(a, sentence);
		}
	}
	if (n > 0) {
		result->memory.known = true;
		result->memory.pool_bytes = stats_median(values, n);
		result->memory.rss_open = stats_median(values + capacity, n);
		result->memory.rss_peak = stats_median(values + 2 * capacity, n);
		result->memory.object_bytes = stats_median(values + 3 * capacity, n);
	}
	free(values);
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

int analysis_read_cell(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;
	int error = read_slices(r, cell_at, raw);

	for (size_t i = 0; i < a->subject_count; i++)
		a->results[cell_at * a->subject_count + i].cpu_share = NAN;
	if (error == 0)
		error = read_threads(r, cell_at);
	for (size_t i = 0; error == 0 && i < a->subject_count; i++)
		error = read_memory(r, cell_at, i);
	return error;
}
