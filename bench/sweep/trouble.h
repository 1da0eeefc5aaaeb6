/*
 * A worker that comes to grief: it is ended and reaped, and keeps a state and a sentence on why,
 * with the end of what it printed. For controller.c and spawn.c alone.
 *
 * Each function sets worker->state to one of the store's states. during: the request under way.
 */
#ifndef BENCH_SWEEP_TROUBLE_H
#define BENCH_SWEEP_TROUBLE_H

#include "bench/sweep/controller.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Ends the worker for a reason that the caller knows; the sentence is as printf makes it. Where the
 * machine, or somebody on it, is to blame, the state is CONTROLLER_STARVED or CONTROLLER_DISTURBED:
 * nothing is said against the strategy.
 */
void trouble(struct controller_worker *worker, const char *state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The process is gone, or its end of the socket is. */
void trouble_crash(struct controller_worker *worker, const char *during);

/* It gave no answer for so long, though nothing kept it from going on. */
void trouble_hang(struct controller_worker *worker, const char *during, uint64_t waited_ns);

/* As an errno says, which may be the machine's fault. */
void trouble_error(struct controller_worker *worker, const char *during, int error);

/* True if the process ends within the time. */
bool trouble_await_end(const struct controller_worker *worker, int timeout_ms);

/*
 * Ends the process if it still runs, reaps it, closes all but its output; returns its wait
 * status.
 */
int trouble_reap(struct controller_worker *worker, int signal);

void trouble_close_output(struct controller_worker *worker);

#endif
