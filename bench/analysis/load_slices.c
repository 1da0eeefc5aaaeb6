/*
 * An analysis, first part too: the slices of a cell, with what its threads did and the memory it
 * took.
 */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double ns_a_second = 1e9;

enum { SQL_BYTES = 512 };

void analysis_raw_free(struct analysis_raw *raw)
{
	free(raw->start);
	free(raw->log_ns);
	free(raw->flagged);
	free(raw->other);
	free(raw->jain);
	free(raw->slowest);
	free(raw->calibration);
}

static void raw_alloc(struct analysis_raw *raw, size_t blocks, size_t forks, size_t subjects)
{
	const size_t values = subjects * blocks;

	raw->subjects = subjects;
	raw->blocks = blocks;
	raw->forks = forks;
	raw->start = need(forks + 1, sizeof(*raw->start));
	raw->log_ns = need(values, sizeof(*raw->log_ns));
	raw->flagged = need(values, sizeof(*raw->flagged));
	raw->other = need(blocks, sizeof(*raw->other));
	raw->jain = need(values, sizeof(*raw->jain));
	raw->slowest = need(values, sizeof(*raw->slowest));
	raw->calibration = need(blocks, sizeof(*raw->calibration));
	for (size_t i = 0; i < values; i++)
		raw->log_ns[i] = raw->jain[i] = raw->slowest[i] = NAN;
}

/* log(ns a unit) of a slice. units_per_s is the sum over lanes, each by its own window. */
static double slice_log_ns(const struct analysis_cell *cell, double units_per_s)
{
	return units_per_s > 0 ? log(ns_a_second * cell->lanes / units_per_s) : NAN;
}

/* block_at, fork_at: the numbers of a row's block and fork among those of the cell, from 1 on. */
enum slice_column {
	COLUMN_BLOCK_AT,
	COLUMN_FORK_AT,
	COLUMN_CALIBRATION,
	COLUMN_SUBJECT,
	COLUMN_RATE,
	COLUMN_UNITS,
	COLUMN_FAILED,
	COLUMN_JAIN,
	COLUMN_SLOWEST,
	COLUMN_FLAGS,
	COLUMN_BLOCK,
	COLUMN_PATHS, /* from LATENCY_FLUSH on */
};

static const char slice_sql[] =
	"SELECT dense_rank() OVER (ORDER BY b.fork, b.block, b.block_id) AS block_at,"
	" dense_rank() OVER (ORDER BY b.fork), b.calibration_ns, s.subject_id, s.units_per_s, "
	"s.units,"
	" s.failed, s.jain, s.slowest_share, s.flags, b.block_id, s.flush, s.refill, s.steal, "
	"s.grow, %s, s.empty"
	" FROM block b JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ? AND b.fork < ? "
	"ORDER BY "
	"block_at";

static void take_slice(struct analysis *a, size_t cell_at, size_t subject, size_t block,
	sqlite3_stmt *s, struct analysis_raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
	const size_t at = subject * raw->blocks + block;

	raw->log_ns[at] = slice_log_ns(cell, sqlite3_column_double(s, COLUMN_RATE));
	raw->flagged[at] = sqlite3_column_bytes(s, COLUMN_FLAGS) > 0;
	raw->jain[at] = sqlite3_column_double(s, COLUMN_JAIN);
	raw->slowest[at] = sqlite3_column_double(s, COLUMN_SLOWEST);
	result->slices++;
	result->flagged += raw->flagged[at];
	result->others += raw->other[block];
	result->units += source_count(s, COLUMN_UNITS);
	result->failed += source_count(s, COLUMN_FAILED);
	/* Sums here; divided by the units when all slices are in. */
	for (int path = LATENCY_FLUSH; path < LATENCY_CLASSES; path++)
		result->taken[path] +=
			sqlite3_column_double(s, COLUMN_PATHS + path - LATENCY_FLUSH);
	cell->slices++;
	cell->flagged += raw->flagged[at];
}

static void read_slices(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;
	struct analysis_cell *cell = &a->cells[cell_at];
	char sql[SQL_BYTES];
	sqlite3_stmt *s = source_ask_cell(r, cell_at,
		"SELECT count(DISTINCT b.block_id), count(DISTINCT b.fork) FROM block b"
		" JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ? AND b.fork < ?");

	sqlite3_bind_int64(s, 2, r->forks);
	while (source_next(r, s)) {
		cell->blocks = (size_t)source_count(s, 0);
		cell->forks = (size_t)source_count(s, 1);
	}
	raw_alloc(raw, cell->blocks, cell->forks, a->subject_count);
	snprintf(sql, sizeof(sql), slice_sql, r->schema >= SCHEMA_WITH_LATENCY ? "s.wait" : "0");
	s = source_ask_cell(r, cell_at, sql);
	sqlite3_bind_int64(s, 2, r->forks);
	while (source_next(r, s)) {
		const size_t block = (size_t)source_count(s, COLUMN_BLOCK_AT) - 1;
		const size_t fork = (size_t)source_count(s, COLUMN_FORK_AT) - 1;
		const size_t subject = source_subject(a, sqlite3_column_int64(s, COLUMN_SUBJECT));

		if (block >= cell->blocks || fork >= cell->forks) {
			analysis_refuse_excess(r);
			continue;
		}
		raw->start[fork + 1] = block + 1; /* at last that of the next fork */
		raw->calibration[block] = sqlite3_column_double(s, COLUMN_CALIBRATION);
		raw->other[block] =
			analysis_was_other(a, sqlite3_column_int64(s, COLUMN_BLOCK), cell->threads);
		if (subject < a->subject_count)
			take_slice(a, cell_at, subject, block, s, raw);
	}
}

/*
 * A row leaves the blocks in which the machine was another, where enough are left: no estimate is over two
 * machines in one.
 */
static void leave_others(struct analysis *a, size_t cell_at, struct analysis_raw *raw)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &a->results[cell_at * a->subject_count + i];

		result->mixed = result->others > 0 &&
				!analysis_enough(result->slices - result->others, result->slices);
		for (size_t b = 0; b < raw->blocks && !result->mixed; b++) {
			if (raw->other[b])
				raw->log_ns[i * raw->blocks + b] = raw->jain[i * raw->blocks + b] =
					raw->slowest[i * raw->blocks + b] = NAN;
		}
	}
}

static void read_threads(struct analysis_source *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_ask_cell(r, cell_at,
		"SELECT t.subject_id, sum(t.cpu_ns), sum(t.window_ns), sum(t.nivcsw),"
		" sum(t.minflt) FROM thread t JOIN block b ON b.block_id = t.block_id"
		" WHERE b.cell_id = ? GROUP BY t.subject_id");

	while (source_next(r, s)) {
		const size_t subject = source_subject(a, sqlite3_column_int64(s, 0));

		if (subject == a->subject_count)
			continue;

		struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
		const double window = sqlite3_column_double(s, 2);

		result->cpu_share = window > 0 ? sqlite3_column_double(s, 1) / window : NAN;
		result->involuntary = source_count(s, 3);
		result->faults = source_count(s, 4);
	}
}

static void read_counted(struct analysis_source *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_ask_cell(r, cell_at,
		"SELECT subject_id, 1.0 * sum(c.cycles) / sum(s.units), 1.0 * sum(c.instructions) /"
		" sum(s.units), 1.0 * sum(c.cache_misses) / sum(s.units) FROM counted c"
		" JOIN slice s USING (block_id, subject_id) JOIN block USING (block_id)"
		" WHERE cell_id = ? GROUP BY subject_id");

	while (source_next(r, s)) {
		const size_t subject = source_subject(a, sqlite3_column_int64(s, 0));

		if (subject == a->subject_count)
			continue;
		for (int i = 0; i < COUNTERS; i++)
			a->results[cell_at * a->subject_count + subject].counted[i] =
				source_real(s, 1 + i);
		a->has_counted = true;
	}
}

static void read_scarcity(struct analysis_source *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_ask_cell(r, cell_at,
		"SELECT subject_id, 1.0 * sum(c.none) / (sum(c.none) + sum(s.units)),"
		" 1.0 * sum(c.worst) / sum(c.none), 1.0 * sum(c.none) / sum(c.spells),"
		" 1.0 * sum(c.stranded) / sum(c.none) / m.capacity,"
		" 1.0 * max(c.stranded_most) / m.capacity"
		" FROM scarcity c JOIN slice s USING (block_id, subject_id) JOIN block USING "
		"(block_id) LEFT JOIN (SELECT cell_id, max(capacity) AS capacity FROM memory GROUP "
		"BY cell_id) m USING (cell_id) WHERE cell_id = ? GROUP BY subject_id");

	while (source_next(r, s)) {
		const size_t subject = source_subject(a, sqlite3_column_int64(s, 0));

		if (subject < a->subject_count)
			a->results[cell_at * a->subject_count + subject].scarcity =
				(struct analysis_scarcity){source_real(s, 1), source_real(s, 2),
					source_real(s, 3), source_real(s, 4), source_real(s, 5)};
	}
}

/* What a row of memory has; figures from MEMORY_FIGURE on. */
#define MEMORY_COLUMNS "drained, expected, count(*) OVER (), fork, rss_peak, rss_open"
#define FROM_MEMORY    " FROM memory WHERE cell_id = ? AND subject_id = ? ORDER BY fork"

enum { MEMORY_FORK = 3, MEMORY_FIGURE = 4, MEMORY_FIGURES = 5, MEMORY_OBJECT = 2 };

/* Medians over forks; a shortfall of objects is a failure, whatever the figures say. */
static void read_memory(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	struct analysis *a = r->analysis;
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject_at];
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		a->has_held ? "SELECT " MEMORY_COLUMNS ", 1.0 * held_peak / objects,"
			      " 1.0 * held_settled / objects, rss_settled" FROM_MEMORY
			    : "SELECT " MEMORY_COLUMNS
			      ", 1.0 * pool_bytes / capacity, NULL, NULL" FROM_MEMORY);
	const size_t cell_forks = a->raws[cell_at].forks;
	double *object_bytes_of = analysis_keep(a, cell_forks, sizeof(*object_bytes_of));
	AUTO_FREE double *values = NULL;
	size_t n = 0, forks = 0;

	for (size_t f = 0; f < cell_forks; f++)
		object_bytes_of[f] = NAN;
	while (source_next(r, s)) {
		const int64_t fork = sqlite3_column_int64(s, MEMORY_FORK);
		const int64_t drained = sqlite3_column_int64(s, 0);
		const int64_t expected = sqlite3_column_int64(s, 1);

		if (values == NULL) {
			forks = (size_t)source_count(s, 2);
			values = need(MEMORY_FIGURES * forks, sizeof(*values));
		}
		for (size_t i = 0; i < MEMORY_FIGURES; i++)
			values[i * forks + n] = source_real(s, MEMORY_FIGURE + (int)i);
		if (fork >= 0 && (uint64_t)fork < cell_forks)
			object_bytes_of[fork] = values[MEMORY_OBJECT * forks + n];
		n++;
		if (a->subjects[subject_at].is_pool && expected > 0 && drained != expected &&
			(result->state == ANALYSIS_ABSENT || result->state == ANALYSIS_MEASURED)) {
			char sentence[ANALYSIS_SENTENCE_BYTES];

			snprintf(sentence, sizeof(sentence),
				"%" PRId64 " objects were accounted for at the end, and there "
				"should have been %" PRId64 ".",
				drained, expected);
			result->state = ANALYSIS_LOST;
			result->reason = analysis_keep_text(a, sentence);
		}
	}
	if (n > 0) {
		result->memory = (struct analysis_memory){
			.known = true,
			.rss_peak = stats_median(values, n),
			.rss_open = stats_median(values + forks, n),
			.object_bytes = stats_median(values + MEMORY_OBJECT * forks, n),
			.object_bytes_of = object_bytes_of,
			.settled_object_bytes = stats_median(values + 3 * forks, n),
			.rss_settled = stats_median(values + 4 * forks, n),
		};
	}
}

int analysis_read_cell(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;

	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &a->results[cell_at * a->subject_count + i];

		result->cpu_share = NAN;
		result->scarcity = (struct analysis_scarcity){NAN, NAN, NAN, NAN, NAN};
		for (int c = 0; c < COUNTERS; c++)
			result->counted[c] = NAN;
	}
	read_slices(r, cell_at, raw);
	leave_others(a, cell_at, raw);
	if (!r->failed)
		read_threads(r, cell_at);
	if (!r->failed && r->schema >= SCHEMA_WITH_COUNTED)
		read_counted(r, cell_at);
	if (!r->failed && r->schema >= SCHEMA_WITH_SCARCITY)
		read_scarcity(r, cell_at);
	for (size_t i = 0; !r->failed && i < a->subject_count; i++)
		read_memory(r, cell_at, i);
	return source_result(r);
}
