/*
 * Atomic operations as C11 has them. Each first evaluates ATOMIC_POINT(), and a compare-and-swap goes
 * through ATOMIC_CAS(), which are nothing unless a backend that includes this one has defined them: in the
 * default build the wrappers cost no instruction.
 */
#ifndef ALLOC_ATOMIC_C11_H
#define ALLOC_ATOMIC_C11_H

#include "alloc/atomic/tally.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef ATOMIC_POINT
#define ATOMIC_POINT() ((void)0)
/* What perturb.h offers to stress runs, where there is nothing to seed. */
#define atom_perturb_seed(seed) ((void)(seed))
enum { atom_perturbs = 0 };
#endif

#ifndef ATOMIC_CAS
#define ATOMIC_CAS(won) (won)
/* What a restartable section answered, and whether it was aborted (alloc/machine/rseq.h). */
#define ATOMIC_SECTION(result, aborted) (result)
/* What count.h offers to who wants counts, where nothing counts. */
#define atom_tally_read(out) (*(out) = (struct atom_tally){0})
enum { atom_counts = 0 };
#endif

typedef struct {
	_Atomic(uint32_t) v;
} atom_u32;

typedef struct {
	_Atomic(uint64_t) v;
} atom_u64;

typedef struct {
	_Atomic(void *) v;
} atom_ptr;

/* Before any other thread can see the word. */
#define atom_init(p, x) atomic_init(&(p)->v, (x))

#define atom_load_relaxed(p) (ATOMIC_POINT(), atomic_load_explicit(&(p)->v, memory_order_relaxed))
#define atom_load_acquire(p) (ATOMIC_POINT(), atomic_load_explicit(&(p)->v, memory_order_acquire))
#define atom_load_seq_cst(p) (ATOMIC_POINT(), atomic_load_explicit(&(p)->v, memory_order_seq_cst))
#define atom_store_relaxed(p, x) \
	(ATOMIC_POINT(), atomic_store_explicit(&(p)->v, (x), memory_order_relaxed))
#define atom_store_release(p, x) \
	(ATOMIC_POINT(), atomic_store_explicit(&(p)->v, (x), memory_order_release))
#define atom_store_seq_cst(p, x) \
	(ATOMIC_POINT(), atomic_store_explicit(&(p)->v, (x), memory_order_seq_cst))

#define atom_xchg_relaxed(p, x) \
	(ATOMIC_POINT(), atomic_exchange_explicit(&(p)->v, (x), memory_order_relaxed))
#define atom_xchg_acquire(p, x) \
	(ATOMIC_POINT(), atomic_exchange_explicit(&(p)->v, (x), memory_order_acquire))
#define atom_xchg_acq_rel(p, x) \
	(ATOMIC_POINT(), atomic_exchange_explicit(&(p)->v, (x), memory_order_acq_rel))

#define atom_add_relaxed(p, x) \
	(ATOMIC_POINT(), atomic_fetch_add_explicit(&(p)->v, (x), memory_order_relaxed))
#define atom_add_release(p, x) \
	(ATOMIC_POINT(), atomic_fetch_add_explicit(&(p)->v, (x), memory_order_release))
#define atom_add_seq_cst(p, x) \
	(ATOMIC_POINT(), atomic_fetch_add_explicit(&(p)->v, (x), memory_order_seq_cst))
#define atom_or_release(p, x) \
	(ATOMIC_POINT(), atomic_fetch_or_explicit(&(p)->v, (x), memory_order_release))
#define atom_or_seq_cst(p, x) \
	(ATOMIC_POINT(), atomic_fetch_or_explicit(&(p)->v, (x), memory_order_seq_cst))
#define atom_and_seq_cst(p, x) \
	(ATOMIC_POINT(), atomic_fetch_and_explicit(&(p)->v, (x), memory_order_seq_cst))

#define atom_cas_weak_relaxed(p, expected, x)                                                  \
	ATOMIC_CAS((ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), \
					    (x), memory_order_relaxed, memory_order_relaxed)))
#define atom_cas_weak_acquire(p, expected, x)                                                  \
	ATOMIC_CAS((ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), \
					    (x), memory_order_acquire, memory_order_acquire)))
#define atom_cas_weak_release(p, expected, x)                                                  \
	ATOMIC_CAS((ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), \
					    (x), memory_order_release, memory_order_relaxed)))
#define atom_cas_weak_acq_rel(p, expected, x)                                                  \
	ATOMIC_CAS((ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), \
					    (x), memory_order_acq_rel, memory_order_acquire)))
#define atom_cas_weak_seq_cst(p, expected, x)                                                  \
	ATOMIC_CAS((ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), \
					    (x), memory_order_seq_cst, memory_order_seq_cst)))

/*
 * Two words that change together: a pointer and its generation. The halves are atomic words of
 * their own and are loaded one by one, since a 16-byte load is a write to the line (cmpxchg16b) or
 * a call; the CAS then finds out whether the two loads belong together.
 */
typedef struct {
	_Alignas(16) atom_ptr pointer;
	atom_u64 generation;
} atom_pair;

struct pair {
	void *pointer;
	uint64_t generation;
};

/*
 * ATOM_PAIR: the compiler makes a 16-byte CAS in line, or calls its own helper. On x86-64 that
 * takes -mcx16.
 */
#if defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16) || defined(__aarch64__)
#define ATOM_PAIR 1
#else
#define ATOM_PAIR 0
#endif

/*
 * The __sync form because gcc 12 calls libatomic for the __atomic one. It is a full barrier, and
 * never fails spuriously. Without ATOM_PAIR it does nothing and must not be reached.
 */
static inline __attribute__((always_inline)) bool atom_pair_cas(
	atom_pair *p, struct pair *expected, struct pair desired)
{
#if ATOM_PAIR
	typedef unsigned __int128 __attribute__((may_alias)) both;
	union {
		struct pair halves;
		both whole;
	} met, old = {.halves = *expected}, new = {.halves = desired};

	ATOMIC_POINT();
	met.whole = __sync_val_compare_and_swap((both *)p, old.whole, new.whole);
	*expected = met.halves;
	return ATOMIC_CAS(met.whole == old.whole);
#else
	(void)p, (void)expected, (void)desired;
	return false;
#endif
}

/* Tells the CPU that the caller spins. */
#if defined(__x86_64__) || defined(__i386__)
#define atom_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define atom_pause() __asm__ volatile("isb")
#else
#define atom_pause() ((void)0)
#endif

/*
 * Edges that the thread sanitizer cannot see because assembly makes them: name the word that
 * carries the edge, never a global one, which would order everything and blind the tool. Nothing in
 * other builds.
 */
#if defined(__SANITIZE_THREAD__)
#define ATOM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATOM_TSAN 1
#endif
#endif
#ifdef ATOM_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define atom_tsan_acquire(addr) __tsan_acquire(addr)
#define atom_tsan_release(addr) __tsan_release(addr)
enum { atom_sanitizes = 1 };
#else
enum { atom_sanitizes = 0 };
#define atom_tsan_acquire(addr) ((void)(addr))
#define atom_tsan_release(addr) ((void)(addr))
#endif

/* The same of each of n words. */
static inline void atom_tsan_acquire_each(void *const *words, uint32_t n)
{
	for (uint32_t i = 0; atom_sanitizes && i < n; i++)
		atom_tsan_acquire(words[i]);
}

static inline void atom_tsan_release_each(void *const *words, uint32_t n)
{
	for (uint32_t i = 0; atom_sanitizes && i < n; i++)
		atom_tsan_release(words[i]);
}

#endif
