/*
 * Looks at the machine code of the instance units, because two properties that every figure hangs
 * on can be lost without any test of behaviour noticing:
 *
 *	codegen_test OBJDUMP folded OBJECT...   no indirect call or jump in a measured function
 *	codegen_test OBJDUMP table OBJECT...    some in each object: the run-time table is one, and
 *	                                        the same search finds it there
 *	codegen_test OBJDUMP escape OBJECT...   the loop of a pair on `plain` loads and stores the
 *	                                        list's head in both halves: bench_escape works
 *	codegen_test OBJDUMP bare OBJECT...     the same search where bench_escape is missing: fewer
 *	codegen_test OBJDUMP moved UNIT MOVED   the second is the first, each instruction of its
 *	                                        code as far behind, and elsewhere modulo 64 and 4096
 *
 * Measured functions are those called case_*; what the compiler split off from them as cold
 * (case_*.cold) counts too. A hook in tail position becomes an indirect jump, so calls alone would
 * not do.
 */
#include "alloc/pool/plain.h"
#include "bench/codegen/listing.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASS = 0, FAIL = 1, SKIP = 77 };

/* What a search has found in one object. */
struct found {
	int functions; /* measured ones */
	int indirect;  /* calls and jumps through a register or memory */
	int loads;     /* of the head of `plain`, in an innermost loop of case_pair */
	int stores;
};

/* An instruction of case_pair, as far as loops and the head are concerned. */
struct step {
	unsigned long at;
	unsigned long back; /* where a jump back leads; 0: no such jump */
	bool load;
	bool store;
};

enum { STEPS_MAX = 4096 };

/*
 * In AT&T syntax only indirect branches have an operand with a star; on aarch64 they have mnemonics
 * of their own. A call of a name by its address (NDIS_DIRECT) is none: the compiler knew whom it calls.
 */
static bool is_indirect(const struct listing *listing)
{
	const char *instruction = listing->instruction;

	return (strchr(instruction, '*') != NULL && !listing->by_address) ||
	       strncmp(instruction, "blr\t", 4) == 0 || strncmp(instruction, "br\t", 3) == 0;
}

/* The operand that names the head of `plain`, up to the register: "0x80(". */
static const char *head_operand(void)
{
	static char operand[32];

	snprintf(operand, sizeof(operand), "0x%zx(", offsetof(struct plain_pool, list.head));
	return operand;
}

/*
 * "mov 0x80(%rdi),%rax" loads the head, "mov %rax,0x80(%rdi)" stores it; "jne 20 <case_pair+0x20>"
 * jumps back if 0x20 lies before.
 */
static struct step step_of(const struct listing *listing)
{
	const char *instruction = listing->instruction;
	const char *operands = instruction + strcspn(instruction, " \t");
	struct step step = {.at = listing->at};

	operands += strspn(operands, " \t");
	const char *head = strstr(operands, head_operand());
	if (head != NULL && strncmp(instruction, "mov", 3) == 0) {
		step.load = head == operands;
		step.store = !step.load;
	}
	if (instruction[0] == 'j') {
		unsigned long target = strtoul(operands, NULL, 16);

		step.back = target <= step.at ? target : 0;
	}
	return step;
}

/* Counts accesses to the head in the innermost loops, those without a jump back inside. */
static void count_in_loops(const struct step *steps, size_t count, struct found *found)
{
	for (size_t end = 0; end < count; end++) {
		size_t from = end;
		bool innermost = steps[end].back != 0;
		int loads = 0;
		int stores = 0;

		while (innermost && from > 0 && steps[from - 1].at >= steps[end].back) {
			from--;
			innermost = steps[from].back == 0;
			loads += steps[from].load;
			stores += steps[from].store;
		}
		if (innermost && loads >= found->loads && stores >= found->stores) {
			found->loads = loads;
			found->stores = stores;
		}
	}
}

/* Searches one object. False, with a message, if it could not be disassembled. */
static bool search(const char *objdump, const char *object, bool verbose, struct found *found)
{
	static struct step steps[STEPS_MAX];
	struct listing listing;
	size_t step_count = 0;

	*found = (struct found){0};
	if (!listing_open(&listing, objdump, object))
		return false;
	while (listing_next(&listing)) {
		if (strncmp(listing.function, "case_", 5) != 0)
			continue;
		found->functions += listing.first;
		if (is_indirect(&listing)) {
			found->indirect++;
			if (verbose)
				printf("%s: %s: %s\n", object, listing.function,
					listing.instruction);
		}
		if (strcmp(listing.function, "case_pair") == 0 && step_count < STEPS_MAX)
			steps[step_count++] = step_of(&listing);
	}
	count_in_loops(steps, step_count, found);
	return listing_close(&listing, objdump, object);
}

/* One line about what was wanted and what was found. Always false. */
static bool complain(const char *object, const char *wanted, const struct found *found)
{
	fprintf(stderr,
		"%s: %s; found %d measured functions, %d indirect branches, %d loads and %d stores "
		"of the head\n",
		object, wanted, found->functions, found->indirect, found->loads, found->stores);
	return false;
}

static bool judge(const char *mode, const char *object, const struct found *found)
{
	/* A get and a put, each one load and one store at least. */
	bool escaped = found->loads >= 2 && found->stores >= 2;

	if (found->functions == 0)
		return complain(object, "there must be functions called case_*", found);
	if (strcmp(mode, "folded") == 0 && found->indirect != 0)
		return complain(object, "measured functions must have no indirect branch", found);
	if (strcmp(mode, "table") == 0 && found->indirect == 0)
		return complain(object, "the run-time table must show indirect branches", found);
	if (strcmp(mode, "escape") == 0 && !escaped)
		return complain(object, "get and put must each load and store the head", found);
	if (strcmp(mode, "bare") == 0 && escaped)
		return complain(
			object, "the search cannot tell a loop without bench_escape", found);
	return true;
}

/*
 * An instruction without the addresses in it, which follow from where it stands: "jne 20 <case_pair+0x20>"
 * is "jne <case_pair+0x20>", and "lea 0x0(%rip),%rdi # 21 <f>" ends before the sign.
 */
static void without_addresses(const char *instruction, char *text, size_t bytes)
{
	const size_t mnemonic = strcspn(instruction, " \t");
	const char *target = strchr(instruction, '<');
	const char *note = strchr(instruction, '#');

	if (note != NULL || target == NULL)
		snprintf(text, bytes, "%.*s", (int)strcspn(instruction, "#"), instruction);
	else
		snprintf(text, bytes, "%.*s %s", (int)mnemonic, instruction, target);
}

/* Goes to the next instruction of the section .text. */
static bool next_in_text(struct listing *listing)
{
	bool more;

	do
		more = listing_next(listing);
	while (more && strcmp(listing->section, ".text") != 0);
	return more;
}

/* Whether `moved` has the same code as `unit`, all of it the same way further on. */
static bool is_moved(const char *objdump, const char *unit, const char *moved)
{
	enum { LINE_BYTES = 64, TEXT_BYTES = 256 };
	struct listing a, b;
	unsigned long offset = 0;
	int count = 0, measured = 0;
	bool same = listing_open(&a, objdump, unit) && listing_open(&b, objdump, moved);

	while (same && next_in_text(&a)) {
		char here[TEXT_BYTES], there[TEXT_BYTES];

		/* What is behind nothing stands before the first function, and is the padding. */
		do
			same = next_in_text(&b);
		while (same && count == 0 && strcmp(b.function, a.function) != 0);
		if (!same)
			break;
		if (count++ == 0)
			offset = b.at - a.at;
		measured += strncmp(a.function, "case_", 5) == 0;
		without_addresses(a.instruction, here, sizeof(here));
		without_addresses(b.instruction, there, sizeof(there));
		same = b.at - a.at == offset && strcmp(a.function, b.function) == 0 &&
		       strcmp(here, there) == 0;
		if (!same)
			fprintf(stderr, "%s: %lx %s, and in %s: %lx %s\n", unit, a.at, here, moved,
				b.at, there);
	}
	same = same && !next_in_text(&b) && measured > 0 && offset % LINE_BYTES != 0;
	if (!same)
		fprintf(stderr, "%s is not %s, moved (by %lu bytes, %d measured instructions)\n",
			moved, unit, offset, measured);
	const bool read = listing_close(&a, objdump, unit);
	return listing_close(&b, objdump, moved) && read && same;
}

/* The reason for which there is nothing to look at; NULL: there is. */
static const char *skip_reason(const char *objdump, const char *mode)
{
	bool counts_loads = strcmp(mode, "escape") == 0 || strcmp(mode, "bare") == 0;

	if (strstr(objdump, "NOTFOUND") != NULL)
		return "objdump was not found (package binutils)";
#ifndef __OPTIMIZE__
	return "this build does not optimise, so nothing is folded";
#endif
#ifndef __x86_64__
	if (counts_loads)
		return "loads and stores are recognised in x86-64 code only";
#endif
	(void)counts_loads;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr,
			"usage: codegen_test OBJDUMP folded|table|escape|bare|moved OBJECT...\n");
		return FAIL;
	}
	const char *objdump = argv[1];
	const char *mode = argv[2];
	const char *reason = skip_reason(objdump, mode);
	int result = PASS;

	if (reason != NULL) {
		printf("skipped: %s\n", reason);
		return SKIP;
	}
	if (strcmp(mode, "moved") == 0)
		return argc == 5 && is_moved(objdump, argv[3], argv[4]) ? PASS : FAIL;
	for (int i = 3; i < argc; i++) {
		struct found found;

		if (!search(objdump, argv[i], strcmp(mode, "folded") == 0, &found) ||
			!judge(mode, argv[i], &found))
			result = FAIL;
	}
	return result;
}
