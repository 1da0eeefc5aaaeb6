/*
 * Included before everything else by what is explored: calls that the instrumentation does not see
 * go to machine.c. The strategies' text stays as it is.
 */
#ifndef STRESS_MODEL_INTERCEPT_H
#define STRESS_MODEL_INTERCEPT_H

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *machine_memcpy(void *to, const void *from, size_t bytes);
void *machine_memset(void *to, int value, size_t bytes);
void *machine_malloc(size_t bytes);
void *machine_aligned_alloc(size_t align, size_t bytes);
void machine_free(void *memory);
int machine_yield(void);
int machine_lock(pthread_mutex_t *mutex);
int machine_trylock(pthread_mutex_t *mutex);
int machine_unlock(pthread_mutex_t *mutex);

#define memcpy                machine_memcpy
#define memset                machine_memset
#define sched_yield           machine_yield
#define pthread_mutex_lock    machine_lock
#define pthread_mutex_trylock machine_trylock
#define pthread_mutex_unlock  machine_unlock

/* Of functions' form: a strategy has the name of one. */
#define malloc(bytes)               machine_malloc(bytes)
#define aligned_alloc(align, bytes) machine_aligned_alloc(align, bytes)
#define free(memory)                machine_free(memory)

#if NBLBENCH_URCU
#include "stress/model/urcu.h"
#endif

#endif
