/*
 * The fast paths of one strategy, each as a function of its own, so that codegen_test can count what
 * the compiler makes of it. Compiled once a strategy, as instance.c is and with the same
 * definitions; and once a context policy, with the calls that NBL code makes on the way of a packet.
 */
#include BENCH_POOL_HEADER
#ifdef BENCH_CONTEXT
#include "alloc/nbl/nbl.h"
#include BENCH_CONTEXT_HEADER
#endif

#define JOIN3(a, b, c)   a##b##c
#define EXPAND3(a, b, c) JOIN3(a, b, c)
#define OPS              EXPAND3(pool_, BENCH_POOL, _ops)

#ifdef BENCH_CONTEXT

#define POLICY EXPAND3(context_, BENCH_CONTEXT, _ops)

int path_nbl_alloc(struct nbl_pool *pool, struct nbl_thread *self, uint32_t context_bytes,
	uint32_t backfill, MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER_LIST **out);
bool path_nbl_free(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl);
int path_context_push(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl,
	uint32_t bytes, uint32_t backfill, uint32_t tag);
bool path_context_pop(
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes);

int path_nbl_alloc(struct nbl_pool *pool, struct nbl_thread *self, uint32_t context_bytes,
	uint32_t backfill, MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER_LIST **out)
{
	return nbl_alloc(
		&OPS, &POLICY, pool, self, context_bytes, backfill, chain, offset, length, out);
}

bool path_nbl_free(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	return nbl_free(&OPS, &POLICY, pool, self, nbl, NBL_MARK_LIVE, "path_nbl_free");
}

int path_context_push(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl,
	uint32_t bytes, uint32_t backfill, uint32_t tag)
{
	return nbl_context_push(&POLICY, pool, self, nbl, bytes, backfill, tag);
}

bool path_context_pop(
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	return nbl_context_pop(&POLICY, pool, self, nbl, bytes, "path_context_pop");
}

#else

void *path_get(struct pool *pool, struct pool_thread *self);
void path_put(struct pool *pool, struct pool_thread *self, void *object);
uint32_t path_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);
void path_put_bulk(struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n);
uint32_t path_get_run(struct pool *pool, struct pool_thread *self, void ***objs);
void path_put_run(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);

void *path_get(struct pool *pool, struct pool_thread *self)
{
	return OPS.get(pool, self);
}

void path_put(struct pool *pool, struct pool_thread *self, void *object)
{
	OPS.put(pool, self, object);
}

uint32_t path_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	return OPS.get_bulk(pool, self, objs, n);
}

void path_put_bulk(struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	OPS.put_bulk(pool, self, objs, n);
}

/* A strategy without magazines has neither; its table says so, and codegen_test leaves them out. */
uint32_t path_get_run(struct pool *pool, struct pool_thread *self, void ***objs)
{
	return OPS.get_run == NULL ? 0 : OPS.get_run(pool, self, objs);
}

void path_put_run(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	if (OPS.put_run != NULL)
		OPS.put_run(pool, self, objs, n);
}

#endif
