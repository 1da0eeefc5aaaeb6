/*
 * Negative controls: pools with one mistake each, which the scenarios must find. A harness is
 * believed when its controls fail, and not before, so a run that misses one fails itself.
 *
 * None helps: it does not yield inside its own window, and it has the time that pools have. Nor has it less than
 * they have: what it shares with others, or with a signal handler, it accesses by atomics, before which the perturbed
 * build delays.
 *
 * A control is one header, stress/broken/<name>.h, that ends in a `static const struct control
 * control_<name>`, and one line in stress/broken.def. It is a strategy, mostly treiber_tag, but
 * for the mistake, and never in pools.def.
 */
#ifndef STRESS_CONTROLS_H
#define STRESS_CONTROLS_H

#include "alloc/pool.h"
#include "alloc/pool/treiber_tag.h"
#include "stress/stress.h"

#include <stdbool.h>

/* Builds that can see the mistake: any, unless a control says otherwise. */
enum control_build { CONTROL_ANY_BUILD, CONTROL_PERTURBED, CONTROL_THREAD_SANITIZER };

struct control {
	const struct pool_ops *ops; /* its name is the control's */
	const char *scenario;       /* that must fail on it */
	/* A part of the verdict, so that another failure does not pass for this one; NULL: any. */
	const char *sign;
	const char *other_sign; /* as the same mistake may show too; NULL: none */
	enum control_build build;
	double limit_s; /* when to give up waiting; 0: as for every run */
};

/*
 * How many calls all threads have made, this one included. A thread lives for a round only, in which it may
 * make a few hundred calls on a busy machine.
 */
static inline uint32_t control_call(atom_u32 *calls)
{
	return atom_add_relaxed(calls, 1) + 1;
}

/* In the order of broken.def; ends in NULL. */
extern const struct control *const controls[];

/*
 * What a broken treiber_tag keeps: everything but the four hooks that move objects. its_parts:
 * treiber_tag_parts, or the control's own.
 */
#define CONTROL_COLD_HOOKS(its_parts) \
	POOL_LIFE_CYCLE(its_parts), .supported = pool_supported_always, .flush = pool_flush_nothing

/* <name>_ops, the table of a treiber_tag whose get, or whose put, is the control's: <name>_get, <name>_put. */
#define CONTROL_WITH_GET(its_name, its_parts, its_summary) \
	POOL_GET_EACH(its_name)                            \
	CONTROL_OPS(its_name, its_parts, its_summary, its_name, treiber_tag)
#define CONTROL_WITH_PUT(its_name, its_parts, its_summary) \
	POOL_PUT_EACH(its_name)                            \
	CONTROL_OPS(its_name, its_parts, its_summary, treiber_tag, its_name)
#define CONTROL_OPS(its_name, its_parts, its_summary, getter, putter)  \
	static const struct pool_ops its_name##_ops = {                \
		.name = #its_name,                                     \
		.summary = its_summary,                                \
		.traits = {.progress = POOL_LOCK_FREE, .exact = true}, \
		CONTROL_COLD_HOOKS(its_parts),                         \
		.get = getter##_get,                                   \
		.put = putter##_put,                                   \
		.get_bulk = getter##_get_bulk,                         \
		.put_bulk = putter##_put_bulk,                         \
	};

#endif
