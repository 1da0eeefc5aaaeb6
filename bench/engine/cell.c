/* A cell before it runs: whether it makes sense, how many objects it needs, its CPUs and its pool. */
#include "bench/engine/runner.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	/*
	 * Objects that a thread's caches may keep from other threads. The largest need is DPDK's: a
	 * cache of 256 fills to one and a half times that, and a batch is in flight beside it. In a
	 * smaller pool DPDK shrinks its cache, and its price would be another.
	 */
	ENGINE_STRANDED_OBJECTS = 640,
};

int engine_refuse(char *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, ENGINE_REASON_BYTES, format, args);
	va_end(args);
	return error;
}

static bool in_range(char *why, const char *name, uint64_t value, uint64_t least, uint64_t most)
{
	return (value >= least && value <= most) ||
	       engine_refuse(why, -EINVAL,
		       "%s is %" PRIu64 "; it must be %" PRIu64 "..%" PRIu64 ".", name, value,
		       least, most) == 0;
}

int engine_check(const struct pool_ops *ops, const struct workload *workload,
	const struct engine_cell *cell, char *why)
{
	const struct workload_cell *shape = &cell->shape;
	const size_t align = cell->object_align;
	uint32_t burst_max = workload->burst_max ? workload->burst_max : POOL_BULK_MAX;

	if (!in_range(why, "threads", shape->threads, 1, ENGINE_THREADS_MAX) ||
		!in_range(why, "burst", shape->burst, 1, burst_max) ||
		!in_range(why, "depth", shape->depth, 1, ENGINE_DEPTH_MAX) ||
		!in_range(why, "object_bytes", cell->object_bytes, POOL_OBJECT_BYTES_MIN,
			POOL_OBJECT_BYTES_MAX) ||
		!in_range(why, "capacity", cell->capacity, 0, ENGINE_CAPACITY_MAX))
		return -EINVAL;
	if (workload->capacity != NULL && cell->capacity != 0 &&
		cell->capacity != workload->capacity(shape))
		return engine_refuse(why, -EINVAL,
			"capacity is %" PRIu32 "; %s is about a pool of exactly %" PRIu32
			" objects, which is 0's meaning.",
			cell->capacity, workload->name, workload->capacity(shape));
	if (shape->threads % workload->lane_threads != 0)
		return engine_refuse(why, -EINVAL,
			"threads is %" PRIu32 "; %s needs a multiple of %" PRIu32 ".",
			shape->threads, workload->name, workload->lane_threads);
	if (align != 0 &&
		!in_range(why, "object_align", align, POOL_OBJECT_ALIGN_MIN, POOL_OBJECT_ALIGN_MAX))
		return -EINVAL;
	if ((align & (align - 1)) != 0)
		return engine_refuse(
			why, -EINVAL, "object_align is %zu; it must be a power of two.", align);
	if (workload->create != NULL && cell->pages != MEMORY_PAGES_ORDINARY)
		return engine_refuse(why, -EINVAL,
			"pages must be ordinary; %s makes its own pool, which has no others.",
			workload->name);
	if (workload->create != NULL && align != 0)
		return engine_refuse(why, -EINVAL,
			"object_align must not be given; %s makes its own pool, whose objects have "
			"an alignment of their own.",
			workload->name);
	if (ops->traits.kind == POOL_KIND_ALLOCATOR && cell->pages != MEMORY_PAGES_ORDINARY)
		return engine_refuse(why, -EINVAL,
			"pages are %s; %s takes its memory from the system by itself.",
			memory_pages_name(cell->pages), ops->name);
	if (workload->holds_many && ops->traits.kind == POOL_KIND_NULL)
		return engine_refuse(why, -EINVAL,
			"%s writes to several objects at once; %s has the same one for all.",
			workload->name, ops->name);
	if (shape->threads > 1 && ops->traits.progress == POOL_UNSYNCHRONISED &&
		ops->traits.kind == POOL_KIND_POOL)
		return engine_refuse(why, -EINVAL,
			"threads is %" PRIu32 "; %s is for one thread only.", shape->threads,
			ops->name);
	return 0;
}

uint32_t engine_capacity(const struct workload *workload, const struct workload_cell *shape)
{
	if (workload->capacity != NULL)
		return workload->capacity(shape);
	return shape->threads * (workload->demand(shape) + ENGINE_STRANDED_OBJECTS);
}

uint32_t engine_objects(const struct workload *workload, const struct engine_cell *cell)
{
	if (workload->capacity != NULL)
		return cell->capacity;

	const uint32_t wanted = cell->shape.threads * workload->demand(&cell->shape);

	return wanted < cell->capacity ? wanted : cell->capacity;
}

int engine_choose_cpus(struct engine *self, char *why)
{
	const uint32_t threads = self->cell.shape.threads;
	uint32_t cpus[ENGINE_THREADS_MAX];
	char reason[TOPOLOGY_WHY_BYTES];
	const int allowed = topology_cpus(cpus, ENGINE_THREADS_MAX);
	const int rc = topology_place(self->cell.placement, threads, cpus, reason);

	if (allowed < 0 || rc != 0)
		return engine_refuse(
			why, rc != 0 ? rc : allowed, "%c%s.", toupper(reason[0]), reason + 1);
	for (uint32_t i = 0; i < threads; i++) {
		self->runners[i].cpu = cpus[i];
		self->runners[i].rounds = 1;
	}
	self->cpus = (uint32_t)allowed;
	self->oversubscribed = self->cell.shape.threads > (uint32_t)allowed;
	return 0;
}

/* A pool of explicit huge pages that finds no memory lacks such pages. */
int engine_no_huge_pages(const struct engine_cell *cell, char *why)
{
	return engine_refuse(why, -ENOTSUP,
		"There are no huge pages for %" PRIu32 " objects of %zu bytes; reserve some with "
		"vm.nr_hugepages, or ask for transparent ones.",
		cell->capacity, cell->object_bytes);
}

int engine_create_pool(const struct workload_case *subject, const struct engine_cell *cell,
	void **shared, struct pool **pool, char *why)
{
	const struct pool_ops *ops = subject->ops;
	const struct pool_config config = {
		.object_bytes = cell->object_bytes,
		.object_align = cell->object_align,
		.capacity = cell->capacity,
		.pages = cell->pages,
	};
	char reason[POOL_REASON_BYTES];

	if (!ops->supported(reason))
		return engine_refuse(why, -ENOTSUP, "%s cannot run here: %s", ops->name, reason);
	int rc;
	if (subject->workload->create != NULL)
		rc = subject->workload->create(ops, &config, &cell->shape, shared, pool);
	else
		rc = pool_create(ops, &config, pool);
	if (rc == -EOVERFLOW)
		snprintf(why, ENGINE_REASON_BYTES,
			"%" PRIu32 " objects of %zu bytes are more than %s can name; use smaller "
			"objects or fewer threads.",
			config.capacity, config.object_bytes, ops->name);
	else if (rc == -ENOMEM && config.pages == MEMORY_PAGES_HUGE)
		return engine_no_huge_pages(cell, why);
	else if (rc != 0)
		snprintf(why, ENGINE_REASON_BYTES,
			"A %s pool of %" PRIu32 " objects of %zu bytes cannot be created: %s.",
			ops->name, config.capacity, config.object_bytes, strerror(-rc));
	return rc;
}
