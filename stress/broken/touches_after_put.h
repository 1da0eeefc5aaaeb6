/*
 * touches_after_put: writes to an object once more after it has given it away, beyond the 8 bytes
 * that are the pool's. A debug build's poison, a link in the wrong place, or a counter does that.
 */
#ifndef STRESS_BROKEN_TOUCHES_AFTER_PUT_H
#define STRESS_BROKEN_TOUCHES_AFTER_PUT_H

#include "stress/controls.h"

enum { TOUCHES_AFTER_PUT_OFFSET = 16 };

static void touches_after_put_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	uint64_t *late = (uint64_t *)((char *)object + TOUCHES_AFTER_PUT_OFFSET);

	treiber_tag_put(pool, thread, object);
	*late = 0;
}

CONTROL_WITH_PUT(
	touches_after_put, treiber_tag_parts, "writes to an object after it has given it away")

static const struct control control_touches_after_put = {
	.ops = &touches_after_put_ops,
	.scenario = "churn",
};

#endif
