/* The look at a block finds each bit that is not as it should be, by vectors of either length. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/vector.h"

#include <string.h>

enum { BLOCK_BYTES = VECTOR_BLOCK_BYTES, EITHER = 2 };

static const uint64_t other[VECTOR_BYTES / sizeof(uint64_t)] = {1, 2, 3, UINT64_C(1) << 63};

static struct {
	unsigned char before[CACHE_LINE_BYTES];
	unsigned char block[BLOCK_BYTES];
	unsigned char behind[CACHE_LINE_BYTES];
} memory __attribute__((aligned(CACHE_LINE_BYTES)));

static bool differs(bool by_long)
{
	return by_long ? vector_block_differs_long(memory.block, other)
		       : vector_block_differs(memory.block, other);
}

static void each_bit_is_seen(NO_STATE)
{
	const uint32_t width = vector_width();

	if (width < VECTOR_BYTES) {
		print_message("no vectors that look at a block here\n");
		skip();
	}
	if (width < VECTOR_BYTES_LONG)
		print_message("by vectors of %u bytes alone: this CPU has no longer ones\n", width);
	for (int by_long = 0; by_long < (width < VECTOR_BYTES_LONG ? 1 : EITHER); by_long++) {
		memset(&memory, 0xff, sizeof(memory));
		memset(memory.block, 0, sizeof(memory.block));
		memcpy(memory.block + VECTOR_BLOCK_OTHER, other, sizeof(other));
		assert_false(differs(by_long)); /* nor do its neighbours count */
		for (unsigned bit = 0; bit < BLOCK_BYTES * 8; bit++) {
			memory.block[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_true(differs(by_long));
			memory.block[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		assert_false(differs(by_long));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_bit_is_seen)};

	return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
