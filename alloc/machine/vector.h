/*
 * A look at a block of memory, or at an array of pointers, in vectors of 32 bytes. In assembly, as the copies of
 * copy.h are: the program is compiled for every x86-64, and whether the CPU has the vectors is asked at run time.
 */
#ifndef ALLOC_MACHINE_VECTOR_H
#define ALLOC_MACHINE_VECTOR_H

#include "alloc/machine/copy.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	VECTOR_BYTES = 32,
	VECTOR_BYTES_LONG = 64,
	VECTOR_BLOCK_BYTES = 7 * CACHE_LINE_BYTES,
	VECTOR_BLOCK_OTHER =
		2 * CACHE_LINE_BYTES, /* where in the block a vector need not be zero */
};

/*
 * Bytes of a load by which a block is best looked at here: VECTOR_BYTES_LONG, or VECTOR_BYTES, which
 * vector_block_differs wants; 0: neither works, as under the thread sanitizer, which does not see into them.
 * Never the long ones before Ice Lake, whose predecessors slow their clock down for them: AVX512-VBMI2 tells
 * them apart.
 */
ALWAYS_INLINE uint32_t vector_width(void)
{
	if (atom_sanitizes || !copy_wide())
		return 0;
#if COPY_ARCH_SUPPORTED
	if (__builtin_cpu_supports("avx512vbmi2"))
		return VECTOR_BYTES_LONG;
#endif
	return VECTOR_BYTES;
}

#if COPY_ARCH_SUPPORTED
_Static_assert(
	VECTOR_BLOCK_BYTES == 448 && VECTOR_BLOCK_OTHER == 128, "the assembly knows these offsets");
/* clang-format off */
#define VECTOR_BLOCK_LOOK(look)                                                                    \
	typedef const unsigned char whole[VECTOR_BLOCK_BYTES], vector[VECTOR_BYTES];               \
	bool differs;                                                                              \
	__asm__("vmovups %[other], %%ymm0\n\t" look                                                \
		"vorps %%ymm1, %%ymm0, %%ymm0\n\t"                                                 \
		"vptest %%ymm0, %%ymm0\n\t"                                                        \
		"vzeroupper"                                                                       \
		: "=@ccnz"(differs)                                                                \
		: [block] "r"(block), "m"(*(whole *)block), [other] "m"(*(vector *)other)          \
		: COPY_CLOBBERS);                                                                  \
	return differs
/* clang-format on */

/*
 * True if the VECTOR_BLOCK_BYTES bytes at `block` are anything but zero, where they should be; the
 * vector at VECTOR_BLOCK_OTHER should be as `other` is. 15 loads in two chains.
 */
ALWAYS_INLINE bool vector_block_differs(
	const unsigned char *block, const uint64_t other[VECTOR_BYTES / sizeof(uint64_t)])
{
	VECTOR_BLOCK_LOOK("vmovups (%[block]), %%ymm1\n\t"
			  "vxorps 128(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 32(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 64(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 96(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 160(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 192(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 224(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 256(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 288(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 320(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 352(%[block]), %%ymm0, %%ymm0\n\t"
			  "vorps 384(%[block]), %%ymm1, %%ymm1\n\t"
			  "vorps 416(%[block]), %%ymm0, %%ymm0\n\t");
}

/* The same by vectors of VECTOR_BYTES_LONG: 8 loads. The load of `other` zeroes the upper half. */
ALWAYS_INLINE bool vector_block_differs_long(
	const unsigned char *block, const uint64_t other[VECTOR_BYTES / sizeof(uint64_t)])
{
	VECTOR_BLOCK_LOOK("vmovups (%[block]), %%zmm1\n\t"
			  "vpxorq 128(%[block]), %%zmm0, %%zmm0\n\t"
			  "vporq 64(%[block]), %%zmm1, %%zmm1\n\t"
			  "vporq 192(%[block]), %%zmm0, %%zmm0\n\t"
			  "vporq 256(%[block]), %%zmm1, %%zmm1\n\t"
			  "vporq 320(%[block]), %%zmm0, %%zmm0\n\t"
			  "vpternlogq $0xfe, 384(%[block]), %%zmm1, %%zmm0\n\t"
			  "vextracti64x4 $1, %%zmm0, %%ymm1\n\t");
}
#else
/* In their place where vector_width is 0: never called. */
ALWAYS_INLINE bool vector_block_differs(const unsigned char *block, const uint64_t other[4])
{
	(void)block;
	(void)other;
	return true;
}
ALWAYS_INLINE bool vector_block_differs_long(const unsigned char *block, const uint64_t other[4])
{
	return vector_block_differs(block, other);
}
#endif

/*
 * True if objs[0..n), n >= 1, all lie in the `bytes` of addresses from low on, a power of two. Two vectors a step of
 * COPY_STEP pointers, whose distances from low are ORed.
 */
ALWAYS_INLINE bool vector_pointers_within(
	void *const *objs, uint32_t n, uintptr_t low, uintptr_t bytes)
{
	void *const *const end = objs + n, *const *at = objs;
	const uintptr_t outside = ~(bytes - 1);
	uintptr_t distances = 0;

#if COPY_ARCH_SUPPORTED
	if (!atom_sanitizes && likely(n >= COPY_STEP && __builtin_cpu_supports("avx2"))) {
		const uintptr_t back = -low;
		void *const *const steps = objs + n / COPY_STEP * COPY_STEP;
		intptr_t left = (intptr_t)objs - (intptr_t)steps;
		bool beyond;

		__asm__("vpbroadcastq %[back], %%ymm2\n\t"
			"vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
			"vpxor %%xmm1, %%xmm1, %%xmm1\n"
			"1:\n\t"
			"vpaddq (%[steps],%[left]), %%ymm2, %%ymm3\n\t"
			"vpaddq 32(%[steps],%[left]), %%ymm2, %%ymm4\n\t"
			"vpor %%ymm3, %%ymm0, %%ymm0\n\t"
			"vpor %%ymm4, %%ymm1, %%ymm1\n\t"
			"addq $64, %[left]\n\t"
			"jne 1b\n\t"
			"vpbroadcastq %[outside], %%ymm2\n\t"
			"vpor %%ymm1, %%ymm0, %%ymm0\n\t"
			"vptest %%ymm2, %%ymm0\n\t"
			"vzeroupper"
			: "=@ccnz"(beyond), [left] "+r"(left)
			: [steps] "r"(steps), [back] "m"(back), [outside] "m"(outside),
			"m"(*(void *const(*)[n])objs)
			: "xmm2", "xmm3", "xmm4", COPY_CLOBBERS);
		if (beyond)
			return false;
		at = steps;
	}
#endif
	for (; at != end; at++)
		distances |= (uintptr_t)*at - low;
	return (distances & outside) == 0;
}

#endif
