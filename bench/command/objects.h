/* What the objects of a cell are, as `run` and `micro` are asked for it: one size, one alignment. */
#ifndef BENCH_COMMAND_OBJECTS_H
#define BENCH_COMMAND_OBJECTS_H

#include "alloc/pool.h"
#include "bench/base/options.h"
#include "bench/engine/engine.h"
#include "bench/engine/names.h"

#include <stdint.h>

struct objects_request {
	uint64_t bytes;
	uint64_t align; /* 0: the strategy's own */
	struct options_names pages;
};

/*
 * Three entries of a command's options, for the member `objects` of its request. The letters are the
 * short forms of --size and --align; 0: none.
 */
#define OBJECTS_OPTIONS(request, size_letter, align_letter)                                  \
	OPTION(COUNT, request, objects.bytes, "size", size_letter, "BYTES",                  \
		"payload of an object", POOL_OBJECT_BYTES_MIN, POOL_OBJECT_BYTES_MAX),       \
		OPTION(COUNT, request, objects.align, "align", align_letter, "BYTES",        \
			"alignment of an object [64 in a pool, malloc's own in a malloc]",   \
			POOL_OBJECT_ALIGN_MIN, POOL_OBJECT_ALIGN_MAX, .power_of_two = true), \
		OPTION(NAMES, request, objects.pages, "pages", 0, "NAME",                    \
			"pages under the objects: ordinary, transparent or huge [ordinary]", \
			.known = names_pages, .noun = "kind of pages")

/* Sets what the cell's objects are. The request names one kind of pages, or none. */
static inline void objects_set(const struct objects_request *request, struct engine_cell *cell)
{
	cell->object_bytes = (size_t)request->bytes;
	cell->object_align = (size_t)request->align;
	cell->pages = MEMORY_PAGES_ORDINARY;
	if (request->pages.count > 0)
		memory_pages_find(request->pages.item[0], &cell->pages);
}

#endif
