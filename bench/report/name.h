/* Names of documents: what was measured, of which commit, on which processor and on which day. */
#ifndef BENCH_REPORT_NAME_H
#define BENCH_REPORT_NAME_H

#include "bench/analysis/analysis.h"

#include <limits.h>

enum { NAME_BYTES = 256 }; /* room for a name, which file systems bound to 255 bytes */

/* "sweep" of "out/sweep.db". */
void name_of_store(const char *path, char name[NAME_BYTES]);

/* Appends text as part of a file's name: what is not plain becomes a dash. Long text is cut off. */
void name_append(char *name, size_t bytes, const char *text);

/* Appends "-v0.1-7-gabc1234-amd-epyc-2026-01-31": of the store's last machine and the start there. */
void name_append_source(char name[NAME_BYTES], const struct analysis *a);

#endif
