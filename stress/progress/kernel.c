/* See kernel.h; and alloc/machine/rseq.h, whose functions these are. */
#include "stress/progress/kernel.h"

#if NBLBENCH_URCU
#include <urcu-bp.h>
#endif

static _Thread_local struct rseq_unregistered *own;

/* Only one thread runs at a time, and hands over with release and acquire. */
static uint64_t turns[KERNEL_CPUS];
static bool asked, hides, refuses;

void kernel_register(struct rseq_unregistered *area)
{
	own = area;
}

void kernel_place(struct rseq_unregistered *area, uint32_t cpu)
{
	area->cpu_id = area->cpu_id_start = cpu;
	area->mm_cid = KERNEL_CPUS - 1 - cpu; /* no id is that of its CPU */
}

void kernel_turn(uint32_t cpu)
{
	turns[cpu]++;
}

uint64_t kernel_turns(uint32_t cpu)
{
	return turns[cpu];
}

bool kernel_was_asked(void)
{
	return asked;
}

const char *rseq_missing(void)
{
#ifdef RSEQ_ARCH_SUPPORTED
	return NULL;
#else
	return "restartable sequences are written for x86-64 only; use percpu_try here";
#endif
}

const char *rseq_cid_missing(void)
{
	return rseq_missing();
}

void kernel_tell_vectors(enum kernel_vectors vectors)
{
#ifdef __x86_64__
	/* The compiler's, with a bit for each feature; each program has its own. */
	extern struct {
		unsigned int vendor, type, subtype, features[1];
	} __cpu_model;
	enum { FEATURE_AVX = 9, FEATURE_AVX512VBMI2 = 31 };
	static const unsigned int hidden[] = {
		[KERNEL_VECTORS_ALL] = 0,
		[KERNEL_VECTORS_SHORT] = 1U << FEATURE_AVX512VBMI2,
		[KERNEL_VECTORS_NONE] = 1U << FEATURE_AVX512VBMI2 | 1U << FEATURE_AVX,
	};
	static unsigned int was;

	was |= __cpu_model.features[0];
	__cpu_model.features[0] = was & ~hidden[vectors];
#else
	(void)vectors;
#endif
}

void kernel_hide(bool hidden)
{
	hides = hidden;
}

void kernel_refuse(bool fences)
{
	refuses = fences;
#if NBLBENCH_URCU && !defined(urcu_bp_has_sys_membarrier)
	/* Its readers then fence themselves. */
	static int was = -1;

	if (was < 0)
		was = urcu_bp_has_sys_membarrier;
	urcu_bp_has_sys_membarrier = fences ? 0 : was;
#endif
}

void *rseq_area(void)
{
	asked |= own != NULL;
	return hides ? NULL : own;
}

void *rseq_area_or(struct rseq_unregistered *stand_in, uint32_t cpu)
{
	*stand_in = (struct rseq_unregistered){.cpu_id_start = cpu, .cpu_id = cpu, .mm_cid = cpu};
	return rseq_area() != NULL ? own : stand_in;
}

bool rseq_fence(uint32_t cpu)
{
	if (cpu < KERNEL_CPUS && !refuses)
		kernel_turn(cpu);
	return !refuses;
}

bool rseq_fence_all(void)
{
	for (uint32_t cpu = 0; cpu < KERNEL_CPUS && !refuses; cpu++)
		kernel_turn(cpu);
	return !refuses;
}
