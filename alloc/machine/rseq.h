/*
 * Restartable sequences on per-CPU arrays of pointers, in the form that Linux and glibc define
 * them.
 *
 * A section between two labels runs on one CPU without being preempted, migrated or signalled, or
 * not at all: the kernel sends a thread that was interrupted in it to the abort address. It reads
 * the CPU number inside, prepares, and commits with its last instruction, a single aligned store.
 * So the operations below cost no locked instruction and no shared line.
 *
 * Sources: Linux, Documentation/userspace-api/rseq.rst and include/uapi/linux/rseq.h; the array
 * follows tcmalloc's slab (P. Turner, Google), without its trick of storing into cpu_id_start,
 * which the kernel owns. glibc registers every thread it creates; we never call rseq(2) and write
 * no field but rseq_cs.
 *
 * One area a CPU, RSEQ_AREA_BYTES apart:
 *
 *	 0        4        8        12       16               64
 *	+--------+--------+--------+--------+----------------+-----------------------
 *	| cur    | low    | cap    | stop   | (unused)       | slot[0] slot[1] ...
 *	+--------+--------+--------+--------+----------------+-----------------------
 *
 *	pop    if cur <= low: empty     else  result = slot[cur-1], COMMIT cur = cur-1
 *	push   if cur >= cap: full      else  slot[cur] = object,   COMMIT cur = cur+1
 *
 * low is 0 and cap the array's size, until a drainer stops the CPU: it writes low = UINT32_MAX and
 * cap = 0, so that both tests fail, and the fast path needs no test of a stop flag. See rseq_stop.
 *
 * Results that are not objects are below RSEQ_CODES; objects are aligned to 16 and never that
 * small.
 */
#ifndef ALLOC_MACHINE_RSEQ_H
#define ALLOC_MACHINE_RSEQ_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/copy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RSEQ_AREA_LOG2 = 13,
	RSEQ_AREA_BYTES = 1 << RSEQ_AREA_LOG2,
	RSEQ_HEADER_BYTES = 64,
	RSEQ_SLOTS_MAX = (RSEQ_AREA_BYTES - RSEQ_HEADER_BYTES) / 8,
	/*
	 * Aborts in a row before an operation falls back to the depot. Two in a row are already
	 * rare (one abort in 10^5 operations under a signal storm); a debugger that single-steps
	 * aborts every time, and must get past.
	 */
	RSEQ_ABORTS_MAX = 64,
	/*
	 * Looks at the CPUs, with a pause after each, before a search takes for empty what another
	 * thread is draining: tens of microseconds, several times what a fence takes. A drainer that
	 * is itself stopped delays others by no more.
	 */
	RSEQ_BUSY_MAX = 1024,
};

enum rseq_code {
	RSEQ_EMPTY = 0, /* pop: nothing there, or the CPU is stopped. push: done */
	RSEQ_ABORT = 1, /* interrupted before the commit: nothing happened */
	RSEQ_FULL = 2,  /* push: no room, or the CPU is stopped */
	RSEQ_CODES = 3,
};
enum { RSEQ_DONE = RSEQ_EMPTY };

/*
 * The per-CPU part. cur, low and cap are written by sections of the owning CPU, or by a drainer
 * that has stopped it.
 */
struct rseq_array {
	atom_u32 cur;
	atom_u32 low;
	atom_u32 cap;
	atom_u32 stop; /* 0, or 1 while a drainer has claimed this CPU */
	unsigned char unused[RSEQ_HEADER_BYTES - 16];
	void *slot[RSEQ_SLOTS_MAX];
};
_Static_assert(sizeof(struct rseq_array) == RSEQ_AREA_BYTES, "an area fills its stride");
_Static_assert(
	offsetof(struct rseq_array, slot) == RSEQ_HEADER_BYTES, "the sections know this offset");

/*
 * NULL if this process can run the sections and remote drains: architecture, glibc's registration,
 * membarrier with the rseq command (registered here). Otherwise the sentence that says what is
 * missing. Any thread. Looks again each time.
 */
const char *rseq_missing(void);

/*
 * The calling thread's registered area (struct rseq of the kernel's ABI), or NULL for a thread that
 * glibc did not register (made by raw clone). Valid until the thread ends, for this thread alone.
 */
void *rseq_area(void);

/*
 * Stands in for the kernel's structure in a thread that has none; its CPU is one that is stopped
 * for ever.
 */
struct rseq_unregistered {
	uint32_t cpu_id_start, cpu_id;
	uint64_t rseq_cs;
};

/* rseq_area(), or, for a thread without one, `stand_in`, made to name cpu. */
void *rseq_area_or(struct rseq_unregistered *stand_in, uint32_t cpu);

/*
 * Aborts every section that runs on cpu now; one that begins there later sees what the caller
 * stored before. False: the kernel refuses. Costs an interrupt of that CPU if one of our threads
 * runs there (about 2 us), else a system call.
 */
bool rseq_fence(uint32_t cpu);

/*
 * Stops a CPU's array for a drainer: on success no section is running on it and none will get past
 * its test until rseq_restart; the caller owns cur and slots meanwhile. False: another drainer has
 * it; skip it, never wait for it. Costs an interrupt of that CPU if one of our threads runs there
 * (about 2 us), else a system call. Any thread.
 */
bool rseq_stop(struct rseq_array *areas, uint32_t cpu);

/* Ends a stop. cap: the array's size again, in slots. */
void rseq_restart(struct rseq_array *areas, uint32_t cpu, uint32_t cap);

#if defined(__x86_64__)
#define RSEQ_ARCH_SUPPORTED 1

/* Offsets in the kernel's struct rseq. */
#define RSEQ_CPU_ID "4"
#define RSEQ_CS     "8"

/*
 * The table entry of a section: labels 1 (start), 2 (just after the commit), 4 (abort), and 3 for
 * the entry itself. The four bytes before the abort address are RSEQ_SIG behind a ud1 opcode, so
 * that the page disassembles. Debuggers and checkpointers read the array of pointers. The section
 * lies in one asm block with local labels: inlining copies it whole.
 */
#define RSEQ_ENTRY                                     \
	".pushsection __rseq_cs, \"aw\"\n\t"           \
	".balign 32\n"                                 \
	"3:\n\t"                                       \
	".long 0, 0\n\t"                               \
	".quad 1f, 2f - 1f, 4f\n\t"                    \
	".popsection\n\t"                              \
	".pushsection __rseq_cs_ptr_array, \"aw\"\n\t" \
	".quad 3b\n\t"                                 \
	".popsection\n\t"

/*
 * Where an abort lands: outside the section, in cold text; sets the result and leaves through label
 * 5.
 */
#define RSEQ_EXIT                                  \
	"5:\n\t"                                   \
	".pushsection __rseq_failure, \"ax\"\n\t"  \
	".byte 0x0f, 0xb9, 0x3d\n\t"               \
	".long 0x53053053\n"                       \
	"4:\n\t"                                   \
	"movl $1, %k[result]\n\t" /* RSEQ_ABORT */ \
	"jmp 5b\n\t"                               \
	".popsection\n\t"

/* Arms the descriptor, opens the section, and computes this CPU's area. */
#define RSEQ_OPEN                                    \
	"leaq 3b(%%rip), %[area]\n\t"                \
	"movq %[area], " RSEQ_CS "(%[rs])\n"         \
	"1:\n\t"                                     \
	"movl " RSEQ_CPU_ID "(%[rs]), %k[area]\n\t"  \
	"shlq $13, %[area]\n\t" /* RSEQ_AREA_LOG2 */ \
	"addq %[areas], %[area]\n\t"                 \
	"movl (%[area]), %k[cur]\n\t"

/*
 * Takes the top object of the current CPU's array. Returns it, or RSEQ_EMPTY or RSEQ_ABORT. 12
 * instructions, of which one store arms and one commits; nothing locked.
 *
 * Order: program order suffices on one CPU, since the switch between two threads of it is a full
 * barrier; objects from elsewhere came through the depot's release and acquire. The thread
 * sanitizer cannot see that and is told, per object.
 */
ALWAYS_INLINE uintptr_t rseq_pop(void *rs, struct rseq_array *areas)
{
	uintptr_t result, area, cur;

	/* clang-format off */
	__asm__ volatile(RSEQ_ENTRY RSEQ_OPEN
		"xorl %k[result], %k[result]\n\t"
		"cmpl 4(%[area]), %k[cur]\n\t"
		"jbe 5f\n\t"
		"movq 56(%[area],%[cur],8), %[result]\n\t"
		"decl %k[cur]\n\t"
		"movl %k[cur], (%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur)
		: [rs] "r"(rs), [areas] "r"(areas)
		: "memory", "cc");
	/* clang-format on */
	if (result >= RSEQ_CODES)
		atom_tsan_acquire((void *)result);
	return result;
}

/*
 * Puts object on top of the current CPU's array. RSEQ_DONE, RSEQ_FULL or RSEQ_ABORT. As rseq_pop.
 */
ALWAYS_INLINE uintptr_t rseq_push(void *rs, struct rseq_array *areas, void *object)
{
	uintptr_t result, area, cur;

	/* An aborted attempt has released too: an edge too many, never one too few. */
	atom_tsan_release(object);
	/* clang-format off */
	__asm__ volatile(RSEQ_ENTRY RSEQ_OPEN
		"movl $2, %k[result]\n\t" /* RSEQ_FULL */
		"cmpl 8(%[area]), %k[cur]\n\t"
		"jae 5f\n\t"
		"xorl %k[result], %k[result]\n\t"
		"movq %[object], 64(%[area],%[cur],8)\n\t"
		"incl %k[cur]\n\t"
		"movl %k[cur], (%[area])\n"
		"2:\n" RSEQ_EXIT
		: [result] "=&r"(result), [area] "=&r"(area), [cur] "=&r"(cur)
		: [rs] "r"(rs), [areas] "r"(areas), [object] "r"(object)
		: "memory", "cc");
	/* clang-format on */
	return result;
}

/*
 * Copies count pointers up from `from` to `to`: the odd ones first, then four at a time; in the wide
 * form eight at a time. Clobbers count, i, xmm0, xmm1. An abort within the wide form leaves the upper
 * halves of two registers dirty until the next vzeroupper: dear for a moment, never wrong.
 */
#define RSEQ_COPY_ODD(mask)                 \
	"xorl %k[i], %k[i]\n"               \
	"6:\n\t"                            \
	"testl $" mask ", %k[count]\n\t"    \
	"jz 7f\n\t"                         \
	"movq (%[from],%[i],8), %%xmm0\n\t" \
	"movq %%xmm0, (%[to],%[i],8)\n\t"   \
	"incl %k[i]\n\t"                    \
	"decl %k[count]\n\t"                \
	"jmp 6b\n"                          \
	"7:\n\t"                            \
	"testl %k[count], %k[count]\n\t"    \
	"jz 9f\n"                           \
	"8:\n\t"

#define RSEQ_COPY_NARROW                        \
	RSEQ_COPY_ODD("3")                      \
	"movups (%[from],%[i],8), %%xmm0\n\t"   \
	"movups 16(%[from],%[i],8), %%xmm1\n\t" \
	"movups %%xmm0, (%[to],%[i],8)\n\t"     \
	"movups %%xmm1, 16(%[to],%[i],8)\n\t"   \
	"addl $4, %k[i]\n\t"                    \
	"subl $4, %k[count]\n\t"                \
	"jnz 8b\n"                              \
	"9:\n\t"

#define RSEQ_COPY_WIDE                           \
	RSEQ_COPY_ODD("7")                       \
	"vmovdqu (%[from],%[i],8), %%ymm0\n\t"   \
	"vmovdqu 32(%[from],%[i],8), %%ymm1\n\t" \
	"vmovdqu %%ymm0, (%[to],%[i],8)\n\t"     \
	"vmovdqu %%ymm1, 32(%[to],%[i],8)\n\t"   \
	"addl $8, %k[i]\n\t"                     \
	"subl $8, %k[count]\n\t"                 \
	"jnz 8b\n\t"                             \
	"vzeroupper\n"                           \
	"9:\n\t"

/* clang-format off */
#define RSEQ_POP_BULK(copy)                                                                        \
	__asm__ volatile(RSEQ_ENTRY RSEQ_OPEN                                                      \
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
		: [rs] "r"(rs), [areas] "r"(areas), [to] "r"(to), [n] "r"((uintptr_t)n)            \
		: "memory", "cc", COPY_CLOBBERS)
/* clang-format on */

/*
 * Takes up to n objects off the current CPU's array into to[0..), the top one last. Returns 4 x the
 * number taken (0: nothing there), or RSEQ_ABORT: then to[] may hold garbage and nothing was taken.
 */
ALWAYS_INLINE uintptr_t rseq_pop_bulk(void *rs, struct rseq_array *areas, void **to, uint32_t n)
{
	uintptr_t result, area, cur, count, i, from;

	if (likely(copy_wide()))
		RSEQ_POP_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_POP_BULK(RSEQ_COPY_NARROW);
	if (result != RSEQ_ABORT) {
		for (uint32_t k = 0; atom_sanitizes && k < result / 4; k++)
			atom_tsan_acquire(to[k]);
	}
	return result;
}

/* clang-format off */
#define RSEQ_PUSH_BULK(copy)                                                                       \
	__asm__ volatile(RSEQ_ENTRY RSEQ_OPEN                                                      \
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
		: [rs] "r"(rs), [areas] "r"(areas), [from] "r"(from), [n] "r"((uintptr_t)n)        \
		: "memory", "cc", COPY_CLOBBERS)
/* clang-format on */

/*
 * Puts from[0..n) on top of the current CPU's array, all or none. RSEQ_DONE, RSEQ_FULL or
 * RSEQ_ABORT.
 */
ALWAYS_INLINE uintptr_t rseq_push_bulk(
	void *rs, struct rseq_array *areas, void *const *from, uint32_t n)
{
	uintptr_t result, area, cur, count, i, to;

	for (uint32_t k = 0; atom_sanitizes && k < n; k++)
		atom_tsan_release(from[k]);
	if (likely(copy_wide()))
		RSEQ_PUSH_BULK(RSEQ_COPY_WIDE);
	else
		RSEQ_PUSH_BULK(RSEQ_COPY_NARROW);
	return result;
}

#else

/* Other architectures: rseq_missing says so, and nothing below runs. */
ALWAYS_INLINE uintptr_t rseq_pop(void *rs, struct rseq_array *areas)
{
	(void)rs;
	(void)areas;
	return RSEQ_ABORT;
}

ALWAYS_INLINE uintptr_t rseq_push(void *rs, struct rseq_array *areas, void *object)
{
	(void)object;
	return rseq_pop(rs, areas);
}

ALWAYS_INLINE uintptr_t rseq_pop_bulk(void *rs, struct rseq_array *areas, void **to, uint32_t n)
{
	(void)to;
	(void)n;
	return rseq_pop(rs, areas);
}

ALWAYS_INLINE uintptr_t rseq_push_bulk(
	void *rs, struct rseq_array *areas, void *const *from, uint32_t n)
{
	(void)from;
	(void)n;
	return rseq_pop(rs, areas);
}

#endif

#endif
