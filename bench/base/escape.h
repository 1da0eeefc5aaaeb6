/*
 * Keeps the compiler honest inside a measured loop. It takes a pointer as an operand and clobbers
 * memory, and has to do both: hiding only the object lets gcc carry a pool's list head in a
 * register from one round to the next, and the loop then reports a third to a half of the true
 * price. It goes after each get with the object, and after each put with the pool.
 */
#ifndef BENCH_BASE_ESCAPE_H
#define BENCH_BASE_ESCAPE_H

#include "alloc/machine/compiler.h"

ALWAYS_INLINE void bench_escape(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
