/*
 * Two magazines of free objects a CPU, loaded and spare, and the restartable sections
 * (alloc/machine/rseq.h) that get and put there and that exchange one of the two for a thread's.
 *
 * A table has for each CPU the address of its *place*, and one word of the place is what every section
 * commits: `top`, an address in the loaded magazine. A get and a put of one object need nothing else: a
 * magazine's floor and the address behind its last slot (magazine.h) tell that it is empty or full. A bulk call and
 * an exchange need the magazine itself. A place names two *pairs* of magazines, and that one counts in whose loaded
 * magazine top lies. An exchange writes the other pair in full and then commits top: so a whole magazine changes
 * hands by one 8-byte store.
 *
 * A place, a cache line pair:
 *
 *	 0          72     80                                104
 *	+----------+------+---------------------------------+---------------------------------+
 *	| (unused) | top  | pair[0]: slot[0], bytes, spare  | pair[1]: slot[0], bytes, spare  |
 *	+----------+------+---------------------------------+---------------------------------+
 *
 *	pop        if top[-1] is the floor: empty     else  result = top[-1],   COMMIT top = top-1
 *	push       if a block ends at top: full       else  *top = object,      COMMIT top = top+1
 *	exchange   if the place is closed: lost       else  other pair = {mine, loaded or spare},
 *	                                                    objects of loaded = top - slot[0],
 *	                                                                        COMMIT top = that of mine
 *
 * A CPU is stopped by an entry of the table that leads to the closed place, which nobody writes to: there pop finds
 * a floor, push the end of a block, a bulk call a magazine of no bytes, and an exchange that too. So no section tests
 * a flag, and one that found the closed place can never have read anything of the CPU's (cpu_magazines.c).
 *
 * While a magazine is loaded, its own count is stale, as in an opened one (magazine.h): the exchange writes it,
 * even if it is then aborted. What an aborted exchange wrote into the other pair means nothing: it names a magazine of
 * the thread's, in which top does not lie. So pair[0] has the magazine of top only if it counts, and is asked first.
 *
 * In a magazine longer than a block a block ends at other slots, too. There a push of one object says full, and the
 * bulk call that follows looks at the bytes.
 *
 * Top lies in the second line of its pair for the reason that rseq_array.h gives. Order: as there.
 */
#ifndef ALLOC_MECHANISM_RSEQ_MAGAZINE_H
#define ALLOC_MECHANISM_RSEQ_MAGAZINE_H

#include "alloc/machine/rseq.h"
#include "alloc/mechanism/magazine.h"

/* All three are written by sections of the place's CPU, or by a thread that has stopped it. */
struct rseq_pair {
	atom_ptr low;   /* slot[0] of the loaded magazine */
	atom_u64 bytes; /* of the slots that it may use; a place that is not closed has some */
	atom_ptr spare;
};

struct rseq_place {
	unsigned char before[CACHE_LINE_BYTES + 8];
	atom_ptr top; /* behind the last object of the loaded magazine */
	struct rseq_pair pair[2];
} CACHE_PAIR_ALIGNED;

_Static_assert(sizeof(struct rseq_place) == 2 * CACHE_LINE_BYTES, "a place is two lines");
_Static_assert(offsetof(struct rseq_place, top) == 72 && offsetof(struct rseq_place, pair) == 80 &&
		       sizeof(struct rseq_pair) == 24 && offsetof(struct rseq_pair, low) == 0 &&
		       offsetof(struct rseq_pair, bytes) == 8 &&
		       offsetof(struct rseq_pair, spare) == 16,
	"the sections know these offsets");
_Static_assert(offsetof(struct magazine, slot) == 64 && offsetof(struct magazine, objects) == 0 &&
		       MAGAZINE_BLOCK_BYTES == 1024,
	"the sections know these numbers");

/* The magazine whose slot[0] it is. */
static inline struct magazine *rseq_pair_loaded(struct rseq_pair *self)
{
	return container_of((void **)atom_load_relaxed(&self->low), struct magazine, slot);
}

static inline struct magazine *rseq_pair_spare(struct rseq_pair *self)
{
	return atom_load_relaxed(&self->spare);
}

/* The pair that counts. Of a CPU that runs a hint: one of both. */
static inline struct rseq_pair *rseq_place_pair(struct rseq_place *self)
{
	const uintptr_t top = (uintptr_t)atom_load_relaxed(&self->top);
	struct rseq_pair *first = &self->pair[0];

	return top - (uintptr_t)atom_load_relaxed(&first->low) <= atom_load_relaxed(&first->bytes)
		       ? first
		       : &self->pair[1];
}

/* Objects in the pair's loaded magazine. Of a CPU that runs a hint, and perhaps any number. */
static inline uint32_t rseq_place_count(struct rseq_place *self, struct rseq_pair *pair)
{
	return (uint32_t)((void **)atom_load_relaxed(&self->top) -
			  (void **)atom_load_relaxed(&pair->low));
}

/* Two magazines, whose counts are right, become a pair. loaded takes size objects. */
static inline void rseq_pair_init(
	struct rseq_pair *self, struct magazine *loaded, struct magazine *spare, uint32_t size)
{
	atom_store_relaxed(&self->low, loaded->slot);
	atom_store_relaxed(&self->bytes, size * sizeof(void *));
	atom_store_relaxed(&self->spare, spare);
}

/*
 * The same of a place that no section can reach. Relaxed: the table's entry publishes it.
 */
static inline void rseq_place_init(
	struct rseq_place *self, struct magazine *loaded, struct magazine *spare, uint32_t size)
{
	rseq_pair_init(&self->pair[0], loaded, spare, size);
	atom_store_relaxed(&self->top, loaded->slot + magazine_count(loaded));
}

/* Makes a place the closed one: its top lies behind a floor, at the end of a block. */
static inline void rseq_place_close(struct rseq_place *self)
{
	static _Alignas(
		MAGAZINE_BLOCK_BYTES) void *const nothing[MAGAZINE_BLOCK_BYTES / sizeof(void *)];
	void **end = (void **)(nothing + array_count(nothing));

	atom_init(&self->top, end);
	atom_init(&self->pair[0].low, end);
	atom_init(&self->pair[0].bytes, 0);
}

#ifdef RSEQ_ARCH_SUPPORTED

/* clang-format off */

/* Opens the section, and finds the CPU's place and its top: `result` comes with the table. */
#define RSEQ_MAGAZINE_OPEN                                                                         \
	RSEQ_ARM(RSEQ_CPU_ID, "top")                                                               \
	"movq (%[result],%[area],8), %[area]\n\t"                                                  \
	"movq 72(%[area]), %[top]\n\t"

/* count: bytes of the loaded magazine below top; i: those that it may use. By a branch, which only an exchange turns. */
#define RSEQ_MAGAZINE_BYTES                                                                        \
	"movq 88(%[area]), %[i]\n\t"                                                               \
	"movq %[top], %[count]\n\t"                                                                \
	"subq 80(%[area]), %[count]\n\t"                                                           \
	"cmpq %[i], %[count]\n\t"                                                                  \
	"jbe 0f\n\t"                                                                               \
	"movq %[top], %[count]\n\t"                                                                \
	"subq 104(%[area]), %[count]\n\t"                                                          \
	"movq 112(%[area]), %[i]\n"                                                                \
	"0:\n\t"

/*
 * Takes the top object of the current CPU's loaded magazine. Returns it, or RSEQ_EMPTY (also if the
 * CPU is stopped) or RSEQ_ABORT. 10 instructions.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_pop(void *rs, atom_ptr *table)
{
	uintptr_t result = (uintptr_t)table, area = (uintptr_t)rs, top;

	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN
		"movq -8(%[top]), %[result]\n\t"
		"testq %[result], %[result]\n\t"
		"jz 5f\n\t"
		"subq $8, %[top]\n\t"
		"movq %[top], 72(%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top)
		:
		: "memory", "cc");
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/*
 * Puts object on the current CPU's loaded magazine. RSEQ_DONE, RSEQ_FULL (also if stopped, and where a block ends
 * in a magazine's midst) or RSEQ_ABORT. 12 instructions.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_push(void *rs, atom_ptr *table, void *object)
{
	uintptr_t result = (uintptr_t)table, area = (uintptr_t)rs, top;

	atom_tsan_release(object);
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */
		"testl $1023, %k[top]\n\t" /* MAGAZINE_BLOCK_BYTES - 1 */
		"jz 5f\n\t"
		"xorl %k[result], %k[result]\n\t"
		"movq %[object], (%[top])\n\t"
		"addq $8, %[top]\n\t"
		"movq %[top], 72(%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top)
		: [object] "r"(object)
		: "memory", "cc");
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

#define RSEQ_MAGAZINE_POP_BULK(copy)                                                               \
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_BYTES                         \
		"xorl %k[result], %k[result]\n\t"                                                  \
		"shrl $3, %k[count]\n\t"                                                           \
		"jz 5f\n\t"                                                                        \
		"cmpl %k[n], %k[count]\n\t"                                                        \
		"cmoval %k[n], %k[count]\n\t"                                                      \
		"leal (,%[count],4), %k[result]\n\t"                                               \
		"leaq (,%[count],8), %[from]\n\t"                                                  \
		"subq %[from], %[top]\n\t"                                                         \
		"movq %[top], %[from]\n\t" copy                                                    \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top), [count] "=&r"(count), \
		  [i] "=&r"(i), [from] "=&r"(from)                                                 \
		: [to] "r"(to), [n] "r"((uintptr_t)n)                                              \
		: "memory", "cc", COPY_CLOBBERS)

/*
 * Takes up to n objects off the loaded magazine into to[0..), the top one last. Returns 4 x the number taken (0: nothing
 * there, or the CPU is stopped), or RSEQ_ABORT: then to[] may hold garbage and nothing was taken.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_pop_bulk(void *rs, atom_ptr *table, void **to, uint32_t n)
{
	uintptr_t result = (uintptr_t)table, area = (uintptr_t)rs, top, count, i, from;

	if (likely(copy_wide()))
		RSEQ_MAGAZINE_POP_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_MAGAZINE_POP_BULK(RSEQ_COPY_NARROW);
	if (result != RSEQ_ABORT)
		atom_tsan_acquire_each(to, (uint32_t)result / 4);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

#define RSEQ_MAGAZINE_PUSH_BULK(copy)                                                              \
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN RSEQ_MAGAZINE_BYTES                         \
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */                                          \
		"leaq (%[count],%[n],8), %[count]\n\t"                                             \
		"cmpq %[i], %[count]\n\t"                                                          \
		"ja 5f\n\t"                                                                        \
		"movq %[top], %[to]\n\t"                                                           \
		"leaq (%[top],%[n],8), %[top]\n\t"                                                 \
		"movl %k[n], %k[count]\n\t"                                                        \
		"xorl %k[result], %k[result]\n\t" copy                                             \
		"movq %[top], 72(%[area])\n"                                                       \
		"2:\n" RSEQ_EXIT                                                                   \
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top), [count] "=&r"(count), \
		  [i] "=&r"(i), [to] "=&r"(to)                                                     \
		: [from] "r"(from), [n] "r"((uintptr_t)n)                                          \
		: "memory", "cc", COPY_CLOBBERS)

/* Puts from[0..n) on the loaded magazine, all or none: RSEQ_DONE; else RSEQ_FULL, or RSEQ_ABORT. n >= 1. */
ALWAYS_INLINE uintptr_t rseq_magazine_push_bulk(
	void *rs, atom_ptr *table, void *const *from, uint32_t n)
{
	uintptr_t result = (uintptr_t)table, area = (uintptr_t)rs, top, count, i, to;

	atom_tsan_release_each(from, n);
	if (likely(copy_wide()))
		RSEQ_MAGAZINE_PUSH_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_MAGAZINE_PUSH_BULK(RSEQ_COPY_NARROW);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/*
 * Makes `mine`, whose count is right and which takes size objects, the loaded magazine of the current CPU. What was
 * loaded becomes the spare and the spare the caller's; or, if not `spare`, what was loaded becomes the caller's.
 * Returns the caller's, whose count is right, whatever it is by then; or RSEQ_FULL (the CPU is stopped) or
 * RSEQ_ABORT.
 */
ALWAYS_INLINE uintptr_t rseq_magazine_exchange(
	void *rs, atom_ptr *table, bool spare, struct magazine *mine, uint32_t size)
{
	uintptr_t result = (uintptr_t)table, area = (uintptr_t)rs, top, pair, other, loaded;

	atom_tsan_release(mine);
	__asm__ volatile(RSEQ_ENTRY RSEQ_MAGAZINE_OPEN
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */
		"cmpq $0, 88(%[area])\n\t"
		"je 5f\n\t"
		/* The pair that counts, less 80 bytes, and the other one. */
		"leaq 24(%[area]), %[pair]\n\t"
		"movq %[top], %[other]\n\t"
		"subq 80(%[area]), %[other]\n\t"
		"cmpq 88(%[area]), %[other]\n\t"
		"cmovbeq %[area], %[pair]\n\t"
		"leaq 24(%[area],%[area]), %[other]\n\t"
		"subq %[pair], %[other]\n\t"
		/* The magazine that was loaded, and its count. */
		"movq 80(%[pair]), %[loaded]\n\t"
		"subq %[loaded], %[top]\n\t"
		"shrq $3, %[top]\n\t"
		"subq $64, %[loaded]\n\t"
		"movl %k[top], (%[loaded])\n\t"
		/* Which goes, and which becomes the spare. */
		"movq 96(%[pair]), %[result]\n\t"
		"movq %[result], %[pair]\n\t"
		"testl %k[spare], %k[spare]\n\t"
		"cmovzq %[loaded], %[result]\n\t"
		"cmovnzq %[loaded], %[pair]\n\t"
		"movq %[slot], 80(%[other])\n\t"
		"movq %[bytes], 88(%[other])\n\t"
		"movq %[pair], 96(%[other])\n\t"
		"movq %[next], 72(%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "+&r"(result), [area] "+&r"(area), [top] "=&r"(top), [pair] "=&r"(pair),
		  [other] "=&r"(other), [loaded] "=&r"(loaded)
		: [spare] "r"((uint32_t)spare), [slot] "r"(mine->slot),
		  [bytes] "r"(size * sizeof(void *)), [next] "r"(mine->slot + magazine_count(mine))
		: "memory", "cc");
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return ATOMIC_SECTION(result, result == RSEQ_ABORT);
}

/* clang-format on */

#elif defined(RSEQ_ELSEWHERE)
uintptr_t rseq_magazine_pop(void *rs, atom_ptr *table);
uintptr_t rseq_magazine_push(void *rs, atom_ptr *table, void *object);
uintptr_t rseq_magazine_pop_bulk(void *rs, atom_ptr *table, void **to, uint32_t n);
uintptr_t rseq_magazine_push_bulk(void *rs, atom_ptr *table, void *const *from, uint32_t n);
uintptr_t rseq_magazine_exchange(
	void *rs, atom_ptr *table, bool spare, struct magazine *mine, uint32_t size);
#else
#define rseq_magazine_pop       rseq_nowhere
#define rseq_magazine_push      rseq_nowhere
#define rseq_magazine_pop_bulk  rseq_nowhere
#define rseq_magazine_push_bulk rseq_nowhere
#define rseq_magazine_exchange  rseq_nowhere
#endif

#endif
