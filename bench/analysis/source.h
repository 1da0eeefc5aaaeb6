/*
 * A store being read: its connection, its rows, and the sentence for the first thing that goes
 * wrong, which ends the reading. For the sources that make up an analysis alone; analysis.h is
 * for the others.
 */
#ifndef BENCH_ANALYSIS_SOURCE_H
#define BENCH_ANALYSIS_SOURCE_H

#include "bench/analysis/analysis.h"

#include <sqlite3.h>

enum { SCHEMA_WITH_LATENCY = 3 }; /* the first version whose stores tell of waits and latency */

struct analysis_source {
	const char *path;
	sqlite3 *db;
	int64_t schema; /* the store's version */
	struct analysis *analysis;
	char *why;
	size_t why_bytes;
};

/* Fills why and returns -1. */
int analysis_refuse(struct analysis_source *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int analysis_refuse_memory(struct analysis_source *r);
int analysis_refuse_times(struct analysis_source *r, size_t cell_at, size_t subject_at);
int analysis_refuse_sqlite(struct analysis_source *r); /* by what SQLite said last */

/*
 * Opens the store for reading. A sweep that was killed leaves its store in WAL mode; where SQLite
 * can't make the companions that it wants then, the file alone is read, if all is in it. 0, or
 * -1.
 */
int source_open(struct analysis_source *r);

/* A statement, which the caller finalises; NULL: why is set. */
sqlite3_stmt *source_prepare(struct analysis_source *r, const char *sql);

/* The same of one cell and subject, which are its first two parameters. */
sqlite3_stmt *source_ask(
	struct analysis_source *r, size_t cell_at, size_t subject_at, const char *sql);

/* Steps to the next row: 1 a row, 0 the end, -1 a failure with why set. */
int source_row(struct analysis_source *r, sqlite3_stmt *statement);

/* The value of a query that yields one integer. 0, or -1. */
int source_integer(struct analysis_source *r, const char *sql, int64_t *value);

/*
 * A column's value; a text lives as long as the analysis. A number out of the type's range is its
 * end.
 */
const char *source_text_or_null(struct analysis_source *r, sqlite3_stmt *statement, int column);
const char *source_text(struct analysis_source *r, sqlite3_stmt *statement, int column);
uint32_t source_small(sqlite3_stmt *statement, int column);
uint64_t source_count(sqlite3_stmt *statement, int column);

/* The index of an id, or the count if the store names one that it does not list. */
size_t source_subject(const struct analysis *a, int64_t id);
size_t source_cell(const struct analysis *a, int64_t id);

#endif
