/*
 * The file of a store, for store.c and store_make.c alone: opening and checking it, moving it
 * aside, statements, and the sentences for what goes wrong. A sentence says what would be right;
 * it has no full stop, which its printer adds. Functions that write one return -1.
 */
#ifndef BENCH_SWEEP_STORE_FILE_H
#define BENCH_SWEEP_STORE_FILE_H

#include "bench/sweep/plan.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the sentence to why (STORE_WHY_BYTES); always -1, so that a function can return it. */
int store_refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence for what SQLite reports about db, which is open at path; NULL: no memory for it. */
int store_refuse_sqlite(char *why, const char *path, sqlite3 *db);

/* Another sweep has locked the store. */
int store_refuse_second_sweep(char *why, const char *path);

/* Runs SQL that yields no rows. */
int store_execute(sqlite3 *db, const char *path, const char *sql, char *why);

/*
 * Binds a statement's parameters by a string of types, one a parameter: i long long, n the
 * same and NULL in place of what is below 0, d double, s const char *, of which NULL becomes the
 * database's. statement NULL: nothing.
 */
void store_bind(sqlite3_stmt *statement, const char *types, ...);

/* The row id of a subject or a cell of the plan, by its index there. */
static inline long long store_row_id(size_t index)
{
	return (long long)index + 1;
}

/*
 * Opens a store that is there, and checks that it is one and whole. Until the caller has found
 * nothing wrong, closing must not move the log into the file: what is refused is left as it is.
 */
int store_open_checked(const char *path, sqlite3 **out, char *why);

/*
 * Makes the store at path (store_make.c). A lock on its directory keeps two sweeps from making it
 * at once. 0 also if another sweep has made one meanwhile.
 */
int store_make(const char *path, const struct plan *plan, const char *command, char *why);

#endif
