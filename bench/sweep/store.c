/* The result store: see store.h for what it promises and schema.h for its tables. */
#include "bench/sweep/store.h"

#include "bench/sweep/build_id.h"
#include "bench/sweep/revision.h"
#include "bench/sweep/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	STORE_BUSY_MS = 5000,  /* how long to wait for a reader that is in the way */
	STORE_LEAVE_MS = 1000, /* the same, for what can be done later as well */
	STORE_ASIDE_MAX = 10000,
	STORE_TEXT_BYTES = 256,
};

/* The statements that run once a block or more; prepared when the store is opened. */
enum store_statement {
	ADD_BLOCK,
	ADD_SLICE,
	ADD_THREAD,
	ADD_MEMORY,
	ADD_EVENT,
	COUNT_FAILURES,
	COUNT_TROUBLES,
	COUNT_SLICES,
	STATEMENTS,
};

static const char *const statement_text[STATEMENTS] = {
	[ADD_BLOCK] = "INSERT INTO block (cell_id, fork, block, started_ns, calibration_ns)"
		      " VALUES (?, ?, ?, ?, ?)",
	[ADD_SLICE] =
		"INSERT INTO slice (block_id, subject_id, slot, window_ns, units,"
		" units_per_s, failed, skew, jain, slowest_share, flags, refill, flush,"
		" grow, steal, empty) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_THREAD] = "INSERT INTO thread (block_id, subject_id, thread, cpu, units, window_ns,"
		       " cpu_ns, nvcsw, nivcsw, minflt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_MEMORY] = "INSERT OR REPLACE INTO memory (cell_id, subject_id, fork, rss_open,"
		       " rss_peak, pool_bytes, capacity, drained, expected)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_EVENT] = "INSERT INTO event (cell_id, subject_id, fork, state, detail, at_ns)"
		      " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?3 IS NOT NULL OR NOT EXISTS"
		      " (SELECT 1 FROM event WHERE cell_id = ?1 AND subject_id = ?2 AND"
		      "  fork IS NULL AND state = ?4)",
	[COUNT_FAILURES] = "SELECT count(*) FILTER (WHERE cell_id = ?1), count(DISTINCT cell_id)"
			   " FROM event WHERE subject_id = ?2 AND state IN ('crashed', 'hung')",
	[COUNT_TROUBLES] =
		"SELECT count(*) FROM event WHERE state NOT IN ('unsupported', 'rationed', "
		"'starved', 'disturbed')",
	[COUNT_SLICES] = "SELECT count(*) FROM slice",
};

struct store {
	char path[PATH_MAX];
	sqlite3 *db;
	int lock; /* a descriptor of the file, with an exclusive flock as long as the sweep runs */
	const struct plan *plan;
	bool whole; /* checked and open: closing may change the file */
	uint64_t blocks;
	bool *has_block; /* by cell, fork, block */
	sqlite3_stmt *statement[STATEMENTS];
};

static int refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the sentence; always -1, so that a function can return it. */
static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, STORE_WHY_BYTES, format, args);
	va_end(args);
	return -1;
}

static int refuse_damaged(char *why, const char *path, const char *finding)
{
	return refuse(why,
		"'%s' is damaged or cut short (%s). It is left as it is; --fresh moves it aside "
		"and "
		"starts over",
		path, finding);
}

/*
 * The system's error behind SQLite's last one, 0 if there is none. SQLite keeps it with the file
 * that it befell, which is the log or the database.
 */
static int system_error(sqlite3 *db)
{
	static const int pointers[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
	int error = 0;

	for (size_t i = 0; error == 0 && i < array_count(pointers); i++) {
		sqlite3_file *file = NULL;

		if (sqlite3_file_control(db, "main", pointers[i], &file) == SQLITE_OK &&
			file != NULL && file->pMethods != NULL)
			file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	}
	return error != 0 ? error : sqlite3_system_errno(db);
}

/* A file's size may be limited, which SQLite takes for a full disk. */
static bool size_is_limited(void)
{
	struct rlimit size;

	return getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur != RLIM_INFINITY;
}

/* The sentence for what SQLite reports about db. */
static int refuse_sqlite(char *why, const char *path, sqlite3 *db)
{
	int code = db != NULL ? sqlite3_errcode(db) : SQLITE_NOMEM;
	int system = db != NULL ? system_error(db) : ENOMEM;
	const char *text = db != NULL ? sqlite3_errmsg(db) : "out of memory";

	if (code == SQLITE_FULL || system == ENOSPC || system == EDQUOT || system == EFBIG)
		return refuse(why,
			"the disk is full%s: '%s' can't grow. Complete blocks are kept; make "
			"room, and the same command goes on",
			size_is_limited() ? ", or the limit of a file's size (ulimit -f) is reached"
					  : "",
			path);
	if (code == SQLITE_CORRUPT)
		return refuse_damaged(why, path, text);
	if (code == SQLITE_NOTADB)
		return refuse(why,
			"'%s' is not a result store: it is no SQLite file. Name another with "
			"--store "
			"or --out",
			path);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return refuse(why, "'%s' is in use by another program; wait for it to end", path);
	if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
		return refuse(why,
			"'%s' can't be written (%s). Name a file in a directory that you may write "
			"with --store or --out",
			path, system != 0 ? strerror(system) : text);
	return refuse(why, "'%s': %s%s%s", path, text, system != 0 ? ": " : "",
		system != 0 ? strerror(system) : "");
}

static int execute(sqlite3 *db, const char *path, const char *sql, char *why)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return refuse_sqlite(why, path, db);
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Statements are bound by a string of types, one a parameter: i int64_t, d double, s const char *,
 * of which NULL becomes the database's.
 */
static void bind(sqlite3_stmt *statement, const char *types, ...)
{
	va_list args;

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	va_start(args, types);
	for (int i = 1; types[i - 1] != '\0'; i++) {
		switch (types[i - 1]) {
		case 'i':
			sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
			break;
		case 'd':
			sqlite3_bind_double(statement, i, va_arg(args, double));
			break;
		case 's':
			sqlite3_bind_text(
				statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
			break;
		default:
			break;
		}
	}
	va_end(args);
}

/* Runs a statement that yields no row. */
static int run(struct store *self, sqlite3_stmt *statement, char *why)
{
	int code = sqlite3_step(statement);
	int rc = code == SQLITE_DONE ? 0 : refuse_sqlite(why, self->path, self->db);

	sqlite3_reset(statement);
	return rc;
}

/* Index into the plan to row id in the store. */
static int64_t row_id(size_t index)
{
	return (int64_t)index + 1;
}

/*
 * Making a store. It is built under another name and moved into place when it is whole, so that a
 * sweep that dies here leaves nothing behind that looks like a store.
 */

static int insert_plan(sqlite3 *db, const struct plan *plan, const char *command)
{
	char *json = json_dumps(plan->json, JSON_COMPACT | JSON_SORT_KEYS);
	sqlite3_stmt *statement = NULL;
	int code = json == NULL
			   ? SQLITE_NOMEM
			   : sqlite3_prepare_v2(db,
				     "INSERT INTO plan (hash, json, build_id, source_revision,"
				     " seed, created_ns, command) VALUES (?, ?, ?, ?, ?, ?, ?)",
				     -1, &statement, NULL);

	if (code == SQLITE_OK) {
		bind(statement, "ssssiis", plan->hash, json, build_id(), revision_text,
			(int64_t)plan->seed, now_ns(), command);
		code = sqlite3_step(statement);
	}
	free(json);
	return sqlite3_finalize(statement) == SQLITE_OK ? code : SQLITE_ERROR;
}

static int insert_subjects(sqlite3 *db, const struct plan *plan)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
		"INSERT INTO subject (subject_id, label, pool, context, dispatch, twin, summary,"
		" progress, cache, exact, is_pool) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		-1, &statement, NULL);

	for (size_t i = 0; i < plan->subject_count && (code == SQLITE_OK || code == SQLITE_DONE);
		i++) {
		const struct plan_subject *subject = &plan->subject[i];
		const struct pool_traits *traits = &subject->pool->traits;

		bind(statement, "issssisssii", row_id(i), subject->label, subject->pool->name,
			subject->context ? subject->context->name : NULL, subject->dispatch,
			(int64_t)subject->twin,
			subject->context ? subject->context->summary : subject->pool->summary,
			pool_progress_name(traits->progress), pool_cache_name(traits->cache),
			(int64_t)traits->exact, (int64_t)(traits->kind == POOL_KIND_POOL));
		code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return code;
}

static int insert_cells(sqlite3 *db, const struct plan *plan)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
		"INSERT INTO cell (cell_id, label, workload, unit, program, threads, lane_threads,"
		" oversubscribed, burst, depth, object_bytes, object_align, pages, capped)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		-1, &statement, NULL);

	for (size_t i = 0; i < plan->cell_count && (code == SQLITE_OK || code == SQLITE_DONE);
		i++) {
		const struct plan_cell *cell = &plan->cell[i];
		const struct workload *workload = cell->workload;

		bind(statement, "issssiiiiiiisi", row_id(i), cell->label, workload->name,
			workload->unit, workload->program, (int64_t)cell->threads,
			(int64_t)workload->lane_threads, (int64_t)cell->oversubscribed,
			(int64_t)cell->burst, (int64_t)cell->depth, (int64_t)cell->object_bytes,
			(int64_t)cell->object_align, memory_pages_name(cell->pages),
			(int64_t)(workload->capacity != NULL));
		code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return code;
}

/* Fills a new, empty file. The journal of a single transaction makes it durable before the move. */
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
		rc = refuse_sqlite(why, path, db);
		goto done;
	}
	rc = execute(db, path, pragmas, why);
	if (rc == 0)
		rc = execute(db, path, store_schema, why);
	if (rc == 0 && (insert_plan(db, plan, command) != SQLITE_DONE ||
			       insert_subjects(db, plan) != SQLITE_DONE ||
			       insert_cells(db, plan) != SQLITE_DONE))
		rc = refuse_sqlite(why, path, db);
	if (rc == 0)
		rc = execute(db, path, "COMMIT", why);
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

/*
 * Makes the store at path. A lock on its directory keeps two sweeps from making it at once, so that
 * a draft found there is a dead sweep's. 0 also if another sweep has made one meanwhile.
 */
static int make(const char *path, const struct plan *plan, const char *command, char *why)
{
	char folder[PATH_MAX], draft[PATH_MAX];
	int rc = -1;

	snprintf(folder, sizeof(folder), "%s", path);
	int directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return refuse(why,
			"'%s' can't be made: %s. Name a file in a directory that exists with "
			"--store or --out",
			path, strerror(errno));
	/* SQLite would say that there is no such file. */
	if (faccessat(directory, ".", W_OK, AT_EACCESS) != 0) {
		refuse(why,
			"'%s' can't be made: %s. Name a file in a directory that you may write "
			"with --store or --out",
			path, strerror(errno));
		goto done;
	}
	flock(directory, LOCK_EX);
	if (snprintf(draft, sizeof(draft), "%s.new", path) >= (int)sizeof(draft)) {
		refuse(why, "the path '%s' is too long", path);
		goto done;
	}
	remove_draft(draft);
	if (build(draft, plan, command, why) != 0) {
		remove_draft(draft);
		goto done;
	}
	if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) != 0 && errno != EEXIST) {
		refuse(why, "'%s' can't be made: %s", path, strerror(errno));
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

/*
 * Opening one that is there.
 */

/* The file's first bytes, as SQLite's file format defines them; big-endian numbers. */
enum {
	HEADER_BYTES = 100,
	HEADER_PAGE_BYTES = 16, /* two bytes; 1 stands for 65536 */
	HEADER_USER_VERSION = 60,
	HEADER_APPLICATION_ID = 68,
};

static uint32_t big_endian(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/*
 * True if the last page is not whole although no log could complete it: SQLite would read zeros for
 * what is missing.
 */
static bool is_cut(const char *path, const unsigned char *header, off_t bytes)
{
	const unsigned stored =
		(unsigned)header[HEADER_PAGE_BYTES] << 8 | header[HEADER_PAGE_BYTES + 1];
	const off_t page = stored == 1 ? 65536 : (off_t)stored;
	char log[PATH_MAX + 8];
	struct stat file;

	snprintf(log, sizeof(log), "%s-wal", path);
	if (stat(log, &file) == 0 && file.st_size > 0)
		return false;
	return page == 0 || bytes % page != 0;
}

/* Tells by the header alone whether this is a store, so that SQLite never touches other files. */
static int check_header(int fd, const char *path, char *why)
{
	unsigned char header[HEADER_BYTES];
	struct stat file;
	ssize_t bytes = -1;

	if (fstat(fd, &file) == 0 && !S_ISREG(file.st_mode))
		return refuse(why,
			"'%s' is not a result store: it is no regular file. Name another with "
			"--store or --out",
			path);
	bytes = pread(fd, header, sizeof(header), 0);
	if (bytes < 0)
		return refuse(why, "'%s' can't be read: %s", path, strerror(errno));
	if (bytes == 0)
		return refuse(why,
			"'%s' is not a result store: it is empty. Name another with --store or "
			"--out",
			path);
	if (bytes < HEADER_BYTES || memcmp(header, "SQLite format 3", 16) != 0)
		return refuse(why,
			"'%s' is not a result store: it is no SQLite file. Name another with "
			"--store "
			"or --out",
			path);
	if (big_endian(header + HEADER_APPLICATION_ID) != STORE_APPLICATION_ID)
		return refuse(why,
			"'%s' is not a result store: it is another program's SQLite file. Name "
			"another with --store or --out",
			path);
	uint32_t version = big_endian(header + HEADER_USER_VERSION);
	if (version != STORE_SCHEMA_VERSION)
		return refuse(why,
			"'%s' has schema version %" PRIu32
			", this program writes and reads %d. Use "
			"the program that made it, or name another with --store or --out",
			path, version, STORE_SCHEMA_VERSION);
	if (is_cut(path, header, file.st_size))
		return refuse_damaged(why, path, "its last page is not whole");
	return 0;
}

/* Has SQLite look through all of the file; *db is open even after -1. */
static int check_pages(sqlite3 *db, const char *path, char *why)
{
	sqlite3_stmt *statement = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		rc = refuse_sqlite(why, path, db);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		rc = refuse_damaged(why, path, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return rc;
}

/*
 * Opens and checks. Until the caller has found nothing wrong, closing must not move the log into
 * the file: what is refused is left as it is.
 */
static int open_checked(const char *path, sqlite3 **out, char *why)
{
	sqlite3 *db = NULL;
	int rc = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(why, "'%s' can't be opened: %s. Name another with --store or --out",
			path, strerror(errno));
	rc = check_header(fd, path, why);
	/* Before SQLite has locks on the file: closing any descriptor would drop them. */
	close(fd);
	if (rc != 0)
		return rc;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
		rc = refuse_sqlite(why, path, db);
	} else {
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_busy_timeout(db, STORE_BUSY_MS);
		rc = check_pages(db, path, why);
	}
	if (rc != 0) {
		sqlite3_close(db);
		return rc;
	}
	*out = db;
	return 0;
}

/* Names the members in which two plans differ. */
static void list_differences(
	const char *stored_text, const json_t *wanted, char *text, size_t bytes)
{
	json_t *stored = json_loads(stored_text, 0, NULL);
	const char *name;
	json_t *value;
	size_t used = 0;

	text[0] = '\0';
	json_object_foreach((json_t *)wanted, name, value)
	{
		if (!json_equal(value, json_object_get(stored, name)) && used < bytes)
			used += (size_t)snprintf(
				text + used, bytes - used, "%s%s", used == 0 ? "" : ", ", name);
	}
	json_decref(stored);
}

static int check_plan(struct store *self, char *why)
{
	static const char advice[] = "Nothing is mixed: --fresh moves it aside and starts over, "
				     "another --out keeps both";
	char differences[STORE_TEXT_BYTES];
	sqlite3_stmt *statement = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(self->db, "SELECT hash, json, build_id FROM plan", -1, &statement,
		    NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW) {
		rc = refuse_sqlite(why, self->path, self->db);
		goto done;
	}
	const char *hash = (const char *)sqlite3_column_text(statement, 0);
	const char *json = (const char *)sqlite3_column_text(statement, 1);
	const char *build = (const char *)sqlite3_column_text(statement, 2);
	if (strcmp(hash, self->plan->hash) == 0)
		goto done;
	list_differences(json, self->plan->json, differences, sizeof(differences));
	if (differences[0] != '\0')
		rc = refuse(why, "'%s' holds another plan; they differ in: %s. %s", self->path,
			differences, advice);
	else
		rc = refuse(why,
			"'%s' was measured by another build of this program (%.12s; this is "
			"%.12s). "
			"%s",
			self->path, build, build_id(), advice);
done:
	sqlite3_finalize(statement);
	return rc;
}

static size_t block_index(const struct store *self, size_t cell, uint32_t fork, uint32_t block)
{
	return (cell * self->plan->forks + fork) * self->plan->blocks + block;
}

static void mark_block(struct store *self, size_t cell, uint32_t fork, uint32_t block)
{
	bool *has = &self->has_block[block_index(self, cell, fork, block)];

	self->blocks += !*has;
	*has = true;
}

static int load_blocks(struct store *self, char *why)
{
	const struct plan *plan = self->plan;
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(
		self->db, "SELECT cell_id, fork, block FROM block", -1, &statement, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t cell = sqlite3_column_int64(statement, 0) - 1;
		int64_t fork = sqlite3_column_int64(statement, 1);
		int64_t block = sqlite3_column_int64(statement, 2);

		code = SQLITE_OK;
		if (cell >= 0 && cell < (int64_t)plan->cell_count && fork >= 0 &&
			fork < plan->forks && block >= 0 && block < plan->blocks)
			mark_block(self, (size_t)cell, (uint32_t)fork, (uint32_t)block);
	}
	int rc = code == SQLITE_DONE ? 0 : refuse_sqlite(why, self->path, self->db);
	sqlite3_finalize(statement);
	return rc;
}

static int prepare(struct store *self, char *why)
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(self->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &self->statement[i], NULL) != SQLITE_OK)
			return refuse_sqlite(why, self->path, self->db);
	}
	return 0;
}

int store_open(const char *path, const struct plan *plan, const char *command, struct store **out,
	bool *created, char *why)
{
	struct store *self = calloc(1, sizeof(*self));
	struct stat file;

	if (self == NULL)
		return refuse(why, "there is no memory for the store");
	self->lock = -1;
	self->plan = plan;
	self->has_block = calloc(plan_blocks(plan) + 1, sizeof(*self->has_block));
	if (self->has_block == NULL) {
		refuse(why, "there is no memory for the store");
		goto fail;
	}
	if (snprintf(self->path, sizeof(self->path), "%s", path) >= (int)sizeof(self->path)) {
		refuse(why, "the path '%s' is too long", path);
		goto fail;
	}
	*created = stat(path, &file) != 0 && errno == ENOENT;
	if (*created && make(path, plan, command, why) != 0)
		goto fail;

	self->lock = open(path, O_RDONLY | O_CLOEXEC);
	if (self->lock < 0) {
		refuse(why, "'%s' can't be opened: %s. Name another with --store or --out", path,
			strerror(errno));
		goto fail;
	}
	if (flock(self->lock, LOCK_EX | LOCK_NB) != 0) {
		refuse(why,
			errno == EWOULDBLOCK ? "another sweep is writing '%s'; wait for it, or "
					       "give this one another "
					       "--out"
					     : "'%s' can't be locked; keep it on a local disk",
			path);
		goto fail;
	}
	if (open_checked(path, &self->db, why) != 0 || check_plan(self, why) != 0 ||
		load_blocks(self, why) != 0 ||
		execute(self->db, path,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			"PRAGMA foreign_keys = ON;",
			why) != 0 ||
		prepare(self, why) != 0)
		goto fail;
	sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	self->whole = true;
	*out = self;
	return 0;
fail:
	store_close(self);
	return -1;
}

void store_close(struct store *self)
{
	if (self == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(self->statement[i]);
	if (self->whole) {
		/* Where a reader is in the way the log stays, and the next sweep moves it. */
		sqlite3_busy_timeout(self->db, STORE_LEAVE_MS);
		sqlite3_exec(self->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	}
	sqlite3_close(self->db);
	/* After SQLite: closing a descriptor of the file drops SQLite's locks on it. */
	if (self->lock >= 0)
		close(self->lock);
	free(self->has_block);
	free(self);
}

/* Moves from to a name that is free; 0 also if there is nothing to move. */
static int move(const char *from, const char *to, char *why)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
		return 0;
	return refuse(why, "'%s' can't be moved aside to '%s': %s", from, to, strerror(errno));
}

/* Has SQLite move the log into the file, so that one rename moves all. A damaged store stays so. */
static void absorb_log(const char *path)
{
	char why[STORE_WHY_BYTES];
	sqlite3 *db;

	if (open_checked(path, &db, why) != 0)
		return;
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE", NULL,
		NULL, NULL);
	sqlite3_close(db);
}

int store_move_aside(const char *path, char *moved, char *why)
{
	static const char *const companions[] = {"-wal", "-shm"};
	char name[PATH_MAX];
	struct stat file;

	moved[0] = '\0';
	if (lstat(path, &file) != 0)
		return errno == ENOENT
			       ? 0
			       : refuse(why, "'%s' can't be examined: %s", path, strerror(errno));
	int lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		close(lock);
		return refuse(why,
			"another sweep is writing '%s'; wait for it, or give this one another "
			"--out",
			path);
	}
	absorb_log(path);
	int rc = -1;
	for (int i = 1; i <= STORE_ASIDE_MAX; i++) {
		if (snprintf(name, sizeof(name), "%s.old-%d", path, i) >= (int)sizeof(name)) {
			refuse(why, "the path '%s' is too long", path);
			break;
		}
		if (lstat(name, &file) == 0)
			continue;
		rc = 0;
		for (size_t c = 0; rc == 0 && c < array_count(companions); c++) {
			char from[PATH_MAX + 8], to[PATH_MAX + 8];

			snprintf(from, sizeof(from), "%s%s", path, companions[c]);
			snprintf(to, sizeof(to), "%s%s", name, companions[c]);
			rc = move(from, to, why);
		}
		if (rc == 0)
			rc = move(path, name, why);
		if (rc == 0)
			memcpy(moved, name, strlen(name) + 1);
		break;
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

/*
 * Writing.
 */

int store_add_machine(
	struct store *self, const char *identity, const char *grade, json_t *fingerprint, char *why)
{
	char *json = json_dumps(fingerprint, JSON_COMPACT);
	sqlite3_stmt *statement = NULL;
	int rc = -1;

	if (json == NULL)
		return refuse(why, "there is no memory for the fingerprint");
	if (sqlite3_prepare_v2(self->db, "SELECT json FROM machine WHERE hash <> ? LIMIT 1", -1,
		    &statement, NULL) != SQLITE_OK) {
		rc = refuse_sqlite(why, self->path, self->db);
		goto done;
	}
	bind(statement, "s", identity);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		char differences[STORE_TEXT_BYTES];

		list_differences((const char *)sqlite3_column_text(statement, 0), fingerprint,
			differences, sizeof(differences));
		rc = refuse(why,
			"'%s' was measured on another machine, or this one was changed; they "
			"differ "
			"in: %s. Nothing is mixed: --fresh moves it aside and starts over, another "
			"--out keeps both",
			self->path, differences);
		goto done;
	}
	sqlite3_finalize(statement);
	if (sqlite3_prepare_v2(self->db,
		    "INSERT INTO machine (started_ns, hash, grade, json) VALUES (?, ?, ?, ?)", -1,
		    &statement, NULL) != SQLITE_OK) {
		rc = refuse_sqlite(why, self->path, self->db);
		goto done;
	}
	bind(statement, "isss", now_ns(), identity, grade, json);
	rc = run(self, statement, why);
done:
	sqlite3_finalize(statement);
	free(json);
	return rc;
}

bool store_has_block(const struct store *self, size_t cell, uint32_t fork, uint32_t block)
{
	return self->has_block[block_index(self, cell, fork, block)];
}

uint64_t store_blocks(const struct store *self)
{
	return self->blocks;
}

static int add_slice(
	struct store *self, int64_t block_id, const struct store_slice *slice, char *why)
{
	int64_t subject = row_id(slice->subject);

	bind(self->statement[ADD_SLICE], "iiiiididddsiiiii", block_id, subject, slice->slot,
		slice->window_ns, slice->units, slice->units_per_s, slice->failed, slice->skew,
		slice->jain, slice->slowest_share, slice->flags, slice->refill, slice->flush,
		slice->grow, slice->steal, slice->empty);
	if (run(self, self->statement[ADD_SLICE], why) != 0)
		return -1;
	for (uint32_t i = 0; i < slice->threads; i++) {
		const struct store_thread *t = &slice->thread[i];

		bind(self->statement[ADD_THREAD], "iiiiiiiiii", block_id, subject, (int64_t)i,
			t->cpu, t->units, t->window_ns, t->cpu_ns, t->nvcsw, t->nivcsw, t->minflt);
		if (run(self, self->statement[ADD_THREAD], why) != 0)
			return -1;
	}
	return 0;
}

int store_add_block(struct store *self, const struct store_block *block, char *why)
{
	if (execute(self->db, self->path, "BEGIN IMMEDIATE", why) != 0)
		return -1;
	bind(self->statement[ADD_BLOCK], "iiiii", row_id(block->cell), (int64_t)block->fork,
		(int64_t)block->block, block->started_ns, block->calibration_ns);
	int rc = run(self, self->statement[ADD_BLOCK], why);
	int64_t block_id = sqlite3_last_insert_rowid(self->db);
	for (size_t i = 0; rc == 0 && i < block->slices; i++)
		rc = add_slice(self, block_id, &block->slice[i], why);
	if (rc == 0)
		rc = execute(self->db, self->path, "COMMIT", why);
	if (rc == 0)
		mark_block(self, block->cell, block->fork, block->block);
	else
		sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int store_add_memory(struct store *self, const struct store_memory *memory, char *why)
{
	bind(self->statement[ADD_MEMORY], "iiiiiiiii", row_id(memory->cell),
		row_id(memory->subject), (int64_t)memory->fork, memory->rss_open, memory->rss_peak,
		memory->pool_bytes, memory->capacity, memory->drained, memory->expected);
	return run(self, self->statement[ADD_MEMORY], why);
}

int store_add_event(struct store *self, size_t cell, size_t subject, int64_t fork,
	const char *state, const char *detail, char *why)
{
	sqlite3_stmt *statement = self->statement[ADD_EVENT];

	if (fork < 0)
		bind(statement, "iinssi", row_id(cell), row_id(subject), state, detail, now_ns());
	else
		bind(statement, "iiissi", row_id(cell), row_id(subject), fork, state, detail,
			now_ns());
	return run(self, statement, why);
}

int store_count_failures(
	struct store *self, size_t cell, size_t subject, uint32_t *here, uint32_t *cells, char *why)
{
	sqlite3_stmt *statement = self->statement[COUNT_FAILURES];

	bind(statement, "ii", row_id(cell), row_id(subject));
	if (sqlite3_step(statement) != SQLITE_ROW) {
		sqlite3_reset(statement);
		return refuse_sqlite(why, self->path, self->db);
	}
	*here = (uint32_t)sqlite3_column_int64(statement, 0);
	*cells = (uint32_t)sqlite3_column_int64(statement, 1);
	sqlite3_reset(statement);
	return 0;
}

/* The integer that a statement without parameters yields. */
static int count(struct store *self, enum store_statement which, uint64_t *value, char *why)
{
	sqlite3_stmt *statement = self->statement[which];
	int rc = 0;

	sqlite3_reset(statement);
	if (sqlite3_step(statement) == SQLITE_ROW)
		*value = (uint64_t)sqlite3_column_int64(statement, 0);
	else
		rc = refuse_sqlite(why, self->path, self->db);
	sqlite3_reset(statement);
	return rc;
}

int store_count_troubles(struct store *self, uint32_t *troubles, char *why)
{
	uint64_t value = 0;
	int rc = count(self, COUNT_TROUBLES, &value, why);

	*troubles = (uint32_t)value;
	return rc;
}

int store_count_slices(struct store *self, uint64_t *slices, char *why)
{
	return count(self, COUNT_SLICES, slices, why);
}
