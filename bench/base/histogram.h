/*
 * Log-linear histograms of times: as many buckets in each power of two, so that the error is a
 * share of the value, and any two are merged by adding. (G. Tene's HdrHistogram is the well-known
 * one; this one is smaller, and records in fewer instructions.)
 *
 * A value is a whole number of HISTOGRAM_NS ths of a nanosecond. Values below HISTOGRAM_STEPS have a
 * bucket each. Above, each power of two has HISTOGRAM_STEPS buckets, and a bucket's value is the
 * harmonic mean of its ends, which is off by at most 1/33, or 3.1 %. What is longer than
 * HISTOGRAM_OCTAVES powers of two tell, 2.1 s, falls into the last bucket.
 */
#ifndef BENCH_BASE_HISTOGRAM_H
#define BENCH_BASE_HISTOGRAM_H

#include "alloc/machine/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_NS = 8, /* units in a nanosecond */
	HISTOGRAM_STEP_BITS = 4,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
	HISTOGRAM_OCTAVES = 30, /* above the first HISTOGRAM_STEPS values */
	HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * (HISTOGRAM_OCTAVES + 1),
	/* Room for what histogram_pack writes: two numbers of at most five bytes a bucket. */
	HISTOGRAM_PACKED_BYTES = HISTOGRAM_BUCKETS * 10,
};

/* All zeros is an empty one. Counts stop at UINT32_MAX. */
struct histogram {
	uint32_t count[HISTOGRAM_BUCKETS];
};

/* The bucket of a value. */
ALWAYS_INLINE uint32_t histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (uint32_t)value;
	uint32_t octave = 63 - HISTOGRAM_STEP_BITS - (uint32_t)__builtin_clzll(value);
	if (octave >= HISTOGRAM_OCTAVES)
		return HISTOGRAM_BUCKETS - 1;
	return HISTOGRAM_STEPS * octave + (uint32_t)(value >> octave);
}

ALWAYS_INLINE void histogram_record(struct histogram *self, uint64_t value)
{
	uint32_t *count = &self->count[histogram_bucket(value)];

	*count += *count != UINT32_MAX;
}

/* The least value of a bucket; of HISTOGRAM_BUCKETS, the end of the last one. */
uint64_t histogram_low(uint32_t bucket);

/* What a bucket stands for, in nanoseconds. */
double histogram_ns(uint32_t bucket);

/* Adds the values of another. */
void histogram_add(struct histogram *self, const struct histogram *other);

/* How many values it holds. */
uint64_t histogram_count(const struct histogram *self);

/*
 * The value of a rank, 1 for the least, in nanoseconds: that of the bucket in which it lies. 0 if
 * there are not so many.
 */
double histogram_at_rank(const struct histogram *self, uint64_t rank);

/*
 * A compact form of bytes: for each bucket that is not empty its distance from the one before and
 * its count, as numbers of seven bits a byte, the least first. Returns how many bytes of
 * HISTOGRAM_PACKED_BYTES were written.
 */
size_t histogram_pack(const struct histogram *self, unsigned char *bytes);

/* The same in hexadecimal digits, for messages; text has room for HISTOGRAM_TEXT_BYTES. */
enum { HISTOGRAM_TEXT_BYTES = 2 * HISTOGRAM_PACKED_BYTES + 1 };
void histogram_to_text(const struct histogram *self, char *text);

/* Adds what histogram_to_text wrote; as histogram_unpack. */
bool histogram_from_text(struct histogram *self, const char *text);

/* Adds what was packed. False: the bytes are no packed histogram, and *self is undefined. */
bool histogram_unpack(struct histogram *self, const unsigned char *bytes, size_t count);

#endif
