/*
 * The bytes of an input, turned into parameters, and the two ways in which an oracle speaks: must, and
 * what misuse a call was to report.
 */
#ifndef ALLOC_NDIS_FUZZ_INPUT_H
#define ALLOC_NDIS_FUZZ_INPUT_H

#include "alloc/nbl/nbl.h"
#include "alloc/ndis/ndis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define fuzz_fail(...)                                                          \
	do {                                                                    \
		fprintf(stderr, "%s:%d: call %u: ", __FILE__, __LINE__, calls); \
		fprintf(stderr, __VA_ARGS__);                                   \
		fprintf(stderr, "\n");                                          \
		abort();                                                        \
	} while (0)
#define must(condition)                                       \
	do {                                                  \
		if (!(condition))                             \
			fuzz_fail("%s is false", #condition); \
	} while (0)

static unsigned calls;

/*
 * The input.
 */

static const uint8_t *input;
static size_t input_left;

static uint32_t byte(void)
{
	if (input_left == 0)
		return 0;
	input_left--;
	return *input++;
}

/* A number below n. */
static uint32_t below(uint32_t n)
{
	return byte() % n;
}

static USHORT some_context_bytes(void)
{
	static const USHORT some[] = {
		0, 16, 32, 32, 32, 48, 64, 1, 8, 12, 24, 216, 1040, 4096, 65520, 65535};

	return some[below(array_count(some))];
}

static ULONG some_ulong(void)
{
	static const ULONG some[] = {0, 1, 7, 16, 40, 64, 100, 128, 200, 256, 300, 1500, 65536,
		0x7fffffff, 0xfffffffe, 0xffffffff};

	return some[below(array_count(some))];
}

static SIZE_T some_length(void)
{
	const uint32_t how = byte();

	if (how < 224)
		return some_ulong();
	return (SIZE_T)some_ulong() << 32 | how;
}

/*
 * Misuse. Each call is told what to expect.
 */

static unsigned misuses;
static enum nbl_misuse_kind last_kind;

static void count_misuse(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	misuses++;
	last_kind = misuse->kind;
}

static void no_misuse(void)
{
	if (misuses != 0)
		fuzz_fail("misuse %s is reported where there is none", nbl_misuse_name(last_kind));
}

static void expect(enum nbl_misuse_kind kind)
{
	if (misuses != 1 || last_kind != kind)
		fuzz_fail("%u misuses, the last one %s, where %s was to be reported", misuses,
			misuses ? nbl_misuse_name(last_kind) : "none", nbl_misuse_name(kind));
	misuses = 0;
}

#endif
