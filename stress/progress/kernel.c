/* See kernel.h; and alloc/machine/rseq.h, whose functions these are. */
#include "stress/progress/kernel.h"

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

void kernel_wide(bool as_it_is)
{
#ifdef __x86_64__
	/* The compiler's, with a bit for each feature; each program has its own. */
	extern struct {
		unsigned int vendor, type, subtype, features[1];
	} __cpu_model;
	enum { FEATURE_AVX = 9 };
	static unsigned int was;

	was |= __cpu_model.features[0] & 1U << FEATURE_AVX;
	__cpu_model.features[0] &= ~(1U << FEATURE_AVX);
	if (as_it_is)
		__cpu_model.features[0] |= was;
#else
	(void)as_it_is;
#endif
}

void kernel_hide(bool hidden)
{
	hides = hidden;
}

void kernel_refuse(bool fences)
{
	refuses = fences;
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
