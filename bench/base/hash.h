/*
 * FNV-1a over 64 bits (Fowler, Noll, Vo): tells whether two texts are the same. Plans and
 * machines are compared with one other each, so chance is the only adversary, and 1 in 2^64 is
 * enough.
 */
#ifndef BENCH_BASE_HASH_H
#define BENCH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The hash of the empty text. */
#define HASH_EMPTY UINT64_C(0xcbf29ce484222325)

/* The hash of what had this hash, with n bytes behind it. */
static inline uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Likewise, with text behind it. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, (const unsigned char *)text, strlen(text));
}

#endif
