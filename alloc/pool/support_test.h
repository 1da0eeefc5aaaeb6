/* A pool with one attached thread, for tests of strategies. */
#ifndef ALLOC_POOL_SUPPORT_TEST_H
#define ALLOC_POOL_SUPPORT_TEST_H

#include "alloc/machine/cmocka.h"
#include "alloc/pool.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

/* A pool of 64-byte objects with one thread attached to it. */
static inline struct pool *open_pool(
	const struct pool_ops *ops, uint32_t capacity, struct pool_thread **thread)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = capacity};
	struct pool *pool;

	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, thread), 0);
	return pool;
}

/* Checks the pool, from which `outstanding` objects are out, and ends it. */
static inline void close_pool(struct pool *pool, struct pool_thread *thread, uint64_t outstanding)
{
	char why[POOL_REASON_BYTES] = "";
	int rc = pool->ops->check(pool, outstanding, why);

	assert_string_equal(why, "");
	assert_int_equal(rc, 0);
	pool->ops->detach(pool, thread);
	pool_destroy(pool);
}

/* From now on this system call fails so, in the calling process. False: the system allows no filter. */
static inline bool lose_call(uint32_t number, uint32_t error)
{
	struct sock_filter refuse[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(refuse) / sizeof(*refuse), .filter = refuse};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#endif
