/* See histogram.h. */
#include "bench/base/histogram.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_BITS = 7, NUMBER_MORE = 1 << NUMBER_BITS };

uint64_t histogram_low(uint32_t bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return (uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS)
	       << (bucket / HISTOGRAM_STEPS - 1);
}

double histogram_ns(uint32_t bucket)
{
	const double low = (double)histogram_low(bucket);
	const double high = (double)histogram_low(bucket + 1);

	return bucket < HISTOGRAM_STEPS ? low / HISTOGRAM_NS
					: 2 * low * high / (low + high) / HISTOGRAM_NS;
}

static void add(uint32_t *count, uint64_t more)
{
	*count = more < UINT32_MAX - *count ? *count + (uint32_t)more : UINT32_MAX;
}

void histogram_add(struct histogram *self, const struct histogram *other)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		add(&self->count[i], other->count[i]);
}

uint64_t histogram_count(const struct histogram *self)
{
	uint64_t count = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += self->count[i];
	return count;
}

double histogram_at_rank(const struct histogram *self, uint64_t rank)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && rank > 0; i++) {
		seen += self->count[i];
		if (seen >= rank)
			return histogram_ns(i);
	}
	return 0;
}

static size_t pack_number(uint64_t number, unsigned char *bytes)
{
	size_t n = 0;

	for (; number >= NUMBER_MORE; number >>= NUMBER_BITS)
		bytes[n++] = (unsigned char)(number | NUMBER_MORE);
	bytes[n++] = (unsigned char)number;
	return n;
}

size_t histogram_pack(const struct histogram *self, unsigned char *bytes)
{
	uint32_t next = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (self->count[i] == 0)
			continue;
		n += pack_number(i - next, bytes + n);
		n += pack_number(self->count[i], bytes + n);
		next = i + 1;
	}
	return n;
}

/* Takes a number off the front; false if there is none, or one of more than 32 bits. */
static bool unpack_number(const unsigned char **bytes, const unsigned char *end, uint32_t *out)
{
	uint64_t number = 0;

	for (int shift = 0; *bytes < end && shift < 5 * NUMBER_BITS; shift += NUMBER_BITS) {
		const unsigned char byte = *(*bytes)++;

		number |= (uint64_t)(byte % NUMBER_MORE) << shift;
		if (byte < NUMBER_MORE) {
			*out = (uint32_t)number;
			return number <= UINT32_MAX;
		}
	}
	return false;
}

bool histogram_unpack(struct histogram *self, const unsigned char *bytes, size_t count)
{
	const unsigned char *end = bytes + count;
	uint64_t bucket = 0;

	while (bytes < end) {
		uint32_t skip, number;

		if (!unpack_number(&bytes, end, &skip) || !unpack_number(&bytes, end, &number))
			return false;
		bucket += skip;
		if (bucket >= HISTOGRAM_BUCKETS)
			return false;
		add(&self->count[bucket++], number);
	}
	return true;
}

void histogram_to_text(const struct histogram *self, char *text)
{
	unsigned char bytes[HISTOGRAM_PACKED_BYTES];
	const size_t count = histogram_pack(self, bytes);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

bool histogram_from_text(struct histogram *self, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[HISTOGRAM_PACKED_BYTES];
	const size_t length = strlen(text);

	if (length % 2 != 0 || length / 2 > sizeof(bytes))
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *digit = strchr(digits, text[i]);

		if (digit == NULL)
			return false;
		bytes[i / 2] = (unsigned char)(bytes[i / 2] << 4 | (digit - digits));
	}
	return histogram_unpack(self, bytes, length / 2);
}
