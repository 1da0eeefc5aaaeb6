/*
 * Memory without which there is nothing to do: for what reads stores and reports. Where there is none
 * the program ends with a sentence and COMMAND_FAILED. What was measured is stored by then.
 */
#ifndef BENCH_BASE_NEED_H
#define BENCH_BASE_NEED_H

#include "bench/base/status.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn static inline void need_failed(void)
{
	fprintf(stderr, "nblbench: There is not enough memory to work through the store.\n");
	exit(COMMAND_FAILED);
}

/* Zeroed memory for so many, which may be none; the caller frees it. Never NULL. */
static inline void *need(size_t count, size_t bytes)
{
	void *memory = calloc(count + 1, bytes);

	if (memory == NULL)
		need_failed();
	return memory;
}

/* A stream into memory that grows; *text is whole when it is closed, and the caller frees it. */
static inline FILE *need_stream(char **text, size_t *bytes)
{
	FILE *stream = open_memstream(text, bytes);

	if (stream == NULL)
		need_failed();
	return stream;
}

static inline void need_closed(FILE *stream)
{
	if (fclose(stream) != 0)
		need_failed();
}

#endif
