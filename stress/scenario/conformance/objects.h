/* Clauses on what one thread may say of the objects that it gets and puts. */
#ifndef STRESS_SCENARIO_CONFORMANCE_OBJECTS_H
#define STRESS_SCENARIO_CONFORMANCE_OBJECTS_H

#include "stress/scenario/conformance/fixture.h"

#include <errno.h>

static void places_objects(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);

		for (int again = 0; again < 2; again++) {
			conformance_get_all(&b);
			conformance_place(b.pool, b.objs, b.n);
			for (uint32_t i = 0; i < b.n; i++)
				memset(b.objs[i], CONFORMANCE_SENTINEL,
					b.pool->config.object_bytes);
			conformance_put_all(&b);
		}
		conformance_close(&b);
	}
}

/* But for the first 8 bytes, objects are zero at first and then as their last owner left them. */
static void keeps_content(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 120, .capacity = 500};
	struct conformance_bench b = conformance_open(run, &config);

	for (int round = 0; round < 3; round++) {
		conformance_get_all(&b);
		for (uint32_t i = 0; i < b.n; i++) {
			const unsigned char *bytes = b.objs[i];

			for (size_t at = POOL_OBJECT_BYTES_MIN; at < config.object_bytes; at++) {
				int left = round == 0 ? 0 : CONFORMANCE_SENTINEL + (int)(at % 32);

				if (bytes[at] != left)
					stress_fail(PROMISE_FREE_IS_KEPT,
						"byte %zu of object %p is %#x; %s it must be %#x",
						at, b.objs[i], bytes[at],
						round == 0 ? "before first use"
							   : "as its last owner left it",
						left);
			}
		}
		for (uint32_t i = 0; i < b.n; i++) {
			unsigned char *bytes = b.objs[i];

			for (size_t at = 0; at < config.object_bytes; at++)
				bytes[at] = (unsigned char)(CONFORMANCE_SENTINEL + at % 32);
		}
		conformance_put_all(&b);
	}
	conformance_close(&b);
}

/* Exactly as many as the capacity; NULL then, counted; and one comes back for each that was put. */
static void reaches_capacity(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);

		stress_quiet(b.pool, 0, "in a new pool");
		for (int again = 0; again < 2; again++) {
			conformance_get_all(&b);
			stress_quiet(b.pool, b.n, "with every object out");
			uint64_t empty = b.self->paths.empty;
			if (b.ops->get(b.pool, b.self) != NULL)
				stress_fail(PROMISE_CAPPED,
					"a pool of %" PRIu32 " objects gave out one more", b.n);
			if (b.self->paths.empty != empty + 1)
				stress_fail(PROMISE_SHORT_IS_COUNTED,
					"get answered NULL and paths.empty moved by %" PRIu64
					", not 1",
					b.self->paths.empty - empty);
			b.ops->put(b.pool, b.self, b.objs[0]);
			conformance_settle(&b);
			stress_quiet(b.pool, b.n - 1, "with one object back");
			b.objs[0] = conformance_get(&b, 0);
			conformance_put_all(&b);
			stress_quiet(b.pool, 0, "with every object back");
		}
		conformance_close(&b);
	}
}

static void moves_in_bulk(const struct stress *run)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 31, 32, 33, 64, 100, 255, POOL_BULK_MAX};
	struct pool_config config = {.object_bytes = 64, .capacity = 3 * POOL_BULK_MAX + 5};
	struct conformance_bench b = conformance_open(run, &config);

	free(b.objs);
	b.n = config.capacity; /* allocators, too: a bulk of POOL_BULK_MAX is asked of all */
	b.objs = stress_array((size_t)b.n + POOL_BULK_MAX, sizeof(*b.objs));
	for (size_t s = 0; s < array_count(sizes); s++) {
		const uint32_t n = sizes[s];
		uint32_t out = 0;

		for (; out + n <= b.n; out += n) {
			uint32_t got = b.ops->get_bulk(b.pool, b.self, &b.objs[out], n);
			if (got != n)
				stress_fail(PROMISE_BULK,
					"get_bulk of %" PRIu32 " returned %" PRIu32 " with %" PRIu32
					" of %" PRIu32 " objects out",
					n, got, out, b.n);
		}
		conformance_place(b.pool, b.objs, out);
		for (uint32_t i = 0; i < out; i += n)
			b.ops->put_bulk(b.pool, b.self, &b.objs[i], n);
		conformance_settle(&b);
		stress_quiet(b.pool, 0, "after bulk calls");
	}
	conformance_close(&b);
}

/* What is left, if less is left than was asked for; 0 at the end; both counted. */
static void ends_bulk_early(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);
		uint32_t left = b.n < 7 ? b.n : 7;

		for (uint32_t i = 0; i < b.n - left; i++)
			b.objs[i] = conformance_get(&b, i);
		for (int round = 0; round < 2; round++, left = 0) {
			uint64_t empty = b.self->paths.empty;
			uint32_t got =
				b.ops->get_bulk(b.pool, b.self, &b.objs[b.n - left], POOL_BULK_MAX);
			if (got != left)
				stress_fail(PROMISE_BULK,
					"get_bulk returned %" PRIu32 " with %" PRIu32 " left", got,
					left);
			if (b.self->paths.empty == empty)
				stress_fail(PROMISE_SHORT_IS_COUNTED,
					"get_bulk came back short and paths.empty did not move");
		}
		conformance_place(b.pool, b.objs, b.n);
		stress_quiet(b.pool, b.n, "with every object out");
		for (uint32_t i = 0; i < b.n;) {
			uint32_t n = b.n - i < POOL_BULK_MAX ? b.n - i : POOL_BULK_MAX;

			b.ops->put_bulk(b.pool, b.self, &b.objs[i], n);
			i += n;
		}
		conformance_close(&b);
	}
}

static void conformance_prefill(
	struct conformance_bench *b, struct pool_thread *self, uint32_t n, int error)
{
	int rc = b->ops->prefill(b->pool, self, n);

	if (rc != error)
		stress_fail(PROMISE_SET_ASIDE, "prefill of %" PRIu32 " returned %d, not %d (%s)", n,
			rc, error, strerror(-error));
}

/* The other handle takes what it finds: all but what is set aside. */
static uint32_t conformance_rob(
	struct conformance_bench *b, struct pool_thread *other, uint32_t aside)
{
	uint32_t got = stress_drain(b->pool, other, b->objs, b->n);

	if (got + aside != b->n)
		stress_fail(PROMISE_SET_ASIDE,
			"another handle got %" PRIu32 " of %" PRIu32 " objects, with %" PRIu32
			" set aside",
			got, b->n, aside);
	return got;
}

/*
 * What one handle has set aside, its gets find when another has taken the rest; it is had once, topped up
 * and given back to a number, and refused, with no change, where it can't be had.
 */
static void keeps_promises(const struct stress *run)
{
	for (size_t s = 0; s < array_count(conformance_shapes); s++) {
		struct conformance_bench b = conformance_open(run, &conformance_shapes[s]);
		const uint32_t sheaf = b.pool->config.magazine_objects;
		const uint32_t most = sheaf < b.n ? sheaf : b.n;
		struct pool_thread *other = stress_attach(b.pool);

		conformance_prefill(&b, b.self, 0, 0);
		conformance_prefill(&b, b.self, most + 1, -EINVAL);
		conformance_prefill(&b, b.self, UINT32_MAX, -EINVAL);
		conformance_prefill(&b, b.self, most, 0);
		conformance_prefill(&b, b.self, most, 0); /* twice is once */
		stress_quiet(b.pool, 0, "with objects set aside");
		uint32_t got = conformance_rob(&b, other, most);

		/* Half are used, singly and in bulk; what is given back is free to all. */
		const uint32_t half = most / 2;
		if (half != 0)
			b.objs[got++] = conformance_get(&b, 0);
		if (half > 1 && b.ops->get_bulk(b.pool, b.self, &b.objs[got], half - 1) != half - 1)
			stress_fail(PROMISE_SET_ASIDE, "a bulk of what is set aside failed");
		got += half > 1 ? half - 1 : 0;
		if (got < b.n) {
			conformance_prefill(&b, b.self, most - half, 0);
			if (half != 0)
				conformance_prefill(&b, b.self, most, -ENOSPC);
			if (half > 1) { /* what was found of too little is free again */
				b.ops->put(b.pool, other, b.objs[--got]);
				conformance_prefill(&b, b.self, most, -ENOSPC);
				if (stress_drain(b.pool, other, &b.objs[got], 2) != 1)
					stress_fail(PROMISE_SET_ASIDE,
						"a prefill that failed kept what it found");
				got++;
			}
			conformance_prefill(&b, b.self, 0, 0);
			got += stress_drain(b.pool, other, &b.objs[got], b.n - got);
		}
		if (got != b.n || b.ops->get(b.pool, b.self) != NULL)
			stress_fail(PROMISE_NONE_LOST,
				"%" PRIu32 " of %" PRIu32 " objects came out", got, b.n);
		conformance_prefill(&b, b.self, 1, -ENOSPC);
		conformance_place(b.pool, b.objs, b.n);
		conformance_put_all(&b);

		/* All that was promised. */
		conformance_prefill(&b, b.self, most, 0);
		got = conformance_rob(&b, other, most);
		while (got < b.n)
			b.objs[got++] = conformance_get(&b, most);
		conformance_put_all(&b);

		/* A flush gives back, and so does an end, also of what is half used. */
		conformance_prefill(&b, other, most, 0);
		b.ops->flush(b.pool, other);
		conformance_get_all(&b);
		conformance_put_all(&b);
		conformance_prefill(&b, other, most, 0);
		got = stress_drain(b.pool, b.self, b.objs, b.n - most);
		if (half != 0 && b.ops->get_bulk(b.pool, other, &b.objs[got], half) != half)
			stress_fail(
				PROMISE_SET_ASIDE, "half of what is set aside was not to be had");
		for (got += half; got > 0; got--)
			b.ops->put(b.pool, b.self, b.objs[got - 1]);
		b.ops->detach(b.pool, other);
		conformance_get_all(&b);
		conformance_put_all(&b);
		conformance_close(&b);
	}
}

/* Two pools of one strategy, used in turns by one thread, have nothing in common. */
static void keeps_pools_apart(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64, .capacity = 150};
	struct conformance_bench a = conformance_open(run, &config);
	struct conformance_bench b = conformance_open(run, &config);
	void **all = stress_array((size_t)a.n + b.n, sizeof(*all));

	for (int again = 0; again < 2; again++) {
		for (uint32_t i = 0; i < a.n; i++) {
			a.objs[i] = conformance_get(&a, i);
			b.objs[i] = conformance_get(&b, i);
		}
		memcpy(all, a.objs, a.n * sizeof(*all));
		memcpy(all + a.n, b.objs, b.n * sizeof(*all));
		conformance_place(a.pool, all, a.n + b.n);
		conformance_put_all(&a);
		stress_quiet(b.pool, b.n, "while the other pool was refilled");
		conformance_put_all(&b);
	}
	/* Memory is held to what it was before the first of them. */
	stress_quiet(b.pool, 0, "beside another pool");
	b.ops->detach(b.pool, b.self);
	pool_destroy(b.pool);
	free(b.objs);
	conformance_close(&a);
	free(all);
}

/* check must refuse figures that are not true: one too many, one too few. */
static void checks_its_books(const struct stress *run)
{
	struct pool_config config = {.object_bytes = 64, .capacity = 40};
	struct conformance_bench b = conformance_open(run, &config);

	for (uint32_t out = 0; out <= b.n; out++) {
		const uint64_t wrong[] = {out + 1, out - UINT64_C(1)};

		for (size_t i = 0; i < array_count(wrong) && (out > 0 || i == 0); i++) {
			char why[POOL_REASON_BYTES] = "";
			int rc = b.ops->check(b.pool, wrong[i], why);

			if (rc != -EINVAL || why[0] == '\0')
				stress_fail(PROMISE_FIGURES,
					"with %" PRIu32 " objects out, check was told %" PRIu64
					" and returned %d (\"%s\")",
					out, wrong[i], rc, why);
		}
		stress_quiet(b.pool, out, "while objects leave one by one");
		if (out < b.n)
			b.objs[out] = conformance_get(&b, out);
	}
	conformance_put_all(&b);
	conformance_close(&b);
}

#endif
