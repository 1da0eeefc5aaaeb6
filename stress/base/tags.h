/*
 * The accounts by pool tag of a stress run: what the NBL layer had out under each tag.
 *
 * Every run of a scenario is a process of its own, and they follow one another. So the live figures
 * of a tag add up over the runs (each must be 0), and its peak is that of the run that had most.
 */
#ifndef STRESS_BASE_TAGS_H
#define STRESS_BASE_TAGS_H

#include "alloc/ndis/nblbench.h"

#include <stdint.h>
#include <stdio.h>

/* Tags of the scenario `nbl`, as drivers read them: 'SNbl', and from 'SDr0' on one for each driver. */
enum { TAG_NBLS = 0x6c624e53, TAG_DRIVERS = 0x30724453 };

static inline uint32_t tag_of_driver(uint32_t driver)
{
	return TAG_DRIVERS + (driver << 24);
}

enum { TAGS_MAX = 64 }; /* rows of the table; a scenario has a handful */

struct tags {
	uint32_t count;
	struct nbl_tag_usage row[TAGS_MAX];
};

/* Tells the parent the accounts of this process, a line a tag. At the end of a run that passes. */
void tags_report(void);

/* Merges what a child has reported into the table. */
void tags_merge(struct tags *tags, const char *report);

/* Prints the table; nothing if no scenario has reported. */
void tags_print(FILE *out, const struct tags *tags);

#endif
