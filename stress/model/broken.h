/* The negative controls whose mistakes an explorer has to find; the others' are of threads that end, or of time. */
#ifndef STRESS_MODEL_BROKEN_H
#define STRESS_MODEL_BROKEN_H

#include "alloc/pool.h"

struct model_control {
	const struct pool_ops *ops;
	/* A part of the sentence, so that another failure does not pass for this one. */
	const char *sign;
	/* Not NULL: nothing fails, but the one atomic site in this function is not reached. */
	const char *unreached;
};

/* Ends in one without ops. */
extern const struct model_control model_controls[];

#endif
