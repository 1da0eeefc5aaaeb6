/*
 * `nblbench report`: stores in, documents out; and what a sweep calls at its end. Each store becomes
 * documents of its own: figures of two machines are never pooled.
 */
#include "bench/report/report.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/trust.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/figure.h"
#include "bench/report/file.h"
#include "bench/report/history.h"
#include "bench/report/name.h"
#include "bench/report/table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct format {
	const char *name, *part, *suffix; /* report.md; report-load.csv has a part */
	void (*write)(const struct analysis *analysis, FILE *out);
	/* In place of write: a document a row that has latency, and one each part of a hand-over. */
	void (*write_row)(const struct analysis *analysis, size_t cell, size_t subject, size_t part,
		FILE *out);
	bool parts;
	enum figure_medium figures; /* in place of either: a document each figure of the page */
};

static const struct format formats[] = {
	{"html", "", "html", .write = report_html},
	{"md", "", "md", .write = report_markdown},
	{"csv", "", "csv", .write = report_csv},
	{"json", "", "json", .write = report_json},
	{"gbench", "", "gbench.json", .write = report_gbench},
	{"bmf", "", "bmf.json", .write = report_bmf},
	{"junit", "", "junit.xml", .write = report_junit},
	{"hdr", "", "hgrm", .write_row = report_hdr, .parts = true},
	{"speedscope", "", "speedscope.json", .write_row = report_speedscope},
	{"pdf", "", "pdf", .figures = FIGURE_PDF},
	{"png", "", "png", .figures = FIGURE_PNG},
	/* Behind all that have a name of their own. */
	{"csv", "-load", "csv", .write = report_csv_loads},
};

enum {
	FORMATS = sizeof(formats) / sizeof(formats[0]),
	FORMATS_NAMED = FORMATS - 1,
	STORES_MAX = 64
};

/* What a sweep's documents are called. */
static const char report_name[] = "report";

static const char *known_format(size_t i)
{
	return i < FORMATS_NAMED ? formats[i].name : NULL;
}

/* Whether the store has what the document would be of. */
static bool applies(const struct format *format, const struct analysis *analysis)
{
	return format->write != report_csv_loads || analysis->has_responses;
}

int report_make_directory(const char *path, char *why, size_t why_bytes)
{
	struct stat status;
	int error = 0;

	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		error = errno;
	else if (stat(path, &status) != 0)
		error = errno;
	else if (!S_ISDIR(status.st_mode))
		error = ENOTDIR;
	if (error == 0)
		return 0;
	snprintf(why, why_bytes,
		"The directory '%s' can't be made or used: %s. Name one in which you may write "
		"with --out.",
		path, error == ENOENT ? "the directory above it doesn't exist" : strerror(error));
	return -1;
}

/* A document: of a store, or of one row, for a format that has a document for each. */
struct document {
	const struct format *format;
	const struct analysis *analysis;
	size_t cell, subject, part; /* part: as of report_hdr */
};

static void print_document(const void *context, FILE *out)
{
	const struct document *d = context;

	if (d->format->write != NULL)
		d->format->write(d->analysis, out);
	else
		d->format->write_row(d->analysis, d->cell, d->subject, d->part, out);
}

/* How documents are named. */
enum naming {
	NAMING_REPORT, /* report.html: a sweep's, whose folder has the name */
	NAMING_STORE,  /* sweep.html */
	NAMING_SOURCE, /* sweep-v0.1-amd-epyc-2026-01-31.html */
};

/* What is to be written of each store, and what has been named. */
struct batch {
	const char *directory;
	enum naming naming;
	bool wanted[FORMATS];
	bool tell;         /* print each path */
	const char *trust; /* the file; NULL: the one beside the store, if there is one */
	size_t count;
	char stem[STORES_MAX][NAME_BYTES];
};

/* The name of a store's documents, without the end that a format adds. */
static void set_stem(char stem[NAME_BYTES], enum naming naming, const struct analysis *a)
{
	if (naming == NAMING_REPORT)
		snprintf(stem, NAME_BYTES, "%s", report_name);
	else
		name_of_store(a->store, stem);
	if (naming == NAMING_SOURCE)
		name_append_source(stem, a);
}

/* The file for a format. */
static int document_path(
	char *path, const char *directory, const char *stem, const struct format *format)
{
	return (size_t)snprintf(path, PATH_MAX, "%s/%s%s.%s", directory, stem, format->part,
		       format->suffix) < PATH_MAX
		       ? 0
		       : -1;
}

/* Whether some document of one store would have the name of one of the other's. */
static bool share_a_name(const char *stem, const char *other)
{
	char mine[PATH_MAX], theirs[PATH_MAX];

	for (size_t i = 0; i < FORMATS * FORMATS; i++) {
		if (document_path(mine, "", stem, &formats[i / FORMATS]) == 0 &&
			document_path(theirs, "", other, &formats[i % FORMATS]) == 0 &&
			strcmp(mine, theirs) == 0)
			return true;
	}
	return false;
}

/* Names a store's documents as no other's in the batch. 0, or -1 after why. */
static int take_stem(struct batch *batch, const struct analysis *a, char *why, size_t why_bytes)
{
	char *stem = batch->stem[batch->count];

	set_stem(stem, batch->naming, a);
	for (size_t i = 0; i < batch->count; i++) {
		if (!share_a_name(batch->stem[i], stem))
			continue;
		snprintf(why, why_bytes,
			"Documents of '%.200s' would have the names of another store's: report it "
			"by "
			"itself, into a directory of its own.",
			a->store);
		return -1;
	}
	batch->count++;
	return 0;
}

/* report-pair-2-threads-mag_tls.hgrm, by the path of the document that there would be of all. */
static int write_part(const struct analysis *a, const struct format *format, size_t cell,
	size_t subject, size_t part, const char *all, bool tell)
{
	const int stem = (int)(strlen(all) - strlen(format->suffix) - 1);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s-", stem, all);
	name_append(path, sizeof(path), a->cells[cell].label);
	strncat(path, "-", sizeof(path) - strlen(path) - 1);
	name_append(path, sizeof(path), a->subjects[subject].label);

	const size_t used = strlen(path);
	const bool whole = part == ANALYSIS_HAND_OVER;

	if ((size_t)snprintf(path + used, sizeof(path) - used, "%s%s.%s", whole ? "" : "-",
		    whole ? "" : analysis_hand_over_name(part),
		    format->suffix) >= sizeof(path) - used) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const struct document document = {format, a, cell, subject, part};

	if (file_write(path, print_document, &document) != 0)
		return -1;
	if (tell)
		printf("%s\n", path);
	return 0;
}

static int write_rows(
	const struct analysis *a, const struct format *format, const char *all, bool tell)
{
	for (size_t i = 0; i < a->cell_count * a->subject_count; i++) {
		const size_t cell = i / a->subject_count, subject = i % a->subject_count;
		const struct analysis_latency *l = analysis_latency(a, cell, subject);

		if (l == NULL)
			continue;
		for (size_t part = 0; format->parts && part < l->hand_over_count; part++) {
			if (write_part(a, format, cell, subject, part, all, tell) != 0)
				return -1;
		}
		if (write_part(a, format, cell, subject, ANALYSIS_HAND_OVER, all, tell) != 0)
			return -1;
	}
	return 0;
}

/* A store's document of one format, or those of its rows. 0, or -1 after why. */
static int write_format(const struct batch *batch, const struct format *format,
	const struct analysis *analysis, const char *stem, char *why, size_t why_bytes)
{
	const struct document document = {.format = format, .analysis = analysis};
	char path[PATH_MAX];
	int error = -1;

	if (format->figures != FIGURE_IN_PAGE)
		return figure_files(analysis, format->figures, batch->directory, stem, batch->tell,
			why, why_bytes);
	if (format->write_row != NULL && !analysis->has_latency) {
		snprintf(why, why_bytes, "'%s' has no latency for %s: its sweep timed no calls.",
			analysis->store, format->name);
		return -1;
	}
	if (document_path(path, batch->directory, stem, format) != 0)
		errno = ENAMETOOLONG;
	else if (format->write_row != NULL)
		error = write_rows(analysis, format, path, batch->tell);
	else
		error = file_write(path, print_document, &document);
	if (error != 0)
		snprintf(why, why_bytes, "'%s/%s.%s' can't be written: %s.", batch->directory, stem,
			format->suffix, strerror(errno));
	else if (batch->tell && format->write_row == NULL)
		printf("%s\n", path);
	return error;
}

/* Reads what stress found. 0 and *trust, NULL without any; or -1 after why. */
static int read_trust(const struct batch *batch, const char *store, struct trust **trust, char *why,
	size_t why_bytes)
{
	const char *slash = strrchr(store, '/');
	const int folder = slash == NULL ? 0 : (int)(slash - store) + 1;
	char beside[PATH_MAX];

	*trust = NULL;
	snprintf(beside, sizeof(beside), "%.*strust.json", folder, store);
	if (batch->trust == NULL && access(beside, F_OK) != 0)
		return 0;
	*trust = trust_read(batch->trust == NULL ? beside : batch->trust, why, why_bytes);
	return *trust == NULL ? -1 : 0;
}

static int write_formats(struct batch *batch, const char *store, const char *machine,
	const char *baseline, char *why, size_t why_bytes)
{
	struct analysis *analysis;
	struct trust *trust;
	int error;

	if (analysis_read_machine(store, machine, baseline, &analysis, why, why_bytes) != 0)
		return -1;
	if (read_trust(batch, store, &trust, why, why_bytes) != 0) {
		analysis_free(analysis);
		return -1;
	}
	analysis->trust = trust;
	error = report_make_directory(batch->directory, why, why_bytes);
	if (error == 0)
		error = take_stem(batch, analysis, why, why_bytes);
	for (size_t i = 0; i < FORMATS && error == 0; i++) {
		if (batch->wanted[i] && applies(&formats[i], analysis))
			error = write_format(batch, &formats[i], analysis,
				batch->stem[batch->count - 1], why, why_bytes);
	}
	analysis_free(analysis);
	trust_free(trust);
	return error;
}

/* Those that a sweep writes, and the command unless asked for others. */
static bool is_usual(const struct format *format)
{
	return format->write == report_html || format->write == report_markdown;
}

int report_check(const char *directory, char *why, size_t why_bytes)
{
	for (size_t i = 0; i < FORMATS; i++) {
		char path[PATH_MAX], temporary[PATH_MAX + 8];
		struct stat status;

		if (!is_usual(&formats[i]))
			continue;
		errno = ENAMETOOLONG;
		if (document_path(path, directory, report_name, &formats[i]) == 0) {
			snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
			const int fd = mkstemp(temporary);

			if (fd >= 0) {
				close(fd);
				unlink(temporary);
				if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
					continue;
				errno = EISDIR;
			}
		}
		snprintf(why, why_bytes,
			"'%s/report.%s' can't be written: %s. Name another directory with --out.",
			directory, formats[i].suffix, strerror(errno));
		return -1;
	}
	return 0;
}

int report_write(const char *store_path, const char *directory, char *why, size_t why_bytes)
{
	struct batch batch = {.directory = directory, .naming = NAMING_REPORT};

	for (size_t i = 0; i < FORMATS; i++)
		batch.wanted[i] = is_usual(&formats[i]);
	return write_formats(&batch, store_path, NULL, NULL, why, why_bytes);
}

static unsigned width_of(FILE *out)
{
	struct winsize size;

	if (isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return TABLE_WIDTH;
}

int report_print_table(const char *store_path, FILE *out, bool colour)
{
	struct analysis *analysis;
	char why[REPORT_WHY_BYTES];

	if (analysis_read(store_path, NULL, &analysis, why, sizeof(why)) != 0) {
		fprintf(stderr, "nblbench: %s\n", why);
		return -1;
	}

	table_print(analysis, out, width_of(out), colour);
	analysis_free(analysis);
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	fprintf(stderr, "nblbench: The table can't be printed: %s.\n", strerror(EIO));
	return -1;
}

struct report_request {
	struct options_names format;
	const char *directory;
	const char *baseline;
	const char *machine;
	const char *trust;
	bool history, plain;
};

static const struct options_entry entries[] = {
	OPTION(NAMES, struct report_request, format, "format", 'f', "A,B",
		"what to write, with commas: html, md, csv (one row a cell and strategy; beside "
		"it, of a sweep with --load, ...-load.csv: one row a cell, strategy and load), "
		"json (all of it; bench/report/results.schema.json describes it), gbench (Google "
		"Benchmark's JSON), bmf (Bencher's), junit (for CI: a case a row, which fails "
		"where it crashed, hung, lost an object or failed); a file a row, hdr "
		"(HdrHistogram's percentiles), speedscope (where the nanoseconds of a unit go); a "
		"file a figure of the page, pdf, png. "
		"[html,md]",
		.known = known_format, .noun = "format"),
	OPTION(TEXT, struct report_request, directory, "out", 'o', "DIR",
		"the directory for the documents; it is made in one that exists if it is missing."),
	OPTION(TEXT, struct report_request, baseline, "baseline", 'b', "LABEL",
		"the strategy that all are also compared with. [malloc, else mutex]"),
	OPTION(TEXT, struct report_request, machine, "machine", 'm', "HASH",
		"of a store that was merged of several machines, the one to show, by the "
		"beginning of its hash. [names them]"),
	OPTION(TEXT, struct report_request, trust, "trust", 0, "FILE",
		"what stress --json FILE wrote: shown beside the strategies. [trust.json beside "
		"the "
		"store, if it is there]"),
	OPTION(FLAG, struct report_request, plain, "plain", 0, NULL,
		"names without revision, processor and date: STORE.html"),
	OPTION(FLAG, struct report_request, history, "history", 0, NULL,
		"one document of all stores instead: each row over time, by the dates of the "
		"sweeps, with its steps that are significant; html or md. Machines are kept apart"),
};

static const struct options options = {
	.command = "report",
	.operands = "STORE...",
	.operands_least = 1,
	.operands_most = STORES_MAX,
	.summary = "Writes reports from result stores, and prints the paths of what it wrote. Each "
		   "store "
		   "becomes documents of its own, which bear its name, the revision that was "
		   "measured, "
		   "the processor and the day: STORE-REVISION-CPU-DATE.html.",
	.closing = "Exit status: 0 done, 1 a store can't be read or a document can't be written, 2 "
		   "usage.",
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

/* The i-th of the formats that a history has. */
static const struct history_format {
	const char *name;
	file_print *print;
} history_formats[] = {{"html", history_html}, {"md", history_markdown}};

enum { HISTORY_FORMATS = sizeof(history_formats) / sizeof(history_formats[0]) };

/* The formats of a history that are asked for, or a sentence. */
static bool wants_history(const struct report_request *request, bool *wanted)
{
	if (request->baseline != NULL || request->trust != NULL) {
		fprintf(stderr, "nblbench report: --history has no use for --%s: leave it out\n",
			request->baseline != NULL ? "baseline" : "trust");
		return false;
	}
	for (size_t i = 0; i < HISTORY_FORMATS; i++)
		wanted[i] = request->format.count == 0;
	for (size_t k = 0; k < request->format.count; k++) {
		size_t i = 0;

		while (i < HISTORY_FORMATS &&
			strcmp(request->format.item[k], history_formats[i].name) != 0)
			i++;
		if (i == HISTORY_FORMATS) {
			fprintf(stderr,
				"nblbench report: --history has the formats html and md, and not "
				"%s\n",
				request->format.item[k]);
			return false;
		}
		wanted[i] = true;
	}
	return true;
}

/* The stores' histories, a machine each, into documents. 0, or -1 after why. */
static int write_histories(const struct histories *all, const char *directory, bool plain,
	const bool *wanted, char *why, size_t why_bytes)
{
	char name[NAME_BYTES] = "history";
	const struct analysis *newest = NULL;
	size_t cells = 0;

	for (size_t m = 0; m < all->count; m++) {
		const struct history *h = &all->machine[m];
		const struct analysis *last = h->stores[h->store_count - 1];

		cells += h->cell_count;
		if (newest == NULL || analysis_began_ns(last) > analysis_began_ns(newest))
			newest = last;
	}
	if (cells == 0) {
		snprintf(why, why_bytes,
			"There is no history: no cell stands in two stores of one machine.");
		return -1;
	}
	if (report_make_directory(directory, why, why_bytes) != 0)
		return -1;
	if (!plain)
		name_append_source(name, newest);
	for (size_t i = 0; i < HISTORY_FORMATS; i++) {
		char path[PATH_MAX];

		if (!wanted[i])
			continue;
		errno = ENAMETOOLONG;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s.%s", directory, name,
			    history_formats[i].name) >= sizeof(path) ||
			file_write(path, history_formats[i].print, all) != 0) {
			snprintf(why, why_bytes, "'%s/%s.%s' can't be written: %s.", directory,
				name, history_formats[i].name, strerror(errno));
			return -1;
		}
		printf("%s\n", path);
	}
	return 0;
}

static int report_history(
	const struct report_request *request, char **store, size_t n, const bool *wanted)
{
	const struct analysis *read[STORES_MAX] = {NULL};
	struct history machine[STORES_MAX];
	struct histories all = {.machine = machine};
	char why[REPORT_WHY_BYTES];
	int error = 0;

	for (size_t i = 0; i < n && error == 0; i++) {
		struct analysis *one = NULL;

		error = analysis_read_machine(
			store[i], request->machine, NULL, &one, why, sizeof(why));
		read[i] = one;
	}
	for (size_t i = 0; i < n && error == 0; i++) {
		size_t first = 0;

		while (!analysis_same_machine(read[first], read[i]))
			first++;
		if (first == i)
			history_make(&machine[all.count++], read, n, i);
	}
	if (error == 0)
		error = write_histories(
			&all, request->directory, request->plain, wanted, why, sizeof(why));
	if (error != 0)
		fprintf(stderr, "nblbench report: %s\n", why);
	for (size_t m = 0; m < all.count; m++)
		history_free(&machine[m]);
	for (size_t i = 0; i < n; i++)
		analysis_free((struct analysis *)(uintptr_t)read[i]);
	return error == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static int run_report(int argc, char **argv)
{
	struct report_request request = {.directory = "."};
	struct batch batch = {.tell = true};
	char why[REPORT_WHY_BYTES];
	bool wanted[HISTORY_FORMATS] = {false};
	int operand, status = COMMAND_OK;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	status = COMMAND_OK;
	if (request.history)
		return wants_history(&request, wanted) ? report_history(&request, argv + operand,
								 (size_t)(argc - operand), wanted)
						       : COMMAND_USAGE;
	batch.directory = request.directory;
	batch.trust = request.trust;
	batch.naming = request.plain ? NAMING_STORE : NAMING_SOURCE;
	for (size_t i = 0; i < FORMATS; i++) {
		batch.wanted[i] = request.format.count == 0 && is_usual(&formats[i]);
		for (size_t k = 0; k < request.format.count; k++)
			batch.wanted[i] |= strcmp(request.format.item[k], formats[i].name) == 0;
	}
	for (int i = operand; i < argc; i++) {
		if (write_formats(&batch, argv[i], request.machine, request.baseline, why,
			    sizeof(why)) != 0) {
			fprintf(stderr, "nblbench report: %s\n", why);
			status = COMMAND_FAILED;
		}
	}
	return status;
}

const struct command command_report = {
	.name = "report",
	.summary = "write HTML, Markdown, CSV, JSON, JUnit XML and other formats from stores",
	.run = run_report,
};
