/*
 * Golden counts: the machine code of every fast path, counted (shape.h), against a table in the
 * tree, so that a change of machine code is a visible diff and never happens by the way.
 *
 *	golden_test OBJDUMP check FILE NAME=OBJECT...    fails on any difference and on a broken rule
 *	golden_test OBJDUMP write FILE NAME=OBJECT...    writes the table anew
 *	golden_test OBJDUMP control FILE NAME=OBJECT...  negative control: whatever is altered in the
 *	                                                 table, check notices; and the rule does
 *
 * NAME is a strategy, or strategy+policy; OBJECT its unit of paths.c. Or NAME is a file of the
 * installed library, and OBJECT what that is compiled to: then the functions are documented calls as
 * a program meets them, over the default strategy on their straight path. A path's function is
 * counted twice: along its straight path, which is what a call executes as a rule, and as far as it
 * lies in hot text, executed or not. What the source or the compiler declares cold is left out.
 *
 * Beside the table stands a rule that follows from traits. A lock-free strategy that works on a
 * private cache, a thread's or one in restartable sequences, has no locked instruction in the hot
 * text of its paths, and on the straight ones it calls nothing but memcpy, for a burst's pointers.
 * NBLs over such a strategy keep the rule on their straight paths. get_run and put_run may call:
 * trading a magazine is a function of its own; so may pushes and pops of a policy that allocates for
 * each.
 */
#include "bench/codegen/shape.h"

#include "alloc/context.h"
#include "alloc/machine/compiler.h"
#include "alloc/pool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASS = 0, FAIL = 1, SKIP = 77 };
enum {
	ROWS_MAX = 512,
	STEPS_MAX = 4096,
	NAME_BYTES = 48,
	PATH_BYTES = 24,
	FUNCTION_BYTES = 64,
	ROW_BYTES = 160
};

static const char path_prefix[] = "path_";
#define ROW_FORMAT "%-18s %-13s %5u %5u %5u %6u %6u  %7u %5u %5u %6u %6u"

/* One path of one subject. */
struct row {
	char name[NAME_BYTES], path[PATH_BYTES], function[FUNCTION_BYTES];
	struct shape straight, whole;
	char text[ROW_BYTES]; /* as it stands in the table */
};

struct table {
	size_t count;
	struct row row[ROWS_MAX];
};

static const char *const pool_paths[] = {"get", "put", "get_bulk", "put_bulk"};
static const char *const run_paths[] = {"get_run", "put_run"};
static const char *const context_paths[] = {"nbl_alloc", "nbl_free", "context_push", "context_pop"};

/* Documented calls by the library's file that has them, and what they are called in the table. */
static const struct documented {
	const char *file, *path, *function;
} documented[] = {
	{"ndis/lists.c", "fwps_alloc", "FwpsAllocateNetBufferAndNetBufferList0"},
	{"ndis/lists.c", "fwps_free", "FwpsFreeNetBufferList0"},
	{"ndis/lists.c", "ndis_alloc", "NdisAllocateNetBufferAndNetBufferList"},
	{"ndis/lists.c", "ndis_free", "NdisFreeNetBufferList"},
	{"ndis/context.c", "context_push", "NdisAllocateNetBufferListContext"},
	{"ndis/context.c", "context_pop", "NdisFreeNetBufferListContext"},
};

static bool is_file(const char *name)
{
	return strchr(name, '/') != NULL;
}

static void add_path(struct table *self, const char *name, const char *path, const char *prefix,
	const char *rest)
{
	struct row *row = &self->row[self->count];

	if (self->count == ROWS_MAX)
		return;
	self->count++;
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->path, sizeof(row->path), "%s", path);
	snprintf(row->function, sizeof(row->function), "%s%s", prefix, rest);
}

static void add_calls(struct table *self, const char *file)
{
	for (size_t i = 0; i < array_count(documented); i++) {
		if (strcmp(documented[i].file, file) == 0)
			add_path(self, file, documented[i].path, "", documented[i].function);
	}
}

static void add_paths(struct table *self, const char *name, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_path(self, name, paths[i], path_prefix, paths[i]);
}

static void print_row(struct row *row)
{
	const struct shape *a = &row->straight;
	const struct shape *b = &row->whole;

	snprintf(row->text, sizeof(row->text), ROW_FORMAT, row->name, row->path, a->instructions,
		a->calls, a->loads, a->stores, a->locked, b->instructions, b->calls, b->loads,
		b->stores, b->locked);
}

/* The strategy of a subject, of a file the default one; NULL, with a message, if there is none. */
static const struct pool_ops *strategy_of(const char *name)
{
	char pool[NAME_BYTES];

	if (is_file(name))
		return pool_best();
	snprintf(pool, sizeof(pool), "%.*s", (int)strcspn(name, "+"), name);
	const struct pool_ops *ops = pool_find(pool);
	if (ops == NULL)
		fprintf(stderr, "there is no strategy %s\n", pool);
	return ops;
}

/* The row, from `from` on, whose path the listing's function is, in hot text; NULL: none. */
static struct row *row_of(struct table *self, size_t from, const struct listing *listing)
{
	if (strcmp(listing->section, ".text") != 0)
		return NULL;
	for (size_t i = from; i < self->count; i++) {
		if (strcmp(listing->function, self->row[i].function) == 0)
			return &self->row[i];
	}
	return NULL;
}

/* Counts the paths of one subject. False, with a message. */
static bool count_object(
	struct table *self, const char *objdump, const char *name, const char *object)
{
	const struct pool_ops *ops = strategy_of(name);
	const size_t before = self->count;
	struct listing listing;

	if (ops == NULL)
		return false;
	if (is_file(name)) {
		add_calls(self, name);
	} else if (strchr(name, '+') != NULL) {
		add_paths(self, name, context_paths, array_count(context_paths));
	} else {
		add_paths(self, name, pool_paths, array_count(pool_paths));
		if (ops->get_run != NULL)
			add_paths(self, name, run_paths, array_count(run_paths));
	}
	if (!listing_open(&listing, objdump, object))
		return false;
	for (bool more = listing_next(&listing); more;) {
		static struct shape_step step[STEPS_MAX];
		struct row *row = row_of(self, before, &listing);
		size_t count = 0;

		do {
			if (row != NULL && count < STEPS_MAX)
				step[count++] = shape_of(&listing);
			more = listing_next(&listing);
		} while (more && !listing.first);
		if (row != NULL) {
			row->whole = shape_whole(step, count);
			row->straight = shape_straight(step, count);
		}
	}
	if (!listing_close(&listing, objdump, object))
		return false;
	for (size_t i = before; i < self->count; i++) {
		print_row(&self->row[i]);
		if (self->row[i].whole.instructions == 0) {
			fprintf(stderr, "%s has no function %s\n", object, self->row[i].function);
			return false;
		}
	}
	return true;
}

static bool is_run(const char *path)
{
	return strstr(path, "_run") != NULL;
}

/* Context of a policy that allocates for every push, by its trait. */
static bool allocates_each(const struct row *row)
{
	const char *plus = strchr(row->name, '+');
	const struct context_ops *policy = plus ? context_find(plus + 1) : NULL;

	return policy != NULL && policy->traits.any_order && strncmp(row->path, "context_", 8) == 0;
}

/* The rule of the head comment; what is wrong with a row of this strategy, or NULL. */
static const char *broken_rule(const struct pool_ops *ops, const struct row *row)
{
	const struct pool_traits *t = &ops->traits;
	const bool of_nbls = strchr(row->name, '+') != NULL || is_file(row->name);

	if (t->kind != POOL_KIND_POOL || t->progress < POOL_LOCK_FREE ||
		(t->cache != POOL_CACHE_THREAD && !t->needs_rseq))
		return NULL;
	if (row->straight.locked != 0 || (!of_nbls && row->whole.locked != 0))
		return "a locked instruction, though the cache is private";
	if (row->straight.calls != row->straight.copies && !is_run(row->path) &&
		!allocates_each(row))
		return "a call, though the cache is private";
	return NULL;
}

static bool keeps_rules(const struct table *self)
{
	bool kept = true;

	for (size_t i = 0; i < self->count; i++) {
		const struct row *row = &self->row[i];
		const char *broken = broken_rule(strategy_of(row->name), row);

		if (broken != NULL) {
			printf("%s %s: %s\n", row->name, row->path, broken);
			kept = false;
		}
	}
	return kept;
}

static bool write_table(const struct table *self, FILE *out)
{
	fprintf(out,
		"# Machine code of the fast paths, one line a strategy and path, for gcc %d on "
		"x86-64, release preset.\n"
		"# Written with gcc %s; anew by: cmake --build build/release --target "
		"codegen_golden\n"
		"#\n"
		"# straight: from the entry on, following jumps and falling through branches: "
		"what a call executes as a rule.\n"
		"# hot text: all that is not cold (.text.unlikely), executed or not.\n"
		"# calls: of other functions. loads, stores: instructions that read, that write "
		"memory; push and pop too,\n"
		"# lea, call and ret not. locked: with a lock prefix, and xchg with memory; they "
		"are no loads or stores.\n"
		"# Padding is not counted. bench/codegen/shape.h has the rules.\n"
		"#\n"
		"# %-16s %-13s %31s  %33s\n"
		"# %-16s %-13s %5s %5s %5s %6s %6s  %7s %5s %5s %6s %6s\n",
		__GNUC__, __VERSION__, "", "", "---------- straight -----------",
		"------------ hot text -----------", "strategy", "path", "instr", "calls", "loads",
		"stores", "locked", "instr", "calls", "loads", "stores", "locked");
	for (size_t i = 0; i < self->count; i++)
		fprintf(out, "%s\n", self->row[i].text);
	return fflush(out) == 0 && !ferror(out);
}

/* Whether two lines of the table are of the same path. */
static bool same_path(const char *a, const char *b)
{
	size_t length = strcspn(a, " ");

	length += strspn(a + length, " ");
	length += strcspn(a + length, " ");
	return strncmp(a, b, length) == 0 && b[length] == ' ';
}

/*
 * How many paths differ between the table that `in` has and the one that was counted; each is
 * printed, unless quiet, with what it was (-) and what it is (+).
 */
static size_t differences(const struct table *self, FILE *in, bool quiet)
{
	static bool met[ROWS_MAX];
	char line[ROW_BYTES];
	size_t differ = 0;

	memset(met, 0, sizeof(met));
	while (fgets(line, sizeof(line), in) != NULL) {
		size_t i = 0;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		while (i < self->count && (met[i] || !same_path(self->row[i].text, line)))
			i++;
		if (i < self->count)
			met[i] = true;
		if (i < self->count && strcmp(self->row[i].text, line) == 0)
			continue;
		differ++;
		if (!quiet)
			printf("- %s\n", line);
		if (!quiet && i < self->count)
			printf("+ %s\n", self->row[i].text);
	}
	for (size_t i = 0; i < self->count; i++) {
		differ += !met[i];
		if (!met[i] && !quiet)
			printf("+ %s\n", self->row[i].text);
	}
	return differ;
}

static int check(const struct table *counted, const char *file)
{
	FILE *in = fopen(file, "r");
	bool kept = keeps_rules(counted);

	if (in == NULL) {
		perror(file);
		return FAIL;
	}
	size_t differ = differences(counted, in, false);
	fclose(in);
	if (differ != 0)
		printf("%zu paths differ from %s (-: the table, +: this build). If that is meant: "
		       "cmake --build build/release --target codegen_golden\n",
			differ, file);
	return kept && differ == 0 ? PASS : FAIL;
}

static int rewrite(const struct table *counted, const char *file)
{
	FILE *out = fopen(file, "w");
	bool written = out != NULL && write_table(counted, out);

	if (!written)
		perror(file);
	if (out != NULL)
		fclose(out);
	return written ? PASS : FAIL;
}

/* What check says of a table other than the one that was counted. */
static size_t differences_from(const struct table *counted, const struct table *other)
{
	FILE *file = tmpfile();

	if (file == NULL || !write_table(other, file)) {
		perror("tmpfile");
		exit(FAIL);
	}
	rewind(file);
	size_t differ = differences(counted, file, true);
	fclose(file);
	return differ;
}

static int expect(const char *what, size_t differ, size_t want)
{
	if (differ == want)
		return PASS;
	printf("%s: %zu differences noticed, not %zu\n", what, differ, want);
	return FAIL;
}

/* One of the counts in a row. */
static unsigned *cell_of(struct row *row, int column)
{
	struct shape *shape = column < 5 ? &row->straight : &row->whole;
	unsigned *const cells[] = {
		&shape->instructions, &shape->calls, &shape->loads, &shape->stores, &shape->locked};

	return cells[column % 5];
}

static int expect_rule(const char *what, const char *pool, const struct row *row, bool broken)
{
	return expect(what, broken_rule(pool_find(pool), row) != NULL, broken);
}

/* The table with one count altered, a row taken out, a row twice; and shapes that break the rule. */
static int control(const struct table *counted)
{
	static struct table other;
	int result = expect("the same table", differences_from(counted, counted), 0);

	for (size_t i = 0; i < counted->count; i++) {
		for (int column = 0; column < 10; column++) {
			other = *counted;
			++*cell_of(&other.row[i], column);
			print_row(&other.row[i]);
			result |= expect(other.row[i].text, differences_from(counted, &other), 1);
		}
	}
	other = *counted;
	other.count--;
	result |= expect("a row too few", differences_from(counted, &other), 1);
	other.row[other.count++] = other.row[0];
	result |= expect("a row twice, and one too few", differences_from(counted, &other), 2);

	const struct row sound = {.path = "get", .straight.instructions = 8};
	const struct row copies = {.path = "get_bulk", .straight = {.calls = 1, .copies = 1}};
	const struct row calls = {.path = "get", .straight.calls = 1};
	const struct row locks = {.path = "get", .straight.locked = 1};
	const struct row hides = {.path = "get_run", .whole.locked = 1};
	const struct row trades = {.path = "get_run", .straight.calls = 1};
	const struct row falls_back = {.name = "mag_tls+arena", .whole.locked = 2};

	result |= expect_rule("sound", "mag_tls", &sound, false);
	result |= expect_rule("a copy", "mag_tls", &copies, false);
	result |= expect_rule("a call", "mag_tls", &calls, true);
	result |= expect_rule("a locked instruction", "rseq_arr", &locks, true);
	result |= expect_rule("a locked instruction beside the path", "rseq_mag", &hides, true);
	result |= expect_rule("a trade", "rseq_mag", &trades, false);
	result |= expect_rule("a context's fallback", "mag_tls", &falls_back, false);
	result |= expect_rule("a shared structure", "treiber_tag", &locks, false);
	result |= expect_rule("a cache under a lock", "percpu_try", &locks, false);
	return result;
}

int main(int argc, char **argv)
{
	static struct table counted;

	const char *why = GOLDEN_ABSENT_REASON;

	/* First: a build that has no use for the table makes no units to count. */
	if (why[0] != '\0') {
		printf("skipped: %s\n", why);
		return SKIP;
	}
	if (argc < 5) {
		fprintf(stderr,
			"usage: golden_test OBJDUMP check|write|control FILE NAME=OBJECT...\n");
		return FAIL;
	}
	for (int i = 4; i < argc; i++) {
		char *object = strchr(argv[i], '=');

		if (object == NULL) {
			fprintf(stderr, "%s is not NAME=OBJECT\n", argv[i]);
			return FAIL;
		}
		*object++ = '\0';
		if (!count_object(&counted, argv[1], argv[i], object))
			return FAIL;
	}
	if (strcmp(argv[2], "write") == 0)
		return rewrite(&counted, argv[3]);
	return strcmp(argv[2], "control") == 0 ? control(&counted) : check(&counted, argv[3]);
}
