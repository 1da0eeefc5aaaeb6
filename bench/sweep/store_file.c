/* See store_file.h. */
#include "bench/sweep/store_file.h"

#include "alloc/machine/compiler.h"
#include "bench/sweep/schema.h"
#include "bench/sweep/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STORE_BUSY_MS = 5000, /* how long to wait for a reader that is in the way */
	STORE_ASIDE_MAX = 10000,
};

int store_refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, STORE_WHY_BYTES, format, args);
	va_end(args);
	return -1;
}

/* The file is no store, but `what`. */
static int refuse_stranger(char *why, const char *path, const char *what)
{
	return store_refuse(why,
		"'%s' is not a result store: it is %s. Name another with --store or --out", path,
		what);
}

static int refuse_damaged(char *why, const char *path, const char *finding)
{
	return store_refuse(why,
		"'%s' is damaged or cut short (%s). It is left as it is; --fresh moves it aside "
		"and "
		"starts over",
		path, finding);
}

/*
 * The system's error behind SQLite's last one, 0 if there is none. SQLite keeps it with the file
 * where it happened, which is the log or the database.
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

int store_refuse_sqlite(char *why, const char *path, sqlite3 *db)
{
	int code = db != NULL ? sqlite3_errcode(db) : SQLITE_NOMEM;
	int system = db != NULL ? system_error(db) : ENOMEM;
	const char *text = db != NULL ? sqlite3_errmsg(db) : "out of memory";

	if (code == SQLITE_FULL || system == ENOSPC || system == EDQUOT || system == EFBIG)
		return store_refuse(why,
			"the disk is full%s: '%s' can't grow. Complete blocks are kept; make "
			"room, and the same command goes on",
			size_is_limited() ? ", or the limit of a file's size (ulimit -f) is reached"
					  : "",
			path);
	if (code == SQLITE_CORRUPT)
		return refuse_damaged(why, path, text);
	if (code == SQLITE_NOTADB)
		return refuse_stranger(why, path, "no SQLite file");
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return store_refuse(
			why, "'%s' is in use by another program; wait for it to end", path);
	if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
		return store_refuse(why,
			"'%s' can't be written (%s). Name a file in a directory that you may write "
			"with --store or --out",
			path, system != 0 ? strerror(system) : text);
	return store_refuse(why, "'%s': %s%s%s", path, text, system != 0 ? ": " : "",
		system != 0 ? strerror(system) : "");
}

int store_execute(sqlite3 *db, const char *path, const char *sql, char *why)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_refuse_sqlite(why, path, db);
	return 0;
}

int store_refuse_second_sweep(char *why, const char *path)
{
	return store_refuse(why,
		"another sweep is writing '%s'; wait for it, or give this one another --out", path);
}

void store_bind(sqlite3_stmt *statement, const char *types, ...)
{
	va_list args;

	sqlite3_reset(statement);
	va_start(args, types);
	for (int i = 1; types[i - 1] != '\0'; i++) {
		const char type = types[i - 1];

		if (type == 'd') {
			sqlite3_bind_double(statement, i, va_arg(args, double));
		} else if (type == 's') {
			sqlite3_bind_text(
				statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
		} else {
			const long long number = va_arg(args, long long);

			if (type == 'n' && number < 0)
				sqlite3_bind_null(statement, i);
			else
				sqlite3_bind_int64(statement, i, number);
		}
	}
	va_end(args);
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
 * True if the last page is not whole and there is no log that could complete it. SQLite would read
 * zeros for what is missing.
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
		return refuse_stranger(why, path, "no regular file");
	bytes = pread(fd, header, sizeof(header), 0);
	if (bytes < 0)
		return store_refuse(why, "'%s' can't be read: %s", path, strerror(errno));
	if (bytes == 0)
		return refuse_stranger(why, path, "empty");
	if (bytes < HEADER_BYTES || memcmp(header, "SQLite format 3", 16) != 0)
		return refuse_stranger(why, path, "no SQLite file");
	if (big_endian(header + HEADER_APPLICATION_ID) != STORE_APPLICATION_ID)
		return refuse_stranger(why, path, "another program's SQLite file");
	uint32_t version = big_endian(header + HEADER_USER_VERSION);
	if (version != STORE_SCHEMA_VERSION)
		return store_refuse(why,
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
		rc = store_refuse_sqlite(why, path, db);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		rc = refuse_damaged(why, path, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return rc;
}

int store_open_checked(const char *path, sqlite3 **out, char *why)
{
	sqlite3 *db = NULL;
	int rc = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return store_refuse(why,
			"'%s' can't be opened: %s. Name another with --store or --out", path,
			strerror(errno));
	rc = check_header(fd, path, why);
	/* Before SQLite has locks on the file: closing any descriptor would drop them. */
	close(fd);
	if (rc != 0)
		return rc;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
		rc = store_refuse_sqlite(why, path, db);
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

/*
 * Moving one aside.
 */

/* Moves from to a name that is free; 0 also if there is nothing to move. */
static int move(const char *from, const char *to, char *why)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
		return 0;
	return store_refuse(
		why, "'%s' can't be moved aside to '%s': %s", from, to, strerror(errno));
}

/*
 * Has SQLite move the log into the file, so that one rename moves all. Does nothing to a damaged
 * store.
 */
static void absorb_log(const char *path)
{
	char why[STORE_WHY_BYTES];
	sqlite3 *db;

	if (store_open_checked(path, &db, why) != 0)
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
		return errno == ENOENT ? 0
				       : store_refuse(why, "'%s' can't be examined: %s", path,
						 strerror(errno));
	int lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		close(lock);
		return store_refuse_second_sweep(why, path);
	}
	absorb_log(path);
	int rc = -1;
	for (int i = 1; i <= STORE_ASIDE_MAX; i++) {
		if (snprintf(name, sizeof(name), "%s.old-%d", path, i) >= (int)sizeof(name)) {
			store_refuse(why, "the path '%s' is too long", path);
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
