/*
 * The steps of an analysis, in their order, and the memory that they share. For the sources that
 * make up an analysis alone; analysis.h is for the others.
 */
#ifndef BENCH_ANALYSIS_STEPS_H
#define BENCH_ANALYSIS_STEPS_H

#include "bench/analysis/analysis.h"

struct analysis_source;

/* Zeroed memory that lives as long as the analysis (need.h). */
void *analysis_keep(struct analysis *a, size_t count, size_t bytes);

/* A copy that lives as long. Text of an analysis may be empty, never NULL. */
const char *analysis_keep_text(struct analysis *a, const char *text);

/*
 * The parts of a store, in the order in which they must be read. 0, or -1 with why set. Roles are
 * assigned between subjects and cells.
 */
int analysis_check_is_store(struct analysis_source *r);

/*
 * Has a store that was merged of several machines look like one of the machine whose hash begins so.
 * NULL: there must be no choice.
 */
int analysis_choose_machine(struct analysis_source *r, const char *machine);
int analysis_read_plan(struct analysis_source *r);
int analysis_read_machines(struct analysis_source *r);
int analysis_read_subjects(struct analysis_source *r);
int analysis_read_cells(struct analysis_source *r);
int analysis_read_events(struct analysis_source *r);
int analysis_read_moments(struct analysis_source *r);

/* A block as the machine's probes saw it. */
struct analysis_moment {
	int64_t block_id; /* ascending, as time is */
	int64_t started_ns, took_ns;
	bool oversubscribed;
	double stolen_ns, pressure_ns;  /* NAN: not told */
	double khz[2];                  /* before and behind; NAN: not visible */
	double log[ANALYSIS_PROBES][2]; /* before and behind; NAN: not read */
	double change[ANALYSIS_PROBES]; /* of the run that it belongs to; NAN: none */
	bool other;                     /* one is */
};

/* Finds the events; moments are those of the analysis. */
void analysis_find_changes(struct analysis *a, struct analysis_moment *moments);

/* Whether the machine was another in that block, for so many threads: one alone hands nothing over. */
bool analysis_was_other(const struct analysis *a, int64_t block_id, uint64_t threads);

enum { ANALYSIS_SLICES_MIN = 6 };

/* Whether what is kept of `all` slices, or pairs of them, can stand for all. */
static inline bool analysis_enough(size_t kept, size_t all)
{
	return kept >= ANALYSIS_SLICES_MIN && 4 * kept >= all;
}

/* Slices, threads and memory of one cell; what needs no estimate goes into the results. */
int analysis_read_cell(struct analysis_source *r, size_t cell_at, struct analysis_raw *raw);
void analysis_raw_free(struct analysis_raw *raw);

/* What one side of a cell's lanes timed: the threads of one place in their lanes. */
struct analysis_side {
	double units; /* of the timed rounds */
	struct latency_times of[LATENCY_HISTOGRAMS];
	/* Of slices in which every call was timed: calls, their sum as that of `of`, and the rest. */
	uint64_t every_calls, every_sum;
	struct latency_whole whole;
};

/* What a fork has to say of a subject's latency. */
struct analysis_times_fork {
	int64_t fork;
	double timed_rate, rate; /* units a nanosecond, in latency slices and in the others */
	bool every; /* a thread of the latency slices timed all its units, as stalled_* has it */
};

/* What was timed of a subject in a cell. */
struct analysis_times {
	size_t sides; /* threads of a lane */
	struct analysis_side *side;
	size_t forks;
	struct analysis_times_fork *fork;
	struct histogram *calls; /* of each fork, all sides and paths together */
	struct histogram *hand_over[ANALYSIS_HAND_OVER]; /* of each fork */
	uint64_t least_longest; /* of the threads' longest calls the least */
};

/* Reads it, after the cell's slices; forks is 0 where nothing was timed. */
int analysis_read_times(
	struct analysis_source *r, size_t cell_at, size_t subject_at, struct analysis_times *times);
void analysis_times_free(struct analysis_times *times);

/* Works it out, after the estimates. */
void analysis_work_out_latency(
	struct analysis *a, size_t cell_at, size_t subject_at, const struct analysis_times *times);

/*
 * A percentile of `all`, which is the sum of as many histograms as there are forks. probe_ns: the
 * median of the probe; NAN where there is none. scratch has room for a number a fork.
 */
struct analysis_percentile analysis_percentile_of(const struct histogram *all,
	const struct histogram *fork, size_t forks, double share, double probe_ns, double *scratch);

/* The value of a share of a histogram's calls, however few lie beyond it; NAN without any. */
double analysis_at_share(const struct histogram *h, double share);

/* What was measured of a subject in a cell at one load of an open loop. Sums over slices. */
struct analysis_served {
	double slices, capacity_s, wanted_s, served_s, arrived, late;
	struct latency_times times; /* of all forks */
	size_t forks;
	struct histogram *fork; /* response times of each */
	const char *arrivals;
};

/* Reads which loads some row of the cell was measured at. */
int analysis_read_loads(struct analysis_source *r, size_t cell_at);

/* Reads it into zeros; forks is 0 where the subject has nothing at that load. The caller frees served->fork. */
int analysis_read_served(struct analysis_source *r, size_t cell_at, size_t subject_at,
	uint32_t load, struct analysis_served *served);

/* Works out a subject's response times from what it has at each load of the cell. */
void analysis_work_out_response(struct analysis *a, size_t cell_at, size_t subject_at,
	const struct analysis_served *served);

/* The effects of one cell with at least one block. */
void analysis_estimate(struct analysis *a, size_t cell_at, const struct analysis_raw *raw);

/* Verdicts, ranks and ties of all cells, whose effects are there. */
void analysis_rank(struct analysis *a);

/* The verdicts on this build's rows against the other's. */
void analysis_judge_against(struct analysis *a);

/* The commands that measure the cell again, with as many forks and blocks as it has now, or one row of it. */
void analysis_make_commands(struct analysis *a, size_t cell_at);

#endif
