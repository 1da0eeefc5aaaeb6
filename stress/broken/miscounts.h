/*
 * miscounts: the books are wrong, nothing else: now and then a put takes one object too many off
 * the account of the NBLs' tag. Nobody gets an object twice and none is lost; a leak report by tag
 * would blame the wrong driver. The scenario `nbl` must find that the accounts are not what is out.
 */
#ifndef STRESS_BROKEN_MISCOUNTS_H
#define STRESS_BROKEN_MISCOUNTS_H

#include "stress/base/tags.h"
#include "stress/controls.h"

#include "alloc/context/accounts.h"

enum { MISCOUNTS_ONE_IN = 100 };

static void miscounts_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	static atom_u32 calls;

	if (control_call(&calls) % MISCOUNTS_ONE_IN == 0)
		account_add(TAG_NBLS, pool->config.object_bytes, -1);
	treiber_tag_put(pool, thread, object);
}

CONTROL_WITH_PUT(miscounts, treiber_tag_parts, "takes an object too many off its tag's account")

static const struct control control_miscounts = {
	.ops = &miscounts_ops,
	.scenario = "nbl",
	.sign = "the accounts of tag 'SNbl'",
};

#endif
