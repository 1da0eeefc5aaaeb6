/*
 * Whom to choose: of each contest (contest.h), and by situation. All of it follows from points that the
 * CSV has too, so that anybody can work it out again; a test does.
 *
 * How rows are compared. In a cell, a row's *distance* is its value against the best value of *any*
 * contestant there, whatever guarantees that one lacks. A cell in which a row has no value counts as its
 * slowest row's: a row is neither dropped for a cell that it lacks nor better off without it. All points of
 * a workload (threads, burst, depth, ...) are one vote, their mean; a row's *typical* distance is the mean
 * of the votes. Who has the least is chosen, and its worst cell is what it costs to be wrong.
 */
#ifndef BENCH_ANALYSIS_CHOICE_H
#define BENCH_ANALYSIS_CHOICE_H

#include "bench/analysis/analysis.h"

/*
 * A row that failed more of its gets than this share has no time in that cell: what it carried is not what
 * the others did. A packet in a thousand is what a network is still called free of loss with.
 */
#define CHOICE_FAILED 0.001

/* What rows are compared by. */
enum choice_by {
	CHOICE_TIME, /* of a unit of work */
	/* The p99.9 of a call, or its p99 in a cell of whose rows too few have the former. */
	CHOICE_TAIL,
	CHOICE_MEMORY, /* bytes held an object that the workload needs */
};

/* A row as a choice. Distances are logarithms. */
struct choice_pick {
	size_t subject;
	double typical, worst;
	size_t worst_cell;
	bool missing_there;  /* it has no value in that cell */
	size_t first_there;  /* the row with the best value in that cell */
	size_t missing;      /* cells in which it has no value */
	uint64_t failed;     /* gets, in all cells that are asked */
	size_t failed_cells; /* in which some failed */
};

struct choice {
	const char *situation; /* a clause that completes "if"; NULL: the contest as a whole */
	enum contest contest;
	enum choice_by by;
	unsigned traits;         /* that the choice must have: a bit each, see choice_lacks */
	size_t cells, workloads; /* that are asked */
	size_t candidates;       /* that have the traits and a value */
	struct choice_pick first, second;
	bool has_second;
	/*
	 * Over forks: how many candidates are not known to be farther off than the first, it among
	 * them; 0: too few forks tell.
	 */
	size_t rivals;
};

/* How a row stands in a contest. */
struct choice_standing {
	size_t cells;          /* of the contest that have a best: the same for all its rows */
	size_t best;           /* of these, in which it is best or tied */
	size_t undecided;      /* in which it might be */
	size_t missing;        /* in which it has no value */
	double typical, worst; /* NAN without any value */
	size_t worst_cell;
};

enum { CHOICE_SITUATIONS_MAX = 16 };

/* The choice of a contest. False: no cell of it decides anything. */
bool choice_of_contest(const struct analysis *a, enum contest contest, struct choice *out);

/*
 * By situation. Fills out (CHOICE_SITUATIONS_MAX) with those that the store can answer and returns their
 * number; text (ANALYSIS_SENTENCE_BYTES) says which it can't, in a sentence, or is "".
 */
size_t choice_by_situation(const struct analysis *a, struct choice *out, char *text);

/* The traits of `wanted` that a subject lacks, in words that complete "which": "may wait"; "" if none. */
void choice_lacks(const struct analysis_subject *subject, unsigned wanted, char *text);

/* The traits that choices ask for and that a subject has, as words with blanks: "exact signals no-rseq". */
void choice_traits(const struct analysis_subject *subject, char *text);

/*
 * The rows of a contest, in order: contestants by their typical distance, those without any value last,
 * then what was measured beside them for reference. As analysis_order.
 */
size_t choice_order(
	const struct analysis *a, enum contest contest, size_t *order, size_t *contestants);

/*
 * Whether a row's figure in a cell is of what the cell compares. In older stores pools stand in columns of
 * policies, which never touch them; where nobody competes what was measured stands for itself.
 */
bool choice_has_place(const struct analysis *a, size_t cell, size_t subject);

void choice_standing(const struct analysis *a, enum contest contest, size_t subject,
	struct choice_standing *out);

/* A row's name in a contest: of the whole a contestant has its policy behind it, "rseq_arr+malloc". */
const char *choice_name(const struct analysis *a, enum contest contest, size_t subject);

static inline const char *choice_name_in(const struct analysis *a, size_t cell, size_t subject)
{
	return choice_name(a, a->cells[cell].contest, subject);
}

/* "Which pool", "Which context policy", "Which pool and policy for the whole". */
const char *choice_question(enum contest contest);

/* The contest as a heading, "Context policies"; and what its rows are and do, as a sentence. */
const char *choice_title(enum contest contest);
const char *choice_measures(enum contest contest);

/* The choice of a contest with its confidence and what it costs to be wrong, in whole sentences. */
void choice_sentences(const struct analysis *a, const struct choice *choice, char *text);

/* The parts of a choice as people read them; each has room for ANALYSIS_SENTENCE_BYTES. */
void choice_worst(const struct analysis *a, const struct choice *choice,
	const struct choice_pick *pick, char *text);
void choice_confidence(const struct choice *choice, char *text);
void choice_caveats(const struct choice_pick *pick, char *text);

#endif
