/*
 * Machine code as objdump prints it: the instructions of one object file, one after the other, for
 * the tests that look at what the compiler made.
 */
#ifndef BENCH_CODEGEN_LISTING_H
#define BENCH_CODEGEN_LISTING_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct listing {
	FILE *stream;
	pid_t child;
	/* Where the present instruction stands: ".text", ".text.unlikely", "__rseq_failure", ... */
	char section[128];
	char function[256]; /* the symbol before it: "case_pair", "case_pair.cold", ... */
	bool first;         /* of its function */
	unsigned long at;   /* its address within the section */
	/* As objdump has it, in AT&T syntax: "lock cmpxchg %rcx,(%r11)". */
	const char *instruction;
	/* What the linker will put into it: "memcpy-0x4", ".text.unlikely+0x48"; "": nothing. */
	const char *relocation;
	bool by_address; /* of a name, which the linker has in a table: the relocation's kind */
	char line[1024];
};

/* Starts objdump (a path) on an object. False, with a message, if it can't be started. */
bool listing_open(struct listing *self, const char *objdump, const char *object);

/* Goes to the first or the next instruction. False at the end. */
bool listing_next(struct listing *self);

/* Ends the reading. False, with a message, if objdump failed: what was read may not be all. */
bool listing_close(struct listing *self, const char *objdump, const char *object);

#endif
