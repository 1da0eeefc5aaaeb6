/*
 * The threads that are attached to a pool, for strategies in which a thread holds free objects that
 * count and check want to see. Cold: under a lock.
 */
#ifndef ALLOC_MECHANISM_REGISTRY_H
#define ALLOC_MECHANISM_REGISTRY_H

#include <pthread.h>

/* A member of the thread's state. */
struct registered {
	struct registered *next, **link; /* under the registry's lock */
};

struct registry {
	pthread_mutex_t lock;
	struct registered *first;
};

/* Of zeroed memory. */
void registry_init(struct registry *self);
void registry_fini(struct registry *self);

void registry_add(struct registry *self, struct registered *thread);
void registry_remove(struct registry *self, struct registered *thread);

/* Calls visit for each thread, under the lock. */
void registry_each(
	struct registry *self, void (*visit)(struct registered *thread, void *arg), void *arg);

#endif
