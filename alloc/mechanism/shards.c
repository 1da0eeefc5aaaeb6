/* See shards.h. */
#include "alloc/mechanism/shards.h"

int shards_init(struct pool *pool)
{
	struct shards *self = (struct shards *)pool;
	const uint32_t shards = (self->slab.capacity - 1) / SHARD_OBJECTS + 1;

	int rc = slab_init(&self->table, sizeof(struct shard), sizeof(struct shard), shards,
		MEMORY_PAGES_ORDINARY, SLAB_WITH_LINKS);
	if (rc != 0)
		return rc;
	rc = places_init(&self->owners, sizeof(struct shard_owner));
	if (rc != 0) {
		slab_fini(&self->table);
		return rc;
	}
	self->shard = slab_object(&self->table, 0);
	return 0;
}

void shards_fini(struct pool *pool)
{
	struct shards *self = (struct shards *)pool;

	places_fini(&self->owners);
	slab_fini(&self->table);
}

int shards_enter(struct pool *pool, struct pool_thread *thread)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;
	struct shard_owner *owner = places_take(&self->owners);

	if (owner == NULL)
		return -ENOMEM;
	owner->given++;
	mine->id =
		(owner->given << SHARDS_PLACE_BITS | (slab_number(&self->owners.slab, owner) + 1))
		<< SHARD_OWNER_SHIFT;
	mine->owner = owner;
	mine->current = &mine->none;
	atom_store_relaxed(&owner->id, mine->id); /* nobody knows it yet */
	return 0;
}

void shards_leave(struct pool *pool, struct pool_thread *thread)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;

	shards_flush(pool, thread);
	atom_store_release(&mine->owner->id, 0); /* R1, meets A1 */
	places_leave(&self->owners, mine->owner);
}

/* The place of an owner that is not 0. */
static struct shard_owner *place_of(const struct shards *self, uint64_t id)
{
	return places_at(&self->owners, (uint16_t)(id >> SHARD_OWNER_SHIFT) - 1u);
}

/* False, for ever: the owner's thread has left. */
static bool is_here(const struct shards *self, uint64_t id)
{
	return id != 0 && atom_load_acquire(&place_of(self, id)->id) == id; /* A1, meets R1 */
}

/* The caller has made the shard a listed one. */
static void list(struct shards *self, struct pool_thread *thread, struct shard *shard, uint64_t id)
{
	tagged_stack_push(is_here(self, id) ? &place_of(self, id)->in : &self->common, &self->table,
		shard, &thread->paths.wait);
}

/*
 * Puts a chain before what was sent to a shard, whose owner is then the one given by
 * `keep`, a mask: all ones for who it was, 0 for nobody.
 */
static void send(struct shards *self, struct pool_thread *thread, struct shard *shard,
	uint32_t first, uint32_t last, uint64_t keep)
{
	uint64_t word = atom_load_relaxed(&shard->word); /* only stored and compared */
	uint64_t id;

	for (;;) {
		id = word & SHARD_OWNER_MASK & keep;
		atom_store_relaxed(slab_link(&self->slab, last), tagged_unit(word));
		if (likely(atom_cas_weak_release(
			    &shard->word, &word, id | SHARD_LISTED | first))) /* R0, meets A0 */
			break;
		thread->paths.wait++;
	}
	if ((word & SHARD_LISTED) == 0)
		list(self, thread, shard, id);
}

void shards_send(struct shards *self, struct shards_thread *thread, struct shard *shard,
	uint32_t first, uint32_t last)
{
	if ((atom_load_relaxed(&shard->word) & SHARD_OWNER_MASK) == thread->id) {
		if (thread->readies < SHARDS_READY_MAX) {
			shard_push(self, shard, first, last);
			shard->at_hand = true;
			thread->ready[thread->readies++] = shard;
			return;
		}
		thread->base.paths.flush++;
	}
	send(self, &thread->base, shard, first, last, SHARD_OWNER_MASK);
}

/* The last unit of a list that is not empty. */
static uint32_t last_of(const struct shards *self, uint32_t unit)
{
	uint32_t next;

	while ((next = atom_load_relaxed(slab_link(&self->slab, unit))) != 0)
		unit = next;
	return unit;
}

/* The shard is at hand, and then no more; if it has objects, also nobody's. */
static void give_up(struct shards *self, struct pool_thread *thread, struct shard *shard)
{
	uint32_t first = shard->free != 0 ? shard->free : shard->local;

	if (first != 0) {
		uint32_t last = last_of(self, first);

		if (shard->free != 0 && shard->local != 0) {
			atom_store_relaxed(slab_link(&self->slab, last), shard->local);
			last = last_of(self, shard->local);
		}
		shard->free = shard->local = 0;
		shard->at_hand = false;
		send(self, thread, shard, first, last, 0);
		thread->paths.flush++;
		return;
	}
	shard->at_hand = false;
}

void shards_flush(struct pool *pool, struct pool_thread *thread)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;

	give_up(self, thread, mine->current);
	mine->current = &mine->none;
	while (mine->readies != 0)
		give_up(self, thread, mine->ready[--mine->readies]);
}

/*
 * Takes what was sent to a shard that the caller has taken off a stack. Returns its first unit. *own: the shard is
 * the caller's now.
 */
static uint32_t take(
	const struct shards *self, struct shards_thread *thread, struct shard *shard, bool *own)
{
	uint64_t word = atom_load_relaxed(&shard->word);
	uint64_t id;

	do {
		id = word & SHARD_OWNER_MASK;
		if (id != thread->id && !is_here(self, id))
			id = thread->id;
	} while (!atom_cas_weak_acquire(&shard->word, &word, id)); /* A0, meets R0 */
	*own = id == thread->id;
	return tagged_unit(word);
}

/* A shard of the own inbox. NULL: it is empty. */
static struct shard *from_inbox(struct shards *self, struct shards_thread *thread)
{
	struct shard_owner *owner = thread->owner;
	uint64_t *lost = &thread->base.paths.wait;
	struct shard *shard = tagged_stack_pop(&owner->out, &self->table, lost);

	if (shard == NULL && tagged_stack_move(&owner->out, &owner->in, lost))
		shard = tagged_stack_pop(&owner->out, &self->table, lost);
	return shard;
}

/* A new shard, whose objects lie in their list in the order of their addresses. NULL: all are in use. */
static struct shard *carve(struct shards *self, struct shards_thread *thread)
{
	const uint32_t units = (uint32_t)(self->slab.stride >> CACHE_LINE_LOG2);
	uint32_t first;
	uint32_t objects = slab_carve(&self->slab, SHARD_OBJECTS, &first);

	if (objects == 0)
		return NULL;
	struct shard *shard = &self->shard[first / SHARD_OBJECTS];
	uint32_t unit = slab_unit(&self->slab, slab_object(&self->slab, first));

	shard->free = unit;
	for (; --objects != 0; unit += units)
		atom_store_relaxed(slab_link(&self->slab, unit), unit + units);
	atom_store_relaxed(&shard->word, thread->id); /* whoever gets an object sees it with that */
	thread->base.paths.grow++;
	return shard;
}

static void make_current(struct shards_thread *thread, struct shard *shard)
{
	shard->at_hand = true;
	thread->current = shard;
}

/*
 * The current shard has no more to give: afterwards another has, or none is the caller's or to be made its
 * own. What others send comes last but for new shards, when there is nothing at hand any more: so
 * the lists of a shard that is taken are empty (I3).
 */
static bool refill(struct shards *self, struct shards_thread *thread)
{
	struct shard *shard = thread->current;
	bool own = true;

	if (shard->local == 0) {
		shard->at_hand = false;
		thread->current = &thread->none;
		if (thread->readies != 0) {
			shard = thread->ready[--thread->readies];
		} else if ((shard = from_inbox(self, thread)) != NULL ||
			   (shard = tagged_stack_pop(&self->common, &self->table,
				    &thread->base.paths.wait)) != NULL) {
			shard->free = take(self, thread, shard, &own);
			thread->base.paths.refill++;
		} else if ((shard = carve(self, thread)) == NULL) {
			return false;
		}
	}
	INVARIANT(I2, own);
	if (shard->free == 0) {
		shard->free = shard->local;
		shard->local = 0;
	}
	make_current(thread, shard);
	return true;
}

/*
 * Looks through the inboxes of all, those of threads that have left among them. Of a shard whose owner is
 * here it takes up to n objects and sends the others back.
 */
static uint32_t steal(struct shards *self, struct shards_thread *thread, void **objs, uint32_t n)
{
	const uint32_t places = places_used(&self->owners);
	const uint32_t begin = slab_number(&self->owners.slab, thread->owner);
	uint64_t *lost = &thread->base.paths.wait;

	for (uint32_t i = 1; i < places; i++) {
		struct shard_owner *owner = places_at(&self->owners, (begin + i) % places);
		struct shard *shard = tagged_stack_pop(&owner->out, &self->table, lost);
		struct shard loot = {0};
		uint32_t got;
		bool own;

		if (shard == NULL)
			shard = tagged_stack_pop(&owner->in, &self->table, lost);
		if (shard == NULL)
			continue;
		loot.free = take(self, thread, shard, &own);
		thread->base.paths.steal++;
		if (own) {
			shard->free = loot.free;
			make_current(thread, shard);
			return shard_pop(self, shard, objs, n);
		}
		got = shard_pop(self, &loot, objs, n);
		if (loot.free != 0)
			send(self, &thread->base, shard, loot.free, last_of(self, loot.free),
				SHARD_OWNER_MASK);
		return got;
	}
	return 0;
}

uint32_t shards_get_more(
	struct shards *self, struct shards_thread *thread, void **objs, uint32_t got, uint32_t n)
{
	while (got < n) {
		uint32_t found = refill(self, thread)
					 ? shard_pop(self, thread->current, objs + got, n - got)
					 : steal(self, thread, objs + got, n - got);

		if (found == 0) {
			thread->base.paths.empty++;
			break;
		}
		got += found;
	}
	return got;
}

/* Marks a list of a shard's, which may hold objects of that shard alone (I1). False: the census has failed. */
static bool walk_list(struct shards *self, struct shard *shard, uint32_t unit, const char *place,
	struct census *census)
{
	for (; unit != 0; unit = atom_load_relaxed(slab_link(&self->slab, unit))) {
		if (!census_mark(census, slab_at(&self->slab, unit), place))
			return false;
		if (shards_of(self, unit) != shard)
			return census_fail(census, "I1: %s holds an object of another one", place);
	}
	return true;
}

/* How many shards are on a stack, each of which must be listed. More than `most`: it is a ring. */
static uint32_t walk_stack(
	struct shards *self, struct tagged_stack *stack, uint32_t most, struct census *census)
{
	uint32_t n = 0;

	for (uint32_t at = tagged_unit(atom_load_relaxed(&stack->head)); at != 0 && n <= most;
		at = atom_load_relaxed(slab_link(&self->table, at))) {
		struct shard *shard = slab_at(&self->table, at);

		if ((atom_load_relaxed(&shard->word) & SHARD_LISTED) == 0)
			census_fail(census, "I2: a shard on a stack is not listed");
		n++;
	}
	return n;
}

static bool walk_shard(struct shards *self, struct shard *shard, struct census *census)
{
	uint64_t word = atom_load_relaxed(&shard->word);
	bool stocked = shard->free != 0 || shard->local != 0;

	if (((word & SHARD_LISTED) != 0) != (tagged_unit(word) != 0))
		return census_fail(
			census, "I2: a shard is listed with nothing sent, or not listed");
	if (stocked && (!shard->at_hand || !is_here(self, word & SHARD_OWNER_MASK)))
		return census_fail(census, "I3: a shard has objects and no owner that knows it");
	return walk_list(self, shard, shard->free, "the list that a shard gives from", census) &&
	       walk_list(self, shard, shard->local, "the list of what an owner put", census) &&
	       walk_list(self, shard, tagged_unit(word), "the list of what was sent", census);
}

void shards_walk(struct pool *pool, struct census *census)
{
	struct shards *self = (struct shards *)pool;
	const uint32_t carved = slab_carved(&self->slab);
	const uint32_t shards = (carved + SHARD_OBJECTS - 1) / SHARD_OBJECTS;
	uint32_t listed = 0;

	for (uint32_t i = 0; i < shards; i++) {
		if (!walk_shard(self, &self->shard[i], census))
			return;
		listed += (atom_load_relaxed(&self->shard[i].word) & SHARD_LISTED) != 0;
	}
	uint32_t found = walk_stack(self, &self->common, listed, census);
	for (uint32_t i = 0; i < places_used(&self->owners); i++) {
		struct shard_owner *owner = places_at(&self->owners, i);

		found += walk_stack(self, &owner->in, listed, census);
		found += walk_stack(self, &owner->out, listed, census);
	}
	if (found != listed)
		census_fail(
			census, "I2: %u shards are listed and %u are on the stacks", listed, found);
}
