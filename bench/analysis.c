/* See analysis.h. The first half reads a store, the second works out effects and verdicts. */
#include "bench/analysis.h"

#include "bench/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A cell is called disturbed when more than this share of its slices is flagged. */
static const double disturbed_share = 0.20;

/* Below this share of clean pairs the rest would speak for too little, and all are used. */
static const double clean_share_min = 0.25;

/* A result needs a start; other text of the store may be empty but is never NULL. */
static const char *const no_text = "";

struct analysis_block {
	struct analysis_block *next;
	max_align_t data[];
};

/* Zeroed memory that lives as long as the analysis; NULL if there is none. */
static void *keep(struct analysis *a, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total) || total > SIZE_MAX / 2)
		return NULL;

	struct analysis_block *block = calloc(1, sizeof(*block) + total + 1);

	if (block == NULL)
		return NULL;
	block->next = a->memory;
	a->memory = block;
	return block->data;
}

void analysis_free(struct analysis *analysis)
{
	if (analysis == NULL)
		return;
	for (struct analysis_block *block = analysis->memory, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(analysis);
}

/* A store being read. The first thing that goes wrong fills why and ends the reading. */
struct reader {
	const char *path;
	sqlite3 *db;
	struct analysis *analysis;
	char *why;
	size_t why_bytes;
};

static int refuse(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->why_bytes, format, args);
	va_end(args);
	return -1;
}

static int refuse_memory(struct reader *r)
{
	return refuse(r, "There is not enough memory to work through '%s'.", r->path);
}

static int refuse_sqlite(struct reader *r)
{
	switch (sqlite3_errcode(r->db)) {
	case SQLITE_NOTADB:
		return refuse(r,
			"'%s' is not a store: it is not an SQLite file. A store is what "
			"`nblbench sweep` writes.",
			r->path);
	case SQLITE_NOMEM:
		return refuse_memory(r);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return refuse(r, "'%s' is locked by another program; wait until it has finished.",
			r->path);
	case SQLITE_CANTOPEN:
		return refuse(r, "'%s' can't be opened: %s.", r->path, sqlite3_errmsg(r->db));
	default:
		return refuse(r,
			"'%s' is damaged: SQLite says \"%s\". Restore it from a copy, or "
			"measure again with --fresh.",
			r->path, sqlite3_errmsg(r->db));
	}
}

static sqlite3_stmt *prepare(struct reader *r, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) != SQLITE_OK)
		refuse_sqlite(r);
	return statement;
}

/* Steps to the next row: 1 a row, 0 the end, -1 a failure with why set. */
static int next_row(struct reader *r, sqlite3_stmt *statement)
{
	const int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : refuse_sqlite(r);
}

static const char *keep_text(struct analysis *a, const char *text)
{
	char *copy = keep(a, strlen(text) + 1, 1);

	return copy == NULL ? no_text : memcpy(copy, text, strlen(text) + 1);
}

static const char *text_or_null(struct reader *r, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text == NULL ? NULL : keep_text(r->analysis, text);
}

static const char *text(struct reader *r, sqlite3_stmt *statement, int column)
{
	const char *value = text_or_null(r, statement, column);

	return value == NULL ? no_text : value;
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
static int query_integer(struct reader *r, const char *sql, int64_t *value)
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

static int check_is_store(struct reader *r)
{
	int64_t application = 0, version = 0;

	if (query_integer(r, "PRAGMA application_id", &application) != 0 ||
		query_integer(r, "PRAGMA user_version", &version) != 0)
		return -1;
	if (application != STORE_APPLICATION_ID)
		return refuse(r, "'%s' is not a store: it is an SQLite file of another program.",
			r->path);
	if (version != STORE_SCHEMA_VERSION)
		return refuse(r,
			"'%s' has schema version %" PRId64 ", and this nblbench reads "
			"version %d: use the one that wrote it.",
			r->path, version, STORE_SCHEMA_VERSION);
	return 0;
}

static int read_plan(struct reader *r)
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
	} else if (row == 0) {
		refuse(r, "'%s' holds no plan: its sweep ended before it began.", r->path);
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
			char *path = keep(a, bytes, 1);

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
		values[n].value = json_is_string(json) ? keep_text(a, json_string_value(json))
				  : dump == NULL       ? no_text
						       : keep_text(a, dump);
		free(dump);
	}
	return n + 1;
}

static int read_machines(struct reader *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM machine", &count) != 0)
		return -1;

	struct analysis_machine *machines = keep(a, (size_t)count, sizeof(*machines));
	sqlite3_stmt *s = prepare(r, "SELECT started_ns, hash, grade, json FROM machine "
				     "ORDER BY machine_id");
	int row = -1;

	if (machines == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : refuse_memory(r);
	}
	while (a->machine_count < (size_t)count && (row = next_row(r, s)) == 1) {
		struct analysis_machine *m = &machines[a->machine_count++];
		const char *fingerprint = text(r, s, 3);
		json_t *json = json_loads(fingerprint, JSON_DECODE_ANY, NULL);

		m->started_ns = sqlite3_column_int64(s, 0);
		m->hash = text(r, s, 1);
		m->grade = text(r, s, 2);
		m->value_count = json == NULL ? 1 : flatten(a, "", json, NULL, 0);

		struct analysis_value *values = keep(a, m->value_count, sizeof(*values));

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

static int read_subjects(struct reader *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM subject", &count) != 0)
		return -1;
	a->subjects = keep(a, (size_t)count, sizeof(*a->subjects));

	sqlite3_stmt *s = prepare(r, "SELECT subject_id, label, pool, context, dispatch, twin, "
				     "summary, progress, cache, exact, is_pool FROM subject "
				     "ORDER BY subject_id");
	int row = 0;

	if (a->subjects == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : refuse_memory(r);
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
		subject->worst = subject->overhead_bytes = NAN;
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Roles, and whom twins and tables are compared with. */
static void assign_roles(struct analysis *a)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_subject *subject = &a->subjects[i];
		const bool table = strcmp(subject->dispatch, "table") == 0;

		for (size_t j = 0; j < a->subject_count && subject->original == i; j++) {
			const struct analysis_subject *other = &a->subjects[j];
			const bool other_table = strcmp(other->dispatch, "table") == 0;

			if (j == i || other->role == ANALYSIS_TWIN ||
				!same_text(other->pool, subject->pool) ||
				!same_text(other->context, subject->context))
				continue;
			if (subject->role == ANALYSIS_TWIN ? other_table == table
							   : table && !other_table)
				subject->original = j;
		}
		if (subject->role == ANALYSIS_TWIN)
			continue;
		if (subject->original != i)
			subject->role = ANALYSIS_TABLE;
		else if (strcmp(subject->pool, "null") == 0)
			subject->role = ANALYSIS_HARNESS;
		else if (strcmp(subject->progress, "none") == 0)
			subject->role = ANALYSIS_FLOOR;
	}
}

static int read_cells(struct reader *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM cell", &count) != 0)
		return -1;
	a->cells = keep(a, (size_t)count, sizeof(*a->cells));
	a->results = keep(a, (size_t)count * (a->subject_count + 1), sizeof(*a->results));

	sqlite3_stmt *s = prepare(r, "SELECT cell_id, label, workload, unit, program, threads, "
				     "lane_threads, oversubscribed, burst, depth, object_bytes, "
				     "pages FROM cell ORDER BY cell_id");
	int row = 0;

	if (a->cells == NULL || a->results == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : refuse_memory(r);
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
		cell->pages = text(r, s, 11);
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

const char *analysis_state_name(enum analysis_state state)
{
	static const char *const names[] = {
		[ANALYSIS_ABSENT] = "not measured",
		[ANALYSIS_MEASURED] = "measured",
		[ANALYSIS_UNSUPPORTED] = "unsupported",
		[ANALYSIS_CRASHED] = "crashed",
		[ANALYSIS_HUNG] = "hung",
		[ANALYSIS_LOST] = "lost",
		[ANALYSIS_FAILED] = "failed",
	};

	return names[state];
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
	char *line = keep(a, length + 1, 1);

	return line == NULL ? no_text : memcpy(line, detail, length);
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

static int read_events(struct reader *r)
{
	struct analysis *a = r->analysis;
	int64_t count = 0;

	if (query_integer(r, "SELECT count(*) FROM event", &count) != 0)
		return -1;

	struct analysis_event *events = keep(a, (size_t)count, sizeof(*events));
	sqlite3_stmt *s = prepare(r, "SELECT cell_id, subject_id, fork, state, detail, at_ns "
				     "FROM event ORDER BY event_id");
	int row = 0;

	if (events == NULL || s == NULL) {
		sqlite3_finalize(s);
		return s == NULL ? -1 : refuse_memory(r);
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

		const char *reason = first_line(a, event->detail);

		for (size_t c = 0; c < a->cell_count; c++) {
			if (any_cell || c == cell)
				apply_event(a, c, subject, event->state, reason);
		}
	}
	a->events = events;
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

/* One cell's raw data while it is worked through: a row a subject, a column a block. */
struct raw {
	size_t blocks, forks, subjects;
	size_t *start;  /* of each fork; forks + 1 */
	double *log_ns; /* NAN where there is none */
	bool *flagged;
	double *jain, *slowest, *calibration;
};

static void raw_free(struct raw *raw)
{
	free(raw->start);
	free(raw->log_ns);
	free(raw->flagged);
	free(raw->jain);
	free(raw->slowest);
	free(raw->calibration);
}

static int raw_alloc(struct raw *raw, size_t blocks, size_t forks, size_t subjects)
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

/* log(ns a unit) of a slice: the threads of a lane share its units, so lanes run side by side. */
static double slice_log_ns(const struct analysis_cell *cell, int64_t window_ns, int64_t units)
{
	if (window_ns <= 0 || units <= 0 || cell->threads == 0 || cell->lane_threads == 0)
		return NAN;
	return log((double)cell->threads / cell->lane_threads * (double)window_ns / (double)units);
}

enum slice_column {
	COLUMN_BLOCK,
	COLUMN_FORK,
	COLUMN_CALIBRATION,
	COLUMN_SUBJECT,
	COLUMN_WINDOW,
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
	"SELECT b.block_id, b.fork, b.calibration_ns, s.subject_id, s.window_ns, s.units, s.failed,"
	" s.jain, s.slowest_share, s.flags, s.refill, s.flush, s.grow, s.steal, s.empty"
	" FROM block b JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ?"
	" ORDER BY b.fork, b.block, b.block_id";

static void take_slice(struct analysis *a, size_t cell_at, size_t subject, size_t block,
	sqlite3_stmt *s, struct raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
	const size_t at = subject * raw->blocks + block;

	raw->log_ns[at] = slice_log_ns(cell, sqlite3_column_int64(s, COLUMN_WINDOW),
		sqlite3_column_int64(s, COLUMN_UNITS));
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

static int read_slices(struct reader *r, size_t cell_at, struct raw *raw)
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
		return refuse_memory(r);

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

static int read_threads(struct reader *r, size_t cell_at)
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
static int read_memory(struct reader *r, size_t cell_at, size_t subject_at)
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
				return refuse_memory(r);
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
			result->reason = keep_text(a, sentence);
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

/* The median of what is there; NAN if nothing is. scratch has room for n. */
static double median_present(const double *values, size_t n, double *scratch)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isnan(values[i]))
			scratch[count++] = values[i];
	}
	return count == 0 ? NAN : stats_median(scratch, count);
}

/*
 * The series subject - reference (no reference: the subject itself) into out. A flagged slice takes
 * its pair with it; if that leaves too little, all pairs are used. True if they were.
 */
static bool pair_series(const struct raw *raw, size_t subject, const size_t *reference, double *out)
{
	const double *x = raw->log_ns + subject * raw->blocks;
	const bool *x_flag = raw->flagged + subject * raw->blocks;
	const double *y = reference == NULL ? NULL : raw->log_ns + *reference * raw->blocks;
	const bool *y_flag = reference == NULL ? NULL : raw->flagged + *reference * raw->blocks;
	size_t all = 0, clean = 0;

	for (size_t b = 0; b < raw->blocks; b++) {
		out[b] = y == NULL ? x[b] : x[b] - y[b];
		all += isnan(out[b]) ? 0 : 1;
		clean += !isnan(out[b]) && !x_flag[b] && !(y_flag != NULL && y_flag[b]);
	}
	if (all == clean)
		return false;
	if (clean < STATS_EVIDENCE_MIN || (double)clean < clean_share_min * (double)all)
		return true;
	for (size_t b = 0; b < raw->blocks; b++) {
		if (x_flag[b] || (y_flag != NULL && y_flag[b]))
			out[b] = NAN;
	}
	return false;
}

/* Effects worked out together in one cell: kinds of series, each one row a subject. */
enum kind { KIND_NS, KIND_BEST, KIND_BASE, KIND_ORIGINAL, KIND_COUNT };

struct cell_work {
	const struct raw *raw;
	struct stats_design design;
	double *series;                   /* KIND_COUNT x subjects rows of blocks */
	const double **row;               /* the rows that hold anything */
	struct stats_estimate *estimates; /* as row */
	size_t *place;                    /* of a kind and subject in row; SIZE_MAX if none */
	size_t rows;
	double *replicates;
	double *scratch;
};

static void work_free(struct cell_work *w)
{
	free(w->series);
	free(w->row);
	free(w->estimates);
	free(w->place);
	free(w->replicates);
	free(w->scratch);
}

static int work_alloc(struct cell_work *w, const struct raw *raw)
{
	const size_t rows = KIND_COUNT * raw->subjects + 1;

	*w = (struct cell_work){.raw = raw, .design = {raw->forks, raw->start}};
	w->series = calloc(rows * (raw->blocks + 1), sizeof(*w->series));
	w->row = calloc(rows, sizeof(*w->row));
	w->estimates = calloc(rows, sizeof(*w->estimates));
	w->place = calloc(rows, sizeof(*w->place));
	w->scratch = calloc(raw->blocks + 1, sizeof(*w->scratch));
	return w->series && w->row && w->estimates && w->place && w->scratch ? 0 : -ENOMEM;
}

static bool add_series(struct cell_work *w, enum kind kind, size_t subject, const size_t *reference)
{
	const size_t at = (size_t)kind * w->raw->subjects + subject;
	double *out = w->series + at * w->raw->blocks;
	const bool all_used = pair_series(w->raw, subject, reference, out);

	w->place[at] = w->rows;
	w->row[w->rows++] = out;
	return all_used;
}

static struct stats_estimate estimate_of(const struct cell_work *w, enum kind kind, size_t subject)
{
	const size_t place = w->place[(size_t)kind * w->raw->subjects + subject];

	return place == SIZE_MAX ? (struct stats_estimate){NAN, NAN, NAN} : w->estimates[place];
}

static bool competes(const struct analysis *a, size_t cell, size_t subject)
{
	return a->subjects[subject].role == ANALYSIS_CONTESTANT &&
	       analysis_at(a, cell, subject)->state == ANALYSIS_MEASURED;
}

/*
 * The contestant with the least time. Points of unpaired series choose a first one; if some other
 * is ahead of it in the paired comparison, that one takes its place, at most once a contestant.
 */
static int find_best(struct analysis *a, size_t cell_at, struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	const size_t n = a->subject_count;
	double least = INFINITY;

	for (size_t i = 0; i < n; i++) {
		const struct stats_estimate e = estimate_of(w, KIND_NS, i);

		if (competes(a, cell_at, i) && e.point < least) {
			least = e.point;
			cell->best = i;
			cell->has_best = true;
		}
	}
	for (size_t turn = 0; cell->has_best && turn < n; turn++) {
		const size_t best = cell->best;

		least = 0;
		for (size_t i = 0; i < n; i++) {
			struct stats_estimate e;
			const double *row = w->series;

			if (i == best || !competes(a, cell_at, i))
				continue;
			pair_series(w->raw, i, &best, w->series);
			if (stats_bootstrap(&w->design, &row, 1, 0, 0, &e, NULL) != 0)
				return -ENOMEM;
			if (e.point < least) {
				least = e.point;
				cell->best = i;
			}
		}
		if (cell->best == best)
			break;
	}
	return 0;
}

/* Best set, ranks and tie letters of a cell from the replicates of the effects against the best. */
static int rank_cell(struct analysis *a, size_t cell_at, const struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	const uint32_t rounds = STATS_ROUNDS;
	size_t n = 0;
	size_t *who = calloc(a->subject_count + 1, sizeof(*who));
	struct stats_estimate *e = calloc(a->subject_count + 1, sizeof(*e));
	double *replicates = calloc(a->subject_count * rounds + 1, sizeof(*replicates));
	double *scale = NULL;
	bool *slower = NULL; /* [i * n + j]: i is slower than j */
	int error = -ENOMEM;

	if (who == NULL || e == NULL || replicates == NULL)
		goto out;
	for (size_t i = 0; i < a->subject_count; i++) {
		if (competes(a, cell_at, i) && !isnan(results[i].to_best.point))
			who[n++] = i;
	}
	/* Best first, then by effect: insertion, since n is a handful. */
	for (size_t i = 1; i < n; i++) {
		for (size_t j = i; j > 0; j--) {
			const bool ahead = who[j] == cell->best ||
					   (who[j - 1] != cell->best &&
						   results[who[j]].to_best.point <
							   results[who[j - 1]].to_best.point);
			if (!ahead)
				break;

			const size_t swap = who[j];

			who[j] = who[j - 1];
			who[j - 1] = swap;
		}
	}
	scale = calloc(n * n + 1, sizeof(*scale));
	slower = calloc(n * n + 1, sizeof(*slower));
	if (scale == NULL || slower == NULL)
		goto out;
	for (size_t i = 0; i < n; i++) {
		const size_t place = w->place[KIND_BEST * a->subject_count + who[i]];

		e[i] = w->estimates[place];
		memcpy(replicates + i * rounds, w->replicates + place * rounds,
			rounds * sizeof(*replicates));
	}

	const double threshold = isnan(cell->floor) ? a->margin : fmax(a->margin, cell->floor);
	const double all_pairs = stats_simultaneous(e, replicates, n, rounds, 1, 0, scale);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			slower[i * n + j] =
				i != j && isfinite(e[i].lo) && isfinite(e[j].lo) &&
				e[i].point - e[j].point - all_pairs * scale[i * n + j] > threshold;
	}

	/* Against the best alone fewer comparisons are made at once, so the bounds are tighter. */
	const double to_best = stats_simultaneous(e, replicates, n, rounds, 0, 0, scale);

	for (size_t i = 0; i < n; i++) {
		const bool beaten = i > 0 && isfinite(e[i].lo) &&
				    e[i].point - to_best * scale[i * n] > threshold;

		for (size_t j = 0; j < n && !beaten; j++)
			slower[i * n + j] = false;
		if (i > 0)
			slower[i * n] = beaten;
		results[who[i]].in_best_set = !beaten;
		cell->best_set += !beaten;
	}
	for (size_t i = 0; i < n; i++) {
		size_t ahead = 0, behind = 0;

		for (size_t j = 0; j < n; j++) {
			ahead += slower[i * n + j];
			behind += slower[j * n + i];
		}
		results[who[i]].rank_low = 1 + ahead;
		results[who[i]].rank_high = n - behind;
	}

	/* A tie group is led by its fastest; one that another contains is left out. */
	size_t groups = 0, previous = SIZE_MAX;

	for (size_t lead = 0; lead < n; lead++) {
		bool news = previous == SIZE_MAX;

		for (size_t i = lead; i < n && !news; i++)
			news = !slower[i * n + lead] && slower[i * n + previous];
		if (!news)
			continue;

		const char letter = groups < 26   ? (char)('a' + groups)
				    : groups < 52 ? (char)('A' + groups - 26)
						  : '*';

		for (size_t i = lead; i < n; i++) {
			char *letters = results[who[i]].letters;
			const size_t length = strlen(letters);

			if (!slower[i * n + lead] && length + 1 < ANALYSIS_LETTERS_MAX &&
				(length == 0 || letters[length - 1] != letter))
				letters[length] = letter;
		}
		groups++;
		previous = lead;
	}
	error = 0;
out:
	free(slower);
	free(scale);
	free(replicates);
	free(e);
	free(who);
	return error;
}

/* The floor, from the first twin that ran beside its original. */
static void find_floor(struct analysis *a, size_t cell_at, const struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];

	for (size_t i = 0; i < a->subject_count && !cell->has_twin; i++) {
		const struct stats_estimate e = estimate_of(w, KIND_ORIGINAL, i);

		if (a->subjects[i].role != ANALYSIS_TWIN || isnan(stats_floor(&e)))
			continue;
		cell->has_twin = true;
		cell->twin = i;
		cell->twin_effect = e;
		cell->floor = stats_floor(&e);
	}
}

static int estimate_cell(struct analysis *a, size_t cell_at, const struct raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	const size_t n = a->subject_count;
	struct cell_work w;
	int error = work_alloc(&w, raw);

	if (error != 0)
		goto out;
	for (size_t i = 0; i < (size_t)KIND_COUNT * n; i++)
		w.place[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		if (results[i].slices > 0)
			results[i].all_used = add_series(&w, KIND_NS, i, NULL);
	}
	error = stats_bootstrap(&w.design, w.row, w.rows, 0, 0, w.estimates, NULL);
	if (error != 0)
		goto out;
	/* find_best uses the first row as scratch, so it is filled again below. */
	error = find_best(a, cell_at, &w);
	if (error != 0)
		goto out;

	w.rows = 0;
	for (size_t i = 0; i < n; i++) {
		const struct analysis_subject *subject = &a->subjects[i];

		if (results[i].slices == 0)
			continue;
		add_series(&w, KIND_NS, i, NULL);
		if (cell->has_best)
			results[i].all_used |= add_series(&w, KIND_BEST, i, &cell->best);
		if (a->has_baseline && results[a->baseline].state == ANALYSIS_MEASURED)
			add_series(&w, KIND_BASE, i, &a->baseline);
		if (subject->original != i && results[subject->original].slices > 0)
			add_series(&w, KIND_ORIGINAL, i, &subject->original);
	}
	w.replicates = calloc(w.rows * STATS_ROUNDS + 1, sizeof(*w.replicates));
	if (w.replicates == NULL) {
		error = -ENOMEM;
		goto out;
	}
	error = stats_bootstrap(&w.design, w.row, w.rows, STATS_ROUNDS,
		a->seed + (uint64_t)cell->id, w.estimates, w.replicates);
	if (error != 0)
		goto out;

	find_floor(a, cell_at, &w);
	for (size_t i = 0; i < n; i++) {
		struct analysis_result *result = &results[i];

		result->ns = estimate_of(&w, KIND_NS, i);
		result->to_best = estimate_of(&w, KIND_BEST, i);
		result->to_base = estimate_of(&w, KIND_BASE, i);
		result->to_original = estimate_of(&w, KIND_ORIGINAL, i);
		result->best_verdict = stats_verdict(&result->to_best, a->margin, cell->floor);
		result->base_verdict = stats_verdict(&result->to_base, a->margin, cell->floor);
		result->blocks_needed =
			stats_blocks_needed(&result->to_best, a->margin, cell->floor, cell->blocks);
		result->mann_whitney = NAN;
		if (cell->has_best && i != cell->best)
			result->mann_whitney = stats_mann_whitney(raw->log_ns + i * raw->blocks,
				raw->blocks, raw->log_ns + cell->best * raw->blocks, raw->blocks);
		result->jain = median_present(raw->jain + i * raw->blocks, raw->blocks, w.scratch);
		result->slowest_share =
			median_present(raw->slowest + i * raw->blocks, raw->blocks, w.scratch);
	}
	error = rank_cell(a, cell_at, &w);
out:
	work_free(&w);
	return error;
}

static void finish_cell(struct analysis *a, size_t cell_at, const struct raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];

	cell->disturbed = (double)cell->flagged > disturbed_share * (double)cell->slices;
	cell->preliminary = cell->forks < STATS_EVIDENCE_MIN;
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &a->results[cell_at * a->subject_count + i];
		const double units = result->units > 0 ? (double)result->units : NAN;

		if (result->state == ANALYSIS_ABSENT && result->units > 0)
			result->state = ANALYSIS_MEASURED;
		if (result->state == ANALYSIS_ABSENT && result->slices > 0) {
			result->state = ANALYSIS_FAILED;
			result->reason = "It completed no unit of work in any slice.";
		}
		result->refill /= units;
		result->flush /= units;
		result->grow /= units;
		result->steal /= units;
		result->empty /= units;
		result->ns = result->to_best = result->to_base = result->to_original =
			(struct stats_estimate){NAN, NAN, NAN};
		result->jain = result->slowest_share = result->mann_whitney = NAN;
	}
	if (raw->blocks == 0)
		return;
	cell->calibration_low_ns = cell->calibration_high_ns = raw->calibration[0];
	for (size_t b = 0; b < raw->blocks; b++) {
		cell->calibration_low_ns = fmin(cell->calibration_low_ns, raw->calibration[b]);
		cell->calibration_high_ns = fmax(cell->calibration_high_ns, raw->calibration[b]);
	}
	cell->calibration_ns = stats_median(raw->calibration, raw->blocks);
}

/* Appends words for a POSIX shell; what is not plain is quoted. */
static void append_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,%@";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

/* The distinct values of one text of the cell's subjects, joined by commas; false if none. */
static bool join_distinct(const struct analysis *a, size_t cell_at, size_t offset, FILE *out)
{
	size_t printed = 0;

	for (size_t i = 0; i < a->subject_count; i++) {
		const char *value = *(const char *const *)((const char *)&a->subjects[i] + offset);
		bool seen = value == NULL || *value == '\0' ||
			    analysis_at(a, cell_at, i)->state == ANALYSIS_ABSENT;

		for (size_t j = 0; j < i && !seen; j++)
			seen = analysis_at(a, cell_at, j)->state != ANALYSIS_ABSENT &&
			       same_text(
				       value, *(const char *const *)((const char *)&a->subjects[j] +
								     offset));
		if (!seen)
			fprintf(out, "%s%s", printed++ == 0 ? "" : ",", value);
	}
	return printed > 0;
}

static int append_list(
	const struct analysis *a, size_t cell_at, const char *option, size_t offset, FILE *out)
{
	char *list = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&list, &bytes);

	if (stream == NULL)
		return -ENOMEM;

	const bool any = join_distinct(a, cell_at, offset, stream);

	if (fclose(stream) != 0) {
		free(list);
		return -ENOMEM;
	}
	if (any) {
		fprintf(out, " %s ", option);
		append_word(out, list);
	}
	free(list);
	return 0;
}

/* The command that measures this cell again, with as many forks and blocks as it has now. */
static int make_command(struct analysis *a, size_t cell_at)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	char *line = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&line, &bytes);

	if (out == NULL)
		return -ENOMEM;
	fputs("./nblbench sweep", out);

	int error = append_list(a, cell_at, "--pool", offsetof(struct analysis_subject, pool), out);

	fputs(" --workload ", out);
	append_word(out, cell->workload);
	fprintf(out, " --threads %" PRIu32, cell->threads);
	if (cell->burst > 0)
		fprintf(out, " --burst %" PRIu32, cell->burst);
	if (cell->object_bytes > 0)
		fprintf(out, " --size %" PRIu64, cell->object_bytes);
	if (error == 0)
		error = append_list(
			a, cell_at, "--context", offsetof(struct analysis_subject, context), out);
	if (error == 0)
		error = append_list(
			a, cell_at, "--dispatch", offsetof(struct analysis_subject, dispatch), out);
	if (cell->forks > 0)
		fprintf(out, " --forks %zu --blocks %zu", cell->forks,
			(cell->blocks + cell->forks - 1) / cell->forks);
	fprintf(out, " --seed %" PRIu64, a->seed);
	if (fclose(out) != 0)
		error = -ENOMEM;
	if (error == 0) {
		cell->command = keep_text(a, line);
		error = cell->command == no_text ? -ENOMEM : 0;
	}
	free(line);
	return error;
}

static int analyse_cell(struct reader *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	struct raw raw = {0};
	int error = read_slices(r, cell_at, &raw);

	for (size_t i = 0; i < a->subject_count; i++)
		a->results[cell_at * a->subject_count + i].cpu_share = NAN;
	if (error == 0)
		error = read_threads(r, cell_at);
	for (size_t i = 0; error == 0 && i < a->subject_count; i++)
		error = read_memory(r, cell_at, i);
	if (error == 0) {
		finish_cell(a, cell_at, &raw);
		if (raw.blocks > 0 && estimate_cell(a, cell_at, &raw) != 0)
			error = refuse_memory(r);
	}
	if (error == 0 && make_command(a, cell_at) != 0)
		error = refuse_memory(r);
	raw_free(&raw);
	return error;
}

/* What the subjects did over all cells. */
static int summarise(struct analysis *a)
{
	double *overheads = calloc(a->cell_count + 1, sizeof(*overheads));

	if (overheads == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_subject *subject = &a->subjects[i];
		size_t known = 0;

		for (size_t c = 0; c < a->cell_count; c++) {
			const struct analysis_result *result = analysis_at(a, c, i);

			subject->broken += result->state > ANALYSIS_UNSUPPORTED;
			if (result->memory.known && result->memory.object_bytes > 0)
				overheads[known++] = result->memory.object_bytes -
						     (double)a->cells[c].object_bytes;
			if (result->state != ANALYSIS_MEASURED)
				continue;
			subject->measured++;
			subject->best += result->in_best_set;
			if (!(result->to_best.point <= subject->worst)) {
				subject->worst = result->to_best.point;
				subject->worst_cell = c;
			}
		}
		if (known > 0)
			subject->overhead_bytes = stats_median(overheads, known);
	}
	for (size_t c = 0; c < a->cell_count; c++) {
		a->preliminary |= a->cells[c].preliminary;
		a->disturbed += a->cells[c].disturbed;
	}
	free(overheads);
	return 0;
}

static int choose_baseline(struct reader *r, const char *baseline)
{
	static const char *const usual[] = {"malloc", "mutex"};
	struct analysis *a = r->analysis;

	for (size_t i = 0; i < a->subject_count && !a->has_baseline; i++) {
		if (baseline != NULL && strcmp(a->subjects[i].label, baseline) == 0) {
			a->has_baseline = true;
			a->baseline = i;
		}
	}
	if (baseline != NULL && !a->has_baseline)
		return refuse(r,
			"'%s' has no subject '%s' to be the baseline; its labels are in "
			"the first column of its tables.",
			r->path, baseline);
	for (size_t u = 0; u < sizeof(usual) / sizeof(usual[0]); u++) {
		for (size_t i = 0; i < a->subject_count && !a->has_baseline; i++) {
			if (a->subjects[i].role == ANALYSIS_CONTESTANT &&
				strcmp(a->subjects[i].pool, usual[u]) == 0) {
				a->has_baseline = true;
				a->baseline = i;
			}
		}
	}
	return 0;
}

static int read_all(struct reader *r, const char *baseline)
{
	if (check_is_store(r) != 0 || read_plan(r) != 0 || read_machines(r) != 0 ||
		read_subjects(r) != 0)
		return -1;
	assign_roles(r->analysis);
	if (read_cells(r) != 0 || read_events(r) != 0 || choose_baseline(r, baseline) != 0)
		return -1;
	for (size_t c = 0; c < r->analysis->cell_count; c++) {
		if (analyse_cell(r, c) != 0)
			return -1;
	}
	return summarise(r->analysis) != 0 ? refuse_memory(r) : 0;
}

int analysis_read(
	const char *path, const char *baseline, struct analysis **out, char *why, size_t why_bytes)
{
	struct reader r = {.path = path, .why = why, .why_bytes = why_bytes};
	struct stat status;

	if (stat(path, &status) != 0)
		return refuse(&r, "There is no store '%s': %s.", path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return refuse(&r, "'%s' is a directory; a store is the .db file in it.", path);
	r.analysis = calloc(1, sizeof(*r.analysis));
	if (r.analysis == NULL)
		return refuse_memory(&r);
	r.analysis->margin = log1p(STATS_MARGIN);
	r.analysis->store = keep_text(r.analysis, path);

	int error;

	if (sqlite3_open_v2(path, &r.db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		error = r.db == NULL ? refuse_memory(&r) : refuse_sqlite(&r);
	else
		error = read_all(&r, baseline);
	sqlite3_close(r.db);
	if (error != 0) {
		analysis_free(r.analysis);
		return -1;
	}
	*out = r.analysis;
	return 0;
}

double analysis_rate(const struct analysis_cell *cell, double log_ns)
{
	static const double ns_a_second = 1e9;

	return cell->lane_threads == 0
		       ? NAN
		       : ns_a_second * cell->threads / cell->lane_threads / exp(log_ns);
}
