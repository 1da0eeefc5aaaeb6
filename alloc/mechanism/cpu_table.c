/* See cpu_table.h. */
#include "alloc/mechanism/cpu_table.h"
#include "alloc/machine/memory.h"

void *cpu_table_map(struct cpu_table *self, size_t element_bytes)
{
	self->cpus = cpu_possible();
	self->limit = cpu_limit() + 1;
	return memory_map(self->limit * element_bytes, MEMORY_PAGES_ORDINARY);
}

void cpu_table_unmap(const struct cpu_table *self, void *elements, size_t element_bytes)
{
	memory_unmap(elements, self->limit * element_bytes, MEMORY_PAGES_ORDINARY);
}

bool cpu_table_search(const struct cpu_table *self, uint32_t *first,
	bool (*look)(void *arg, uint32_t cpu, bool *busy), void *arg)
{
	bool busy = true;

	for (uint32_t n = 0; busy && n < CPU_TABLE_LOOKS_MAX; n++) {
		busy = false;
		for (uint32_t i = 0; i < self->cpus; i++) {
			uint32_t cpu = (*first + i) % self->cpus;

			if (look(arg, cpu, &busy)) {
				*first = cpu;
				return true;
			}
		}
		if (busy)
			atom_pause();
	}
	return false;
}
