/*
 * liburcu's operations for the explorer (stress/model/urcu.h): as for the thread sanitizer, but for its exchange, of which
 * the generic header would make a loop, and which x86 has as one instruction, a full barrier.
 */
#ifndef ALLOC_ATOMIC_URCU_MODEL_H
#define ALLOC_ATOMIC_URCU_MODEL_H

#define uatomic_xchg(word, value) __atomic_exchange_n((word), (value), __ATOMIC_SEQ_CST)

#include "alloc/atomic/urcu_tsan.h"

#endif
