/* See sites.h. */
#include "stress/model/sites.h"
#include "stress/base/patterns.h"
#include "stress/model/explore.h"
#include "stress/model/trace.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BY_THREAD = 1, BY_SETUP = 2, CALL_BYTES = 4 /* of its operand, at a call's end */ };

/* A function or a table of the program. */
struct node {
	uintptr_t low, high;
	const char *name;
	size_t first, end; /* its references */
	bool seen;
};

/* At `at` something within the program is called, or named. */
struct reference {
	uintptr_t at, to;
};

static struct {
	const unsigned char *file;
	uintptr_t bias;
	struct node *node;
	size_t nodes;
	struct reference *reference;
	size_t references;
	size_t *todo; /* nodes */
} program;

/* What was reached of the program's text, a byte an address. */
extern const char __executable_start[], etext[];
static unsigned char *reached;

static void *need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void sites_clear(void)
{
	const size_t bytes = (size_t)(etext - __executable_start);

	if (reached == NULL)
		reached = need(malloc(bytes));
	memset(reached, 0, bytes);
}

void sites_reach(const void *from)
{
	if (reached != NULL)
		reached[(const char *)from - __executable_start] |=
			model_runs() ? BY_THREAD : BY_SETUP;
}

/*
 * The program's own file.
 */

static const Elf64_Shdr *section(const Elf64_Ehdr *head, size_t i)
{
	return (const Elf64_Shdr *)(program.file + head->e_shoff) + i;
}

static int by_low(const void *a, const void *b)
{
	const uintptr_t left = ((const struct node *)a)->low;
	const uintptr_t right = ((const struct node *)b)->low;

	return (left > right) - (left < right);
}

static int by_at(const void *a, const void *b)
{
	const uintptr_t left = ((const struct reference *)a)->at;
	const uintptr_t right = ((const struct reference *)b)->at;

	return (left > right) - (left < right);
}

static void take_symbols(const Elf64_Ehdr *head, const Elf64_Shdr *table)
{
	const Elf64_Sym *symbol = (const Elf64_Sym *)(program.file + table->sh_offset);
	const size_t count = table->sh_size / sizeof(*symbol);
	const char *names = (const char *)program.file + section(head, table->sh_link)->sh_offset;

	program.node = need(calloc(count, sizeof(*program.node)));
	for (size_t i = 0; i < count; i++) {
		const unsigned type = ELF64_ST_TYPE(symbol[i].st_info);

		if ((type != STT_FUNC && type != STT_OBJECT) || symbol[i].st_size == 0)
			continue;
		program.node[program.nodes++] = (struct node){.low = symbol[i].st_value,
			.high = symbol[i].st_value + symbol[i].st_size,
			.name = names + symbol[i].st_name};
	}
	qsort(program.node, program.nodes, sizeof(*program.node), by_low);
}

/* An operand relative to its own end, which is where the instruction ends if it is a call. */
static bool is_relative(uint64_t type)
{
#if defined(__x86_64__)
	return type == R_X86_64_PC32 || type == R_X86_64_PLT32 || type == R_X86_64_GOTPCREL ||
	       type == R_X86_64_GOTPCRELX || type == R_X86_64_REX_GOTPCRELX;
#else
	(void)type;
	return false;
#endif
}

static void take_relocations(const Elf64_Shdr *from, const Elf64_Shdr *table)
{
	const Elf64_Rela *rela = (const Elf64_Rela *)(program.file + from->sh_offset);
	const Elf64_Sym *symbol = (const Elf64_Sym *)(program.file + table->sh_offset);
	const size_t count = from->sh_size / sizeof(*rela);

	program.reference = need(realloc(
		program.reference, (program.references + count) * sizeof(*program.reference)));
	for (size_t i = 0; i < count; i++) {
		const uint64_t to =
			symbol[ELF64_R_SYM(rela[i].r_info)].st_value + (uint64_t)rela[i].r_addend;

		program.reference[program.references++] = (struct reference){rela[i].r_offset,
			to + (is_relative(ELF64_R_TYPE(rela[i].r_info)) ? CALL_BYTES : 0)};
	}
}

/* Each node has the references that lie in it. */
static void share_out(void)
{
	size_t at = 0;

	qsort(program.reference, program.references, sizeof(*program.reference), by_at);
	for (size_t i = 0; i < program.nodes; i++) {
		struct node *node = &program.node[i];

		while (at > 0 && program.reference[at - 1].at >= node->low)
			at--; /* two names of one thing */
		while (at < program.references && program.reference[at].at < node->low)
			at++;
		node->first = at;
		while (at < program.references && program.reference[at].at < node->high)
			at++;
		node->end = at;
	}
}

static int note_bias(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	(void)bytes;
	*(uintptr_t *)arg = info->dlpi_addr;
	return 1; /* the first is the program */
}

static bool read_program(void)
{
	struct stat status;
	const Elf64_Shdr *symbols = NULL;
	const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (program.file != NULL)
		return program.references != 0;
	if (file < 0 || fstat(file, &status) != 0)
		return false;
	program.file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	if (program.file == MAP_FAILED)
		return false;
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)program.file;
	dl_iterate_phdr(note_bias, &program.bias);
	for (size_t i = 0; i < head->e_shnum; i++) {
		if (section(head, i)->sh_type == SHT_SYMTAB)
			symbols = section(head, i);
	}
	if (symbols == NULL)
		return false;
	take_symbols(head, symbols);
	for (size_t i = 0; i < head->e_shnum; i++) {
		const Elf64_Shdr *from = section(head, i);

		if (from->sh_type == SHT_RELA && section(head, from->sh_link) == symbols &&
			(section(head, from->sh_info)->sh_flags & SHF_ALLOC) != 0)
			take_relocations(from, symbols);
	}
	share_out();
	program.todo = need(calloc(program.nodes, sizeof(*program.todo)));
	return program.references != 0;
}

/* The node that an address lies in; NULL: none. */
static struct node *node_at(uintptr_t at)
{
	size_t low = 0, high = program.nodes;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (program.node[middle].low <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && at < program.node[low - 1].high ? &program.node[low - 1] : NULL;
}

/*
 * What a strategy comes to.
 */

/* What a call of this name does, as people read it; NULL: it is no site. */
static const char *site_kind(const char *name)
{
	static const char *const others[][2] = {{"machine_lock", "lock"},
		{"machine_trylock", "trylock"}, {"machine_unlock", "unlock"},
		{"rseq_fence", "fence of a CPU"}, {"rseq_fence_all", "fence of all CPUs"},
		{"machine_section_step", "step of a section"}, {"machine_rcu_enter", "read lock"},
		{"machine_rcu_leave", "read unlock"}, {"urcu_bp_synchronize_rcu", "grace period"},
		{"urcu_bp_call_rcu", "call_rcu"}, {"urcu_bp_barrier", "barrier"}};

	if (strncmp(name, "__tsan_atomic", 13) == 0) {
		name = strchr(name + 13, '_') + 1;
		return strcmp(name, "signal_fence") != 0 ? name : NULL;
	}
	for (size_t i = 0; i < array_count(others); i++) {
		if (strcmp(name, others[i][0]) == 0)
			return others[i][1];
	}
	return NULL;
}

struct found {
	const void *from;
	const char *kind;
};

static size_t add_node(size_t count, uintptr_t at)
{
	struct node *node = node_at(at);

	if (node == NULL || node->seen)
		return count;
	node->seen = true;
	program.todo[count] = (size_t)(node - program.node);
	return count + 1;
}

/* The sites as addresses, each once. */
static size_t walk(const struct pool_ops *ops, struct found *found)
{
	size_t sites = 0, count = 0;

	for (size_t i = 0; i < program.nodes; i++)
		program.node[i].seen = false;
	count = add_node(count, (uintptr_t)ops - program.bias);
	for (size_t i = 0; i < count; i++) {
		const struct node *node = &program.node[program.todo[i]];

		for (size_t r = node->first; r < node->end; r++) {
			const struct reference *reference = &program.reference[r];
			const struct node *to = node_at(reference->to);
			const char *kind = to != NULL ? site_kind(to->name) : NULL;

			if (kind == NULL)
				count = add_node(count, reference->to);
			else
				found[sites++] = (struct found){
					(const char *)program.bias + reference->at + CALL_BYTES,
					kind};
		}
	}
	return sites;
}

static const struct row {
	const char *strategies, *function, *because;
} unreached[] = {
#define UNREACHED(strategies, function, because) {strategies, function, because},
#include "stress/model/unreached.def"
};

/* True if one of the functions that the place is in, inlined or not, is that one. */
static bool is_within(const char *place, const char *function)
{
	const size_t length = strlen(function);

	for (const char *at = strstr(place, function); at != NULL;
		at = strstr(at + length, function)) {
		if (at != place && at[-1] == ' ' && (at[length] == '\0' || at[length] == ' '))
			return true;
	}
	return false;
}

static void excuse(struct site *site, const char *pool)
{
	for (size_t i = 0; site->state == SITES_MISSING && i < array_count(unreached); i++) {
		if (!patterns_have(unreached[i].strategies, pool) ||
			!is_within(site->text, unreached[i].function))
			continue;
		site->state = SITES_EXCUSED;
		site->because = unreached[i].because;
	}
}

/* "load, shards.h:112" is where two are the same. */
static size_t key_bytes(const char *text)
{
	const char *comma = strstr(text, ", ");

	return (size_t)(comma + 2 - text) + strcspn(comma + 2, " ");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct site *)a)->text, ((const struct site *)b)->text);
}

static enum sites_state state_of(const void *from)
{
	const unsigned char how = reached[(const char *)from - __executable_start];

	return (how & BY_THREAD) != 0 ? SITES_REACHED : how != 0 ? SITES_ALONE : SITES_MISSING;
}

size_t sites_of(const struct pool_ops *ops, const struct site **sites)
{
	static struct site *site;
	size_t kept = 0;

	if (!read_program() || reached == NULL)
		return SIZE_MAX;
	struct found *found = need(calloc(program.references, sizeof(*found)));
	const size_t count = walk(ops, found);
	const void **from = need(calloc(count + 1, sizeof(*from)));
	char(*places)[TRACE_PLACE_BYTES] = need(calloc(count + 1, sizeof(*places)));
	site = need(realloc(site, (count + 1) * sizeof(*site)));
	for (size_t i = 0; i < count; i++)
		from[i] = found[i].from;
	trace_places(from, count, places);
	for (size_t i = 0; i < count; i++) {
		site[i] = (struct site){.state = state_of(from[i])};
		snprintf(site[i].text, sizeof(site[i].text), "%s, %s", found[i].kind, places[i]);
	}
	qsort(site, count, sizeof(*site), by_text);
	for (size_t i = 0; i < count; i++) {
		struct site *last = kept != 0 ? &site[kept - 1] : NULL;
		const size_t key = key_bytes(site[i].text);

		if (last == NULL || key_bytes(last->text) != key ||
			memcmp(last->text, site[i].text, key) != 0)
			site[kept++] = site[i];
		else if (site[i].state > last->state)
			*last = site[i];
	}
	for (size_t i = 0; i < kept; i++)
		excuse(&site[i], ops->name);
	free(found);
	free(from);
	free(places);
	*sites = site;
	return kept;
}
