/*
 * What is told of a process that dies of a signal or does not end: the last operations of each
 * thread (record.h), and where its threads stand.
 *
 * Who dies tells addresses, and who prints what it told names their lines. Where a sanitizer watches, it
 * tells of crashes itself, and better.
 */
#ifndef STRESS_BASE_EVIDENCE_H
#define STRESS_BASE_EVIDENCE_H

#include "stress/base/locations.h"

#include <signal.h>
#include <stdio.h>

enum { EVIDENCE_SIGNAL = SIGQUIT }; /* sent to a process, it tells where its threads stand */

/* How a line begins that tells a frame of a stack; its offset follows, in hexadecimal digits. */
#define EVIDENCE_FRAME "  at " LOCATIONS_OFFSET

/* Installs the handlers; the process has one thread. */
void evidence_arm(void);

/*
 * For a thread that has failed: blocks all signals but those that ask for evidence. A scenario's handler would
 * run on top of what the thread is telling, fail in its turn, and wait for it for ever.
 */
void evidence_undisturbed(void);

/*
 * The threads of an armed process tell where they stand, to stderr; the calling one where the signal came of which that is
 * the context, or where it is, if that is NULL. From a signal handler, too, whatever the thread was at.
 */
void evidence_stacks(void *context);

/*
 * Prints what a process of this program has told, each line behind `before`, and frames of stacks with their lines in
 * the source; with their addresses, and a sentence why, where no tool is there that knows them.
 */
void evidence_print(FILE *out, const char *before, const char *text);

#endif
