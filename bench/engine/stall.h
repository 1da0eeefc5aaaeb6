/*
 * Stops a thread for a while, wherever it is: a signal's handler sleeps on it. The thread keeps what
 * it holds, and uses no CPU meanwhile.
 */
#ifndef BENCH_ENGINE_STALL_H
#define BENCH_ENGINE_STALL_H

#include <pthread.h>
#include <stdint.h>

/* Takes over the signal that stops threads, SIGUSR2. 0 or a negative errno. */
int stall_open(void);

/* Stops the thread for so long, and returns at once. */
void stall_thread(pthread_t thread, uint64_t ns);

#endif
