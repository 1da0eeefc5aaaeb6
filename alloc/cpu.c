#include "alloc/cpu.h"

#include "alloc/rseq.h"

#include <sched.h>
#include <stdio.h>
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

uint32_t cpu_possible(void)
{
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
