/* What there is by name, a list each, for options that take names: options_known of options.h. */
#ifndef BENCH_ENGINE_NAMES_H
#define BENCH_ENGINE_NAMES_H

#include <stddef.h>

/* The i-th strategy, context policy, workload, dispatch, kind of pages; NULL behind the last one. */
const char *names_pools(size_t i);
const char *names_contexts(size_t i);
const char *names_workloads(size_t i);
const char *names_dispatches(size_t i);
const char *names_pages(size_t i);

#endif
