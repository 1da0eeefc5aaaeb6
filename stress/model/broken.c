/* See broken.h. Instrumented, as the pools are. */
#include "stress/model/broken.h"
#include "stress/broken/empty_early.h"
#include "stress/broken/treiber_relaxed.h"
#include "stress/broken/treiber_untagged.h"
#include "stress/broken/walks_untagged.h"

const struct model_control model_controls[] = {
	{&treiber_untagged_ops, "were handed out first"}, /* ABA */
	{&walks_untagged_ops, "given out twice"},
	{&treiber_relaxed_ops, "data race"},
	{&empty_early_ops, "get finds all but"},
	{NULL, NULL},
};
