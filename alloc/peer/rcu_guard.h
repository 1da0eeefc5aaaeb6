/*
 * How long what lies behind a handle lives: read-copy-update for pools that are destroyed while
 * other threads still run, and may be in the middle of a call.
 *
 * A call on a guarded pool looks the handle up and works on the pool inside a read-side section.
 * Whoever destroys the pool makes the handle invalid, waits for a grace period, and frees then: so
 * a call that came before has ended, and one that comes after finds no pool. Without the wait it
 * would be in memory that is gone. A section costs two calls, some loads and stores of the thread's
 * own, and no locked instruction where membarrier(2) serves liburcu; too much for an allocation of
 * 8 ns, so nbl_enter guards only the pools that check everything, and the others ask their users not to
 * destroy what is in use, as NDIS does.
 *
 * Made of liburcu-bp, which registers threads by itself: a pool does not own the threads that call
 * it. Where the build has no liburcu (the installed library has none, so that it depends on
 * nothing) RCU_GUARD_EXISTS is 0, all of this does nothing, and destroying a pool in use is
 * undefined in every pool.
 *
 * Memory that goes back while its pool lives on needs none of this: see alloc/mechanism/trim.c.
 */
#ifndef ALLOC_PEER_RCU_GUARD_H
#define ALLOC_PEER_RCU_GUARD_H

#include <stdbool.h>

enum { RCU_GUARD_EXISTS = NBLBENCH_URCU };

/*
 * Before the first section of the process: arranges that the child of a fork can use them (fork.h).
 * 0, or -ENOMEM, then and ever after. Any thread, any number of times.
 */
int rcu_guard_arrange_fork(void);

/*
 * Makes the calling thread known to liburcu, which takes a lock of its own for that. For a thread
 * that is about to take the registry's: fork.c has the order.
 */
void rcu_guard_register(void);

/* A read-side section of the calling thread; they nest. Neither waits for other threads. */
void rcu_guard_enter(void);
void rcu_guard_leave(void);

/* True if the calling thread is in a section. */
bool rcu_guard_inside(void);

/* Waits until every section that had begun has ended. Not inside one: it would wait for itself. */
void rcu_guard_wait(void);

/* For tests of the tests: rcu_guard_wait returns at once from now on, which is the mistake. */
void rcu_guard_stop_waiting(void);

#endif
