/*
 * Turns at a counter that several threads may take for one request, and that others move by fetch-and-add meanwhile.
 * Whoever works on a request can stop anywhere, and the others go on: the request has one position at a time, the same for all.
 *
 * Source: the slow fetch-and-add of R. Nikolaev and B. Ravindran, "wCQ: A Fast Wait-Free Queue with Bounded
 * Memory Usage", SPAA 2022, figure 7. A counter is a pair that changes together: its value, and the
 * request that took the last turn, while that may not know it yet. A request has a word: the position that it is at,
 * TURN_PROPOSED while it may not be the request's yet, TURN_LAST when there will be no more.
 * (1) Propose: the word goes from a position to the counter's value, proposed. Whoever finds a proposal works on that one.
 * (2) Take: the pair goes from {value, none} to {value + 1, the word}. Only one can, and only for the value that the
 *     word proposes; a fetch-and-add that came first makes it fail, and (1) is made anew with a larger value.
 * (3) Settle: the word's proposal becomes its position, and the pair forgets the word. Whoever finds a word in the pair does
 *     this before its own (2).
 *
 * Departure: the paper's pair names a record that its thread has filled in with a word and a value. A helper that
 * reads the pair, sleeps, and then reads the record, may read what the thread has filled in for the turn after, and settles a
 * proposal that nobody has taken: two threads then have one position. Here the pair names the word itself, and a helper looks at the
 * pair again after it has read the word. A proposal is made after somebody has seen that the pair does not name the
 * word, when the word was at its last position already; from then on only (2) for this proposal can make the pair name it. So a
 * pair that names the word after the proposal was read has taken that one, or a later one, and then the word is not what was read.
 *
 * R0 the change of a word, meets A0, the load of a word and a change that fails: whoever reads a proposal finds the pair
 *    without the word, or named for this proposal; and what was done at the positions before.
 * A1 the load of the pair's word, meets the compare-and-swap that named it, a full barrier: whoever reads the word from there
 *    finds the proposal that was taken, or what came after, and does not make the pair forget it unsettled.
 * A2 the load of the pair's value, before that of its word. It has no partner: it keeps the two loads in order. Whoever finds no
 *    word has a value from before, so that it does not propose a larger one in the place of a proposal that was taken meanwhile.
 * Relaxed: the second look at the pair, which R0 and A0 order.
 * ABA: values and positions grow, and a word's positions with them, from one request of its thread to the next: 62 bits.
 */
#ifndef ALLOC_MECHANISM_TURNS_H
#define ALLOC_MECHANISM_TURNS_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#define TURN_PROPOSED UINT64_C(1)
#define TURN_LAST     UINT64_C(2)
enum { TURN_SHIFT = 2 };

/* A word at a position. */
ALWAYS_INLINE uint64_t turn_at(uint64_t position)
{
	return position << TURN_SHIFT;
}

ALWAYS_INLINE uint64_t turn_position(uint64_t turn)
{
	return turn >> TURN_SHIFT;
}

/* Of a position that the request is at, and that the caller may work on. */
ALWAYS_INLINE bool turn_is_settled(uint64_t turn)
{
	return (turn & (TURN_PROPOSED | TURN_LAST)) == 0;
}

/* There will be no more, or there was none yet: position 0 is nobody's. */
ALWAYS_INLINE bool turn_is_over(uint64_t turn)
{
	return turn == 0 || (turn & TURN_LAST) != 0;
}

ALWAYS_INLINE uint64_t turn_load(atom_u64 *word)
{
	return atom_load_acquire(word); /* A0, meets R0 */
}

/* The word goes from *turn to `next`, if it is still there. False: *turn is what it is. */
ALWAYS_INLINE bool turn_change(atom_u64 *word, uint64_t *turn, uint64_t next)
{
	const uint64_t from = *turn;

	while (!atom_cas_weak_acq_rel(word, turn, next)) { /* R0, A0 */
		if (*turn != from)
			return false;
	}
	return true;
}

/* (3), for whichever word the pair names. The counter's value, from before the pair named none. */
static COLD uint64_t turn_settle(atom_pair *counter)
{
	for (;;) {
		struct pair met = {.generation = atom_load_acquire(&counter->generation)}; /* A2 */
		met.pointer = atom_load_acquire(&counter->pointer);                        /* A1 */
		if (met.pointer == NULL)
			return met.generation;
		uint64_t turn = turn_load(met.pointer);
		if ((turn & TURN_PROPOSED) && atom_load_relaxed(&counter->pointer) == met.pointer)
			turn_change(met.pointer, &turn, turn & ~TURN_PROPOSED);
		atom_pair_cas(counter, &met, (struct pair){.generation = met.generation});
	}
}

/*
 * The request's next position, for a caller that has worked on *turn, or finds a proposal there; *turn is where the word
 * is then. Where others have been faster it is their position, which may be the last.
 */
static COLD void turn_next(atom_pair *counter, atom_u64 *word, uint64_t *turn)
{
	for (;;) {
		uint64_t next = turn_at(turn_settle(counter)) | TURN_PROPOSED;

		if (turn_change(word, turn, next))
			*turn = next;
		else if (!(*turn & TURN_PROPOSED))
			return;
		struct pair free = {.generation = turn_position(*turn)};
		struct pair taken = {.pointer = word, .generation = free.generation + 1};
		if (atom_pair_cas(counter, &free, taken)) {
			if (turn_change(word, turn, *turn & ~TURN_PROPOSED))
				*turn &= ~TURN_PROPOSED;
			atom_pair_cas(
				counter, &taken, (struct pair){.generation = taken.generation});
			return;
		}
	}
}

#endif
