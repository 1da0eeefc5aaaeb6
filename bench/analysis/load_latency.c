/* An analysis, first part too: what was timed of single calls. */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/need.h"

#include <stdlib.h>
#include <string.h>

void analysis_times_free(struct analysis_times *times)
{
	free(times->side);
	free(times->fork);
	free(times->calls);
	for (int i = 0; i < ANALYSIS_HAND_OVER; i++)
		free(times->hand_over[i]);
}

/* The fork of that number; NULL if nothing was timed in it. */
static struct analysis_times_fork *find_fork(struct analysis_times *times, int64_t fork)
{
	for (size_t i = 0; i < times->forks; i++) {
		if (times->fork[i].fork == fork)
			return &times->fork[i];
	}
	return NULL;
}

static void allocate(struct analysis_times *times, uint32_t sides, size_t forks)
{
	times->sides = sides;
	times->side = need(sides, sizeof(*times->side));
	times->fork = need(forks, sizeof(*times->fork));
	times->calls = need(forks, sizeof(*times->calls));
	for (int i = 0; i < ANALYSIS_HAND_OVER; i++)
		times->hand_over[i] = need(forks, sizeof(*times->hand_over[i]));
}

/* Units and windows of the latency slices, and room for the rest. */
static void read_timed(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	const uint32_t sides = r->analysis->cells[cell_at].lane_threads;
	size_t room = 0;
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT fork, thread, units, window_ns, timed_units,"
		" (SELECT count(DISTINCT fork) FROM timed WHERE cell_id = ?1 AND subject_id = ?2)"
		" FROM timed WHERE cell_id = ?1 AND subject_id = ?2 ORDER BY fork, thread");

	while (source_next(r, s)) {
		const int64_t fork = sqlite3_column_int64(s, 0);
		const double window = sqlite3_column_double(s, 3);

		if (sides == 0)
			continue;
		if (times->sides == 0) {
			room = (size_t)source_count(s, 5);
			allocate(times, sides, room);
		}
		if (times->forks == 0 || times->fork[times->forks - 1].fork != fork) {
			if (times->forks == room) {
				analysis_refuse_excess(r);
				continue;
			}
			times->fork[times->forks++].fork = fork;
		}

		const size_t side = source_small(s, 1) % sides;

		times->side[side].units += sqlite3_column_double(s, 4);
		/* A lane's work is what its last thread completed. */
		if (side + 1 == sides && window > 0)
			times->fork[times->forks - 1].timed_rate +=
				sqlite3_column_double(s, 2) / window;
		times->fork[times->forks - 1].every |=
			source_count(s, 2) > 0 && source_count(s, 2) == source_count(s, 4);
	}
}

/* The same of the throughput slices. */
static void read_rates(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT b.fork, t.thread, sum(t.units), sum(t.window_ns) FROM block b"
		" JOIN thread t ON t.block_id = b.block_id WHERE b.cell_id = ? AND t.subject_id = ?"
		" GROUP BY b.fork, t.thread");

	while (source_next(r, s)) {
		struct analysis_times_fork *fork = find_fork(times, sqlite3_column_int64(s, 0));
		const double window = sqlite3_column_double(s, 3);

		if (fork != NULL && window > 0 &&
			source_small(s, 1) % times->sides + 1 == times->sides)
			fork->rate += sqlite3_column_double(s, 2) / window;
	}
}

static bool take_path(sqlite3_stmt *s, struct analysis_times *times)
{
	struct analysis_times_fork *fork = find_fork(times, sqlite3_column_int64(s, 0));
	const char *name = (const char *)sqlite3_column_text(s, 2);
	struct latency_times row = {
		.sum = source_count(s, 3),
		.longest = source_count(s, 4),
	};
	int which = 0;

	while (which < LATENCY_HISTOGRAMS &&
		strcmp(latency_class_name((enum latency_class)which), name) != 0)
		which++;
	if (fork == NULL || which == LATENCY_HISTOGRAMS ||
		!histogram_unpack(&row.histogram, sqlite3_column_blob(s, 5),
			(size_t)sqlite3_column_bytes(s, 5)))
		return false;

	const size_t side = source_small(s, 1) % times->sides, at = (size_t)(fork - times->fork);

	latency_add(&times->side[side].of[which], &row);
	if (which < LATENCY_CLASSES)
		histogram_add(&times->calls[at], &row.histogram);
	if (which < LATENCY_CLASSES && side <= ANALYSIS_PUTS)
		histogram_add(&times->hand_over[side][at], &row.histogram);
	if (which == LATENCY_AGE)
		histogram_add(&times->hand_over[ANALYSIS_AGES][at], &row.histogram);
	return true;
}

static void read_paths(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT fork, thread, path, sum, longest, histogram FROM latency"
		" WHERE cell_id = ? AND subject_id = ?");

	while (source_next(r, s)) {
		if (!take_path(s, times))
			analysis_refuse_times(r, cell_at, subject_at);
	}
}

static void read_balances(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT thread, calls, sum, window_ns, waited_ns, own, own_sum, pairs, pairs_sum,"
		" pairs_ns FROM balance WHERE cell_id = ? AND subject_id = ?");

	while (source_next(r, s)) {
		struct analysis_side *side = &times->side[source_small(s, 0) % times->sides];

		side->every_calls += source_count(s, 1);
		side->every_sum += source_count(s, 2);
		latency_whole_add(&side->whole,
			&(struct latency_whole){source_count(s, 3), source_count(s, 4),
				source_count(s, 5), source_count(s, 6), source_count(s, 7),
				source_count(s, 8), source_count(s, 9)});
	}
}

static void read_least_longest(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT min(longest) FROM (SELECT max(longest) AS longest FROM latency"
		" WHERE cell_id = ? AND subject_id = ? AND path NOT IN ('probe', 'age') GROUP BY "
		"thread)");

	while (source_next(r, s))
		times->least_longest = source_count(s, 0);
}

int analysis_read_times(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times)
{
	*times = (struct analysis_times){0};
	if (r->schema >= SCHEMA_WITH_LATENCY)
		read_timed(r, cell_at, subject_at, times);
	if (times->forks > 0 && !r->failed) {
		read_rates(r, cell_at, subject_at, times);
		read_paths(r, cell_at, subject_at, times);
		read_least_longest(r, cell_at, subject_at, times);
		if (r->schema >= SCHEMA_WITH_BALANCE)
			read_balances(r, cell_at, subject_at, times);
	}
	return source_result(r);
}
