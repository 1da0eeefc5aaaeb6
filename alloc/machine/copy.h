/*
 * Copies of pointer arrays, as long as a burst, in line; and how their lines are asked for early.
 *
 * The C library's memcpy is a call through a table that picks its way by length; for the 64 to 1024
 * bytes of a burst the way there costs as much as the copying. Here stands what is left: two
 * vectors of 32 bytes a step where the CPU has AVX, which is asked at run time because the program
 * is compiled for every x86-64, else what the compiler makes of 64 bytes. Every strategy that moves
 * bursts between an array of its own and the caller's uses it, `null` included, so that the
 * harness's row shows what it costs.
 */
#ifndef ALLOC_MACHINE_COPY_H
#define ALLOC_MACHINE_COPY_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Ask for a line, to read it or to write it, before it is needed. The write form is written out: gcc
 * emits it only where it may use 3DNow.
 */
ALWAYS_INLINE void prefetch_read(const void *at)
{
	__builtin_prefetch(at, 0);
}

ALWAYS_INLINE void prefetch_write(void *at)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(char *)at));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* Pointers that one step moves: a cache line of them. */
enum { COPY_STEP = CACHE_LINE_BYTES / sizeof(void *) };
_Static_assert(COPY_STEP == 8, "the assembly and the tail know the step");

#if defined(__x86_64__)
#define COPY_ARCH_SUPPORTED 1

/* True if the CPU, and the system, have the vectors of 32 bytes. A load and a test. */
ALWAYS_INLINE bool copy_wide(void)
{
	return __builtin_cpu_supports("avx");
}

/*
 * What a copy by two such vectors clobbers. vzeroupper at its end zeroes the upper halves of all
 * sixteen, which matters where the compiler uses them too.
 */
#ifdef __AVX__
#define COPY_CLOBBERS                                                                            \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#else
#define COPY_CLOBBERS "xmm0", "xmm1"
#endif
#else
#define COPY_ARCH_SUPPORTED 0
ALWAYS_INLINE bool copy_wide(void)
{
	return false;
}
#endif

/* to[0..n) = from[0..n). The arrays do not overlap. Best where n is a multiple of COPY_STEP. */
ALWAYS_INLINE void copy_pointers(void **to, void *const *from, uint32_t n)
{
	void *const *end = from + n / COPY_STEP * COPY_STEP;

	if (from == end) {
		/* Less than a step. */
#if COPY_ARCH_SUPPORTED
	} else if (!atom_sanitizes && likely(copy_wide())) {
		/*
		 * Not under the thread sanitizer, which does not see into the assembly. At the end the
		 * upper halves are zeroed: some CPUs charge for lower halves that are used while upper
		 * ones are not zero.
		 */
		__asm__ volatile("1:\n\t"
				 "vmovdqu (%[from]), %%ymm0\n\t"
				 "vmovdqu 32(%[from]), %%ymm1\n\t"
				 "addq $64, %[from]\n\t"
				 "vmovdqu %%ymm0, (%[to])\n\t"
				 "vmovdqu %%ymm1, 32(%[to])\n\t"
				 "addq $64, %[to]\n\t"
				 "cmpq %[end], %[from]\n\t"
				 "jne 1b\n\t"
				 "vzeroupper"
				 : [from] "+r"(from), [to] "+r"(to)
				 : [end] "r"(end)
				 : "memory", "cc", COPY_CLOBBERS);
#endif
	} else {
		for (; from != end; from += COPY_STEP, to += COPY_STEP)
			memcpy(to, from, COPY_STEP * sizeof(*to));
	}
	if (unlikely(n % COPY_STEP != 0)) {
		if (n & 4) {
			memcpy(to, from, 4 * sizeof(*to));
			from += 4;
			to += 4;
		}
		if (n & 2) {
			memcpy(to, from, 2 * sizeof(*to));
			from += 2;
			to += 2;
		}
		if (n & 1)
			*to = *from;
	}
}

#endif
