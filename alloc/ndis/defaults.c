/* The pools that the library makes for itself when a call first needs one. */
#include "alloc/ndis/internal.h"

enum { KINDS = NBL_POOL_MDLS + 1 };

static atom_ptr defaults[KINDS];

/* Holds no lock: of two threads that come at once, one throws its pool away. */
static COLD struct nbl_pool *make(enum nbl_pool_kind kind)
{
	struct nbl_pool_config config = {
		.kind = kind,
		.tag = kind == NBL_POOL_MDLS ? NDIS_TAG_MDLS : NDIS_TAG_CLONES,
		.with_nb = kind == NBL_POOL_LISTS,
	};

	struct nbl_pool *pool;
	void *first = NULL;

	if (nbl_pool_create(&config, &pool) != 0)
		return NULL;
	while (!atom_cas_weak_acq_rel(&defaults[kind], &first, pool)) { /* R0, meets A0; A0 */
		if (first != NULL) {
			nbl_pool_discard(pool);
			return first;
		}
	}
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
	return all;
}
