/* The pools that the library makes for itself when a call first needs one. */
#include "alloc/ndis/internal.h"

#include <pthread.h>

enum { KINDS = NBL_POOL_MDLS + 1 };

static atom_ptr defaults[KINDS];
static pthread_mutex_t defaults_lock = PTHREAD_MUTEX_INITIALIZER;

static COLD struct nbl_pool *make(enum nbl_pool_kind kind)
{
	struct nbl_pool_config config = {
		.kind = kind,
		.tag = kind == NBL_POOL_MDLS ? NDIS_TAG_MDLS : NDIS_TAG_CLONES,
		.with_nb = kind == NBL_POOL_LISTS,
	};

	pthread_mutex_lock(&defaults_lock);
	struct nbl_pool *pool = atom_load_relaxed(&defaults[kind]); /* stored under the lock */
	if (pool == NULL && nbl_pool_create(&config, &pool) == 0)
		atom_store_release(&defaults[kind], pool); /* R0, meets A0 */
	pthread_mutex_unlock(&defaults_lock);
	return pool;
}

struct nbl_pool *ndis_default_made(enum nbl_pool_kind kind)
{
	return atom_load_acquire(&defaults[kind]); /* A0, meets R0: it is complete */
}

struct nbl_pool *ndis_default_pool(enum nbl_pool_kind kind)
{
	struct nbl_pool *pool = ndis_default_made(kind);

	return likely(pool != NULL) ? pool : make(kind);
}

bool nbl_release_defaults(void)
{
	bool all = true;

	pthread_mutex_lock(&defaults_lock);
	for (int kind = 0; kind < KINDS; kind++) {
		struct nbl_pool *pool = atom_load_relaxed(&defaults[kind]);

		if (pool == NULL)
			continue;
		if (nbl_pool_outstanding(pool) != 0) {
			all = false;
			continue;
		}
		atom_store_relaxed(&defaults[kind], NULL); /* no other thread is in a call */
		nbl_pool_destroy(pool, (enum nbl_pool_kind)kind, "nbl_release_defaults");
	}
	pthread_mutex_unlock(&defaults_lock);
	return all;
}
