/* The table of what a run has found: a line a mutant in a file of its own, and the page made of it. */
#ifndef STRESS_MUTANT_TABLE_H
#define STRESS_MUTANT_TABLE_H

#include "stress/mutant/list.h"

#include <stdio.h>

enum { TABLE_WORD_BYTES = 128, TABLE_SENTENCE_BYTES = 200 };

/* PASSES: of the tree as it is. The last is the page's alone: of what has no row. */
enum table_verdict {
	TABLE_KILLED,
	TABLE_EQUIVALENT,
	TABLE_PASSES,
	TABLE_LIVES,
	TABLE_BROKEN,
	TABLE_UNTRIED
};

struct table_row {
	char mutant[TABLE_WORD_BYTES];
	enum table_verdict verdict;
	char layer[TABLE_WORD_BYTES]; /* that killed it, or failed to compile it; "-": none */
	char where[TABLE_WORD_BYTES]; /* pool/scenario, or program/test; "-": nowhere */
	double seconds;               /* of CPU time in the run that killed it */
	char sentence[TABLE_SENTENCE_BYTES];
};

const char *table_verdict_name(enum table_verdict verdict);

/* Appends the row to the file. */
void table_append(FILE *file, const struct table_row *row);

/* The mutant's last row in the file's text. False: it has none. */
bool table_find(const char *text, const char *mutant, struct table_row *row);

/*
 * Writes the page: a row for each of the list, in its order; what has no file is the tree as it is. before: the
 * page as it was, whose rows stand for those that the text lacks.
 */
void table_page(FILE *file, const struct mutants *list, const char *text, const char *before);

/* The mutant's row in a page, without its sentence. False: it has none. */
bool table_page_find(const char *page, const char *mutant, struct table_row *row);

/*
 * Whether the page is that of the list, row for row, with nothing left to do: each mutant is killed, or lived and is
 * argued, and the tree as it is passes. False: why has the first row that is not so.
 */
bool table_page_is_whole(const char *page, const struct mutants *list, char *why, size_t why_bytes);

#endif
