/*
 * cmocka, behind the headers that it wants before itself; the parameter of a test without a fixture;
 * what a sanitizer's build leaves out.
 */
#ifndef ALLOC_MACHINE_CMOCKA_H
#define ALLOC_MACHINE_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc/atomic.h"

#define NO_STATE void **state __attribute__((unused))

/* Under the thread sanitizer the group's one test that has threads: the others have nothing for it. */
#define only_under_tsan(name)                         \
	do {                                          \
		if (atom_sanitizes)                   \
			cmocka_set_test_filter(name); \
	} while (0)

/* The address sanitizer looks at each access. The build defines gcc's name for it under clang, too. */
#ifdef __SANITIZE_ADDRESS__
enum { asan_build = 1 };
#else
enum { asan_build = 0 };
#endif

#endif
