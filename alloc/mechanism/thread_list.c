/* See thread_list.h. */
#include "alloc/mechanism/thread_list.h"

#include <stddef.h>

void thread_list_init(struct thread_list *self)
{
	pthread_mutex_init(&self->lock, NULL);
}

void thread_list_fini(struct thread_list *self)
{
	pthread_mutex_destroy(&self->lock);
}

void thread_list_add(struct thread_list *self, struct thread_link *thread)
{
	pthread_mutex_lock(&self->lock);
	thread->next = self->first;
	thread->at = &self->first;
	if (thread->next != NULL)
		thread->next->at = &thread->next;
	self->first = thread;
	pthread_mutex_unlock(&self->lock);
}

void thread_list_remove(struct thread_list *self, struct thread_link *thread)
{
	pthread_mutex_lock(&self->lock);
	*thread->at = thread->next;
	if (thread->next != NULL)
		thread->next->at = thread->at;
	pthread_mutex_unlock(&self->lock);
}

void thread_list_each(
	struct thread_list *self, void (*visit)(struct thread_link *thread, void *arg), void *arg)
{
	pthread_mutex_lock(&self->lock);
	for (struct thread_link *thread = self->first; thread != NULL; thread = thread->next)
		visit(thread, arg);
	pthread_mutex_unlock(&self->lock);
}
