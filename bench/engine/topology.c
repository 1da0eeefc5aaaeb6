/* See topology.h. hwloc knows cores and sockets, sched_getaffinity what is allowed. */
#include "bench/engine/topology.h"

#include "alloc/machine/compiler.h"

#include <errno.h>
#include <hwloc.h>
#include <sched.h>
#include <stdlib.h>

/* A CPU and its place: the keys by which they sort, most significant first. */
struct site {
	uint32_t cpu;
	uint32_t key[3];
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

/* The object's number among those of its type inside home; 0 where the machine has no such home. */
static uint32_t rank_within(hwloc_topology_t topology, hwloc_obj_t home, hwloc_obj_t object)
{
	if (home == NULL || object == NULL)
		return 0;
	return (uint32_t)hwloc_get_obj_index_inside_cpuset(topology, home->cpuset, object);
}

static struct site site_of(hwloc_topology_t topology, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
	hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu);

	return (struct site){pu->os_index,
		{rank_within(topology, core, pu), package ? package->logical_index : 0,
			rank_within(topology, package, core)}};
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

int topology_cpus(uint32_t *cpus, uint32_t room)
{
	hwloc_topology_t topology;
	int rc = load_allowed(&topology);

	if (rc != 0)
		return rc;
	const uint32_t count = (uint32_t)hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
	struct site *sites = calloc(count, sizeof(*sites));
	if (sites != NULL) {
		for (uint32_t i = 0; i < count; i++)
			sites[i] =
				site_of(topology, hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, i));
		qsort(sites, count, sizeof(*sites), compare_sites);
		for (uint32_t i = 0; i < count && i < room; i++)
			cpus[i] = sites[i].cpu;
	}
	hwloc_topology_destroy(topology);
	rc = sites ? (int)count : -ENOMEM;
	free(sites);
	return rc;
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
