/*
 * What the compiler must be told, and nothing else: inlining, branch weight, cache lines,
 * assertions.
 *
 * Debug code is compiled in every build and guarded by `if (constant)`, so that it cannot rot.
 */
#ifndef ALLOC_MACHINE_COMPILER_H
#define ALLOC_MACHINE_COMPILER_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))

/* A function that a steady loop seldom reaches: kept out of line and out of the hot text. */
#define COLD __attribute__((noinline, cold))

/*
 * The same for a function in which a hot one ends, now and then: gcc takes for cold what can only
 * end in a call of cold code, and would have optimised the hot one for size.
 */
#define SELDOM __attribute__((noinline, section(".text.unlikely")))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * CACHE_LINE_BYTES is the unit of coherence on every x86-64 and nearly every aarch64 machine.
 * CACHE_PAIR_BYTES separates what different CPUs write: the adjacent-line prefetcher of x86 moves
 * lines in pairs, so two hot words on neighbouring lines can cost as much as on one.
 */
enum { CACHE_LINE_BYTES = 64, CACHE_PAIR_BYTES = 128, CACHE_LINE_LOG2 = 6 };
#define CACHE_LINE_ALIGNED __attribute__((aligned(64)))
#define CACHE_PAIR_ALIGNED __attribute__((aligned(128)))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define array_count(a)                  (sizeof(a) / sizeof((a)[0]))

/*
 * Stops the program over a broken promise. Not for misuse by a driver: that is reported through
 * nbl_misuse.
 */
_Noreturn static inline __attribute__((cold, unused)) void assert_failed(
	const char *kind, const char *text, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s failed: %s\n", file, line, kind, text);
	abort();
}

#ifdef NBLBENCH_DEBUG
enum { debug_build = 1 };
#else
enum { debug_build = 0 };
#endif

/*
 * ASSERT: the caller's side of a contract. On in debug builds, in which all tests and all stress
 * runs are made too.
 */
#define ASSERT(x)                                                        \
	do {                                                             \
		if (debug_build && unlikely(!(x)))                       \
			assert_failed("ASSERT", #x, __FILE__, __LINE__); \
	} while (0)

/* INVARIANT: our own promise, by its number in the strategy's head comment. On in debug builds. */
#define INVARIANT(number, x)                                                         \
	do {                                                                         \
		if (debug_build && unlikely(!(x)))                                   \
			assert_failed("INVARIANT " #number, #x, __FILE__, __LINE__); \
	} while (0)

#endif
