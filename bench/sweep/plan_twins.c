/*
 * The twins of a plan: subjects that are entered a second time, so that how far the two differ tells
 * how finely this machine measures such a row. There is one for each class of contention that competes
 * (contention.h), one of a policy, and one of a strategy's moved unit (instances.h), so that what the
 * place of code is worth is in the noise floor too.
 */
#include "bench/engine/instances.h"
#include "bench/sweep/contention.h"
#include "bench/sweep/plan_parts.h"

#include <string.h>

static enum contention class_of(const struct plan_subject *subject)
{
	const struct pool_traits *traits = &subject->pool->traits;

	return contention_of(pool_progress_name(traits->progress), pool_cache_name(traits->cache));
}

/* Cells of its contests in which a subject competes: pools stand in few of the policies', for themselves. */
static size_t cells_of(const struct plan *plan, const struct plan_subject *subject)
{
	char reason[ENGINE_REASON_BYTES];
	size_t count = 0;

	for (size_t i = 0; i < plan->cell_count; i++)
		count += (subject->context != NULL) ==
				 (plan->cell[i].workload->contest == CONTEST_POLICIES) &&
			 plan_competes(plan, &plan->cell[i], subject, reason);
	return count;
}

/*
 * How well a subject serves as a twin; 0: not at all, as no guest does. Of all that compete everywhere what a program gets
 * by default serves best. What is for one thread meets nobody, and serves where nothing else does.
 */
static int fitness_of(const struct plan *plan, const struct plan_subject *subject, size_t most)
{
	const struct pool_ops *pool = subject->pool;
	char reason[POOL_REASON_BYTES];

	if (subject->build != NULL || subject->library != NULL || subject->beneath != NULL ||
		pool->traits.kind == POOL_KIND_NULL || !pool->supported(reason) ||
		cells_of(plan, subject) == 0)
		return 0;
	if (pool->traits.progress == POOL_UNSYNCHRONISED)
		return 1;
	if (pool->traits.kind == POOL_KIND_ALLOCATOR)
		return 2;
	if (cells_of(plan, subject) < most)
		return 3;
	return pool == pool_default() ? 5 : 4;
}

/*
 * The fittest of the first count subjects, with a policy or without one, of one class or, with
 * CONTENTION_CLASSES, of all; NULL: none is.
 */
static const struct plan_subject *fittest(
	const struct plan *plan, size_t count, bool policy, enum contention class, int least)
{
	const struct plan_subject *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < count; i++) {
		const size_t cells = cells_of(plan, &plan->subject[i]);

		if ((plan->subject[i].context != NULL) == policy && cells > most)
			most = cells;
	}
	for (size_t i = 0; i < count; i++) {
		const struct plan_subject *subject = &plan->subject[i];
		const int fitness =
			(subject->context != NULL) == policy ? fitness_of(plan, subject, most) : 0;

		if (fitness >= least &&
			(class == CONTENTION_CLASSES || class_of(subject) == class)) {
			best = subject;
			least = fitness + 1;
		}
	}
	return best;
}

static bool is_moved(const struct plan_subject *subject)
{
	return subject->context == NULL && strcmp(subject->dispatch, "folded") == 0 &&
	       instance_is_moved(subject->pool->name);
}

/* The moved twin: of the strategy that has a twin anyway, else of the first that has a moved unit. */
static bool add_moved(
	struct plan *plan, size_t count, const struct plan_subject *preferred, char *why)
{
	const struct plan_subject *moved =
		preferred != NULL && is_moved(preferred) ? preferred : NULL;

	for (size_t i = 0; i < count && moved == NULL; i++) {
		if (is_moved(&plan->subject[i]) && fitness_of(plan, &plan->subject[i], 0) > 0)
			moved = &plan->subject[i];
	}
	return moved == NULL || plan_add_subject(plan, moved->pool, NULL, "moved", true, why);
}

bool plan_add_twins(struct plan *plan, char *why)
{
	const size_t count = plan->subject_count;
	const struct plan_subject *twin[CONTENTION_CLASSES + 1];
	bool any = false;

	for (enum contention class = 0; class < CONTENTION_CLASSES; class ++)
		twin[class] = fittest(plan, count, false, class, 2);
	twin[CONTENTION_CLASSES] = fittest(plan, count, true, CONTENTION_CLASSES, 2);
	for (size_t class = 0; class <= CONTENTION_CLASSES; class ++)
		any |= twin[class] != NULL;
	if (!any)
		twin[0] = fittest(plan, count, false, CONTENTION_CLASSES, 1);
	for (size_t class = 0; class <= CONTENTION_CLASSES; class ++) {
		const struct plan_subject *of = twin[class];

		if (of != NULL &&
			!plan_add_subject(plan, of->pool, of->context, of->dispatch, true, why))
			return false;
	}
	return add_moved(plan, count, twin[CONTENTION_CACHED], why);
}
