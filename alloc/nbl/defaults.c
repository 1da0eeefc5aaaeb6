/*
 * Defaults: which strategy, which policy and which rules a pool gets whose creator did not say. A
 * call wins over the environment, the environment over what is built in.
 */
#include "alloc/nbl/defaults.h"

#include "alloc/nbl/misuse.h"

#include <errno.h>
#include <string.h>

static const struct pool_ops *default_ops;
static const struct context_ops *default_policy;
static uint32_t default_align_bytes;
static uint32_t default_objects; /* 0: no cap */

/* Continues a sentence that ends in a list of names. */
static void add_name(char *why, const char *name, bool *first)
{
	size_t used = strlen(why);

	snprintf(why + used, NBL_REASON_BYTES - used, "%s%s", *first ? "" : ", ", name);
	*first = false;
}

/* What may stand beneath the documented names: several threads use a pool. */
static bool serves_threads(const struct pool_ops *ops)
{
	return ops->traits.progress != POOL_UNSYNCHRONISED;
}

static int find_pool(const char *name, const struct pool_ops **out, char *why)
{
	const struct pool_ops *ops = pool_find(name);

	if (ops == NULL) {
		bool first = true;

		snprintf(why, NBL_REASON_BYTES, "'%.40s' is no pool strategy; known are: ", name);
		for (size_t i = 0; pools[i] != NULL; i++) {
			if (serves_threads(pools[i]))
				add_name(why, pools[i]->name, &first);
		}
		return -EINVAL;
	}
	if (!serves_threads(ops)) {
		snprintf(why, NBL_REASON_BYTES,
			"pool strategy '%s' serves one thread only and cannot stand beneath the "
			"documented names",
			ops->name);
		return -EINVAL;
	}
	if (!ops->supported(why))
		return -ENOTSUP;
	*out = ops;
	return 0;
}

static int find_context(const char *name, const struct context_ops **out, char *why)
{
	const struct context_ops *policy = context_find(name);

	if (policy == NULL) {
		bool first = true;

		snprintf(why, NBL_REASON_BYTES, "'%.40s' is no context policy; known are: ", name);
		for (size_t i = 0; contexts[i] != NULL; i++)
			add_name(why, contexts[i]->name, &first);
		return -EINVAL;
	}
	*out = policy;
	return 0;
}

int nbl_set_default_pool(const char *name, char *why)
{
	if (name != NULL)
		return find_pool(name, &default_ops, why);
	default_ops = NULL;
	return 0;
}

int nbl_set_default_context(const char *name, char *why)
{
	if (name != NULL)
		return find_context(name, &default_policy, why);
	default_policy = NULL;
	return 0;
}

int nbl_set_context_alignment(uint32_t bytes)
{
	if (bytes != 0 && bytes != CONTEXT_ALIGN_BYTES && bytes != CONTEXT_ALIGN_POINTER_BYTES)
		return -EINVAL;
	default_align_bytes = bytes;
	return 0;
}

void nbl_set_default_capacity(uint32_t objects)
{
	default_objects = objects;
}

uint32_t nbl_default_capacity(void)
{
	return default_objects;
}

int nbl_default_subjects(const struct pool_ops **ops, const struct context_ops **policy)
{
	char why[NBL_REASON_BYTES];
	const char *name = getenv("NBL_POOL");
	int rc = 0;

	if (*ops == NULL && (*ops = default_ops) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_pool(name, ops, why);
		else
			*ops = pool_default();
	}
	if (rc != 0) {
		nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_POOL", NULL, NULL, "%s", why);
		return rc;
	}
	name = getenv("NBL_CONTEXT");
	if (*policy == NULL && (*policy = default_policy) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_context(name, policy, why);
		else
			*policy = context_default();
	}
	if (rc != 0)
		nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_CONTEXT", NULL, NULL, "%s", why);
	return rc;
}

uint32_t nbl_default_alignment(void)
{
	const char *name = getenv("NBL_CONTEXT_ALIGNMENT");

	if (default_align_bytes != 0)
		return default_align_bytes;
	if (name == NULL || name[0] == '\0' || strcmp(name, "strict") == 0)
		return CONTEXT_ALIGN_BYTES;
	if (strcmp(name, "pointer") == 0)
		return CONTEXT_ALIGN_POINTER_BYTES;
	nbl_misuse(NBL_MISUSE_ENVIRONMENT, "NBL_CONTEXT_ALIGNMENT", NULL, NULL,
		"'%.40s' is no alignment rule; known are: strict, pointer", name);
	return 0;
}
