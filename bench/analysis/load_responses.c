/* An analysis, first part too: response times of an open loop. */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"

#include <stdlib.h>

void analysis_served_free(struct analysis_served *served)
{
	free(served->fork);
	*served = (struct analysis_served){0};
}

int analysis_read_loads(struct analysis_source *r, size_t cell_at)
{
	struct analysis_cell *cell = &r->analysis->cells[cell_at];
	uint32_t *loads = NULL;
	sqlite3_stmt *s;
	int row;

	if (r->schema < SCHEMA_WITH_LATENCY)
		return 0;
	s = source_prepare(r, "SELECT load, count(*) OVER () FROM"
			      " (SELECT DISTINCT load FROM load WHERE cell_id = ?) ORDER BY load");
	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 1, cell->id);
	while ((row = source_row(r, s)) == 1) {
		if (loads == NULL)
			loads = analysis_keep(
				r->analysis, (size_t)source_count(s, 1), sizeof(*loads));
		if (loads == NULL)
			break;
		loads[cell->load_count++] = source_small(s, 0);
	}
	sqlite3_finalize(s);
	cell->loads = loads;
	return row == 1 ? analysis_refuse_memory(r) : row;
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
	int row = -1, error = 0;

	*served = (struct analysis_served){0};
	if (s == NULL)
		return -1;
	sqlite3_bind_int64(s, 3, load);
	while (error == 0 && (row = source_row(r, s)) == 1) {
		if (served->fork == NULL) {
			served->arrivals = source_text(r, s, 9);
			served->fork = calloc((size_t)source_count(s, 10), sizeof(*served->fork));
		}
		if (served->fork == NULL)
			error = analysis_refuse_memory(r);
		else if (!take_fork(s, served))
			error = analysis_refuse_times(r, cell_at, subject_at);
	}
	sqlite3_finalize(s);
	if (error == 0 && row == 0)
		return 0;
	analysis_served_free(served);
	return -1;
}
