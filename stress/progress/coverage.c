/* See coverage.h. */
#include "stress/progress/coverage.h"

#include "stress/base/locations.h"
#include "stress/base/patterns.h"
#include "stress/stress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_BYTES = 512, NAME_BYTES = 64, PLACE_BYTES = 96, WITHIN_BYTES = 256 };

/* What does not count, and why. */
enum reach { CAN_BE_REACHED, FAILED_CHECK, SIGNATURE, FILL /* or the freezer's own */, REACHES };
static const char *const unreached_because[REACHES] = {
	[FAILED_CHECK] = "lead from a check that fails to the end of the program",
	[SIGNATURE] =
		"are the signatures before abort handlers, which the kernel compares and nobody "
		"runs",
};

struct instruction {
	uint32_t offset;
	uint32_t shown_at; /* where its line is looked up: abort handlers have none */
	uint32_t function;
	enum reach reach;
	uint32_t to; /* where a jump or a call leads; 0: nowhere that is known */
	bool leaves; /* nothing runs on from here to the next instruction, or it may go elsewhere */
	bool ends;   /* nothing runs on from here */
	bool taken;  /* out of the list of the present run, by a row of unreached.def */
	bool ever;   /* stepped, in one of the runs that were taken */
};

/* A function that objdump shows. */
struct function {
	char name[NAME_BYTES];
	uint32_t begin;
	/* What is counted, in the present run or ever. All are missing: it was not entered. */
	uint32_t all, missing;
};

/* A byte an address, of the run that is looked at, or of this process's. */
static unsigned char *noted;
static struct instruction *instructions;
static size_t count;
static struct function *functions;
static uint32_t function_count;

/* One more at the end of an array. */
static void *grow(void *array, size_t have, size_t bytes)
{
	enum { AT_FIRST = 1024 };
	const bool full = have == 0 || (have >= AT_FIRST && (have & (have - 1)) == 0);

	if (!full)
		return array;
	array = realloc(array, (have == 0 ? AT_FIRST : 2 * have) * bytes);
	if (array == NULL)
		stress_fail(PROMISE_NONE, "no memory for the program's instructions");
	return array;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* The straight line of instructions that ends in the call which ends the program. */
static void exclude_failed_check(void)
{
	for (size_t i = count; i-- > 0;) {
		struct instruction *at = &instructions[i];

		if (at->function != function_count - 1 || (i + 1 < count && at->leaves))
			return;
		at->reach = FAILED_CHECK;
	}
}

/* Of a jump or a call to a place of this program. */
static uint32_t target_of(const char *text)
{
	if (*text != 'j' && strncmp(text, "call", 4) != 0)
		return 0;
	return (uint32_t)strtoul(text + strcspn(text, " "), NULL, 16);
}

static void take_instruction(uint32_t offset, const char *text)
{
	instructions = grow(instructions, count, sizeof(*instructions));
	struct instruction *at = &instructions[count++];

	text += strspn(text, ": \t");
	*at = (struct instruction){.offset = offset,
		.shown_at = offset,
		.function = function_count - 1,
		.to = target_of(text),
		.leaves = *text == 'j' || strncmp(text, "ret", 3) == 0,
		.ends = strncmp(text, "jmp", 3) == 0 || strncmp(text, "ret", 3) == 0};
	if (has(text, "nop") || has(text, "xchg   %ax,%ax") ||
		has(functions[at->function].name, "documented_"))
		at->reach = FILL;
	else if (strncmp(text, "ud1", 3) == 0)
		at->reach = SIGNATURE;
	else if (has(text, "call") && (has(text, "<assert_failed") || has(text, "<abort@plt>"))) {
		at->leaves = at->ends = true;
		exclude_failed_check();
	}
}

static void take_function(uint32_t begin, const char *name)
{
	functions = grow(functions, function_count, sizeof(*functions));
	struct function *at = &functions[function_count++];

	*at = (struct function){.begin = begin};
	snprintf(at->name, sizeof(at->name), "%.*s", (int)strcspn(name, ">"), name);
}

/* The function that an offset lies in. */
static uint32_t function_at(uint32_t offset)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < function_count; i++) {
		if (functions[i].begin <= offset && functions[i].begin >= functions[found].begin)
			found = i;
	}
	return found;
}

/*
 * The abort handlers of all sections stand together, each behind its signature. It belongs to the function that it goes
 * back to.
 */
static void take_handler(const char *text)
{
	const char *to = strstr(text, "jmp ");

	if (!has(functions[function_count - 1].name, "__rseq_failure") || to == NULL)
		return;
	const uint32_t back = (uint32_t)strtoul(to + strlen("jmp "), NULL, 16);
	for (size_t i = count; i > 0 && instructions[i - 1].reach != SIGNATURE; i--) {
		instructions[i - 1].function = function_at(back);
		instructions[i - 1].shown_at = back - 1; /* its last instruction */
	}
}

/* Jumps and calls, by where they lead. */
static struct edge {
	uint32_t to;
	size_t from; /* an instruction's number */
} * edges;
static size_t edge_count;

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->to > y->to) - (x->to < y->to);
}

static void find_edges(void)
{
	edges = stress_array(count + 1, sizeof(*edges));
	for (size_t i = 0; i < count; i++) {
		if (instructions[i].to != 0)
			edges[edge_count++] = (struct edge){instructions[i].to, i};
	}
	qsort(edges, edge_count, sizeof(*edges), compare_edges);
}

void coverage_prepare(void)
{
	char line[LINE_BYTES];

	/* Handlers name functions of the text, so that comes first. */
	snprintf(line, sizeof(line),
		"for s in .text __rseq_failure; do objdump -d --no-show-raw-insn -j $s "
		"/proc/%d/exe; done 2>/dev/null",
		(int)getpid());
	FILE *text = popen(line, "r");
	while (text != NULL && fgets(line, sizeof(line), text) != NULL) {
		char *after;
		const uint32_t offset = (uint32_t)strtoul(line, &after, 16);

		if (after == line)
			continue;
		if (*after == ':' && function_count != 0) {
			take_instruction(offset, after);
			take_handler(after);
		} else if (strncmp(after, " <", 2) == 0) {
			take_function(offset, after + 2);
		}
	}
	if (text != NULL)
		pclose(text);
	find_edges();
}

unsigned char *coverage_new(void)
{
	unsigned char *run = mmap(
		NULL, locations_end(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (run == MAP_FAILED)
		stress_fail(PROMISE_NONE, "mmap: %s", strerror(errno));
	return run;
}

void coverage_choose(unsigned char *run)
{
	noted = run;
}

void coverage_note(uintptr_t address)
{
	const uintptr_t offset = locations_offset(address);

	if (offset != 0)
		noted[offset] = 1;
}

static bool is_stepped(const struct instruction *at)
{
	return at->offset < locations_end() && noted[at->offset] != 0;
}

/* A place of an instruction that was never stepped. */
struct place {
	uint32_t function;
	char file[PLACE_BYTES];
	uint32_t line;
	/* Functions, the innermost first, that were inlined there: each with a blank behind it. */
	char within[WITHIN_BYTES];
};

struct list {
	const struct instruction **missing;
	struct place *place;
	size_t count;
	bool located; /* else nothing is known of the places but the function */
};

static void take_place(void *arg, size_t i, uint32_t level, const char *place, const char *function)
{
	const struct list *list = arg;
	const char *colon = strrchr(place, ':');
	struct place *at = &list->place[i];
	const size_t used = strlen(at->within);

	snprintf(at->within + used, sizeof(at->within) - used, "%s ", function);
	if (level != 0)
		return;
	snprintf(at->file, sizeof(at->file), "%.*s", (int)(colon - place), place);
	at->line = (uint32_t)strtoul(colon + 1, NULL, 10);
}

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	const int files = strcmp(x->file, y->file);

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (files != 0)
		return files;
	return (x->line > y->line) - (x->line < y->line);
}

/* A line of text a function: its places, each with how many instructions it has. */
static void print_places(struct place *place, size_t n)
{
	qsort(place, n, sizeof(*place), compare);
	for (size_t i = 0, same; i < n; i += same) {
		const struct place *at = &place[i], *before = i != 0 ? at - 1 : NULL;

		for (same = 1; i + same < n && compare(at, at + same) == 0; same++)
			;
		if (before == NULL || before->function != at->function)
			printf("\n  %s, %" PRIu32 " of %" PRIu32 ": %s:%" PRIu32,
				functions[at->function].name, functions[at->function].missing,
				functions[at->function].all, at->file, at->line);
		else if (strcmp(before->file, at->file) != 0)
			printf(", %s:%" PRIu32, at->file, at->line);
		else
			printf(", :%" PRIu32, at->line);
		if (same > 1)
			printf(" (%zu)", same);
	}
}

/* What is counted of the functions that were entered, ever or in the present run. */
struct sum {
	uint64_t all, missing;
	uint32_t functions;
};

static bool is_stepped_or_ever(const struct instruction *at, bool ever)
{
	return ever ? at->ever : is_stepped(at);
}

static struct sum sum_up(bool ever)
{
	struct sum sum = {0};

	for (uint32_t i = 0; i < function_count; i++)
		functions[i].all = functions[i].missing = 0;
	for (size_t i = 0; i < count; i++) {
		const struct instruction *at = &instructions[i];

		if (at->reach != CAN_BE_REACHED)
			continue;
		functions[at->function].all++;
		functions[at->function].missing += !is_stepped_or_ever(at, ever);
	}
	for (uint32_t i = 0; i < function_count; i++) {
		const struct function *at = &functions[i];

		if (at->missing == at->all)
			continue;
		sum.functions++;
		sum.all += at->all;
		sum.missing += at->missing;
	}
	return sum;
}

static double percent(const struct sum *sum)
{
	return 100.0 * (double)(sum->all - sum->missing) / (double)sum->all;
}

/* What is missing of them, after sum_up. */
static struct list list_missing(bool ever)
{
	struct list list = {.missing = stress_array(count + 1, sizeof(*list.missing)),
		.place = stress_array(count + 1, sizeof(*list.place))};
	uintptr_t *offset = stress_array(count + 1, sizeof(*offset));

	for (size_t i = 0; i < count; i++) {
		const struct instruction *at = &instructions[i];
		const struct function *of = &functions[at->function];

		if (at->reach != CAN_BE_REACHED || of->missing == of->all ||
			is_stepped_or_ever(at, ever))
			continue;
		list.place[list.count].function = at->function;
		list.missing[list.count] = at;
		offset[list.count++] = at->shown_at;
	}
	list.located = locations_find(offset, list.count, take_place, &list);
	free(offset);
	return list;
}

static void print_missing(const struct list *list)
{
	if (list->located)
		print_places(list->place, list->count);
	else
		printf(" %zu, whose lines are not told: there is no addr2line here (binutils)",
			list->count);
	putchar('\n');
}

static void free_list(const struct list *list)
{
	free(list->missing);
	free(list->place);
}

/* What no way leads to here, and why. */
static const struct unreached {
	const char *pools; /* patterns with commas, as of a shell */
	/* It is within that, inlined or not, or straight before or behind a call of it, or only that leads there. */
	const char *function;
	const char *because;
} unreached[] = {
#define UNREACHED(pools, function, because) {pools, function, because},
#include "stress/progress/unreached.def"
};

static bool is_within(const struct place *place, const char *function)
{
	const size_t length = strlen(function);
	const char *at = place->within;

	while (*at != '\0' && (strncmp(at, function, length) != 0 || at[length] != ' '))
		at = strchr(at, ' ') + 1;
	return *at != '\0';
}

static bool is_missing(const struct instruction *at)
{
	return at->reach == CAN_BE_REACHED && !is_stepped(at);
}

static bool leads_to(const struct instruction *at, const char *function)
{
	return at->to != 0 && strcmp(functions[function_at(at->to)].name, function) == 0;
}

/* Whether the straight line of missing instructions that it stands in has a call of that function. */
static bool is_beside_call(const struct instruction *at, const char *function)
{
	const struct instruction *first = at, *end = instructions + count;

	while (first > instructions && is_missing(first - 1) && !first[-1].leaves)
		first--;
	for (; first < end && is_missing(first); first++) {
		if (leads_to(first, function))
			return true;
		if (first->leaves)
			return false;
	}
	return false;
}

/* Whether nothing leads there but what was taken. */
static bool is_behind_taken(const struct instruction *at)
{
	const struct instruction *before = at - 1;
	size_t low = 0, high = edge_count;
	bool any = false;

	if (at->offset == functions[at->function].begin)
		return false;
	while (before > instructions && before->reach == FILL)
		before--;
	if (!before->ends) {
		if (!before->taken)
			return false;
		any = true;
	}
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (edges[middle].to < at->offset)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < edge_count && edges[low].to == at->offset; low++) {
		if (!instructions[edges[low].from].taken)
			return false;
		any = true;
	}
	return any;
}

/* Takes those from the list and the sum that the row speaks of. Returns how many. */
static size_t take_unreached(
	const struct unreached *row, const char *pool, struct list *list, struct sum *sum)
{
	size_t taken = 0;
	bool more = patterns_have(row->pools, pool);

	while (more) {
		size_t kept = 0;

		more = false;
		for (size_t i = 0; i < list->count; i++) {
			struct instruction *at = &instructions[list->missing[i] - instructions];
			struct function *of = &functions[at->function];

			if (is_within(&list->place[i], row->function) ||
				is_beside_call(at, row->function) ||
				(taken != 0 && is_behind_taken(at))) {
				of->all--;
				of->missing--;
				sum->all--;
				sum->missing--;
				taken++;
				more = at->taken = true;
			} else {
				list->place[kept] = list->place[i];
				list->missing[kept++] = list->missing[i];
			}
		}
		list->count = kept;
	}
	return taken;
}

static double take(const char *pool)
{
	struct sum sum = sum_up(false);
	size_t of[array_count(unreached)];

	if (sum.all == 0)
		return 0;
	const double plain = percent(&sum);
	struct list list = list_missing(false);
	for (size_t i = 0; i < array_count(unreached); i++)
		of[i] = take_unreached(&unreached[i], pool, &list, &sum);
	const double reach = percent(&sum);

	printf("         stepped %.1f %% of the instructions of %" PRIu32
	       " functions that %s entered, and %.1f %% of the %" PRIu64 " that can be reached",
		plain, sum.functions, pool, reach, sum.all);
	if (reach < STRESS_REACH_ENOUGH) {
		printf(": too few, not");
		print_missing(&list);
	} else {
		putchar('\n');
	}
	for (size_t i = 0; i < array_count(unreached); i++) {
		if (of[i] != 0)
			printf("         not reached: %zu in %s, for %s\n", of[i],
				unreached[i].function, unreached[i].because);
	}
	free_list(&list);
	for (size_t i = 0; i < count; i++) {
		instructions[i].ever |= is_stepped(&instructions[i]);
		instructions[i].taken = false;
	}
	return reach;
}

double coverage_take(const char *pool, unsigned char *run)
{
	coverage_choose(run);
	const double reach = take(pool);
	munmap(run, locations_end());
	return reach;
}

void coverage_print(void)
{
	const struct sum sum = sum_up(true);
	uint64_t excluded[REACHES] = {0};

	if (sum.all == 0) {
		puts("which instructions were stepped is not told: objdump (binutils) is "
		     "missing");
		return;
	}
	const struct list list = list_missing(true);
	printf("stepped %.1f %% of the %" PRIu64 " instructions of all these functions; not:",
		percent(&sum), sum.all);
	print_missing(&list);
	free_list(&list);
	for (size_t i = 0; i < count; i++) {
		const struct function *of = &functions[instructions[i].function];

		excluded[instructions[i].reach] += of->missing != of->all && !instructions[i].ever;
	}
	for (int i = 0; i < REACHES; i++) {
		if (unreached_because[i] != NULL && excluded[i] != 0)
			printf("not counted: %" PRIu64 " that %s\n", excluded[i],
				unreached_because[i]);
	}
}
