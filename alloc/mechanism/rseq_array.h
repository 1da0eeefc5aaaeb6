/*
 * An array of free objects a CPU, and the restartable sections (alloc/machine/rseq.h) that get and put
 * there: no locked instruction, and no line that another CPU writes. The array follows tcmalloc's slab
 * (P. Turner, Google).
 *
 * An array a CPU, RSEQ_ARRAY_BYTES apart; or one a concurrency id (enum rseq_index):
 *
 *	 0        4        8        12       16               64
 *	+--------+--------+--------+--------+----------------+-----------------------
 *	| cur    | low    | cap    | stop   | (unused)       | slot[0] slot[1] ...
 *	+--------+--------+--------+--------+----------------+-----------------------
 *
 *	pop    if cur <= low: empty     else  result = slot[cur-1], COMMIT cur = cur-1
 *	push   if cur >= cap: full      else  slot[cur] = object,   COMMIT cur = cur+1
 *
 * low is 0 and cap the array's size, until another CPU's thread stops the array to take from it: it
 * writes low = UINT32_MAX and cap = 0, so that both tests fail. So the sections need no test of a stop
 * flag. See rseq_array_stop in cpu_arrays.c.
 *
 * Order. Program order suffices on one CPU, since the switch between two threads of it is a full
 * barrier. Objects from elsewhere came through the depot's release and acquire. The thread sanitizer
 * cannot see that, and is told for each object.
 */
#ifndef ALLOC_MECHANISM_RSEQ_ARRAY_H
#define ALLOC_MECHANISM_RSEQ_ARRAY_H

#include "alloc/machine/rseq.h"

enum {
	RSEQ_ARRAY_LOG2 = 13,
	RSEQ_ARRAY_BYTES = 1 << RSEQ_ARRAY_LOG2,
	RSEQ_ARRAY_HEADER_BYTES = 64,
	RSEQ_ARRAY_SLOTS = (RSEQ_ARRAY_BYTES - RSEQ_ARRAY_HEADER_BYTES) / 8,
};

/* cur, low and cap are written by sections of the array's CPU, or by a thread that has stopped it. */
struct rseq_array {
	atom_u32 cur;
	atom_u32 low;
	atom_u32 cap;
	atom_u32 stop; /* 0, or 1 while a thread has stopped this CPU's array */
	unsigned char unused[RSEQ_ARRAY_HEADER_BYTES - 16];
	void *slot[RSEQ_ARRAY_SLOTS];
};
_Static_assert(sizeof(struct rseq_array) == RSEQ_ARRAY_BYTES, "the sections know this stride");
_Static_assert(offsetof(struct rseq_array, slot) == RSEQ_ARRAY_HEADER_BYTES,
	"the sections know this offset");

#ifdef RSEQ_ARCH_SUPPORTED

/* Opens the section, and computes the CPU's array. */
#define RSEQ_ARRAY_OPEN(index)                        \
	RSEQ_ARM(index)                               \
	"shlq $13, %[area]\n\t" /* RSEQ_ARRAY_LOG2 */ \
	"addq %[arrays], %[area]\n\t"                 \
	"movl (%[area]), %k[cur]\n\t"

/* A section by one of the two indexes, which is a constant. */
#define RSEQ_ARRAY_BY(by, section)            \
	do {                                  \
		if ((by) == RSEQ_BY_CPU)      \
			section(RSEQ_CPU_ID); \
		else                          \
			section(RSEQ_MM_CID); \
	} while (0)

/* clang-format off */
#define RSEQ_ARRAY_POP(index)                                                                      \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"cmpl 4(%[area]), %k[cur]\n\t"                                                     \
		"jbe 5f\n\t"                                                                       \
		"movq 56(%[area],%[cur],8), %[result]\n\t"                                         \
		"decl %k[cur]\n\t"                                                                 \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur)                     \
		: [rs] "r"(rs), [arrays] "rm"(arrays)                                              \
		: "memory", "cc")
/* clang-format on */

/*
 * Takes the top object of the current CPU's array. Returns it, or RSEQ_EMPTY or RSEQ_ABORT. 12
 * instructions, of which one store arms and one commits.
 */
ALWAYS_INLINE uintptr_t rseq_array_pop(void *rs, enum rseq_index by, struct rseq_array *arrays)
{
	uintptr_t result, area, cur;

	RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP);
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_PUSH(index)                                                                     \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */                                          \
		"cmpl 8(%[area]), %k[cur]\n\t"                                                     \
		"jae 5f\n\t"                                                                       \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"movq %[object], 64(%[area],%[cur],8)\n\t"                                         \
		"incl %k[cur]\n\t"                                                                 \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur)                     \
		: [rs] "r"(rs), [arrays] "rm"(arrays), [object] "r"(object)                        \
		: "memory", "cc")
/* clang-format on */

/*
 * Puts object on top of the current CPU's array. RSEQ_DONE, RSEQ_FULL or RSEQ_ABORT. 13
 * instructions.
 */
ALWAYS_INLINE uintptr_t rseq_array_push(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void *object)
{
	uintptr_t result, area, cur;

	/* An aborted attempt has released too: an edge too many, never one too few. */
	atom_tsan_release(object);
	RSEQ_ARRAY_BY(by, RSEQ_ARRAY_PUSH);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_POP_BULK(index, copy)                                                           \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"movl %k[cur], %k[count]\n\t"                                                      \
		"subl 4(%[area]), %k[count]\n\t"                                                   \
		"jbe 5f\n\t"                                                                       \
		"cmpl %k[n], %k[count]\n\t"                                                        \
		"cmoval %k[n], %k[count]\n\t"                                                      \
		"subl %k[count], %k[cur]\n\t"                                                      \
		"leaq 64(%[area],%[cur],8), %[from]\n\t"                                           \
		"leal (,%[count],4), %k[result]\n\t" copy                                          \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur),                    \
		[count] "=&r"(count), [i] "=&r"(i), [from] "=&r"(from)                             \
		: [rs] "r"(rs), [arrays] "rm"(arrays), [to] "r"(to), [n] "r"((uintptr_t)n)         \
		: "memory", "cc", COPY_CLOBBERS)
#define RSEQ_ARRAY_POP_WIDE(index)   RSEQ_ARRAY_POP_BULK(index, RSEQ_COPY_WIDE)
#define RSEQ_ARRAY_POP_NARROW(index) RSEQ_ARRAY_POP_BULK(index, RSEQ_COPY_NARROW)
/* clang-format on */

/*
 * Takes up to n objects off the current CPU's array into to[0..), the top one last. Returns 4 x the
 * number taken (0: nothing there), or RSEQ_ABORT: then to[] may hold garbage and nothing was taken.
 */
ALWAYS_INLINE uintptr_t rseq_array_pop_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void **to, uint32_t n)
{
	uintptr_t result, area, cur, count, i, from;

	if (likely(copy_wide()))
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP_WIDE);
	else
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP_NARROW);
	if (result != RSEQ_ABORT) {
		for (uint32_t k = 0; atom_sanitizes && k < result / 4; k++)
			atom_tsan_acquire(to[k]);
	}
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_PUSH_BULK(index, copy)                                                          \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */                                          \
		"leal (%[cur],%[n]), %k[count]\n\t"                                                \
		"cmpl 8(%[area]), %k[count]\n\t"                                                   \
		"ja 5f\n\t"                                                                        \
		"leaq 64(%[area],%[cur],8), %[to]\n\t"                                             \
		"movl %k[count], %k[cur]\n\t"                                                      \
		"movl %k[n], %k[count]\n\t"                                                        \
		"xorl %k[result], %k[result]\n\t" copy                                             \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur),                    \
		[count] "=&r"(count), [i] "=&r"(i), [to] "=&r"(to)                                 \
		: [rs] "r"(rs), [arrays] "rm"(arrays), [from] "r"(from), [n] "r"((uintptr_t)n)     \
		: "memory", "cc", COPY_CLOBBERS)
#define RSEQ_ARRAY_PUSH_WIDE(index)   RSEQ_ARRAY_PUSH_BULK(index, RSEQ_COPY_WIDE)
#define RSEQ_ARRAY_PUSH_NARROW(index) RSEQ_ARRAY_PUSH_BULK(index, RSEQ_COPY_NARROW)
/* clang-format on */

/*
 * Puts from[0..n) on top of the current CPU's array, all or none. RSEQ_DONE, RSEQ_FULL or
 * RSEQ_ABORT.
 */
ALWAYS_INLINE uintptr_t rseq_array_push_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void *const *from, uint32_t n)
{
	uintptr_t result, area, cur, count, i, to;

	for (uint32_t k = 0; atom_sanitizes && k < n; k++)
		atom_tsan_release(from[k]);
	if (likely(copy_wide()))
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_PUSH_WIDE);
	else
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_PUSH_NARROW);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

#elif defined(RSEQ_ELSEWHERE)
uintptr_t rseq_array_pop(void *rs, enum rseq_index by, struct rseq_array *arrays);
uintptr_t rseq_array_push(void *rs, enum rseq_index by, struct rseq_array *arrays, void *object);
uintptr_t rseq_array_pop_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void **to, uint32_t n);
uintptr_t rseq_array_push_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void *const *from, uint32_t n);
#else
#define rseq_array_pop       rseq_nowhere
#define rseq_array_push      rseq_nowhere
#define rseq_array_pop_bulk  rseq_nowhere
#define rseq_array_push_bulk rseq_nowhere
#endif

#endif
