/*
 * The negative control of `nblbench refusals`: in the library that this is linked into, a dereference
 * without a reference goes through in silence, a partial MDL is refused for another reason, and of the
 * reports of pools with objects out one in fifty is lost. Each has to be told.
 */
#include "alloc/ndis/nblbench.h"

#include <stdarg.h>
#include <stdio.h>

struct nbl_pool;

enum { TEXT_BYTES = 256, LOST_OF = 50 };

void __real_nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...) __attribute__((format(printf, 5, 6)));
void __wrap_nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...) __attribute__((format(printf, 5, 6)));

void __wrap_nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...)
{
	static unsigned outstanding;
	char text[TEXT_BYTES];
	va_list args;

	if (kind == NBL_MISUSE_REFERENCE)
		return;
	if (kind == NBL_MISUSE_POOL_OUTSTANDING && ++outstanding % LOST_OF == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	__real_nbl_misuse(kind == NBL_MISUSE_DATA ? NBL_MISUSE_EMBEDDED_NB : kind, call, pool,
		object, "%s", text);
}
