/* `nblbench merge`: stores of several machines, and shards, in one file. */
#include "bench/sweep/merge.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/sweep/store.h"

#include <stdio.h>

enum { MERGE_STORES_MAX = 64 };

struct merge_request {
	const char *out;
};

static const struct options_entry entries[] = {
	OPTION(TEXT, struct merge_request, out, "out", 'o', "FILE",
		"the store to make; nothing may stand there."),
};

static const struct options options = {
	.command = "merge",
	.operands = "STORE...",
	.operands_least = 1,
	.operands_most = MERGE_STORES_MAX,
	.summary = "Joins stores that one program measured by one command on several machines, or "
		   "in shards. Nothing is pooled: each machine keeps cells of its own, and "
		   "`nblbench report --machine` shows one.",
	.closing = "Exit status: 0 done, 1 a store can't be read or is of another sweep, 2 usage.",
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

static int run_merge(int argc, char **argv)
{
	struct merge_request request = {0};
	char why[STORE_WHY_BYTES];
	int operand, status = COMMAND_OK;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.out == NULL) {
		fprintf(stderr, "nblbench merge: name the store to make with --out FILE.\n");
		return COMMAND_USAGE;
	}
	if (merge_stores(request.out, argv + operand, (size_t)(argc - operand), why) != 0) {
		fprintf(stderr, "nblbench merge: %s.\n", why);
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}

const struct command command_merge = {
	.name = "merge",
	.summary = "join stores of several machines, each by itself",
	.run = run_merge,
};
