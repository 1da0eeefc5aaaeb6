/*
 * The store: what goes in comes out, complete blocks survive, and whatever is not this plan's store
 * is refused with a sentence and left as it is.
 */
#include "bench/sweep/store.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/sweep/merge.h"
#include "bench/sweep/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of its own for each test, and a small plan. */
struct fixture {
	char folder[PATH_MAX];
	char path[PATH_MAX];
	struct plan *plan;
	char why[STORE_WHY_BYTES];
};

static struct plan *make_plan(uint64_t seed)
{
	struct plan_request request = {.seed = seed, .forks = 2, .blocks = 3};
	char why[PLAN_WHY_BYTES];
	struct plan *plan = NULL;

	request.pools.item[request.pools.count++] = "mutex";
	request.axes.workloads.item[request.axes.workloads.count++] = "pair";
	request.axes.threads.item[request.axes.threads.count++] = 1;
	request.axes.threads.item[request.axes.threads.count++] = 2;
	if (plan_make(&request, &plan, why) != 0)
		fail_msg("the plan was refused: %s", why);
	return plan;
}

static int set_up(void **state)
{
	struct fixture *self = calloc(1, sizeof(*self));
	const char *temporary = getenv("TMPDIR");

	snprintf(self->folder, sizeof(self->folder) - 16, "%s/store_test.XXXXXX",
		temporary != NULL ? temporary : "/tmp");
	assert_non_null(mkdtemp(self->folder));
	snprintf(self->path, sizeof(self->path), "%.4000s/sweep.db", self->folder);
	self->plan = make_plan(1);
	*state = self;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *self = *state;
	char command[PATH_MAX + 16];

	plan_free(self->plan);
	snprintf(command, sizeof(command), "rm -r '%s'", self->folder);
	assert_int_equal(system(command), 0);
	free(self);
	return 0;
}

static struct store *open_well(struct fixture *self, bool expect_new)
{
	struct store *store = NULL;
	bool created = false;

	if (store_open(self->path, self->plan, "nblbench sweep", &store, &created, self->why) != 0)
		fail_msg("the store was refused: %s", self->why);
	assert_int_equal(created, expect_new);
	return store;
}

/* A change that a sweep would not make. */
static void execute(const struct fixture *self, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(self->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* What stands at the path, to see that a refusal changed nothing. */
struct content {
	unsigned char *bytes;
	size_t size;
};

static struct content read_content(const char *path)
{
	struct content self = {NULL, 0};
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	self.size = (size_t)ftell(file);
	rewind(file);
	self.bytes = malloc(self.size + 1);
	assert_int_equal(fread(self.bytes, 1, self.size, file), self.size);
	fclose(file);
	return self;
}

/* Opening is refused with a sentence that holds both pieces, and the file stays as it is. */
static void assert_refused(struct fixture *self, const char *piece, const char *other)
{
	struct content before = read_content(self->path);
	struct store *store = NULL;
	bool created = false;

	assert_int_equal(store_open(self->path, self->plan, "", &store, &created, self->why), -1);
	assert_null(store);
	if (strstr(self->why, piece) == NULL || strstr(self->why, other) == NULL)
		fail_msg("expected '%s' and '%s' in: %s", piece, other, self->why);
	assert_non_null(strstr(self->why, self->path));
	struct content after = read_content(self->path);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.bytes, after.bytes, before.size);
	free(before.bytes);
	free(after.bytes);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void fill_slice(struct store_slice *slice, size_t subject, uint32_t threads)
{
	memset(slice, 0, sizeof(*slice));
	slice->subject = subject;
	slice->slot = (int64_t)subject;
	slice->window_ns = 2000000;
	slice->units = INT64_C(1) << 60; /* beyond what a double holds exactly */
	slice->units += 1;
	slice->units_per_s = 1.25e9;
	slice->skew = 0.25;
	slice->jain = 0.5;
	slice->slowest_share = 0.75;
	strcpy(slice->flags, "skew nivcsw");
	slice->refill = 1;
	slice->flush = 2;
	slice->grow = 3;
	slice->steal = 4;
	slice->empty = 5;
	if (subject == 0) {
		slice->counted = (struct store_counted){true, 21, 22, 23};
		slice->scarcity = (struct store_scarcity){true, 31, 32, 33, 34, 35};
	}
	slice->threads = threads;
	for (uint32_t i = 0; i < threads; i++)
		slice->thread[i] = (struct store_thread){i, 11, 12, 13, 14, 15, 16};
}

static int add_block(
	struct fixture *self, struct store *store, size_t cell, uint32_t fork, uint32_t block)
{
	struct store_slice *slices = calloc(self->plan->subject_count, sizeof(*slices));
	struct store_block row = {
		.cell = cell,
		.fork = fork,
		.block = block,
		.started_ns = 77,
		.before = {100, 88, 70, 1000, 2000, 2900},
		.after = {150, 89, -1, 1003, 2004, -1},
		.slices = self->plan->subject_count,
		.slice = slices,
	};

	for (size_t i = 0; i < row.slices; i++)
		fill_slice(&slices[i], i, self->plan->cell[cell].threads);
	int rc = store_add_block(store, &row, self->why);
	free(slices);
	return rc;
}

/* The first column of the first row, as text. */
static void query(struct fixture *self, const char *sql, char *text, size_t bytes)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_open_v2(self->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(text, bytes, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void assert_query(struct fixture *self, const char *sql, const char *expected)
{
	char text[1024];

	query(self, sql, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		fail_msg("%s gave '%s', not '%s'", sql, text, expected);
}

static void a_balance_goes_in_and_comes_out(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	struct store_balance balance = {1, 1, 31, 32, {.window_ns = 33, 34, 35, 36, 37, 38, 39}};
	const struct store_block block = {
		.cell = 1, .fork = 1, .block = 0, .balances = 1, .balance = &balance};

	assert_int_equal(store_add_block(store, &block, self->why), 0);
	assert_query(self,
		"SELECT window_ns || waited_ns || own || own_sum || pairs || pairs_sum || pairs_ns "
		"|| calls || sum FROM balance WHERE cell_id = 2 AND subject_id = 2 AND fork = 1 "
		"AND thread = 1",
		"333435363738393132");
	store_close(store);
}

static void what_goes_in_comes_out(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);

	assert_false(store_has_block(store, 1, 1, 2));
	assert_int_equal(add_block(self, store, 1, 1, 2), 0);
	assert_true(store_has_block(store, 1, 1, 2));
	assert_int_equal(store_blocks(store), 1);
	const struct store_memory memory = {1, 0, 1, 21, 22, 23, 24, 25, 26, -1, 28, 29, 30};
	assert_int_equal(store_add_memory(store, &memory, self->why), 0);
	json_t *json = json_pack("{s:s}", "cpu", "a processor");
	assert_int_equal(store_add_machine(store, "0123", "B", json, self->why), 0);
	json_decref(json);

	/* A reader sees it while the sweep still has the store open. */
	assert_query(self, "SELECT count(*) FROM slice", "2");
	assert_query(self, "SELECT units FROM slice", "1152921504606846977");
	assert_query(self,
		"SELECT concat FROM (SELECT started_ns || ' ' || calibration_ns || ' ' || "
		"calibration_end_ns || ' ' || hand_overs_ns || ifnull(hand_overs_end_ns, ' -') || "
		"' ' || took_ns || stolen_ns || pressure_ns || ' ' || slot || "
		"' ' || units_per_s || ' ' || skew || ' ' || jain || ' ' || slowest_share || ' ' "
		"|| flags || ' ' || refill || flush || grow || steal || empty AS concat FROM slice "
		"JOIN block USING (block_id) ORDER BY subject_id)",
		"77 88 89 70 - 5034 0 1250000000.0 0.25 0.5 0.75 skew nivcsw 12345");
	assert_query(self,
		"SELECT cpu || ' ' || units || window_ns || cpu_ns || nvcsw || nivcsw || minflt "
		"FROM thread ORDER BY subject_id, thread DESC",
		"1 111213141516");
	assert_query(self,
		"SELECT rss_open || rss_peak || pool_bytes || capacity || drained || expected || "
		"ifnull(rss_settled, '-') || held_peak || held_settled || objects FROM "
		"memory WHERE cell_id = 2 AND subject_id = 1 AND fork = 1",
		"212223242526-282930");
	assert_query(self, "SELECT khz || ifnull(khz_end, ' -') FROM block", "2900 -");
	/* Only what is told has a row. */
	assert_query(self,
		"SELECT group_concat(subject_id || cycles || instructions || cache_misses) FROM "
		"counted",
		"1212223");
	assert_query(self,
		"SELECT group_concat(subject_id || none || worst || spells || stranded || "
		"stranded_most) FROM scarcity",
		"13132333435");
	assert_query(self, "SELECT json || hash || grade FROM machine",
		"{\"cpu\":\"a processor\"}0123B");
	assert_query(self, "SELECT label || twin || is_pool FROM subject WHERE twin = 1",
		"mutex (twin)11");
	assert_query(self, "SELECT label || threads FROM cell ORDER BY cell_id DESC",
		"pair, 2 threads2");
	assert_query(self, "SELECT hash FROM plan", self->plan->hash);
	assert_query(self, "SELECT command FROM plan", "nblbench sweep");
	assert_query(self, "PRAGMA journal_mode", "wal");
	store_close(store);

	store = open_well(self, false);
	assert_true(store_has_block(store, 1, 1, 2));
	assert_false(store_has_block(store, 1, 1, 1));
	assert_int_equal(store_blocks(store), 1);
	store_close(store);
}

/* The views' figures, which a user asks for by name. */
static void views_say_what_is_stored(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	const struct store_memory memory = {0, 0, 1, 21, 22, 23, 24, 25, 26, -1, 280, 140, 10};

	for (uint32_t block = 0; block < 3; block++)
		assert_int_equal(add_block(self, store, 0, 1, block), 0);
	assert_int_equal(store_add_memory(store, &memory, self->why), 0);
	assert_int_equal(store_add_event(store, 1, 0, -1, "unsupported", "No.", self->why), 0);
	store_close(store);
	/* The test's slices have 1.25e9 units a second. */
	assert_query(self,
		"SELECT ns || ' ' || forks || ' ' || slices || ' ' || flagged || ' ' || state FROM "
		"results WHERE cell = 'pair, 1 thread' AND strategy = 'mutex'",
		"0.8 1 3 3 measured");
	assert_query(self, "SELECT cell || state FROM results WHERE ns IS NULL",
		"pair, 2 threadsunsupported");
	assert_query(self, "SELECT slices || fork FROM forks WHERE strategy = 'mutex'", "31");
	assert_query(
		self, "SELECT object_peak || ' ' || object_settled FROM memories", "28.0 14.0");
	assert_query(self, "SELECT strategy || state || detail FROM events", "mutexunsupportedNo.");
	assert_query(self,
		"SELECT (SELECT count(*) FROM latencies) || (SELECT count(*) FROM loads)", "00");
}

/* A store of that machine with one block. */
static char *measured_on(
	struct fixture *self, const char *machine, uint32_t fork, const char *name, char *path)
{
	json_t *fingerprint = json_pack("{s:{s:s}}", "cpu", "model", machine);

	snprintf(self->path, sizeof(self->path), "%.4000s/%s", self->folder, name);
	struct store *store = open_well(self, true);
	assert_int_equal(store_add_machine(store, machine, "A", fingerprint, self->why), 0);
	assert_int_equal(add_block(self, store, 0, fork, 0), 0);
	store_close(store);
	json_decref(fingerprint);
	return strcpy(path, self->path);
}

static void assert_unmerged(
	struct fixture *self, const char *out, char *first, char *second, const char *piece)
{
	char *stores[] = {first, second};

	assert_int_equal(merge_stores(out, stores, array_count(stores), self->why), -1);
	if (strstr(self->why, piece) == NULL)
		fail_msg("expected '%s' in: %s", piece, self->why);
}

static void machines_are_merged_and_not_pooled(void **state)
{
	struct fixture *self = *state;
	char one[PATH_MAX], shard[PATH_MAX], two[PATH_MAX], other[PATH_MAX], out[PATH_MAX];
	char *stores[] = {measured_on(self, "aaaa", 0, "one.db", one),
		measured_on(self, "aaaa", 1, "shard.db", shard),
		measured_on(self, "bbbb", 0, "two.db", two)};
	struct plan *usual = self->plan;

	self->plan = make_plan(2);
	measured_on(self, "bbbb", 0, "other.db", other);
	plan_free(self->plan);
	self->plan = usual;
	snprintf(out, sizeof(out), "%.4000s/merged.db", self->folder);
	assert_unmerged(self, out, one, one, "they would be pooled");
	assert_unmerged(self, out, one, other, "another plan: seed");
	assert_unmerged(self, one, one, two, "exists");
	assert_int_equal(access(out, F_OK), -1);
	if (merge_stores(out, stores, array_count(stores), self->why) != 0)
		fail_msg("not merged: %s", self->why);
	strcpy(self->path, out);
	assert_query(self,
		"SELECT group_concat(machine || count, ' ') FROM (SELECT machine, count(*) AS "
		"count FROM cell GROUP BY machine)",
		"aaaa2 bbbb2");
	assert_query(self,
		"SELECT group_concat(machine || forks, ' ') FROM results WHERE strategy = 'mutex'",
		"aaaa2 bbbb1");
	assert_query(self, "SELECT count(*) || (SELECT count(*) FROM machine) FROM block", "33");
	assert_query(self,
		"SELECT count(*) FROM slice JOIN block USING (block_id) JOIN cell USING "
		"(cell_id) WHERE machine = 'bbbb' AND label = 'pair, 1 thread' AND "
		"subject_id = 1",
		"1");
	assert_refused(self, "no sweep adds to it", "--out");
}

/* A cell's objects are columns: what they weigh, where they stand, on which pages. */
static void objects_of_a_cell_are_stored(void **state)
{
	struct fixture *self = *state;
	struct plan_request request = {.seed = 1, .forks = 1, .blocks = 1};
	struct plan *usual = self->plan;

	request.pools.item[request.pools.count++] = "mutex";
	request.axes.workloads.item[request.axes.workloads.count++] = "pair";
	request.axes.threads.item[request.axes.threads.count++] = 1;
	request.axes.sizes.item[request.axes.sizes.count++] = 2048;
	request.axes.aligns.item[request.axes.aligns.count++] = 128;
	request.axes.pages.item[request.axes.pages.count++] = "transparent";
	request.axes.pages.item[request.axes.pages.count++] = "huge";
	assert_int_equal(plan_make(&request, &self->plan, self->why), 0);
	store_close(open_well(self, true));
	assert_query(self,
		"SELECT group_concat(object_bytes || ' ' || object_align || ' ' || pages) FROM "
		"cell",
		"2048 128 transparent,2048 128 huge");
	plan_free(self->plan);
	/* Objects are part of the plan. */
	self->plan = usual;
	assert_refused(self, "another plan", "cells");
	unlink(self->path);
	store_close(open_well(self, true));
	assert_query(self,
		"SELECT DISTINCT object_bytes || ' ' || object_align || ' ' || pages FROM cell",
		"256 0 ordinary");
}

/* Where a workload says how many objects there are, what failed is a false empty. */
static void capped_cells_are_told(void **state)
{
	struct fixture *self = *state;
	struct plan_request request = {.seed = 1, .forks = 1, .blocks = 1};
	struct plan *usual = self->plan;

	request.pools.item[request.pools.count++] = "mutex";
	request.axes.workloads.item[request.axes.workloads.count++] = "pair";
	request.axes.workloads.item[request.axes.workloads.count++] = "held_95";
	request.axes.threads.item[request.axes.threads.count++] = 2;
	assert_int_equal(plan_make(&request, &self->plan, self->why), 0);
	store_close(open_well(self, true));
	assert_query(self, "SELECT group_concat(workload || capped) FROM cell", "pair0,held_951");
	plan_free(self->plan);
	self->plan = usual;
}

static void events_are_counted_as_the_sweep_needs_them(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	uint32_t here, cells;
	uint64_t troubles;

	/* What holds for all forks is noted once, however often the sweep is resumed. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			store_add_event(store, 0, 1, -1, "unsupported", "No.", self->why), 0);
	assert_query(self, "SELECT count(*) FROM event", "1");
	assert_int_equal(store_add_event(store, 1, 1, -1, "rationed", "Slow.", self->why), 0);
	assert_int_equal(store_count_troubles(store, &troubles, self->why), 0);
	assert_int_equal(troubles, 0);

	assert_int_equal(store_add_event(store, 0, 1, 0, "crashed", "SIGSEGV", self->why), 0);
	assert_int_equal(store_add_event(store, 0, 1, 0, "hung", "late", self->why), 0);
	assert_int_equal(store_add_event(store, 1, 1, 1, "crashed", "SIGSEGV", self->why), 0);
	assert_int_equal(store_add_event(store, 1, 0, 1, "lost", "one", self->why), 0);
	assert_int_equal(store_count_failures(store, 0, 1, &here, &cells, self->why), 0);
	assert_int_equal(here, 2);
	assert_int_equal(cells, 2);
	assert_int_equal(store_count_failures(store, 1, 0, &here, &cells, self->why), 0);
	assert_int_equal(here, 0);
	assert_int_equal(cells, 0);
	assert_int_equal(store_count_troubles(store, &troubles, self->why), 0);
	assert_int_equal(troubles, 4);
	store_close(store);
}

static void other_files_are_refused(void **state)
{
	struct fixture *self = *state;

	write_file(self->path, "");
	assert_refused(self, "not a result store", "empty");
	write_file(self->path, "a letter to a friend");
	assert_refused(self, "not a result store", "no SQLite file");
	unlink(self->path);
	execute(self, "CREATE TABLE t (x)");
	assert_refused(self, "not a result store", "another program's");
	unlink(self->path);

	struct store *store = NULL;
	bool created;
	assert_int_equal(mkdir(self->path, 0700), 0);
	assert_int_equal(store_open(self->path, self->plan, "", &store, &created, self->why), -1);
	assert_non_null(strstr(self->why, "no regular file"));
}

static void other_schema_is_refused(void **state)
{
	struct fixture *self = *state;
	char pragma[64], version[64];

	store_close(open_well(self, true));
	for (int other = STORE_SCHEMA_VERSION - 1; other <= STORE_SCHEMA_VERSION + 1; other += 2) {
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", other);
		execute(self, pragma);
		snprintf(version, sizeof(version), "schema version %d", other);
		assert_refused(self, version, "Use the program that made it");
	}
}

static void other_plan_and_build_are_refused(void **state)
{
	struct fixture *self = *state;

	store_close(open_well(self, true));
	plan_free(self->plan);
	self->plan = make_plan(2);
	assert_refused(self, "another plan; they differ in: seed", "--fresh");

	plan_free(self->plan);
	self->plan = make_plan(1);
	execute(self, "UPDATE plan SET hash = 'x', build_id = 'feedbeef'");
	assert_refused(self, "another build", "feedbeef");
}

static void other_machine_is_refused(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	json_t *here = json_pack("{s:s, s:s}", "cpu", "this one", "kernel", "k");
	json_t *there = json_pack("{s:s, s:s}", "cpu", "that one", "kernel", "k");

	assert_int_equal(store_add_machine(store, "1", "A", here, self->why), 0);
	assert_int_equal(store_add_machine(store, "1", "C", here, self->why), 0);
	assert_int_equal(store_add_machine(store, "2", "A", there, self->why), -1);
	assert_non_null(strstr(self->why, "another machine"));
	assert_non_null(strstr(self->why, "differ in: cpu."));
	assert_query(self, "SELECT count(*) FROM machine", "2");
	json_decref(here);
	json_decref(there);
	store_close(store);
}

/* However much is missing at the end, and wherever bytes are wrong in the pages' heads. */
static void damage_is_refused(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);

	for (uint32_t block = 0; block < self->plan->blocks; block++)
		assert_int_equal(add_block(self, store, 0, 0, block), 0);
	store_close(store);
	struct content whole = read_content(self->path);
	const size_t lengths[] = {whole.size - 1, whole.size / 2, 8192, 4097, 4096, 600, 100};
	for (size_t i = 0; i < array_count(lengths); i++) {
		assert_int_equal(truncate(self->path, (off_t)lengths[i]), 0);
		assert_refused(self, "damaged or cut short", "--fresh");
	}
	assert_int_equal(truncate(self->path, 50), 0);
	assert_refused(self, "not a result store", "no SQLite file");

	FILE *file = fopen(self->path, "wb");
	memset(whole.bytes + 4096, 0xa5, 4096);
	assert_int_equal(fwrite(whole.bytes, 1, whole.size, file), whole.size);
	fclose(file);
	assert_refused(self, "damaged or cut short", "--fresh");
	free(whole.bytes);
}

static void second_writer_is_refused(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	struct store *second = NULL;
	char moved[PATH_MAX];
	bool created;

	assert_int_equal(store_open(self->path, self->plan, "", &second, &created, self->why), -1);
	assert_non_null(strstr(self->why, "another sweep is writing"));
	assert_int_equal(store_move_aside(self->path, moved, self->why), -1);
	assert_non_null(strstr(self->why, "another sweep is writing"));
	store_close(store);
	store_close(open_well(self, false));
}

/* Nothing lies beside it, so that it can be copied and read where nothing can be written. */
static void closed_store_is_one_file(void **state)
{
	static const char *const companions[] = {"-wal", "-shm", "-journal"};
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(add_block(self, store, 0, 0, 0), 0);
	store_close(store);
	for (size_t i = 0; i < array_count(companions); i++) {
		char path[PATH_MAX + 16];
		struct stat file;

		snprintf(path, sizeof(path), "%s%s", self->path, companions[i]);
		assert_int_equal(stat(path, &file), -1);
	}
	assert_int_equal(sqlite3_open_v2(self->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "delete");
	sqlite3_finalize(statement);
	sqlite3_close(db);
	store = open_well(self, false);
	assert_int_equal(store_blocks(store), 1);
	store_close(store);
}

static void unwritable_places_are_refused(void **state)
{
	struct fixture *self = *state;
	struct store *store = NULL;
	bool created;

	strcat(self->path, "/below/a/file");
	assert_int_equal(store_open(self->path, self->plan, "", &store, &created, self->why), -1);
	assert_non_null(strstr(self->why, "can't be made"));
	assert_non_null(strstr(self->why, "--store"));
	/* Not even the super-user can make a file there. */
	strcpy(self->path, "/proc/sweep.db");
	assert_int_equal(store_open(self->path, self->plan, "", &store, &created, self->why), -1);
	assert_non_null(strstr(self->why, "/proc/sweep.db"));
}

/* The limit on a file's size stands for the full disk: both end a write early. */
static void full_disk_loses_the_open_block_only(void **state)
{
	struct fixture *self = *state;
	struct store *store = open_well(self, true);
	struct rlimit saved, limit;

	assert_int_equal(add_block(self, store, 0, 0, 0), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &saved);
	limit = saved;
	/* The log has room for a block, but not for all of them. */
	limit.rlim_cur = 64 * 1024;
	setrlimit(RLIMIT_FSIZE, &limit);
	uint64_t stored = 1;
	int rc = 0;
	for (uint32_t i = 1; rc == 0 && i < plan_blocks(self->plan); i++) {
		rc = add_block(self, store, i / 6, i / 3 % 2, i % 3);
		stored += rc == 0;
	}
	setrlimit(RLIMIT_FSIZE, &saved);
	assert_int_equal(rc, -1);
	if (strstr(self->why, "ulimit -f") == NULL)
		fail_msg("the limit was reported as: %s", self->why);
	assert_non_null(strstr(self->why, self->path));
	assert_int_equal(store_blocks(store), stored);
	store_close(store);

	store = open_well(self, false);
	assert_int_equal(store_blocks(store), stored);
	store_close(store);
}

static void moving_aside_keeps_everything(void **state)
{
	struct fixture *self = *state;
	char moved[PATH_MAX], again[PATH_MAX], path[PATH_MAX];

	assert_int_equal(store_move_aside(self->path, moved, self->why), 0);
	assert_string_equal(moved, "");
	struct store *store = open_well(self, true);
	assert_int_equal(add_block(self, store, 0, 0, 0), 0);
	store_close(store);
	assert_int_equal(store_move_aside(self->path, moved, self->why), 0);
	store_close(open_well(self, true));
	assert_int_equal(store_move_aside(self->path, again, self->why), 0);
	assert_string_not_equal(moved, again);

	/* A file that is no store is moved just the same. */
	write_file(self->path, "a letter to a friend");
	assert_int_equal(store_move_aside(self->path, again, self->why), 0);
	struct content letter = read_content(again);
	assert_int_equal(letter.size, strlen("a letter to a friend"));
	free(letter.bytes);

	strcpy(path, self->path);
	strcpy(self->path, moved);
	store = open_well(self, false);
	assert_int_equal(store_blocks(store), 1);
	store_close(store);
	strcpy(self->path, path);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_goes_in_comes_out),
		STORE_TEST(a_balance_goes_in_and_comes_out),
		STORE_TEST(views_say_what_is_stored),
		STORE_TEST(machines_are_merged_and_not_pooled),
		STORE_TEST(objects_of_a_cell_are_stored),
		STORE_TEST(capped_cells_are_told),
		STORE_TEST(events_are_counted_as_the_sweep_needs_them),
		STORE_TEST(other_files_are_refused),
		STORE_TEST(other_schema_is_refused),
		STORE_TEST(other_plan_and_build_are_refused),
		STORE_TEST(other_machine_is_refused),
		STORE_TEST(damage_is_refused),
		STORE_TEST(second_writer_is_refused),
		STORE_TEST(closed_store_is_one_file),
		STORE_TEST(unwritable_places_are_refused),
		STORE_TEST(full_disk_loses_the_open_block_only),
		STORE_TEST(moving_aside_keeps_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
