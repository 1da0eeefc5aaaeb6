/*
 * What a driver does to an object besides getting and putting it: who gets it writes its first line,
 * who puts it reads that line before. Where one thread gets and another puts, the second reads what the
 * first one wrote. So every design pays for the lines of its objects: one that links through them has
 * them near already, one that keeps pointers beside them does not.
 *
 * Workloads whose names end in _touch do this. The same ones without it are diagnostics: what the pool
 * does alone. Both are one body with a constant.
 *
 * A line is touched by one word, the first, which every object has. It is accessed relaxed. The pool
 * orders the accesses of one owner before those of the next. Only rows that are no pools
 * (POOL_KIND_NULL) hand an object out twice, and there any value will do.
 */
#ifndef BENCH_WORKLOAD_TOUCH_H
#define BENCH_WORKLOAD_TOUCH_H

#include "alloc/atomic.h"
#include "alloc/pool.h"
#include "bench/base/escape.h"

struct touch_line {
	atom_u64 first;
};
_Static_assert(sizeof(struct touch_line) <= POOL_OBJECT_BYTES_MIN, "the smallest object has it");

ALWAYS_INLINE void touch_write(void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		atom_store_relaxed(&((struct touch_line *)objs[i])->first, i);
}

ALWAYS_INLINE void touch_read(void *const *objs, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += atom_load_relaxed(&((struct touch_line *)objs[i])->first);
	bench_escape((void *)(uintptr_t)sum);
}

#endif
