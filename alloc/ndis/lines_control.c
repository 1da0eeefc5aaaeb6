#include "alloc/ndis/lines_test.h"

#include "alloc/machine/compiler.h"

#include <string.h>

void lines_write_each(unsigned char *object, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CACHE_LINE_BYTES)
		object[at] = 1;
}

int lines_read_each(const unsigned char *object, size_t bytes)
{
	int sum = 0;

	for (size_t at = 0; at < bytes; at += CACHE_LINE_BYTES)
		sum += object[at];
	return sum;
}

void lines_clear(unsigned char *object, size_t bytes)
{
	memset(object, 0, bytes);
}
