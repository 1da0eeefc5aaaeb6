/*
 * What a scenario sees: the pool it attacks, its budget, and how it ends.
 *
 * A scenario is one header, stress/scenario/<name>.h, that ends in a `static const struct scenario
 * scenario_<name>`, and one line in stress/scenarios.def. Each pool meets each scenario in a
 * process of its own (child.h), so a scenario may crash, hang or leave its threads where they are:
 * it costs its own line. It asks a pool's traits, never its name, and it fails the moment it sees a
 * broken promise, while the evidence is fresh.
 */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include "alloc/atomic.h"
#include "alloc/pool.h"
#include "stress/promises.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	STRESS_THREADS_MAX = 256,
	STRESS_SENTENCE_BYTES = 512, /* room for a verdict */
	STRESS_REACH_ENOUGH = 95,    /* percent of a strategy's instructions, for the freezer */
	STRESS_CPUS_MAX = 1024,      /* of which affinity masks speak: glibc's fixed cpu_set_t */
};

/*
 * What slows every operation of this build, so that fixed counts shrink: about tenfold, measured
 * for each.
 */
#if defined(ATOM_TSAN) || defined(__SANITIZE_ADDRESS__)
enum { STRESS_SLOWDOWN = 10, STRESS_SANITIZED = 1 };
#else
enum { STRESS_SLOWDOWN = atom_perturbs ? 10 : 1, STRESS_SANITIZED = 0 };
#endif

/*
 * A run's time is cut into eight rounds, and shorter than that into fewer: where other programs run as
 * well, threads of a round of 12 ms hardly meet, and a stack without a tag passed two times of six.
 */
enum { STRESS_ROUNDS_MAX = 8, STRESS_ROUND_MS_MIN = 25 };

/* One pool under one scenario. */
struct stress {
	const struct pool_ops *ops;
	uint64_t seed;       /* every random choice follows from it */
	uint32_t threads;    /* 1..STRESS_THREADS_MAX */
	uint64_t end_ns;     /* when timed loops may stop, by stress_now_ns */
	uint32_t rounds;     /* of churn, pools of lifetime, at least; 1..STRESS_ROUNDS_MAX */
	uint64_t round_ns;   /* what each may take of the time before end_ns */
	uint64_t operations; /* before that they go on, whatever the time */
	bool whole;          /* a second or more: a scenario's own number is reached as well */
	uint64_t slowdown;   /* of that number it makes a part in so many */
};

struct scenario {
	const char *name;    /* as in scenarios.def */
	const char *summary; /* one line for `--list` */
	/* NULL if the pool can be asked this, or the sentence why not; from its traits. */
	const char *(*excuse)(const struct pool_ops *ops, uint32_t threads);
	/* Returns when the pool has passed; otherwise stress_fail. */
	void (*run)(const struct stress *run);
};

/* The scenarios in the order of scenarios.def; ends in NULL. */
extern const struct scenario *const scenarios[];

/*
 * Ends the process with a verdict, printf-style: a broken promise, which is told by its number and text before the
 * sentence, or PROMISE_NONE; or something that this machine does not let us try. Any thread; the first one counts.
 */
_Noreturn void stress_fail(enum promise broken, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void stress_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds to the line of a run that passes: how much was tried. At most once a run. */
void stress_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct nbl_tag_usage;

/* Tells what the accounts say of one tag at the end of a run; see tags.h. */
void stress_tag(const struct nbl_tag_usage *row);

/* Tells at the end of a run what was called (base/record.h). */
void stress_paths(uint64_t operations, const struct pool_paths *paths);

/* Where verdicts go in this process: a pipe to the parent. Called by child.c. */
void stress_report_to(int fd);

/* Monotonic, in ns. */
uint64_t stress_now_ns(void);

/*
 * Whether the threads have done as many operations as the run is to have at least: on a busy machine
 * its time is over before they have. Of threads that have detached, on pools of stress_pool.
 */
bool stress_operated(const struct stress *run);

/*
 * Whether a scenario does another round: while there is time; and beyond it, for some rounds that
 * `more` counts, while nothing was shown, as on a busy machine.
 */
static inline bool stress_another_round(const struct stress *run, bool shown, uint32_t *more)
{
	enum { MORE = 200 }; /* some 20 s: beside two dozen programs handover needed more than 3 */

	return stress_now_ns() < run->end_ns || (!shown && ++*more <= MORE);
}

/* xorshift64* over *state, which is not 0. */
uint64_t stress_random(uint64_t *state);

/* A number in 0..n-1, n >= 1; the bias of the remainder does not matter here. */
uint32_t stress_below(uint64_t *state, uint32_t n);

/*
 * A seed that follows from another and a number: neighbours' streams have nothing in common. Never
 * 0.
 */
uint64_t stress_seed(uint64_t seed, uint64_t number);

/* For scenarios that need several threads on one pool; and a capacity, too. */
const char *stress_excuse_one_thread(const struct pool_ops *ops, uint32_t threads);
const char *stress_excuse_no_capacity(const struct pool_ops *ops, uint32_t threads);

/*
 * A pool's shape for a round: object sizes from OBJECT_BYTES_MIN (object.h), small caches, and too
 * few objects as often as enough.
 */
struct pool_config stress_shape(uint64_t *random);

/* What is broken where a pool or a handle was refused with this errno: with memory this machine may be out of, nothing. */
static inline enum promise stress_refused(int error)
{
	return error == -ENOMEM ? PROMISE_NONE : PROMISE_MADE;
}

/* pool_create, or the end of the run. The pool's hooks note what is called (base/record.h). */
struct pool *stress_pool(const struct pool_ops *ops, const struct pool_config *config);

/* attach, or the end of the run. */
struct pool_thread *stress_attach(struct pool *pool);

/* Holds a quiet pool to its count and its invariants while `outstanding` objects are out. */
void stress_quiet(struct pool *pool, uint64_t outstanding, const char *when);

/* Destroys the pool; all memory must be back at `baseline`, a figure of memory_live_bytes. */
void stress_destroy(struct pool *pool, uint64_t baseline);

/*
 * Gets until the pool answers NULL and stores the objects in objs, which has room for `room`; one
 * more is a failure.
 */
uint32_t stress_drain(struct pool *pool, struct pool_thread *self, void **objs, uint32_t room);

/*
 * Moves whatever the calling thread and, where caches belong to CPUs, any CPU has cached to where
 * every thread finds it. The other threads have flushed or detached.
 */
void stress_flush_all(struct pool *pool, struct pool_thread *self);

/* The CPUs that the process was allowed at its first call; how many, and their numbers. */
uint32_t stress_cpus(const uint32_t **cpus);

/* Binds the calling thread to one of them, or to all again. */
void stress_pin(uint32_t cpu);
void stress_unpin(void);

/* An array, or the end of the run. From the C library, not from alloc, whose bytes are counted. */
void *stress_array(size_t n, size_t bytes);

#endif
