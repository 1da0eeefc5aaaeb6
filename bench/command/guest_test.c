/*
 * Guests of a sweep as a user meets them: another build in the same blocks, libraries in the place of
 * malloc, and whatever is neither. Run as `guest_test PROGRAM LIBRARY PARTIAL`, the last a library
 * that lacks malloc itself.
 *
 * This program also plays another build: one that speaks the version of the protocol that
 * GUEST_TEST_PROTO says, and has the strategy `null` and no workload.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/status.h"
#include "bench/sweep/channel.h"
#include "bench/sweep/worker.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_BYTES = 32768, LINE_BYTES = 3 * PATH_MAX, BUILD_ID_BYTES = 20 };

#define SMALL          "--workload pair --threads 1 --forks 1 --blocks 2 --slice-ms 1 --no-latency "
#define PROTO_VARIABLE "GUEST_TEST_PROTO"

static char program[PATH_MAX], library[PATH_MAX], partial[PATH_MAX], self[PATH_MAX];
static char folder[] = "/tmp/nblbench-guest-XXXXXX";
static char copy[PATH_MAX], store[PATH_MAX];
static char said[SAID_BYTES];

/*
 * The build that this program plays.
 */

static int play_worker(const char *pool)
{
	const char *proto = getenv(PROTO_VARIABLE);
	json_t *request = NULL;

	if (strcmp(pool, "null") != 0)
		return COMMAND_USAGE;
	channel_send(WORKER_FD, json_pack("{s:s, s:i, s:s, s:b, s:s}", "reply", "hello", "proto",
					proto == NULL ? WORKER_PROTO : atoi(proto), "build_id",
					"0ther", "supported", 1, "reason", ""));
	while (channel_receive(WORKER_FD, -1, &request) == 1) {
		json_decref(request);
		channel_send(
			WORKER_FD, json_pack("{s:s, s:s, s:s}", "reply", "error", "code",
					   WORKER_CODE_USAGE, "text", "'pair' is not a workload."));
	}
	return COMMAND_OK;
}

/*
 * Running the program.
 */

/*
 * Has sh run it with the words of a line, in which $VALUE is `value`; a path may hold an apostrophe. Ends with
 * status, says piece.
 */
static void expect(int status, const char *line, const char *value, const char *piece)
{
	char command[2 * LINE_BYTES];

	assert_int_equal(setenv("N", program, 1), 0);
	assert_int_equal(setenv("VALUE", value == NULL ? "" : value, 1), 0);
	snprintf(command, sizeof(command), "cd '%s' && \"$N\" %s 2>&1", folder, line);

	FILE *out = popen(command, "re");

	assert_non_null(out);
	said[fread(said, 1, sizeof(said) - 1, out)] = '\0';

	const int ended = pclose(out);

	if (!WIFEXITED(ended) || WEXITSTATUS(ended) != status || strstr(said, piece) == NULL)
		fail_msg("%s: wait status %#x where %d was due, and '%s'; it said: %s", line, ended,
			status, piece, said);
}

/* A number, of the store in the folder's `out`. */
static void assert_number(const char *sql, long long wanted)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_open_v2(store, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));

	const long long got = sqlite3_column_int64(statement, 0);

	sqlite3_finalize(statement);
	sqlite3_close(db);
	if (got != wanted)
		fail_msg("%s gave %lld, not %lld", sql, got, wanted);
}

/* A copy of the program under another build id, which is all that tells it from the first. */
static void make_other_build(void)
{
	static const unsigned char note[] = {
		4, 0, 0, 0, BUILD_ID_BYTES, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', '\0'};
	int from = open(program, O_RDONLY | O_CLOEXEC);
	int to = open(copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat file;

	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &file), 0);

	unsigned char *bytes = malloc((size_t)file.st_size);

	assert_non_null(bytes);
	assert_int_equal(read(from, bytes, (size_t)file.st_size), file.st_size);

	unsigned char *at = memmem(bytes, (size_t)file.st_size, note, sizeof(note));

	assert_non_null(at);
	at[sizeof(note)] ^= 1;
	assert_int_equal(write(to, bytes, (size_t)file.st_size), file.st_size);
	free(bytes);
	close(from);
	close(to);
}

static void another_build_competes(NO_STATE)
{
	static const char line[] =
		"sweep " SMALL
		"--out out --pool mutex,null --dispatch folded,table --against \"$VALUE\"";

	make_other_build();
	expect(COMMAND_OK, line, copy, "This build is");
	assert_number(
		"SELECT count(*) FROM subject WHERE label LIKE '%@other' AND build = 'other'", 4);
	assert_number("SELECT count(*) FROM subject WHERE build IS NULL AND NOT twin", 4);
	assert_number(
		"SELECT count(*) FROM (SELECT 1 FROM slice GROUP BY block_id HAVING count(*) = "
		"(SELECT count(*) FROM subject))",
		2);
	assert_number("SELECT count(*) FROM build, plan WHERE build.build_id <> plan.build_id AND "
		      "length(build.build_id) = length(plan.build_id) AND plan.command LIKE "
		      "'%--against TREE'",
		1);
	expect(COMMAND_OK, line, copy, "measured already");
	/* One that is built anew is another. */
	expect(COMMAND_FAILED, line, program, "they differ in: guests");
	expect(COMMAND_OK,
		"--version >/dev/null && grep -A 30 'section id=.against' out/report.html", "",
		"null/table");
	expect(COMMAND_OK, "--version >/dev/null && cat out/report.md", "",
		"## This build against the other");
	expect(COMMAND_OK, "report --format csv --plain out/sweep.db && cut -d , -f 1-20 sweep.csv",
		"", "\"null/table@other\",\"null\",\"\",\"table\",other");
	expect(COMMAND_OK,
		"report --format csv --plain out/sweep.db && grep -o 'nblbench sweep.*seed' "
		"sweep.csv",
		"", "--against TREE");
}

static void what_another_build_lacks_is_told(NO_STATE)
{
	expect(COMMAND_OK,
		"sweep " SMALL "--out out --fresh --pool mutex,null --against \"$VALUE\"", self,
		"This build is");
	assert_number("SELECT count(*) FROM event", 2);
	assert_number("SELECT count(*) FROM event JOIN subject USING (subject_id) WHERE state = "
		      "'unsupported' AND label = 'mutex@v0.0-1-gfeed' AND detail LIKE "
		      "'There is no strategy ''mutex''%'",
		1);
	assert_number(
		"SELECT count(*) FROM event JOIN subject USING (subject_id) WHERE state = "
		"'unsupported' AND label = 'null@v0.0-1-gfeed' AND detail = '''pair'' is not a "
		"workload.'",
		1);
	setenv(PROTO_VARIABLE, "1", 1);
	expect(COMMAND_USAGE, "sweep --dry-run --against \"$VALUE\"", self,
		"another version of the protocol");
	unsetenv(PROTO_VARIABLE);
}

static void a_library_competes(NO_STATE)
{
	expect(COMMAND_OK,
		"sweep " SMALL "--out out --fresh --pool malloc --align 64 --peer mine=\"$VALUE\"",
		library, "mine");
	assert_number(
		"SELECT count(*) FROM subject WHERE label = 'mine' AND pool = 'mine' AND library "
		"LIKE '/%' AND summary LIKE 'peer: /%preloaded' AND NOT is_pool",
		1);
	assert_number(
		"SELECT count(*) FROM slice JOIN subject USING (subject_id) WHERE label = 'mine'",
		2);
	expect(COMMAND_OK,
		"report --format csv --plain out/sweep.db && grep -o 'nblbench sweep.*seed' "
		"sweep.csv",
		"", "--peer mine=/");
}

static void nonsense_is_named(NO_STATE)
{
	static const struct {
		const char *line, *value, *piece;
	} refused[] = {
		{"--against \"$VALUE\"", "/nowhere", "'/nowhere': No such file"},
		{"--against \"$VALUE\"", folder, "there is no program in"},
		{"--against \"$VALUE\"", "/etc/passwd", "there is no program in"},
		{"--against \"$VALUE\"", "/bin/true", "is not this program"},
		{"--against=", "", "isn't empty"},
		{"--peer $VALUE", "/lib/x", "NAME=PATH"},
		{"--peer a-b=\"$VALUE\"", library, "NAME=PATH"},
		{"--peer a=", "", "NAME=PATH"},
		{"--peer mutex=\"$VALUE\"", library, "a strategy 'mutex' already"},
		{"--peer a$VALUE=b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"longer than 31"},
		{"--peer a=/nowhere --peer a=\"$VALUE\"", library, "'/nowhere': No such file"},
		{"--peer a=\"$VALUE\" --peer a=\"$VALUE\"", library,
			"two libraries are called 'a'"},
		{"--peer a=\"$VALUE\"", folder, "no file that can be read"},
		{"--peer a=\"$VALUE\"", "/etc/passwd", "does not take over malloc"},
		{"--peer a=\"$VALUE\"", partial, "does not take over malloc"},
	};
	char line[LINE_BYTES];

	for (size_t i = 0; i < array_count(refused); i++) {
		snprintf(line, sizeof(line), "sweep --dry-run %s", refused[i].line);
		expect(COMMAND_USAGE, line, refused[i].value, refused[i].piece);
	}
}

/* The loader preloads nothing from a path with a blank, and the tree may lie in one. */
static void move_to_folder(char *path, const char *name)
{
	char command[LINE_BYTES];

	assert_int_equal(setenv("FROM", path, 1), 0);
	snprintf(command, sizeof(command), "cp \"$FROM\" '%s/%s'", folder, name);
	assert_int_equal(system(command), 0);
	snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	move_to_folder(library, "library.so");
	move_to_folder(partial, "partial.so");
	snprintf(copy, sizeof(copy), "%s/nblbench", folder);
	snprintf(store, sizeof(store), "%s/out/sweep.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[LINE_BYTES];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_named), /* first: the folder has no program then */
		cmocka_unit_test(another_build_competes),
		cmocka_unit_test(what_another_build_lacks_is_told),
		cmocka_unit_test(a_library_competes),
	};

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("nblbench 0, revision v0.0-1-gfeed, build 0ther, none\n");
		return COMMAND_OK;
	}
	if (argc == 4 && strcmp(argv[1], "worker") == 0)
		return play_worker(argv[2]);
	if (argc != 4 || realpath(argv[1], program) == NULL || realpath(argv[2], library) == NULL ||
		realpath(argv[3], partial) == NULL || realpath("/proc/self/exe", self) == NULL) {
		fprintf(stderr, "usage: guest_test PROGRAM LIBRARY PARTIAL\n");
		return EXIT_FAILURE;
	}
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
