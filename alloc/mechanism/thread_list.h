/*
 * The threads that are attached to a pool, for strategies in which a thread holds free objects that
 * count and check want to see. Cold: under a lock.
 */
#ifndef ALLOC_MECHANISM_THREAD_LIST_H
#define ALLOC_MECHANISM_THREAD_LIST_H

#include <pthread.h>

/* A member of the thread's state. */
struct thread_link {
	struct thread_link *next, **at; /* under the list's lock */
};

struct thread_list {
	pthread_mutex_t lock;
	struct thread_link *first;
};

/* Of zeroed memory. */
void thread_list_init(struct thread_list *self);
void thread_list_fini(struct thread_list *self);

void thread_list_add(struct thread_list *self, struct thread_link *thread);
void thread_list_remove(struct thread_list *self, struct thread_link *thread);

/* Calls visit for each thread, under the lock. */
void thread_list_each(
	struct thread_list *self, void (*visit)(struct thread_link *thread, void *arg), void *arg);

#endif
