/*
 * The controller's end of a worker: starts the process, asks it, and tells a crash from a hang from
 * a refusal. worker.h has the protocol.
 *
 * A worker that comes to grief is ended and reaped here and keeps a sentence on why; every later
 * request to it fails at once. So a caller can go on with the others and ask afterwards.
 *
 * While a controller exists, SIGINT, SIGTERM and SIGHUP are blocked and arrive through a descriptor
 * that every wait looks at: the first asks the sweep to end after the slice, the second ends the
 * wait. Workers stand in process groups of their own, so that a terminal's Ctrl-C meets the
 * controller alone. One thread.
 */
#ifndef BENCH_SWEEP_CONTROLLER_H
#define BENCH_SWEEP_CONTROLLER_H

#include "bench/sweep/guest.h"
#include "bench/sweep/store.h"

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CONTROLLER_OUTPUT_BYTES = 4096, /* of a worker's last output that a crash report keeps */
	CONTROLLER_DETAIL_BYTES = CONTROLLER_OUTPUT_BYTES + 1024,
};

/*
 * The states of a worker whose failure is not the strategy's, so that what it was doing can be
 * tried again: it got no CPU or was stopped from outside; it was killed from outside, or the
 * system had no memory, threads or files left.
 */
#define CONTROLLER_STARVED   "starved"
#define CONTROLLER_DISTURBED "disturbed"

struct controller {
	int signals;         /* signalfd */
	sigset_t saved_mask; /* to be restored at the end */
	unsigned interrupts; /* requests to stop that have arrived */
	/*
	 * Of a worker that is late: what it may be given (watch.h) before it hangs, and how long it
	 * is waited for where the machine gives it nothing. Set by controller_begin; tests set less.
	 */
	unsigned hung_ms, patience_ms;
	struct store_slice latency_slice; /* the last one, whose throughput nobody stores */
};

/* What a worker is started as. Its parts outlive the worker. */
struct controller_start {
	const char *pool, *dispatch;
	/*
	 * Bytes added to its environment, which shifts its stack; the cheapest way to another memory
	 * layout.
	 */
	uint32_t padding;
	const struct guest_build *build;     /* whose program it runs; NULL: this one */
	const struct guest_library *library; /* to preload; NULL: what the strategy asks for */
	const struct pool_ops *beneath;      /* whose malloc to preload instead; NULL */
};

struct controller_worker {
	struct controller_start start;
	pid_t pid;         /* 0: not running */
	int process;       /* pidfd */
	int socket;        /* -1: closed */
	int output;        /* memory file with its standard output and error */
	const char *state; /* NULL: well. Else as in the store's events: crashed hung failed
			      unsupported starved disturbed; or "stopped" after a second interrupt */
	char detail[CONTROLLER_DETAIL_BYTES]; /* a sentence, if state is not NULL */
	bool dismissed;                       /* it was told to end */
};

/* 0 or a negative errno. */
int controller_begin(struct controller *self);
void controller_end(struct controller *self);

/* Takes note of signals that have arrived; true if the sweep has been asked to stop. */
bool controller_interrupted(struct controller *self);

/* Starts a worker, without waiting for it. On failure worker->state says so. */
void controller_spawn(struct controller_worker *worker, const struct controller_start *start);

/* Waits for its hello, which the caller owns, and judges nothing of it. NULL: it came to grief. */
json_t *controller_hello(struct controller *self, struct controller_worker *worker);

/*
 * Which function of WORKER_MALLOC_NAMES is not the library's, by a worker's hello; NULL: all are.
 * The name is a constant.
 */
const char *controller_misses(const json_t *hello, const struct guest_library *library);

/* Waits for its hello; afterwards it is well, unsupported, or came to grief. */
void controller_greet(struct controller *self, struct controller_worker *worker);

/*
 * Has it open a cell; the three members of memory that are known then are filled in. seed: the
 * cell's, the same for all subjects.
 */
void controller_open(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, uint64_t seed, struct store_memory *memory);

/* Runs one slice. True and *out but for subject and slot; false: see worker->state. */
bool controller_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_slice *out);

/*
 * Runs one latency slice. True and out[0..cell->threads) but for subject; false: see
 * worker->state.
 */
bool controller_latency_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_times *out);

/*
 * Runs one slice in which every call is timed. True, out[0..cell->threads) but for subject, and
 * whether it has a flag; false: see worker->state.
 */
bool controller_balance_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_balance *out, bool *flagged);

/*
 * Runs one slice of an open loop at so many per cent of the capacity; 0: measures the capacity.
 * True and *out but for subject; false: see worker->state.
 */
bool controller_load_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, const char *arrivals, uint32_t load, struct store_load *out);

/*
 * Has it close the cell and fills in the rest of memory. True if every object came back and the
 * pool is sound; else lost (CONTROLLER_DETAIL_BYTES) has a sentence, unless the worker came to
 * grief.
 */
bool controller_close(struct controller *self, struct controller_worker *worker,
	struct store_memory *memory, char *lost);

/* Tells a process that is well and parked to end, and does not wait for it. */
void controller_dismiss(struct controller_worker *worker);

/*
 * Ends the process, gently if it is well and parked, and frees all; the struct can be used again.
 */
void controller_stop(struct controller_worker *worker);

#endif
