/* See table.h. */
#include "stress/mutant/table.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[TABLE_KILLED] = "killed",
	[TABLE_EQUIVALENT] = "equivalent",
	[TABLE_PASSES] = "passes",
	[TABLE_LIVES] = "LIVES",
	[TABLE_BROKEN] = "BROKEN",
	[TABLE_UNTRIED] = "untried"};

const char *table_verdict_name(enum table_verdict verdict)
{
	return names[verdict];
}

void table_append(FILE *file, const struct table_row *row)
{
	fprintf(file, "%s\t%s\t%s\t%s\t%.1f\t%s\n", row->mutant, names[row->verdict], row->layer,
		row->where, row->seconds, row->sentence);
}

/* Copies the field that begins at `at`, and returns where the next one does. */
static const char *take_field(char *to, size_t bytes, const char *at)
{
	const size_t n = strcspn(at, "\t\n");

	snprintf(to, bytes, "%.*s", (int)n, at);
	return at + n + (at[n] == '\t');
}

static enum table_verdict verdict_of(const char *word)
{
	enum table_verdict verdict = TABLE_KILLED;

	while (verdict < TABLE_UNTRIED && strcmp(names[verdict], word) != 0)
		verdict++;
	return verdict;
}

bool table_find(const char *text, const char *mutant, struct table_row *row)
{
	const size_t n = strlen(mutant);
	const char *last = NULL;

	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		if (strncmp(at, mutant, n) == 0 && at[n] == '\t')
			last = at;
	}
	if (last == NULL)
		return false;
	char word[TABLE_WORD_BYTES];
	last = take_field(row->mutant, sizeof(row->mutant), last);
	last = take_field(word, sizeof(word), last);
	row->verdict = verdict_of(word);
	last = take_field(row->layer, sizeof(row->layer), last);
	last = take_field(row->where, sizeof(row->where), last);
	last = take_field(word, sizeof(word), last);
	row->seconds = strtod(word, NULL);
	take_field(row->sentence, sizeof(row->sentence), last);
	return true;
}

/* Copies the cell that begins at `at`, and returns where the next one does. */
static const char *take_cell(char *to, size_t bytes, const char *at)
{
	const char *end = strstr(at, " | ");
	const size_t n = end != NULL ? (size_t)(end - at) : 0;

	snprintf(to, bytes, "%.*s", (int)n, at);
	return at + n + (end != NULL ? strlen(" | ") : 0);
}

bool table_page_find(const char *page, const char *mutant, struct table_row *row)
{
	char start[TABLE_WORD_BYTES + 8], word[TABLE_WORD_BYTES];

	snprintf(start, sizeof(start), "\n| %s | ", mutant);
	const char *at = strstr(page, start);
	if (at == NULL)
		return false;
	*row = (struct table_row){.sentence = ""};
	snprintf(row->mutant, sizeof(row->mutant), "%s", mutant);
	at = take_cell(word, sizeof(word), at + strlen(start)); /* the file */
	at = take_cell(row->layer, sizeof(row->layer), at);
	at = take_cell(row->where, sizeof(row->where), at);
	row->seconds = strtod(at, NULL);
	/* What is none of the other words is the layer that killed it. */
	row->verdict = TABLE_EQUIVALENT;
	while (row->verdict <= TABLE_UNTRIED && strcmp(names[row->verdict], row->layer) != 0)
		row->verdict++;
	if (row->verdict > TABLE_UNTRIED)
		row->verdict = TABLE_KILLED;
	return true;
}

/* A cell of the page: on one line, and without what divides cells. */
static void print_cell(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		fputc(*text == '\n' || *text == '|' ? ' ' : *text, file);
}

void table_page(FILE *file, const struct mutants *list, const char *text, const char *before)
{
	static const struct table_row none = {.verdict = TABLE_UNTRIED, .layer = "-", .where = "-"};
	size_t count[TABLE_UNTRIED + 1] = {0}, all = 0, unmodified = 0;

	fputs("What found each mistake of stress/mutant/mutants.txt, by `./nblbench stress "
	      "--mutants`: the layer, the pool and its scenario\n"
	      "or the test, and how many seconds of CPU time that program took. "
	      "stress/README.md tells the layers. The rows without a\n"
	      "file are the tree as it is, which has to pass all that is tried on mutants.\n\n"
	      "| mutant | file | killed by | in | s |\n|---|---|---|---|---:|\n",
		file);
	for (size_t i = 0; i < list->count; i++) {
		const struct mutant *mutant = &list->of[i];
		struct table_row row;

		if (!table_find(text, mutant->name, &row) &&
			!table_page_find(before, mutant->name, &row))
			row = none;
		const bool killed = row.verdict == TABLE_KILLED;
		const bool mistaken = mutant->file[0] != '\0';
		count[row.verdict] += mistaken || row.verdict == TABLE_PASSES;
		all += mistaken;
		unmodified += !mistaken;
		fprintf(file, "| %s | %s | %s | ", mutant->name, mistaken ? mutant->file : "-",
			killed ? row.layer : names[row.verdict]);
		print_cell(file, row.verdict == TABLE_EQUIVALENT ? mutant->argument : row.where);
		if (killed)
			fprintf(file, " | %.1f |\n", row.seconds);
		else
			fputs(" | |\n", file);
	}
	fprintf(file,
		"\n%zu mutants: %zu killed, %zu equivalent, %zu living, %zu broken, %zu untried. "
		"The tree as it is passes %zu of %zu rows.\n",
		all, count[TABLE_KILLED], count[TABLE_EQUIVALENT], count[TABLE_LIVES],
		count[TABLE_BROKEN], count[TABLE_UNTRIED], count[TABLE_PASSES], unmodified);
}

/* Whether nothing is left to do about the mutant. */
static bool is_settled(const struct mutant *mutant, const struct table_row *row)
{
	if (mutant->file[0] == '\0')
		return row->verdict == TABLE_PASSES;
	return row->verdict == TABLE_KILLED ||
	       (row->verdict == TABLE_EQUIVALENT && mutant->argument[0] != '\0');
}

bool table_page_is_whole(const char *page, const struct mutants *list, char *why, size_t why_bytes)
{
	char *same = NULL;
	size_t bytes = 0, at = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct table_row row;

		if (!table_page_find(page, list->of[i].name, &row)) {
			snprintf(why, why_bytes, "%s has no row", list->of[i].name);
			return false;
		}
		if (!is_settled(&list->of[i], &row)) {
			snprintf(why, why_bytes, "%s: %s", list->of[i].name, names[row.verdict]);
			return false;
		}
	}
	/* The page that is made of its own rows is itself, unless it has more, or others' words. */
	FILE *file = open_memstream(&same, &bytes);
	if (file == NULL)
		abort();
	table_page(file, list, "", page);
	if (fclose(file) != 0)
		abort();
	while (page[at] != '\0' && page[at] == same[at])
		at++;
	const bool is_same = page[at] == same[at];
	while (at > 0 && page[at - 1] != '\n')
		at--;
	snprintf(why, why_bytes, "'%.*s' should be '%.*s'", (int)strcspn(page + at, "\n"),
		page + at, (int)strcspn(same + at, "\n"), same + at);
	free(same);
	return is_same;
}
