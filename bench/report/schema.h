/*
 * Holds JSON against a description of it: the part of JSON Schema (draft 7) that our own descriptions
 * use. A keyword that is not known here is refused, so that none is believed to be checked.
 */
#ifndef BENCH_REPORT_SCHEMA_H
#define BENCH_REPORT_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

enum { SCHEMA_WHY_BYTES = 256 };

/* True, or false with a sentence in why (SCHEMA_WHY_BYTES) that names the place: "/cells/0/rows has ...". */
bool schema_holds(const json_t *schema, const json_t *value, char *why);

#endif
