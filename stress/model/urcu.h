/*
 * liburcu as the explorer compiles it, included before everything else by what is explored: its structures
 * (lfstack.h, wfstack.h, wfcqueue.h) are its own text, in the inline form, and its operations call the explorer.
 *
 * Its assembly becomes compiler builtins (alloc/atomic/urcu_model.h), full barriers both: on x86 each is one
 * locked instruction. Its shared loads and stores are acquires and releases, which any access is on x86,
 * where no load is made before an earlier one and no store before what came before it; so its barriers for reading are none
 * there, and none here. That liburcu's orders suffice on weaker processors is not shown.
 */
#ifndef STRESS_MODEL_URCU_H
#define STRESS_MODEL_URCU_H

#include "stress/model/rcu.h"

#include <poll.h>

#include "alloc/atomic/urcu_model.h"

/* Who waits lets others go first. */
void machine_pause(void);
int machine_yield(void);
#undef caa_cpu_relax
#define caa_cpu_relax()        machine_pause()
#define poll(files, count, ms) machine_yield()

#include <urcu-bp.h>

#undef urcu_bp_read_lock
#undef urcu_bp_read_unlock
#undef urcu_bp_read_ongoing
#define urcu_bp_read_lock()    machine_rcu_enter()
#define urcu_bp_read_unlock()  machine_rcu_leave()
#define urcu_bp_read_ongoing() machine_rcu_inside()

#endif
