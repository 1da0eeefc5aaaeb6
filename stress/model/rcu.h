/*
 * Read-copy-update for virtual threads: what stands in the place of liburcu-bp's library. The functions have
 * liburcu's names (rcu.c); only the read lock, which it has in line, is here (urcu.h).
 *
 * A grace period ends when every thread that was in a section at its beginning has left that one. Whoever began
 * a section later does not keep it waiting, and sees all that was done before it began. No more than that is
 * taken on trust: of liburcu's barriers in other threads, which membarrier(2) makes, nothing is assumed.
 *
 * What call_rcu is given is done by a virtual thread of its own, as by liburcu's: it takes all that there is, waits
 * for one grace period, and calls. So when the period begins, and how far it is, are decisions like all others.
 */
#ifndef STRESS_MODEL_RCU_H
#define STRESS_MODEL_RCU_H

#include <stdbool.h>
#include <stdint.h>

void machine_rcu_enter(void);
void machine_rcu_leave(void);
int machine_rcu_inside(void);

/* Forgets all: before a pool is made. */
void rcu_clear(void);

/* As machine_settle and machine_begin: what is in flight now is so when each execution begins. */
void rcu_settle(void);
void rcu_begin(void);

/* The pool asked for liburcu's thread: it is thread number `helper`. */
bool rcu_has_helper(void);

/* The life of that thread. The others are done when none of `working` is left. */
void rcu_helper(const uint32_t *working);

#endif
