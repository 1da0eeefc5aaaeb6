/* See log.h. */
#include "stress/mutant/log.h"

#include <string.h>

enum { STATUS_TIMEOUT = 124, STATUS_KILLED = 137 };

void log_tell_build(const char *log, struct table_row *row)
{
	const char *error = strstr(log, "error: ");
	const bool asserted = strstr(log, "static assertion failed") != NULL;

	row->verdict = asserted ? TABLE_KILLED : TABLE_BROKEN;
	snprintf(row->layer, sizeof(row->layer), "compiler");
	snprintf(row->where, sizeof(row->where), "%s", asserted ? "static_assert" : "-");
	snprintf(row->sentence, sizeof(row->sentence), "%.*s",
		error != NULL ? (int)strcspn(error, "\n") : 0, error != NULL ? error : "");
}

/* The first line that begins so; NULL: none does. */
static const char *line_of(const char *text, const char *start)
{
	const size_t n = strlen(start);

	while (text != NULL && strncmp(text, start, n) != 0) {
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return text;
}

/*
 * "FAILED pool scenario sentence" of our programs, "[  FAILED  ] test" of a unit test, after the line that
 * tells why.
 */
void log_tell_failure(const char *log, const char *program, int status, struct table_row *row)
{
	char pool[64] = "", scenario[64] = "";
	int used = 0;

	snprintf(row->where, sizeof(row->where), "%s", program);
	if (status == STATUS_TIMEOUT || status == STATUS_KILLED)
		snprintf(row->sentence, sizeof(row->sentence), "no end within %d s", LOG_LIMIT_S);
	else
		snprintf(row->sentence, sizeof(row->sentence), "exit status %d", status);
	const char *at = strstr(log, "[  FAILED  ] ");
	if (at != NULL) {
		const char *why = strstr(log, "[  ERROR   ] ");

		at += strlen("[  FAILED  ] ");
		snprintf(row->where, sizeof(row->where), "%s/%.*s", program,
			(int)strcspn(at, " \n"), at);
		if (why != NULL)
			snprintf(row->sentence, sizeof(row->sentence), "%.*s",
				(int)strcspn(why, "\n"), why);
	} else if ((at = line_of(log, "FAILED ")) != NULL &&
		   sscanf(at, "FAILED %63s %63s %n", pool, scenario, &used) == 2) {
		snprintf(row->where, sizeof(row->where), "%s/%s", pool, scenario);
		snprintf(row->sentence, sizeof(row->sentence), "%.*s",
			(int)strcspn(at + used, "\n"), at + used);
	}
	for (char *c = row->sentence; *c != '\0'; c++)
		*c = *c == '\t' ? ' ' : *c;
}
