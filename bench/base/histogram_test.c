/* Histograms: how far off they are, that they add up, and that they can be packed. */
#include "alloc/machine/cmocka.h"
#include "bench/base/histogram.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX (1.0 / 33)

/* Some 40 values in each power of two, and the ends of all buckets. */
static uint64_t next_value(uint64_t value)
{
	return value + 1 + value / 40;
}

static void test_buckets(NO_STATE)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		assert_int_equal(histogram_bucket(histogram_low(i)), i);
		assert_int_equal(histogram_bucket(histogram_low(i + 1) - 1), i);
	}
	assert_int_equal(histogram_bucket(histogram_low(HISTOGRAM_BUCKETS)), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_error(NO_STATE)
{
	double worst = 0;

	for (uint64_t value = 1; value < histogram_low(HISTOGRAM_BUCKETS);
		value = next_value(value)) {
		double ns = (double)value / HISTOGRAM_NS;
		double off = fabs(histogram_ns(histogram_bucket(value)) - ns) / ns;

		worst = off > worst ? off : worst;
	}
	assert_true(worst <= ERROR_MAX);
	assert_true(worst > ERROR_MAX / 2); /* and the bound is no empty one */
}

/* 1..1000 ns, each once: every rank is known. */
static void test_ranks(NO_STATE)
{
	struct histogram h = {{0}};

	for (uint64_t ns = 1; ns <= 1000; ns++)
		histogram_record(&h, ns * HISTOGRAM_NS);
	assert_int_equal(histogram_count(&h), 1000);
	for (uint64_t rank = 1; rank <= 1000; rank++)
		assert_true(fabs(histogram_at_rank(&h, rank) / (double)rank - 1) <= ERROR_MAX);
	assert_true(histogram_at_rank(&h, 1001) == 0);
	assert_true(histogram_at_rank(&h, 0) == 0);
}

static void test_adding(NO_STATE)
{
	struct histogram a = {{0}}, b = {{0}}, both = {{0}};

	for (uint64_t value = 0; value < 100000; value = next_value(value)) {
		histogram_record(value % 2 ? &a : &b, value);
		histogram_record(&both, value);
	}
	histogram_add(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
	/* Counts stop, and do not begin anew. */
	a.count[3] = b.count[3] = UINT32_MAX - 1;
	histogram_add(&a, &b);
	assert_int_equal(a.count[3], UINT32_MAX);
	histogram_record(&a, 3);
	assert_int_equal(a.count[3], UINT32_MAX);
}

static void test_packing(NO_STATE)
{
	static unsigned char bytes[HISTOGRAM_PACKED_BYTES];
	static char text[HISTOGRAM_TEXT_BYTES];
	struct histogram h = {{0}}, back = {{0}};

	assert_int_equal(histogram_pack(&h, bytes), 0);
	for (uint64_t value = 0; value < UINT64_C(1) << 40; value = next_value(value))
		histogram_record(&h, value);
	h.count[0] = 0;
	h.count[7] = UINT32_MAX;
	h.count[HISTOGRAM_BUCKETS - 1] = 128;
	size_t packed = histogram_pack(&h, bytes);
	assert_in_range(packed, 1, sizeof(bytes));
	assert_true(histogram_unpack(&back, bytes, packed));
	assert_memory_equal(&h, &back, sizeof(h));
	memset(&back, 0, sizeof(back));
	histogram_to_text(&h, text);
	assert_int_equal(strlen(text), 2 * packed);
	assert_true(histogram_from_text(&back, text));
	assert_memory_equal(&h, &back, sizeof(h));
	/* All full: the most room that it takes. */
	memset(&h, 0xff, sizeof(h));
	assert_in_range(histogram_pack(&h, bytes), 1, sizeof(bytes));
}

static void test_bad_bytes(NO_STATE)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"", true},
		{"0001", true},
		{"00", false},               /* no count */
		{"0080", false},             /* a number without an end */
		{"00ffffffff0f", true},      /* the largest count */
		{"00ffffffff1f", false},     /* more than 32 bits */
		{"00ffffffffffff01", false}, /* more than five bytes */
		{"ef0301", true},            /* the last bucket */
		{"f00301", false},           /* one beyond */
		{"ef03010001", false},       /* the same, by a step */
		{"0", false},
		{"0g01", false},
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		struct histogram h = {{0}};

		assert_int_equal(histogram_from_text(&h, rows[i].text), rows[i].good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_adding),
		cmocka_unit_test(test_packing),
		cmocka_unit_test(test_bad_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
