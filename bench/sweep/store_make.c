/*
 * Making a store. It is built under another name and moved into place when it is whole, so that a
 * sweep that dies here leaves nothing behind that looks like a store.
 */
#include "bench/base/clock.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/revision.h"
#include "bench/sweep/schema.h"
#include "bench/sweep/schema.sql.h"
#include "bench/sweep/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { STORE_TEXT_BYTES = 256 };

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	return statement;
}

static bool insert_plan(sqlite3 *db, const struct plan *plan, const char *command)
{
	char *json = json_dumps(plan->json, JSON_COMPACT | JSON_SORT_KEYS);
	sqlite3_stmt *statement =
		prepare(db, "INSERT INTO plan (hash, json, build_id, source_revision,"
			    " seed, created_ns, command) VALUES (?, ?, ?, ?, ?, ?, ?)");

	store_bind(statement, "ssssiis", plan->hash, json, build_id(), revision_text,
		(long long)plan->seed, (long long)clock_date_ns(), command);

	const bool done = sqlite3_step(statement) == SQLITE_DONE;

	free(json);
	sqlite3_finalize(statement);
	return done;
}

static bool insert_build(sqlite3 *db, const struct guest_build *build)
{
	sqlite3_stmt *statement =
		prepare(db, "INSERT INTO build (name, build_id, source_revision, made)"
			    " VALUES (?, ?, ?, ?)");

	store_bind(statement, "ssss", build->name, build->build_id, build->revision, build->made);

	const bool done = sqlite3_step(statement) == SQLITE_DONE;

	sqlite3_finalize(statement);
	return done;
}

static bool insert_subjects(sqlite3 *db, const struct plan *plan)
{
	bool done = true;
	sqlite3_stmt *statement = prepare(db,
		"INSERT INTO subject (subject_id, label, pool, context, dispatch, twin, summary,"
		" progress, cache, exact, is_pool, build, library)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	for (size_t i = 0; i < plan->subject_count && done; i++) {
		const struct plan_subject *subject = &plan->subject[i];
		const struct pool_traits *traits = &subject->pool->traits;
		const struct guest_library *library = subject->library;
		char summary[PATH_MAX + STORE_TEXT_BYTES];

		if (library != NULL)
			snprintf(summary, sizeof(summary),
				"peer: %s behind malloc and free, preloaded", library->path);
		else
			snprintf(summary, sizeof(summary), "%s",
				subject->context ? subject->context->summary
						 : subject->pool->summary);
		store_bind(statement, "issssisssiiss", store_row_id(i), subject->label,
			library ? library->name : subject->pool->name,
			subject->context ? subject->context->name : NULL, subject->dispatch,
			(long long)subject->twin, summary, pool_progress_name(traits->progress),
			pool_cache_name(traits->cache), (long long)traits->exact,
			(long long)(traits->kind == POOL_KIND_POOL),
			subject->build ? subject->build->name : NULL,
			library            ? library->path
			: subject->beneath ? subject->beneath->preload
					   : NULL);
		done = sqlite3_step(statement) == SQLITE_DONE;
	}
	sqlite3_finalize(statement);
	return done;
}

static bool insert_cells(sqlite3 *db, const struct plan *plan)
{
	bool done = true;
	sqlite3_stmt *statement = prepare(db,
		"INSERT INTO cell (cell_id, label, workload, unit, program, threads, lane_threads,"
		" oversubscribed, burst, depth, object_bytes, object_align, pages, capped)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	for (size_t i = 0; i < plan->cell_count && done; i++) {
		const struct plan_cell *cell = &plan->cell[i];
		const struct workload *workload = cell->workload;

		store_bind(statement, "issssiiiiiiisi", store_row_id(i), cell->label,
			workload->name, workload->unit, workload->program, (long long)cell->threads,
			(long long)workload->lane_threads, (long long)cell->oversubscribed,
			(long long)cell->burst, (long long)cell->depth,
			(long long)cell->object_bytes, (long long)cell->object_align,
			memory_pages_name(cell->pages), (long long)(workload->capacity != NULL));
		done = sqlite3_step(statement) == SQLITE_DONE;
	}
	sqlite3_finalize(statement);
	return done;
}

/* Fills a new, empty file in one transaction, whose journal makes it durable before the move. */
static int build(const char *path, const struct plan *plan, const char *command, char *why)
{
	char pragmas[STORE_TEXT_BYTES];
	sqlite3 *db = NULL;
	int rc;

	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; BEGIN IMMEDIATE;"
		"PRAGMA application_id = %d; PRAGMA user_version = %d;",
		STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		SQLITE_OK) {
		rc = store_refuse_sqlite(why, path, db);
		goto done;
	}
	rc = store_execute(db, path, pragmas, why);
	if (rc == 0)
		rc = store_execute(db, path, schema_sql, why);
	if (rc == 0 && (!insert_plan(db, plan, command) ||
			       (plan->has_other && !insert_build(db, &plan->other)) ||
			       !insert_subjects(db, plan) || !insert_cells(db, plan)))
		rc = store_refuse_sqlite(why, path, db);
	if (rc == 0)
		rc = store_execute(db, path, "COMMIT", why);
done:
	sqlite3_close(db);
	return rc;
}

static void remove_draft(const char *draft)
{
	char journal[PATH_MAX + 16];

	unlink(draft);
	snprintf(journal, sizeof(journal), "%s-journal", draft);
	unlink(journal);
}

/* A draft that is found once the directory is locked is a dead sweep's. */
int store_make(const char *path, const struct plan *plan, const char *command, char *why)
{
	char folder[PATH_MAX], draft[PATH_MAX];
	int rc = -1;

	snprintf(folder, sizeof(folder), "%s", path);
	int directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return store_refuse(why,
			"'%s' can't be made: %s. Name a file in a directory that exists with "
			"--store or --out",
			path, strerror(errno));
	/* SQLite would say that there is no such file. */
	if (faccessat(directory, ".", W_OK, AT_EACCESS) != 0) {
		store_refuse(why,
			"'%s' can't be made: %s. Name a file in a directory that you may write "
			"with --store or --out",
			path, strerror(errno));
		goto done;
	}
	flock(directory, LOCK_EX);
	if (snprintf(draft, sizeof(draft), "%s.new", path) >= (int)sizeof(draft)) {
		store_refuse(why, "the path '%s' is too long", path);
		goto done;
	}
	remove_draft(draft);
	if (build(draft, plan, command, why) != 0) {
		remove_draft(draft);
		goto done;
	}
	if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) != 0 && errno != EEXIST) {
		store_refuse(why, "'%s' can't be made: %s", path, strerror(errno));
		remove_draft(draft);
		goto done;
	}
	remove_draft(draft);
	fsync(directory);
	rc = 0;
done:
	close(directory);
	return rc;
}
