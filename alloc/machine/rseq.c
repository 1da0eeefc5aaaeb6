#include "alloc/machine/rseq.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define REGISTERED_BYTES __rseq_size
#else
#define REGISTERED_BYTES 0
#define __rseq_offset    0
#endif

/*
 * The least size of the registered area: all fields up to rseq_cs and flags. Debian 12 reports 20,
 * so a test for the 32 bytes that the kernel's structure occupies would switch everything off.
 */
enum { RSEQ_BYTES_MIN = 20 };

/* cpu_id while a thread is not registered. */
enum { RSEQ_CPU_UNINITIALIZED = -1, RSEQ_CPU_REGISTRATION_FAILED = -2 };

static long membarrier(int command, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, command, flags, cpu);
}

const char *rseq_missing(void)
{
#ifndef RSEQ_ARCH_SUPPORTED
	return "restartable sequences are written for x86-64 only; use percpu_try here";
#else
	if (REGISTERED_BYTES < RSEQ_BYTES_MIN || rseq_area() == NULL)
		return "no restartable sequences: the C library has registered none (glibc >= 2.35 "
		       "on Linux >= 4.18 does, unless GLIBC_TUNABLES has glibc.pthread.rseq=0 or "
		       "the program runs under valgrind or qemu-user)";
	long commands = membarrier(MEMBARRIER_CMD_QUERY, 0, 0);
	if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) ||
		membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0) != 0)
		return "membarrier(2) lacks the rseq command, which taking objects from another "
		       "CPU needs; Linux >= 5.10 with CONFIG_RSEQ has it";
	return NULL;
#endif
}

#ifdef RSEQ_ARCH_SUPPORTED
static char *thread_pointer(void)
{
	char *pointer;

	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
}
#else
static char *thread_pointer(void)
{
	return NULL;
}
#endif

void *rseq_area(void)
{
	char *area = thread_pointer();

	if (REGISTERED_BYTES < RSEQ_BYTES_MIN || area == NULL)
		return NULL;
	area += __rseq_offset;
	int cpu = (int)atom_load_relaxed((atom_u32 *)(void *)(area + 4));
	return cpu == RSEQ_CPU_UNINITIALIZED || cpu == RSEQ_CPU_REGISTRATION_FAILED ? NULL : area;
}

void *rseq_area_or(struct rseq_unregistered *stand_in, uint32_t cpu)
{
	void *area = rseq_area();

	*stand_in = (struct rseq_unregistered){.cpu_id_start = cpu, .cpu_id = cpu};
	return area != NULL ? area : stand_in;
}

bool rseq_fence(uint32_t cpu)
{
	/* ENXIO: that CPU is absent, so nothing runs there and its area can be taken as it is. */
	return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU,
		       (int)cpu) == 0 ||
	       errno == ENXIO;
}

/*
 * A0 in rseq_stop, meets R0 in rseq_restart: the next drainer sees the slots as the last one left
 * them. The stores of low and cap are relaxed: membarrier orders them before every section that
 * begins after it, and aborts every section that began before.
 */
bool rseq_stop(struct rseq_array *areas, uint32_t cpu)
{
	struct rseq_array *area = &areas[cpu];
	uint32_t idle = 0;

	if (atom_load_relaxed(&area->stop) != 0)
		return false;
	while (!atom_cas_weak_acquire(&area->stop, &idle, 1)) { /* A0 */
		if (idle != 0)
			return false;
	}
	uint32_t cap = atom_load_relaxed(&area->cap);
	atom_store_relaxed(&area->low, UINT32_MAX);
	atom_store_relaxed(&area->cap, 0);
	if (!rseq_fence(cpu)) {
		rseq_restart(areas, cpu, cap);
		return false;
	}
	return true;
}

/*
 * R0, meets the sections of the CPU (x86-64 loads are acquires) and A0: cur and slots before the
 * tests that let them through.
 */
void rseq_restart(struct rseq_array *areas, uint32_t cpu, uint32_t cap)
{
	struct rseq_array *area = &areas[cpu];

	/*
	 * A section reads cur before it reads a bound. One that began during the stop may have read
	 * what cur was before the caller changed it, and would now find the bounds open: it has to
	 * begin again. Where the kernel refuses, rseq_stop was refused before, and nothing changed.
	 */
	rseq_fence(cpu);
	atom_store_release(&area->low, 0); /* R0 */
	atom_store_release(&area->cap, cap);
	atom_store_release(&area->stop, 0);
}
