/* cmocka, behind the headers that it wants before itself; and the parameter of a test without a fixture. */
#ifndef ALLOC_MACHINE_CMOCKA_H
#define ALLOC_MACHINE_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NO_STATE void **state __attribute__((unused))

#endif
