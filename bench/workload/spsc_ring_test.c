/* The ring between two threads: bounds on one thread, order and completeness on two. */
#include "alloc/machine/cmocka.h"
#include "bench/workload/spsc_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	TRAVELLERS = 200000, /* laps the ring some two hundred times */
	STEP_MAX = 7,        /* no divisor of the ring's size, so that bulks straddle its end */
};

static void *numbered(uintptr_t number)
{
	return (void *)(number + 1);
}

static void test_bounds(NO_STATE)
{
	static struct spsc_ring ring;
	void *in[SPSC_RING_OBJECTS];
	void *out[SPSC_RING_OBJECTS];

	spsc_ring_init(&ring);
	for (uintptr_t i = 0; i < SPSC_RING_OBJECTS; i++)
		in[i] = numbered(i);
	assert_int_equal(spsc_ring_pop(&ring, out, 1), 0);
	assert_true(spsc_ring_fits(&ring, SPSC_RING_OBJECTS));
	spsc_ring_push(&ring, in, SPSC_RING_OBJECTS);
	assert_false(spsc_ring_fits(&ring, 1));
	assert_int_equal(spsc_ring_pop(&ring, out, 3), 3);
	assert_true(spsc_ring_fits(&ring, 3));
	assert_false(spsc_ring_fits(&ring, 4));
	assert_int_equal(spsc_ring_pop(&ring, out + 3, SPSC_RING_OBJECTS), SPSC_RING_OBJECTS - 3);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(spsc_ring_pop(&ring, out, 1), 0);
}

/* Positions are 32 bits wide and wrap: nothing may change there. */
static void test_positions_wrap(NO_STATE)
{
	static struct spsc_ring ring;
	void *object = numbered(7);
	void *out = NULL;

	spsc_ring_init(&ring);
	atom_store_relaxed(&ring.tail, UINT32_MAX);
	atom_store_relaxed(&ring.head, UINT32_MAX);
	ring.seen_head = UINT32_MAX;
	ring.seen_tail = UINT32_MAX;
	for (int i = 0; i < 3; i++) {
		assert_true(spsc_ring_fits(&ring, 1));
		spsc_ring_push(&ring, &object, 1);
		assert_int_equal(spsc_ring_pop(&ring, &out, 1), 1);
		assert_ptr_equal(out, object);
		assert_int_equal(spsc_ring_pop(&ring, &out, 1), 0);
	}
}

static void *produce(void *arg)
{
	struct spsc_ring *ring = arg;
	void *objs[STEP_MAX];

	for (uintptr_t sent = 0; sent < TRAVELLERS;) {
		uint32_t n = (uint32_t)(sent % STEP_MAX) + 1;

		if (n > TRAVELLERS - sent)
			n = (uint32_t)(TRAVELLERS - sent);
		for (uint32_t i = 0; i < n; i++)
			objs[i] = numbered(sent + i);
		while (!spsc_ring_fits(ring, n))
			sched_yield();
		spsc_ring_push(ring, objs, n);
		sent += n;
	}
	return NULL;
}

static void test_two_threads(NO_STATE)
{
	static struct spsc_ring ring;
	pthread_t producer;
	void *objs[STEP_MAX];

	spsc_ring_init(&ring);
	assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
	for (uintptr_t seen = 0; seen < TRAVELLERS;) {
		uint32_t n = spsc_ring_pop(&ring, objs, STEP_MAX);

		for (uint32_t i = 0; i < n; i++)
			assert_ptr_equal(objs[i], numbered(seen + i));
		seen += n;
		if (n == 0)
			sched_yield();
	}
	pthread_join(producer, NULL);
	assert_int_equal(spsc_ring_pop(&ring, objs, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_positions_wrap),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
