/*
 * What documents for programs are made of. Text of a store may hold any bytes, and JSON and XML must be
 * UTF-8 throughout: their readers refuse a whole document for one byte. What is no character, or none that
 * XML may hold, becomes a question mark. And JSON has neither NAN nor infinity.
 */
#ifndef BENCH_REPORT_DOCUMENT_H
#define BENCH_REPORT_DOCUMENT_H

#include "bench/analysis/analysis.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

/* A JSON string; NULL becomes null. NULL: no memory. */
json_t *document_text(const char *text);

/* Sets a member of an object if the value is finite, else leaves it out. */
void document_set(json_t *object, const char *name, double value);

/* What a logarithm is of; NAN if it is not finite: the end of an interval that has none. */
static inline double document_factor(double logarithm)
{
	return isfinite(logarithm) ? exp(logarithm) : NAN;
}

/* Between tags of XML, and inside a quoted attribute; a template_escape. */
void document_xml(FILE *out, const char *text);

/* A row's name, "pair, 2 threads/mag_tls"; and what its state and reason say, "hung: no slice in 5 s". */
json_t *document_row(const struct analysis *a, size_t cell, size_t subject);
json_t *document_reason(const struct analysis_result *result);

/* The last machine's processor as it names itself; "unknown" if it did not. */
const char *document_cpu(const struct analysis *a);

/* Prints the tree, ended by a newline, and frees it. Ends the program if it is NULL, for want of memory. */
void document_print(json_t *all, FILE *out);

#endif
