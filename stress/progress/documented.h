/*
 * The documented calls as a strategy, for the freezer: get is FwpsAllocateNetBufferAndNetBufferList0, or
 * NdisAllocateNetBufferList where a pool has data of its own, and a context pushed where there is room for it, put the
 * two the other way. An object is the context.
 */
#ifndef STRESS_PROGRESS_DOCUMENTED_H
#define STRESS_PROGRESS_DOCUMENTED_H

#include "alloc/pool.h"

/*
 * The calls on pools of NBLs over that strategy, under its progress, in static memory until the next call of this
 * function. Its capacity is the NBLs' pool's.
 */
const struct pool_ops *documented_calls(const struct pool_ops *strategy);

#endif
