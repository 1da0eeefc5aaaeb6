#include "alloc/machine/cpu.h"

#include "alloc/machine/rseq.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

atom_u32 *cpu_word(void)
{
	return rseq_area(); /* cpu_id_start is the first field */
}

uint32_t cpu_ask(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (uint32_t)cpu;
}

static uint32_t pretended;       /* see cpu_set_possible */
static uint32_t pretended_nodes; /* see cpu_set_nodes */

void cpu_set_possible(uint32_t cpus)
{
	pretended = cpus;
}

void cpu_set_nodes(uint32_t nodes)
{
	pretended_nodes = nodes;
}

/* Lists of the kernel's, such as "0-3,8-11"; the most that is read of one. */
enum { LIST_BYTES = 4096 };

/* False: there is no such file, or nothing in it. */
static bool read_list(const char *name, char text[LIST_BYTES])
{
	FILE *file = fopen(name, "r");
	bool read = file != NULL && fgets(text, LIST_BYTES, file) != NULL;

	if (file != NULL)
		fclose(file);
	return read;
}

/* The next range of a list, and behind it. False: there is none. */
static bool next_range(char **at, unsigned long *first, unsigned long *last)
{
	char *end;

	*first = *last = strtoul(*at, &end, 10);
	if (end == *at)
		return false;
	if (*end == '-')
		*last = strtoul(end + 1, &end, 10);
	*at = *end == ',' ? end + 1 : end;
	return true;
}

/* What the system says: it does not change while the system runs. */
static uint32_t ask_possible(void)
{
	long configured = sysconf(_SC_NPROCESSORS_CONF);
	uint32_t cpus = configured < 1 ? 1 : (uint32_t)configured;
	char text[LIST_BYTES], *at = text;
	unsigned long first, last;

	if (!read_list("/sys/devices/system/cpu/possible", text))
		return cpus;
	while (next_range(&at, &first, &last)) {
		if (last < CPU_LIMIT_MAX && last + 1 > cpus)
			cpus = (uint32_t)last + 1;
	}
	return cpus;
}

uint32_t cpu_possible(void)
{
	static atom_u32 answer; /* 0: nobody has asked. Relaxed: all who ask write the same */

	if (pretended != 0)
		return pretended;
	uint32_t cpus = atom_load_relaxed(&answer);
	if (cpus == 0) {
		cpus = ask_possible();
		atom_store_relaxed(&answer, cpus);
	}
	return cpus;
}

/* Gives the CPUs of one of the kernel's nodes the number `as`. False: it has none, or there is no such node. */
static bool read_node(unsigned long number, uint16_t as, uint16_t *node, uint32_t cpus)
{
	char name[64], text[LIST_BYTES], *at = text;
	unsigned long first, last;
	bool has = false;

	snprintf(name, sizeof(name), "/sys/devices/system/node/node%lu/cpulist", number);
	if (!read_list(name, text))
		return false;
	while (next_range(&at, &first, &last)) {
		for (unsigned long cpu = first; cpu <= last && cpu < cpus; cpu++) {
			node[cpu] = as;
			has = true;
		}
	}
	return has;
}

static uint16_t read_nodes(uint16_t *node, uint32_t cpus)
{
	char text[LIST_BYTES], *at = text;
	unsigned long first, last;
	uint16_t nodes = 0;

	if (!read_list("/sys/devices/system/node/online", text))
		return 0;
	while (next_range(&at, &first, &last)) {
		for (unsigned long number = first; number <= last && number < CPU_NODES_MAX;
			number++)
			nodes = (uint16_t)(nodes + read_node(number, nodes, node, cpus));
	}
	return nodes;
}

static uint16_t pretend_nodes(uint16_t *node, uint32_t cpus)
{
	uint16_t nodes = 0;

	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		const uint32_t number = cpu % pretended_nodes;

		node[cpu] = (uint16_t)(number < CPU_NODES_MAX ? number : 0);
		if (node[cpu] >= nodes)
			nodes = (uint16_t)(node[cpu] + 1);
	}
	return nodes;
}

uint32_t cpu_nodes(uint16_t *node, uint32_t cpus)
{
	memset(node, 0, cpus * sizeof(*node));
	const uint16_t nodes =
		pretended_nodes != 0 ? pretend_nodes(node, cpus) : read_nodes(node, cpus);
	return nodes != 0 ? nodes : 1;
}

uint32_t cpu_limit(void)
{
	unsigned long mask[CPU_LIMIT_MAX / (CHAR_BIT * sizeof(unsigned long))];
	/* The system call, not the library's function: it returns the size of the kernel's mask. */
	long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	uint32_t limit = bytes > 0 ? (uint32_t)bytes * CHAR_BIT : (uint32_t)CPU_LIMIT_MAX;
	uint32_t cpus = cpu_possible();

	return limit > cpus ? limit : cpus;
}
