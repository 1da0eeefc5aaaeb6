#include "alloc/nbl/misuse.h"

#include "alloc/nbl/chain.h"
#include "alloc/nbl/marks.h"

#include <stdarg.h>

_Static_assert((int)NBL_REASON_BYTES >= (int)POOL_REASON_BYTES, "room for a strategy's sentence");

/*
 * The handler.
 */

static void misuse_abort(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	fprintf(stderr, "%s\n", misuse->text);
	if (misuse->kind != NBL_MISUSE_ALIGNMENT)
		abort();
}

static nbl_misuse_handler misuse_handler = misuse_abort;
static void *misuse_arg;

void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg)
{
	misuse_handler = handler ? handler : misuse_abort;
	misuse_arg = arg;
}

const char *nbl_misuse_name(enum nbl_misuse_kind kind)
{
	static const char *const names[NBL_MISUSE_KINDS] = {
		[NBL_MISUSE_DOUBLE_FREE] = "double-free",
		[NBL_MISUSE_FOREIGN_OBJECT] = "foreign-object",
		[NBL_MISUSE_FOREIGN_HANDLE] = "foreign-handle",
		[NBL_MISUSE_CONTEXT_SIZE] = "context-size",
		[NBL_MISUSE_CONTEXT_OVERFREE] = "context-overfree",
		[NBL_MISUSE_CONTEXT_OF_NBL] = "context-of-nbl",
		[NBL_MISUSE_CONTEXT_OUTSTANDING] = "context-outstanding",
		[NBL_MISUSE_EMBEDDED_NB] = "embedded-nb",
		[NBL_MISUSE_WRONG_FREE] = "wrong-free",
		[NBL_MISUSE_CLONES_OUTSTANDING] = "clones-outstanding",
		[NBL_MISUSE_POOL_OUTSTANDING] = "pool-outstanding",
		[NBL_MISUSE_USE_AFTER_FREE] = "use-after-free",
		[NBL_MISUSE_DATA] = "data",
		[NBL_MISUSE_REFERENCE] = "reference",
		[NBL_MISUSE_CONCURRENT_USE] = "concurrent-use",
		[NBL_MISUSE_ENVIRONMENT] = "environment",
		[NBL_MISUSE_ALIGNMENT] = "alignment",
	};

	return names[kind];
}

void nbl_tag_text(uint32_t tag, char out[NBL_TAG_TEXT_BYTES])
{
	for (int i = 0; i < NBL_TAG_TEXT_BYTES - 1; i++) {
		char c = (char)(tag >> (8 * i) & 0xff);

		out[i] = c >= ' ' && c <= '~' ? c : '.';
	}
	out[NBL_TAG_TEXT_BYTES - 1] = '\0';
}

void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...)
{
	enum { TEXT_BYTES = 2 * NBL_REASON_BYTES }; /* a reason, and what stands before it */
	char text[TEXT_BYTES];
	char tag[NBL_TAG_TEXT_BYTES] = "none";
	va_list args;

	if (pool != NULL)
		nbl_tag_text(pool->tag, tag);
	int used = snprintf(text, sizeof(text), "%s: %s (pool tag '%s', object %p): ", call,
		nbl_misuse_name(kind), tag, object);
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	misuse_handler(misuse_arg, &(struct nbl_misuse){.kind = kind,
					   .call = call,
					   .tag = pool ? pool->tag : 0,
					   .object = object,
					   .text = text});
}

/*
 * What several calls report.
 */

void nbl_report_handle(const void *handle, enum nbl_pool_kind wanted, const char *call)
{
	static const char *const of[] = {
		[NBL_POOL_LISTS] = "NBLs", [NBL_POOL_NBS] = "NBs", [NBL_POOL_MDLS] = "MDLs"};

	for (int kind = NBL_POOL_LISTS; kind <= NBL_POOL_MDLS; kind++) {
		if (nbl_pool_valid(handle, (enum nbl_pool_kind)kind)) {
			nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, call, handle, handle,
				"the handle is that of a pool of %s, not of %s", of[kind],
				of[wanted]);
			return;
		}
	}
	nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, call, NULL, handle,
		"the handle is not that of a living pool of %s", of[wanted]);
}

void nbl_report_no_pool(const NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl == NULL)
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl, "the NBL is NULL");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl,
			"its NdisPoolHandle %p is no living NBL pool",
			(const void *)nbl->NdisPoolHandle);
}

void nbl_report_left(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call)
{
	/* How many is not told: the NBL is another's, who may give up the last one and clean it now. */
	nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl,
		"the NBL is free already, and references to it are left");
}

void nbl_report_not_live(
	const NET_BUFFER_LIST *nbl, uintptr_t number, bool freeing, const char *call)
{
	const struct nbl_pool *pool = nbl->NdisPoolHandle;
	const enum nbl_mark mark = nbl_mark_plain(number);
	const bool known = mark != NBL_MARK_NONE;

	if (number == NBL_MARK_FREE && freeing)
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl, "the NBL is free already");
	else if (number == NBL_MARK_FREE)
		nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nbl, "the NBL is free");
	else if (known && ((number ^ mark) & NBL_MARK_LEFT) != 0 && freeing)
		nbl_report_left(pool, nbl, call);
	else if (known && ((number ^ mark) & NBL_MARK_BUSY) != 0)
		nbl_misuse(NBL_MISUSE_CONCURRENT_USE, call, pool, nbl,
			"another thread is in a call on the NBL's contexts, or frees it");
	else if (mark == NBL_MARK_LIVE)
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL was made from no other one; free it with the call for plain NBLs");
	else if (known)
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL was made from another one; free it with the call for its kind, "
			"with the same flags");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nbl,
			"no pool made it, or it is a copy, or its NdisReserved was overwritten");
}

void nbl_report_pop(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST_CONTEXT *front, uint32_t bytes, const char *call)
{
	if ((bytes & pool->align_mask) != 0)
		nbl_misuse(NBL_MISUSE_CONTEXT_SIZE, call, pool, nbl,
			"%u bytes are not a multiple of the alignment of %u", bytes,
			pool->align_mask + 1);
	else if (front == NULL)
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the NBL has no context", bytes);
	else if (front->Offset == context_limit(front) && front->Offset < front->Size)
		nbl_misuse(NBL_MISUSE_CONTEXT_OF_NBL, call, pool, nbl,
			"the %u bytes in use came with the NBL and are freed with it",
			(uint32_t)(front->Size - front->Offset));
	else
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the front block has %u to free", bytes,
			context_limit(front) - front->Offset);
}

void nbl_report_contexts_left(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, uint32_t left, const char *call)
{
	if (left == NBL_CONTEXTS_LOST)
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"its Context no longer leads to the block that came with it");
	else
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"%u bytes of context have not been freed", left);
}
