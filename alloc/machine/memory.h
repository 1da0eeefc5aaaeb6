/*
 * Where every byte of alloc comes from: one door to the heap and one to pages, so that a test can
 * make the n-th request fail and can tell that everything came back.
 *
 * These are cold: creation, attachment, growth. What is allocated for a packet goes through a pool
 * or a context policy.
 */
#ifndef ALLOC_MACHINE_MEMORY_H
#define ALLOC_MACHINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The pages under a pool's objects. */
enum memory_pages {
	/*
	 * The system's page size, also where transparent huge pages are on for everybody
	 * (MADV_NOHUGEPAGE): else the two kinds would be one there, under two names.
	 */
	MEMORY_PAGES_ORDINARY,
	MEMORY_PAGES_TRANSPARENT, /* madvise(MADV_HUGEPAGE): huge where the kernel finds room, silently ordinary elsewhere */
	/*
	 * Ordinary for the first 2 MiB and transparent beyond: who needs little pays for no more, and
	 * who needs much has few pages. What the documented calls' pools have.
	 */
	MEMORY_PAGES_GROWING,
	MEMORY_PAGES_HUGE, /* MAP_HUGETLB: explicit huge pages of 2 MiB, reserved, or failure */
};

/* "ordinary", "transparent", "growing" and "huge". */
const char *memory_pages_name(enum memory_pages pages);

/* By name. True and *out, or false if there are no such pages. */
bool memory_pages_find(const char *name, enum memory_pages *out);

/*
 * Zeroed heap memory, aligned to a cache line pair. NULL when there is none. Owned by the caller
 * until memory_free with the same size. Any thread.
 */
void *memory_alloc(size_t bytes);
void memory_free(void *memory, size_t bytes);

/*
 * Zeroed pages, aligned to a page (to 2 MiB for all kinds but the ordinary), not yet backed: a page costs
 * memory when it is first touched. NULL when the address space or, for MEMORY_PAGES_HUGE, the huge
 * page pool is exhausted. bytes is rounded up to the page size; pass the same to memory_unmap.
 */
void *memory_map(size_t bytes, enum memory_pages pages);
void memory_unmap(void *memory, size_t bytes, enum memory_pages pages);

/*
 * The unit in which memory of memory_map comes and goes, in bytes. Of MEMORY_PAGES_GROWING the ordinary
 * one: the kernel splits a transparent page of which a part is given back.
 */
size_t memory_page_bytes(enum memory_pages pages);

/*
 * Bytes of the ordinary pages from `at`, a page's start, to at + bytes that are backed by memory
 * now. 0 also where the kernel does not say.
 */
size_t memory_resident(void *at, size_t bytes);

/*
 * Gives the memory under [at, at + bytes), whole pages of one mapping, back to the system. The
 * addresses stay mapped and read as zero; the first write to a page costs memory again. False: the
 * kernel refuses (locked memory; explicit huge pages before Linux 5.18), and nothing changed.
 */
bool memory_discard(void *at, size_t bytes);

/*
 * Bytes handed out by alloc and map and not yet returned, addresses without memory included; exact when no other thread is
 * in one of them.
 */
uint64_t memory_live_bytes(void);

/*
 * Decides over each request: true makes it fail. NULL, the default, lets all pass. For tests: the
 * hook may be called by any thread. Setting it while requests run is a race.
 */
typedef bool (*memory_fault_hook)(void *arg, size_t bytes);
void memory_set_fault_hook(memory_fault_hook hook, void *arg);

/*
 * True if the hook wants this request to fail. For allocators outside this file (context policies)
 * that must be testable too.
 */
bool memory_fault(size_t bytes);

#endif
