/* Starts gnuplot, and doesn't wait for one that hangs. */
#ifndef BENCH_REPORT_GNUPLOT_H
#define BENCH_REPORT_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Whether a gnuplot can be started that draws for this terminal: "svg". Runs it once. */
bool gnuplot_has(const char *terminal);

/*
 * Runs gnuplot on a script, without start-up files, and gives back what it printed and its size; a zero stands
 * behind it, and the caller frees it. NULL if it failed or printed nothing. One that hangs is ended, and none is
 * started afterwards: a page without figures comes sooner than one that waits for each.
 */
char *gnuplot_run(FILE *script, size_t *bytes);

#endif
