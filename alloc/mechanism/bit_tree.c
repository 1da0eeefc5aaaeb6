/* See bit_tree.h. */
#include "alloc/mechanism/bit_tree.h"
#include "alloc/machine/memory.h"

#include <errno.h>

static size_t tree_bytes(const struct bit_tree *self)
{
	size_t words = 0;

	for (uint32_t i = 0; i < BIT_TREE_LEVELS; i++)
		words += self->words[i];
	return words * sizeof(atom_u64);
}

int bit_tree_init(struct bit_tree *self, uint32_t elements)
{
	for (uint32_t i = 0; i < BIT_TREE_LEVELS; i++) {
		elements = (elements + BIT_TREE_BITS - 1) / BIT_TREE_BITS;
		self->words[i] = elements;
	}
	self->level[0] = memory_map(tree_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->level[0] == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i < BIT_TREE_LEVELS; i++)
		self->level[i] = self->level[i - 1] + self->words[i - 1];
	return 0;
}

void bit_tree_fini(struct bit_tree *self)
{
	memory_unmap(self->level[0], tree_bytes(self), MEMORY_PAGES_ORDINARY);
}

static uint64_t bit_at(uint32_t at)
{
	return (uint64_t)1 << at % BIT_TREE_BITS;
}

static void raise_from(struct bit_tree *self, uint32_t level, uint32_t at)
{
	for (; level < BIT_TREE_LEVELS; level++, at /= BIT_TREE_BITS) {
		atom_u64 *word = &self->level[level][at / BIT_TREE_BITS];

		if ((atom_load_seq_cst(word) & bit_at(at)) != 0) /* S1 */
			return;
		atom_or_seq_cst(word, bit_at(at)); /* S0 of the word */
	}
}

static void lower_from(struct bit_tree *self, uint32_t level, uint32_t at);

/* A word of the level was seen empty: the bit above goes, unless the word has something after all. */
static void close_word(struct bit_tree *self, uint32_t level, uint32_t at)
{
	lower_from(self, level + 1, at);
	if (atom_load_seq_cst(&self->level[level][at]) != 0) /* S3 */
		raise_from(self, level + 1, at);
}

/* The bit goes, and those above it over words that are empty then. */
static void lower_from(struct bit_tree *self, uint32_t level, uint32_t at)
{
	atom_u64 *word = &self->level[level][at / BIT_TREE_BITS];

	atom_and_seq_cst(word, ~bit_at(at)); /* S2 */
	if (level + 1 < BIT_TREE_LEVELS && atom_load_relaxed(word) == 0)
		close_word(self, level, at / BIT_TREE_BITS);
}

void bit_tree_raise(struct bit_tree *self, uint32_t element)
{
	raise_from(self, 0, element);
}

void bit_tree_lower(struct bit_tree *self, uint32_t element)
{
	lower_from(self, 0, element);
}

/* Relaxed: a stale word is one of a moment ago, and what was found is looked at. */
static bool find_from(struct bit_tree *self, uint32_t at, uint32_t *element)
{
	uint32_t level = 0; /* at is a place in it: everything before is done with */

	while (at / BIT_TREE_BITS < self->words[level]) {
		uint64_t set = atom_load_relaxed(&self->level[level][at / BIT_TREE_BITS]) &
			       UINT64_MAX << at % BIT_TREE_BITS;

		if (set == 0) {
			if (++level == BIT_TREE_LEVELS)
				return false;
			at = at / BIT_TREE_BITS + 1;
			continue;
		}
		at = at / BIT_TREE_BITS * BIT_TREE_BITS + (uint32_t)__builtin_ctzll(set);
		if (level == 0) {
			*element = at;
			return true;
		}
		if (atom_load_relaxed(&self->level[level - 1][at]) != 0) {
			level--;
			at *= BIT_TREE_BITS;
			continue;
		}
		close_word(self, level - 1, at); /* it was set in vain */
		at++;
	}
	return false;
}

bool bit_tree_next(struct bit_tree *self, uint32_t from, uint32_t *element)
{
	return find_from(self, from, element) || (from != 0 && find_from(self, 0, element));
}

bool bit_tree_shows(struct bit_tree *self, uint32_t element)
{
	for (uint32_t i = 0; i < BIT_TREE_LEVELS; i++, element /= BIT_TREE_BITS) {
		if ((atom_load_relaxed(&self->level[i][element / BIT_TREE_BITS]) &
			    bit_at(element)) == 0)
			return false;
	}
	return true;
}
