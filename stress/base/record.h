/*
 * What the threads of a run did: how often, over which cold paths, and each thread's last operations.
 *
 * A pool that a scenario makes (stress_pool) has a table of hooks that note each call and pass it on.
 * A note is a relaxed store to a ring of the thread's own when the call begins and one when it is over: they
 * order nothing, so the thread sanitizer sees what it would see without them. Calls that a strategy makes within a
 * call are not noted. Who calls the strategy's own table, as the freezer does, notes its calls itself.
 */
#ifndef STRESS_BASE_RECORD_H
#define STRESS_BASE_RECORD_H

#include "alloc/pool.h"

/* Operations of a thread that are kept. */
enum { RECORD_KEPT = 64 };

/* What can be noted. */
enum record_call {
	RECORD_NONE,
	RECORD_GET,
	RECORD_PUT,
	RECORD_GET_BULK,
	RECORD_PUT_BULK,
	RECORD_GET_RUN,
	RECORD_PUT_RUN,
	RECORD_PREFILL,
	RECORD_FLUSH,
	RECORD_ATTACH,
	RECORD_DETACH,
	/* By the documented calls. */
	RECORD_NBL,
	RECORD_FREE,
	RECORD_PUSH, /* a context */
	RECORD_POP,
};

/* The calling thread's next call, about n objects of which that is the first; and the same call when it has returned. */
void record_begun(enum record_call call, uint32_t n, const void *object);
void record_over(enum record_call call, uint32_t n, const void *object);

/* What the calling thread is called where its operations are told: "the victim". */
void record_part(const char *part);

/* A table that notes what is called and calls `ops`. One a process: the first caller's. */
const struct pool_ops *record_ops(const struct pool_ops *ops);

/* Calls that went another way than through such a table, as those of NBLs do; told by any thread, when they are over. */
void record_add(uint64_t calls);

/* Calls of threads that have detached since, with those that were added, and the cold paths of these threads. */
uint64_t record_operations(void);
struct pool_paths record_paths(void);

/*
 * Writes each thread's last operations to a file descriptor, the oldest first. Any thread, also from
 * a signal handler; the others may go on meanwhile.
 */
void record_print(int fd);

#endif
