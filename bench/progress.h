/*
 * One line on standard error that says how far a sweep is and how long it will take; only if that
 * is a terminal. It is written over itself and wiped before anything else is printed.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool shown; /* standard error is a terminal */
	bool dim;   /* colour is wanted: a terminal, and no NO_COLOR in the environment */
	uint64_t started_ns, drawn_ns;
	uint64_t total_ns; /* the work as planned */
	uint64_t first_ns; /* of it was done before this start */
	uint64_t done_ns;  /* of it is done */
};

void progress_begin(struct progress *self, uint64_t total_ns, uint64_t done_ns);

/*
 * Draws the line, at most ten times a second: cell `cell` of `cells`, per cent, time left, label.
 * done_ns: of the planned work. The time left follows from the pace so far.
 */
void progress_draw(
	struct progress *self, size_t cell, size_t cells, uint64_t done_ns, const char *label);

/* Nanoseconds that remain, by the pace so far, or by the plan while there is none. */
uint64_t progress_left_ns(const struct progress *self, uint64_t now_ns);

/* Wipes the line. */
void progress_wipe(const struct progress *self);

/* "0:31", "12:05", "3:07:00". Returns text. */
enum { PROGRESS_TIME_BYTES = 32 };
const char *progress_time(uint64_t ns, char text[PROGRESS_TIME_BYTES]);

#endif
