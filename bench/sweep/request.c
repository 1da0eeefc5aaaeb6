/* What a sweep is asked for: see request.h. */
#include "bench/sweep/request.h"

#include "bench/base/append.h"
#include "bench/base/status.h"
#include "bench/engine/instances.h"
#include "bench/engine/loads.h"
#include "bench/engine/names.h"

#include "alloc/machine/compiler.h"
#include "alloc/pool.h"

#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The engine's shortest window. */
#define SLICE_MS_LEAST ((double)ENGINE_WINDOW_NS_MIN / 1e6)

static const char *known_gate(size_t i)
{
	static const char *const names[] = {"warn", "fail"};

	return i < array_count(names) ? names[i] : NULL;
}

static const struct options_entry entries[] = {
	OPTION(FLAG, struct request, plan.quick, "quick", 'q', NULL,
		"a first look, which takes a minute: all strategies, one lane and one thread a "
		"CPU, one burst, depth and size; 3 forks of 6 blocks, slices of 1 to 5 ms. No "
		"drivers' profiles, no context policies, and the figures are preliminary. What is "
		"asked for beside it is measured as well, and takes longer"),
	OPTION(TEXT, struct request, out, "out", 'o', "DIR",
		"directory for sweep.db, report.html and report.md; made in one that exists "
		"[quick, full or custom-XXXXXXXX in ./nblbench-out]"),
	OPTION(TEXT, struct request, store, "store", 0, "FILE", "result store [sweep.db in DIR]"),
	OPTION(FLAG, struct request, fresh, "fresh", 0, NULL,
		"start over: a store that is there is moved aside, not deleted"),
	OPTION(FLAG, struct request, dry_run, "dry-run", 'n', NULL,
		"say what would be done, how long it takes and how much room it needs; run and "
		"write nothing"),
	OPTION(NAMES, struct request, plan.pools, "pool", 'p', "A,B",
		"strategies that compete [all]", .known = names_pools, .noun = "strategy"),
	OPTION(NAMES, struct request, plan.contexts, "context", 'c', "A,B",
		"context policies that compete, all over one strategy [all; none with --quick or "
		"--pool]",
		.known = names_contexts, .noun = "context policy"),
	OPTION(NAMES, struct request, plan.workloads, "workload", 'w', "A,B",
		"workloads [all but stalled_*, which stop threads for long; with --quick, no "
		"drivers' "
		"profiles, and what pushes context only where policies compete]",
		.known = names_workloads, .noun = "workload"),
	OPTION(NAMES, struct request, plan.dispatch, "dispatch", 0, "A,B",
		"how a strategy is reached: folded (inlined), table (through pointers) [folded]",
		.known = names_dispatches, .noun = "dispatch"),
	OPTION(NUMBERS, struct request, plan.threads, "threads", 't', "LIST",
		"threads of a cell [1 and N; without --quick the powers of two between and 2N as "
		"well]",
		1, ENGINE_THREADS_MAX),
	OPTION(NUMBERS, struct request, plan.bursts, "burst", 'b', "LIST",
		"objects a bulk call [32; without --quick 8,32,128]", 1, POOL_BULK_MAX),
	OPTION(NUMBERS, struct request, plan.depths, "depth", 'd', "LIST",
		"filter drivers on a stack [4; without --quick 1,4,8]", 1, ENGINE_DEPTH_MAX),
	OPTION(NUMBERS, struct request, plan.sizes, "size", 's', "LIST",
		"bytes an object [256, or what the workload needs]", POOL_OBJECT_BYTES_MIN,
		POOL_OBJECT_BYTES_MAX),
	OPTION(NUMBERS, struct request, plan.aligns, "align", 'a', "LIST",
		"bytes an object is aligned to [64 in a pool, malloc's own in a malloc]",
		POOL_OBJECT_ALIGN_MIN, POOL_OBJECT_ALIGN_MAX, .power_of_two = true),
	OPTION(NAMES, struct request, plan.pages, "pages", 0, "A,B",
		"pages under a pool's objects: ordinary, transparent (huge where the kernel finds "
		"room), huge (reserved by vm.nr_hugepages) [ordinary]",
		.known = names_pages, .noun = "kind of pages"),
	OPTION(COUNT, struct request, plan.forks, "forks", 0, "N",
		"sets of worker processes [10; 3 with --quick]", 1, PLAN_FORKS_MAX),
	OPTION(COUNT, struct request, plan.blocks, "blocks", 0, "N",
		"blocks a fork, in each of which every subject has one slice [20; 8 with --quick]",
		1, PLAN_BLOCKS_MAX),
	OPTION(REAL, struct request, plan.slice_ms, "slice-ms", 0, "MS",
		"length of a slice in milliseconds, ten times that where threads outnumber CPUs "
		"[2; with --quick 1 to 5, as a minute allows]",
		.real_least = SLICE_MS_LEAST, .real_most = 1000),
	OPTION(FLAG, struct request, plan.no_latency, "no-latency", 0, NULL,
		"throughput alone: no slices in which single calls are timed"),
	LOADS_OPTIONS(struct request, plan.loads, plan.arrivals),
	OPTION(TEXT, struct request, against, "against", 0, "DIR",
		"measure another build of this program as well, row beside row in the same blocks, "
		"and say what is faster here: a build directory, a tree that is built in "
		"build/release, or the program"),
	OPTION(TEXTS, struct request, peers, "peer", 0, "NAME=PATH",
		"a library that replaces malloc, as a row of that name; may be given again"),
	OPTION(NAMES, struct request, gate, "gate", 0, "WORD",
		"what a noise grade of C or D comes to: warn (it is said), fail (nothing is "
		"measured) [warn]",
		.known = known_gate, .noun = "gate"),
	OPTION(COUNT, struct request, plan.seed, "seed", 0, "N",
		"where all random order comes from", 0, INT64_MAX),
};

static const struct options options = {
	.command = "sweep",
	.summary =
		"Measures strategies under workloads, in worker processes that take turns, and "
		"writes a report.\n"
		"A sweep that was stopped or killed goes on when the same command is given again.\n"
		"LIST is 1,2,4 or 1..8 or 1..64*2 (factor) or 2..10+2 (step); N in it is the "
		"number "
		"of CPUs.",
	.closing = "Exit status: 0 done; 1 failure, or a strategy crashed, hung or lost an object; "
		   "2 usage;\n3 nothing was measured, because of --gate fail; 130 interrupted "
		   "(what was measured is kept). One Ctrl-C finishes the "
		   "slice, two stop at once.",
	.count = array_count(entries),
	.entry = entries,
};

bool request_parse(int argc, char **argv, struct request *request, int *status)
{
	int operand;

	if (!options_parse(&options, argc, argv, request, &operand, status))
		return false;
	request->gate_fails = request->gate.count > 0 && strcmp(request->gate.item[0], "fail") == 0;
	if (request->gate.count <= 1)
		return true;
	fprintf(stderr, "nblbench sweep: --gate takes one word, warn or fail\n");
	*status = COMMAND_USAGE;
	return false;
}

int request_guests(struct request *request, char *why)
{
	struct plan_request *plan = &request->plan;

	if (request->against != NULL) {
		if (guest_find_build(request->against, &request->other, why) != 0)
			return -1;
		plan->other = &request->other;
	}
	plan->libraries = request->libraries;
	for (size_t i = 0; i < request->peers.count; i++) {
		struct guest_library *library = &request->libraries[i];

		if (guest_find_library(request->peers.item[i], library, why) != 0)
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(request->libraries[j].name, library->name) != 0)
				continue;
			snprintf(why, GUEST_WHY_BYTES,
				"--peer: two libraries are called '%s'; each needs a name of its "
				"own",
				library->name);
			return -1;
		}
		plan->library_count++;
	}
	return 0;
}

/* How much of a word stands before an option's value that is in it; SIZE_MAX: it is not. */
static size_t before(const char *value, const char *word)
{
	const uintptr_t at = (uintptr_t)value - (uintptr_t)word;

	return value != NULL && at < strlen(word) ? at : SIZE_MAX;
}

void request_command(int argc, char **argv, const struct request *request, char *text)
{
	const struct {
		const char *value, *name;
	} paths[] = {{request->out, "DIR"}, {request->store, "FILE"}, {request->against, "TREE"}};

	strcpy(text, "nblbench");
	for (int i = 0; i < argc; i++) {
		const char *quote =
			strpbrk(argv[i], " \t\n\"'\\$&|;<>()*?[]#~`!{}") != NULL ? "'" : "";
		size_t path = 0;

		while (path < array_count(paths) && before(paths[path].value, argv[i]) == SIZE_MAX)
			path++;
		if (path < array_count(paths))
			append(text, REQUEST_COMMAND_BYTES, " %.*s%s",
				(int)before(paths[path].value, argv[i]), argv[i], paths[path].name);
		else
			append(text, REQUEST_COMMAND_BYTES, " %s%s%s", quote, argv[i], quote);
	}
}

bool request_paths(
	const struct request *request, const struct plan *plan, char *out, char *store_path)
{
	char name[PATH_MAX];
	int length;

	if (request->out != NULL) {
		length = snprintf(out, PATH_MAX, "%s", request->out);
	} else if (request->store != NULL) {
		length = snprintf(name, sizeof(name), "%s", request->store);
		if (length < PATH_MAX)
			length = snprintf(out, PATH_MAX, "%s", dirname(name));
	} else if (plan_is_default(&request->plan)) {
		length = snprintf(out, PATH_MAX, REQUEST_USUAL_DIRECTORY "/%s",
			plan->quick ? "quick" : "full");
	} else {
		length = snprintf(
			out, PATH_MAX, REQUEST_USUAL_DIRECTORY "/custom-%.8s", plan->digest);
	}
	if (length < PATH_MAX)
		length = request->store != NULL
				 ? snprintf(store_path, PATH_MAX, "%s", request->store)
				 : snprintf(store_path, PATH_MAX, "%s/sweep.db", out);
	return length < PATH_MAX;
}
