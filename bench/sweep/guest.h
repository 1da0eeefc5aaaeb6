/*
 * Guests of a sweep: another build of this program, whose workers compete beside this one's, and
 * libraries that replace malloc. Each is tried before the sweep, by a worker that says what it is,
 * so that what can't work is refused in one sentence and nothing is measured under a wrong name.
 */
#ifndef BENCH_SWEEP_GUEST_H
#define BENCH_SWEEP_GUEST_H

#include "bench/base/options.h"

#include <limits.h>

enum {
	GUEST_NAME_BYTES = 32,
	GUEST_ID_BYTES = 65,
	GUEST_REVISION_BYTES = 64,
	GUEST_MADE_BYTES = 512,
	GUEST_DIGEST_BYTES = 17,
	GUEST_LIBRARIES_MAX = OPTIONS_TEXTS_MAX,
	GUEST_WHY_BYTES = PATH_MAX + 1024, /* room for a sentence with a path in it */
};

/* Another build of this program. */
struct guest_build {
	char name[GUEST_NAME_BYTES]; /* what stands behind the @ of its rows' labels */
	char program[PATH_MAX];      /* absolute */
	char build_id[GUEST_ID_BYTES];
	char revision[GUEST_REVISION_BYTES]; /* as revision.h has it */
	char made[GUEST_MADE_BYTES];         /* its compiler and flags */
};

/* A library that is preloaded to replace malloc. */
struct guest_library {
	char name[GUEST_NAME_BYTES];     /* its row's label */
	char path[PATH_MAX];             /* absolute, and no link */
	char digest[GUEST_DIGEST_BYTES]; /* of the file's bytes, hexadecimal */
};

/*
 * Finds the program in place, which is a build directory, a tree with one in build/release, or the
 * program itself, and has a worker of it say what it is. 0 and *out, or -1 with a clause without a
 * full stop in why (GUEST_WHY_BYTES).
 */
int guest_find_build(const char *place, struct guest_build *out, char *why);

/*
 * Takes "NAME=PATH" and has a worker say whether the library at PATH answers in place of malloc and
 * its kin. 0 and *out, or -1 as above.
 */
int guest_find_library(const char *text, struct guest_library *out, char *why);

#endif
