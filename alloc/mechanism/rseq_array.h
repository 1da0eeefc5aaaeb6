/*
 * An array of free objects a CPU, and the restartable sections (alloc/machine/rseq.h) that get and put
 * there: no locked instruction, and no line that another CPU writes. The array follows tcmalloc's slab
 * (P. Turner, Google).
 *
 * An array a CPU, RSEQ_ARRAY_BYTES apart; or one a concurrency id (enum rseq_index):
 *
 *	 0          64       72       80       88                128
 *	+----------+--------+--------+--------+-----------------+-----------------------
 *	| (unused) | stop   | top    | low    | cap    (unused) | slot[0] slot[1] ...
 *	+----------+--------+--------+--------+-----------------+-----------------------
 *
 *	pop    if top <= low: empty     else  result = top[-1],   COMMIT top = top-1
 *	push   if top >= cap: full      else  *top = object,      COMMIT top = top+1
 *
 * top, low and cap are addresses of slots, and no counts: on Zen 5 a get and a put of one object take an eighth
 * less time so, since a load of what was stored just before comes sooner where no index is added to its
 * address.
 *
 * The head lies in the second line of its pair. A load waits for an earlier store whose address ends in the
 * same 12 bits, and the lines of an NBL that are written begin pairs (alloc/nbl/object.h): beside the
 * first NBL of a slab a head at 0 made an allocation and free take a quarter longer.
 *
 * low is slot[0] and cap the end of the array's slots, until another CPU's thread stops the array to take
 * from it: it writes low = the last address and cap = 0, so that both tests fail. So the sections need no
 * test of a stop flag. See rseq_array_stop in cpu_arrays.c.
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
	RSEQ_ARRAY_HEAD_OFFSET = CACHE_LINE_BYTES,
	RSEQ_ARRAY_HEADER_BYTES = 2 * CACHE_LINE_BYTES,
	RSEQ_ARRAY_SLOTS = (RSEQ_ARRAY_BYTES - RSEQ_ARRAY_HEADER_BYTES) / 8,
};

/* top is written by sections of the array's CPU, or by a thread that has stopped it; low and cap by that. */
struct rseq_array {
	unsigned char before[RSEQ_ARRAY_HEAD_OFFSET];
	atom_u32 stop; /* 0, or 1 while a thread has stopped this CPU's array */
	atom_ptr top;  /* behind the last object */
	atom_ptr low;
	atom_ptr cap;
	unsigned char unused[RSEQ_ARRAY_HEADER_BYTES - RSEQ_ARRAY_HEAD_OFFSET - 4 * sizeof(void *)];
	void *slot[RSEQ_ARRAY_SLOTS];
};
_Static_assert(sizeof(struct rseq_array) == RSEQ_ARRAY_BYTES, "the sections know this stride");
_Static_assert(offsetof(struct rseq_array, slot) == RSEQ_ARRAY_HEADER_BYTES,
	"the sections know this offset");

/* An empty array of cap objects. Before any section works on it. */
static inline void rseq_array_init(struct rseq_array *self, uint32_t cap)
{
	atom_init(&self->top, self->slot);
	atom_init(&self->low, self->slot);
	atom_init(&self->cap, self->slot + cap);
}

/*
 * Both tests of the sections fail from now on, of those that begin later. Relaxed: the caller's fence orders
 * the stores before these.
 */
static inline void rseq_array_shut(struct rseq_array *self)
{
	atom_store_relaxed(&self->low, (void *)UINTPTR_MAX);
	atom_store_relaxed(&self->cap, NULL);
}

/* Objects below top. Of an array that is in use a hint. */
static inline uint32_t rseq_array_count(struct rseq_array *self)
{
	return (uint32_t)((void **)atom_load_relaxed(&self->top) - self->slot);
}

/* For a thread that has stopped the array, and for a quiet pool. */
static inline void rseq_array_set_count(struct rseq_array *self, uint32_t count)
{
	atom_store_relaxed(&self->top, self->slot + count);
}

#ifdef RSEQ_ARCH_SUPPORTED

_Static_assert(offsetof(struct rseq_array, top) == 72 && offsetof(struct rseq_array, low) == 80 &&
		       offsetof(struct rseq_array, cap) == 88,
	"the sections know these offsets");

/* Opens the section, and computes the CPU's array: `result` comes with the first one. */
#define RSEQ_ARRAY_OPEN(index)                        \
	RSEQ_ARM(index, "top")                        \
	"shlq $13, %[area]\n\t" /* RSEQ_ARRAY_LOG2 */ \
	"addq %[result], %[area]\n\t"                 \
	"movq 72(%[area]), %[top]\n\t"

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
		"cmpq 80(%[area]), %[top]\n\t"                                                     \
		"jbe 5f\n\t"                                                                       \
		"movq -8(%[top]), %[result]\n\t"                                                   \
		"subq $8, %[top]\n\t"                                                              \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top)                     \
		:                                                                                  \
		: "memory", "cc")
/* clang-format on */

/*
 * Takes the top object of the current CPU's array. Returns it, or RSEQ_EMPTY or RSEQ_ABORT. 12
 * instructions, of which one store arms and one commits.
 */
ALWAYS_INLINE uintptr_t rseq_array_pop(void *rs, enum rseq_index by, struct rseq_array *arrays)
{
	uintptr_t result = (uintptr_t)arrays, area = (uintptr_t)rs, top;

	RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP);
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_PUSH(index)                                                                     \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */                                          \
		"cmpq 88(%[area]), %[top]\n\t"                                                     \
		"jae 5f\n\t"                                                                       \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"movq %[object], (%[top])\n\t"                                                     \
		"addq $8, %[top]\n\t"                                                              \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top)                     \
		: [object] "r"(object)                                                          \
		: "memory", "cc")
/* clang-format on */

/*
 * Puts object on top of the current CPU's array. RSEQ_DONE, RSEQ_FULL or RSEQ_ABORT. 13
 * instructions.
 */
ALWAYS_INLINE uintptr_t rseq_array_push(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void *object)
{
	uintptr_t result = (uintptr_t)arrays, area = (uintptr_t)rs, top;

	/* An aborted attempt has released too: an edge too many, never one too few. */
	atom_tsan_release(object);
	RSEQ_ARRAY_BY(by, RSEQ_ARRAY_PUSH);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_POP_BULK(index, copy)                                                           \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"movq %[top], %[count]\n\t"                                                        \
		"subq 80(%[area]), %[count]\n\t"                                                   \
		"jbe 5f\n\t"                                                                       \
		"shrl $3, %k[count]\n\t"                                                           \
		"cmpl %k[n], %k[count]\n\t"                                                        \
		"cmoval %k[n], %k[count]\n\t"                                                      \
		"leal (,%[count],4), %k[result]\n\t"                                               \
		"leaq (,%[count],8), %[from]\n\t"                                                  \
		"subq %[from], %[top]\n\t"                                                         \
		"movq %[top], %[from]\n\t" copy                                                    \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top),                    \
		[count] "=&r"(count), [i] "=&r"(i), [from] "=&r"(from)                             \
		: [to] "r"(to), [n] "r"((uintptr_t)n)                                         \
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
	uintptr_t result = (uintptr_t)arrays, area = (uintptr_t)rs, top, count, i, from;

	if (likely(copy_wide()))
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP_WIDE);
	else
		RSEQ_ARRAY_BY(by, RSEQ_ARRAY_POP_NARROW);
	if (result != RSEQ_ABORT)
		atom_tsan_acquire_each(to, (uint32_t)result / 4);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format off */
#define RSEQ_ARRAY_PUSH_BULK(index, copy)                                                          \
	__asm__ volatile(RSEQ_ENTRY RSEQ_ARRAY_OPEN(index)                                         \
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */                                          \
		"movq %[top], %[to]\n\t"                                                           \
		"leaq (%[top],%[n],8), %[top]\n\t"                                                 \
		"cmpq 88(%[area]), %[top]\n\t"                                                     \
		"ja 5f\n\t"                                                                        \
		"movl %k[n], %k[count]\n\t"                                                        \
		"xorl %k[result], %k[result]\n\t" copy                                             \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top),                    \
		[count] "=&r"(count), [i] "=&r"(i), [to] "=&r"(to)                                 \
		: [from] "r"(from), [n] "r"((uintptr_t)n)                                     \
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
	uintptr_t result = (uintptr_t)arrays, area = (uintptr_t)rs, top, count, i, to;

	atom_tsan_release_each(from, n);
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
