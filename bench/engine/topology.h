/*
 * Which CPUs a cell's threads run on: a choice among those that this process may use, which in a
 * container can start anywhere and have holes.
 */
#ifndef BENCH_ENGINE_TOPOLOGY_H
#define BENCH_ENGINE_TOPOLOGY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOPOLOGY_WHY_BYTES = 256 };

/* In which order a cell's threads take CPUs. All but the first three are places that a machine may lack. */
enum placement {
	PLACEMENT_CORES,       /* one a core, socket by socket, then the SMT siblings: the usual */
	PLACEMENT_COMPACT,     /* core by core with its siblings */
	PLACEMENT_SPREAD,      /* one a core, from socket to socket, then the siblings */
	PLACEMENT_SIBLING,     /* the SMT siblings of one core */
	PLACEMENT_CACHE,       /* cores under one last-level cache */
	PLACEMENT_OTHER_CACHE, /* of one node, from last-level cache to last-level cache */
	PLACEMENT_NODE,        /* from NUMA node to NUMA node */
};

/* "cores", "compact", "spread", "sibling", "cache", "other-cache", "node". */
const char *placement_name(enum placement placement);
bool placement_find(const char *name, enum placement *out);

/*
 * The CPUs that the calling thread may use (sched_getaffinity), by their system numbers, in the order in
 * which threads take them: one a core, socket by socket, then the SMT siblings. Stores up to room of
 * them in cpus and returns how many there are, at least 1; or -ENOMEM, or another errno of the system
 * call or of hwloc. Not concurrently with itself.
 */
int topology_cpus(uint32_t *cpus, uint32_t room);

/*
 * The CPUs of so many threads under a placement: cpus[i] for thread i; where threads outnumber the CPUs
 * that this process may use, they come in turn. 0; -EINVAL if the machine, or what is allowed of it, has no
 * such place, with a sentence in why (TOPOLOGY_WHY_BYTES) that says what there is and has no full stop; or
 * an errno as above, with a sentence too. Not concurrently with itself.
 */
int topology_place(enum placement placement, uint32_t threads, uint32_t *cpus, char *why);

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
