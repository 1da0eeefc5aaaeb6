/*
 * interrupted: mag_tls with a trait that lies: it says that signal handlers may use it. A get reads
 * where the top of the thread's magazine is and stores where it will be; a handler in between gets
 * the same object.
 */
#ifndef STRESS_BROKEN_INTERRUPTED_H
#define STRESS_BROKEN_INTERRUPTED_H

#include "alloc/pool/mag_tls.h"
#include "stress/controls.h"

static const struct pool_ops interrupted_ops = {
	.name = "interrupted",
	.summary = "lets signal handlers into a magazine that a thread is changing",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_THREAD, .signals = true},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(mag_tls_parts),
	POOL_HOT_HOOKS(mag_tls),
	.flush = thread_magazines_flush,
};

static const struct control control_interrupted = {
	.ops = &interrupted_ops,
	.scenario = "signals",
};

#endif
