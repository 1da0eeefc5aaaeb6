/*
 * The result store of a sweep: one SQLite file, written by one sweep at a time. It is in WAL mode as
 * long as it is open, and one file without companions afterwards, which can be read wherever it is.
 *
 * A store belongs to one plan, one binary and one machine. What was measured under another of these
 * is never mixed in: opening refuses with a sentence that says what differs. A block is one
 * transaction, so that a killed sweep loses at most the open one; nothing else needs the store to
 * be closed in order.
 *
 * Functions return 0, or -1 with a full sentence in why (STORE_WHY_BYTES) that names the file and
 * what would be right. After -1 from a function that writes, what was committed before still
 * stands. One thread at a time.
 */
#ifndef BENCH_SWEEP_STORE_H
#define BENCH_SWEEP_STORE_H

#include "bench/sweep/plan.h"
#include "bench/sweep/probe.h"
#include "bench/workload/latency.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { STORE_WHY_BYTES = 1024 };

struct store;

/* Whole numbers of what is stored are of the type in which SQLite and jansson have them. */

/* One thread of one slice. */
struct store_thread {
	long long cpu, units, window_ns, cpu_ns, nvcsw, nivcsw, minflt;
};

/* What the hardware counted, and how scarce objects were; the columns of schema.h. False: not told. */
struct store_counted {
	bool known;
	long long cycles, instructions, cache_misses;
};
struct store_scarcity {
	bool known;
	long long none, worst, spells, stranded, stranded_most;
};

/* What one subject did in a block; the columns of schema.h. */
struct store_slice {
	size_t subject; /* index into the plan's subjects */
	long long slot, window_ns, units, failed;
	double units_per_s, skew, jain, slowest_share;
	char flags[64];
	long long refill, flush, grow, steal, empty, wait;
	struct store_counted counted;
	struct store_scarcity scarcity;
	uint32_t threads;
	struct store_thread thread[ENGINE_THREADS_MAX];
};

/* What one thread of a subject timed in one latency slice. */
struct store_times {
	size_t subject;
	uint32_t thread;
	bool flagged;
	long long units, window_ns, timed_units;
	struct latency_times of[LATENCY_HISTOGRAMS];
};

/* What one thread's time went to in a slice in which every call was timed. */
struct store_balance {
	size_t subject;
	uint32_t thread;
	long long calls, sum;
	struct latency_whole whole;
};

/* One slice of an open loop; the columns of schema.h. */
struct store_load {
	size_t subject;
	uint32_t load; /* per cent */
	double capacity_s, wanted_s, served_s;
	long long arrived, served, late;
	struct latency_times times;
};

struct store_block {
	size_t cell; /* index into the plan's cells */
	uint32_t fork, block;
	long long started_ns; /* since 1970 */
	struct probe_moment before, after;
	size_t slices;
	struct store_slice *slice;
	size_t times;
	struct store_times *time;
	size_t balances;
	struct store_balance *balance;
	size_t loads;
	struct store_load *load;
	const char *arrivals; /* of the loads; NULL if there are none */
};

struct store_memory {
	size_t cell, subject;
	uint32_t fork;
	long long rss_open, rss_peak, pool_bytes, capacity, drained, expected;
	/* -1: the worker does not tell. */
	long long rss_settled, held_peak, held_settled, objects;
};

/*
 * Opens the store at path for the plan: makes it if nothing is there, else goes on with it. command
 * is what the user typed, for a new store. A file that is no store, is damaged, has another schema
 * version, or belongs to another plan or binary is refused and left as it is, and so is one that
 * another sweep has open. *created tells which of the two happened.
 */
int store_open(const char *path, const struct plan *plan, const char *command, struct store **out,
	bool *created, char *why);

/* Moves the log into the file, closes and frees; NULL is fine. */
void store_close(struct store *store);

/*
 * Moves what stands at path aside, to path.old-1 or the first such name that is free, and writes
 * that name to moved (PATH_MAX bytes). moved is empty if nothing stood there.
 */
int store_move_aside(const char *path, char *moved, char *why);

/*
 * Notes the environment of this start of the sweep. identity is the digest of what makes it this
 * machine; -1 if the store already holds figures of another one.
 */
int store_add_machine(struct store *store, const char *identity, const char *grade,
	json_t *fingerprint, char *why);

/* Whether the block is complete, and how many of the plan are. */
bool store_has_block(const struct store *store, size_t cell, uint32_t fork, uint32_t block);
uint64_t store_blocks(const struct store *store);

/* Adds a complete block, with all its slices, threads and times, in one transaction. */
int store_add_block(struct store *store, const struct store_block *block, char *why);

/* Notes how much memory a subject used in a cell's fork; a later note replaces an earlier one. */
int store_add_memory(struct store *store, const struct store_memory *memory, char *why);

/*
 * Notes a state, one of those that schema.h lists. fork -1: in all forks. The same state of the same
 * subject, cell and fork -1 is noted once.
 */
int store_add_event(struct store *store, size_t cell, size_t subject, int64_t fork,
	const char *state, const char *detail, char *why);

/*
 * How often the worker of subject came to grief (crashed or hung): in this cell, and in how many
 * cells at all.
 */
int store_count_failures(struct store *store, size_t cell, size_t subject, uint32_t *here,
	uint32_t *cells, char *why);

/* Notes of states that are a strategy's failure. */
int store_count_troubles(struct store *store, uint64_t *troubles, char *why);

/* Slices of all subjects in all blocks. */
int store_count_slices(struct store *store, uint64_t *slices, char *why);

#endif
