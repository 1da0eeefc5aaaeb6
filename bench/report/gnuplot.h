/* Starts gnuplot, and doesn't wait for one that hangs. */
#ifndef BENCH_REPORT_GNUPLOT_H
#define BENCH_REPORT_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Whether a gnuplot can be started. Runs it once. */
bool gnuplot_available(void);

/*
 * Runs gnuplot on a script, without start-up files, and gives back what it printed, for the
 * caller to free; NULL if it failed. One that hangs is ended, and none is started afterwards: a
 * page without figures comes sooner than one that waits for each.
 */
char *gnuplot_run(FILE *script);

#endif
