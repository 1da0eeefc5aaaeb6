/* See source.h. */
#include "bench/analysis/source.h"

#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int analysis_refuse(struct analysis_source *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!r->failed)
		vsnprintf(r->why, r->why_bytes, format, args);
	va_end(args);
	r->failed = true;
	return -1;
}

int analysis_refuse_times(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	return analysis_refuse(r,
		"'%s' is damaged: what was timed of %s in '%s' can't be read. Restore it from a "
		"copy, or measure again with --fresh.",
		r->path, r->analysis->subjects[subject_at].label,
		r->analysis->cells[cell_at].label);
}

int analysis_refuse_excess(struct analysis_source *r)
{
	return analysis_refuse(r,
		"'%s' is damaged: it yields more rows than it counts. Restore it from a copy, or "
		"measure again with --fresh.",
		r->path);
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
		need_failed();
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

/* Whether SQLite can read the file as it was opened: one in WAL mode wants companions for that. */
static int try_reading(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int code =
		sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code;
}

/* The path as an SQLite URI says it, of a file that nobody changes. */
static char *immutable_uri(const char *path)
{
	char *uri = NULL;
	size_t bytes = 0;
	FILE *out = need_stream(&uri, &bytes);

	fputs("file:", out);
	for (const char *at = path; *at != '\0'; at++)
		fprintf(out, strchr("%?#", *at) != NULL ? "%%%02x" : "%c", (unsigned char)*at);
	fputs("?immutable=1", out);
	need_closed(out);
	return uri;
}

int source_open(struct analysis_source *r)
{
	char log[PATH_MAX];
	struct stat status;

	int code = sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL);
	if (r->db == NULL)
		need_failed();
	if (code == SQLITE_OK)
		code = try_reading(r->db);
	if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
		return 0;
	snprintf(log, sizeof(log), "%.*s-wal", PATH_MAX - 8, r->path);
	if (stat(log, &status) == 0 && status.st_size > 0)
		return analysis_refuse(r,
			"'%s' was left by a sweep that was killed, and part of it is in '%s'. To "
			"read both takes a directory that can be written: copy both to one.",
			r->path, log);
	AUTO_FREE char *uri = immutable_uri(r->path);
	sqlite3_close(r->db);
	code = sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	if (r->db == NULL)
		need_failed();
	return code == SQLITE_OK ? 0 : analysis_refuse_sqlite(r);
}

sqlite3_stmt *source_prepare(struct analysis_source *r, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) != SQLITE_OK)
		analysis_refuse_sqlite(r);
	return statement;
}

sqlite3_stmt *source_ask_cell(struct analysis_source *r, size_t cell_at, const char *sql)
{
	sqlite3_stmt *query = source_prepare(r, sql);

	sqlite3_bind_int64(query, 1, r->analysis->cells[cell_at].id);
	return query;
}

sqlite3_stmt *source_ask(
	struct analysis_source *r, size_t cell_at, size_t subject_at, const char *sql)
{
	sqlite3_stmt *query = source_ask_cell(r, cell_at, sql);

	sqlite3_bind_int64(query, 2, r->analysis->subjects[subject_at].id);
	return query;
}

bool source_next(struct analysis_source *r, sqlite3_stmt *query)
{
	const int code = r->failed ? SQLITE_DONE : sqlite3_step(query);

	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE)
		analysis_refuse_sqlite(r);
	sqlite3_finalize(query);
	return false;
}

const char *source_text_or_null(struct analysis_source *r, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text == NULL ? NULL : analysis_keep_text(r->analysis, text);
}

const char *source_text(struct analysis_source *r, sqlite3_stmt *statement, int column)
{
	const char *value = source_text_or_null(r, statement, column);

	return value == NULL ? "" : value;
}

uint32_t source_small(sqlite3_stmt *statement, int column)
{
	const int64_t value = sqlite3_column_int64(statement, column);

	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

uint64_t source_count(sqlite3_stmt *statement, int column)
{
	const int64_t value = sqlite3_column_int64(statement, column);

	return value < 0 ? 0 : (uint64_t)value;
}

double source_real(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL
		       ? NAN
		       : sqlite3_column_double(statement, column);
}

int source_integer(struct analysis_source *r, const char *sql, int64_t *value)
{
	sqlite3_stmt *query = source_prepare(r, sql);

	while (source_next(r, query))
		*value = sqlite3_column_int64(query, 0);
	return source_result(r);
}

size_t source_subject(const struct analysis *a, int64_t id)
{
	size_t i = 0;

	while (i < a->subject_count && a->subjects[i].id != id)
		i++;
	return i;
}

size_t source_cell(const struct analysis *a, int64_t id)
{
	size_t i = 0;

	while (i < a->cell_count && a->cells[i].id != id)
		i++;
	return i;
}
