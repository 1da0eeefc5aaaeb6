/*
 * The progress freezer: a thread is stopped at every instruction boundary of its calls, and another one
 * must still finish its own. That is what lock-freedom forbids to depend on luck, tried by
 * exhaustion: whatever a stopped thread holds at that moment, it never lets go.
 *
 * The victim runs a script of calls that goes through refill, flush and exhaustion. It stops itself (step.h), and
 * leaves the CPU to the survivor, a thread of the same process. That one gets and puts with a net
 * change, so that the victim finds another pool than the one it left (ABA included) when it goes on; or it goes round everything
 * there is, so that rings are lapped and the depot is drained. Owner stamps are checked on both sides, and
 * the pool's books at the end.
 *
 * The threads' areas for restartable sequences are of our own (kernel.h). A section that is left in the middle is
 * aborted if the survivor had a turn on the same CPU, or made a fence; else it goes on, to its commit.
 *
 * A call is stepped once, to learn its path, and then stopped at each boundary of it, a pass over the script each time.
 *
 * In a second pass the victim dies at its boundaries, each time in a new pool: the survivor gets what is left,
 * each object once, and no more is lost than the call was about and pool_ops.lost says.
 *
 * A thread that stands before an instruction of the program forks there, as by a signal's handler: the child ends the call,
 * and finds everything. Then the survivor forks, and its child finds what deaths leave. At each instruction once.
 *
 * In the end two victims are stopped at once, and die at once, and one is stepped beside one that is stopped (pairs.h).
 *
 * A survivor is given up when it sleeps on, or has run for some 10^2 times as long as it needs.
 *
 * What it can't show: progress of the system under interference without end, and wait-freedom, of which
 * alloc/pool/steps_test.c looks at one kind of interference.
 */
#ifndef STRESS_PROGRESS_FREEZER_H
#define STRESS_PROGRESS_FREEZER_H

#include "stress/progress/actor.h"
#include "stress/stress.h"

/* How a survivor that was kept waiting is reported: stress_fail's sentence contains it. */
#define FREEZER_BLOCKED "kept another waiting"

/* How one that died with more than was its own is reported. */
#define FREEZER_TOOK "objects with it"

/* How a forked child is reported that lacks too much, and one that ended a call in which it was forked. */
#define FORKS_BESIDE "child of another"
#define FORKS_WITHIN "child that was forked there"

/* Where a run is: for who reads of its end. */
struct freezer_place {
	enum actor_call call;
	uint32_t boundary;
	uintptr_t offset; /* of the instruction in the program (locations.h) */
	const char *mode; /* NULL: nowhere yet */
};

/*
 * Examines run->ops in the calling process, which has one thread and is bound to one CPU: of all its threads one at a
 * time has a turn. Ends it through stress_fail or stress_skip (not on this architecture), or returns after a
 * stress_note. one_in: of so many boundaries it tries one, and so large a part of the pairs, as the seed says; 1: all.
 * walks: first the victim goes all ways; where it is stopped and the survivor would wait for it, it goes on: so a pool
 * that blocks shows where its calls go. *place: in memory that the reader shares.
 */
void freezer_run(
	const struct stress *run, uint32_t one_in, bool walks, struct freezer_place *place);

#endif
