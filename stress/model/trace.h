/* What an execution did, step by step, for people: noted while it is replayed, printed afterwards. */
#ifndef STRESS_MODEL_TRACE_H
#define STRESS_MODEL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void trace_begin(void);
void trace_end(void);
bool trace_on(void);

/* Prints what was noted, each step with the place in the source. */
void trace_print(FILE *out);

/* Something that is no access, of the running thread. */
__attribute__((format(printf, 1, 2))) void trace_say(const char *format, ...);

/* The address that a failure is about: plain accesses are printed if they are of its granule. */
void trace_spot(uintptr_t at);

/* by: the thread that stored what is read, MODEL_THREADS: the setup; then at that step. */
void trace_load(uintptr_t at, unsigned bytes, int order, uint64_t value, uint32_t by, uint32_t then,
	bool stale, const void *from);
void trace_store(uintptr_t at, unsigned bytes, int order, uint64_t value, const void *from);
void trace_modify(
	uintptr_t at, unsigned bytes, int order, uint64_t old, uint64_t value, const void *from);
void trace_cas(uintptr_t at, unsigned bytes, int order, uint64_t expected, uint64_t old,
	uint64_t value, bool done, bool stale, const void *from);
void trace_pair(uintptr_t at, const uint64_t expected[2], const uint64_t old[2],
	const uint64_t value[2], bool done, const void *from);
void trace_fence(int order, const void *from);
void trace_plain(uintptr_t at, size_t bytes, bool write, const void *from);

/* Where instructions stand in the source: places[i] for from[i], "?" where nobody knows. */
enum { TRACE_PLACE_BYTES = 120 };
void trace_places(const void *const *from, size_t count, char (*places)[TRACE_PLACE_BYTES]);

#endif
