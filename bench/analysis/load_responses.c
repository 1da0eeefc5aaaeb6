/* An analysis, first part too: response times of an open loop. */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/need.h"

int analysis_read_loads(struct analysis_source *r, size_t cell_at)
{
	struct analysis_cell *cell = &r->analysis->cells[cell_at];
	uint32_t *loads = NULL;
	sqlite3_stmt *s;

	if (r->schema < SCHEMA_WITH_LATENCY)
		return 0;
	s = source_ask_cell(r, cell_at,
		"SELECT load, count(*) OVER () FROM"
		" (SELECT DISTINCT load FROM load WHERE cell_id = ?) ORDER BY load");
	while (source_next(r, s)) {
		if (loads == NULL)
			loads = analysis_keep(
				r->analysis, (size_t)source_count(s, 1), sizeof(*loads));
		loads[cell->load_count++] = source_small(s, 0);
	}
	cell->loads = loads;
	return source_result(r);
}

/* One fork's row. False: its histogram can't be read. */
static bool take_fork(sqlite3_stmt *s, struct analysis_served *served)
{
	struct latency_times row = {
		.sum = source_count(s, 6),
		.longest = source_count(s, 7),
	};

	if (!histogram_unpack(
		    &row.histogram, sqlite3_column_blob(s, 8), (size_t)sqlite3_column_bytes(s, 8)))
		return false;
	served->slices += sqlite3_column_double(s, 0);
	served->capacity_s += sqlite3_column_double(s, 1);
	served->wanted_s += sqlite3_column_double(s, 2);
	served->served_s += sqlite3_column_double(s, 3);
	served->arrived += sqlite3_column_double(s, 4);
	served->late += sqlite3_column_double(s, 5);
	latency_add(&served->times, &row);
	served->fork[served->forks++] = row.histogram;
	return true;
}

int analysis_read_served(struct analysis_source *r, size_t cell_at, size_t subject_at,
	uint32_t load, struct analysis_served *served)
{
	sqlite3_stmt *s = source_ask(r, cell_at, subject_at,
		"SELECT slices, capacity_s, wanted_s, served_s, arrived, late, sum, longest,"
		" histogram, arrivals, count(*) OVER () FROM load"
		" WHERE cell_id = ?1 AND subject_id = ?2 AND load = ?3 ORDER BY fork");

	sqlite3_bind_int64(s, 3, load);
	while (source_next(r, s)) {
		if (served->fork == NULL) {
			served->arrivals = source_text(r, s, 9);
			served->fork = need((size_t)source_count(s, 10), sizeof(*served->fork));
		}
		if (!take_fork(s, served))
			analysis_refuse_times(r, cell_at, subject_at);
	}
	return source_result(r);
}
