/*
 * fork: the child can use what pool.h promises. fork.c accounts for every lock.
 */
#ifndef ALLOC_NBL_FORK_H
#define ALLOC_NBL_FORK_H

/*
 * Before the process first has a lock that is held outside of calls: whoever creates a pool of nbl.h,
 * or first uses liburcu. 0, or -ENOMEM, then and ever after. Any thread, any number of times.
 */
int fork_arrange(void);

#endif
