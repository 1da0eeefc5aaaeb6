/*
 * fork: the child can use what pool.h promises. Whoever has a lock that is held outside of calls
 * arranges here how it is taken around a fork. fork.c has the account of every lock.
 */
#ifndef ALLOC_MACHINE_FORK_H
#define ALLOC_MACHINE_FORK_H

#include <stdbool.h>

/* Those locks, in the order in which a fork takes them; it releases them in the opposite order. */
enum fork_lock {
	FORK_LIBURCU,  /* liburcu's, by alloc/peer/urcu.c */
	FORK_REGISTRY, /* the registry's, by alloc/nbl/ */
	FORK_LOCKS,
};

struct fork_hooks {
	void (*before)(void);
	void (*after)(bool child); /* child: in the child, else in the parent */
};

/*
 * Arranges the hooks of a lock before that lock is first held outside of calls. hooks: constant,
 * and the same each time for one lock. 0, or -ENOMEM, then and ever after. Any thread, any number
 * of times.
 */
int fork_arrange(enum fork_lock lock, const struct fork_hooks *hooks);

#endif
