/*
 * Makes liburcu 0.13 visible to the thread sanitizer: given by -include, before any of its headers,
 * to a rebuild of the library and to the program that links it. Its assembly for x86 is replaced by
 * its own generic header, which uses compiler builtins, and its shared loads and stores become
 * acquire and release operations. Nothing of the library's text is changed.
 *
 * What that can hide: a shared load of liburcu that is an acquire here and a plain one in
 * production. Our code uses none of these macros, so a bug of ours could hide only behind an edge
 * that liburcu itself makes. From 0.15 on the library does all this itself.
 */
#ifndef ALLOC_ATOMIC_URCU_TSAN_H
#define ALLOC_ATOMIC_URCU_TSAN_H

/* The assembly header's guard, and what it would have said of byte and short operations. */
#define _URCU_ARCH_UATOMIC_X86_H
#define UATOMIC_HAS_ATOMIC_BYTE
#define UATOMIC_HAS_ATOMIC_SHORT

#include <urcu/arch.h>
#include <urcu/compiler.h>
#include <urcu/config.h>
#include <urcu/system.h>

#undef CMM_LOAD_SHARED
#undef _CMM_LOAD_SHARED
#undef CMM_STORE_SHARED
#undef _CMM_STORE_SHARED
#define CMM_LOAD_SHARED(p)  __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define _CMM_LOAD_SHARED(p) CMM_LOAD_SHARED(p)
#define CMM_STORE_SHARED(x, v)                                             \
	__extension__({                                                    \
		__typeof__(x) urcu_tsan_value = (v);                       \
		__atomic_store_n(&(x), urcu_tsan_value, __ATOMIC_RELEASE); \
		urcu_tsan_value;                                           \
	})
#define _CMM_STORE_SHARED(x, v) CMM_STORE_SHARED(x, v)

#include <urcu/uatomic/generic.h>

#endif
