/*
 * The restartable sections of alloc/mechanism/rseq_array.h and rseq_magazine.h, access by access in the
 * order of their assembly, each a step before which the section may be aborted. The last one commits.
 * x86-64 loads are acquires and its stores are releases.
 *
 * The assembly itself is not here: that it does what this file says is the freezer's to show.
 */
#include "alloc/mechanism/rseq_array.h"
#include "alloc/mechanism/rseq_magazine.h"
#include "stress/model/machine.h"
#include "stress/model/views.h"

#include <string.h>

#define FROM __builtin_return_address(0)

/* A step of the section, or its end if that was aborted. */
#define STEP()                               \
	do {                                 \
		if (!machine_section_step()) \
			return RSEQ_ABORT;   \
	} while (0)

/* The section's end, with its answer. */
static uintptr_t leave(uintptr_t answer)
{
	machine_leave();
	return answer;
}

static uint64_t load64(const atom_u64 *word, const void *from)
{
	return views_load((uintptr_t)word, sizeof(*word), ACQUIRE | VIEWS_HERE, from);
}

static void **load_slot(const atom_ptr *word, const void *from)
{
	return (void **)(uintptr_t)views_load(
		(uintptr_t)word, sizeof(*word), ACQUIRE | VIEWS_HERE, from);
}

static uintptr_t commit_slot(atom_ptr *word, void **slot, uintptr_t answer, const void *from)
{
	views_store((uintptr_t)word, sizeof(*word), (uintptr_t)slot, RELEASE | VIEWS_HERE, from);
	return leave(answer);
}

/* Slots are read and written by plain instructions. */
static void copy(void **to, void *const *from, uint32_t n, const void *place)
{
	views_plain((uintptr_t)from, n * sizeof(*from), false, place);
	views_plain((uintptr_t)to, n * sizeof(*to), true, place);
	memcpy(to, from, n * sizeof(*to));
}

uintptr_t rseq_array_pop(void *rs, enum rseq_index by, struct rseq_array *arrays)
{
	struct rseq_array *array = &arrays[machine_enter(rs, by)];
	void *object;

	STEP();
	void **top = load_slot(&array->top, FROM);
	STEP();
	if (top <= load_slot(&array->low, FROM))
		return leave(RSEQ_EMPTY);
	copy(&object, top - 1, 1, FROM);
	STEP();
	return commit_slot(&array->top, top - 1, (uintptr_t)object, FROM);
}

uintptr_t rseq_array_push(void *rs, enum rseq_index by, struct rseq_array *arrays, void *object)
{
	struct rseq_array *array = &arrays[machine_enter(rs, by)];

	STEP();
	void **top = load_slot(&array->top, FROM);
	STEP();
	if (top >= load_slot(&array->cap, FROM))
		return leave(RSEQ_FULL);
	copy(top, &object, 1, FROM);
	STEP();
	return commit_slot(&array->top, top + 1, RSEQ_DONE, FROM);
}

uintptr_t rseq_array_pop_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void **to, uint32_t n)
{
	struct rseq_array *array = &arrays[machine_enter(rs, by)];

	STEP();
	void **top = load_slot(&array->top, FROM);
	STEP();
	void **low = load_slot(&array->low, FROM);
	if (top <= low)
		return leave(0);
	uint32_t count = (size_t)(top - low) < n ? (uint32_t)(top - low) : n;
	copy(to, top - count, count, FROM);
	STEP();
	return commit_slot(&array->top, top - count, count * 4, FROM);
}

uintptr_t rseq_array_push_bulk(
	void *rs, enum rseq_index by, struct rseq_array *arrays, void *const *from, uint32_t n)
{
	struct rseq_array *array = &arrays[machine_enter(rs, by)];

	STEP();
	void **top = load_slot(&array->top, FROM);
	STEP();
	if (top + n > load_slot(&array->cap, FROM))
		return leave(RSEQ_FULL);
	copy(top, from, n, FROM);
	STEP();
	return commit_slot(&array->top, top + n, RSEQ_DONE, FROM);
}

/* What the sections on magazines begin with: the place of the CPU and its top. */
#define OPEN()                                                                         \
	const uint32_t here = machine_enter(rs, RSEQ_BY_CPU);                          \
	STEP();                                                                        \
	struct rseq_place *place = (struct rseq_place *)load_slot(&table[here], FROM); \
	STEP();                                                                        \
	void **top = load_slot(&place->top, FROM)

/* The pair that counts. */
static struct rseq_pair *pair_of(struct rseq_place *place, void **top, const void *from)
{
	const uintptr_t low = (uintptr_t)load_slot(&place->pair[0].low, from);

	return (uintptr_t)top - low <= load64(&place->pair[0].bytes, from) ? &place->pair[0]
									   : &place->pair[1];
}

uintptr_t rseq_magazine_pop(void *rs, atom_ptr *table)
{
	void *object;

	OPEN();
	copy(&object, top - 1, 1, FROM);
	if (object == NULL)
		return leave(RSEQ_EMPTY);
	STEP();
	return commit_slot(&place->top, top - 1, (uintptr_t)object, FROM);
}

uintptr_t rseq_magazine_push(void *rs, atom_ptr *table, void *object)
{
	OPEN();
	if ((uintptr_t)top % MAGAZINE_BLOCK_BYTES == 0)
		return leave(RSEQ_FULL);
	copy(top, &object, 1, FROM);
	STEP();
	return commit_slot(&place->top, top + 1, RSEQ_DONE, FROM);
}

uintptr_t rseq_magazine_pop_bulk(void *rs, atom_ptr *table, void **to, uint32_t n)
{
	OPEN();
	STEP();
	struct rseq_pair *pair = pair_of(place, top, FROM);
	uint32_t count = (uint32_t)(top - load_slot(&pair->low, FROM));
	if (count == 0)
		return leave(0);
	if (count > n)
		count = n;
	copy(to, top - count, count, FROM);
	STEP();
	return commit_slot(&place->top, top - count, count * 4, FROM);
}

uintptr_t rseq_magazine_push_bulk(void *rs, atom_ptr *table, void *const *from, uint32_t n)
{
	OPEN();
	STEP();
	struct rseq_pair *pair = pair_of(place, top, FROM);
	const size_t count = (size_t)(top + n - load_slot(&pair->low, FROM));
	if (count * sizeof(void *) > load64(&pair->bytes, FROM))
		return leave(RSEQ_FULL);
	copy(top, from, n, FROM);
	STEP();
	return commit_slot(&place->top, top + n, RSEQ_DONE, FROM);
}

/* A store before the commit. */
static void prepare(void *word, unsigned bytes, uint64_t value, const void *from)
{
	views_store((uintptr_t)word, bytes, value, RELEASE | VIEWS_HERE, from);
}

uintptr_t rseq_magazine_exchange(
	void *rs, atom_ptr *table, bool spare, struct magazine *mine, uint32_t size)
{
	void **next = mine->slot + magazine_count(mine);

	OPEN();
	if (load64(&place->pair[0].bytes, FROM) == 0)
		return leave(RSEQ_FULL);
	STEP();
	struct rseq_pair *pair = pair_of(place, top, FROM);
	struct rseq_pair *other = &place->pair[pair == &place->pair[0]];
	struct magazine *loaded = container_of(load_slot(&pair->low, FROM), struct magazine, slot);
	STEP();
	prepare(&loaded->objects, sizeof(loaded->objects), (uint64_t)(top - loaded->slot), FROM);
	struct magazine *kept = (struct magazine *)load_slot(&pair->spare, FROM);
	STEP();
	prepare(&other->low, sizeof(other->low), (uintptr_t)mine->slot, FROM);
	STEP();
	prepare(&other->bytes, sizeof(other->bytes), size * sizeof(void *), FROM);
	prepare(&other->spare, sizeof(other->spare), (uintptr_t)(spare ? loaded : kept), FROM);
	STEP();
	return commit_slot(&place->top, next, (uintptr_t)(spare ? kept : loaded), FROM);
}
