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
		if (text != NULL)
			text++;
	}
	return text;
}

/* Where a unit test first tells that something is wrong; the log's end: it ended without a word. */
static const char *first_sign(const char *log)
{
	static const char *const signs[] = {"[  ERROR   ] ", "[  FAILED  ] ",
		"Could not run test: ", "WARNING: ThreadSanitizer: ", "ERROR: AddressSanitizer: ",
		"ERROR: LeakSanitizer: "};
	const char *first = log + strlen(log);

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		const char *at = strstr(log, signs[i]);

		first = at != NULL && at < first ? at : first;
	}
	return first;
}

/* The test that began last before `end`; NULL: none did. */
static const char *last_test(const char *log, const char *end)
{
	static const char begins[] = "[ RUN      ] ";
	const char *last = NULL;

	while ((log = strstr(log, begins)) != NULL && log < end) {
		log += strlen(begins);
		last = log;
	}
	return last;
}

/*
 * "FAILED pool scenario sentence" of our programs; of a unit test the one that ran, and the first line that
 * tells why.
 */
void log_tell_failure(const char *log, const char *program, int status, struct table_row *row)
{
	const char *sign = first_sign(log);
	const char *test = last_test(log, sign);
	const char *at = line_of(log, "FAILED ");
	char pool[64] = "", scenario[64] = "";
	int used = 0;

	snprintf(row->where, sizeof(row->where), "%s", program);
	if (status == STATUS_TIMEOUT || status == STATUS_KILLED)
		snprintf(row->sentence, sizeof(row->sentence), "no end within %d s", LOG_LIMIT_S);
	else
		snprintf(row->sentence, sizeof(row->sentence), "exit status %d", status);
	if (test != NULL) {
		snprintf(row->where, sizeof(row->where), "%s/%.*s", program,
			(int)strcspn(test, " \n"), test);
		if (*sign != '\0')
			snprintf(row->sentence, sizeof(row->sentence), "%.*s",
				(int)strcspn(sign, "\n"), sign);
	} else if (at != NULL && sscanf(at, "FAILED %63s %63s %n", pool, scenario, &used) == 2) {
		snprintf(row->where, sizeof(row->where), "%s/%s", pool, scenario);
		snprintf(row->sentence, sizeof(row->sentence), "%.*s",
			(int)strcspn(at + used, "\n"), at + used);
	}
	for (char *c = row->sentence; *c != '\0'; c++)
		*c = *c == '\t' ? ' ' : *c;
}
