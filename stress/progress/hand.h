/*
 * The freezer's threads. One of them is at work at a time: the director, who runs in the process's first thread,
 * lets another work and waits until it is done, or has stopped within its work.
 */
#ifndef STRESS_PROGRESS_HAND_H
#define STRESS_PROGRESS_HAND_H

#include "stress/progress/actor.h"

#include <pthread.h>
#include <sys/types.h>

struct hand {
	struct actor actor;
	void (*work)(struct hand *self);
	atom_u32 working;
	atom_u32 tid;
	pthread_t thread;
	uint32_t number; /* of work's own */
};

/* Starts the thread, which waits. */
void hand_start(struct hand *self);

/*
 * Lets it do the work, or what is left of it where it has stopped. False: it was not done, for it sleeps
 * on, or has run for long. From a signal handler, too.
 */
bool hand_work(struct hand *self, void (*work)(struct hand *self));
bool hand_go_on(struct hand *self);
bool hand_wait(struct hand *self); /* for a thread that works */

/* A child of this process ends: its status, as of waitpid. False: likewise, and it is killed. */
bool hand_wait_for_child(pid_t child, int *status);

/* From now on nobody is waited for longer, and false says little; 0: as long as it takes to be sure. */
extern uint32_t hand_hurry_ms;

/* Of the hand's own thread, within its work: to the director, until hand_go_on. From a signal handler, too. */
void hand_stop(struct hand *self);

#endif
