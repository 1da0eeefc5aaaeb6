/* The list of mutants, mutants.txt: its head says how a row is written. */
#ifndef STRESS_MUTANT_LIST_H
#define STRESS_MUTANT_LIST_H

#include <stdbool.h>
#include <stddef.h>

enum {
	MUTANTS_MAX = 512,
	MUTANT_TEXT_BYTES = 1024,
	MUTANT_NAME_BYTES = 128,
	MUTANT_NAMES_BYTES = 512
};

struct mutant {
	char name[MUTANT_NAME_BYTES];
	char pools[MUTANT_NAMES_BYTES]; /* with commas between them; may be empty */
	char tests[MUTANT_NAMES_BYTES]; /* likewise */
	char file[MUTANT_NAME_BYTES];   /* from the top of the tree */
	char text[MUTANT_TEXT_BYTES];   /* that stands there */
	char takes[MUTANT_TEXT_BYTES];  /* its place */
	char argument[MUTANT_TEXT_BYTES];
};

struct mutants {
	struct mutant of[MUTANTS_MAX];
	size_t count;
};

/* False, and a sentence in why: a row is not well-formed. */
bool mutants_parse(const char *text, struct mutants *list, char *why, size_t why_bytes);

/* Whether names, which has commas between them, has that one. NULL has all. */
bool mutant_names_have(const char *names, const char *name);

/*
 * Puts the tree as it is before the list, as rows without a file: under every unit test that a mutant names, and under
 * each pool, a row each. What fails there proves nothing of a mutant. False: there is no room for that.
 */
bool mutants_add_unmodified(struct mutants *list);

/* The file's text with the mistake, to be freed; NULL: the mutant's text is not in it exactly once. */
char *mutant_apply(const struct mutant *mutant, const char *text);

#endif
