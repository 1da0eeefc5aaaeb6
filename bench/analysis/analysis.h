/*
 * What a store says: one tree of results, from which every report, table and export prints.
 *
 * Who competes. A subject's *role* follows from what the store says of it: contestants are ranked;
 * the null pool shows the harness, a bare row shows the limit of a shared structure, a pool for one
 * thread only shows the floor, a run-time table shows the price of dispatch, and a twin shows the
 * noise. Those five are measured and printed beside the others but never ranked, so that none of
 * them can be "best".
 *
 * All effects are natural logarithms of ratios of *times* (ns per unit), so above 0 is slower; the
 * printing side turns them into factors. Strings are as they stand in the store: whoever prints
 * them escapes them.
 */
#ifndef BENCH_ANALYSIS_ANALYSIS_H
#define BENCH_ANALYSIS_ANALYSIS_H

#include "bench/analysis/stats.h"
#include "bench/engine/counters.h"
#include "bench/sweep/contention.h"
#include "bench/workload/contest.h"
#include "bench/workload/latency.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	ANALYSIS_LETTERS_MAX = 54, /* a..z, A..Z, one for all groups beyond, and the terminator */
	ANALYSIS_SENTENCE_BYTES = 4096, /* room for whole sentences about all contests */
};

/*
 * How well it must be known that a row is no slower than the best before it counts as best or tied,
 * as a ratio - 1. "Not shown to be worse" is not enough: the least known row of all has that for
 * nothing, since an interval from 1 to 100 covers 1 too. So a row counts only where it is also shown
 * to be less than a quarter behind whichever is the fastest. A quarter is wide beside what these
 * sweeps resolve (a few per cent) and narrow beside what parts kinds of design (a cache from a lock:
 * a factor of 2 and more). What is neither shown to be worse nor known that well is *undecided*, and
 * counted as that.
 */
#define ANALYSIS_KNOWN 0.25

enum analysis_role {
	ANALYSIS_CONTESTANT,
	ANALYSIS_HARNESS, /* the null pool */
	ANALYSIS_BARE,    /* the locked instructions of a shared structure, and no pool */
	ANALYSIS_FLOOR,   /* for one thread only, so no choice for a driver */
	ANALYSIS_TABLE,   /* through a run-time table, beside its folded self */
	ANALYSIS_TWIN,
	ANALYSIS_OTHER, /* of another build, beside this one's */
};

/* The roles' names for programs: "contestant", "harness", ... */
const char *analysis_role_name(enum analysis_role role);

/* How a subject fared in a cell. All but MEASURED keep it out of ranks and verdicts. */
enum analysis_state {
	ANALYSIS_ABSENT, /* no slice and no event: the sweep has not come to it, or never will */
	ANALYSIS_MEASURED,
	ANALYSIS_DRY, /* measured, but it found no object in any slice */
	ANALYSIS_UNSUPPORTED,
	ANALYSIS_CRASHED,
	ANALYSIS_HUNG,
	ANALYSIS_LOST, /* an object was missing afterwards */
	ANALYSIS_FAILED,
};

/* The states' names: "not measured", "measured", "unsupported", "crashed", "hung", ... */
const char *analysis_state_name(enum analysis_state state);

struct analysis_value {
	const char *name, *value;
};

/* One start of the controller and the environment it found. */
struct analysis_machine {
	int64_t started_ns; /* since the epoch */
	const char *hash, *grade;
	size_t value_count;
	const struct analysis_value *values; /* the fingerprint, in the store's order */
};

struct analysis_subject {
	int64_t id; /* subject_id */
	const char *label, *pool, *context, *dispatch, *summary, *progress, *cache;
	bool exact, is_pool;
	enum contention contention;
	const char *build;   /* the other build's name; NULL: it is of this one */
	const char *library; /* what is preloaded to replace malloc; or NULL */
	const char *
		whole; /* its label where an NBL's life is compared: with the policy that it has there */
	enum analysis_role role;
	/* Of a twin, a table or another build's: the subject it is compared with; else itself. */
	size_t original;

	/* Over all cells; contestants only. */
	size_t measured; /* cells with a result */
	size_t broken;   /* cells in which it crashed, hung, lost an object or failed */
	bool apart; /* no workload here is for such as it: a row without a cell, and so no row */
};

/* A twin that ran beside its original in a cell. */
struct analysis_twin {
	size_t subject;
	struct stats_estimate effect; /* the subject's to_original */
	double floor;                 /* that it sets, a logarithm */
};

struct analysis_cell {
	int64_t id; /* cell_id */
	const char *label, *workload, *unit, *program, *pages, *placement;
	uint32_t threads, lane_threads, burst, depth;
	double lanes; /* at a time, as workload_lanes has it; NAN: a damaged store does not say */
	uint64_t object_bytes;
	uint32_t object_align; /* 0: each strategy's own */
	bool oversubscribed;
	enum contest contest;
	bool capped;         /* `failed` of its results counts false empties */
	const char *command; /* repeats this cell; a line for a POSIX shell */
	const char *run;     /* the same of its best row alone; NULL: nothing was measured */

	size_t forks, blocks;   /* that have at least one slice; blocks over all forks */
	size_t slices, flagged; /* of all subjects */
	bool disturbed;         /* more than ANALYSIS_DISTURBED of the slices are flagged */
	bool preliminary;       /* too few forks for an interval */
	size_t twin_count;
	const struct analysis_twin *twins;
	/* Of a class, the largest that its twins set; without one, the largest of all. NAN: unknown. */
	double floors[CONTENTION_CLASSES];
	bool has_best;
	size_t best;        /* subject, if has_best: whichever may be behind the least */
	size_t best_set;    /* how many are in it */
	const bool *slower; /* [i * subject_count + j], i than j: all ranked pairs at once */
	double calibration_ns, calibration_low_ns, calibration_high_ns; /* median and range; NAN */
	size_t load_count;
	const uint32_t *loads; /* of an open loop, in per cent of a row's capacity, ascending */
};

struct analysis_memory {
	bool known;
	/* Medians over forks; NAN: unknown. */
	double object_bytes; /* held at the peak, by the objects that the workload needs; see has_held */
	const double *object_bytes_of; /* the same of each of the cell's forks; NAN: it lacks */
	double settled_object_bytes;   /* the same after a flush */
	double rss_open, rss_peak, rss_settled;
};

/* A percentile of a row's calls. lo and hi are -INFINITY and INFINITY where too few forks tell. */
struct analysis_percentile {
	double ns;     /* NAN: fewer than LATENCY_EVIDENCE calls lie beyond it */
	double lo, hi; /* 95 % */
	bool below; /* under twice the probe's median, so it is the clock's more than the call's */
};

/* The calls of a row that took one path. */
struct analysis_path {
	const char *name;
	enum latency_class class;
	uint64_t calls; /* that were timed */
	double share;   /* of all calls, by what the throughput slices counted */
	double mean_ns, longest_ns;
	double ns[LATENCY_PERCENTILES]; /* NAN as above */
};

/* Times of one kind, merged over forks and threads. */
struct analysis_times_of {
	double mean_ns, longest_ns;
	struct analysis_percentile at[LATENCY_PERCENTILES];
	struct histogram histogram;
};

/*
 * Where one thread gets what another puts: the calls of either, and the ages of objects that came back;
 * these last, if there are any to show.
 */
enum { ANALYSIS_GETS, ANALYSIS_PUTS, ANALYSIS_AGES, ANALYSIS_HAND_OVER };

/* "gets", "puts", "age". */
const char *analysis_hand_over_name(size_t kind);

/* How long a unit's calls take on one side of a lane, by path, without the probe's mean; in ns. */
struct analysis_unit_side {
	double ns[LATENCY_CLASSES];
};

/* How long single calls took; latency.c works it out and says how. Times include the probe's. */
struct analysis_latency {
	uint64_t calls; /* that were timed */
	double mean_ns, longest_ns;
	double least_longest_ns; /* the longest call of the thread that fared best */
	struct analysis_percentile at[LATENCY_PERCENTILES];
	/* By each of the cell's forks alone; NAN: it lacks. */
	const double *ns_of[LATENCY_PERCENTILES];
	struct histogram histogram; /* of all of them */
	size_t path_count;          /* in the order of enum latency_class */
	struct analysis_path path[LATENCY_CLASSES];
	size_t sides; /* threads of a lane */
	struct analysis_unit_side *side;
	size_t hand_over_count; /* 0: no thread hands over; ANALYSIS_AGES: no ages */
	struct analysis_times_of hand_over[ANALYSIS_HAND_OVER];
	double probe_mean_ns, probe_ns, probe_p99_ns; /* of empty pairs of readings; the median */
	struct stats_estimate
		cost;          /* what timing took of the throughput, as a share; may be below 0 */
	double calls_per_unit; /* of the side of a lane that spends the most time in calls */
	double time_ratio;     /* the time of these calls without the probe's, by a unit's time */
	double time_ratio_error; /* two standard errors of it, as far as the timed calls tell */
	/* A call takes longer than four probes, timed and in a row, so that the ratio says something. */
	bool time_comparable;
	double balance; /* of slices in which every call is timed (latency_balance); NAN without */
	bool balance_comparable; /* there too a call takes longer than four probes */
};

/* A cell is disturbed where more than this share of its slices is flagged. */
#define ANALYSIS_DISTURBED 0.20

/* What a "!" beside a row's ratio says. */
#define ANALYSIS_OTHERS_MARK "!: disturbed, the machine changed while the row was measured."

/* What a number of ns a unit is of (workload_lanes). */
#define ANALYSIS_UNIT_NOTE \
	"ns a unit: of one CPU, or of a pair of CPUs where two threads work on a unit together."

/* What timing calls may take of throughput, as a share. */
#define ANALYSIS_COST 0.03

/* A balance, or a ratio of times, this near to 1 agrees. */
#define ANALYSIS_BALANCED 0.10

/* A row at one load of an open loop. Rates are arrivals a second, means over the slices. */
struct analysis_at_load {
	bool measured; /* else nothing below says anything */
	bool kept;     /* it served ANALYSIS_KEPT of what was wanted, or more */
	double wanted_s, served_s;
	double late;     /* share of the starts that came late; NAN */
	uint64_t served; /* whose response times are known */
	struct analysis_percentile at[LATENCY_PERCENTILES]; /* of response times */
	double longest_ns;
};

/* How long work takes from the moment at which it was to arrive; response.c works it out. */
struct analysis_response {
	const char *arrivals; /* as arrivals.h names them */
	double capacity_s;
	const struct analysis_at_load *at; /* of each load of the cell */
	size_t knee;                       /* one of these; their number: there is none */
};

#define ANALYSIS_KEPT 0.99 /* of what is wanted, so that a load counts as kept */
#define ANALYSIS_KNEE 3.0  /* times the p99 of the lightest load */
#define ANALYSIS_LATE 0.01 /* a greater share of late starts is marked */

/* Of a workload that wants all objects of the pool, over all slices; NAN: it does not, or nothing failed. */
struct analysis_scarcity {
	double none; /* gets that found none, as a share of all */
	double worst; /* the part of them that one thread met, of each slice the one that met the most */
	double spell;         /* such gets in a row */
	double stranded;      /* objects that were free at one, as a share of the pool: the mean */
	double stranded_most; /* and the most */
};

struct analysis_result {
	enum analysis_state state;
	const char *reason; /* a sentence, for every state but MEASURED and ABSENT; else NULL */
	size_t slices, flagged;
	size_t others; /* slices of blocks in which the machine was another */
	bool mixed;    /* too few would be left, so these are in; else they are left out */
	bool all_used; /* too few clean pairs were left, so the flagged ones were used as well */

	struct stats_estimate ns;      /* logarithm of ns per unit */
	struct stats_estimate to_best; /* to_* are effects; NAN where there is nothing to compare */
	struct stats_estimate to_base; /* against the baseline's subject */
	struct stats_estimate to_original; /* of a table, a twin or another build's */
	enum stats_verdict best_verdict, base_verdict;
	enum stats_verdict against_verdict; /* of another build's row: on this build's against it */
	bool in_best_set;                   /* best, or tied: see ANALYSIS_KNOWN */
	bool undecided;                     /* neither that nor shown to be worse */
	size_t rank_low, rank_high;         /* 1..; 0: not ranked */
	char letters[ANALYSIS_LETTERS_MAX]; /* tie groups; see analysis_letters */
	uint64_t forks_needed;              /* to settle to_best; 0: none, or it can't be said */
	const double *best_medians;         /* of the forks of to_best; NULL */
	double mann_whitney;                /* p against the best */

	double jain, slowest_share;    /* medians */
	double cpu_share;              /* CPU time of the threads / their windows; NAN */
	uint64_t units, failed;        /* failed: gets that found less than was asked */
	double taken[LATENCY_CLASSES]; /* how often a unit takes a path; LATENCY_FAST: 0 */
	double counted[COUNTERS];      /* by the hardware, a unit; NAN: it counts nothing */
	struct analysis_scarcity scarcity;
	uint64_t involuntary, faults; /* context switches, minor page faults */
	struct analysis_memory memory;
	const struct analysis_latency *latency;   /* NULL: nothing was timed */
	const struct analysis_response *response; /* NULL: there was no open loop */
};

struct analysis_event {
	const char *state, *detail, *subject, *cell; /* the last two NULL for "all" */
	int64_t fork;                                /* -1: none */
	int64_t at_ns;
};

/* What the machine is probed by. */
enum analysis_probe { ANALYSIS_SINGLE, ANALYSIS_HANDED, ANALYSIS_PROBES };

/* An event: for so long a probe of the machine read otherwise than usual; changes.c has the rule. */
struct analysis_change {
	int64_t from_ns, to_ns; /* since the epoch */
	size_t blocks;
	double log[ANALYSIS_PROBES]; /* of its time, by the usual; NAN: that one didn't change */
};

struct trust;
struct analysis_moment; /* a block as the machine's probes saw it */

/* What a probe read at a block: the logarithm of its time by the sweep's median; NAN: nothing. */
struct analysis_reading {
	int64_t at_ns; /* since the epoch */
	double log;
};

/* One cell's slices: a row a subject, a column a block; the blocks of a fork stand together. */
struct analysis_raw {
	size_t blocks, forks, subjects;
	size_t *start;  /* of each fork; forks + 1 */
	double *log_ns; /* NAN where there is none, or it left because the machine was another */
	bool *flagged;
	bool *other; /* of a block */
	double *jain, *slowest, *calibration;
};

/* Another build of the program, which competed too. */
struct analysis_build {
	const char *name, *build_id, *source_revision,
		*made; /* made: by which compiler and flags */
};

struct analysis {
	const char *store; /* the path as given */
	const char *plan_hash, *plan_json, *build_id, *source_revision, *command;
	bool has_other;
	struct analysis_build other; /* if has_other */
	uint64_t seed;               /* the plan's */
	uint32_t cpus;               /* that the sweep could use; 0: the plan does not say */
	uint32_t forks;              /* that the plan has for a cell; 0: it does not say */
	double until; /* per cent, to which a cell that took fewer is known; 0: none was to take fewer */
	/*
	 * Memory is what was held. Else the store is older, and bytes an object are what opening and
	 * filling the pool cost, by its capacity.
	 */
	bool has_held;
	bool has_frequency; /* it says which was visible; older stores don't */
	int64_t created_ns;
	double margin; /* logarithm */

	size_t machine_count;
	const struct analysis_machine *machines;
	size_t subject_count;
	struct analysis_subject *subjects;
	size_t cell_count;
	struct analysis_cell *cells;
	struct analysis_result *results; /* by cell, then subject: see analysis_at */
	struct analysis_raw *raws;       /* a cell each */
	size_t event_count;
	const struct analysis_event *events;
	size_t moment_count; /* 0: the machine was not probed */
	const struct analysis_moment *moments;
	double allowed[ANALYSIS_PROBES]; /* a logarithm; NAN: it could not be probed */
	double usual[ANALYSIS_PROBES];   /* the logarithm of ns; likewise */
	size_t change_count;
	const struct analysis_change *changes;
	size_t rows_left, rows_mixed; /* measured rows with others, by whether these are in */
	/* How far the CPUs' clocks may be apart, of all starts; NAN: one does not know. */
	double clocks_apart_ns;

	bool has_baseline;
	size_t baseline;     /* subject */
	bool preliminary;    /* some cell is */
	size_t disturbed;    /* cells that are */
	size_t rows_flagged; /* that would be disturbed by themselves, in other cells */
	bool has_counted;    /* some row has */
	bool has_latency, has_hand_over, has_responses; /* some row has, that stands for it */

	/* What stress found, if whoever prints has read it (trust.h), and keeps it meanwhile; else NULL. */
	const struct trust *trust;

	struct analysis_block *memory; /* everything above that was allocated, but trust */
};

/*
 * Reads and works through the store at path. baseline: a subject's label, or NULL for glibc's
 * malloc if it took part, else the mutex, else none. 0 and *out, which the caller frees with
 * analysis_free; or -1 with a sentence in why: no such file, not a store, another schema version,
 * damaged, an unknown baseline. The store is opened read-only.
 */
int analysis_read(
	const char *path, const char *baseline, struct analysis **out, char *why, size_t why_bytes);

/*
 * The same of one machine of a store that was merged of several, by the beginning of its hash; NULL is
 * refused with their names where there are several, and by the functions above and below.
 */
int analysis_read_machine(const char *path, const char *machine, const char *baseline,
	struct analysis **out, char *why, size_t why_bytes);
void analysis_free(struct analysis *analysis);

/*
 * The same without a baseline and without effects, verdicts and ranks, which are NAN, false or 0: for
 * those who make estimates of their own from out->raws.
 */
int analysis_read_raw(const char *path, struct analysis **out, char *why, size_t why_bytes);

/*
 * Whether the cell of that label is known well enough by its first forks, as a pure function of what the
 * store holds of these: each row that is ranked has an interval of its ratio to the best whose half-width
 * is at most `wanted`, a logarithm, or a quarter of its distance. Its forks are PLAN_UNTIL_FORKS
 * or more; a cell without a best is not. 0 and *settled; or -1 as analysis_read.
 *
 * Who looks again and again and stops when the answer pleases is pleased too often (optional stopping). So
 * this asks for width, never for a verdict: an interval is as likely to be narrow on either side of the
 * truth. What remains is that a narrow interval may be narrow by luck, so those that ended a cell cover a
 * little less than they say. The quarter is no verdict either: at such a distance, more than four
 * half-widths, no luck of looks decides what is said.
 */
int analysis_settled(const char *path, const char *label, uint32_t forks, double wanted,
	bool *settled, char *why, size_t why_bytes);

/*
 * A subject's row of log_ns, less that of the reference if there is one, with NAN for none. A flagged
 * slice takes its pair with it; if that leaves too little, all pairs are used. True if they were.
 */
bool analysis_pair(
	const struct analysis_raw *raw, size_t subject, const size_t *reference, double *out);

static inline const struct analysis_result *analysis_at(
	const struct analysis *analysis, size_t cell, size_t subject)
{
	return &analysis->results[cell * analysis->subject_count + subject];
}

/* The noise floor of a comparison between two rows of a cell: the larger of their classes'. */
static inline double analysis_floor(
	const struct analysis *analysis, size_t cell, size_t subject, size_t other)
{
	const double *floors = analysis->cells[cell].floors;
	const double a = floors[analysis->subjects[subject].contention];
	const double b = floors[analysis->subjects[other].contention];

	return a > b ? a : b;
}

/* Whether two stores are of one machine, as far as their fingerprints tell. */
bool analysis_same_machine(const struct analysis *a, const struct analysis *b);

/* When the last start of its sweep was, in ns since the epoch; of a store without any, when it was planned. */
int64_t analysis_began_ns(const struct analysis *analysis);

/* A value of the last start's fingerprint; NULL if there is none of that name. */
const char *analysis_fingerprint(const struct analysis *analysis, const char *name);

/* The cell, or the subject, of that label; cell_count, or subject_count, if there is none. */
size_t analysis_find_cell(const struct analysis *analysis, const char *label);
size_t analysis_find_subject(const struct analysis *analysis, const char *label);

/*
 * What the cell is apart from one part of it: "burst 32", "pair, 64 B" without its threads, which is its load. text
 * has room for ANALYSIS_SENTENCE_BYTES. It comes from the label, which alone says which of burst, depth and the
 * objects' size mean anything to the workload.
 */
enum analysis_part { ANALYSIS_THREADS, ANALYSIS_BURST, ANALYSIS_SIZE };

void analysis_label_without(const struct analysis_cell *cell, enum analysis_part part, char *text);
void analysis_load(const struct analysis_cell *cell, char *text);

/* The noise floors that a cell's twins set, by class: "1.2 % cached, 9 % locked"; "" without any. Likewise. */
void analysis_floors(const struct analysis *analysis, size_t cell, char *text);

/* Units per second of a result, all threads together. */
double analysis_rate(const struct analysis_cell *cell, double log_ns);

/*
 * Whether a contestant is a row of the cell's contest: of pools and mallocs alone, of policies, of either. In
 * older stores pools stand in columns of policies, which never touch them.
 */
bool analysis_in_contest(const struct analysis *analysis, size_t cell, size_t subject);

/*
 * Whether a subject is ranked in a cell: a contestant of its contest that was measured and whose every get found
 * what it asked for. Pools are filled for all that a cell's threads hold at once, so a get that
 * fails is a packet that the others carried and this one dropped; its time is shown, and is not
 * comparable.
 */
bool analysis_competes(const struct analysis *analysis, size_t cell, size_t subject);

/* Whether a ranked result is printed with a question mark: more blocks might say something else. */
bool analysis_unsure(const struct analysis *analysis, size_t cell, size_t subject);

/*
 * The rows of a table over all cells, in order: first the contestants, of each contest in its order
 * (choice.h), then what was measured for reference. Subjects that stand apart are in neither. order has room for
 * subject_count entries; the result is how many were set, *contestants how many of these are that.
 */
size_t analysis_order(const struct analysis *analysis, size_t *order, size_t *contestants);

/*
 * Whom to choose in each contest (choice.h), and how sure the machine lets anybody be, in whole sentences;
 * text has room for ANALYSIS_SENTENCE_BYTES.
 */
void analysis_verdict(const struct analysis *analysis, char *text);
void analysis_confidence(const struct analysis *analysis, char *text);

/* Who broke down, and in how many cells, as a sentence; "" if nobody did. */
void analysis_broken(const struct analysis *analysis, char *text);

/*
 * Whether the machine changed, when and by how much, what became of those blocks, and what others
 * took meanwhile, in whole sentences; and one event as a clause. Likewise.
 */
void analysis_changes(const struct analysis *analysis, char *text);
void analysis_change_text(const struct analysis *analysis, size_t change, char *text);

/* Of the two at a block, one of moment_count, the one that is further from the usual. */
struct analysis_reading analysis_reading(
	const struct analysis *analysis, size_t moment, enum analysis_probe probe);

/*
 * Whether the machine of b was usually another than that of a, further than the probes' noise allows, for
 * cells of so many threads; 0: for any. And by what, as a sentence; "" if it was not. text has room for
 * ANALYSIS_SENTENCE_BYTES.
 */
bool analysis_changed_between(const struct analysis *a, const struct analysis *b, uint64_t threads);
void analysis_changed_text(const struct analysis *a, const struct analysis *b, char *text);

/*
 * What another build's row says in a cell: this build's time by the other's, as an effect, and the
 * verdict on this build. The verdicts of all such pairs are made together. False: one of the two was not measured, or is no such row.
 */
bool analysis_against(const struct analysis *analysis, size_t cell, size_t subject,
	struct stats_estimate *effect, enum stats_verdict *verdict);

/* Which the two builds are, and what this one is against the other, in whole sentences; "" alone. */
void analysis_against_text(const struct analysis *analysis, char *text);

/* Who stands apart, in a sentence; "" if nobody does. */
void analysis_apart(const struct analysis *analysis, char *text);

/*
 * Who answered that there was no object while some were free, in the cells that can tell, as a
 * sentence; "" without such a cell. text has room for ANALYSIS_SENTENCE_BYTES.
 */
void analysis_false_empties(const struct analysis *analysis, char *text);

/* True if the result has a number of false empties: `failed`. */
bool analysis_counts_false_empties(const struct analysis *analysis, size_t cell, size_t subject);

/*
 * Tie letters as printed: rows of a cell that share a letter can't be told apart from the fastest
 * of them; "a" is the best set. Runs are shortened: "b-e". text has room for ANALYSIS_LETTERS_MAX.
 */
void analysis_letters(const struct analysis_result *result, char *text);

/* Whether a row has times of calls that stand for it: not of one that broke. */
const struct analysis_latency *analysis_latency(
	const struct analysis *analysis, size_t cell, size_t subject);

/* Why no ages are shown, as a sentence, or "" if they are. */
void analysis_no_ages(const struct analysis *analysis, char *text);

/* Rows of a cell that have, by p99, then by the median; order has room for subject_count. */
size_t analysis_latency_order(const struct analysis *analysis, size_t cell, size_t *order);

/*
 * How many rows of a cell have a balance that agrees, of how many whose balance says something, and
 * how many a ratio of times; and in how many timing took at most ANALYSIS_COST; as sentences, "" if
 * there are none. text has room for ANALYSIS_SENTENCE_BYTES.
 */
void analysis_balances(const struct analysis *analysis, size_t cell, char *text);

/*
 * Why the balance of a row does not agree, or if it does, why its ratio of times does not; as a
 * sentence, "" if both do, or say nothing. Likewise.
 */
void analysis_imbalance(const struct analysis *analysis, size_t cell, size_t subject, char *text);

/* A row's response times, where it has some that stand for it. */
const struct analysis_response *analysis_response(
	const struct analysis *analysis, size_t cell, size_t subject);

/*
 * Of a row that has them: the knee, "80", or "≥ 95" where no heavier load was measured, "" without
 * one; and the loads with a mark, "not kept: 95 %; late: 80, 90 %". text has room for
 * ANALYSIS_SENTENCE_BYTES.
 */
void analysis_knee(const struct analysis *analysis, size_t cell, size_t subject, char *text);
void analysis_response_marks(
	const struct analysis *analysis, size_t cell, size_t subject, char *text);

/* True if two cells differ at most in their number of threads. */
bool analysis_same_load(const struct analysis_cell *a, const struct analysis_cell *b);

#endif
