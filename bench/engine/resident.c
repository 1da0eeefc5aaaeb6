/* See resident.h. */
#include "bench/engine/resident.h"

#include "alloc/machine/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds up the figures in KiB after the keys in a file of /proc, in bytes; 0 if they are not there. */
static uint64_t proc_bytes(const char *path, const char *const *keys, size_t count)
{
	FILE *file = fopen(path, "re");
	char line[256];
	uint64_t kib = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; i < count; i++) {
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				kib += strtoull(line + strlen(keys[i]), NULL, 10);
		}
	}
	if (file != NULL)
		fclose(file);
	return kib * 1024;
}

static uint64_t status_bytes(const char *key)
{
	return proc_bytes("/proc/self/status", &key, 1);
}

/* Not from statm: its counters lag behind by some pages a CPU. */
uint64_t resident_bytes(void)
{
	static const char *const key = "Rss:";

	return proc_bytes("/proc/self/smaps_rollup", &key, 1);
}

uint64_t resident_data_bytes(void)
{
	static const char *const keys[] = {
		"Anonymous:", "Pss_Shmem:", "Private_Hugetlb:", "Shared_Hugetlb:"};

	return proc_bytes("/proc/self/smaps_rollup", keys, array_count(keys));
}

/*
 * The peak is known from the counters that lag alone. So is how far below it they are now, and that
 * difference has no lag where nothing was given back. Not from getrusage: that peak outlives exec, and
 * would be the controller's.
 */
uint64_t resident_given_back_bytes(void)
{
	const uint64_t peak = status_bytes("VmHWM:");
	const uint64_t now = status_bytes("VmRSS:");

	return peak > now ? peak - now : 0;
}

void resident_forget_peak(void)
{
	static const char peak[] = "5"; /* as proc(5) numbers it */
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file != NULL) {
		fputs(peak, file);
		fclose(file);
	}
}
