/*
 * An analysis, first part too: the slices of a cell, with what its threads did and the memory it
 * took.
 */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"

#include <errno.h>
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
	free(raw->jain);
	free(raw->slowest);
	free(raw->calibration);
}

static int raw_alloc(struct analysis_raw *raw, size_t blocks, size_t forks, size_t subjects)
{
	const size_t values = subjects * blocks + 1;

	raw->subjects = subjects;
	raw->blocks = blocks;
	raw->forks = forks;
	raw->start = calloc(forks + 1, sizeof(*raw->start));
	raw->log_ns = calloc(values, sizeof(*raw->log_ns));
	raw->flagged = calloc(values, sizeof(*raw->flagged));
	raw->jain = calloc(values, sizeof(*raw->jain));
	raw->slowest = calloc(values, sizeof(*raw->slowest));
	raw->calibration = calloc(blocks + 1, sizeof(*raw->calibration));
	if (!raw->start || !raw->log_ns || !raw->flagged || !raw->jain || !raw->slowest ||
		!raw->calibration)
		return -ENOMEM;
	for (size_t i = 0; i < values; i++)
		raw->log_ns[i] = raw->jain[i] = raw->slowest[i] = NAN;
	return 0;
}

/*
 * log(ns a unit) of a slice. units_per_s is the sum over lanes, each by its own window; lanes run
 * side by side, so a unit takes its lane as many times longer as there are lanes.
 */
static double slice_log_ns(const struct analysis_cell *cell, double units_per_s)
{
	if (!(units_per_s > 0) || cell->threads == 0 || cell->lane_threads == 0)
		return NAN;
	return log(ns_a_second * cell->threads / cell->lane_threads / units_per_s);
}

enum slice_column {
	COLUMN_BLOCK,
	COLUMN_FORK,
	COLUMN_CALIBRATION,
	COLUMN_SUBJECT,
	COLUMN_RATE,
	COLUMN_UNITS,
	COLUMN_FAILED,
	COLUMN_JAIN,
	COLUMN_SLOWEST,
	COLUMN_FLAGS,
	COLUMN_REFILL,
	COLUMN_FLUSH,
	COLUMN_GROW,
	COLUMN_STEAL,
	COLUMN_EMPTY,
	COLUMN_WAIT,
};

static const char slice_sql[] =
	"SELECT b.block_id, b.fork, b.calibration_ns, s.subject_id, s.units_per_s, s.units, "
	"s.failed,"
	" s.jain, s.slowest_share, s.flags, s.refill, s.flush, s.grow, s.steal, s.empty, %s"
	" FROM block b JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ?"
	" ORDER BY b.fork, b.block, b.block_id";

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
	result->units += source_count(s, COLUMN_UNITS);
	result->failed += source_count(s, COLUMN_FAILED);
	/* Sums here; divided by the units when all slices are in. */
	result->refill += sqlite3_column_double(s, COLUMN_REFILL);
	result->flush += sqlite3_column_double(s, COLUMN_FLUSH);
	result->grow += sqlite3_column_double(s, COLUMN_GROW);
	result->steal += sqlite3_column_double(s, COLUMN_STEAL);
	result->empty += sqlite3_column_double(s, COLUMN_EMPTY);
	result->wait += sqlite3_column_double(s, COLUMN_WAIT);
	cell->slices++;
	cell->flagged += raw->flagged[at];
}

static int read_slices(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_prepare(r,
		"SELECT count(DISTINCT b.block_id), count(DISTINCT b.fork) FROM block b"
		" JOIN slice s ON s.block_id = b.block_id WHERE b.cell_id = ?");

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);

	int row = source_row(r, s);
	const size_t blocks = row == 1 ? (size_t)source_count(s, 0) : 0;
	const size_t forks = row == 1 ? (size_t)source_count(s, 1) : 0;

	sqlite3_finalize(s);
	if (row < 0)
		return -1;
	if (raw_alloc(raw, blocks, forks, a->subject_count) != 0)
		return analysis_refuse_memory(r);

	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql), slice_sql, r->schema >= SCHEMA_WITH_LATENCY ? "s.wait" : "0");
	s = source_prepare(r, sql);
	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);

	size_t block = 0, fork = 0;
	int64_t block_id = 0, fork_id = 0;
	bool first = true;

	while ((row = source_row(r, s)) == 1) {
		const int64_t row_block = sqlite3_column_int64(s, COLUMN_BLOCK);
		const int64_t row_fork = sqlite3_column_int64(s, COLUMN_FORK);

		if (!first && row_block != block_id)
			block++;
		if (!first && row_fork != fork_id)
			fork++;
		/* Another program may be adding blocks since they were counted. */
		if (block >= blocks || fork >= forks)
			break;
		if (first || row_fork != fork_id)
			raw->start[fork] = block;
		first = false;
		block_id = row_block;
		fork_id = row_fork;
		raw->calibration[block] = sqlite3_column_double(s, COLUMN_CALIBRATION);

		const size_t subject = source_subject(a, sqlite3_column_int64(s, COLUMN_SUBJECT));

		if (subject < a->subject_count)
			take_slice(a, cell_at, subject, block, s, raw);
	}
	raw->start[forks] = blocks;
	a->cells[cell_at].forks = forks;
	a->cells[cell_at].blocks = blocks;
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

static int read_threads(struct analysis_source *r, size_t cell_at)
{
	struct analysis *a = r->analysis;
	sqlite3_stmt *s = source_prepare(r,
		"SELECT t.subject_id, sum(t.cpu_ns), sum(t.window_ns), sum(t.nivcsw),"
		" sum(t.minflt) FROM thread t JOIN block b ON b.block_id = t.block_id"
		" WHERE b.cell_id = ? GROUP BY t.subject_id");
	int row;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);
	while ((row = source_row(r, s)) == 1) {
		const size_t subject = source_subject(a, sqlite3_column_int64(s, 0));

		if (subject == a->subject_count)
			continue;

		struct analysis_result *result = &a->results[cell_at * a->subject_count + subject];
		const double window = sqlite3_column_double(s, 2);

		result->cpu_share = window > 0 ? sqlite3_column_double(s, 1) / window : NAN;
		result->involuntary = source_count(s, 3);
		result->faults = source_count(s, 4);
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

/* Medians over forks; a shortfall of objects is a failure, whatever the figures say. */
static int read_memory(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	struct analysis *a = r->analysis;
	struct analysis_result *result = &a->results[cell_at * a->subject_count + subject_at];
	sqlite3_stmt *s = source_prepare(r,
		"SELECT pool_bytes, rss_open, rss_peak, capacity, drained, expected, count(*) OVER "
		"() FROM memory WHERE cell_id = ? AND subject_id = ? ORDER BY fork");
	AUTO_FREE double *values = NULL;
	size_t n = 0, capacity = 0;
	int row;

	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, a->cells[cell_at].id);
	sqlite3_bind_int64(s, 2, a->subjects[subject_at].id);
	while ((row = source_row(r, s)) == 1) {
		if (values == NULL) {
			capacity = (size_t)source_count(s, 6);
			values = calloc(4 * capacity, sizeof(*values));
			if (values == NULL) {
				sqlite3_finalize(s);
				return analysis_refuse_memory(r);
			}
		}
		if (n == capacity)
			break;

		const double objects = sqlite3_column_double(s, 3);
		const int64_t drained = sqlite3_column_int64(s, 4);
		const int64_t expected = sqlite3_column_int64(s, 5);

		values[n] = sqlite3_column_double(s, 0);
		values[capacity + n] = sqlite3_column_double(s, 1);
		values[2 * capacity + n] = sqlite3_column_double(s, 2);
		values[3 * capacity + n] = objects > 0 ? values[n] / objects : 0;
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
		result->memory.known = true;
		result->memory.pool_bytes = stats_median(values, n);
		result->memory.rss_open = stats_median(values + capacity, n);
		result->memory.rss_peak = stats_median(values + 2 * capacity, n);
		result->memory.object_bytes = stats_median(values + 3 * capacity, n);
	}
	sqlite3_finalize(s);
	return row < 0 ? -1 : 0;
}

int analysis_read_cell(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw)
{
	struct analysis *a = r->analysis;
	int error = read_slices(r, cell_at, raw);

	for (size_t i = 0; i < a->subject_count; i++)
		a->results[cell_at * a->subject_count + i].cpu_share = NAN;
	if (error == 0)
		error = read_threads(r, cell_at);
	for (size_t i = 0; error == 0 && i < a->subject_count; i++)
		error = read_memory(r, cell_at, i);
	return error;
}
