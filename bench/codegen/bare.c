/*
 * The workload `pair` on `plain` without bench_escape: what the codegen test must be able to tell
 * from the real one. The compiler keeps the head in a register from round to round, or drops
 * the loop altogether, because each put undoes its get.
 */
#include "alloc/pool/plain.h"

uint64_t case_pair(struct pool *pool, struct pool_thread *self, uint64_t n);

uint64_t case_pair(struct pool *pool, struct pool_thread *self, uint64_t n)
{
	const struct plain_pool *plain = (const struct plain_pool *)pool;

	for (uint64_t i = 0; i < n; i++) {
		/* Where the cold end of get meets the loop again, clang reads the head anew. */
		if (free_list_is_empty(&plain->list))
			__builtin_unreachable();
		plain_put(pool, self, plain_get(pool, self));
	}
	return n;
}
