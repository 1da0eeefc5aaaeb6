/* See contention.h. */
#include "bench/sweep/contention.h"

#include "alloc/pool.h"

#include <string.h>

enum contention contention_of(const char *progress, const char *cache)
{
	if (strcmp(cache, pool_cache_name(POOL_CACHE_NONE)) != 0)
		return CONTENTION_CACHED;
	return strcmp(progress, pool_progress_name(POOL_BLOCKING)) == 0 ? CONTENTION_LOCKED
									: CONTENTION_SHARED;
}

const char *contention_name(enum contention contention)
{
	static const char *const names[] = {
		[CONTENTION_CACHED] = "cached",
		[CONTENTION_SHARED] = "shared",
		[CONTENTION_LOCKED] = "locked",
	};

	return names[contention];
}
