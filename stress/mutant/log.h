/* What the log of a build or of a run that failed tells of a mutant. */
#ifndef STRESS_MUTANT_LOG_H
#define STRESS_MUTANT_LOG_H

#include "stress/mutant/table.h"

/* What ends a run that waits for ever, by the clock: 49 s of CPU time took the tree as it is 110 s beside others. */
enum { LOG_LIMIT_S = 1200 };

/* Of a build: a mistake may be found by the compiler (a static assertion); one that is not C is none. */
void log_tell_build(const char *log, struct table_row *row);

/* Of a run: where the program failed, and its sentence. status: of the shell, or of timeout(1). */
void log_tell_failure(const char *log, const char *program, int status, struct table_row *row);

#endif
