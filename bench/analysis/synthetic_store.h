/*
 * Stores whose truth is known, for the tests of everything that reads one. No clock and no machine
 * enters: the same seed writes the same rows.
 */
#ifndef BENCH_ANALYSIS_SYNTHETIC_STORE_H
#define BENCH_ANALYSIS_SYNTHETIC_STORE_H

#include <sqlite3.h>
#include <stdint.h>

enum { SYNTHETIC_FOLDER_BYTES = 64 }; /* room for its path */

struct synthetic_store {
	uint64_t seed;
	unsigned forks, blocks;
	unsigned first; /* cells before it are left out */
	unsigned cells; /* only so many; 0: all to the last */
	/* Multiplies the times of the subject "mag_tls": 1.05 is an injected slow-down of 5 %. */
	double mag_tls_factor;
	double noise;         /* standard deviation of a slice's logarithm, 0.01 is quiet */
	double flagged_share; /* of the slices, 0..1 */
	/* Adds calls of "mag_tls" in the path steal, of which it has none: their share and length. */
	double stall_share, stall_ns;
	/*
	 * What all rows and both probes take so many times as long by, in SYNTHETIC_SLOW_BLOCKS blocks of
	 * the first cell's last fork; 0: nowhere.
	 */
	double slow_factor;
	int schema; /* its version, from STORE_SCHEMA_OLDEST on; 0: the present one */
};

#define SYNTHETIC_BLOCK_NS 1e8 /* that a block takes */

/* The first slow one of its fork, and how many there are. */
enum { SYNTHETIC_SLOW_FIRST = 2, SYNTHETIC_SLOW_BLOCKS = 3 };

/*
 * Its open loop: response times' logarithms are normal, with medians of a unit's time / (1 - load).
 * One subject does not keep the heaviest load.
 */
#define SYNTHETIC_SIGMA         0.4
#define SYNTHETIC_BLOCKED_SIGMA 0.8 /* of what blocks */
#define SYNTHETIC_UNKEPT        "mutex"

/* What the report's tests use: 10 forks of 20 blocks on a quiet machine. */
struct synthetic_store synthetic_store_default(void);

/*
 * Writes a new store at path, replacing any: 18 contestants, a null pool, a floor, a twin and a
 * run-time table, in 8 cells. One subject crashes in a cell with text that would harm a page that
 * does not escape it, one hangs, one loses an object, one is unsupported everywhere. Ends the test
 * with a message if SQLite refuses.
 */
void synthetic_store_write(const char *path, const struct synthetic_store *wanted);

/* Makes it so many times as large: with copies of all its cells, each of another load. */
void synthetic_store_repeat(const char *path, unsigned times);

/* Runs sql on the store at path, to damage it. */
void synthetic_store_execute(const char *path, const char *sql);

/* Makes a folder for a test's files, and removes it with all that is in it. 0, or else it can't be. */
int synthetic_folder_make(char path[SYNTHETIC_FOLDER_BYTES]);
int synthetic_folder_remove(const char *path);

#endif
