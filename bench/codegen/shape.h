/*
 * The shape of a piece of x86-64 machine code: how many instructions of which kind it has. What is
 * counted, of the instructions as objdump prints them:
 *
 *	instructions   all, but padding (nop) and endbr64
 *	calls          call, and jumps to another function; not jumps into cold text
 *	loads, stores  instructions that read, that write memory; both, if an instruction does both.
 *	               push stores, pop loads; what call and ret do to the stack is not counted, nor
 *	               are lea and prefetch
 *	locked         those with a lock prefix, and xchg with memory. They count as neither loads
 *	               nor stores
 *
 * Cold text is what the compiler put into .text.unlikely.
 *
 * A function is looked at in two ways: as a whole, and along its straight path, which follows each
 * plain jump and falls through each conditional one, to the first return, jump out of the function
 * or instruction that it has passed before. Where the source says what is likely, gcc lays it out
 * that way, so the straight path is what a call executes as a rule; of a loop it has one round, or
 * none.
 */
#ifndef BENCH_CODEGEN_SHAPE_H
#define BENCH_CODEGEN_SHAPE_H

#include "bench/codegen/listing.h"

#include <stddef.h>

struct shape {
	unsigned instructions, calls, loads, stores, locked;
	unsigned copies; /* calls of memcpy; counted as calls too */
};

enum shape_flow { SHAPE_GOES_ON, SHAPE_JUMPS, SHAPE_ENDS };

/* One instruction of a function. */
struct shape_step {
	unsigned long at;     /* its address */
	unsigned long target; /* where it jumps to, if it always does */
	enum shape_flow flow;
	struct shape shape; /* counts of this instruction alone */
	bool passed;        /* shape_straight's own */
};

/* The listing's present instruction. */
struct shape_step shape_of(const struct listing *at);

/* All of a function, whose instructions are step[0..count) in the order of their addresses. */
struct shape shape_whole(const struct shape_step *step, size_t count);

/* Its straight path; once, since it marks where it was. */
struct shape shape_straight(struct shape_step *step, size_t count);

#endif
