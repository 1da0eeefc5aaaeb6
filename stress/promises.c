/* See promises.h. */
#include "stress/promises.h"

#include <stdio.h>

static const char *const texts[] = {
	[PROMISE_NONE] = "",
#define PROMISE(number, name, text) [PROMISE_##name] = (text),
#include "stress/promises.def"
};

enum {
	ROWS = 1
#define PROMISE(number, name, text) +1
#include "stress/promises.def"
};
_Static_assert(sizeof(texts) / sizeof(*texts) == ROWS, "each number has a row of its own");

const char *promise_text(enum promise promise)
{
	return (size_t)promise < ROWS ? texts[promise] : "";
}

size_t promise_begin(char *text, size_t bytes, enum promise promise)
{
	int n = 0;

	text[0] = '\0';
	if (*promise_text(promise) != '\0')
		n = snprintf(text, bytes, "P%d (%s): ", (int)promise, promise_text(promise));
	return (size_t)n < bytes ? (size_t)n : bytes - 1;
}
