#include "alloc/machine/cpu.h"

#include "alloc/machine/rseq.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
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

static uint32_t pretended; /* see cpu_set_possible */

void cpu_set_possible(uint32_t cpus)
{
	pretended = cpus;
}

uint32_t cpu_possible(void)
{
	if (pretended != 0)
		return pretended;
	FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
	long configured = sysconf(_SC_NPROCESSORS_CONF);
	uint32_t cpus = configured < 1 ? 1 : (uint32_t)configured;
	char text[256];

	if (file == NULL)
		return cpus;
	/* A list of ranges such as "0-3,8-11": what follows the last '-' or ',' is the highest. */
	if (fgets(text, sizeof(text), file) != NULL) {
		unsigned highest = 0;
		char *last = text;

		for (char *at = text; *at != '\0'; at++) {
			if (*at == '-' || *at == ',')
				last = at + 1;
		}
		if (sscanf(last, "%u", &highest) == 1 && highest + 1 > cpus)
			cpus = highest + 1;
	}
	fclose(file);
	return cpus;
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
