/*
 * The result store: see store.h for what it promises and schema.h for its tables. Here is a store
 * that is open; store_file.c opens its file and store_make.c makes a new one.
 */
#include "bench/sweep/store.h"

#include "bench/base/append.h"
#include "bench/base/clock.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STORE_LEAVE_MS = 1000, /* how long closing waits for a reader; the log may stay */
	STORE_TEXT_BYTES = 256,
	SET_PATH_BLOB = 9, /* the parameter that is a histogram */
	ADD_LOAD_BLOB = 14,
};

/* The statements of an open store; prepared when it is opened. */
enum store_statement {
	FIND_OTHER_MACHINE,
	ADD_MACHINE,
	ADD_BLOCK,
	ADD_SLICE,
	ADD_THREAD,
	ADD_COUNTED,
	ADD_SCARCITY,
	ADD_TIMED,
	FIND_PATH,
	SET_PATH,
	SET_BALANCE,
	FIND_LOAD,
	ADD_LOAD,
	ADD_MEMORY,
	ADD_EVENT,
	COUNT_FAILURES,
	COUNT_TROUBLES,
	COUNT_SLICES,
	STATEMENTS,
};

static const char *const statement_text[STATEMENTS] = {
	[FIND_OTHER_MACHINE] = "SELECT json FROM machine WHERE hash <> ? LIMIT 1",
	[ADD_MACHINE] = "INSERT INTO machine (started_ns, hash, grade, json) VALUES (?, ?, ?, ?)",
	[ADD_BLOCK] = "INSERT INTO block (cell_id, fork, block, started_ns, calibration_ns,"
		      " calibration_end_ns, hand_overs_ns, hand_overs_end_ns, took_ns, stolen_ns,"
		      " pressure_ns, khz, khz_end)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_SLICE] = "INSERT INTO slice (block_id, subject_id, slot, window_ns, units,"
		      " units_per_s, failed, skew, jain, slowest_share, flags, refill, flush,"
		      " grow, steal, empty, wait)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_THREAD] = "INSERT INTO thread (block_id, subject_id, thread, cpu, units, window_ns,"
		       " cpu_ns, nvcsw, nivcsw, minflt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_COUNTED] = "INSERT INTO counted (block_id, subject_id, cycles, instructions,"
			" cache_misses) VALUES (?, ?, ?, ?, ?)",
	[ADD_SCARCITY] = "INSERT INTO scarcity (block_id, subject_id, none, worst, spells,"
			 " stranded, stranded_most) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[ADD_TIMED] =
		"INSERT INTO timed (cell_id, subject_id, fork, thread, slices, flagged, units,"
		" window_ns, timed_units) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8)"
		" ON CONFLICT DO UPDATE SET slices = slices + 1, flagged = flagged + ?5,"
		" units = units + ?6, window_ns = window_ns + ?7,"
		" timed_units = timed_units + ?8",
	[FIND_PATH] = "SELECT sum, longest, histogram FROM latency WHERE cell_id = ? AND"
		      " subject_id = ? AND fork = ? AND thread = ? AND path = ?",
	[SET_PATH] =
		"INSERT OR REPLACE INTO latency (cell_id, subject_id, fork, thread, path, calls,"
		" sum, longest, histogram) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SET_BALANCE] =
		"INSERT OR REPLACE INTO balance (cell_id, subject_id, fork, thread, window_ns,"
		" waited_ns, calls, sum, own, own_sum, pairs, pairs_sum, pairs_ns)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[FIND_LOAD] = "SELECT sum, longest, histogram FROM load WHERE cell_id = ? AND"
		      " subject_id = ? AND fork = ? AND load = ?",
	[ADD_LOAD] =
		"INSERT INTO load (cell_id, subject_id, fork, load, arrivals, slices, capacity_s,"
		" wanted_s, served_s, arrived, served, late, sum, longest, histogram)"
		" VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
		" ON CONFLICT DO UPDATE SET slices = slices + 1, capacity_s = capacity_s + ?6,"
		" wanted_s = wanted_s + ?7, served_s = served_s + ?8, arrived = arrived + ?9,"
		" served = served + ?10, late = late + ?11, sum = ?12, longest = ?13,"
		" histogram = ?14",
	[ADD_MEMORY] = "INSERT OR REPLACE INTO memory (cell_id, subject_id, fork, rss_open,"
		       " rss_peak, rss_settled, pool_bytes, held_peak, held_settled, capacity,"
		       " objects, drained, expected)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_EVENT] = "INSERT INTO event (cell_id, subject_id, fork, state, detail, at_ns)"
		      " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?3 IS NOT NULL OR NOT EXISTS"
		      " (SELECT 1 FROM event WHERE cell_id = ?1 AND subject_id = ?2 AND"
		      "  fork IS NULL AND state = ?4)",
	[COUNT_FAILURES] = "SELECT count(*) FILTER (WHERE cell_id = ?1), count(DISTINCT cell_id)"
			   " FROM event WHERE subject_id = ?2 AND state IN ('crashed', 'hung')",
	[COUNT_TROUBLES] = "SELECT count(*) FROM event WHERE state NOT IN"
			   " ('unsupported', 'rationed', 'starved', 'disturbed')",
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

/* Runs a statement that yields no row. */
static int run(struct store *self, sqlite3_stmt *statement, char *why)
{
	int code = sqlite3_step(statement);
	int rc = code == SQLITE_DONE ? 0 : store_refuse_sqlite(why, self->path, self->db);

	sqlite3_reset(statement);
	return rc;
}

/* Names the members in which two plans differ. */
static void list_differences(
	const char *stored_text, const json_t *wanted, char *text, size_t bytes)
{
	json_t *stored = json_loads(stored_text, 0, NULL);
	const char *name;
	json_t *value;

	text[0] = '\0';
	json_object_foreach((json_t *)wanted, name, value)
	{
		if (!json_equal(value, json_object_get(stored, name)))
			append(text, bytes, "%s%s", text[0] == '\0' ? "" : ", ", name);
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
		rc = store_refuse_sqlite(why, self->path, self->db);
		goto done;
	}
	const char *hash = (const char *)sqlite3_column_text(statement, 0);
	const char *json = (const char *)sqlite3_column_text(statement, 1);
	const char *build = (const char *)sqlite3_column_text(statement, 2);
	if (strcmp(hash, self->plan->hash) == 0)
		goto done;
	list_differences(json, self->plan->json, differences, sizeof(differences));
	if (differences[0] != '\0')
		rc = store_refuse(why, "'%s' holds another plan; they differ in: %s. %s",
			self->path, differences, advice);
	else
		rc = store_refuse(why,
			"'%s' was measured by another build of this program (%.12s; this is "
			"%.12s). %s",
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

/* A store of several machines has other cells than the plan. */
static int check_unmerged(struct store *self, char *why)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(
		self->db, "SELECT 1 FROM cell WHERE machine <> ''", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0
	       : code == SQLITE_ROW
		       ? store_refuse(why,
				 "'%s' was made by `nblbench merge`, and no sweep adds to it. Name "
				 "another with --out",
				 self->path)
		       : store_refuse_sqlite(why, self->path, self->db);
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
	int rc = code == SQLITE_DONE ? 0 : store_refuse_sqlite(why, self->path, self->db);
	sqlite3_finalize(statement);
	return rc;
}

static int prepare(struct store *self, char *why)
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(self->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &self->statement[i], NULL) != SQLITE_OK)
			return store_refuse_sqlite(why, self->path, self->db);
	}
	return 0;
}

int store_open(const char *path, const struct plan *plan, const char *command, struct store **out,
	bool *created, char *why)
{
	struct store *self = calloc(1, sizeof(*self));
	struct stat file;

	if (self == NULL)
		return store_refuse(why, "there is no memory for the store");
	self->lock = -1;
	self->plan = plan;
	self->has_block = calloc(plan_blocks(plan) + 1, sizeof(*self->has_block));
	if (self->has_block == NULL) {
		store_refuse(why, "there is no memory for the store");
		goto fail;
	}
	if (snprintf(self->path, sizeof(self->path), "%s", path) >= (int)sizeof(self->path)) {
		store_refuse(why, "the path '%s' is too long", path);
		goto fail;
	}
	*created = stat(path, &file) != 0 && errno == ENOENT;
	if (*created && store_make(path, plan, command, why) != 0)
		goto fail;

	self->lock = open(path, O_RDONLY | O_CLOEXEC);
	if (self->lock < 0) {
		store_refuse(why, "'%s' can't be opened: %s. Name another with --store or --out",
			path, strerror(errno));
		goto fail;
	}
	if (flock(self->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			store_refuse_second_sweep(why, path);
		else
			store_refuse(why, "'%s' can't be locked; keep it on a local disk", path);
		goto fail;
	}
	if (store_open_checked(path, &self->db, why) != 0 || check_plan(self, why) != 0 ||
		check_unmerged(self, why) != 0 || load_blocks(self, why) != 0 ||
		store_execute(self->db, path,
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
		/* If a reader is in the way the log stays, and the next sweep moves it. */
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

/*
 * Writing.
 */

int store_add_machine(
	struct store *self, const char *identity, const char *grade, json_t *fingerprint, char *why)
{
	char *json = json_dumps(fingerprint, JSON_COMPACT);
	sqlite3_stmt *other = self->statement[FIND_OTHER_MACHINE];
	int rc;

	if (json == NULL)
		return store_refuse(why, "there is no memory for the fingerprint");
	store_bind(other, "s", identity);
	if (sqlite3_step(other) == SQLITE_ROW) {
		char differences[STORE_TEXT_BYTES];

		list_differences((const char *)sqlite3_column_text(other, 0), fingerprint,
			differences, sizeof(differences));
		rc = store_refuse(why,
			"'%s' was measured on another machine, or this one was changed; they "
			"differ in: %s. Nothing is mixed: --fresh moves it aside and starts over, "
			"another "
			"--out keeps both",
			self->path, differences);
	} else {
		sqlite3_reset(other);
		store_bind(self->statement[ADD_MACHINE], "isss", (long long)clock_date_ns(),
			identity, grade, json);
		rc = run(self, self->statement[ADD_MACHINE], why);
	}
	sqlite3_reset(other);
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
	struct store *self, long long block_id, const struct store_slice *slice, char *why)
{
	const struct store_counted *counted = &slice->counted;
	const struct store_scarcity *scarcity = &slice->scarcity;
	const long long subject = store_row_id(slice->subject);

	store_bind(self->statement[ADD_SLICE], "iiiiididddsiiiiii", block_id, subject, slice->slot,
		slice->window_ns, slice->units, slice->units_per_s, slice->failed, slice->skew,
		slice->jain, slice->slowest_share, slice->flags, slice->refill, slice->flush,
		slice->grow, slice->steal, slice->empty, slice->wait);
	if (run(self, self->statement[ADD_SLICE], why) != 0)
		return -1;
	for (uint32_t i = 0; i < slice->threads; i++) {
		const struct store_thread *t = &slice->thread[i];

		store_bind(self->statement[ADD_THREAD], "iiiiiiiiii", block_id, subject,
			(long long)i, t->cpu, t->units, t->window_ns, t->cpu_ns, t->nvcsw,
			t->nivcsw, t->minflt);
		if (run(self, self->statement[ADD_THREAD], why) != 0)
			return -1;
	}
	/* What only some machines and workloads tell. */
	store_bind(self->statement[ADD_COUNTED], "iiiii", block_id, subject, counted->cycles,
		counted->instructions, counted->cache_misses);
	if (counted->known && run(self, self->statement[ADD_COUNTED], why) != 0)
		return -1;
	store_bind(self->statement[ADD_SCARCITY], "iiiiiii", block_id, subject, scarcity->none,
		scarcity->worst, scarcity->spells, scarcity->stranded, scarcity->stranded_most);
	return scarcity->known ? run(self, self->statement[ADD_SCARCITY], why) : 0;
}

/*
 * Adds to times what a row has from the blocks before. find is bound, and answers sum, longest and
 * histogram, or nothing.
 */
static int add_before(
	struct store *self, sqlite3_stmt *find, struct latency_times *times, char *why)
{
	int code = sqlite3_step(find);
	int rc = 0;

	if (code == SQLITE_ROW) {
		struct latency_times before = {
			.sum = (uint64_t)sqlite3_column_int64(find, 0),
			.longest = (uint64_t)sqlite3_column_int64(find, 1),
		};

		if (!histogram_unpack(&before.histogram, sqlite3_column_blob(find, 2),
			    (size_t)sqlite3_column_bytes(find, 2)))
			rc = store_refuse(
				why, "'%s' is damaged: a histogram can't be read", self->path);
		latency_add(times, &before);
	} else if (code != SQLITE_DONE) {
		rc = store_refuse_sqlite(why, self->path, self->db);
	}
	sqlite3_reset(find);
	return rc;
}

/* Runs a bound statement whose parameter `place` is the histogram. */
static int run_with_histogram(struct store *self, sqlite3_stmt *set, int place,
	const struct histogram *histogram, char *why)
{
	unsigned char bytes[HISTOGRAM_PACKED_BYTES];
	const size_t packed = histogram_pack(histogram, bytes);

	sqlite3_bind_blob(set, place, bytes, (int)packed, SQLITE_TRANSIENT);
	return run(self, set, why);
}

/* Adds the calls of a path to those of the blocks before, in the same fork and thread. */
static int add_path(struct store *self, const struct store_block *block,
	const struct store_times *time, enum latency_class path, char *why)
{
	const char *name = latency_class_name(path);
	struct latency_times sum = time->of[path];
	sqlite3_stmt *find = self->statement[FIND_PATH];
	sqlite3_stmt *set = self->statement[SET_PATH];

	store_bind(find, "iiiis", store_row_id(block->cell), store_row_id(time->subject),
		(long long)block->fork, (long long)time->thread, name);
	if (add_before(self, find, &sum, why) != 0)
		return -1;
	store_bind(set, "iiiisiii", store_row_id(block->cell), store_row_id(time->subject),
		(long long)block->fork, (long long)time->thread, name,
		(long long)histogram_count(&sum.histogram), (long long)sum.sum,
		(long long)sum.longest);
	return run_with_histogram(self, set, SET_PATH_BLOB, &sum.histogram, why);
}

/* Adds a slice of an open loop to those of the blocks before, in the same fork. */
static int add_load(struct store *self, const struct store_block *block,
	const struct store_load *load, char *why)
{
	struct latency_times sum = load->times;
	sqlite3_stmt *find = self->statement[FIND_LOAD];
	sqlite3_stmt *add = self->statement[ADD_LOAD];

	store_bind(find, "iiii", store_row_id(block->cell), store_row_id(load->subject),
		(long long)block->fork, (long long)load->load);
	if (add_before(self, find, &sum, why) != 0)
		return -1;
	store_bind(add, "iiiisdddiiiii", store_row_id(block->cell), store_row_id(load->subject),
		(long long)block->fork, (long long)load->load, block->arrivals, load->capacity_s,
		load->wanted_s, load->served_s, load->arrived, load->served, load->late,
		(long long)sum.sum, (long long)sum.longest);
	return run_with_histogram(self, add, ADD_LOAD_BLOB, &sum.histogram, why);
}

static int add_times(struct store *self, const struct store_block *block,
	const struct store_times *time, char *why)
{
	store_bind(self->statement[ADD_TIMED], "iiiiiiii", store_row_id(block->cell),
		store_row_id(time->subject), (long long)block->fork, (long long)time->thread,
		(long long)time->flagged, time->units, time->window_ns, time->timed_units);
	int rc = run(self, self->statement[ADD_TIMED], why);
	for (int path = 0; rc == 0 && path < LATENCY_HISTOGRAMS; path++) {
		if (histogram_count(&time->of[path].histogram) > 0)
			rc = add_path(self, block, time, (enum latency_class)path, why);
	}
	return rc;
}

static int add_balance(struct store *self, const struct store_block *block,
	const struct store_balance *balance, char *why)
{
	const struct latency_whole *whole = &balance->whole;

	store_bind(self->statement[SET_BALANCE], "iiiiiiiiiiiii", store_row_id(block->cell),
		store_row_id(balance->subject), (long long)block->fork, (long long)balance->thread,
		(long long)whole->window_ns, (long long)whole->waited_ns, balance->calls,
		balance->sum, (long long)whole->own, (long long)whole->own_sum,
		(long long)whole->pairs, (long long)whole->pairs_sum, (long long)whole->pairs_ns);
	return run(self, self->statement[SET_BALANCE], why);
}

/* What a sum grew by; -1 where it isn't told. */
static long long growth(int64_t before, int64_t after)
{
	return before < 0 || after < before ? -1 : (long long)(after - before);
}

int store_add_block(struct store *self, const struct store_block *block, char *why)
{
	const struct probe_moment *before = &block->before, *after = &block->after;

	if (store_execute(self->db, self->path, "BEGIN IMMEDIATE", why) != 0)
		return -1;
	store_bind(self->statement[ADD_BLOCK], "iiiiiinninnnn", store_row_id(block->cell),
		(long long)block->fork, (long long)block->block, block->started_ns,
		(long long)before->single_ns, (long long)after->single_ns,
		(long long)before->hand_overs_ns, (long long)after->hand_overs_ns,
		(long long)(after->at_ns - before->at_ns),
		growth(before->stolen_ns, after->stolen_ns),
		growth(before->pressure_ns, after->pressure_ns), (long long)before->khz,
		(long long)after->khz);
	int rc = run(self, self->statement[ADD_BLOCK], why);
	const long long block_id = sqlite3_last_insert_rowid(self->db);
	for (size_t i = 0; rc == 0 && i < block->slices; i++)
		rc = add_slice(self, block_id, &block->slice[i], why);
	for (size_t i = 0; rc == 0 && i < block->times; i++)
		rc = add_times(self, block, &block->time[i], why);
	for (size_t i = 0; rc == 0 && i < block->balances; i++)
		rc = add_balance(self, block, &block->balance[i], why);
	for (size_t i = 0; rc == 0 && i < block->loads; i++)
		rc = add_load(self, block, &block->load[i], why);
	if (rc == 0)
		rc = store_execute(self->db, self->path, "COMMIT", why);
	if (rc == 0)
		mark_block(self, block->cell, block->fork, block->block);
	else
		sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int store_add_memory(struct store *self, const struct store_memory *memory, char *why)
{
	store_bind(self->statement[ADD_MEMORY], "iiiiininninii", store_row_id(memory->cell),
		store_row_id(memory->subject), (long long)memory->fork, memory->rss_open,
		memory->rss_peak, memory->rss_settled, memory->pool_bytes, memory->held_peak,
		memory->held_settled, memory->capacity, memory->objects, memory->drained,
		memory->expected);
	return run(self, self->statement[ADD_MEMORY], why);
}

int store_add_event(struct store *self, size_t cell, size_t subject, int64_t fork,
	const char *state, const char *detail, char *why)
{
	sqlite3_stmt *statement = self->statement[ADD_EVENT];

	store_bind(statement, "iinssi", store_row_id(cell), store_row_id(subject), (long long)fork,
		state, detail, (long long)clock_date_ns());
	return run(self, statement, why);
}

/* The integers that a bound statement yields. */
static int count(struct store *self, enum store_statement which, uint64_t *values, int n, char *why)
{
	sqlite3_stmt *statement = self->statement[which];
	int rc = 0;

	if (sqlite3_step(statement) != SQLITE_ROW)
		rc = store_refuse_sqlite(why, self->path, self->db);
	for (int i = 0; rc == 0 && i < n; i++)
		values[i] = (uint64_t)sqlite3_column_int64(statement, i);
	sqlite3_reset(statement);
	return rc;
}

int store_count_failures(
	struct store *self, size_t cell, size_t subject, uint32_t *here, uint32_t *cells, char *why)
{
	uint64_t values[2] = {0};

	store_bind(
		self->statement[COUNT_FAILURES], "ii", store_row_id(cell), store_row_id(subject));

	const int rc = count(self, COUNT_FAILURES, values, 2, why);

	*here = (uint32_t)values[0];
	*cells = (uint32_t)values[1];
	return rc;
}

int store_count_troubles(struct store *self, uint64_t *troubles, char *why)
{
	return count(self, COUNT_TROUBLES, troubles, 1, why);
}

int store_count_slices(struct store *self, uint64_t *slices, char *why)
{
	return count(self, COUNT_SLICES, slices, 1, why);
}
