#include "alloc/context/accounts.h"

#include <string.h>

/*
 * Shared counts.
 */

struct account {
	uint32_t tag;
	atom_u64 objects; /* signed, as all that follows */
	atom_u64 bytes;
	atom_u64 peak_objects;
	atom_u64 peak_bytes;
} CACHE_PAIR_ALIGNED;

/* The last one, tag 0, serves the tags that find no room. */
static struct account accounts[ACCOUNTS_MAX];
static atom_u32 accounts_used;
static pthread_mutex_t tags_lock = PTHREAD_MUTEX_INITIALIZER; /* of whoever adds an account */

struct account *account_of(uint32_t tag)
{
	uint32_t used =
		atom_load_acquire(&accounts_used); /* A0, meets R0: the rows below are filled in */
	uint32_t i = 0;

	while (i < used && accounts[i].tag != tag)
		i++;
	if (i < used)
		return &accounts[i];
	pthread_mutex_lock(&tags_lock);
	used = atom_load_relaxed(&accounts_used); /* stored under the lock */
	while (i < used && accounts[i].tag != tag)
		i++;
	if (i == used && used < ACCOUNTS_MAX) {
		if (used < ACCOUNTS_MAX - 1)
			accounts[i].tag = tag;
		atom_store_release(&accounts_used, used + 1); /* R0, meets A0 */
	}
	pthread_mutex_unlock(&tags_lock);
	return &accounts[i < ACCOUNTS_MAX ? i : ACCOUNTS_MAX - 1];
}

size_t account_number(const struct account *account)
{
	return (size_t)(account - accounts);
}

static int64_t read_signed(atom_u64 *word)
{
	return (int64_t)atom_load_relaxed(word);
}

static void raise_to(atom_u64 *peak, int64_t value)
{
	uint64_t old = atom_load_relaxed(peak);

	while (value > (int64_t)old && !atom_cas_weak_relaxed(peak, &old, (uint64_t)value))
		;
}

/* Adds to one figure; high: how far above the figure's old value this thread has been. */
static void tell(atom_u64 *figure, atom_u64 *peak, int64_t delta, int64_t high)
{
	int64_t before = (int64_t)atom_add_relaxed(figure, (uint64_t)delta);

	raise_to(peak, before + high);
}

void account_tell(struct account *account, const struct account_figures *figures)
{
	tell(&account->objects, &account->peak_objects, figures->objects, figures->high_objects);
	tell(&account->bytes, &account->peak_bytes, figures->bytes, figures->high_bytes);
}

void account_add(uint32_t tag, uint64_t bytes, int64_t delta)
{
	const int64_t signed_bytes = delta * (int64_t)bytes;

	account_tell(account_of(tag), &(struct account_figures){.objects = delta,
					      .bytes = signed_bytes,
					      .high_objects = delta,
					      .high_bytes = signed_bytes});
}

size_t accounts_read(
	const struct account_figures untold[ACCOUNTS_MAX], struct nbl_tag_usage *rows, size_t n)
{
	const size_t used = atom_load_acquire(&accounts_used); /* A0, meets R0 */

	for (size_t i = 0; i < used && i < n; i++) {
		struct account *account = &accounts[i];
		int64_t objects = read_signed(&account->objects);
		int64_t bytes = read_signed(&account->bytes);

		raise_to(&account->peak_objects, objects + untold[i].high_objects);
		raise_to(&account->peak_bytes, bytes + untold[i].high_bytes);
		rows[i] = (struct nbl_tag_usage){
			.tag = account->tag,
			.objects = objects + untold[i].objects,
			.bytes = bytes + untold[i].bytes,
			.peak_objects = read_signed(&account->peak_objects),
			.peak_bytes = read_signed(&account->peak_bytes),
		};
	}
	return used;
}

/*
 * Cells. A thread's table is kept so empty that a tag mostly has its home cell to itself, so a
 * stack of drivers with a tag each costs what one driver costs. At most one cell in CELLS_EACH is
 * in use, until the table is so large that all tags there can be fill half of it. Tags beyond that,
 * and those for which there is no memory, are told to their accounts at once.
 */
enum { CELLS_EACH = 4, CELLS_FIRST = 8, CELLS_MAX = 2 * ACCOUNTS_MAX };

struct context_cells context_no_cells = {.used = 1, .at = {{.key = 0}}};

/*
 * A tag's home. Multiplicative hashing (Knuth, TAOCP 6.4): the multiplier is 2^64 / golden ratio,
 * and the bits from 32 on depend on all of the tag.
 */
ALWAYS_INLINE uint32_t cell_home(const struct context_cells *cells, uint32_t tag)
{
	return (uint32_t)(tag * UINT64_C(0x9e3779b97f4a7c15) >> 32) & cells->mask;
}

/* The tag's cell, or the empty one in its place: there is one, for no table is full. */
ALWAYS_INLINE struct context_cell *cell_find(struct context_cells *cells, uint32_t tag)
{
	const uint64_t key = CONTEXT_KEY_USED + tag;
	uint32_t i = cell_home(cells, tag);

	while (unlikely(cells->at[i].key != key) && cells->at[i].key != 0)
		i = (i + 1) & cells->mask;
	return &cells->at[i];
}

static struct account_figures cell_figures(struct context_cell *cell)
{
	return (struct account_figures){
		.objects = read_signed(&cell->objects),
		.bytes = read_signed(&cell->bytes),
		.high_objects = read_signed(&cell->high_objects),
		.high_bytes = read_signed(&cell->high_bytes),
	};
}

/*
 * Not COLD, as nbl_account_publish, and out of line: a thread comes here once in NBL_ACCOUNT_BATCH
 * blocks.
 */
static SELDOM void cell_publish(struct context_cell *cell)
{
	const struct account_figures figures = cell_figures(cell);

	account_tell(atom_load_relaxed(&cell->account), &figures); /* the thread's own store */
	atom_store_relaxed(&cell->objects, 0);
	atom_store_relaxed(&cell->bytes, 0);
	atom_store_relaxed(&cell->high_objects, 0);
	atom_store_relaxed(&cell->high_bytes, 0);
}

static size_t cells_bytes(uint32_t n)
{
	return sizeof(struct context_cells) + n * sizeof(struct context_cell);
}

/*
 * Gives the thread a table of twice the size; NULL: no memory. A reader takes its figures from one
 * of the two tables, which say the same until this thread counts again.
 */
static struct context_cells *cells_grow(struct context_thread *self, struct context_cells *old)
{
	const uint32_t n = old == &context_no_cells ? (uint32_t)CELLS_FIRST : 2 * (old->mask + 1);
	struct context_cells *cells = memory_alloc(cells_bytes(n));

	if (cells == NULL)
		return NULL;
	cells->mask = n - 1;
	if (old != &context_no_cells) {
		cells->used = old->used;
		cells->smaller = old;
	}
	for (uint32_t i = 0; i <= old->mask; i++) {
		const struct context_cell *from = &old->at[i];

		if (from->key != 0)
			memcpy(cell_find(cells, (uint32_t)from->key), from, sizeof(*from));
	}
	/* R1, meets A1 in context_account_untold: the table is filled. */
	atom_store_release(&self->cells, cells);
	return cells;
}

/* A cell for a tag that has none; NULL if there is no room and no memory for more. */
static struct context_cell *cell_make(struct context_thread *self, uint32_t tag)
{
	struct context_cells *cells = atom_load_relaxed(&self->cells); /* its own store */

	if (CELLS_EACH * cells->used > cells->mask && cells->mask + 1 < CELLS_MAX) {
		struct context_cells *larger = cells_grow(self, cells);

		cells = larger ? larger : cells;
	}
	if (2 * cells->used > cells->mask)
		return NULL;
	struct context_cell *cell = cell_find(cells, tag);
	cell->key = CONTEXT_KEY_USED + tag;
	cells->used++;
	atom_store_relaxed(&cell->account, account_of(tag));
	return cell;
}

/* Adds to one of a thread's own figures. A figure that falls is not at its highest. */
static int64_t add_own(atom_u64 *word, atom_u64 *high, int64_t delta)
{
	int64_t value = read_signed(word) + delta;

	atom_store_relaxed(word, (uint64_t)value);
	if (delta > 0 && value > read_signed(high))
		atom_store_relaxed(high, (uint64_t)value);
	return value;
}

ALWAYS_INLINE void cell_add(
	struct context_thread *self, struct context_cell *cell, uint32_t bytes, int64_t delta)
{
	add_own(&cell->bytes, &cell->high_bytes, delta * (int64_t)bytes);
	uint64_t ahead = (uint64_t)add_own(&cell->objects, &cell->high_objects, delta);
	if (unlikely(ahead + self->untold_max > 2 * self->untold_max))
		cell_publish(cell);
}

/* context_account for a tag that has no cell. */
static COLD void account_elsewhere(
	struct context_thread *self, uint32_t tag, uint32_t bytes, int64_t delta)
{
	struct context_cell *cell = self ? cell_make(self, tag) : NULL;

	if (cell != NULL)
		cell_add(self, cell, bytes, delta);
	else
		account_add(tag, bytes, delta);
}

void context_account(struct context_thread *self, uint32_t tag, uint32_t bytes, int64_t delta)
{
	if (unlikely(self == NULL)) {
		account_elsewhere(NULL, tag, bytes, delta);
		return;
	}
	struct context_cell *cell = cell_find(atom_load_relaxed(&self->cells), tag);
	if (unlikely(cell->key == 0))
		account_elsewhere(self, tag, bytes, delta);
	else
		cell_add(self, cell, bytes, delta);
}

void context_account_end(struct context_thread *self)
{
	struct context_cells *cells = atom_load_relaxed(&self->cells); /* nobody counts any more */

	for (uint32_t i = 0; i <= cells->mask; i++) {
		if (cells->at[i].key != 0)
			cell_publish(&cells->at[i]);
	}
	while (cells != NULL && cells != &context_no_cells) {
		struct context_cells *smaller = cells->smaller;

		memory_free(cells, cells_bytes(cells->mask + 1));
		cells = smaller;
	}
}

void context_account_untold(
	struct context_thread *thread, struct account_figures untold[ACCOUNTS_MAX])
{
	/* A1, meets R1 in cells_grow: the table that is seen has what the one before it had. */
	struct context_cells *cells = atom_load_acquire(&thread->cells);

	for (uint32_t i = 0; i <= cells->mask; i++) {
		struct context_cell *cell = &cells->at[i];
		/* Relaxed: accounts are static memory. NULL: the cell has counted nothing yet. */
		const struct account *account = atom_load_relaxed(&cell->account);

		if (account == NULL)
			continue;
		const struct account_figures figures = cell_figures(cell);
		struct account_figures *sum = &untold[account_number(account)];

		sum->objects += figures.objects;
		sum->bytes += figures.bytes;
		sum->high_objects += figures.high_objects;
		sum->high_bytes += figures.high_bytes;
	}
}
