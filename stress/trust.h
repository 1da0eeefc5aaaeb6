/*
 * The verdict as data: what each layer (layers.def) ran on each strategy, how much, with which seed,
 * and how it ended. A layer's program adds a line a run to a file (--record); who started the layers
 * reads them, prints a row a strategy, and writes trust.json (trust.schema.json).
 */
#ifndef STRESS_TRUST_H
#define STRESS_TRUST_H

#include "stress/options.h"

#include <stdio.h>

enum trust_verdict {
	TRUST_OK,
	TRUST_FAILED,
	TRUST_SKIPPED,
	TRUST_CAUGHT, /* controls: must fail, and did */
	TRUST_MISSED, /* and did not */
	TRUST_UNSEEN, /* and can't in this build */
	TRUST_VERDICTS,
};

/* One strategy or control in one scenario of one layer. */
struct trust_run {
	enum trust_verdict verdict;
	uint32_t layer; /* its number in layers.def; not in the file */
	char pool[64], scenario[64];
	uint64_t seed;
	double seconds;
	uint64_t operations;
	double reach; /* percent of the strategy's instructions that the freezer stepped; 0: nobody counted */
	uint32_t sites;         /* atomic ones of the strategy; 0: nobody counted */
	uint32_t sites_reached; /* of them: an execution of the explorer was there */
	struct pool_paths paths;
	enum promise broken; /* by what failed; of which the sentence tells, too */
	char sentence[STRESS_SENTENCE_BYTES];
};

/* One word each; TRUST_PATHS of the paths, and how often a run took one of them. */
extern const char *const trust_verdict_names[TRUST_VERDICTS];
enum { TRUST_PATHS = sizeof(struct pool_paths) / sizeof(uint64_t) };
extern const char *const trust_path_names[];
uint64_t trust_path_count(const struct pool_paths *paths, size_t path);

/* Adds the line; file NULL: nobody reads it. */
void trust_record(FILE *file, const struct trust_run *run);

struct trust {
	struct trust_run *run;
	size_t count, room;
	uint32_t passes;   /* through all layers */
	uint64_t failures; /* of a soak: those of all passes, one by one */
	struct trust_layer {
		char build[64], compiler[128]; /* as its program calls them; "": it was not run */
		double seconds;
	} * layer; /* one for each row of layers.def */
};

/*
 * Joins what a later pass added, runs[first..], to the earlier runs of the same layer, strategy and
 * scenario: what it did is added, and a failure is kept.
 */
void trust_join(struct trust *self, size_t first);

/* The first line of a layer's file: its build and what compiled it. */
void trust_record_build(FILE *file, const char *build);

/* Reads a layer's file. False: a line is not of this form. */
bool trust_read(struct trust *self, uint32_t layer, FILE *file);

/*
 * Prints a row a strategy, of which strategies the freezer did not reach enough, and what failed. whole: every
 * scenario was asked for, so each cold path that a strategy's traits declare must have run. The exit status: 0, 1 or
 * CHILD_STATUS_SKIPPED.
 */
int trust_print(const struct trust *self, bool whole);

/* Writes trust.json; 0 or a negative errno. */
int trust_write(const struct trust *self, const struct options *options, const char *path);

extern const char *const trust_layer_names[];

#endif
