/*
 * One line on standard error that says how far a sweep is and how long it will take; only if that
 * is a terminal. It is written over itself and wiped before anything else is printed.
 */
#ifndef BENCH_BASE_PROGRESS_H
#define BENCH_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of how long the blocks of a cell take. Set up by the caller, counted up here. */
struct progress_cell {
	uint64_t planned_ns; /* a block, by the plan */
	uint64_t blocks;     /* in all */
	uint64_t done;       /* of them are measured, whenever */
	uint64_t timed;      /* of these were measured since progress_begin */
	uint64_t timed_ns;   /* and took so long */
	bool oversubscribed; /* the plan may be wrong of such cells in another way than of the rest */
};

struct progress {
	bool shown; /* standard error is a terminal */
	uint64_t drawn_ns;
	struct progress_cell *cells; /* the caller's */
	size_t count;
};

void progress_begin(struct progress *self, struct progress_cell *cells, size_t count);

/* A block of a cell is measured and took so long. */
void progress_count(struct progress *self, size_t cell, uint64_t took_ns);

/*
 * Nanoseconds that a block of cell takes: the mean of those that were timed; before the first, what
 * the plan says, as far as it was right of the cells of its kind that have been timed.
 */
uint64_t progress_block_ns(const struct progress *self, size_t cell);

/* Nanoseconds that are left, and how much is done: 0..100. */
uint64_t progress_left_ns(const struct progress *self);
unsigned progress_percent(const struct progress *self);

/* Where a sweep is: the numbers from 0. */
struct progress_place {
	size_t cell;
	uint32_t fork, forks;
	const char *label; /* of the cell */
};

/*
 * Writes the line for a terminal of so many columns, one of which stays free, since a terminal goes on
 * in the next line where the last is taken: per cent, time left, fork, cell, label, as far as they fit.
 */
enum { PROGRESS_LINE_BYTES = 256 };
void progress_line(const struct progress *self, const struct progress_place *place,
	unsigned columns, char text[PROGRESS_LINE_BYTES]);

/* Draws the line, at most ten times a second. */
void progress_draw(struct progress *self, const struct progress_place *place);

/* Wipes the line. */
void progress_wipe(const struct progress *self);

/* "0:31", "12:05", "3:07:00". Returns text. */
enum { PROGRESS_TIME_BYTES = 32 };
const char *progress_time(uint64_t ns, char text[PROGRESS_TIME_BYTES]);

#endif
