/*
 * Where figures were taken: the machine, the system, the build, and how quiet it was. Stored at
 * each start of a sweep and printed with every report, because a figure without its place says
 * nothing.
 *
 * A part of it, the *identity*, says which machine this is: processor, topology, memory, kernel,
 * hypervisor, and the CPUs that may be used. Figures of two identities are never mixed in one
 * store; the rest (load, governor, versions of libraries) may change between two starts and is
 * shown. The host's name is left out on purpose: two nodes of one type may continue each other's
 * sweep.
 */
#ifndef BENCH_SWEEP_FINGERPRINT_H
#define BENCH_SWEEP_FINGERPRINT_H

#include <jansson.h>
#include <stdbool.h>

enum { FINGERPRINT_IDENTITY_BYTES = 17 };

/* The name of how far the clocks of any two CPUs may be apart, in whole nanoseconds. */
#define FINGERPRINT_CLOCKS_APART "clocks apart, at most ns"

struct fingerprint {
	json_t *json; /* names to values, both text, in the order in which they are shown */
	char identity[FINGERPRINT_IDENTITY_BYTES]; /* a digest, hexadecimal */
	char grade[2]; /* how quiet it is: A, B, C or D. json has the reasons in words */
};

/*
 * Looks at the machine; takes about a quarter of a second, of which it spins most, to see how much
 * time others take from it. 0, or -ENOMEM. What can't be found out is said to be unknown or is left
 * out. The caller owns *out and ends it with fingerprint_drop.
 */
int fingerprint_take(struct fingerprint *out);
void fingerprint_drop(struct fingerprint *self);

/*
 * Whether a control group limits the CPU time of a process, or one above it does, and then how:
 * "cpu.max 50000 100000". groups: the text of /proc/PID/cgroup. mount: where control groups are
 * mounted, of version 2 itself, of version 1 with a folder a controller.
 */
enum { FINGERPRINT_LIMIT_BYTES = 128 };
bool fingerprint_cpu_limit(
	const char *groups, const char *mount, char limit[FINGERPRINT_LIMIT_BYTES]);

#endif
