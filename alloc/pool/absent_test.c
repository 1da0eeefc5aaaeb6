/*
 * What a CPU or a kernel lacks, as far as a process can be made to believe it: strategies refuse with the reason, or do
 * what is documented instead. pool_test has the same of concurrency ids and of fences, no_cx16_test of a build. All of it
 * happens in children, which never have again what they lost.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/cpu.h"
#include "alloc/pool.h"
#include "alloc/pool/home_ret_node.h"
#include "alloc/pool/support_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <ucontext.h>
#endif

/* How a child ended. */
enum { DONE, NOT_HAD, RUNS, NO_REASON, WRONG };

static int status_of(int (*child)(void))
{
	int status;

	fflush(NULL);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#if defined(__x86_64__)

static void allow_cpuid(bool allow)
{
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, allow);
}

/* CPUID as it is, but that the CPU has no 16-byte compare-and-swap. Any other fault ends the child. */
static void answer_cpuid(int number, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *at = (const unsigned char *)reg[REG_RIP];
	const unsigned leaf = (unsigned)reg[REG_RAX];
	unsigned a, b, c, d;

	(void)number, (void)info;
	if (at[0] != 0x0f || at[1] != 0xa2)
		_exit(WRONG);
	allow_cpuid(true);
	__cpuid_count(leaf, (unsigned)reg[REG_RCX], a, b, c, d);
	allow_cpuid(false);
	reg[REG_RAX] = a;
	reg[REG_RBX] = b;
	reg[REG_RCX] = leaf == 1 ? c & ~(unsigned)bit_CMPXCHG16B : c;
	reg[REG_RDX] = d;
	reg[REG_RIP] += 2;
}

static int lose_cmpxchg16b(void)
{
	const struct sigaction action = {.sa_sigaction = answer_cpuid, .sa_flags = SA_SIGINFO};
	const struct pool_config config = {.object_bytes = 64, .capacity = 4};
	struct pool *const untouched = (struct pool *)(uintptr_t)1;
	char reason[POOL_REASON_BYTES];

	if (sigaction(SIGSEGV, &action, NULL) != 0 ||
		syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) != 0)
		return NOT_HAD;
	for (size_t i = 0; pools[i] != NULL; i++) {
		struct pool *pool = untouched;

		/* DPDK asks for SSE 4.2, which came later. */
		if (!pools[i]->traits.needs_cx16 || pools[i]->traits.lost_in_fork)
			continue;
		if (pools[i]->supported(reason) ||
			pool_create(pools[i], &config, &pool) != -ENOTSUP || pool != untouched)
			return RUNS;
		if (!pools[i]->traits.needs_library &&
			strstr(reason, "CPU lacks cmpxchg16b") == NULL)
			return NO_REASON;
	}
	return DONE;
}

/* The strategies with a 16-byte head refuse on a CPU that has no instruction for it, and say so. */
static void a_cpu_without_cmpxchg16b(NO_STATE)
{
	const int status = status_of(lose_cmpxchg16b);

	if (status == NOT_HAD) {
		print_message("this CPU or kernel traps no CPUID (arch_prctl, ARCH_SET_CPUID)\n");
		skip();
	}
	assert_int_equal(status, DONE);
}

#endif

static int lose_nodes(void)
{
	enum { CPUS = 4, OBJECTS = 500 };
	uint16_t node[CPUS] = {7, 7, 7, 7};
	void *objs[OBJECTS];
	struct pool_thread *thread;

	/* No file is there. */
	if (!lose_call(SYS_openat, ENOENT))
		return NOT_HAD;
	if (open("/sys/devices/system/node/online", O_RDONLY) >= 0)
		return RUNS;
	if (cpu_nodes(node, CPUS) != 1 || cpu_possible() == 0)
		return WRONG;
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		if (node[cpu] != 0)
			return WRONG;
	}
	struct pool *pool = open_pool(&pool_home_ret_node_ops, OBJECTS, &thread);
	if (((struct cpu_arrays *)pool)->nodes != 1)
		return WRONG;
	for (uint32_t i = 0; i < OBJECTS; i++) {
		if ((objs[i] = pool->ops->get(pool, thread)) == NULL)
			return WRONG;
	}
	if (pool->ops->get(pool, thread) != NULL)
		return WRONG;
	for (uint32_t i = 0; i < OBJECTS; i++)
		pool->ops->put(pool, thread, objs[i]);
	close_pool(pool, thread, 0);
	return DONE;
}

/* A kernel without NUMA, or a container that hides its files: one node, on which all CPUs are. */
static void a_system_that_tells_no_nodes(NO_STATE)
{
	char reason[POOL_REASON_BYTES];

	if (!pool_home_ret_node_ops.supported(reason)) {
		print_message("home_ret_node: %s\n", reason);
		skip();
	}
	const int status = status_of(lose_nodes);
	if (status == NOT_HAD) {
		print_message("the system allows no filter of system calls here\n");
		skip();
	}
	assert_int_equal(status, DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(a_cpu_without_cmpxchg16b),
#endif
		cmocka_unit_test(a_system_that_tells_no_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
