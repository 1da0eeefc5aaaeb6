/* See shape.h. */
#include "bench/codegen/shape.h"

#include "alloc/machine/compiler.h"

#include <stdlib.h>
#include <string.h>

enum { OPERANDS_MAX = 4, OPERAND_BYTES = 128, MNEMONIC_BYTES = 32 };

/* One instruction, taken apart. */
struct instruction {
	char mnemonic[MNEMONIC_BYTES];
	char operand[OPERANDS_MAX][OPERAND_BYTES];
	int operands;
	bool lock;
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

/* One that begins with one of the words. */
static bool is_kind_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (begins(text, words[i]))
			return true;
	}
	return false;
}

/* The operands of AT&T syntax, up to a comment: commas part them, but those within parentheses. */
static void take_operands(struct instruction *self, const char *text)
{
	size_t length = 0;
	int depth = 0;

	for (; *text != '\0' && *text != '#' && self->operands < OPERANDS_MAX; text++) {
		depth += (*text == '(') - (*text == ')');
		if (*text == ',' && depth == 0) {
			self->operands++;
			length = 0;
		} else if (self->operands < OPERANDS_MAX && length + 1 < OPERAND_BYTES) {
			self->operand[self->operands][length++] = *text;
		}
	}
	self->operands += length != 0;
}

static struct instruction take_apart(const char *text)
{
	static const char *const prefixes[] = {"lock", "rep", "repz", "repnz", "data16", "cs", "ds",
		"es", "ss", "notrack", "bnd", "addr32"};
	struct instruction self = {0};

	for (;;) {
		size_t length = strcspn(text, " ");

		snprintf(self.mnemonic, sizeof(self.mnemonic), "%.*s", (int)length, text);
		text += length + strspn(text + length, " ");
		if (!is_one_of(self.mnemonic, prefixes, array_count(prefixes)))
			break;
		self.lock |= strcmp(self.mnemonic, "lock") == 0;
	}
	take_operands(&self, text);
	return self;
}

static bool is_memory(const char *operand)
{
	return strchr(operand, '(') != NULL || begins(operand, "%fs:") || begins(operand, "%gs:");
}

static bool touches_memory(const struct instruction *self)
{
	for (int i = 0; i < self->operands; i++) {
		if (is_memory(self->operand[i]))
			return true;
	}
	return false;
}

/* Reads the last operand without writing it. */
static bool only_reads(const char *mnemonic)
{
	static const char *const kinds[] = {"test", "ucomis", "comis", "vucomis", "vcomis", "ptest",
		"vptest", "scas", "cmps", "mul", "div", "idiv", "imul"};
	static const char *const words[] = {"bt", "btw", "btl", "btq"};

	if (begins(mnemonic, "cmp"))
		return !begins(mnemonic, "cmpxchg");
	return is_kind_of(mnemonic, kinds, array_count(kinds)) ||
	       is_one_of(mnemonic, words, array_count(words));
}

/* Writes the last operand without reading it. */
static bool only_writes(const char *mnemonic)
{
	static const char *const kinds[] = {
		"mov", "vmov", "set", "stos", "pextr", "vpextr", "vextract"};

	return is_kind_of(mnemonic, kinds, array_count(kinds));
}

/* A jump that leaves the function, and not for its cold part. */
static bool leaves(const struct listing *at, const struct instruction *instruction)
{
	const char *target = strchr(instruction->operand[0], '<');
	size_t length = strlen(at->function);

	if (at->relocation[0] != '\0')
		return !begins(at->relocation, ".text.unlikely") &&
		       strstr(at->relocation, ".cold") == NULL;
	return target == NULL || strncmp(target + 1, at->function, length) != 0 ||
	       strchr("+->", target[1 + length]) == NULL;
}

static void add_memory(struct shape *self, const struct instruction *instruction)
{
	const char *mnemonic = instruction->mnemonic;
	bool load = begins(mnemonic, "pop") || strcmp(mnemonic, "leave") == 0;
	bool store = begins(mnemonic, "push");

	for (int i = 0; i < instruction->operands; i++) {
		const bool last = i + 1 == instruction->operands;

		if (!is_memory(instruction->operand[i]))
			continue;
		if (!last || begins(mnemonic, "push") || mnemonic[0] == 'j' ||
			begins(mnemonic, "call")) {
			load = true;
		} else if (begins(mnemonic, "pop")) {
			store = true;
		} else {
			load |= !only_writes(mnemonic);
			store |= !only_reads(mnemonic);
		}
	}
	self->loads += load;
	self->stores += store;
}

struct shape_step shape_of(const struct listing *at)
{
	const struct instruction instruction = take_apart(at->instruction);
	const char *mnemonic = instruction.mnemonic;
	const bool exchange = strcmp(mnemonic, "xchg") == 0;
	const bool jump = mnemonic[0] == 'j';
	const bool out = jump && leaves(at, &instruction);
	struct shape_step self = {.at = at->at, .shape.instructions = 1};
	struct shape *shape = &self.shape;

	if (begins(mnemonic, "nop") || strcmp(mnemonic, "endbr64") == 0 ||
		(exchange && strcmp(instruction.operand[0], instruction.operand[1]) == 0)) {
		shape->instructions = 0;
		return self;
	}
	if (begins(mnemonic, "ret")) {
		self.flow = SHAPE_ENDS;
	} else if (strcmp(mnemonic, "jmp") == 0) {
		const bool inside = !out && at->relocation[0] == '\0';

		self.flow = inside ? SHAPE_JUMPS : SHAPE_ENDS;
		self.target = strtoul(instruction.operand[0], NULL, 16);
	}
	if (out || begins(mnemonic, "call")) {
		shape->calls = 1;
		shape->copies = begins(at->relocation, "memcpy-");
	}
	if (instruction.lock || (exchange && touches_memory(&instruction)))
		shape->locked = 1;
	else if (strcmp(mnemonic, "leave") == 0 ||
		 (!begins(mnemonic, "lea") && !begins(mnemonic, "prefetch")))
		add_memory(shape, &instruction);
	return self;
}

static void add(struct shape *self, const struct shape *more)
{
	self->instructions += more->instructions;
	self->calls += more->calls;
	self->loads += more->loads;
	self->stores += more->stores;
	self->locked += more->locked;
	self->copies += more->copies;
}

struct shape shape_whole(const struct shape_step *step, size_t count)
{
	struct shape self = {0};

	for (size_t i = 0; i < count; i++)
		add(&self, &step[i].shape);
	return self;
}

/* Where an address stands; count if nowhere. */
static size_t step_at(const struct shape_step *step, size_t count, unsigned long at)
{
	size_t i = 0;

	while (i < count && step[i].at != at)
		i++;
	return i;
}

struct shape shape_straight(struct shape_step *step, size_t count)
{
	struct shape self = {0};
	size_t i = 0;

	while (i < count && !step[i].passed) {
		step[i].passed = true;
		add(&self, &step[i].shape);
		if (step[i].flow == SHAPE_ENDS)
			break;
		i = step[i].flow == SHAPE_JUMPS ? step_at(step, count, step[i].target) : i + 1;
	}
	return self;
}
