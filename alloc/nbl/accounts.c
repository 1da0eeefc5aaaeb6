#include "alloc/nbl/accounts.h"

#include "alloc/context/accounts.h"
#include "alloc/nbl/registry.h"

static int64_t read_signed(atom_u64 *word)
{
	return (int64_t)atom_load_relaxed(word);
}

/* What a thread has not told of the pool's objects. */
static struct account_figures untold_of(struct nbl_thread *t)
{
	const int64_t bytes = (int64_t)t->pool->object_bytes;
	const int64_t delta = read_signed(&t->untold) - nbl_untold_zero(t);
	int64_t high = read_signed(&t->high) - nbl_untold_zero(t);

	if (high < delta)
		high = delta;
	return (struct account_figures){
		.objects = delta,
		.bytes = delta * bytes,
		.high_objects = high,
		.high_bytes = high * bytes,
	};
}

void nbl_account_publish(struct nbl_thread *self)
{
	const struct account_figures untold = untold_of(self);

	account_tell(self->pool->account, &untold);
	atom_store_relaxed(&self->told, atom_load_relaxed(&self->told) + (uint64_t)untold.objects);
	nbl_account_begin(self);
}

void nbl_account_out_seldom(struct nbl_thread *self)
{
	atom_store_relaxed(&self->untold, atom_load_relaxed(&self->untold) + 1);
	nbl_account_publish(self);
}

void nbl_account_back_seldom(struct nbl_thread *self)
{
	const int64_t untold = read_signed(&self->untold);

	if (untold > read_signed(&self->high))
		atom_store_relaxed(&self->high, (uint64_t)untold);
	atom_store_relaxed(&self->untold, (uint64_t)untold - 1);
	if (untold == 0)
		nbl_account_publish(self);
}

int64_t nbl_thread_live(struct nbl_thread *thread)
{
	return read_signed(&thread->told) + read_signed(&thread->untold) - nbl_untold_zero(thread);
}

static void add_untold_of(struct nbl_thread *t, struct account_figures untold[ACCOUNTS_MAX])
{
	const struct account_figures figures = untold_of(t);
	struct account_figures *sum = &untold[account_number(t->pool->account)];

	sum->objects += figures.objects;
	sum->bytes += figures.bytes;
	sum->high_objects += figures.high_objects;
	sum->high_bytes += figures.high_bytes;
	if (t->context_thread != NULL)
		context_account_untold(t->context_thread, untold);
}

size_t nbl_tags(struct nbl_tag_usage *rows, size_t n)
{
	struct account_figures untold[ACCOUNTS_MAX] = {{0}};

	nbl_registry_lock();
	for (uint32_t id = 0; id < nbl_slots_used; id++) {
		for (struct nbl_thread *t = nbl_pools[id].threads; t != NULL; t = t->next)
			add_untold_of(t, untold);
	}
	size_t used = accounts_read(untold, rows, n);
	nbl_registry_unlock();
	return used;
}
