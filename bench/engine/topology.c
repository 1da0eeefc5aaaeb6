/* See topology.h. hwloc knows cores and sockets, sched_getaffinity what is allowed. */
#include "bench/engine/topology.h"

#include "alloc/machine/compiler.h"

#include <assert.h>
#include <errno.h>
#include <hwloc.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const placement_names[] = {
	"cores", "compact", "spread", "sibling", "cache", "other-cache", "node"};
static_assert(array_count(placement_names) == PLACEMENT_NODE + 1, "every placement has a name");

const char *placement_name(enum placement placement)
{
	return placement_names[placement];
}

bool placement_find(const char *name, enum placement *out)
{
	for (size_t i = 0; i < array_count(placement_names); i++) {
		if (strcmp(placement_names[i], name) == 0) {
			*out = (enum placement)i;
			return true;
		}
	}
	return false;
}

/*
 * A CPU and where it is: the numbers of what holds it, in the order of the machine, and its own among
 * the threads of its core.
 */
struct site {
	uint32_t cpu, thread, core, package, cache, node;
	uint32_t key[3]; /* by which sites sort, the most significant first */
};

static int compare_sites(const void *a, const void *b)
{
	const struct site *x = a;
	const struct site *y = b;

	for (size_t i = 0; i < array_count(x->key); i++) {
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	}
	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static uint32_t number_of(hwloc_obj_t object)
{
	return object != NULL ? object->logical_index : 0;
}

/* The last-level cache above a CPU; NULL: the machine does not tell. */
static hwloc_obj_t cache_of(hwloc_obj_t pu)
{
	hwloc_obj_t last = NULL;

	for (hwloc_obj_t object = pu->parent; object != NULL; object = object->parent) {
		if (hwloc_obj_type_is_dcache(object->type))
			last = object;
	}
	return last;
}

static hwloc_obj_t node_of(hwloc_topology_t topology, hwloc_obj_t pu)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != NULL) {
		if (hwloc_bitmap_isset(node->cpuset, pu->os_index))
			return node;
	}
	return NULL;
}

static struct site site_of(hwloc_topology_t topology, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);

	return (struct site){
		.cpu = pu->os_index,
		/* Without cores each CPU is one. */
		.thread = core ? (uint32_t)hwloc_get_obj_index_inside_cpuset(
					 topology, core->cpuset, pu)
			       : 0,
		.core = core ? core->logical_index : pu->logical_index,
		.package =
			number_of(hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu)),
		.cache = number_of(cache_of(pu)),
		.node = number_of(node_of(topology, pu)),
	};
}

/* A member of a site, by its offset. */
static uint32_t member(const struct site *site, size_t offset)
{
	return *(const uint32_t *)((const char *)site + offset);
}

/* How many cores are before a site's in the same package, cache or node. */
static uint32_t rank_in(
	const struct site *sites, uint32_t count, const struct site *site, size_t home)
{
	uint32_t rank = 0;

	for (uint32_t i = 0; i < count; i++)
		rank += sites[i].thread == 0 && sites[i].core < site->core &&
			member(&sites[i], home) == member(site, home);
	return rank;
}

/* Keeps the sites with a value of a member; how many there are. */
static uint32_t keep(struct site *sites, uint32_t count, size_t offset, uint32_t value)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (member(&sites[i], offset) == value)
			sites[kept++] = sites[i];
	}
	return kept;
}

/*
 * The value of a member that most cores share, or, with parts, whose sites have the most distinct values
 * of another member; *most is how many.
 */
static uint32_t fullest(
	const struct site *sites, uint32_t count, size_t home, size_t part, uint32_t *most)
{
	uint32_t best = 0;

	*most = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t parts = 0;

		for (uint32_t j = 0; j < count; j++) {
			bool first = member(&sites[j], home) == member(&sites[i], home);

			for (uint32_t k = 0; k < j && first; k++)
				first = member(&sites[k], home) != member(&sites[j], home) ||
					member(&sites[k], part) != member(&sites[j], part);
			parts += first;
		}
		if (parts > *most) {
			*most = parts;
			best = member(&sites[i], home);
		}
	}
	return best;
}

/* The keys by which a placement sorts. */
static void set_keys(struct site *sites, uint32_t count, enum placement placement)
{
	for (uint32_t i = 0; i < count; i++) {
		struct site *site = &sites[i];
		const uint32_t in_package =
			rank_in(sites, count, site, offsetof(struct site, package));
		const struct {
			uint32_t key[3];
		} keys[] = {
			[PLACEMENT_CORES] = {{site->thread, site->package, in_package}},
			[PLACEMENT_COMPACT] = {{site->package, site->core, site->thread}},
			[PLACEMENT_SPREAD] = {{site->thread, in_package, site->package}},
			[PLACEMENT_SIBLING] = {{site->thread}},
			[PLACEMENT_CACHE] = {{site->thread, site->core}},
			[PLACEMENT_OTHER_CACHE] = {{site->thread,
				rank_in(sites, count, site, offsetof(struct site, cache)),
				site->cache}},
			[PLACEMENT_NODE] = {{site->thread,
				rank_in(sites, count, site, offsetof(struct site, node)),
				site->node}},
		};

		memcpy(site->key, keys[placement].key, sizeof(site->key));
	}
}

/*
 * Leaves the sites of a placement, in its order; how many there are. 0: the machine has no such place,
 * and *had says how many it has of what there should be two of.
 */
static uint32_t arrange(struct site *sites, uint32_t count, enum placement placement, uint32_t *had)
{
	const size_t core = offsetof(struct site, core), cache = offsetof(struct site, cache),
		     node = offsetof(struct site, node), thread = offsetof(struct site, thread);
	uint32_t home;

	*had = 2;
	if (placement == PLACEMENT_SIBLING) {
		home = fullest(sites, count, core, thread, had);
		count = keep(sites, count, core, home);
	} else if (placement == PLACEMENT_CACHE) {
		home = fullest(sites, count, cache, core, had);
		count = keep(sites, count, cache, home);
		count = keep(sites, count, thread, 0);
	} else if (placement == PLACEMENT_OTHER_CACHE) {
		home = fullest(sites, count, node, cache, had);
		count = keep(sites, count, node, home);
	} else if (placement == PLACEMENT_NODE) {
		*had = 0;
		for (uint32_t i = 0; i < count; i++)
			*had = sites[i].node + 1 > *had ? sites[i].node + 1 : *had;
	}
	if (*had < 2)
		return 0;
	set_keys(sites, count, placement);
	qsort(sites, count, sizeof(*sites), compare_sites);
	return count;
}

/*
 * The whole machine, read once: that takes hwloc a hundred files, and every cell asks. NULL with
 * errno set if it could not be read.
 */
static hwloc_topology_t machine(void)
{
	static hwloc_topology_t read; /* for the life of the process */
	hwloc_topology_t topology;

	if (read != NULL)
		return read;
	/* Without plugins: they know graphics cards and buses, and load a dozen libraries for it. */
	setenv("HWLOC_PLUGINS_PATH", "", 0);
	if (hwloc_topology_init(&topology) != 0)
		return NULL;
	if (hwloc_topology_load(topology) == 0)
		return read = topology;
	hwloc_topology_destroy(topology);
	return NULL;
}

/* The machine as far as the calling thread may use it. 0 and *out, or a negative errno. */
static int load_allowed(hwloc_topology_t *out)
{
	hwloc_cpuset_t allowed = hwloc_bitmap_alloc();
	hwloc_topology_t whole = machine();
	int rc = -ENOMEM;

	if (allowed == NULL)
		return rc;
	if (whole == NULL || hwloc_get_cpubind(whole, allowed, HWLOC_CPUBIND_THREAD) != 0 ||
		hwloc_topology_dup(out, whole) != 0) {
		rc = errno ? -errno : -EIO;
	} else if (hwloc_topology_restrict(*out, allowed, 0) != 0) {
		rc = errno ? -errno : -EIO;
		hwloc_topology_destroy(*out);
	} else {
		rc = 0;
	}
	hwloc_bitmap_free(allowed);
	return rc;
}

/* All sites of a machine. Their number, or -ENOMEM; the caller frees them. */
static int sites_of(hwloc_topology_t topology, struct site **out)
{
	const uint32_t count = (uint32_t)hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
	struct site *sites = calloc(count, sizeof(*sites));

	for (uint32_t i = 0; i < count && sites != NULL; i++)
		sites[i] = site_of(topology, hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, i));
	*out = sites;
	return sites != NULL ? (int)count : -ENOMEM;
}

/* Those that the calling thread may use; or another negative errno. */
static int allowed_sites(struct site **out)
{
	hwloc_topology_t topology;
	int rc = load_allowed(&topology);

	if (rc != 0)
		return rc;
	rc = sites_of(topology, out);
	hwloc_topology_destroy(topology);
	return rc;
}

int topology_cpus(uint32_t *cpus, uint32_t room)
{
	struct site *sites;
	const int count = allowed_sites(&sites);
	uint32_t had;

	if (count < 0)
		return count;
	arrange(sites, (uint32_t)count, PLACEMENT_CORES, &had);
	for (uint32_t i = 0; i < (uint32_t)count && i < room; i++)
		cpus[i] = sites[i].cpu;
	free(sites);
	return count;
}

/* As topology_place, of these sites. */
static int place(struct site *sites, uint32_t allowed, enum placement placement, uint32_t threads,
	uint32_t *cpus, char *why)
{
	static const char *const parts[] = {
		[PLACEMENT_SIBLING] = "thread a core",
		[PLACEMENT_CACHE] = "core under a last-level cache",
		[PLACEMENT_OTHER_CACHE] = "last-level cache a node",
		[PLACEMENT_NODE] = "node",
	};
	/* Of the others more threads than CPUs would share them while some are free. */
	const bool all = placement <= PLACEMENT_SPREAD || placement == PLACEMENT_NODE;
	uint32_t had;
	const uint32_t count = arrange(sites, allowed, placement, &had);
	int rc = 0;

	if (count == 0) {
		snprintf(why, TOPOLOGY_WHY_BYTES,
			"this process may use one %s here, and placement %s needs two",
			parts[placement], placement_name(placement));
		rc = -EINVAL;
	} else if (!all && threads > count) {
		snprintf(why, TOPOLOGY_WHY_BYTES,
			"placement %s has %" PRIu32 " CPUs here, and threads is %" PRIu32,
			placement_name(placement), count, threads);
		rc = -EINVAL;
	}
	for (uint32_t i = 0; i < threads && rc == 0; i++)
		cpus[i] = sites[i % count].cpu;
	return rc;
}

/* With the sites that were found, or an errno in their place. Frees them. */
static int place_found(struct site *sites, int found, enum placement placement, uint32_t threads,
	uint32_t *cpus, char *why)
{
	if (found < 0) {
		snprintf(why, TOPOLOGY_WHY_BYTES, "the CPUs can't be found out: %s",
			strerror(-found));
		return found;
	}

	const int rc = place(sites, (uint32_t)found, placement, threads, cpus, why);

	free(sites);
	return rc;
}

int topology_place(enum placement placement, uint32_t threads, uint32_t *cpus, char *why)
{
	struct site *sites = NULL;
	const int found = allowed_sites(&sites);

	return place_found(sites, found, placement, threads, cpus, why);
}

/* The set of one CPU; NULL: no memory. The caller ends it with CPU_FREE. */
static cpu_set_t *only(uint32_t cpu, size_t *bytes)
{
	cpu_set_t *set = CPU_ALLOC(cpu + 1);

	*bytes = CPU_ALLOC_SIZE(cpu + 1);
	if (set == NULL)
		return NULL;
	CPU_ZERO_S(*bytes, set);
	CPU_SET_S(cpu, *bytes, set);
	return set;
}

int topology_pin(uint32_t cpu)
{
	size_t bytes;
	cpu_set_t *set = only(cpu, &bytes);

	if (set == NULL)
		return -ENOMEM;
	int rc = sched_setaffinity(0, bytes, set) == 0 ? 0 : -errno;
	CPU_FREE(set);
	return rc;
}

int topology_start(pthread_t *thread, uint32_t cpu, void *(*run)(void *), void *arg)
{
	size_t bytes;
	cpu_set_t *set = only(cpu, &bytes);
	pthread_attr_t attributes;

	if (set == NULL)
		return -ENOMEM;
	int rc = pthread_attr_init(&attributes);
	if (rc == 0) {
		rc = pthread_attr_setaffinity_np(&attributes, bytes, set);
		if (rc == 0)
			rc = pthread_create(thread, &attributes, run, arg);
		pthread_attr_destroy(&attributes);
	}
	CPU_FREE(set);
	return -rc;
}
