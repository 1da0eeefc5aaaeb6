/*
 * What the freezer examines, in order, of which several run at once: one a CPU, for of the threads of one examination one at
 * a time has a turn. Each is a process of its own (child.h), bound to its CPU, and shares nothing with the others.
 */
#ifndef STRESS_PROGRESS_QUEUE_H
#define STRESS_PROGRESS_QUEUE_H

#include "stress/base/child.h"
#include "stress/progress/freezer.h"

#include <sys/types.h>

/* What an examination leaves behind, in memory that its process shares. */
struct queue_result {
	struct child child;
	struct freezer_place place;
};

struct queue_job {
	/* Its table of calls may be another one's, too, until the next call: it is asked for where it is wanted. */
	const struct pool_ops *(*ops)(const struct queue_job *job);
	const struct pool_ops *strategy; /* of which that is made */
	enum actor_call call;            /* likewise */
	bool walks;                      /* freezer_run's */
	bool is_left_out;                /* nothing is to run */
	/* The queue's own. */
	pid_t process;
	uint32_t slot;
	bool is_done;
	struct queue_result *result;
	unsigned char *reach; /* coverage_new's */
};

struct queue {
	struct queue_job *jobs;
	uint32_t count;
	uint64_t seed;   /* freezer_run's, as the command line has it */
	uint32_t one_in; /* likewise */
	/*
	 * A job fails that takes more CPU time. Not time of day, of which a loaded machine takes many times as much; but one
	 * that sleeps for ever uses no other.
	 */
	uint32_t limit_s, sleeps_s;
	/* The queue's own, 0 at first. */
	uint32_t begun;
	uint64_t slots; /* a bit for each CPU that one runs on */
};

/*
 * Comes back when that job is done, and meanwhile begins those that follow: jobs are asked for in their order. Ends the
 * program if no process can be made.
 */
void queue_wait(struct queue *self, const struct queue_job *job);

#endif
