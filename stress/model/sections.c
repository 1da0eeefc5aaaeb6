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

static uint32_t load32(const atom_u32 *word, const void *from)
{
	return (uint32_t)views_load((uintptr_t)word, sizeof(*word), ACQUIRE | VIEWS_HERE, from);
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

static uintptr_t commit32(atom_u32 *word, uint32_t value, uintptr_t answer, const void *from)
{
	views_store((uintptr_t)word, sizeof(*word), value, RELEASE | VIEWS_HERE, from);
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

/*
 * What the sections on magazines begin with: the loaded magazine of the CPU and its count. stopped: the
 * answer where the CPU is stopped.
 */
#define OPEN(stopped)                                                           \
	struct rseq_magazines *area = &areas[machine_enter(rs, RSEQ_BY_CPU)];   \
	STEP();                                                                 \
	if (load32(&area->stop, FROM) != 0)                                     \
		return leave(stopped);                                          \
	STEP();                                                                 \
	uint32_t unit = rseq_magazine_loaded(load64(&area->word, FROM));        \
	struct magazine *magazine =                                             \
		(struct magazine *)(unit0 + ((size_t)unit << CACHE_LINE_LOG2)); \
	STEP();                                                                 \
	uint32_t cur = load32(&magazine->objects, FROM)

uintptr_t rseq_magazine_pop(void *rs, struct rseq_magazines *areas, unsigned char *unit0)
{
	void *object;

	OPEN(RSEQ_EMPTY);
	if (cur == 0)
		return leave(RSEQ_EMPTY);
	copy(&object, &magazine->slot[cur - 1], 1, FROM);
	STEP();
	return commit32(&magazine->objects, cur - 1, (uintptr_t)object, FROM);
}

uintptr_t rseq_magazine_push(
	void *rs, struct rseq_magazines *areas, unsigned char *unit0, uint32_t size, void *object)
{
	OPEN(RSEQ_FULL);
	if (cur >= size)
		return leave(RSEQ_FULL);
	copy(&magazine->slot[cur], &object, 1, FROM);
	STEP();
	return commit32(&magazine->objects, cur + 1, RSEQ_DONE, FROM);
}

uintptr_t rseq_magazine_pop_bulk(
	void *rs, struct rseq_magazines *areas, unsigned char *unit0, void **to, uint32_t n)
{
	OPEN(RSEQ_FULL);
	if (cur < n)
		return leave(RSEQ_FULL);
	copy(to, &magazine->slot[cur - n], n, FROM);
	STEP();
	return commit32(&magazine->objects, cur - n, RSEQ_DONE, FROM);
}

uintptr_t rseq_magazine_push_bulk(void *rs, struct rseq_magazines *areas, unsigned char *unit0,
	uint32_t room, void *const *from, uint32_t n)
{
	OPEN(RSEQ_FULL);
	if (cur > room)
		return leave(RSEQ_FULL);
	copy(&magazine->slot[cur], from, n, FROM);
	STEP();
	return commit32(&magazine->objects, cur + n, RSEQ_DONE, FROM);
}

uintptr_t rseq_magazine_exchange(void *rs, struct rseq_magazines *areas, uint32_t cpu,
	uint64_t expect, uint64_t next, struct magazine *mine, struct magazine *taken)
{
	const uint32_t here = machine_enter(rs, RSEQ_BY_CPU);
	struct rseq_magazines *area = &areas[here];

	(void)mine, (void)taken;
	STEP();
	if (load32(&area->stop, FROM) != 0 || here != cpu)
		return leave(RSEQ_FULL);
	STEP();
	if (load64(&area->word, FROM) != expect)
		return leave(RSEQ_FULL);
	STEP();
	views_store((uintptr_t)&area->word, sizeof(area->word), next, RELEASE | VIEWS_HERE, FROM);
	return leave(RSEQ_DONE);
}
