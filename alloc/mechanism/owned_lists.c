/* See owned_lists.h. */
#include "alloc/mechanism/owned_lists.h"

void owned_lists_retire(struct pool *pool, struct pool_thread *thread, uint64_t list)
{
	if (tagged_unit(list) != 0)
		chain_stack_push(&((struct owned_lists *)pool)->chains, tagged_unit(list),
			counted_stack_length(list), &thread->paths.wait);
}

void owned_lists_send(struct owned_lists *self, struct pool_thread *thread, uint32_t owner,
	void *const *objs, uint32_t n)
{
	for (uint32_t sent = 0, some; sent < n; sent += some) {
		some = n - sent < self->back_limit ? n - sent : self->back_limit;
		uint32_t first = slab_unit(&self->slab, objs[sent]);
		uint32_t last = slab_chain(&self->slab, first, objs + sent, some);

		counted_stack_push(&self->back[owner], &self->slab, first, last, some,
			self->back_limit, owned_lists_retire, &self->base,
			thread); /* R0, meets A0 */
	}
}

void owned_lists_keep(
	struct owned_lists *self, struct owned_lists_thread *mine, void *const *objs, uint32_t n)
{
	for (uint32_t kept = 0, some; kept < n; kept += some) {
		uint32_t length = counted_stack_length(mine->list);
		uint32_t room = length < self->limit ? self->limit - length : 0;

		some = n - kept < room ? n - kept : room;
		if (some != 0) {
			owned_lists_add(self, mine, objs + kept, some);
			continue;
		}
		mine->base.paths.flush += mine->reserve != 0;
		owned_lists_retire(&self->base, &mine->base, mine->reserve);
		mine->reserve = mine->list;
		mine->list = 0;
	}
}

/* A list that was nobody's, or another owner's, becomes the thread's own. */
static bool owned_lists_adopt(
	struct owned_lists *self, struct owned_lists_thread *mine, uint32_t first, uint32_t length)
{
	uint32_t at = first;

	for (uint32_t i = 0; i < length; i++) {
		*homes_of(&self->owners, slab_at(&self->slab, at)) = (uint16_t)mine->place;
		at = atom_load_relaxed(slab_link(&self->slab, at));
	}
	mine->list = counted_stack_next(0, first, length);
	return length != 0;
}

static bool owned_lists_carve(struct owned_lists *self, struct owned_lists_thread *mine)
{
	void *objs[OWNED_LISTS_LIMIT_MAX];
	uint32_t n = pool_carve(&self->slab, &mine->base, objs, self->limit);

	for (uint32_t i = 0; i < n; i++)
		*homes_of(&self->owners, objs[i]) = (uint16_t)mine->place;
	if (n != 0)
		owned_lists_add(self, mine, objs, n);
	return n != 0;
}

/* What others have put back to another owner, the next one that has any. */
static bool owned_lists_steal(struct owned_lists *self, struct owned_lists_thread *mine)
{
	const uint32_t used = atom_load_relaxed(&self->used);

	for (uint32_t i = 1; i <= used; i++) {
		uint64_t list =
			counted_stack_take_all(&self->back[(mine->place + i) % used]); /* A0 */

		if (list != 0) {
			mine->base.paths.steal++;
			return owned_lists_adopt(
				self, mine, tagged_unit(list), counted_stack_length(list));
		}
	}
	return false;
}

bool owned_lists_refill(struct owned_lists *self, struct owned_lists_thread *mine)
{
	uint32_t first, length;

	mine->list = mine->reserve;
	mine->reserve = 0;
	if (mine->list != 0)
		return true;
	mine->list = counted_stack_take_all(&self->back[mine->place]); /* A0 */
	if (mine->list != 0) {
		mine->base.paths.refill++;
		return true;
	}
	first = chain_stack_pop(&self->chains, &length, &mine->base.paths.wait); /* A1 */
	if (first != 0) {
		mine->base.paths.refill++;
		return owned_lists_adopt(self, mine, first, length);
	}
	if (owned_lists_carve(self, mine) || owned_lists_steal(self, mine))
		return true;
	mine->base.paths.empty++;
	return false;
}

void owned_lists_flush(struct pool *pool, struct pool_thread *thread)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;

	owned_lists_retire(pool, thread, mine->list);
	owned_lists_retire(pool, thread, mine->reserve);
	owned_lists_retire(pool, thread, counted_stack_take_all(&self->back[mine->place]));
	mine->list = 0;
	mine->reserve = 0;
}

int owned_lists_init(struct pool *pool)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	const uint32_t limit = pool->config.magazine_objects;

	self->limit = limit < OWNED_LISTS_LIMIT_MAX ? limit : OWNED_LISTS_LIMIT_MAX;
	self->back_limit = 2 * self->limit;
	int rc = chain_stack_init(&self->chains, pool->slab);
	if (rc != 0)
		return rc;
	rc = homes_init(&self->owners, pool->slab);
	if (rc != 0) {
		chain_stack_fini(&self->chains, pool->slab);
		return rc;
	}
	thread_list_init(&self->threads);
	return 0;
}

void owned_lists_fini(struct pool *pool)
{
	struct owned_lists *self = (struct owned_lists *)pool;

	thread_list_fini(&self->threads);
	homes_fini(&self->owners, pool->slab);
	chain_stack_fini(&self->chains, pool->slab);
}

/* The first place that no thread has; where all are taken, the last, which is then shared. */
int owned_lists_enter(struct pool *pool, struct pool_thread *thread)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;
	uint32_t used = atom_load_relaxed(&self->used);

	while (mine->place < OWNED_LISTS_OWNERS - 1 &&
		(atom_load_relaxed(&self->taken[mine->place]) != 0 ||
			atom_xchg_relaxed(&self->taken[mine->place], 1) != 0))
		mine->place++;
	while (used <= mine->place && !atom_cas_weak_relaxed(&self->used, &used, mine->place + 1))
		continue;
	thread_list_add(&self->threads, &mine->link);
	return 0;
}

void owned_lists_leave(struct pool *pool, struct pool_thread *thread)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;

	owned_lists_flush(pool, thread);
	thread_list_remove(&self->threads, &mine->link);
	atom_store_relaxed(&self->taken[mine->place], 0);
}

static void owned_lists_walk_thread(struct thread_link *link, void *arg)
{
	struct owned_lists_thread *mine = container_of(link, struct owned_lists_thread, link);
	struct owned_lists *self = (struct owned_lists *)mine->base.pool;
	struct census *census = arg;

	if (!census->failed &&
		chain_census(&self->slab, tagged_unit(mine->list), counted_stack_length(mine->list),
			self->back_limit, "I2: a thread's list", census)) /* I2, I4 */
		chain_census(&self->slab, tagged_unit(mine->reserve),
			counted_stack_length(mine->reserve), self->back_limit,
			"I2: a thread's reserve", census);
}

void owned_lists_walk(struct pool *pool, struct census *census)
{
	struct owned_lists *self = (struct owned_lists *)pool;

	thread_list_each(&self->threads, owned_lists_walk_thread, census);
	for (uint32_t i = 0; i < OWNED_LISTS_OWNERS && !census->failed; i++) {
		uint64_t head = atom_load_relaxed(&self->back[i].head);

		chain_census(&self->slab, tagged_unit(head), counted_stack_length(head),
			self->back_limit, "I1: what was put back to an owner", census); /* I1, I4 */
	}
	if (!census->failed)
		chain_stack_census(&self->chains, &self->slab, self->back_limit,
			"I3: a chain that nobody owns", census); /* I3, I4 */
}
