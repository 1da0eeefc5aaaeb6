/* See merge.h. */
#include "bench/sweep/merge.h"

#include "alloc/machine/compiler.h"
#include "bench/sweep/schema.h"
#include "bench/sweep/schema.sql.h"
#include "bench/sweep/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MERGE_SQL_BYTES = 512 };

struct merge {
	sqlite3 *db;
	const char *out;
	const char *store; /* that is being added: the database `part` */
	char *why;
};

static int execute(struct merge *self, const char *sql)
{
	if (sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	if (sqlite3_errcode(self->db) == SQLITE_CONSTRAINT)
		return store_refuse(self->why,
			"'%s' holds a fork of a cell that a store before it holds too, of the same "
			"machine: they would be pooled. Merge it into another file",
			self->store);
	return store_refuse_sqlite(self->why, self->out, self->db);
}

/* The first column of a query's only row, as text; "" if there is none or it is NULL. */
static int ask(struct merge *self, const char *sql, char *text, size_t bytes)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL);

	text[0] = '\0';
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const char *value = (const char *)sqlite3_column_text(statement, 0);

		snprintf(text, bytes, "%s", value == NULL ? "" : value);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE
		       ? 0
		       : store_refuse_sqlite(self->why, self->out, self->db);
}

/* Whether `part` may be added to what is there. */
static int check_part(struct merge *self)
{
	char text[MERGE_SQL_BYTES];

	if (ask(self, "SELECT hash FROM part.machine", text, sizeof(text)) != 0)
		return -1;
	if (text[0] == '\0')
		return store_refuse(self->why,
			"'%s' does not say on which machine it was measured: its sweep ended "
			"before it began",
			self->store);
	if (ask(self,
		    "SELECT CASE WHEN p.json <> m.json THEN 'another plan: ' || (SELECT"
		    " group_concat(key, ', ') FROM (SELECT key, value FROM json_each(p.json) EXCEPT"
		    " SELECT key, value FROM json_each(m.json))) WHEN p.hash <> m.hash THEN"
		    " 'another build: ' || substr(p.build_id, 1, 12) END"
		    " FROM part.plan p, main.plan m",
		    text, sizeof(text)) != 0)
		return -1;
	if (text[0] != '\0')
		return store_refuse(self->why,
			"'%s' is not of the same sweep as the first store, it has %s. Stores can "
			"be merged that the same program measured by the same command",
			self->store, text);
	return 0;
}

/*
 * Where each cell of `part` goes: to the one of its machine, if that is there, else to a new one. And
 * how far the numbers of blocks, machines and events move.
 */
static const char place_sql[] =
	"CREATE TEMP TABLE place AS SELECT c.cell_id AS old, m.cell_id IS NULL AS fresh, c.owner,"
	" coalesce(m.cell_id, (SELECT ifnull(max(cell_id), 0) FROM main.cell) + row_number() OVER"
	" (ORDER BY m.cell_id, c.cell_id)) AS new"
	" FROM (SELECT cell_id, label, CASE machine WHEN '' THEN (SELECT hash FROM part.machine)"
	" ELSE machine END AS owner FROM part.cell) c"
	" LEFT JOIN main.cell m ON m.label = c.label AND m.machine = c.owner;"
	"CREATE TEMP TABLE shift AS SELECT"
	" (SELECT ifnull(max(block_id), 0) FROM main.block) AS block,"
	" (SELECT ifnull(max(machine_id), 0) FROM main.machine) AS machine,"
	" (SELECT ifnull(max(event_id), 0) FROM main.event) AS event";

/* Each table, and what becomes of its copy before it is added. They may have any other columns. */
static const struct {
	const char *table, *change;
} moves[] = {
	{"machine", "UPDATE moved SET machine_id = machine_id + (SELECT machine FROM shift)"},
	{"build", "DELETE FROM moved WHERE name IN (SELECT name FROM main.build)"},
	{"subject", "DELETE FROM moved WHERE subject_id IN (SELECT subject_id FROM main.subject)"},
	{"cell", "DELETE FROM moved WHERE cell_id NOT IN (SELECT old FROM place WHERE fresh);"
		 "UPDATE moved SET machine = (SELECT owner FROM place WHERE old = cell_id),"
		 " cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"block", "UPDATE moved SET block_id = block_id + (SELECT block FROM shift),"
		  " cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"slice", "UPDATE moved SET block_id = block_id + (SELECT block FROM shift)"},
	{"thread", "UPDATE moved SET block_id = block_id + (SELECT block FROM shift)"},
	{"counted", "UPDATE moved SET block_id = block_id + (SELECT block FROM shift)"},
	{"scarcity", "UPDATE moved SET block_id = block_id + (SELECT block FROM shift)"},
	{"timed", "UPDATE moved SET cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"latency", "UPDATE moved SET cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"balance", "UPDATE moved SET cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"load", "UPDATE moved SET cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"memory", "UPDATE moved SET cell_id = (SELECT new FROM place WHERE old = cell_id)"},
	{"event", "UPDATE moved SET event_id = event_id + (SELECT event FROM shift),"
		  " cell_id = (SELECT new FROM place WHERE old = cell_id)"},
};

/* The analysis takes blocks of a machine to be in the order of time. */
static int check_order(struct merge *self)
{
	char text[MERGE_SQL_BYTES];

	if (ask(self,
		    "SELECT 1 FROM place WHERE (SELECT min(started_ns) FROM part.block) <"
		    " (SELECT max(started_ns) FROM main.block JOIN main.cell USING (cell_id)"
		    " WHERE machine = owner)",
		    text, sizeof(text)) != 0)
		return -1;
	return text[0] == '\0'
		       ? 0
		       : store_refuse(self->why,
				 "'%s' has blocks older than those of a store before it, of the "
				 "same machine. Name the older one first",
				 self->store);
}

static int add_part(struct merge *self, bool first)
{
	char sql[MERGE_SQL_BYTES];

	if (first && execute(self, "INSERT INTO main.plan SELECT * FROM part.plan") != 0)
		return -1;
	if (check_part(self) != 0 || execute(self, place_sql) != 0 || check_order(self) != 0)
		return -1;
	for (size_t i = 0; i < array_count(moves); i++) {
		snprintf(sql, sizeof(sql),
			"CREATE TEMP TABLE moved AS SELECT * FROM part.%s; %s;"
			"INSERT INTO main.%s SELECT * FROM moved; DROP TABLE moved",
			moves[i].table, moves[i].change, moves[i].table);
		if (execute(self, sql) != 0)
			return -1;
	}
	return execute(self, "DROP TABLE place; DROP TABLE shift");
}

static int attach(struct merge *self)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;

	if (store_open_checked(self->store, &db, self->why) != 0)
		return -1;
	sqlite3_close(db);
	int code = sqlite3_prepare_v2(self->db, "ATTACH ? AS part", -1, &statement, NULL);
	store_bind(statement, "s", self->store);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : store_refuse_sqlite(self->why, self->store, self->db);
}

static int fill(struct merge *self, char *const *stores, size_t count)
{
	char sql[MERGE_SQL_BYTES];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
	if (execute(self, sql) != 0 || execute(self, schema_sql) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		self->store = stores[i];
		if (attach(self) != 0 || execute(self, "BEGIN") != 0 ||
			add_part(self, i == 0) != 0 || execute(self, "COMMIT; DETACH part") != 0)
			return -1;
	}
	return 0;
}

int merge_stores(const char *out, char *const *stores, size_t count, char *why)
{
	char draft[PATH_MAX], journal[PATH_MAX + 16];
	struct merge self = {.out = out, .why = why};

	if (access(out, F_OK) == 0)
		return store_refuse(why, "'%s' exists. Name another file with --out", out);
	if (snprintf(draft, sizeof(draft), "%s.new", out) >= (int)sizeof(draft))
		return store_refuse(why, "the path '%s' is too long", out);
	snprintf(journal, sizeof(journal), "%s-journal", draft);
	unlink(draft);
	unlink(journal);

	int rc = sqlite3_open_v2(draft, &self.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			 NULL) == SQLITE_OK
			 ? fill(&self, stores, count)
			 : store_refuse_sqlite(why, out, self.db);
	sqlite3_close(self.db);
	if (rc == 0 && renameat2(AT_FDCWD, draft, AT_FDCWD, out, RENAME_NOREPLACE) != 0)
		rc = store_refuse(why, "'%s' can't be made: %s", out, strerror(errno));
	unlink(draft);
	unlink(journal);
	return rc;
}
