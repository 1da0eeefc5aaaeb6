/*
 * Memory without which there is nothing to do: for what reads jobs, stores and reports. Where there is
 * none the program ends with a sentence and COMMAND_FAILED. What was measured is stored by then.
 */
#ifndef BENCH_BASE_NEED_H
#define BENCH_BASE_NEED_H

#include "bench/base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static inline void need_failed(void)
{
	fprintf(stderr, "nblbench: There is not enough memory.\n");
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

/* The same memory, or its like elsewhere, with room for so many. Not zeroed. */
static inline void *need_more(void *memory, size_t count, size_t bytes)
{
	void *more = reallocarray(memory, count, bytes);

	if (more == NULL)
		need_failed();
	return more;
}

static inline char *need_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		need_failed();
	return copy;
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
