/*
 * A library that takes over malloc, for guest_test: the C library's own under a name in front of it.
 * With GUEST_LIBRARY_PARTIAL it leaves malloc itself out.
 */
#include <stddef.h>

/* Not in a header: glibc exports them for those who replace malloc. */
void *__libc_malloc(size_t bytes);
void __libc_free(void *memory);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

#ifndef GUEST_LIBRARY_PARTIAL
void *malloc(size_t bytes)
{
	return __libc_malloc(bytes);
}
#endif

void free(void *memory)
{
	__libc_free(memory);
}

void *calloc(size_t count, size_t bytes)
{
	return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return __libc_memalign(alignment, bytes);
}
