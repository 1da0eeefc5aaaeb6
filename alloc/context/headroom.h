/*
 * headroom: every NBL's own block is HEADROOM_BYTES larger than the pool's ContextSize, so that the
 * drivers' contexts lie where the NBL lies: DPDK's private area of an mbuf, the headroom of a Linux
 * sk_buff.
 *
 *	Context -> [16 header | 256 more | inline block]    all in the NBL, shown as unused
 *	           and, beyond that, size_class's blocks in front of it
 *
 * Nothing is learned and nothing is kept; what a fallback costs is what `size_class` does, whose
 * hooks these are.
 *
 * Guarantee: no fallback at all for up to ContextSize + HEADROOM_BYTES of context.
 * Worst case per NBL: HEADROOM_BYTES, and 16 where the pool has no context, whether used or not;
 * with size_class's blocks beyond.
 * Steady state: 0 allocations and no fallback; a push is the two loads and the store of every push
 * that has room.
 * Progress: that of size_class for what does not fit.
 *
 * I1  Those of size_class; the inline block shows at most inline_bytes (context_check_nbl).
 */
#ifndef ALLOC_CONTEXT_HEADROOM_H
#define ALLOC_CONTEXT_HEADROOM_H

#include "alloc/context/size_class.h"

/*
 * Bytes that each NBL gets on top: 16..4096, a multiple of 16. Eight drivers with 32 bytes each,
 * OVS's and npcap's size, or one with 216, XDP's.
 */
enum { HEADROOM_BYTES = 256 };
_Static_assert(
	HEADROOM_BYTES >= 16 && HEADROOM_BYTES <= 4096 && HEADROOM_BYTES % CONTEXT_ALIGN_BYTES == 0,
	"room for a driver or more, and aligned");

static int context_headroom_create(const struct context_config *config, struct context **out)
{
	int rc = context_size_class_create(config, out);

	if (rc == 0) {
		const uint32_t most = CONTEXT_BYTES_MAX / config->align_bytes * config->align_bytes;
		uint32_t bytes = config->context_bytes + HEADROOM_BYTES;

		(*out)->inline_bytes = bytes < most ? bytes : most;
	}
	return rc;
}

static const struct context_ops context_headroom_ops = {
	.name = "headroom",
	.summary = "256 bytes more in every NBL; size_class beyond that",
	.traits = {.progress = POOL_BLOCKING, .in_place = true, .retains = true},
	.create = context_headroom_create,
	.destroy = context_size_class_destroy,
	.attach = context_size_class_attach,
	.detach = context_size_class_detach,
	.alloc = context_size_class_alloc,
	.free = context_size_class_free,
	.flush = context_size_class_flush,
	.kept_bytes = context_kept,
	.check = context_size_class_check,
	.check_nbl = context_size_class_check_nbl,
};

#endif
