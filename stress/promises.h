/* What strategies are held to: promises.def. */
#ifndef STRESS_PROMISES_H
#define STRESS_PROMISES_H

#include <stddef.h>

/* What a failure shows to be broken. */
enum promise {
	/* None: this machine, or the attack itself, did not let it show anything. */
	PROMISE_NONE,
#define PROMISE(number, name, text) PROMISE_##name = (number),
#include "stress/promises.def"
};

/* The text of a row; "" of PROMISE_NONE and of numbers that have no row. */
const char *promise_text(enum promise promise);

/* How a sentence begins that tells of it, "P1 (an object ...): "; "" for PROMISE_NONE. Returns its length, which is below bytes. */
size_t promise_begin(char *text, size_t bytes, enum promise promise);

#endif
