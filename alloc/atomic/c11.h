/*
 * Atomic operations as C11 has them. Each first evaluates ATOMIC_POINT(), which is nothing unless a
 * backend that includes this one has defined it: in the default build the wrappers cost no
 * instruction.
 */
#ifndef ALLOC_ATOMIC_C11_H
#define ALLOC_ATOMIC_C11_H

#include <stdatomic.h>

#ifndef ATOMIC_POINT
#define ATOMIC_POINT() ((void)0)
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
#define atom_store_relaxed(p, x) \
	(ATOMIC_POINT(), atomic_store_explicit(&(p)->v, (x), memory_order_relaxed))
#define atom_store_release(p, x) \
	(ATOMIC_POINT(), atomic_store_explicit(&(p)->v, (x), memory_order_release))

#define atom_xchg_acquire(p, x) \
	(ATOMIC_POINT(), atomic_exchange_explicit(&(p)->v, (x), memory_order_acquire))
#define atom_xchg_acq_rel(p, x) \
	(ATOMIC_POINT(), atomic_exchange_explicit(&(p)->v, (x), memory_order_acq_rel))

#define atom_add_relaxed(p, x) \
	(ATOMIC_POINT(), atomic_fetch_add_explicit(&(p)->v, (x), memory_order_relaxed))

#define atom_cas_weak_relaxed(p, expected, x)                                            \
	(ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), (x), \
				 memory_order_relaxed, memory_order_relaxed))
#define atom_cas_weak_acquire(p, expected, x)                                            \
	(ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), (x), \
				 memory_order_acquire, memory_order_acquire))
#define atom_cas_weak_release(p, expected, x)                                            \
	(ATOMIC_POINT(), atomic_compare_exchange_weak_explicit(&(p)->v, (expected), (x), \
				 memory_order_release, memory_order_relaxed))

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
#else
#define atom_tsan_acquire(addr) ((void)(addr))
#define atom_tsan_release(addr) ((void)(addr))
#endif

#endif
