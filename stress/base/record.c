#include "stress/base/record.h"

#include "alloc/atomic.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a note says, from the top: 7 bits of sequence, 1 while the call goes on, 4 of the call, 4 of objects, 48 of address. */
enum {
	RINGS = 512, /* threads that are kept apart; more share */
	SEQUENCE_SHIFT = 57,
	SEQUENCE_MOST = 127,
	GOES_ON_SHIFT = 56,
	CALL_SHIFT = 52,
	CALL_MOST = 15,
	OBJECTS_SHIFT = 48,
	OBJECTS_MOST = 15,
	PATHS = sizeof(struct pool_paths) / sizeof(uint64_t),
};
_Static_assert(PATHS * sizeof(uint64_t) == sizeof(struct pool_paths), "paths are words");
_Static_assert((int)RECORD_KEPT <= (int)SEQUENCE_MOST,
	"the newest note is not taken for the oldest one's");

static const char *const call_names[] = {
	[RECORD_GET] = "get",
	[RECORD_PUT] = "put",
	[RECORD_GET_BULK] = "get_bulk",
	[RECORD_PUT_BULK] = "put_bulk",
	[RECORD_GET_RUN] = "get_run",
	[RECORD_PUT_RUN] = "put_run",
	[RECORD_PREFILL] = "prefill",
	[RECORD_FLUSH] = "flush",
	[RECORD_ATTACH] = "attach",
	[RECORD_DETACH] = "detach",
	[RECORD_NBL] = "allocate NBL",
	[RECORD_FREE] = "free NBL",
	[RECORD_PUSH] = "push context",
	[RECORD_POP] = "pop context",
};
_Static_assert(sizeof(call_names) / sizeof(*call_names) <= CALL_MOST + 1, "a call has its bits");

struct ring {
	CACHE_PAIR_ALIGNED atom_u64 note[RECORD_KEPT];
	atom_u32 tid;
	atom_ptr part; /* a string, or NULL */
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
	uint32_t depth; /* calls of the table under way: the strategy's own are not noted */
} own;

static void have_ring(void)
{
	if (own.ring != NULL)
		return;
	own.ring = &rings[atom_add_relaxed(&rings_used, 1) % RINGS];
	atom_store_relaxed(&own.ring->tid, (uint32_t)syscall(SYS_gettid));
}

/* The note of the last call, with what was said of it last. */
static void note(enum record_call call, bool goes_on, uint32_t n, const void *object)
{
	const uint64_t number = own.calls - 1;
	const uint64_t objects = n < OBJECTS_MOST ? n : OBJECTS_MOST;
	const uint64_t address = (uintptr_t)object & ((UINT64_C(1) << OBJECTS_SHIFT) - 1);

	atom_store_relaxed(&own.ring->note[number % RECORD_KEPT],
		(number & SEQUENCE_MOST) << SEQUENCE_SHIFT | (uint64_t)goes_on << GOES_ON_SHIFT |
			(uint64_t)call << CALL_SHIFT | objects << OBJECTS_SHIFT | address);
}

void record_begun(enum record_call call, uint32_t n, const void *object)
{
	have_ring();
	own.calls++;
	note(call, true, n, object);
}

void record_over(enum record_call call, uint32_t n, const void *object)
{
	note(call, false, n, object);
}

void record_part(const char *part)
{
	have_ring();
	atom_store_relaxed(&own.ring->part, (void *)(uintptr_t)part);
}

/* Of the table's calls: one within another, which may be a signal handler's, is not noted. */
static void enter(enum record_call call, uint32_t n, const void *object)
{
	if (own.depth++ == 0)
		record_begun(call, n, object);
}

static void leave(enum record_call call, uint32_t n, const void *object)
{
	if (own.depth == 1)
		record_over(call, n, object);
	own.depth--;
}

static void *note_get(struct pool *pool, struct pool_thread *self)
{
	enter(RECORD_GET, 1, NULL);
	void *object = plain->get(pool, self);
	leave(RECORD_GET, object != NULL, object);
	return object;
}

static void note_put(struct pool *pool, struct pool_thread *self, void *object)
{
	enter(RECORD_PUT, 1, object);
	plain->put(pool, self, object);
	leave(RECORD_PUT, 1, object);
}

static uint32_t note_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	enter(RECORD_GET_BULK, n, NULL);
	uint32_t got = plain->get_bulk(pool, self, objs, n);
	leave(RECORD_GET_BULK, got, got != 0 ? objs[0] : NULL);
	return got;
}

static void note_put_bulk(
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	const void *first = objs[0];

	enter(RECORD_PUT_BULK, n, first);
	plain->put_bulk(pool, self, objs, n);
	leave(RECORD_PUT_BULK, n, first);
}

static uint32_t note_get_run(struct pool *pool, struct pool_thread *self, void ***objs)
{
	enter(RECORD_GET_RUN, 0, NULL);
	uint32_t got = plain->get_run(pool, self, objs);
	leave(RECORD_GET_RUN, got, got != 0 ? (*objs)[0] : NULL);
	return got;
}

static void note_put_run(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	const void *first = n != 0 ? objs[0] : NULL; /* the array is the pool's again in between */

	enter(RECORD_PUT_RUN, n, first);
	plain->put_run(pool, self, objs, n);
	leave(RECORD_PUT_RUN, n, first);
}

static int note_prefill(struct pool *pool, struct pool_thread *self, uint32_t n)
{
	enter(RECORD_PREFILL, n, NULL);
	int rc = plain->prefill(pool, self, n);
	leave(RECORD_PREFILL, n, NULL);
	return rc;
}

static void note_flush(struct pool *pool, struct pool_thread *self)
{
	enter(RECORD_FLUSH, 0, NULL);
	plain->flush(pool, self);
	leave(RECORD_FLUSH, 0, NULL);
}

static int note_attach(struct pool *pool, struct pool_thread **out)
{
	enter(RECORD_ATTACH, 0, pool);
	int rc = plain->attach(pool, out);
	leave(RECORD_ATTACH, 0, pool);
	return rc;
}

static void note_detach(struct pool *pool, struct pool_thread *self)
{
	const uint64_t *paths = (const uint64_t *)&self->paths;

	enter(RECORD_DETACH, 0, pool);
	for (size_t i = 0; i < PATHS; i++)
		atom_add_relaxed(&path_sums[i], paths[i]);
	atom_add_relaxed(&operations, own.calls - own.told);
	own.told = own.calls;
	plain->detach(pool, self);
	leave(RECORD_DETACH, 0, pool);
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
	if (ops->prefill != NULL)
		noting.prefill = note_prefill;
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

		if (at >> SEQUENCE_SHIFT != ((before >> SEQUENCE_SHIFT) + 1) % (SEQUENCE_MOST + 1))
			return i;
	}
	return 0;
}

static void print_note(int fd, uint64_t note)
{
	const uint64_t address = note & ((UINT64_C(1) << OBJECTS_SHIFT) - 1);
	const uint32_t n = note >> OBJECTS_SHIFT & OBJECTS_MOST;

	dprintf(fd, " %s", call_names[note >> CALL_SHIFT & CALL_MOST]);
	if (n > 1)
		dprintf(fd, " %u%s", n, n == OBJECTS_MOST ? "+" : "");
	if (address != 0)
		dprintf(fd, " %llx", (unsigned long long)address);
	if ((note >> GOES_ON_SHIFT & 1) != 0)
		dprintf(fd, " (not over)");
}

void record_print(int fd)
{
	for (uint32_t r = 0; r < RINGS; r++) {
		struct ring *ring = &rings[r];
		const uint32_t tid = atom_load_relaxed(&ring->tid);
		const uint32_t first = oldest(ring);
		const char *part = atom_load_relaxed(&ring->part);
		uint32_t printed = 0;

		if (tid == 0)
			continue;
		dprintf(fd, "the last operations of thread %u%s%s:", tid, part != NULL ? ", " : "",
			part != NULL ? part : "");
		for (uint32_t i = 0; i < RECORD_KEPT; i++) {
			const uint64_t at =
				atom_load_relaxed(&ring->note[(first + i) % RECORD_KEPT]);

			if ((at >> CALL_SHIFT & CALL_MOST) == RECORD_NONE)
				continue;
			if (printed != 0)
				dprintf(fd, ",");
			if (printed++ % 4 == 0)
				dprintf(fd, "\n ");
			print_note(fd, at);
		}
		dprintf(fd, "%s\n", printed == 0 ? " none" : "");
	}
}
