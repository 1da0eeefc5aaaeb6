/*
 * Google Benchmark from C. The library has no C interface, and its loop must not be inlined into
 * ours (an inlined counter beside atomics costs 2 ns a turn) nor called for each operation (0.2 to
 * 0.5 ns): there is one crossing at the start of a run and one at its end.
 *
 * No exception leaves these functions: one that is raised during a run becomes a skipped run, one
 * that is raised otherwise a NULL or false.
 */
#ifndef BENCH_COMMAND_GBENCH_SHIM_H
#define BENCH_COMMAND_GBENCH_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gb_state gb_state; /* a run: benchmark::State */
typedef struct gb_bench gb_bench; /* a registered benchmark: benchmark::internal::Benchmark */

/*
 * Takes the library's flags out of argv and leaves the rest. Ends the program after --help, with 0,
 * and after a flag with a value that makes no sense. False: no memory.
 */
bool gb_initialize(int *argc, char **argv);

/* Adds a line to the context of every output format. */
void gb_context(const char *key, const char *value);

/*
 * Registers a benchmark, which is owned by the library. fn runs once a trial. NULL: no memory.
 * Times are shown in nanoseconds.
 */
gb_bench *gb_register(const char *name, void (*fn)(gb_state *, void *), void *arg);

/* The benchmark brings its own time (gb_set_time) and is run once a repetition. */
void gb_manual(gb_bench *bench);

/* Runs what --benchmark_filter selects and prints it. Returns how many were selected. */
uint64_t gb_run(void);

/*
 * Starts the clock. Returns how many iterations are to be done now; 0: none, return from fn.
 * Without gb_end the run is invalid.
 */
int64_t gb_begin(gb_state *state);
void gb_end(gb_state *state);

/* Seconds an iteration took, for gb_manual; between gb_begin and gb_end. */
void gb_set_time(gb_state *state, double seconds);

/* A column of the output, printed as it is. */
void gb_counter(gb_state *state, const char *name, double value);

/* The run failed: message takes the place of its figures. */
void gb_skip(gb_state *state, const char *message);

#ifdef __cplusplus
}
#endif

#endif
