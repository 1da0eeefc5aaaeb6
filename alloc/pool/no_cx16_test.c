/*
 * A build without a 16-byte compare-and-swap: alloc/pool.c once more, made with -mno-cx16. It compiles, and what has a head of
 * 16 bytes refuses and says what is to be done; everything else goes on.
 */
#include "alloc/pool.c"

#include "alloc/machine/cmocka.h"

static void what_needs_it_refuses(NO_STATE)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = 4};
	struct pool *const untouched = (struct pool *)(uintptr_t)1;
	char reason[POOL_REASON_BYTES];
	size_t refused = 0;

	assert_false(ATOM_PAIR);
	for (size_t i = 0; pools[i] != NULL; i++) {
		struct pool *pool = untouched;

		if (!pools[i]->traits.needs_cx16 || pools[i]->traits.needs_library)
			continue;
		assert_false(pools[i]->supported(reason));
		assert_non_null(strstr(reason, "compile with -mcx16"));
		assert_int_equal(pool_create(pools[i], &config, &pool), -ENOTSUP);
		assert_ptr_equal(pool, untouched);
		refused++;
	}
	assert_true(refused > 1);
	assert_true(pool_find("treiber_tag")->supported(reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_needs_it_refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
