#include "bench/engine/names.h"

#include "alloc/machine/memory.h"
#include "bench/engine/instances.h"
#include "bench/engine/topology.h"

const char *names_pools(size_t i)
{
	return pools[i] ? pools[i]->name : NULL;
}

const char *names_contexts(size_t i)
{
	return contexts[i] ? contexts[i]->name : NULL;
}

const char *names_workloads(size_t i)
{
	return workloads[i] ? workloads[i]->name : NULL;
}

const char *names_dispatches(size_t i)
{
	return i <= INSTANCE_TABLE ? instance_dispatch_name((enum instance_dispatch)i) : NULL;
}

const char *names_pages(size_t i)
{
	return i <= MEMORY_PAGES_HUGE ? memory_pages_name((enum memory_pages)i) : NULL;
}

const char *names_placements(size_t i)
{
	return i <= PLACEMENT_NODE ? placement_name((enum placement)i) : NULL;
}

const char *names_side(uint32_t side)
{
	return side == 0 ? "gets" : "puts";
}
