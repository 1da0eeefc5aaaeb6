/*
 * No documented call takes a lock in steady state: shown in the machine code.
 *
 *	locks_test OBJDUMP LIBRARY
 *
 * From each call of the family, and from the get and put of each lock-free strategy and the hot
 * hooks of each policy, the test follows direct calls and jumps through the library's objects, but
 * not into functions marked COLD, which stand in a section of their own (.text.unlikely). What the
 * compiler splits off there from other functions (name.cold) is followed. On these paths there must
 * be
 *
 *	in the documented calls   no instruction with a lock prefix, none to the kernel, and no call
 *	                          out of the library but the few that are named below;
 *	in the hooks              none to the kernel, and no call to anything that waits: what
 *	                          lock-free designs are made of, locked instructions, is counted.
 *
 * Between the two lies the run-time table: the calls reach the hooks through the pool's pointers,
 * which the disassembly cannot follow. The test counts these indirect calls and looks up where the
 * tables' members lead, so that what is behind them is examined too; that a call uses no other
 * member than those is for the reader of nbl.h. What waits in cold code is not shown here: a
 * thread's first call takes the registry's lock, a tag's first block the tags'.
 */
#include "alloc/context.h"
#include "alloc/pool.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASS = 0, FAIL = 1, SKIP = 77 };

enum {
	NAME_BYTES = 96,
	FUNCTIONS_MAX = 8192,
	EDGES_MAX = 65536,
};

/* Where code may stand. */
enum section { SECTION_TEXT, SECTION_UNLIKELY, SECTION_OTHER };

/* Where a function calls or jumps to: another function, by name or by a place in a section. */
struct edge {
	char name[NAME_BYTES]; /* empty: by place */
	enum section section;
	unsigned long at;
	int next; /* of the same function; -1: none */
};

struct function {
	char name[NAME_BYTES];
	int object; /* which of the library's; names of static functions are its own */
	enum section section;
	unsigned long at; /* in its section */
	bool cold;        /* marked so */
	int locked;       /* instructions with a lock prefix, or an exchange with memory */
	int kernel;       /* instructions that enter the kernel */
	int indirect;     /* calls and jumps through a register or memory */
	int edges;        /* the first; -1: none */
	int seen;         /* the walk that was here last */
	bool reached;     /* cold, and a walk has ended here */
};

static struct function functions[FUNCTIONS_MAX];
static int function_count;
static struct edge edges[EDGES_MAX];
static int edge_count;

_Noreturn static void give_up(const char *why, const char *what)
{
	fprintf(stderr, "locks_test: %s%s\n", why, what);
	exit(FAIL);
}

/*
 * Reading.
 */

/* Starts objdump with one or two options on a file; its output. */
static FILE *objdump_of(const char *objdump, const char *options, const char *file, pid_t *child)
{
	int ends[2];

	if (pipe(ends) != 0 || (*child = fork()) < 0)
		give_up("no process for ", objdump);
	if (*child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		setenv("LC_ALL", "C", 1);
		execl(objdump, objdump, options, "-w", "--no-show-raw-insn", file, (char *)NULL);
		_exit(FAIL);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

static void objdump_ended(FILE *output, pid_t child, const char *file)
{
	int status;

	fclose(output);
	if (waitpid(child, &status, 0) != child || status != 0)
		give_up("objdump could not read ", file);
}

static struct edge *add_edge(struct function *function)
{
	if (edge_count == EDGES_MAX)
		give_up("too many branches in ", function->name);
	edges[edge_count] = (struct edge){.next = function->edges};
	function->edges = edge_count;
	return &edges[edge_count++];
}

static enum section section_of(const char *name)
{
	if (strncmp(name, ".text.unlikely", 14) == 0)
		return SECTION_UNLIKELY;
	return strncmp(name, ".text", 5) == 0 && strchr("+-:\n", name[5]) != NULL ? SECTION_TEXT
										  : SECTION_OTHER;
}

static bool is_branch(const char *instruction)
{
	return instruction[0] == 'j' || strncmp(instruction, "call", 4) == 0;
}

/*
 * "call 7 <f+0x7>	3: R_X86_64_PLT32	malloc-0x4" names malloc, and ".text.unlikely+0x2c"
 * instead of it the place 0x30 in that section: the relocation counts from the end of the
 * instruction. Without a relocation the operand names a place in the same section.
 */
static void note_branch(struct function *function, const char *instruction)
{
	const char *reloc = strstr(instruction, "R_X86_64_");
	const char *name = reloc ? strrchr(reloc, '\t') : strchr(instruction, '<');
	const int from_end = 4;

	if (name == NULL)
		return;
	name++;
	struct edge *edge = add_edge(function);
	size_t length = strcspn(name, reloc ? "-+\n" : "+>\n");
	if (!reloc) {
		edge->section = function->section;
		edge->at = strtoul(instruction + strcspn(instruction, " "), NULL, 16);
	} else if (name[0] == '.') {
		edge->section = section_of(name);
		edge->at = (unsigned long)(strtol(name + length, NULL, 16) + from_end);
	} else {
		snprintf(edge->name, NAME_BYTES, "%.*s", (int)length, name);
	}
}

static void note_instruction(struct function *function, const char *instruction)
{
	static const char *const padding[] = {"data16 ", "rex.W ", "notrack ", "bnd "};
	const char *name = instruction + strspn(instruction, " ");

	for (size_t i = 0; i < array_count(padding); i++) {
		while (strncmp(name, padding[i], strlen(padding[i])) == 0)
			name += strlen(padding[i]);
	}
	function->locked += strncmp(name, "lock ", 5) == 0 ||
			    (strncmp(name, "xchg", 4) == 0 && strchr(name, '(') != NULL);
	function->kernel += strncmp(name, "syscall", 7) == 0 || strncmp(name, "sysenter", 8) == 0 ||
			    strncmp(name, "int ", 4) == 0;
	if (!is_branch(name))
		return;
	if (strchr(name, '*') != NULL)
		function->indirect++;
	else
		note_branch(function, name);
}

static void read_library(const char *objdump, const char *path)
{
	pid_t child;
	FILE *output = objdump_of(objdump, "-dr", path, &child);
	struct function *function = NULL;
	enum section section = SECTION_OTHER;
	int object = 0;
	char line[2048];

	while (fgets(line, sizeof(line), output) != NULL) {
		char *name = strstr(line, " <");
		char *end = strstr(line, ">:");
		const char *instruction = strchr(line, '\t');

		if (strstr(line, "file format ") != NULL) {
			object++;
		} else if (strncmp(line, "Disassembly of section ", 23) == 0) {
			section = section_of(line + 23);
		} else if (line[0] != ' ' && name != NULL && end != NULL) {
			*end = '\0';
			if (function_count == FUNCTIONS_MAX)
				give_up("too many functions in ", path);
			function = &functions[function_count++];
			*function = (struct function){.object = object,
				.section = section,
				.at = strtoul(line, NULL, 16),
				.cold = section != SECTION_TEXT,
				.edges = -1};
			snprintf(function->name, NAME_BYTES, "%s", name + 2);
			if (section == SECTION_UNLIKELY && strstr(function->name, ".cold") != NULL)
				function->cold = false;
		} else if (instruction != NULL && function != NULL) {
			note_instruction(function, instruction + 1);
		}
	}
	objdump_ended(output, child, path);
}

/* A function by name, of that object if it has one (-1: of any). NULL: of no object of ours. */
static struct function *find(const char *name, int object)
{
	struct function *any = NULL;

	for (int i = 0; i < function_count; i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		if (functions[i].object == object)
			return &functions[i];
		any = &functions[i];
	}
	return any;
}

/* The function that holds a place. NULL: none. */
static struct function *find_at(int object, enum section section, unsigned long at)
{
	struct function *found = NULL;

	for (int i = 0; i < function_count; i++) {
		struct function *f = &functions[i];

		if (f->object == object && f->section == section && f->at <= at &&
			(found == NULL || f->at > found->at))
			found = f;
	}
	return found;
}

/*
 * Walking.
 */

/* What a walk has found on the way. */
struct walk {
	int number;
	int functions;
	int cold; /* calls of cold functions */
	int locked;
	int kernel;
	int indirect;
	char outside[512]; /* names that are not the library's, each once, with a blank before it */
};

static void note_outside(struct walk *walk, const char *name)
{
	char word[NAME_BYTES + 1];
	size_t used = strlen(walk->outside);

	snprintf(word, sizeof(word), " %s", name);
	const char *at = strstr(walk->outside, word);
	if (at != NULL && (at[strlen(word)] == ' ' || at[strlen(word)] == '\0'))
		return;
	if (used + strlen(word) + 1 > sizeof(walk->outside))
		give_up("too many calls out of the library: ", name);
	strcpy(walk->outside + used, word);
}

static void end_at_cold(struct walk *walk, struct function *function)
{
	walk->cold++;
	function->reached = true;
}

static void walk_from(struct walk *walk, struct function *function)
{
	if (function->seen == walk->number)
		return;
	function->seen = walk->number;
	walk->functions++;
	walk->locked += function->locked;
	walk->kernel += function->kernel;
	walk->indirect += function->indirect;
	for (int e = function->edges; e >= 0; e = edges[e].next) {
		const struct edge *edge = &edges[e];
		struct function *to = edge->name[0] != '\0'
					      ? find(edge->name, function->object)
					      : find_at(function->object, edge->section, edge->at);

		if (to == NULL)
			note_outside(walk, edge->name);
		else if (to->cold)
			end_at_cold(walk, to);
		else
			walk_from(walk, to);
	}
}

static struct walk walk_of(const char *name)
{
	static int walks;
	struct walk walk = {.number = ++walks};
	struct function *function = find(name, -1);

	if (function == NULL)
		give_up("there is no function ", name);
	if (function->cold)
		give_up("a hot function stands in the cold section: ", name);
	walk_from(&walk, function);
	return walk;
}

/* True if each word of `words` is one of `allowed`, or begins like one of those that end in *. */
static bool all_allowed(const char *words, const char *const *allowed)
{
	while (*words != '\0') {
		words++;
		size_t length = strcspn(words, " ");
		bool found = false;

		for (int i = 0; allowed[i] != NULL; i++) {
			size_t n = strlen(allowed[i]);
			bool prefix = allowed[i][n - 1] == '*';

			n -= prefix;
			found |= strncmp(words, allowed[i], n) == 0 && (prefix || n == length);
		}
		if (!found)
			return false;
		words += length;
	}
	return true;
}

static bool judge(const char *name, const struct walk *walk, int locked_max, bool outside_allowed)
{
	bool good = walk->kernel == 0 && walk->locked <= locked_max && outside_allowed;

	printf("%-6s %-42s %3d functions, %2d locked, %2d through the table, %2d of cold functions;"
	       " calls%s\n",
		good ? "ok" : "FAILED", name, walk->functions, walk->locked, walk->indirect,
		walk->cold, walk->outside[0] ? walk->outside : " nothing outside");
	return good;
}

/*
 * What is examined.
 */

/* Not the creation and the end of pools. */
static const struct {
	const char *name;
	int locked_max;    /* instructions with a lock prefix that are documented */
	bool takes_memory; /* may ask the C library for it: documented */
} calls[] = {
	{"NdisAllocateNetBufferList", 0, false},
	{"NdisAllocateNetBufferAndNetBufferList", 0, false},
	{"NdisFreeNetBufferList", 0, false},
	{"FwpsAllocateNetBufferAndNetBufferList0", 0, false},
	{"FwpsFreeNetBufferList0", 0, false},
	{"NdisAllocateNetBuffer", 0, false},
	{"NdisAllocateNetBufferMdlAndData", 0, false},
	{"NdisFreeNetBuffer", 0, false},
	{"NdisAllocateNetBufferListContext", 0, false},
	{"NdisFreeNetBufferListContext", 0, false},
	{"NdisRetreatNetBufferDataStart", 0, true},
	{"NdisAdvanceNetBufferDataStart", 0, true},
	{"NdisRetreatNetBufferListDataStart", 0, true},
	{"NdisAdvanceNetBufferListDataStart", 0, true},
	{"NdisAdjustNetBufferCurrentMdl", 0, false},
	{"NdisGetDataBuffer", 0, false},
	{"NdisAllocateCloneNetBufferList", 0, false},
	{"NdisFreeCloneNetBufferList", 0, false},
	{"FwpsAllocateCloneNetBufferList0", 1, false}, /* the original's ChildRefCount */
	{"FwpsFreeCloneNetBufferList0", 1, false},
	{"NdisAllocateMdl", 0, false},
	{"NdisFreeMdl", 0, false},
	{"IoAllocateMdl", 0, false},
	{"IoFreeMdl", 0, false},
	{"IoBuildPartialMdl", 0, false},
	{"MmInitializeMdl", 0, false},
	{"MmBuildMdlForNonPagedPool", 0, false},
};

static const char *const plain_calls[] = {
	"memset", "memcpy", "memmove", "memcmp", "__tls_get_addr", NULL};
static const char *const memory_calls[] = {
	"memset", "memcpy", "memmove", "memcmp", "__tls_get_addr", "malloc", "free", NULL};
/* Of the libraries beneath: what liburcu and DPDK do on these paths is theirs. */
static const char *const hook_calls[] = {"memset", "memcpy", "memmove", "memcmp", "__tls_get_addr",
	"malloc", "free", "sched_getcpu", "urcu_*", "rte_*", "__rte_panic", NULL};

static bool examine_calls(void)
{
	bool good = true;

	for (size_t i = 0; i < array_count(calls); i++) {
		struct walk walk = walk_of(calls[i].name);

		good &= judge(calls[i].name, &walk, calls[i].locked_max,
			all_allowed(
				walk.outside, calls[i].takes_memory ? memory_calls : plain_calls));
	}
	return good;
}

/* Where the walks have ended: the reader may judge whether that is seldom reached. */
static void print_cold(void)
{
	printf("cold functions where the walks ended:");
	for (int i = 0; i < function_count; i++) {
		if (functions[i].reached)
			printf(" %s", functions[i].name);
	}
	putchar('\n');
}

/* The symbols of this program: where its tables' members lead. */
struct symbol {
	uintptr_t at;
	char name[NAME_BYTES];
};

static struct symbol symbols[FUNCTIONS_MAX];
static int symbol_count;
static uintptr_t load_base;

int main(int argc, char **argv);

static void read_symbols(const char *objdump, const char *self)
{
	pid_t child;
	FILE *output = objdump_of(objdump, "-t", self, &child);
	char line[2048];

	while (fgets(line, sizeof(line), output) != NULL && symbol_count < FUNCTIONS_MAX) {
		struct symbol *s = &symbols[symbol_count];
		char *name = strrchr(line, ' ');

		if (name == NULL || strstr(line, " F ") == NULL)
			continue;
		s->at = strtoul(line, NULL, 16);
		snprintf(s->name, NAME_BYTES, "%.*s", (int)strcspn(name + 1, "\n"), name + 1);
		if (strcmp(s->name, "main") == 0)
			load_base = (uintptr_t)main - s->at;
		symbol_count++;
	}
	objdump_ended(output, child, self);
}

/* The name of a function that a table has the address of. */
static const char *name_at(uintptr_t address)
{
	for (int i = 0; i < symbol_count; i++) {
		if (symbols[i].at == address - load_base)
			return symbols[i].name;
	}
	give_up("a table leads to no symbol of this program", "");
}

static bool examine_hook(const char *of, uintptr_t address)
{
	const char *name = name_at(address);
	struct walk walk = walk_of(name);
	char title[2 * NAME_BYTES];

	snprintf(title, sizeof(title), "%s: %s", of, name);
	return judge(title, &walk, walk.locked, all_allowed(walk.outside, hook_calls));
}

static bool examine_hooks(void)
{
	bool good = true;

	for (size_t i = 0; pools[i] != NULL; i++) {
		char why[POOL_REASON_BYTES];

		if (pools[i]->traits.progress < POOL_LOCK_FREE || !pools[i]->supported(why))
			continue;
		good &= examine_hook(pools[i]->name, (uintptr_t)pools[i]->get);
		good &= examine_hook(pools[i]->name, (uintptr_t)pools[i]->put);
	}
	for (size_t i = 0; contexts[i] != NULL; i++) {
		const uintptr_t hooks[] = {(uintptr_t)contexts[i]->begin,
			(uintptr_t)contexts[i]->alloc, (uintptr_t)contexts[i]->free,
			(uintptr_t)contexts[i]->end};

		if (!contexts[i]->traits.in_place)
			continue; /* its every fallback is an allocation, and cold */
		for (size_t h = 0; h < array_count(hooks); h++) {
			if (hooks[h] != 0)
				good &= examine_hook(contexts[i]->name, hooks[h]);
		}
	}
	return good;
}

/* The same search must find what is there: a lock, a locked instruction, a call through a table. */
static bool controls_are_found(void)
{
	struct walk makes = walk_of("nbl_pool_outstanding");
	struct walk locked = walk_of("FwpsFreeCloneNetBufferList0");
	struct walk table = walk_of("NdisFreeNetBufferList");
	struct walk mutex = walk_of(name_at((uintptr_t)pool_find("mutex")->get));
	bool found = !all_allowed(makes.outside, hook_calls) &&
		     !all_allowed(mutex.outside, hook_calls) && locked.locked > 0 &&
		     table.indirect > 0;

	printf("%-6s controls: nbl_pool_outstanding calls%s; mutex's get calls%s; %d locked in "
	       "FwpsFreeCloneNetBufferList0; %d through the table in NdisFreeNetBufferList\n",
		found ? "caught" : "MISSED", makes.outside, mutex.outside, locked.locked,
		table.indirect);
	return found;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: locks_test OBJDUMP LIBRARY\n");
		return FAIL;
	}
	if (strstr(argv[1], "NOTFOUND") != NULL) {
		printf("skipped: objdump was not found (package binutils)\n");
		return SKIP;
	}
#ifndef __x86_64__
	printf("skipped: locked instructions are recognised in x86-64 code only\n");
	return SKIP;
#endif
	read_library(argv[1], argv[2]);
	read_symbols(argv[1], argv[0]);
	bool good = controls_are_found();
	good &= examine_calls();
	good &= examine_hooks();
	print_cold();
	return good ? PASS : FAIL;
}
