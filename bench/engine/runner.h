/*
 * The engine's threads: what they share with the coordinator. For engine.c, which is the
 * coordinator, runner.c, figures.c and cell.c alone.
 *
 * Two things are shared besides the pool. The *order*, under a mutex, says what a parked thread
 * is to do next. The *phase*, a word in a cache line pair of its own, ends the lead-in and the
 * window. Only the coordinator writes the phase. Threads read it once a chunk of rounds, so that
 * it costs a load that hits. It orders nothing, and all its accesses are relaxed: what the
 * threads found is handed over under the mutex.
 */
#ifndef BENCH_ENGINE_RUNNER_H
#define BENCH_ENGINE_RUNNER_H

#include "alloc/atomic.h"
#include "bench/engine/counters.h"
#include "bench/engine/engine.h"
#include "bench/engine/open_loop.h"

#include <pthread.h>
#include <sys/resource.h>

enum phase {
	PHASE_GATHER, /* threads start one after the other */
	PHASE_LEAD_IN,
	PHASE_MEASURE,
	PHASE_STOP,
};

enum order {
	ORDER_WARM,
	ORDER_FILL,
	ORDER_ENTER,
	ORDER_RUN,
	ORDER_RUN_TIMED, /* some calls */
	ORDER_RUN_AGES,  /* of objects */
	ORDER_RUN_EVERY, /* all calls */
	ORDER_RUN_OPEN,  /* an open loop */
	ORDER_LEAVE,
	ORDER_EXIT,
};

/* How much of a thread's entry must be undone. */
enum stage { STAGE_PARKED, STAGE_ATTACHED, STAGE_ENTERED };

/* A thread's counters at one end of its window. */
struct reading {
	struct rusage usage;
	uint64_t cpu_ns;
	uint64_t units;
	uint64_t failed;
	struct pool_paths paths;
	int cpu;
	bool counted; /* the hardware counts, and this is what it has counted */
	uint64_t counts[COUNTERS];
	struct atom_tally tally; /* in a build that counts */
};

/*
 * Objects between timed rounds, until it is known what these cost: of the fastest, with 7 ns an object,
 * the readings then take some 1.5 %.
 */
enum { ENGINE_UNTRIED_OBJECTS = 1024 };

/*
 * And so many rounds for each call of a round: a packet's profile makes some five calls a packet, where
 * bulk calls are two a burst, and timing all of them in one round of 16 took a tenth of its throughput.
 */
enum { ENGINE_UNTRIED_CALLS = 4 };

struct runner {
	CACHE_PAIR_ALIGNED struct workload_thread t; /* the body's */
	/* Written by the thread at the ends of its window. */
	CACHE_PAIR_ALIGNED atom_u64 started_ns; /* 0: not yet in the window */
	atom_u32 running;                       /* 1: at work since the last order */
	uint64_t stopped_ns;
	workload_body body; /* of the rounds in which no call is timed */
	uint64_t rounds;    /* of a chunk */
	/* Of a latency slice. */
	struct latency *latency;     /* NULL until the first one */
	uint64_t distance;           /* rounds from one that is timed to the next, in the mean */
	uint64_t random;             /* SplitMix64's state */
	struct open_loop *open_loop; /* NULL until the first slice of an open loop */
	struct reading from;
	struct reading to;
	struct counters counters;
	enum stage stage;
	int rc; /* of the last order */
	/* Set before the thread exists. */
	struct engine *engine;
	pthread_t thread;
	uint32_t cpu;
};

struct engine {
	CACHE_PAIR_ALIGNED atom_u32 phase;

	/* Constant while threads run. */
	CACHE_PAIR_ALIGNED struct workload_case subject;
	struct engine_cell cell;
	uint32_t cpus; /* that the process may use */
	bool oversubscribed;
	struct pool *pool;
	uint64_t pool_bytes;
	uint64_t without_pool; /* bytes that were resident before there was the pool */
	uint64_t spare_bytes;  /* what the pool's spare objects cost when it was filled */
	void *shared;
	bool opened; /* the workload's open has succeeded */
	void **fill; /* room for all objects, while the pool is filled */
	struct engine_thread *figures;
	struct ticks_moment made;
	struct ticks ticks;           /* of latency slices; all zeros until the first one */
	struct latency *latency;      /* a thread each; NULL until the first one */
	struct age_marks *marks;      /* NULL too where no thread hands objects over */
	struct open_loop *open_loops; /* likewise, of slices of an open loop */
	struct runner *runners;
	uint32_t started; /* runners whose thread exists */

	/* Under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t ordered;
	pthread_cond_t finished;
	enum order order;
	uint64_t orders;  /* given so far */
	uint32_t pending; /* threads that have not finished the last one */
};

/* A thread: obeys orders until it is told to exit. arg: its struct runner. */
void *runner_main(void *arg); /* runner.c */

/* Notes that the calling thread's window begins. */
void runner_enters_window(struct runner *self); /* runner.c */

/*
 * Everything of a slice, from what the threads noted. own_preemptions: how often the coordinator
 * woke while they ran, each time it may have preempted one.
 */
void engine_add_up(
	struct engine *self, uint64_t own_preemptions, struct engine_slice *out); /* figures.c */

/* Writes a sentence to why (ENGINE_REASON_BYTES) and returns the error. */
int engine_refuse(char *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* cell.c */

/* The objects of a cell's pool that the workload may need at once. The others are spare. */
uint32_t engine_objects(
	const struct workload *workload, const struct engine_cell *cell); /* cell.c */

/* Says which CPU each thread will have. 0, or a negative errno with a sentence in why. */
int engine_choose_cpus(struct engine *self, char *why); /* cell.c */

/* What the explicit huge pages of a cell lack: a sentence in why, and -ENOTSUP. */
int engine_no_huge_pages(const struct engine_cell *cell, char *why); /* cell.c */

#endif
