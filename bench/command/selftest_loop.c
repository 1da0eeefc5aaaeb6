/*
 * The loop that the engine's is held against, compiled as the instances are (CMakeLists.txt). It does what
 * `pair` does where a pool has nothing to do: look for an object, ask whether there is one.
 */
#include "bench/command/selftest_rows.h"

uint64_t selftest_loop(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct pool_thread *found = t->self;

		bench_escape(found);
		if (unlikely(found == NULL))
			return i;
		bench_escape(pool);
	}
	return n;
}
