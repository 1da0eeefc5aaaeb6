/*
 * cmocka, behind the headers that it wants before itself; the parameter of a test without a fixture;
 * whether this build is the address sanitizer's.
 */
#ifndef ALLOC_MACHINE_CMOCKA_H
#define ALLOC_MACHINE_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NO_STATE void **state __attribute__((unused))

/* The address sanitizer looks at each access. The build defines gcc's name for it under clang, too. */
#ifdef __SANITIZE_ADDRESS__
enum { asan_build = 1 };
#else
enum { asan_build = 0 };
#endif

#endif
