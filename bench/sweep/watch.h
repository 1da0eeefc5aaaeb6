/*
 * Whether a process that is late is stuck, or only lacks a CPU.
 *
 * Time on a clock says nothing about that: beside ten busy loops a healthy worker takes ten times
 * as long. So lateness is counted in the time that the process was *given*. Between two looks at its
 * threads that is
 *
 *	- all of the time if every thread sleeps: nothing is in the way, it waits for itself;
 *	- else what that runnable thread could do which could do the least: the others may be waiting
 *	  for it, and it can't go on faster than it is let;
 *	- nothing while a thread waits for a device (a page that comes from a disk) or is stopped by
 *	  a signal.
 *
 * What a thread could do is its CPU time, if it had a CPU all the while or is alone in wanting one.
 * Threads that take turns do less where they pass a lock or a ring's tail on in the order of their
 * coming: whoever is at the head of the line has no CPU, the others spin their turns away, and a
 * thread finishes one call each turn. So there a turn counts for no more than a call may take.
 *
 * A strategy that blocks or spins for ever uses up what it is given; one that is starved does not.
 * The kernel's own account of waiting (schedstat's run_delay) won't do: it is credited only when a
 * wait ends, so that a thread that never gets its turn has not waited.
 *
 * Looking costs CPU time, so nobody looks at a process that is not late. One thread.
 */
#ifndef BENCH_SWEEP_WATCH_H
#define BENCH_SWEEP_WATCH_H

#include "bench/engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Threads beyond these are not looked at: those of the engine, and some of a library. */
enum { WATCH_THREADS_MAX = ENGINE_THREADS_MAX + 64 };

/* One thread as the kernel tells it. */
struct watch_thread {
	pid_t id;
	char state;      /* R runnable, S asleep, D waiting for a device, T stopped, ... */
	uint64_t cpu_ns; /* since it was started */
	uint64_t turns;  /* on a CPU that have ended since then */
};

struct watch_reading {
	uint64_t at_ns;
	size_t count;
	struct watch_thread thread[WATCH_THREADS_MAX];
};

struct watch {
	uint64_t given_ns;   /* in all intervals, as above */
	uint64_t stopped_ns; /* in which every thread was stopped */
	uint64_t watched_ns; /* length of all intervals */
	struct watch_reading last;
};

/* Reads a line of /proc/PID/task/TID/stat, which tells all but turns; false if it isn't one. */
bool watch_parse(const char *line, struct watch_thread *out);

/* Reads a line of /proc/PID/task/TID/status; false if it counts no switches. */
bool watch_parse_switches(const char *line, uint64_t *switches);

/* Looks at all threads of a process; a process that is gone has none. */
void watch_read(pid_t pid, struct watch_reading *out);

/*
 * Takes the reading at the end of an interval of at least interval_ns, of which no more than that is
 * counted: who looks may lack a CPU as well. The first reading begins the watch, and its interval is
 * not counted.
 */
void watch_step(struct watch *self, const struct watch_reading *now, uint64_t interval_ns);

#endif
