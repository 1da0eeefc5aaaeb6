/* Options: what is accepted, what is refused, and that each refusal names the thing. */
#include "bench/base/options.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct example {
	bool quick, dry_run;
	uint64_t forks;
	double slice_ms;
	const char *out;
	struct options_texts peers;
	struct options_names pools;
	struct options_numbers threads;
	struct options_numbers aligns;
	uint64_t align;
};

static const char *known_pools(size_t i)
{
	static const char *const names[] = {"null", "mutex", "treiber_tag", NULL};

	return names[i];
}

static const struct options_entry entries[] = {
	OPTION(FLAG, struct example, quick, "quick", 'q', NULL, "Finish within a minute."),
	OPTION(FLAG, struct example, dry_run, "dry-run", 'n', NULL, "Run nothing."),
	OPTION(COUNT, struct example, forks, "forks", 0, "N", "Worker sets.", 1, 100),
	OPTION(REAL, struct example, slice_ms, "slice-ms", 0, "MS",
		"Length of a slice in milliseconds.", .real_least = 0.01, .real_most = 1000),
	OPTION(TEXT, struct example, out, "out", 'o', "DIR", "Where the results go."),
	OPTION(TEXTS, struct example, peers, "peer", 0, "NAME=PATH", "Libraries."),
	OPTION(NAMES, struct example, pools, "pool", 0, "A,B", "Strategies.", .known = known_pools,
		.noun = "strategy"),
	OPTION(NUMBERS, struct example, threads, "threads", 0, "LIST", "Threads.", 1, 256),
	OPTION(NUMBERS, struct example, aligns, "aligns", 0, "LIST", "Alignments.", 16, 4096,
		.power_of_two = true),
	OPTION(COUNT, struct example, align, "align", 0, "BYTES", "Alignment.", 16,
		.power_of_two = true),
};

static const struct options options = {
	.command = "example",
	.operands = "STORE...",
	.operands_most = 2,
	.summary = "Shows what options can do.",
	.count = array_count(entries),
	.entry = entries,
};

/* Where a stream goes while a test looks at what is printed. */
struct capture {
	FILE *file;
	int saved;
	int descriptor;
};

static struct capture capture_begin(int descriptor)
{
	struct capture self = {tmpfile(), dup(descriptor), descriptor};

	assert_non_null(self.file);
	fflush(NULL);
	dup2(fileno(self.file), descriptor);
	return self;
}

static void capture_end(struct capture *self, char *text, size_t bytes)
{
	fflush(NULL);
	dup2(self->saved, self->descriptor);
	close(self->saved);
	ssize_t got = pread(fileno(self->file), text, bytes - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	fclose(self->file);
}

/* Parses a line of words; the words stay in `line`. What went to standard error is in `said`. */
struct parsed {
	struct example value;
	bool go_on;
	int status, operand, argc;
	char line[512];
	char *argv[32];
	char said[4096];
};

static void parse(struct parsed *self, const char *words)
{
	memset(self, 0, sizeof(*self));
	self->value.forks = 3;
	snprintf(self->line, sizeof(self->line), "example %s", words);
	for (char *word = strtok(self->line, " "); word != NULL; word = strtok(NULL, " "))
		self->argv[self->argc++] = word;
	struct capture capture = capture_begin(STDERR_FILENO);
	self->go_on = options_parse(
		&options, self->argc, self->argv, &self->value, &self->operand, &self->status);
	capture_end(&capture, self->said, sizeof(self->said));
}

/* The line is refused with status 2, and the sentence holds both pieces. */
static void assert_refused(const char *words, const char *piece, const char *other)
{
	struct parsed p;

	parse(&p, words);
	assert_false(p.go_on);
	assert_int_equal(p.status, COMMAND_USAGE);
	if (strstr(p.said, piece) == NULL || strstr(p.said, other) == NULL)
		fail_msg("'%s' was refused with: %s", words, p.said);
}

static void every_kind_is_read(NO_STATE)
{
	struct parsed p;

	parse(&p, "-q --forks 7 --slice-ms=2.5 -o /tmp/x --pool mutex,null --threads 1,2 a b");
	assert_true(p.go_on);
	assert_true(p.value.quick);
	assert_int_equal(p.value.forks, 7);
	assert_true(p.value.slice_ms == 2.5);
	assert_string_equal(p.value.out, "/tmp/x");
	assert_int_equal(p.value.pools.count, 2);
	assert_string_equal(p.value.pools.item[0], "mutex");
	assert_string_equal(p.value.pools.item[1], "null");
	assert_int_equal(p.argc - p.operand, 2);
	assert_string_equal(p.argv[p.operand], "a");
	assert_string_equal(p.argv[p.operand + 1], "b");
}

static void texts_add_up(NO_STATE)
{
	struct parsed p;

	parse(&p, "--peer a=1 --peer=b=2");
	assert_int_equal(p.value.peers.count, 2);
	assert_string_equal(p.value.peers.item[0], "a=1");
	assert_string_equal(p.value.peers.item[1], "b=2");
	assert_refused("--peer=", "--peer", "isn't empty");
	assert_refused("--peer 1 --peer 2 --peer 3 --peer 4 --peer 5 --peer 6 --peer 7 --peer 8 "
		       "--peer 9",
		"--peer", "8 times at most");
}

static void operands_may_stand_anywhere(NO_STATE)
{
	struct parsed p;

	parse(&p, "a --forks 4 -- --quick");
	assert_true(p.go_on);
	assert_int_equal(p.value.forks, 4);
	assert_false(p.value.quick);
	assert_int_equal(p.argc - p.operand, 2);
	assert_string_equal(p.argv[p.operand], "a");
	assert_string_equal(p.argv[p.operand + 1], "--quick");
}

/* As getopt takes them: flags in one word, the value of the last in the word or behind it. */
static void letters_may_share_a_word(NO_STATE)
{
	struct parsed p;

	parse(&p, "-nq");
	assert_true(p.go_on && p.value.dry_run && p.value.quick);
	parse(&p, "-nqo /tmp/x a");
	assert_true(p.go_on && p.value.dry_run && p.value.quick);
	assert_string_equal(p.value.out, "/tmp/x");
	assert_int_equal(p.argc - p.operand, 1);
	parse(&p, "-no/tmp/q");
	assert_true(p.go_on && p.value.dry_run && !p.value.quick);
	assert_string_equal(p.value.out, "/tmp/q");
	assert_refused("-nz", "'-z'", "--help");
	assert_refused("-no", "--out", "needs a value");
}

static void assert_numbers(const char *list, const uint64_t *expected, size_t count)
{
	char words[256];
	struct parsed p;

	snprintf(words, sizeof(words), "--threads %s", list);
	parse(&p, words);
	if (!p.go_on)
		fail_msg("'%s' was refused with: %s", list, p.said);
	assert_int_equal(p.value.threads.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(p.value.threads.item[i], expected[i]);
}

static void lists_and_ranges_expand(NO_STATE)
{
	const uint64_t cpus = options_cpus();

	assert_numbers("5", (const uint64_t[]){5}, 1);
	assert_numbers("1,2,4..6", (const uint64_t[]){1, 2, 4, 5, 6}, 5);
	assert_numbers("1..64*4", (const uint64_t[]){1, 4, 16, 64}, 4);
	assert_numbers("1..60*4", (const uint64_t[]){1, 4, 16}, 3);
	assert_numbers("10..30+10", (const uint64_t[]){10, 20, 30}, 3);
	assert_numbers("3,3,1..3", (const uint64_t[]){3, 1, 2}, 3);
	assert_numbers("N,3N", (const uint64_t[]){cpus, 3 * cpus}, 2);
	assert_numbers("N..N", (const uint64_t[]){cpus}, 1);
	/* Parts of N are at least 1, on one CPU too. */
	assert_numbers("2N/2", (const uint64_t[]){cpus}, 1);
	assert_numbers("N/2", (const uint64_t[]){cpus > 1 ? cpus / 2 : 1}, 1);
	assert_numbers("N-1", (const uint64_t[]){cpus > 1 ? cpus - 1 : 1}, 1);
	assert_numbers("3N/2-1", (const uint64_t[]){cpus > 1 ? 3 * cpus / 2 - 1 : 1}, 1);
	assert_numbers("N/1000,N-1000", (const uint64_t[]){1}, 1);
	assert_numbers("N-1..N*8", (const uint64_t[]){cpus > 1 ? cpus - 1 : 1}, 1);
}

static void powers_of_two_are_no_other_numbers(NO_STATE)
{
	struct parsed p;

	parse(&p, "--aligns 16..4096*2 --align 8192");
	assert_true(p.go_on);
	assert_int_equal(p.value.aligns.count, 9);
	assert_int_equal(p.value.aligns.item[8], 4096);
	assert_int_equal(p.value.align, 8192);
	assert_refused("--aligns 48", "a power of two, 16 to 4096", "48 is not one");
	assert_refused("--aligns 16,8", "a power of two, 16 to 4096", "8 is not one");
	assert_refused("--aligns 64,8192", "a power of two, 16 to 4096", "8192 is not one");
	assert_refused("--align 24", "a power of two, at least 16", "'24'");
}

static void mistakes_are_named(NO_STATE)
{
	assert_refused("--frks 3", "'--frks'", "did you mean '--forks'");
	assert_refused("--colour", "'--colour'", "--help");
	assert_refused("-z", "'-z'", "--help");
	assert_refused("--forks", "--forks", "needs a value");
	assert_refused("--forks 0", "1 to 100", "'0'");
	assert_refused("--forks 101", "1 to 100", "'101'");
	assert_refused("--forks -1", "1 to 100", "'-1'");
	assert_refused("--forks 3x", "whole number", "'3x'");
	assert_refused("--forks 99999999999999999999", "1 to 100", "99999999999999999999");
	assert_refused("--slice-ms nan", "--slice-ms", "'nan'");
	assert_refused("--slice-ms 1001", "0.01 to 1000", "'1001'");
	assert_refused("--slice-ms 0", "0.01 to 1000", "'0'");
	assert_refused("--slice-ms 0.001", "0.01 to 1000", "'0.001'");
	assert_refused("--quick=yes", "--quick", "no value");
	assert_refused("--out=", "--out", "empty");
	assert_refused("--pool mutx", "no strategy 'mutx'", "did you mean 'mutex'");
	assert_refused("--pool zebra", "no strategy 'zebra'", "null, mutex, treiber_tag");
	assert_refused("--pool mutex,", "no strategy ''", "known: null");
	assert_refused("--threads 0", "1 to 256", "0 is not one");
	assert_refused("--threads 250..257", "1 to 256", "not one");
	assert_refused("--threads 4..2", "1,2,4..8", "'4..2'");
	assert_refused("--threads 1..8*1", "1,2,4..8", "'1..8*1'");
	assert_refused("--threads 1..8+0", "1,2,4..8", "'1..8+0'");
	assert_refused("--threads 18446744073709551615N", "1,2,4..8", "18446744073709551615N");
	assert_refused("--threads 1..200", "at most 64 numbers", "--threads");
	assert_refused("--threads N/0", "1,2,4..8", "'N/0'");
	assert_refused("--threads N/", "1,2,4..8", "'N/'");
	assert_refused("--threads 0N", "1,2,4..8", "'0N'");
	assert_refused("--threads 4/2", "1,2,4..8", "'4/2'");
	assert_refused("--threads two", "1,2,4..8", "'two'");
	assert_refused("a b c", "at most 2 operands", "STORE");
}

/* And what is right beside them is read. */
static void all_mistakes_are_told_at_once(NO_STATE)
{
	struct parsed p;
	size_t lines = 0;

	parse(&p, "--frks 3 --forks 0 --pool mutx --colour red --threads 2");
	assert_false(p.go_on);
	for (const char *at = p.said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 4);
	assert_int_equal(p.value.threads.item[0], 2);
}

static void assert_key(const char *key, const char *value, const char *sentence)
{
	static const char place[] = "x.ini:3: ";
	struct example into = {0};
	char said[512];
	struct capture capture = capture_begin(STDERR_FILENO);
	const struct options_entry *entry = options_key(&options, place, key);
	const bool taken = entry != NULL && options_take(&options, place, entry, value, &into);

	capture_end(&capture, said, sizeof(said));
	assert_int_equal(taken, sentence[0] == '\0');
	if (strstr(said, sentence) == NULL)
		fail_msg("%s = %s: %s", key, value, said);
}

/* The same table, told of a place in a file and without dashes. */
static void keys_are_the_options(NO_STATE)
{
	assert_key("forks", "7", "");
	assert_key("quick", "yes", "");
	assert_key("quick", "no", "");
	assert_key("quick", "maybe", "example: x.ini:3: quick takes yes or no; 'maybe' is neither");
	assert_key("forks", "0", "example: x.ini:3: forks takes a whole number, 1 to 100");
	assert_key("frks", "1", "x.ini:3: there is no key 'frks'; did you mean 'forks'?");
	assert_key("colour", "1", "x.ini:3: there is no key 'colour'; keys are the options of");
	assert_key("pool", "mutx", "x.ini:3: pool: there is no strategy 'mutx'; did you mean");
}

/* Every option of the table stands in --help, with its default where it has one. */
static void help_lists_every_option(NO_STATE)
{
	struct parsed p;
	char text[4096];

	struct capture capture = capture_begin(STDOUT_FILENO);
	parse(&p, "--help");
	capture_end(&capture, text, sizeof(text));
	assert_false(p.go_on);
	assert_int_equal(p.status, COMMAND_OK);
	for (size_t i = 0; i < array_count(entries); i++) {
		assert_non_null(strstr(text, entries[i].name));
		assert_non_null(strstr(text, entries[i].help));
	}
	assert_non_null(strstr(text, "Worker sets. [3]"));
	assert_non_null(strstr(text, "STORE..."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(texts_add_up),
		cmocka_unit_test(operands_may_stand_anywhere),
		cmocka_unit_test(letters_may_share_a_word),
		cmocka_unit_test(lists_and_ranges_expand),
		cmocka_unit_test(powers_of_two_are_no_other_numbers),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(keys_are_the_options),
		cmocka_unit_test(help_lists_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
