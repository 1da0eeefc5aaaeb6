/* What a sweep is asked for: see request.h. */
#include "bench/sweep/request.h"

#include "bench/base/append.h"
#include "bench/base/need.h"
#include "bench/base/status.h"
#include "bench/engine/instances.h"
#include "bench/engine/loads.h"
#include "bench/engine/names.h"

#include "alloc/machine/compiler.h"
#include "alloc/pool.h"

#include <assert.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_WITHIN_S_MAX = 7 * 24 * 3600 };

/* The engine's shortest window. */
#define SLICE_MS_LEAST ((double)ENGINE_WINDOW_NS_MIN / 1e6)

static const char *known_gate(size_t i)
{
	static const char *const names[] = {"warn", "fail"};

	return i < array_count(names) ? names[i] : NULL;
}

static const char *known_contexts(size_t i)
{
	return i == 0 ? PLAN_NO_CONTEXT : names_contexts(i - 1);
}

#define QUICK "quick"

static const struct options_entry entries[] = {
	OPTION(FLAG, struct request, quick, QUICK, 'q', NULL,
		"the job " QUICK ": a first look at all strategies, which takes a minute. What is "
		"asked for beside it is measured instead, or as well, and takes longer"),
	OPTION(TEXT, struct request, job_path, "job", 'j', "NAME|FILE",
		"a sweep from a file: of the tree by its name (see 'nblbench list'), or one of "
		"your own. What is said here overrides its [global], and axes those of its "
		"sections "
		"too"),
	OPTION(TEXT, struct request, out, "out", 'o', "DIR",
		"directory for sweep.db, report.html and report.md; made in one that exists "
		"[the job's name, full without one, or custom-XXXXXXXX, in ./nblbench-out]"),
	OPTION(TEXT, struct request, store, "store", 0, "FILE", "result store [sweep.db in DIR]"),
	OPTION(FLAG, struct request, fresh, "fresh", 0, NULL,
		"start over: a store that is there is moved aside, not deleted"),
	OPTION(FLAG, struct request, dry_run, "dry-run", 'n', NULL,
		"say what would be done, how long it takes and how much room it needs; run and "
		"write nothing"),
	OPTION(NAMES, struct request, plan.pools, "pool", 'p', "A,B",
		"strategies that compete [all]", .known = names_pools, .noun = "strategy"),
	OPTION(NAMES, struct request, plan.contexts, "context", 'c', "A,B",
		"context policies that compete, all over one strategy; none: none, and no workload "
		"that pushes context [all; with --pool no policy]",
		.known = known_contexts, .noun = "context policy"),
	OPTION(NAMES, struct request, plan.axes.workloads, "workload", 'w', "A,B",
		"workloads [all but stalled_*, which stop threads for long]",
		.known = names_workloads, .noun = "workload"),
	OPTION(NAMES, struct request, plan.dispatch, "dispatch", 0, "A,B",
		"how a strategy is reached: folded (inlined), table (through pointers) [folded]",
		.known = names_dispatches, .noun = "dispatch"),
	OPTION(NUMBERS, struct request, plan.axes.threads, "threads", 't', "LIST",
		"threads of a cell [1, N, the powers of two between and 2N]", 1,
		ENGINE_THREADS_MAX),
	OPTION(NUMBERS, struct request, plan.axes.bursts, "burst", 'b', "LIST",
		"objects a bulk call [8,32,128]", 1, POOL_BULK_MAX),
	OPTION(NUMBERS, struct request, plan.axes.depths, "depth", 'd', "LIST",
		"filter drivers on a stack [1,4,8]", 1, ENGINE_DEPTH_MAX),
	OPTION(NUMBERS, struct request, plan.axes.sizes, "size", 's', "LIST",
		"bytes an object [256, or what the workload needs]", POOL_OBJECT_BYTES_MIN,
		POOL_OBJECT_BYTES_MAX),
	OPTION(NUMBERS, struct request, plan.axes.aligns, "align", 'a', "LIST",
		"bytes an object is aligned to [64 in a pool, malloc's own in a malloc]",
		POOL_OBJECT_ALIGN_MIN, POOL_OBJECT_ALIGN_MAX, .power_of_two = true),
	OPTION(NAMES, struct request, plan.axes.pages, "pages", 0, "A,B",
		"pages under a pool's objects: ordinary, transparent (huge where the kernel finds "
		"room), growing (ordinary for the first 2 MiB, then transparent: the installed "
		"library's), "
		"huge (reserved by vm.nr_hugepages) [ordinary]",
		.known = names_pages, .noun = "kind of pages"),
	OPTION(NAMES, struct request, plan.axes.placements, "placement", 0, "A,B",
		"where threads run: cores (one a core, then the SMT siblings), compact, spread "
		"(over sockets), or threads of a sibling, under one cache, under other-cache, on "
		"another "
		"node [cores]",
		.known = names_placements, .noun = "placement"),
	OPTION(COUNT, struct request, plan.forks, "forks", 0, "N", "sets of worker processes [10]",
		1, PLAN_FORKS_MAX),
	OPTION(COUNT, struct request, plan.blocks, "blocks", 0, "N",
		"blocks a fork, in each of which every subject has one slice [20]", 1,
		PLAN_BLOCKS_MAX),
	OPTION(REAL, struct request, plan.until, "until", 0, "PERCENT",
		"a cell takes no more forks, after six, once each row's ratio to the best is known "
		"to so many per cent, as half the width of its 95 % interval; --forks is the most "
		"[all forks]",
		.real_least = 0.1, .real_most = 1000),
	OPTION(REAL, struct request, plan.slice_ms, "slice-ms", 0, "MS",
		"length of a slice in milliseconds, ten times that where threads outnumber CPUs "
		"[2]",
		.real_least = SLICE_MS_LEAST, .real_most = 1000),
	OPTION(COUNT, struct request, plan.within_s, "within", 0, "SECONDS",
		"slices of 1 to 5 ms, as long as fits so that all blocks take so long; --slice-ms "
		"goes before it",
		1, REQUEST_WITHIN_S_MAX),
	OPTION(FLAG, struct request, plan.no_variants, "no-variants", 0, NULL,
		"leave out strategies that are another one's code but for a detail, as the "
		"job " QUICK " does; --pool names them all the same"),
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
		"number of CPUs, as in 1,N/2,N-1,2N.\n"
		"A job's file is an INI file: options are its keys, without dashes, and a flag's "
		"value is yes or no.\n"
		"What stands above the first heading or under [global] holds for all cells; each "
		"further section adds cells.",
	.closing = "Exit status: 0 done; 1 failure, or a strategy crashed, hung or lost an object; "
		   "2 usage;\n3 nothing was measured, because of --gate fail; 130 interrupted "
		   "(what was measured is kept). One Ctrl-C finishes the "
		   "slice, two stop at once.",
	.count = array_count(entries),
	.entry = entries,
};

const struct options_entry *request_option(size_t i)
{
	return i < array_count(entries) ? &entries[i] : NULL;
}

/* A mistake in a line of the job, or, with line 0, in nothing that has one. */
__attribute__((format(printf, 3, 4))) static void refuse(
	struct request *request, unsigned line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nblbench %s: ", options.command);
	if (line > 0)
		fprintf(stderr, "%s:%u: ", request->job_path, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	request->wrong = true;
}

/* Whether an option is an axis of cells, which each section may have for itself. */
static bool is_axis(const struct options_entry *entry)
{
	const size_t first = offsetof(struct request, plan.axes);

	return entry->offset >= first && entry->offset < first + sizeof(struct plan_axes);
}

/* Whether the key stood in the section before: the second one would win in silence. */
static bool is_repeated(const struct job *job, const struct job_entry *entry)
{
	for (const struct job_entry *other = job->entry; other != entry; other++) {
		if (other->section == entry->section && other->key != NULL &&
			strcmp(other->key, entry->key) == 0)
			return true;
	}
	return false;
}

/* Reads the job's keys of one section. Mistakes are told, and noted in the request. */
static void take_section(struct request *request, size_t section, struct request *into)
{
	const struct job *job = &request->job;

	for (size_t i = 0; i < job->entry_count; i++) {
		const struct job_entry *entry = &job->entry[i];
		char place[PLAN_PLACE_BYTES];

		if (entry->section != section)
			continue;
		if (entry->key == NULL) {
			refuse(request, entry->line, "%s", entry->value);
			continue;
		}
		snprintf(place, sizeof(place), "%.*s:%u: ", PLAN_PLACE_BYTES - 16,
			request->job_path, entry->line);

		const struct options_entry *option = options_key(&options, place, entry->key);

		if (option == NULL)
			request->wrong = true;
		else if (option->offset == offsetof(struct request, quick) ||
			 option->offset == offsetof(struct request, job_path))
			refuse(request, entry->line,
				"'%s' picks a job, which is for the command line", entry->key);
		else if (section != 0 && !is_axis(option))
			refuse(request, entry->line,
				"'%s' holds for the whole sweep: it stands under [global]",
				entry->key);
		else if (option->kind != OPTIONS_TEXTS && is_repeated(job, entry))
			refuse(request, entry->line, "'%s' stands in this section before",
				entry->key);
		else if (!options_take(&options, place, option, entry->value, into))
			request->wrong = true;
	}
}

/* The axes that the command line names hold in a section too. Each is a list, which its count begins. */
static void override_axes(struct request *own, const struct request *line)
{
	static_assert(offsetof(struct options_names, count) == 0 &&
			      offsetof(struct options_numbers, count) == 0,
		"a list begins with its count");
	for (size_t i = 0; i < array_count(entries); i++) {
		const struct options_entry *entry = &entries[i];
		const void *list = (const char *)line + entry->offset;
		const size_t bytes = entry->kind == OPTIONS_NAMES ? sizeof(struct options_names)
								  : sizeof(struct options_numbers);

		if (is_axis(entry) && *(const size_t *)list > 0)
			memcpy((char *)own + entry->offset, list, bytes);
	}
}

/* The sections' groups of cells, over [global] and the command line, which the request holds. */
static void make_groups(struct request *request, const struct request *line)
{
	const struct job *job = &request->job;
	struct request *own = need(1, sizeof(*own));

	request->groups = need(job->section_count, sizeof(*request->groups));
	for (size_t i = 0; i < job->section_count; i++) {
		struct plan_group *group = &request->groups[i];

		own->plan.axes = request->plan.axes;
		take_section(request, i + 1, own);
		override_axes(own, line);
		group->axes = own->plan.axes;
		snprintf(group->place, sizeof(group->place), "%.*s:%u: ", PLAN_PLACE_BYTES - 16,
			request->job_path, job->section[i]);
	}
	free(own);
	if (line->plan.axes.workloads.count > 0)
		return;
	request->plan.groups = request->groups;
	request->plan.group_count = job->section_count;
}

/* Whether the job was read: else a sentence said why not, or none was asked for. */
static bool read_job(struct request *request)
{
	char why[JOB_WHY_BYTES];

	if (request->quick && request->job_path != NULL) {
		refuse(request, 0, "--" QUICK " is a job, and --job picks another: leave one out");
		return false;
	}
	if (request->quick)
		request->job_path = QUICK;
	if (request->job_path == NULL)
		return false;
	if (job_read(request->job_path, &request->job, why) == 0)
		return true;
	refuse(request, 0, "%s", why);
	return false;
}

bool request_parse(int argc, char **argv, struct request *request, int *status)
{
	struct request *line = need(1, sizeof(*line));
	int operand;

	*line = *request;

	const bool good = options_parse(&options, argc, argv, line, &operand, status);
	const bool helped = !good && *status == COMMAND_OK;

	request->wrong = !good && !helped;
	request->custom =
		!plan_is_default(&line->plan) || line->against != NULL || line->peers.count > 0;
	request->quick = line->quick;
	request->job_path = line->job_path;
	if (!helped && read_job(request)) {
		request->plan.lenient = request->job.own && line->plan.axes.threads.count == 0 &&
					line->plan.axes.pages.count == 0;
		take_section(request, 0, request);
		/* Read again, over the job. Its mistakes are told already, and places looked at. */
		if (good) {
			options_parse(&options, argc, argv, request, &operand, status);
		} else {
			request->out = line->out;
			request->store = line->store;
		}
		make_groups(request, line);
	} else {
		line->wrong = request->wrong;
		line->custom = request->custom;
		*request = *line;
	}
	free(line);
	request->gate_fails = request->gate.count > 0 && strcmp(request->gate.item[0], "fail") == 0;
	if (request->gate.count > 1)
		refuse(request, 0, "--gate takes one word, warn or fail");
	if (request->wrong)
		*status = COMMAND_USAGE;
	return !helped;
}

void request_drop(struct request *request)
{
	job_drop(&request->job);
	free(request->groups);
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
	const char *folder = request->job_path != NULL ? strrchr(request->job_path, '/') : NULL;
	const struct {
		const char *value, *name;
	} paths[] = {
		{request->out, "DIR"},
		{request->store, "FILE"},
		{request->against, "TREE"},
		{request->job_path, folder != NULL ? folder + 1 : request->job_path},
	};

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
	} else if (!request->custom) {
		length = snprintf(out, PATH_MAX, REQUEST_USUAL_DIRECTORY "/%s",
			request->job_path != NULL ? request->job.name : "full");
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
