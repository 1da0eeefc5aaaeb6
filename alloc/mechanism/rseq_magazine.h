/*
 * Two magazines of free objects a CPU, loaded and spare, and the restartable sections
 * (alloc/machine/rseq.h) that get and put there and that exchange one of the two. One word names both, so
 * a whole magazine changes hands by one 8-byte store.
 *
 * One area a CPU, a cache line pair:
 *
 *	 0                    4                    8
 *	+--------------------+--------------------+--------------------+-----
 *	| loaded (unit)      | spare (unit)       | stop               |
 *	+--------------------+--------------------+--------------------+-----
 *
 * and a magazine (magazine.h), found at its unit's line of the depot's slab:
 *
 *	 0                    64
 *	+--------------------+-----------------------
 *	| objects            | slot[0] slot[1] ...
 *	+--------------------+-----------------------
 *
 *	pop        if loaded is empty: empty   else  result = slot[n-1],        COMMIT objects = n-1
 *	push       if loaded is full: full     else  slot[n] = object,          COMMIT objects = n+1
 *	exchange   if the word is not `expect`: lost                  else      COMMIT word = next
 *
 * While a magazine is installed, its count and slots are the CPU's; afterwards they belong to the thread
 * that took it. Every section tests stop, so nothing moves on a CPU that is stopped (cpu_magazines.c).
 *
 * Order: as in rseq_array.h.
 */
#ifndef ALLOC_MECHANISM_RSEQ_MAGAZINE_H
#define ALLOC_MECHANISM_RSEQ_MAGAZINE_H

#include "alloc/machine/rseq.h"
#include "alloc/mechanism/magazine.h"

struct rseq_magazines {
	atom_u64 word; /* loaded in the low half, spare in the high; units of the depot's slab */
	atom_u32 stop; /* 0, or 1 while a thread has stopped this CPU */
} CACHE_PAIR_ALIGNED;

enum { RSEQ_MAGAZINES_LOG2 = 7 };
_Static_assert(
	sizeof(struct rseq_magazines) == 1 << RSEQ_MAGAZINES_LOG2, "the sections know the stride");
_Static_assert(offsetof(struct rseq_magazines, stop) == 8, "the sections know this offset");
_Static_assert(offsetof(struct magazine, slot) == 64, "the sections know this offset");

ALWAYS_INLINE uint64_t rseq_magazine_word(uint32_t loaded, uint32_t spare)
{
	return (uint64_t)spare << 32 | loaded;
}

ALWAYS_INLINE uint32_t rseq_magazine_loaded(uint64_t word)
{
	return (uint32_t)word;
}

ALWAYS_INLINE uint32_t rseq_magazine_spare(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

#ifdef RSEQ_ARCH_SUPPORTED

/* clang-format off */

/* Opens the section, computes the CPU's area, and leaves if the CPU is stopped. */
#define RSEQ_MAGAZINE_OPEN                                                                         \
	RSEQ_ARM(RSEQ_CPU_ID, "cur")                                                               \
	"shlq $7, %[area]\n\t" /* RSEQ_MAGAZINES_LOG2 */                                           \
	"addq %[areas], %[area]\n\t"                                                               \
	"cmpl $0, 8(%[area])\n\t"                                                                  \
	"jne 5f\n\t"

/* The loaded magazine and its count. unit0 is where unit 0 would be. */
#define RSEQ_MAGAZINE_LOADED                                                                       \
	"movl (%[area]), %k[area]\n\t"                                                             \
	"shlq $6, %[area]\n\t" /* CACHE_LINE_LOG2 */                                               \
	"addq %[unit0], %[area]\n\t"                                                               \
	"movl (%[area]), %k[cur]\n\t"

/*
 * Takes the top object of the current CPU's loaded magazine. Returns it, or RSEQ_EMPTY (also if the
 * CPU is stopped) or RSEQ_ABORT. unit0: the depot's slab, less one unit.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_pop(void *rs, struct rseq_magazines *areas, unsigned char *unit0)
{
	uintptr_t result = RSEQ_EMPTY, area = (uintptr_t)rs, cur;

	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_LOADED
		"testl %k[cur], %k[cur]\n\t"
		"jz 5f\n\t"
		"movq 56(%[area],%[cur],8), %[result]\n\t"
		"decl %k[cur]\n\t"
		"movl %k[cur], (%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [cur] "=&r"(cur)
		: [areas] "r"(areas), [unit0] "r"(unit0)
		: "memory", "cc");
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/*
 * Puts object on the current CPU's loaded magazine of size objects. RSEQ_DONE, RSEQ_FULL (also if
 * stopped) or RSEQ_ABORT.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_push(void *rs, struct rseq_magazines *areas, unsigned char *unit0,
	uint32_t size, void *object)
{
	uintptr_t result = RSEQ_FULL, area = (uintptr_t)rs, cur;

	atom_tsan_release(object);
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_LOADED
		"cmpl %k[size], %k[cur]\n\t"
		"jae 5f\n\t"
		"xorl %k[result], %k[result]\n\t"
		"movq %[object], 64(%[area],%[cur],8)\n\t"
		"incl %k[cur]\n\t"
		"movl %k[cur], (%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [cur] "=&r"(cur)
		: [areas] "r"(areas), [unit0] "r"(unit0), [size] "r"((uintptr_t)size),
		  [object] "r"(object)
		: "memory", "cc");
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

#define RSEQ_MAGAZINE_POP_BULK(copy)                                                               \
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_LOADED                        \
		"subl %k[n], %k[cur]\n\t"                                                          \
		"jb 5f\n\t"                                                                        \
		"leaq 64(%[area],%[cur],8), %[from]\n\t"                                           \
		"movl %k[n], %k[count]\n\t"                                                        \
		"xorl %k[result], %k[result]\n\t" copy                                             \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [cur] "=&r"(cur), [count] "=&r"(count), \
		  [i] "=&r"(i), [from] "=&r"(from)                                                 \
		: [areas] "r"(areas), [unit0] "r"(unit0), [to] "r"(to), [n] "r"((uintptr_t)n) \
		: "memory", "cc", COPY_CLOBBERS)

/*
 * Takes the top n objects if the loaded magazine has as many: RSEQ_DONE; else RSEQ_FULL, or
 * RSEQ_ABORT.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_pop_bulk(void *rs, struct rseq_magazines *areas, unsigned char *unit0,
	void **to, uint32_t n)
{
	uintptr_t result = RSEQ_FULL, area = (uintptr_t)rs, cur, count, i, from;

	if (likely(copy_wide()))
		RSEQ_MAGAZINE_POP_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_MAGAZINE_POP_BULK(RSEQ_COPY_NARROW);
	for (uint32_t k = 0; atom_sanitizes && result == RSEQ_DONE && k < n; k++)
		atom_tsan_acquire(to[k]);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

#define RSEQ_MAGAZINE_PUSH_BULK(copy)                                                              \
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_LOADED                        \
		"cmpl %k[room], %k[cur]\n\t"                                                       \
		"ja 5f\n\t"                                                                        \
		"leaq 64(%[area],%[cur],8), %[to]\n\t"                                             \
		"movl %k[n], %k[count]\n\t"                                                        \
		"addl %k[n], %k[cur]\n\t"                                                          \
		"xorl %k[result], %k[result]\n\t" copy                                             \
		"movl %k[cur], (%[area])\n"                                                        \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [cur] "=&r"(cur), [count] "=&r"(count), \
		  [i] "=&r"(i), [to] "=&r"(to)                                                     \
		: [areas] "r"(areas), [unit0] "r"(unit0), [from] "r"(from),          \
		  [n] "r"((uintptr_t)n), [room] "rm"(room)                                         \
		: "memory", "cc", COPY_CLOBBERS)

/*
 * Puts from[0..n) on the loaded magazine, all or none: RSEQ_DONE; else RSEQ_FULL, or RSEQ_ABORT.
 * room: size - n.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_push_bulk(void *rs, struct rseq_magazines *areas, unsigned char *unit0,
	uint32_t room, void *const *from, uint32_t n)
{
	uintptr_t result = RSEQ_FULL, area = (uintptr_t)rs, cur, count, i, to;

	for (uint32_t k = 0; atom_sanitizes && k < n; k++)
		atom_tsan_release(from[k]);
	if (likely(copy_wide()))
		RSEQ_MAGAZINE_PUSH_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_MAGAZINE_PUSH_BULK(RSEQ_COPY_NARROW);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/*
 * If the calling thread is still on cpu, and that CPU's word is still `expect`: makes it `next`.
 * RSEQ_DONE; else RSEQ_FULL, or RSEQ_ABORT. The installed magazine `mine` becomes the CPU's, the
 * replaced one `taken` the caller's, whatever it holds by then.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_exchange(void *rs, struct rseq_magazines *areas, uint32_t cpu, uint64_t expect,
	uint64_t next, struct magazine *mine, struct magazine *taken)
{
	uintptr_t result = RSEQ_FULL, area = (uintptr_t)rs, cur;

	atom_tsan_release(mine);
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN
		"cmpl %k[cpu], " RSEQ_CPU_ID "(%[rs])\n\t"
		"jne 5f\n\t"
		"cmpq %[expect], (%[area])\n\t"
		"jne 5f\n\t"
		"xorl %k[result], %k[result]\n\t"
		"movq %[next], (%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [cur] "=&r"(cur)
		: [rs] "r"(rs), [areas] "r"(areas), [cpu] "r"(cpu), [expect] "r"(expect), [next] "r"(next)
		: "memory", "cc");
	if (result == RSEQ_DONE)
		atom_tsan_acquire(taken);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format on */

#elif defined(RSEQ_ELSEWHERE)
uintptr_t rseq_magazine_pop(void *rs, struct rseq_magazines *areas, unsigned char *unit0);
uintptr_t rseq_magazine_push(
	void *rs, struct rseq_magazines *areas, unsigned char *unit0, uint32_t size, void *object);
uintptr_t rseq_magazine_pop_bulk(
	void *rs, struct rseq_magazines *areas, unsigned char *unit0, void **to, uint32_t n);
uintptr_t rseq_magazine_push_bulk(void *rs, struct rseq_magazines *areas, unsigned char *unit0,
	uint32_t room, void *const *from, uint32_t n);
uintptr_t rseq_magazine_exchange(void *rs, struct rseq_magazines *areas, uint32_t cpu,
	uint64_t expect, uint64_t next, struct magazine *mine, struct magazine *taken);
#else
#define rseq_magazine_pop       rseq_nowhere
#define rseq_magazine_push      rseq_nowhere
#define rseq_magazine_pop_bulk  rseq_nowhere
#define rseq_magazine_push_bulk rseq_nowhere
#define rseq_magazine_exchange  rseq_nowhere
#endif

#endif
