#include "stress/base/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A moment at which the number of objects that are free for sure changes, or of calls that go on. */
struct moment {
	uint64_t at;
	int32_t free, inside;
	const struct history_call *empty; /* an empty answer begins, or ends, here; NULL: neither */
};

struct moments {
	struct moment *of;
	size_t count;
};

/* When an object changed hands: behind a get, before a put. */
static uint64_t handed_at(const struct history_call *call)
{
	return call->kind == HISTORY_GET ? call->returned : call->called;
}

/* By object, then by time; at one time a put is first, as the next get may have followed at once. */
static int compare_calls(const void *left, const void *right)
{
	const struct history_call *a = left, *b = right;

	if (a->object != b->object)
		return (uintptr_t)a->object < (uintptr_t)b->object ? -1 : 1;
	if (handed_at(a) != handed_at(b))
		return handed_at(a) < handed_at(b) ? -1 : 1;
	return (b->kind == HISTORY_PUT) - (a->kind == HISTORY_PUT);
}

/* At one time: first what makes fewer objects free, last the end of a call. So less is sure. */
static int compare_moments(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->free != b->free)
		return a->free - b->free;
	return b->inside - a->inside;
}

static void add(struct moments *moments, uint64_t at, int32_t free, int32_t inside,
	const struct history_call *empty)
{
	moments->of[moments->count++] = (struct moment){at, free, inside, empty};
}

/* H1, of one object's n calls: get, put, get, ... */
static bool has_one_owner(const struct history_call *call, size_t n, char *why)
{
	for (size_t i = 0; i < n; i++) {
		if ((call[i].kind == HISTORY_GET) == (i % 2 == 0))
			continue;
		if (call[i].kind == HISTORY_GET)
			snprintf(why, STRESS_SENTENCE_BYTES,
				"H1: object %p has two owners: thread %" PRIu32
				" got it, and thread %" PRIu32 " had not put it",
				call[i].object, call[i].thread, call[i - 1].thread);
		else
			snprintf(why, STRESS_SENTENCE_BYTES,
				"H1: object %p was put by thread %" PRIu32 ", and nobody had it",
				call[i].object, call[i].thread);
		return false;
	}
	return true;
}

/* H2, of the empty answer that begins at moment[0], where so many objects are free and so many threads are in calls. */
static bool empty_is_right(struct history *history, const struct moment *moment, int64_t free,
	int64_t inside, char *why)
{
	const struct history_call *empty = moment->empty;
	const bool alone = history->empties == HISTORY_ALONE;
	int64_t least = free;

	do {
		if (alone && inside > 1)
			return true;
		least = free < least ? free : least;
		moment++;
		free += moment->free;
		inside += moment->inside;
	} while (moment->empty != empty && (alone || least > 0));
	history->judged++;
	if (least <= 0)
		return true;
	snprintf(why, STRESS_SENTENCE_BYTES,
		"H2: thread %" PRIu32 " was told that there is none, and %" PRId64 " of %" PRIu32
		" objects were free all the while, which was %" PRIu64 " ns%s",
		empty->thread, least, history->capacity, empty->returned - empty->called,
		alone ? "; no other thread was inside a call" : "");
	return false;
}

static bool empties_are_right(struct history *history, struct moments *moments, char *why)
{
	int64_t free = history->capacity, inside = 0;
	bool right = true;

	qsort(moments->of, moments->count, sizeof(*moments->of), compare_moments);
	for (size_t i = 0; right && i < moments->count; i++) {
		const struct moment *m = &moments->of[i];

		free += m->free;
		inside += m->inside;
		if (m->empty != NULL && m->inside > 0)
			right = empty_is_right(history, m, free, inside, why);
	}
	return right;
}

enum promise history_check(struct history *history, char *why)
{
	enum { MOMENTS_A_CALL = 2 };
	struct history_call *calls = history->calls;
	const size_t n = history->count;
	struct moments moments = {stress_array(MOMENTS_A_CALL * n + 1, sizeof(*moments.of)), 0};
	enum promise broken = PROMISE_NONE;
	size_t next;

	history->judged = 0;
	qsort(calls, n, sizeof(*calls), compare_calls);
	for (size_t first = 0; broken == PROMISE_NONE && first < n; first = next) {
		for (next = first + 1; next < n && calls[next].object == calls[first].object;)
			next++;
		if (calls[first].object == NULL)
			continue;
		if (!has_one_owner(&calls[first], next - first, why))
			broken = PROMISE_ONE_OWNER;
	}
	if (broken == PROMISE_NONE && history->empties != HISTORY_ANY) {
		for (size_t i = 0; i < n; i++) {
			const bool moves = calls[i].object != NULL;
			const bool gets = calls[i].kind == HISTORY_GET;
			const struct history_call *empty = gets && !moves ? &calls[i] : NULL;

			add(&moments, calls[i].called, moves && gets ? -1 : 0, 1, empty);
			add(&moments, calls[i].returned, moves && !gets ? 1 : 0, -1, empty);
		}
		if (!empties_are_right(history, &moments, why))
			broken = PROMISE_EXACT;
	}
	free(moments.of);
	return broken;
}
