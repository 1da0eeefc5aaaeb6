/* See granules.h. */
#include "stress/model/granules.h"
#include "stress/model/trace.h"

#include <string.h>

enum {
	GRANULES = 1 << 15,  /* that one execution touches, twice over; a power of two */
	CELLS_MAX = 1 << 16, /* parts of them */
};

/* How a byte was accessed last by each thread: the thread's clock then; 0: never. */
struct cell {
	uint32_t clock[ACCESSES][MODEL_THREADS];
};

static struct {
	uint32_t execution;
	struct granule granule[GRANULES];
	uint32_t used[GRANULES]; /* granules of this execution, in order of their first use */
	uint32_t used_count;
	struct cell cell[CELLS_MAX];
	uint32_t cells;
} g;

void granules_begin(void)
{
	g.execution++;
	g.used_count = g.cells = 0;
}

void granules_restore(void)
{
	for (uint32_t i = g.used_count; i-- > 0;) {
		struct granule *granule = &g.granule[g.used[i]];

		if (granule->written)
			memcpy((void *)granule->at, &granule->before, GRANULE);
	}
}

struct granule *granule_of(uintptr_t address)
{
	const uintptr_t at = address & ~(uintptr_t)(GRANULE - 1);
	uint32_t i = (uint32_t)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (GRANULES - 1);

	while (g.granule[i].execution == g.execution && g.granule[i].at != at)
		i = (i + 1) & (GRANULES - 1);
	struct granule *granule = &g.granule[i];
	if (granule->execution == g.execution)
		return granule;
	if (g.used_count == GRANULES / 2 || g.cells == CELLS_MAX)
		model_fail(PROMISE_NONE,
			"an execution touches more memory than the explorer keeps account of");
	*granule = (struct granule){.at = at,
		.execution = g.execution,
		.cell = g.cells++,
		.part = GRANULE,
		.word = {GRANULE_NO_WORD, GRANULE_NO_WORD}};
	memset(&g.cell[granule->cell], 0, sizeof(struct cell));
	g.used[g.used_count++] = i;
	return granule;
}

/* Makes cells of `bytes`, each with what the one it comes from knows. */
static void split(struct granule *granule, uint32_t bytes)
{
	const uint32_t count = GRANULE / bytes;
	const uint32_t times = granule->part / bytes;

	if (g.cells + count > CELLS_MAX)
		model_fail(PROMISE_NONE,
			"an execution touches more memory than the explorer keeps account of");
	for (uint32_t i = 0; i < count; i++)
		g.cell[g.cells + i] = g.cell[granule->cell + i / times];
	granule->cell = g.cells;
	granule->part = bytes;
	g.cells += count;
}

void granule_keep(struct granule *granule)
{
	if (granule->written)
		return;
	memcpy(&granule->before, (void *)granule->at, GRANULE);
	granule->written = true;
}

/* Whether something has to order two such accesses. */
static bool conflict(enum access a, enum access b)
{
	const bool write =
		a == PLAIN_WRITE || a == ATOMIC_WRITE || b == PLAIN_WRITE || b == ATOMIC_WRITE;
	const bool plain = a <= PLAIN_WRITE || b <= PLAIN_WRITE;

	return write && plain;
}

static void look(
	struct cell *cell, enum access access, uintptr_t at, uint32_t self, const uint32_t *clock)
{
	static const char *const words[] = {
		"a plain read", "a plain write", "an atomic load", "an atomic store"};

	for (uint32_t a = 0; a < ACCESSES; a++) {
		for (uint32_t i = 0; conflict(access, a) && i < MODEL_THREADS; i++) {
			if (i == self || cell->clock[a][i] <= clock[i])
				continue;
			trace_spot(at);
			model_fail(PROMISE_ORDERED,
				"data race: nothing orders %s by thread %u and %s by thread %u",
				words[a], i, words[access], self);
		}
	}
	cell->clock[access][self] = clock[self];
}

void granule_access(uintptr_t at, uint32_t bytes, enum access access, uint32_t self,
	const uint32_t clock[MODEL_THREADS])
{
	struct granule *granule = granule_of(at);
	const uint32_t offset = (uint32_t)(at - granule->at);
	uint32_t part = GRANULE;

	while (part > 1 && (offset % part != 0 || bytes % part != 0))
		part /= 2;
	if (part < granule->part)
		split(granule, part);
	for (uint32_t byte = offset; byte < offset + bytes; byte += granule->part)
		look(&g.cell[granule->cell + byte / granule->part], access, at, self, clock);
	if (access == PLAIN_WRITE || access == ATOMIC_WRITE)
		granule_keep(granule);
	if (access == PLAIN_WRITE) {
		granule->overwritten[0] |= offset < GRANULE / 2;
		granule->overwritten[1] |= offset + bytes > GRANULE / 2;
	}
}
