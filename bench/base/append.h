/* Text that grows at its end, in room of a fixed size; what doesn't fit is cut off. */
#ifndef BENCH_BASE_APPEND_H
#define BENCH_BASE_APPEND_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static inline void append(
	char *text, size_t bytes, const char *format, ...)
{
	const size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, bytes - length, format, args);
	va_end(args);
}

#endif
