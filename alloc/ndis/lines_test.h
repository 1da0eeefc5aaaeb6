/* Loops of known extent, compiled with the instrumentation: the controls of lines_test.c. */
#ifndef ALLOC_NDIS_LINES_TEST_H
#define ALLOC_NDIS_LINES_TEST_H

#include <stddef.h>

/* Writes 1 to one byte in each line of 64 bytes, from the first byte on. */
void lines_write_each(unsigned char *object, size_t bytes);

/* The sum of the same bytes. */
int lines_read_each(const unsigned char *object, size_t bytes);

/* Sets all of it to zero, in one call. */
void lines_clear(unsigned char *object, size_t bytes);

#endif
