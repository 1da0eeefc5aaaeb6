#include "alloc/nbl/quarantine.h"

#include "alloc/nbl/marks.h"
#include "alloc/nbl/misuse.h"
#include "alloc/nbl/object.h"

#include <string.h>
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h> /* its macros are empty in other builds */
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

/*
 * All of a quarantined object is poisoned but our words and the pool's handle. Whoever follows a
 * pointer read there faults; the address sanitizer also reports the read.
 */
enum { POISON = 0xFB }; /* repeated, no canonical address: following it faults */

/* Where poison begins and ends, and the word that stands behind it before the next span. */
struct span {
	uint32_t from;
	uint32_t to;
	const void *word;
};

enum { SPANS_MAX = 4 };

/*
 * Between the spans lie the pool's handles, in an NBL and in an NB, and an NBL's count of references,
 * at which a second free looks. Returns how many spans.
 */
static int poisoned_spans(const struct nbl_pool *pool, struct span spans[SPANS_MAX])
{
	const uint32_t in_nb = offsetof(NET_BUFFER, NdisPoolHandle);
	const uint32_t after_nb = in_nb + (uint32_t)sizeof(NDIS_HANDLE);
	uint32_t from = NBL_LOOSE_OFFSET;
	int n = 0;

	if (pool->kind == NBL_POOL_LISTS) {
		spans[n++] = (struct span){0, offsetof(NET_BUFFER_LIST, NdisPoolHandle), pool};
		spans[n++] = (struct span){offsetof(NET_BUFFER_LIST, NblFlags),
			offsetof(NET_BUFFER_LIST, NblReserved), NULL};
		from = offsetof(NET_BUFFER_LIST, NblReserved) + sizeof(PVOID);
	}
	if (pool->kind == NBL_POOL_NBS || pool->with_nb) {
		uint32_t nb = pool->kind == NBL_POOL_NBS ? NBL_LOOSE_OFFSET : NBL_NB_OFFSET;

		spans[n++] = (struct span){from, nb + in_nb, pool};
		from = nb + after_nb;
	}
	spans[n++] = (struct span){from, pool->object_bytes, NULL};
	return n;
}

static void poison(const struct nbl_pool *pool, unsigned char *object)
{
	struct span spans[SPANS_MAX];
	int n = poisoned_spans(pool, spans);

	for (int i = 0; i < n; i++) {
		memset(object + spans[i].from, POISON, spans[i].to - spans[i].from);
		ASAN_POISON_MEMORY_REGION(object + spans[i].from, spans[i].to - spans[i].from);
	}
}

/* Where the payload of an object begins: what its user has the address of. */
static unsigned char *payload_of(const struct nbl_pool *pool, void *object)
{
	return (unsigned char *)object + (pool->kind == NBL_POOL_LISTS ? 0 : NBL_LOOSE_OFFSET);
}

/*
 * True if one of our words in a free object is as we left it; else it is repaired. Atomic, because
 * threads that free the object once more look at it meanwhile.
 */
static bool word_intact(void *word, const void *expected)
{
	if (atom_load_relaxed((atom_ptr *)word) == expected)
		return true;
	atom_store_relaxed((atom_ptr *)word, (void *)(uintptr_t)expected);
	return false;
}

/*
 * Ends an object's quarantine: looks for what was written to it meanwhile and gives it its resting
 * values.
 */
static struct nbl_finding unpoison(const struct nbl_pool *pool, unsigned char *object)
{
	struct nbl_finding found = {.object = NULL};
	struct span spans[SPANS_MAX];
	int n = poisoned_spans(pool, spans);
	const unsigned char *payload = payload_of(pool, object);
	const bool lists = pool->kind == NBL_POOL_LISTS;
	const uint32_t mark =
		lists ? offsetof(NET_BUFFER_LIST, NdisReserved) : NBL_LOOSE_OFFSET - sizeof(void *);
	const void *free_mark = lists ? nbl_mark((const void *)object, pool, NBL_MARK_FREE)
				      : nbl_loose_mark(payload, pool, NBL_MARK_FREE);

	if (!word_intact(object + mark, free_mark))
		found = (struct nbl_finding){object, mark};
	for (int i = 0; i < n; i++) {
		ASAN_UNPOISON_MEMORY_REGION(object + spans[i].from, spans[i].to - spans[i].from);
		for (uint32_t at = spans[i].from; at < spans[i].to && found.object == NULL; at++) {
			if (object[at] != POISON)
				found = (struct nbl_finding){object, at};
		}
		memset(object + spans[i].from, 0, spans[i].to - spans[i].from);
		if (i + 1 < n && !word_intact(object + spans[i].to, spans[i].word) &&
			found.object == NULL)
			found = (struct nbl_finding){object, spans[i].to};
	}
	if (pool->kind == NBL_POOL_LISTS)
		nbl_clean(pool, (NET_BUFFER_LIST *)object);
	return found;
}

static void report_finding(const struct nbl_pool *pool, const struct nbl_finding *found)
{
	if (found->object == NULL)
		return;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, "verify pool", pool, payload_of(pool, found->object),
		"byte %u of its memory was written after the object was freed", found->at);
}

void nbl_quarantine(struct nbl_thread *self, void *object)
{
	struct nbl_pool *pool = self->pool;
	void **place = &self->quarantine[self->quarantined++ % NBL_QUARANTINE_OBJECTS];
	void *released = *place;

	poison(pool, object);
	*place = object;
	if (released != NULL) {
		struct nbl_finding found = unpoison(pool, released);

		pool->ops->put(pool->pool, self->pool_thread, released);
		report_finding(pool, &found);
	}
}

void nbl_quarantine_end(struct nbl_thread *self, struct nbl_findings *found)
{
	struct nbl_pool *pool = self->pool;

	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++) {
		found->of[i].object = NULL;
		if (self->quarantine[i] != NULL) {
			found->of[i] = unpoison(pool, self->quarantine[i]);
			pool->ops->put(pool->pool, self->pool_thread, self->quarantine[i]);
		}
	}
}

void nbl_report_findings(const struct nbl_pool *pool, const struct nbl_findings *found)
{
	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++)
		report_finding(pool, &found->of[i]);
}
