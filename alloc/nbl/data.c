#include "alloc/nbl/data.h"

bool nbl_place_find(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out)
{
	struct nbl_ring ring = {.at = NULL};
	MDL *mdl = chain;
	uint64_t at = offset;

	for (; at >= mdl->ByteCount && mdl->Next != NULL; mdl = mdl->Next) {
		if (nbl_comes_round(&ring, mdl))
			return false;
		at -= mdl->ByteCount;
	}
	if (at > mdl->ByteCount)
		return false;
	uint64_t rest = mdl->ByteCount - at;
	for (const MDL *more = mdl->Next; rest < length && more != NULL; more = more->Next) {
		if (nbl_comes_round(&ring, more))
			return false;
		rest += more->ByteCount;
	}
	if (rest < length)
		return false;
	*out = (struct nbl_place){.mdl = mdl, .offset = (uint32_t)at};
	return true;
}
