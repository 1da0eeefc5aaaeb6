/* Exit statuses that commands share. */
#ifndef BENCH_BASE_STATUS_H
#define BENCH_BASE_STATUS_H

enum {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,  /* a run-time error, or a cell crashed, hung or lost an object */
	COMMAND_USAGE = 2,   /* what was asked for makes no sense; a sentence says what would */
	COMMAND_REFUSED = 3, /* by --gate fail, since the machine is not quiet */
	COMMAND_INTERRUPTED = 130, /* by SIGINT or SIGTERM, after committing what was measured */
};

#endif
