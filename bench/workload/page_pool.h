/*
 * page_pool: a receive ring whose pages are recycled. The ring holds 1024 objects. Each poll takes the
 * `burst` oldest out of it, reads them, puts them back to the pool one by one, and fills their places
 * with objects that it gets one by one and writes. A driver over Linux's page_pool does this, which
 * recycles on the CPU that polls; the ring is of the kernel's benchmark, and a poll's budget is 64 there.
 *
 * All threads do the same, each with a ring of its own. A round is one poll; counts pages.
 *
 * What it can't show: pages that come back on another CPU, which is remote_free_touch; and the slow
 * path to the page allocator.
 */
#ifndef BENCH_WORKLOAD_PAGE_POOL_H
#define BENCH_WORKLOAD_PAGE_POOL_H

#include "bench/workload.h"
#include "bench/workload/touch.h"

#include <errno.h>

enum { PAGE_POOL_RING = 1024 };
_Static_assert((PAGE_POOL_RING & (PAGE_POOL_RING - 1)) == 0, "the modulo is a mask");

struct page_pool {
	uint32_t at;                /* the oldest; counts for ever */
	void *ring[PAGE_POOL_RING]; /* NULL: found none */
};

ALWAYS_INLINE uint64_t workload_page_pool(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct page_pool *own = t->own;
	const uint32_t budget = t->cell->burst;
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < budget; k++) {
			void **page = &own->ring[(own->at + k) % PAGE_POOL_RING];

			if (unlikely(*page == NULL))
				continue;
			WORKLOAD_OWN_DO(t, touch_read(page, 1));
			WORKLOAD_DO(t, ops->put(pool, t->self, *page));
			bench_escape(pool);
		}
		for (uint32_t k = 0; k < budget; k++) {
			void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

			bench_escape(object);
			own->ring[(own->at + k) % PAGE_POOL_RING] = object;
			if (unlikely(object == NULL)) {
				t->failed++;
				continue;
			}
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
			done++;
		}
		own->at += budget;
	}
	return done;
}

static uint32_t page_pool_demand(const struct workload_cell *cell)
{
	(void)cell;
	return PAGE_POOL_RING;
}

static int page_pool_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct page_pool *own = memory_alloc(sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	own->at = 0;
	for (uint32_t i = 0; i < PAGE_POOL_RING; i++)
		own->ring[i] = ops->get(pool, t->self);
	t->own = own;
	return 0;
}

static void page_pool_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct page_pool *own = t->own;

	for (uint32_t i = 0; i < PAGE_POOL_RING; i++) {
		if (own->ring[i] != NULL)
			ops->put(pool, t->self, own->ring[i]);
	}
	memory_free(own, sizeof(*own));
}

static const struct workload workload_page_pool_info = {
	.name = "page_pool",
	.summary = "a receive ring of 1024 recycles a burst of its oldest objects each poll",
	.unit = "pages",
	.program = "A network driver over Linux's page_pool: a ring of 1024 pages, a burst a poll, "
		   "recycled on the CPU that polls. First in, first out.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.by_name = true,
	.untimed = true,
	.demand = page_pool_demand,
	.enter = page_pool_enter,
	.leave = page_pool_leave,
};

#endif
