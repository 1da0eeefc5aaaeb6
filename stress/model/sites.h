/*
 * Which of a strategy's atomic sites the explorer has been at.
 *
 * A site is a line of the source with what it does there: an atomic operation, a lock or unlock, a fence of
 * other CPUs, a step of a restartable section. A strategy's sites are found in the program itself: the linker
 * keeps the relocations (--emit-relocs), which say from which instruction what is called and which table names
 * which function. All that can be come to from the strategy's operations and parts is the strategy's.
 *
 * A line that the compiler has copied into several functions is one site, and is reached in any of them.
 */
#ifndef STRESS_MODEL_SITES_H
#define STRESS_MODEL_SITES_H

#include "alloc/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nothing has been reached: before the first scenario of a strategy. */
void sites_clear(void);

/* Called at each site. from: the address that the call returns to. */
void sites_reach(const void *from);

enum sites_state {
	SITES_MISSING,
	SITES_EXCUSED, /* missing, for a reason (unreached.def) */
	SITES_ALONE,   /* reached while the pool was made or looked at, by no virtual thread */
	SITES_REACHED, /* by a virtual thread */
	SITES_STATES,
};

enum { SITES_TEXT_BYTES = 240 };

struct site {
	enum sites_state state;
	const char *because;         /* of SITES_EXCUSED */
	char text[SITES_TEXT_BYTES]; /* "load, shards.h:112 shards_get < sharded_get" */
};

/* All of a strategy, by their places. Valid until the next call. SIZE_MAX: the program can't be read. */
size_t sites_of(const struct pool_ops *ops, const struct site **sites);

#endif
