/*
 * withholds: says NULL while its last object is free. It does not claim to be exact, and yet says of
 * no thread that it keeps something.
 */
#ifndef STRESS_BROKEN_WITHHOLDS_H
#define STRESS_BROKEN_WITHHOLDS_H

#include "stress/broken/empty_early.h"

static const struct pool_ops withholds_ops = {
	.name = "withholds",
	.summary = "keeps an object back that its bound does not name",
	.traits = {.progress = POOL_LOCK_FREE},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = empty_early_get,
	.put = treiber_tag_put,
	.get_bulk = empty_early_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_withholds = {
	.ops = &withholds_ops,
	.scenario = "exhaustion",
	.sign = "may withhold",
};

#endif
