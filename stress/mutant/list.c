#include "stress/mutant/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Appends a line to a text of several. False: it is too long. */
static bool append(char *text, const char *line, size_t n)
{
	const size_t length = strlen(text);
	const bool first = length == 0;

	if (length + !first + n + 1 > MUTANT_TEXT_BYTES)
		return false;
	snprintf(text + length, MUTANT_TEXT_BYTES - length, "%s%.*s", first ? "" : "\n", (int)n,
		line);
	return true;
}

/* Copies a field without the blanks at its ends. False: it is too long. */
static bool copy_field(char *to, size_t bytes, const char *field)
{
	field += strspn(field, " ");
	const int n = snprintf(to, bytes, "%s", field);
	char *end = to + strlen(to);

	while (end > to && end[-1] == ' ')
		*--end = '\0';
	return n >= 0 && (size_t)n < bytes;
}

/* "NAME | POOLS | TESTS" */
static bool parse_head(const char *line, size_t n, struct mutant *mutant)
{
	char copy[MUTANT_NAME_BYTES + 2 * MUTANT_NAMES_BYTES];
	char *rest = copy;

	if (n >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)n, line);
	const char *name = strsep(&rest, "|");
	const char *pool_names = strsep(&rest, "|");
	const char *test_names = strsep(&rest, "|");
	return test_names != NULL && rest == NULL &&
	       copy_field(mutant->name, sizeof(mutant->name), name) &&
	       copy_field(mutant->pools, sizeof(mutant->pools), pool_names) &&
	       copy_field(mutant->tests, sizeof(mutant->tests), test_names) &&
	       mutant->name[0] != '\0';
}

static bool is_whole(const struct mutant *mutant)
{
	return mutant->file[0] != '\0' && mutant->text[0] != '\0' &&
	       strcmp(mutant->text, mutant->takes) != 0;
}

bool mutants_parse(const char *text, struct mutants *list, char *why, size_t why_bytes)
{
	struct mutant *mutant = NULL;
	size_t number = 0;

	list->count = 0;
	for (const char *line = text; *line != '\0'; number++) {
		const size_t n = strcspn(line, "\n");
		bool sound = line[0] == '=' || mutant != NULL;

		if (line[0] == '=') {
			if (mutant != NULL && !is_whole(mutant))
				break;
			sound = list->count < MUTANTS_MAX && n > 2;
			mutant = &list->of[sound ? list->count++ : 0];
			*mutant = (struct mutant){.name = ""};
			sound = sound && parse_head(line + 2, n - 2, mutant);
		} else if (n == 0 || line[0] == '#') {
			sound = true;
		} else if (sound && line[0] == '@' && n > 2 && n - 2 < MUTANT_NAME_BYTES) {
			snprintf(mutant->file, MUTANT_NAME_BYTES, "%.*s", (int)n - 2, line + 2);
		} else if (sound && line[0] == '-') {
			sound = append(mutant->text, line + 1, n - 1);
		} else if (sound && line[0] == '+') {
			sound = append(mutant->takes, line + 1, n - 1);
		} else if (sound && line[0] == '?' && n > 2) {
			sound = append(mutant->argument, line + 2, n - 2);
		} else {
			sound = false;
		}
		if (!sound) {
			snprintf(why, why_bytes, "line %zu is not of the form that the head tells",
				number + 1);
			return false;
		}
		line += n + (line[n] == '\n');
	}
	if (mutant == NULL || !is_whole(mutant)) {
		snprintf(why, why_bytes, "the mutant before line %zu lacks its file or its texts",
			number + 1);
		return false;
	}
	return true;
}

bool mutant_names_have(const char *names, const char *name)
{
	const size_t n = strlen(name);

	for (const char *at = names; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return names == NULL;
}

/* Adds to names, which have commas between them, those that are not there yet. False: no room. */
static bool join(char *names, size_t bytes, const char *more)
{
	char copy[MUTANT_NAMES_BYTES];
	char *rest = copy;
	char *name;

	snprintf(copy, sizeof(copy), "%s", more);
	while ((name = strsep(&rest, ",")) != NULL) {
		const size_t n = strlen(names);

		if (*name != '\0' && (n == 0 || !mutant_names_have(names, name)) &&
			(size_t)snprintf(names + n, bytes - n, "%s%s", n != 0 ? "," : "", name) >=
				bytes - n)
			return false;
	}
	return true;
}

bool mutants_add_unmodified(struct mutants *list)
{
	static struct mutants all;
	struct mutant tests = {.name = "unmodified"};
	char names[MUTANT_TEXT_BYTES] = "";
	char *rest = names;
	char *name;

	for (size_t i = 0; i < list->count; i++) {
		if (!join(names, sizeof(names), list->of[i].pools) ||
			!join(tests.tests, sizeof(tests.tests), list->of[i].tests))
			return false;
	}
	all.of[0] = tests;
	all.count = 1;
	while ((name = strsep(&rest, ",")) != NULL) {
		if (all.count == MUTANTS_MAX)
			return false;
		struct mutant *row = &all.of[all.count++];
		*row = (struct mutant){.file = ""};
		snprintf(row->name, sizeof(row->name), "unmodified_%s", name);
		snprintf(row->pools, sizeof(row->pools), "%s", name);
	}
	if (all.count + list->count > MUTANTS_MAX)
		return false;
	for (size_t i = 0; i < list->count; i++)
		all.of[all.count++] = list->of[i];
	*list = all;
	return true;
}

char *mutant_apply(const struct mutant *mutant, const char *text)
{
	const char *at = strstr(text, mutant->text);
	const size_t n = strlen(mutant->text);

	if (at == NULL || strstr(at + 1, mutant->text) != NULL)
		return NULL;
	const size_t bytes = strlen(text) - n + strlen(mutant->takes) + 1;
	char *mistaken = malloc(bytes);
	if (mistaken != NULL)
		snprintf(
			mistaken, bytes, "%.*s%s%s", (int)(at - text), text, mutant->takes, at + n);
	return mistaken;
}
