#include "alloc/machine/rseq.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/auxv.h>
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

/*
 * How much of the area the kernel keeps is told apart from that: glibc registers 32 bytes whatever size it
 * reports.
 */
#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif
static unsigned long pretended; /* see rseq_set_feature_bytes */

void rseq_set_feature_bytes(unsigned long bytes)
{
	pretended = bytes;
}

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

const char *rseq_cid_missing(void)
{
	const char *missing = rseq_missing();
	unsigned long kept = pretended != 0 ? pretended : getauxval(AT_RSEQ_FEATURE_SIZE);

	if (missing != NULL)
		return missing;
	if (kept < offsetof(struct rseq_unregistered, mm_cid) + sizeof(uint32_t))
		return "the kernel keeps no concurrency ids (mm_cid); Linux >= 6.3 does; rseq_arr "
		       "indexes by CPU";
	return NULL;
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

	*stand_in = (struct rseq_unregistered){.cpu_id_start = cpu, .cpu_id = cpu, .mm_cid = cpu};
	return area != NULL ? area : stand_in;
}

bool rseq_fence(uint32_t cpu)
{
	/* ENXIO: that CPU is absent, so nothing runs there and its area can be taken as it is. */
	return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU,
		       (int)cpu) == 0 ||
	       errno == ENXIO;
}

bool rseq_fence_all(void)
{
	return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
}
