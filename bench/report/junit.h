/*
 * JUnit's XML, as Jenkins, GitLab and GitHub's actions read it: a suite a cell, a case a row. The format
 * has no word for a figure, so it stands in what a case has said. A case fails where its row is
 * broken; `compare` lets those fail, too, that meet its condition.
 */
#ifndef BENCH_REPORT_JUNIT_H
#define BENCH_REPORT_JUNIT_H

#include "bench/analysis/analysis.h"

#include <jansson.h>
#include <stdio.h>

/* A case's end. At most one of the first two is given, as a record that junit.xml shows, else null. */
struct junit_case {
	const char *name;
	json_t *failure, *skipped;
	char *said; /* freed; NULL: nothing */
};

/*
 * Why a row has no figure: a failure where it broke, skipped where it is not supported or had no object
 * to give, which a sweep doesn't count as a failure either; null else.
 */
json_t *junit_failure(const struct analysis_result *result, const char *command);
json_t *junit_skipped(const struct analysis_result *result);

/* Adds a case, whose records it takes over, to a list. */
void junit_add(json_t *cases, const char *suite, struct junit_case one);

/* Adds a suite of these cases, which it takes over; nothing if there are none. properties: taken over too. */
void junit_close(
	json_t *suites, const char *name, int64_t started_ns, json_t *properties, json_t *cases);

/* A property of a suite. */
json_t *junit_property(const char *name, const char *value);

/* Prints the document, and frees the suites. */
void junit_print(const char *name, json_t *suites, FILE *out);

#endif
