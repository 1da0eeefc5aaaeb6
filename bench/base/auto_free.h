/* AUTO_FREE T *p = calloc(...): freed where p's block ends, by whichever way it ends. */
#ifndef BENCH_BASE_AUTO_FREE_H
#define BENCH_BASE_AUTO_FREE_H

#include <stdlib.h>
#include <string.h>

#define AUTO_FREE __attribute__((cleanup(auto_free)))

static inline void auto_free(void *variable)
{
	void *memory;

	memcpy(&memory, variable, sizeof(memory));
	free(memory);
}

#endif
