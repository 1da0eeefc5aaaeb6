/* What there is by name, a list each, for options that take names: options_known of options.h. */
#ifndef BENCH_ENGINE_NAMES_H
#define BENCH_ENGINE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* The i-th strategy, context policy, workload, dispatch, kind of pages; NULL behind the last one. */
const char *names_pools(size_t i);
const char *names_contexts(size_t i);
const char *names_workloads(size_t i);
const char *names_dispatches(size_t i);
const char *names_pages(size_t i);
const char *names_placements(size_t i);

/* What a side of a lane does where one thread gets and another puts: "gets", "puts". */
const char *names_side(uint32_t side);

#endif
