/*
 * Where the compiler's instrumentation calls: the interface of the thread sanitizer's runtime, which
 * this file stands in for. Names and types are the sanitizer's. Each call is an access of the code that
 * is explored; views.h says what becomes of it.
 */
#include "stress/model/sites.h"
#include "stress/model/views.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FROM __builtin_return_address(0)

/* Of an atomic operation: it counts as reached. */
#define SITE site(FROM)

static const void *site(const void *from)
{
	sites_reach(from);
	return from;
}

/* Orders come with marks of the compiler's in higher bits. */
enum { ORDER_MASK = 7 };

/* The compiler knows them without declarations; strict warnings want some. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

/* Edges that the strategies declare for assembly, which is not explored (machine.h): not taken on trust. */
void __tsan_acquire(void *address);
void __tsan_acquire(void *address)
{
	(void)address;
}

void __tsan_release(void *address);
void __tsan_release(void *address)
{
	(void)address;
}

#define PLAIN(name, bytes, write)                                    \
	void __tsan_##name##bytes(void *address);                    \
	void __tsan_##name##bytes(void *address)                     \
	{                                                            \
		views_plain((uintptr_t)address, bytes, write, FROM); \
	}
#define PLAINS(bytes)                       \
	PLAIN(read, bytes, false)           \
	PLAIN(write, bytes, true)           \
	PLAIN(unaligned_read, bytes, false) \
	PLAIN(unaligned_write, bytes, true) \
	PLAIN(read_write, bytes, true)      \
	PLAIN(unaligned_read_write, bytes, true)
PLAINS(1)
PLAINS(2)
PLAINS(4)
PLAINS(8)
PLAINS(16)

void __tsan_read_range(void *address, size_t bytes);
void __tsan_read_range(void *address, size_t bytes)
{
	views_plain((uintptr_t)address, bytes, false, FROM);
}

void __tsan_write_range(void *address, size_t bytes);
void __tsan_write_range(void *address, size_t bytes)
{
	views_plain((uintptr_t)address, bytes, true, FROM);
}

static uint64_t exchanged(uint64_t old, uint64_t operand)
{
	(void)old;
	return operand;
}

static uint64_t added(uint64_t old, uint64_t operand)
{
	return old + operand;
}

static uint64_t subtracted(uint64_t old, uint64_t operand)
{
	return old - operand;
}

static uint64_t ored(uint64_t old, uint64_t operand)
{
	return old | operand;
}

static uint64_t anded(uint64_t old, uint64_t operand)
{
	return old & operand;
}

static uint64_t xored(uint64_t old, uint64_t operand)
{
	return old ^ operand;
}

#define MODIFY(bits, type, name, change)                                                    \
	type __tsan_atomic##bits##_##name(type *p, type operand, int order);                \
	type __tsan_atomic##bits##_##name(type *p, type operand, int order)                 \
	{                                                                                   \
		return (type)views_modify(                                                  \
			(uintptr_t)p, bits / 8, change, operand, order & ORDER_MASK, SITE); \
	}

#define COMPARE(bits, type, name, weak)                                                        \
	int __tsan_atomic##bits##_compare_exchange_##name(                                     \
		type *p, type *expected, type value, int order, int failure);                  \
	int __tsan_atomic##bits##_compare_exchange_##name(                                     \
		type *p, type *expected, type value, int order, int failure)                   \
	{                                                                                      \
		uint64_t met = *expected;                                                      \
		bool same = views_cas((uintptr_t)p, bits / 8, &met, value, order & ORDER_MASK, \
			failure & ORDER_MASK, weak, SITE);                                     \
		*expected = (type)met;                                                         \
		return same;                                                                   \
	}

#define ATOMICS(bits, type)                                                                \
	type __tsan_atomic##bits##_load(const type *p, int order);                         \
	type __tsan_atomic##bits##_load(const type *p, int order)                          \
	{                                                                                  \
		return (type)views_load((uintptr_t)p, bits / 8, order & ORDER_MASK, SITE); \
	}                                                                                  \
	void __tsan_atomic##bits##_store(type *p, type value, int order);                  \
	void __tsan_atomic##bits##_store(type *p, type value, int order)                   \
	{                                                                                  \
		views_store((uintptr_t)p, bits / 8, value, order & ORDER_MASK, SITE);      \
	}                                                                                  \
	MODIFY(bits, type, exchange, exchanged)                                            \
	MODIFY(bits, type, fetch_add, added)                                               \
	MODIFY(bits, type, fetch_sub, subtracted)                                          \
	MODIFY(bits, type, fetch_or, ored)                                                 \
	MODIFY(bits, type, fetch_and, anded)                                               \
	MODIFY(bits, type, fetch_xor, xored)                                               \
	COMPARE(bits, type, weak, true)                                                    \
	COMPARE(bits, type, strong, false)                                                 \
	type __tsan_atomic##bits##_compare_exchange_val(                                   \
		type *p, type expected, type value, int order, int failure);               \
	type __tsan_atomic##bits##_compare_exchange_val(                                   \
		type *p, type expected, type value, int order, int failure)                \
	{                                                                                  \
		uint64_t met = expected;                                                   \
		views_cas((uintptr_t)p, bits / 8, &met, value, order & ORDER_MASK,         \
			failure & ORDER_MASK, false, SITE);                                \
		return (type)met;                                                          \
	}

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

typedef unsigned __int128 pair;

int __tsan_atomic128_compare_exchange_strong(
	pair *p, pair *expected, pair value, int order, int failure);
int __tsan_atomic128_compare_exchange_strong(
	pair *p, pair *expected, pair value, int order, int failure)
{
	const uint64_t halves[2] = {(uint64_t)value, (uint64_t)(value >> 64)};
	uint64_t met[2] = {(uint64_t)*expected, (uint64_t)(*expected >> 64)};
	bool same = views_cas_pair((uintptr_t)p, met, halves, SITE);

	/* The one in use is a full barrier both ways (alloc/atomic/c11.h). */
	(void)order, (void)failure;
	*expected = (pair)met[1] << 64 | met[0];
	return same;
}

pair __tsan_atomic128_compare_exchange_val(
	pair *p, pair expected, pair value, int order, int failure);
pair __tsan_atomic128_compare_exchange_val(
	pair *p, pair expected, pair value, int order, int failure)
{
	__tsan_atomic128_compare_exchange_strong(p, &expected, value, order, failure);
	return expected;
}

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	views_fence(order & ORDER_MASK, SITE);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order; /* threads see nothing of it */
}
