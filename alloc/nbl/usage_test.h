/* What tests ask about the accounts. */
#ifndef ALLOC_NBL_USAGE_TEST_H
#define ALLOC_NBL_USAGE_TEST_H

#include "alloc/ndis/nblbench.h"

enum { TAG_ROWS = 256 }; /* nblbench.h */

/* What is out under a tag; zeros for a tag that was never used. */
static inline struct nbl_tag_usage usage(uint32_t tag)
{
	struct nbl_tag_usage rows[TAG_ROWS];
	size_t n = nbl_tags(rows, TAG_ROWS);

	for (size_t i = 0; i < n; i++) {
		if (rows[i].tag == tag)
			return rows[i];
	}
	return (struct nbl_tag_usage){.tag = tag};
}

#endif
