/* See coverage.h. */
#include "stress/progress/coverage.h"

#include "stress/base/locations.h"
#include "stress/stress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_BYTES = 512, NAME_BYTES = 64, PLACE_BYTES = 96 };

/* What does not count, and why. */
enum reach { CAN_BE_REACHED, FAILED_CHECK, SIGNATURE, FILL, REACHES };
static const char *const unreached_because[REACHES] = {
	[FAILED_CHECK] = "lead from a check that fails to the end of the program",
	[SIGNATURE] =
		"are the signatures before abort handlers, which the kernel compares and nobody "
		"runs",
};

struct instruction {
	uint32_t offset;
	uint32_t function;
	enum reach reach;
	bool leaves; /* nothing runs on from here to the next instruction, or it may go elsewhere */
	bool ever;   /* stepped, in one of the runs that were taken */
};

/* A function that objdump shows. */
struct function {
	char name[NAME_BYTES];
	uint32_t begin;
	uint32_t counted, stepped; /* in the present run */
	uint32_t all, never;       /* of all, those that were stepped in none */
	bool entered;              /* in any */
};

static unsigned char *noted; /* a byte an address, of the present run */
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
		stress_fail("no memory for the program's instructions");
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

static void take_instruction(uint32_t offset, const char *text)
{
	instructions = grow(instructions, count, sizeof(*instructions));
	struct instruction *at = &instructions[count++];

	text += strspn(text, ": \t");
	*at = (struct instruction){.offset = offset,
		.function = function_count - 1,
		.leaves = *text == 'j' || strncmp(text, "ret", 3) == 0};
	if (has(text, "nop") || has(text, "xchg   %ax,%ax"))
		at->reach = FILL;
	else if (strncmp(text, "ud1", 3) == 0)
		at->reach = SIGNATURE;
	else if (has(text, "call") && (has(text, "<assert_failed") || has(text, "<abort@plt>"))) {
		at->leaves = true;
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

/* The abort handlers of all sections stand together. Each belongs to the function that it goes back to. */
static void take_handler(const char *text)
{
	const char *to = strstr(text, "jmp ");

	if (has(functions[function_count - 1].name, "__rseq_failure") && to != NULL)
		instructions[count - 1].function =
			function_at((uint32_t)strtoul(to + strlen("jmp "), NULL, 16));
}

void coverage_prepare(void)
{
	char line[LINE_BYTES];

	noted = mmap(
		NULL, locations_end(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (noted == MAP_FAILED)
		stress_fail("mmap: %s", strerror(errno));
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

void coverage_take(const char *pool)
{
	uint64_t counted = 0, stepped = 0;
	uint32_t entered = 0;

	for (uint32_t i = 0; i < function_count; i++)
		functions[i].counted = functions[i].stepped = 0;
	for (size_t i = 0; i < count; i++) {
		struct instruction *at = &instructions[i];

		functions[at->function].counted += at->reach == CAN_BE_REACHED;
		functions[at->function].stepped += at->reach == CAN_BE_REACHED && is_stepped(at);
		at->ever |= is_stepped(at);
	}
	for (uint32_t i = 0; i < function_count; i++) {
		struct function *at = &functions[i];

		if (at->stepped == 0)
			continue;
		at->entered = true;
		entered++;
		counted += at->counted;
		stepped += at->stepped;
	}
	memset(noted, 0, locations_end());
	if (counted != 0)
		printf("         stepped %.1f %% of the %" PRIu64 " instructions of %" PRIu32
		       " functions that %s entered\n",
			100.0 * (double)stepped / (double)counted, counted, entered, pool);
}

/* A place of an instruction that was never stepped. */
struct place {
	uint32_t function;
	char file[PLACE_BYTES];
	uint32_t line;
};

struct list {
	const struct instruction **missing;
	struct place *place;
};

static void take_place(void *arg, size_t i, uint32_t level, const char *place, const char *function)
{
	const struct list *list = arg;
	const char *colon = strrchr(place, ':');
	struct place *at = &list->place[i];

	(void)function;
	if (level != 0)
		return;
	at->function = list->missing[i]->function;
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
				functions[at->function].name, functions[at->function].never,
				functions[at->function].all, at->file, at->line);
		else if (strcmp(before->file, at->file) != 0)
			printf(", %s:%" PRIu32, at->file, at->line);
		else
			printf(", :%" PRIu32, at->line);
		if (same > 1)
			printf(" (%zu)", same);
	}
}

void coverage_print(void)
{
	const struct list list = {.missing = stress_array(count + 1, sizeof(*list.missing)),
		.place = stress_array(count + 1, sizeof(*list.place))};
	uintptr_t *offset = stress_array(count + 1, sizeof(*offset));
	uint64_t excluded[REACHES] = {0}, counted = 0;
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		const struct instruction *at = &instructions[i];

		if (!functions[at->function].entered)
			continue;
		counted += at->reach == CAN_BE_REACHED;
		functions[at->function].all += at->reach == CAN_BE_REACHED;
		excluded[at->reach] += !at->ever;
		if (at->reach != CAN_BE_REACHED || at->ever)
			continue;
		functions[at->function].never++;
		list.missing[missing] = at;
		offset[missing++] = at->offset;
	}
	if (counted == 0) {
		puts("which instructions were stepped is not told: objdump (binutils) is missing");
		return;
	}
	printf("stepped %.1f %% of the %" PRIu64 " instructions of all these functions; not:",
		100.0 * (double)(counted - missing) / (double)counted, counted);
	if (locations_find(offset, missing, take_place, (void *)&list))
		print_places(list.place, missing);
	else
		printf(" %zu, whose lines are not told: there is no addr2line here (binutils)",
			missing);
	putchar('\n');
	for (int i = 0; i < REACHES; i++) {
		if (unreached_because[i] != NULL && excluded[i] != 0)
			printf("not counted: %" PRIu64 " that %s\n", excluded[i],
				unreached_because[i]);
	}
	free(list.missing);
	free(list.place);
	free(offset);
}
