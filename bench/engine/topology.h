/*
 * Which CPUs a cell's threads run on: a choice among those that this process may use, which in a
 * container can start anywhere and have holes.
 */
#ifndef BENCH_ENGINE_TOPOLOGY_H
#define BENCH_ENGINE_TOPOLOGY_H

#include <pthread.h>
#include <stdint.h>

/*
 * The CPUs that the calling thread may use (sched_getaffinity), by their system numbers, in the order in
 * which threads take them: one a core, socket by socket, then the SMT siblings. Stores up to room of
 * them in cpus and returns how many there are, at least 1; or -ENOMEM, or another errno of the system
 * call or of hwloc. Not concurrently with itself.
 */
int topology_cpus(uint32_t *cpus, uint32_t room);

/*
 * Ties the calling thread to one CPU. 0; -EINVAL: there is no such CPU or it is
 * not allowed; -ENOMEM.
 */
int topology_pin(uint32_t cpu);

/*
 * Starts a thread that is tied to one CPU from its first instruction on. One that ties itself begins
 * where its parent is tied, and can't before the parent gives that CPU away. 0; -EINVAL as above;
 * -ENOMEM; -EAGAIN: no more threads.
 */
int topology_start(pthread_t *thread, uint32_t cpu, void *(*run)(void *), void *arg);

#endif
