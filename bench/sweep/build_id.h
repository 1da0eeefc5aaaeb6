/*
 * Which binary this is. A store and a worker belong to one binary: figures of two are never mixed.
 */
#ifndef BENCH_SWEEP_BUILD_ID_H
#define BENCH_SWEEP_BUILD_ID_H

/*
 * The linker's build id of the running program, in lower-case hexadecimal digits: it changes
 * whenever the code does. "unknown" if the program was linked without one. Static; any thread after
 * the first call.
 */
const char *build_id(void);

#endif
