/*
 * Restartable sequences: what Linux and glibc give for them, and the pieces that sections are made of.
 *
 * A section is code between two labels that runs on one CPU from its first instruction to its last,
 * without being preempted, migrated or signalled in between; or it does nothing. The kernel sends a
 * thread that it interrupted in a section to the section's abort address. So a section reads the
 * number of its CPU, prepares what it likes in registers and in memory that counts for nothing yet, and
 * *commits* with its last instruction, a single aligned store. It needs no locked instruction.
 *
 * glibc registers an *area* for each thread that it creates. The kernel keeps the number of the
 * thread's CPU there, and finds there the descriptor of the section that the thread is in (rseq_cs),
 * the only field that we write. We never call rseq(2).
 *
 * Sources: Linux, Documentation/userspace-api/rseq.rst and include/uapi/linux/rseq.h. tcmalloc
 * (P. Turner, Google) also stores into cpu_id_start, which is the kernel's; we do not.
 *
 * The sections stand with the structures they work on: alloc/mechanism/rseq_array.h and
 * alloc/mechanism/rseq_magazine.h.
 */
#ifndef ALLOC_MACHINE_RSEQ_H
#define ALLOC_MACHINE_RSEQ_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/copy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a section answers, if not an object: objects are aligned to 16 and never that small.
 */
enum rseq_code {
	RSEQ_EMPTY = 0, /* nothing there, or the CPU is stopped */
	RSEQ_ABORT = 1, /* interrupted before the commit: nothing happened */
	RSEQ_FULL = 2,  /* no room, or the CPU is stopped */
	RSEQ_CODES = 3,
	RSEQ_DONE = RSEQ_EMPTY, /* of sections that return no object */
};

/*
 * Aborts in a row before an operation falls back to what lies behind the CPU's cache. Two in a row are
 * already rare (one abort in 10^5 operations under a signal storm). A debugger that single-steps
 * aborts every time, and must get past. A test may want fewer.
 */
#ifndef RSEQ_ABORTS_MAX
#define RSEQ_ABORTS_MAX 64
#endif

/*
 * NULL if this process can run sections, and fences that abort them: architecture, glibc's
 * registration, membarrier with the rseq command (registered here). Otherwise the sentence that
 * says what is missing. Any thread. Looks again each time.
 */
const char *rseq_missing(void);

/* The same for sections that index by the concurrency id, which the kernel has to keep as well. */
const char *rseq_cid_missing(void);

/*
 * For tests: as if the kernel kept so many bytes of an area from now on; 0: the truth again. Not while
 * another thread creates pools.
 */
void rseq_set_feature_bytes(unsigned long bytes);

/*
 * The calling thread's registered area (struct rseq of the kernel's ABI), or NULL for a thread that
 * glibc did not register (made by raw clone). Valid until the thread ends, for this thread alone.
 */
void *rseq_area(void);

/* Stands in for the area of a thread that has none; its CPU is one that is stopped for ever. */
struct rseq_unregistered {
	uint32_t cpu_id_start, cpu_id;
	uint64_t rseq_cs;
	uint32_t flags, node_id, mm_cid;
};

/*
 * What a section indexes by. The concurrency id is lent by the kernel to a thread that runs, and no two
 * threads of the process have the same one at a time: so it serves as well as the CPU's number. It stays
 * below the number of threads, and below that of the CPUs that the process may use, where a CPU's number
 * may be any that the machine has. It is no CPU: it can move to another one between two sections.
 */
enum rseq_index { RSEQ_BY_CPU, RSEQ_BY_CID };

/* rseq_area(), or, for a thread without one, `stand_in`, made to name cpu. */
void *rseq_area_or(struct rseq_unregistered *stand_in, uint32_t cpu);

/* The thread's CPU, as a hint: it may have moved on. rs: its area, or its stand-in. */
ALWAYS_INLINE uint32_t rseq_cpu(void *rs)
{
	return atom_load_relaxed((atom_u32 *)rs); /* cpu_id_start; kept by the kernel */
}

/*
 * Aborts every section that runs on cpu now; one that begins there later sees what the caller
 * stored before. False: the kernel refuses. Costs an interrupt of that CPU if one of our threads
 * runs there (about 2 us), else a system call.
 */
bool rseq_fence(uint32_t cpu);

/* The same of every CPU: for whoever has some concurrency id, which no system call can name. */
bool rseq_fence_all(void);

/*
 * RSEQ_ELSEWHERE: sections are functions that another program brings along, of the names and with the
 * answers that these headers give them. The explorer (stress/model/) takes one apart into its steps.
 */
#if defined(__x86_64__) && !defined(RSEQ_ELSEWHERE)
#define RSEQ_ARCH_SUPPORTED 1

/* Offsets in the kernel's struct rseq. */
#define RSEQ_CPU_ID "4"
#define RSEQ_CS     "8"
#define RSEQ_MM_CID "24"
_Static_assert(offsetof(struct rseq_unregistered, mm_cid) == 24, "a stand-in has it there too");

/*
 * A section's descriptor, in the form that the kernel wants. Labels: 1 start, 2 just behind the
 * commit, 3 the descriptor, 4 abort, 5 the common way out. Debuggers and checkpointers read the array of
 * pointers. Descriptor and section lie in one asm block with local labels: inlining copies the whole.
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
 * Arms the descriptor, opens the section, and reads its index: RSEQ_CPU_ID or RSEQ_MM_CID. The register
 * `area` comes with the thread's area and leaves with the index, which spares the caller a register;
 * `scratch` is any.
 */
#define RSEQ_ARM(index, scratch)                      \
	"leaq 3b(%%rip), %[" scratch "]\n\t"          \
	"movq %[" scratch "], " RSEQ_CS "(%[area])\n" \
	"1:\n\t"                                      \
	"movl " index "(%[area]), %k[area]\n\t"

/*
 * Where an abort lands: outside the section, in cold text. It sets the result and leaves through label
 * 5. The four bytes before label 4 are RSEQ_SIG, which the kernel looks for, behind a ud1 opcode, so
 * that the page disassembles.
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

/*
 * Copies count pointers up from `from` to `to`: the odd ones first, then four at a time; in the wide
 * form (copy_wide) eight at a time. Clobbers count, i and COPY_CLOBBERS. An abort within the wide form
 * leaves the upper halves of two registers dirty until the next vzeroupper: dear for a moment, never
 * wrong.
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

#elif !defined(RSEQ_ELSEWHERE)

/* In the place of every section on other architectures, where rseq_missing says so: never called. */
static inline uintptr_t rseq_nowhere(void *rs, ...)
{
	(void)rs;
	return RSEQ_ABORT;
}

#endif

#endif
