/* What a build that counts has counted of a thread (count.h). */
#ifndef ALLOC_ATOMIC_TALLY_H
#define ALLOC_ATOMIC_TALLY_H

#include <stdint.h>

struct atom_tally {
	uint64_t cas; /* compare-and-swaps of one word or two */
	uint64_t
		lost; /* of them: another thread was first, or the processor failed for no reason */
	uint64_t sections; /* restartable ones that were begun */
	uint64_t aborted;  /* of them: interrupted before the commit */
	uint64_t retried;  /* of them: begun because the one before was aborted */
};

#endif
