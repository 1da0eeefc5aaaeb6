/*
 * Joins stores of one plan and build into a new one. The machine is a factor: each has cells of its own
 * there (schema.sql), so nothing is pooled. Stores of the same machine are shards, which must not have
 * measured the same fork of a cell.
 */
#ifndef BENCH_SWEEP_MERGE_H
#define BENCH_SWEEP_MERGE_H

#include <stddef.h>

/*
 * 0; or -1 with a sentence in why (STORE_WHY_BYTES), and nothing at out: something stands there, a
 * store can't be read, is of another plan, build or schema version, or has what one before it has. A
 * shard's blocks must be younger than those of the shards before it.
 */
int merge_stores(const char *out, char *const *stores, size_t count, char *why);

#endif
