#include "stress/base/record.h"

#include "alloc/atomic.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a note says, from the top: 8 bits of sequence, 4 of the call, 4 of objects, 48 of address. */
enum {
	RINGS = 512, /* threads that are kept apart; more share */
	SEQUENCE_SHIFT = 56,
	CALL_SHIFT = 52,
	OBJECTS_SHIFT = 48,
	OBJECTS_MOST = 15,
	PATHS = sizeof(struct pool_paths) / sizeof(uint64_t),
};
_Static_assert(PATHS * sizeof(uint64_t) == sizeof(struct pool_paths), "paths are words");

enum call {
	CALL_NONE,
	CALL_GET,
	CALL_PUT,
	CALL_GET_BULK,
	CALL_PUT_BULK,
	CALL_GET_RUN,
	CALL_PUT_RUN,
	CALL_FLUSH,
	CALL_ATTACH,
	CALL_DETACH
};
static const char *const call_names[] = {"", "get", "put", "get_bulk", "put_bulk", "get_run",
	"put_run", "flush", "attach", "detach"};

struct ring {
	CACHE_PAIR_ALIGNED atom_u64 note[RECORD_KEPT];
	atom_u32 tid;
};

static struct ring rings[RINGS];
static atom_u32 rings_used;
static atom_u64 operations;
static atom_u64 path_sums[PATHS];

static const struct pool_ops *plain;
static struct pool_ops noting;

/* The calling thread's. */
static _Thread_local struct {
	struct ring *ring;
	uint64_t calls; /* noted so far */
	uint64_t told;  /* of them in `operations` */
	uint32_t depth; /* calls under way: the strategy's own are not noted */
} own;

static void note(enum call call, uint32_t n, const void *object)
{
	if (own.ring == NULL) {
		own.ring = &rings[atom_add_relaxed(&rings_used, 1) % RINGS];
		atom_store_relaxed(&own.ring->tid, (uint32_t)syscall(SYS_gettid));
	}
	const uint64_t objects = n < OBJECTS_MOST ? n : OBJECTS_MOST;
	const uint64_t address = (uintptr_t)object & ((UINT64_C(1) << OBJECTS_SHIFT) - 1);

	atom_store_relaxed(&own.ring->note[own.calls % RECORD_KEPT],
		(own.calls & UINT8_MAX) << SEQUENCE_SHIFT | (uint64_t)call << CALL_SHIFT |
			objects << OBJECTS_SHIFT | address);
	own.calls++;
}

static void *note_get(struct pool *pool, struct pool_thread *self)
{
	own.depth++;
	void *object = plain->get(pool, self);
	if (--own.depth == 0)
		note(CALL_GET, object != NULL, object);
	return object;
}

static void note_put(struct pool *pool, struct pool_thread *self, void *object)
{
	if (own.depth++ == 0)
		note(CALL_PUT, 1, object);
	plain->put(pool, self, object);
	own.depth--;
}

static uint32_t note_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	own.depth++;
	uint32_t got = plain->get_bulk(pool, self, objs, n);
	if (--own.depth == 0)
		note(CALL_GET_BULK, got, got != 0 ? objs[0] : NULL);
	return got;
}

static void note_put_bulk(
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	if (own.depth++ == 0)
		note(CALL_PUT_BULK, n, objs[0]);
	plain->put_bulk(pool, self, objs, n);
	own.depth--;
}

static uint32_t note_get_run(struct pool *pool, struct pool_thread *self, void ***objs)
{
	own.depth++;
	uint32_t got = plain->get_run(pool, self, objs);
	if (--own.depth == 0)
		note(CALL_GET_RUN, got, got != 0 ? (*objs)[0] : NULL);
	return got;
}

static void note_put_run(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	if (own.depth++ == 0)
		note(CALL_PUT_RUN, n, n != 0 ? objs[0] : NULL);
	plain->put_run(pool, self, objs, n);
	own.depth--;
}

static void note_flush(struct pool *pool, struct pool_thread *self)
{
	if (own.depth++ == 0)
		note(CALL_FLUSH, 0, NULL);
	plain->flush(pool, self);
	own.depth--;
}

static int note_attach(struct pool *pool, struct pool_thread **out)
{
	note(CALL_ATTACH, 0, pool);
	return plain->attach(pool, out);
}

static void note_detach(struct pool *pool, struct pool_thread *self)
{
	const uint64_t *paths = (const uint64_t *)&self->paths;

	note(CALL_DETACH, 0, pool);
	for (size_t i = 0; i < PATHS; i++)
		atom_add_relaxed(&path_sums[i], paths[i]);
	atom_add_relaxed(&operations, own.calls - own.told);
	own.told = own.calls;
	plain->detach(pool, self);
}

const struct pool_ops *record_ops(const struct pool_ops *ops)
{
	if (plain != NULL)
		return &noting;
	plain = ops;
	noting = *ops;
	noting.get = note_get;
	noting.put = note_put;
	noting.get_bulk = note_get_bulk;
	noting.put_bulk = note_put_bulk;
	if (ops->get_run != NULL) {
		noting.get_run = note_get_run;
		noting.put_run = note_put_run;
	}
	noting.flush = note_flush;
	noting.attach = note_attach;
	noting.detach = note_detach;
	return &noting;
}

void record_add(uint64_t calls)
{
	atom_add_relaxed(&operations, calls);
}

uint64_t record_operations(void)
{
	return atom_load_relaxed(&operations);
}

struct pool_paths record_paths(void)
{
	struct pool_paths sum;
	uint64_t *words = (uint64_t *)&sum;

	for (size_t i = 0; i < PATHS; i++)
		words[i] = atom_load_relaxed(&path_sums[i]);
	return sum;
}

/* The place of a ring's oldest note: the one whose predecessor does not come before it in sequence. */
static uint32_t oldest(struct ring *ring)
{
	for (uint32_t i = 0; i < RECORD_KEPT; i++) {
		uint64_t before =
			atom_load_relaxed(&ring->note[(i + RECORD_KEPT - 1) % RECORD_KEPT]);
		uint64_t at = atom_load_relaxed(&ring->note[i]);

		if ((uint8_t)(at >> SEQUENCE_SHIFT) != (uint8_t)((before >> SEQUENCE_SHIFT) + 1))
			return i;
	}
	return 0;
}

void record_print(int fd)
{
	for (uint32_t r = 0; r < RINGS; r++) {
		struct ring *ring = &rings[r];
		const uint32_t tid = atom_load_relaxed(&ring->tid);
		const uint32_t first = oldest(ring);

		if (tid == 0)
			continue;
		dprintf(fd, "the last operations of thread %u:", tid);
		for (uint32_t i = 0; i < RECORD_KEPT; i++) {
			const uint64_t at =
				atom_load_relaxed(&ring->note[(first + i) % RECORD_KEPT]);
			const uint32_t n = at >> OBJECTS_SHIFT & OBJECTS_MOST;

			if ((at >> CALL_SHIFT & OBJECTS_MOST) == CALL_NONE)
				continue;
			dprintf(fd, "%s %s", i % 4 == 0 ? "\n " : ",",
				call_names[at >> CALL_SHIFT & OBJECTS_MOST]);
			if (n > 1)
				dprintf(fd, " %u%s", n, n == OBJECTS_MOST ? "+" : "");
			if ((at & ((UINT64_C(1) << OBJECTS_SHIFT) - 1)) != 0)
				dprintf(fd, " %llx",
					(unsigned long long)(at &
							     ((UINT64_C(1) << OBJECTS_SHIFT) - 1)));
		}
		dprintf(fd, "\n");
	}
}
