/*
 * A store being read: its connection, its rows, and the sentence for the first thing that goes
 * wrong, which ends the reading. For the sources that make up an analysis alone; analysis.h is
 * for the others.
 */
#ifndef BENCH_ANALYSIS_SOURCE_H
#define BENCH_ANALYSIS_SOURCE_H

#include "bench/analysis/analysis.h"

#include <sqlite3.h>
#include <stdbool.h>

/*
 * The first versions whose stores tell of waits and latency; of slices with every call timed; of the
 * machine's probes; of the memory that is held; of other builds; of several machines.
 */
enum {
	SCHEMA_WITH_LATENCY = 3,
	SCHEMA_WITH_BALANCE = 4,
	SCHEMA_WITH_PROBES = 5,
	SCHEMA_WITH_HELD = 6,
	SCHEMA_WITH_BUILDS = 6,
	SCHEMA_WITH_MACHINES = 6,
	SCHEMA_WITH_FREQUENCY = 7,
	SCHEMA_WITH_COUNTED = 7,
	SCHEMA_WITH_SCARCITY = 7,
};

struct analysis_source {
	const char *path;
	sqlite3 *db;
	int64_t schema; /* the store's version */
	int64_t forks;  /* only slices of the forks below it are read */
	struct analysis *analysis;
	bool failed; /* something has gone wrong, and why says what */
	char *why;
	size_t why_bytes;
};

/* Notes the failure, fills why if it is the first, and returns -1. */
int analysis_refuse(struct analysis_source *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int analysis_refuse_times(struct analysis_source *r, size_t cell_at, size_t subject_at);
int analysis_refuse_excess(struct analysis_source *r); /* more rows than there is room for */
int analysis_refuse_sqlite(struct analysis_source *r); /* by what SQLite said last */

/*
 * Opens the store for reading. A sweep that was killed leaves its store in WAL mode; where SQLite
 * can't make the companions that it wants then, the file alone is read, if all is in it. 0, or
 * -1.
 */
int source_open(struct analysis_source *r);

/* A query; NULL: why is set. */
sqlite3_stmt *source_prepare(struct analysis_source *r, const char *sql);

/* The same of one cell, which is its first parameter; and of a subject, which is its second. */
sqlite3_stmt *source_ask_cell(struct analysis_source *r, size_t cell_at, const char *sql);
sqlite3_stmt *source_ask(
	struct analysis_source *r, size_t cell_at, size_t subject_at, const char *sql);

/*
 * Steps to the next row, for as long as nothing has failed; ends the query, which may be NULL, where
 * there is none. source_result then tells what came of it: 0, or -1.
 */
bool source_next(struct analysis_source *r, sqlite3_stmt *query);

static inline int source_result(const struct analysis_source *r)
{
	return r->failed ? -1 : 0;
}

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

/* NAN for NULL. */
double source_real(sqlite3_stmt *statement, int column);

/* The index of an id, or the count if the store names one that it does not list. */
size_t source_subject(const struct analysis *a, int64_t id);
size_t source_cell(const struct analysis *a, int64_t id);

#endif
