/*
 * The memory of virtual threads, as C11 orders it.
 *
 * Each atomic word has its *messages*, all values that were stored to it, in the order in which they
 * were stored. Each thread has a *view*: of each word the oldest message that it may still read; and
 * of each thread how far it knows its doings (a vector clock). A release leaves its view in the
 * message, an acquire that reads the message joins it. So a relaxed load may read what was
 * overwritten long ago, as other processors do and x86 does not.
 *
 * Plain accesses are not decisions. Two of them to one byte, at least one a write, or one of them
 * and an atomic one, which no view orders, are a race, and a race is a failure.
 *
 * Real memory always holds the last message of each word, and what was written plainly. What an
 * execution wrote is undone at its end.
 *
 * Source: J. Kang and others, "A Promising Semantics for Relaxed-Memory Concurrency", POPL 2017, less
 * the promises; for sequentially consistent accesses and fences O. Lahav and others, "Repairing
 * Sequential Consistency in C/C++11", PLDI 2017. What is not here: a store that is ordered before
 * one that was made earlier (2+2W), and a load that reads what is stored later (load buffering).
 */
#ifndef STRESS_MODEL_VIEWS_H
#define STRESS_MODEL_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIEWS_STACK_BYTES = 1 << 18 };

/* As the compiler numbers them. */
enum views_order_number { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST };

/* Beside an order: it is no point at which another thread may go on; the caller has made one. */
enum { VIEWS_HERE = 1 << 4 };

/* What a read-modify-write makes of the old value. */
typedef uint64_t (*views_change)(uint64_t old, uint64_t operand);

/* The stack of a virtual thread. */
void *views_stack(uint32_t thread);

/* An execution begins; its threads are done, and what follows is looked at by one; it is undone. */
void views_begin(void);
void views_quiet(void);
void views_restore(void);

/*
 * Accesses of bytes 1, 2, 4 or 8 at an address aligned to them. from: the instruction. While no
 * virtual thread runs they are just made.
 */
uint64_t views_load(uintptr_t at, unsigned bytes, int order, const void *from);
void views_store(uintptr_t at, unsigned bytes, uint64_t value, int order, const void *from);
uint64_t views_modify(uintptr_t at, unsigned bytes, views_change change, uint64_t operand,
	int order, const void *from);
/* *expected becomes what was met. weak: it may fail for no reason. */
bool views_cas(uintptr_t at, unsigned bytes, uint64_t *expected, uint64_t value, int order,
	int failure, bool weak, const void *from);
/* Two words of 8 bytes at once; reads the last messages of both. */
bool views_cas_pair(uintptr_t at, uint64_t expected[2], const uint64_t value[2], const void *from);
void views_fence(int order, const void *from);

/* A plain access of any length. A write is told before it is made. */
void views_plain(uintptr_t at, size_t bytes, bool write, const void *from);

/* Edges that no word carries: what locks and CPUs, by their addresses, keep of one thread for the next. */
void views_leave_at(uintptr_t at, uint32_t thread);
void views_take_from(uintptr_t at, uint32_t thread);

#endif
