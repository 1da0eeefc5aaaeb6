/*
 * How a subject's callers meet: the class of contention. Rows of one class are as noisy as each other,
 * and rows of another are not: a cache is hardly noticed by what the machine does to a lock. So each
 * class has a twin of its own, and with it a noise floor of its own.
 */
#ifndef BENCH_SWEEP_CONTENTION_H
#define BENCH_SWEEP_CONTENTION_H

enum contention {
	CONTENTION_CACHED, /* the fast path works on a stock of the thread's or CPU's own; mallocs too */
	CONTENTION_SHARED, /* all meet in one structure, and nobody waits for a stopped thread */
	CONTENTION_LOCKED, /* all meet in one structure, and a stopped thread can stop others */
	CONTENTION_CLASSES,
};

/* The class by two traits, as pool_progress_name and pool_cache_name have them, and stores too. */
enum contention contention_of(const char *progress, const char *cache);

/* "cached", "shared", "locked". */
const char *contention_name(enum contention contention);

#endif
