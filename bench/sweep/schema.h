/*
 * The store's tables, which schema.sql makes. store_make.c and store.c write them; the
 * analysis reads them (load*.c). Every statistic can be computed again from them.
 *
 * Times are integer nanoseconds, counts are 64-bit integers. One transaction a block: a killed
 * sweep loses at most the open one. A change here raises STORE_SCHEMA_VERSION. A store of a version
 * before STORE_SCHEMA_OLDEST, or of one to come, is refused by name.
 */
#ifndef BENCH_SWEEP_SCHEMA_H
#define BENCH_SWEEP_SCHEMA_H

enum {
	STORE_SCHEMA_VERSION = 7,
	/*
	 * That can be read: 6 without the frequency of the table block and the tables counted and
	 * scarcity; 5 without what memory says of held and settled, and without
	 * the table build, and build and library of a subject; 4 without the probes of
	 * the table block but calibration_ns, which was a single try there; 3 without the table
	 * balance; 2 without timed, latency and load too.
	 */
	STORE_SCHEMA_OLDEST = 2,
};

/* SQLite's application_id, so that a file that is not a store can be told from one: "nblb". */
enum { STORE_APPLICATION_ID = 0x6e626c62 };

#endif
