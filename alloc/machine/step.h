/*
 * A thread that runs step by step, for tests: the trap flag stops it before each instruction, in a
 * handler of SIGTRAP in its own process. It has an area that the kernel does not know (struct
 * rseq_unregistered). So its restartable sections go on from step to step, and the test does to them
 * what the kernel does, where it wants.
 */
#ifndef ALLOC_MACHINE_STEP_H
#define ALLOC_MACHINE_STEP_H

#include "alloc/machine/rseq.h"

#include <signal.h>
#include <ucontext.h>

#ifdef RSEQ_ARCH_SUPPORTED

/* A section's descriptor, in the form that the kernel wants. */
struct step_section {
	uint32_t version, flags;
	uint64_t start, bytes, abort;
};

/* Calls the handler once, at once. */
ALWAYS_INLINE void step_call_handler(void)
{
	__asm__ volatile("int3" ::: "memory");
}

/* The registers of the thread in the handler; context: the handler's third argument. */
static inline greg_t *step_registers(void *context)
{
	return ((ucontext_t *)context)->uc_mcontext.gregs;
}

/* Whether the thread is stopped again before the instruction after the next. */
static inline void step_go_on(void *context, bool stepping)
{
	enum { TRAP_FLAG = 0x100 };
	greg_t *registers = step_registers(context);

	if (stepping)
		registers[REG_EFL] |= TRAP_FLAG;
	else
		registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

/* The instruction that comes next. */
static inline uintptr_t step_address(void *context)
{
	return (uintptr_t)step_registers(context)[REG_RIP];
}

/* Whether it belongs to the section that the area names. */
static inline bool step_in_section(const struct rseq_unregistered *area, void *context)
{
	const struct step_section *section = (const struct step_section *)(uintptr_t)area->rseq_cs;

	return section != NULL && step_address(context) - section->start < section->bytes;
}

/*
 * What the kernel does with a thread that was interrupted: a section that it was in goes on at its
 * abort. Returns whether it was in one.
 */
static inline bool step_interrupt(struct rseq_unregistered *area, void *context)
{
	const bool aborted = step_in_section(area, context);

	if (aborted)
		step_registers(context)[REG_RIP] =
			(greg_t)((const struct step_section *)(uintptr_t)area->rseq_cs)->abort;
	area->rseq_cs = 0;
	return aborted;
}

#endif

#endif
