/*
 * What is known of each strategy's correctness, beside its speed: what `nblbench stress --json FILE` wrote,
 * after stress/trust.schema.json. A strategy of which it says nothing is not verified, whatever its speed.
 */
#ifndef BENCH_ANALYSIS_TRUST_H
#define BENCH_ANALYSIS_TRUST_H

#include "bench/analysis/analysis.h"

struct trust_layer {
	const char *name;
	size_t ok, failed, skipped; /* runs */
};

struct trust_row {
	const char *strategy, *verdict; /* "passed", "failed", "skipped" */
	uint64_t operations;            /* calls on it, over all runs */
	size_t layer_count;             /* that it ran in */
	struct trust_layer *layers;
	char *failure;   /* the first failed run's scenario and what it says; NULL */
	char *not_taken; /* cold paths that no run took: "refill, steal"; "" */
};

struct trust {
	const char *revision, *ended;
	bool whole; /* every scenario was asked for */
	size_t count;
	struct trust_row *rows;
	struct json_t *file; /* in which the texts above stand */
};

/*
 * Reads a file. NULL after a sentence in why (why_bytes): it can't be read, is no JSON, or lacks what is read
 * of it. The caller frees it with trust_free.
 */
struct trust *trust_read(const char *path, char *why, size_t why_bytes);
void trust_free(struct trust *trust);

/* Of the pool of a subject; NULL: nothing is known. */
const struct trust_row *trust_of(const struct trust *trust, const struct analysis_subject *subject);

/* "passed", "failed" or, of what was skipped or never tried, "not verified". */
const char *trust_state(const struct trust *trust, const struct analysis_subject *subject);

/* Which of the analysis' contestants are verified, in sentences; text has room for ANALYSIS_SENTENCE_BYTES. */
void trust_tell(const struct trust *trust, const struct analysis *analysis, char *text);

/* What ran of a row and how it went: "native 40, perturbed 12; skipped 1". Likewise. */
void trust_runs(const struct trust_row *row, char *text);

#endif
