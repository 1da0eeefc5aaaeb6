/* See registry.h. */
#include "alloc/mechanism/registry.h"

#include <stddef.h>

void registry_init(struct registry *self)
{
	pthread_mutex_init(&self->lock, NULL);
}

void registry_fini(struct registry *self)
{
	pthread_mutex_destroy(&self->lock);
}

void registry_add(struct registry *self, struct registered *thread)
{
	pthread_mutex_lock(&self->lock);
	thread->next = self->first;
	thread->link = &self->first;
	if (thread->next != NULL)
		thread->next->link = &thread->next;
	self->first = thread;
	pthread_mutex_unlock(&self->lock);
}

void registry_remove(struct registry *self, struct registered *thread)
{
	pthread_mutex_lock(&self->lock);
	*thread->link = thread->next;
	if (thread->next != NULL)
		thread->next->link = thread->link;
	pthread_mutex_unlock(&self->lock);
}

void registry_each(
	struct registry *self, void (*visit)(struct registered *thread, void *arg), void *arg)
{
	pthread_mutex_lock(&self->lock);
	for (struct registered *thread = self->first; thread != NULL; thread = thread->next)
		visit(thread, arg);
	pthread_mutex_unlock(&self->lock);
}
