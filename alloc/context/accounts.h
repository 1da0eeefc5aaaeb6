/*
 * Accounts: what is out under each tag, in objects and bytes, and the most that was.
 *
 * An account is one tag's shared count. It knows what threads have told it. What a thread has not
 * told yet is in that thread's own counters: for context blocks in the cells below, for objects of
 * pools in struct nbl_thread. A reader adds those to the shared count (nbl_tags). All figures are
 * relaxed: they guard no other memory. A thread that tells an account also tells how high its own
 * figures had been since it told last, so the peak is exact with one thread.
 */
#ifndef ALLOC_CONTEXT_ACCOUNTS_H
#define ALLOC_CONTEXT_ACCOUNTS_H

#include "alloc/context.h"
#include "alloc/ndis/nblbench.h"

#include <stddef.h>
#include <stdint.h>

enum {
	ACCOUNTS_MAX = 256
}; /* tags that have an account of their own, and one for all the others */

struct account;

/* What a thread has not told an account. */
struct account_figures {
	int64_t objects;
	int64_t bytes;
	int64_t high_objects; /* the most since the thread told the account last */
	int64_t high_bytes;
};

/* The account of a tag, made on first use; never NULL and never gone. */
struct account *account_of(uint32_t tag);

/* Adds to an account. Out of line, but not COLD: see nbl_account_publish. */
SELDOM void account_tell(struct account *account, const struct account_figures *figures);

/* Counts memory that is no pool's object and no context block, with shared instructions. */
COLD void account_add(uint32_t tag, uint64_t bytes, int64_t delta);

/* An account's number, below ACCOUNTS_MAX. */
size_t account_number(const struct account *account);

/*
 * Fills in one row an account, n at most; returns how many accounts there are. untold: by number,
 * the sum over all threads. The accounts' peaks rise to what that shows.
 */
size_t accounts_read(
	const struct account_figures untold[ACCOUNTS_MAX], struct nbl_tag_usage *rows, size_t n);

/*
 * What a thread has charged to one tag, less what it has taken off, since it last told the tag's
 * account. Written by that thread alone.
 */
struct context_cell {
	uint64_t key;     /* CONTEXT_KEY_USED + the tag; 0: the cell is empty */
	atom_ptr account; /* struct account; NULL: the cell is empty */
	atom_u64 objects; /* signed, as all that follows */
	atom_u64 bytes;
	atom_u64 high_objects;
	atom_u64 high_bytes;
};

#define CONTEXT_KEY_USED (UINT64_C(1) << 32)

/*
 * The cells of a thread: a hash table with linear probing, from which nothing is removed. Its owner
 * alone writes it. Readers of the accounts look at it meanwhile, under the registry's lock, so a
 * table that has become too small stays as it was until the thread detaches.
 */
struct context_cells {
	struct context_cells *smaller; /* the one before it, or NULL */
	uint32_t mask;                 /* cells less 1; a power of 2 less 1 */
	uint32_t used;
	struct context_cell at[];
};

/* The table of a thread that has counted nothing yet: a cell, and no room. */
extern struct context_cells context_no_cells;

/*
 * Adds what a thread's cells have not told to `untold`, by the accounts' numbers. The thread does
 * not detach meanwhile.
 */
void context_account_untold(
	struct context_thread *thread, struct account_figures untold[ACCOUNTS_MAX]);

#endif
