/*
 * Lanes: pairs of threads between which NBLs travel, for the driver profiles. The even thread of a
 * pair *sends* (a datapath, a receive queue), the odd one after it *completes*, on another CPU. A
 * ring leads from one to the other, a second one back for what a driver uses again.
 *
 * A profile names its NBL pools in a `struct nbl_lane_profile`; the hooks here make them, attach
 * the threads and take everything back at the end. The first pool is the one that the engine fills,
 * counts and checks.
 */
#ifndef BENCH_WORKLOAD_NBL_LANE_H
#define BENCH_WORKLOAD_NBL_LANE_H

#include "alloc/ndis/ndis.h"
#include "bench/workload/nbl_load.h"
#include "bench/workload/spsc_ring.h"

enum {
	NBL_LANE_THREADS = 2,
	NBL_LANE_POOLS_MAX = 5,
	NBL_LANE_UNDER_WAY = 256,  /* NBLs of a lane in the ring, at most: a transmit ring */
	NBL_LANE_STOCK_MAX = 1024, /* NBLs or buffers that a sender keeps for itself */
	NBL_LANE_BATCH_MAX = 256,
	NBL_LANE_DATA_BYTES = 2048, /* of the sender's packet */
};
_Static_assert((int)NBL_LANE_BATCH_MAX <= (int)NBL_LANE_UNDER_WAY, "a batch fits into the ring");
_Static_assert((int)NBL_LANE_STOCK_MAX <= (int)SPSC_RING_OBJECTS, "all of it fits the way back");

struct nbl_lane_profile {
	uint32_t pools;
	struct {
		uint32_t context_bytes;
		uint32_t data_bytes;
	} pool[NBL_LANE_POOLS_MAX];
};

struct nbl_lane {
	struct spsc_ring out;                 /* from the sender */
	struct spsc_ring back;                /* to the sender */
	CACHE_PAIR_ALIGNED atom_ptr returned; /* NBLs linked by Next; xdp_cache alone has any */
};

struct nbl_lanes {
	const struct nbl_lane_profile *profile;
	struct nbl_pool *pool[NBL_LANE_POOLS_MAX];
	struct nbl_lane lane[];
};

struct nbl_lane_thread {
	struct nbl_thread *nbl[NBL_LANE_POOLS_MAX]; /* by pool */
	struct nbl_lane *lane;
	uint32_t made; /* NBLs that this sender allocated for its stock */
	uint32_t stock_count;
	uint32_t turn; /* counts packets, for profiles whose packets differ */
	void *stock[NBL_LANE_STOCK_MAX];
	MDL mdl[NBL_LANE_UNDER_WAY]; /* all over data */
	unsigned char data[NBL_LANE_DATA_BYTES];
};

ALWAYS_INLINE struct nbl_pool *nbl_lane_pool(const struct workload_thread *t, uint32_t i)
{
	return ((struct nbl_lanes *)t->shared)->pool[i];
}

ALWAYS_INLINE bool nbl_lane_sends(const struct workload_thread *t)
{
	return t->index % NBL_LANE_THREADS == 0;
}

/* True if the way out has room for n more, with at most NBL_LANE_UNDER_WAY under way. */
ALWAYS_INLINE bool nbl_lane_fits(struct nbl_lane *lane, uint32_t n)
{
	return spsc_ring_fits(&lane->out, SPSC_RING_OBJECTS - NBL_LANE_UNDER_WAY + n);
}

/* Frees nbl of pool i. */
ALWAYS_INLINE void nbl_lane_free(
	const struct pool_ops *ops, struct workload_thread *t, uint32_t i, NET_BUFFER_LIST *nbl)
{
	struct nbl_lane_thread *own = t->own;

	WORKLOAD_PUTTING(t, &(void *){nbl}, 1);
	WORKLOAD_DO(t, nbl_free(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, i), own->nbl[i], nbl,
			       NBL_MARK_LIVE, "driver profile"));
	bench_escape(nbl_lane_pool(t, i));
}

/* A sender's stock refills from the way back. */
ALWAYS_INLINE void nbl_lane_refill(struct nbl_lane_thread *own)
{
	own->stock_count += spsc_ring_pop(&own->lane->back, own->stock + own->stock_count,
		NBL_LANE_STOCK_MAX - own->stock_count);
}

/* Makes a sender's next packet; NULL: there is none now. */
typedef void *nbl_lane_packet(const struct pool_ops *ops, struct workload_thread *t);

/*
 * The sending side of a profile: n bursts of what `packet` makes, as far as the way out has room for a
 * burst and there are packets. A burst is handed over at once, as a driver indicates a chain. Returns packets.
 */
ALWAYS_INLINE uint64_t nbl_lane_send(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n, nbl_lane_packet *packet)
{
	struct nbl_lane_thread *own = t->own;
	const uint32_t burst = t->cell->burst;
	void *batch[NBL_LANE_BATCH_MAX];
	uint64_t done = 0;
	uint32_t made = burst;

	for (uint64_t i = 0;
		i < n && made == burst && WORKLOAD_OWN(t, nbl_lane_fits(own->lane, burst)); i++) {
		for (made = 0; made < burst && (batch[made] = packet(ops, t)) != NULL; made++)
			bench_escape(batch[made]);
		if (unlikely(made == 0))
			break;
		WORKLOAD_OWN_DO(t, spsc_ring_push(&own->lane->out, batch, made));
		done += made;
	}
	return done;
}

/* As nbl_lane_send, of a stock that travels round: a burst begins when there is enough for it. */
ALWAYS_INLINE uint64_t nbl_lane_send_again(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n, nbl_lane_packet *packet)
{
	struct nbl_lane_thread *own = t->own;
	const uint32_t burst = t->cell->burst;
	uint64_t done = 0;
	uint64_t sent = burst;

	for (uint64_t i = 0; i < n && sent == burst; i++) {
		if (own->stock_count < burst)
			nbl_lane_refill(own);
		if (own->stock_count < burst)
			break;
		sent = nbl_lane_send(ops, t, 1, packet);
		done += sent;
	}
	return done;
}

/* Finishes a batch of 1..NBL_LANE_BATCH_MAX NBLs that came out of the ring. */
typedef void nbl_lane_finish(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count);

/* The completing side: up to n batches of at most a burst, as many as have come. Returns NBLs. */
ALWAYS_INLINE uint64_t nbl_lane_complete(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n, nbl_lane_finish *finish)
{
	struct nbl_lane_thread *own = t->own;
	const uint32_t burst = t->cell->burst;
	void *batch[NBL_LANE_BATCH_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint32_t got = WORKLOAD_OWN(t, spsc_ring_pop(&own->lane->out, batch, burst));

		if (got == 0)
			break;
		finish(ops, t, batch, got);
		done += got;
	}
	return done;
}

/* The completing side gives what it has finished back to the sender. */
ALWAYS_INLINE void nbl_lane_give_back(struct nbl_lane *lane, void **batch, uint32_t count)
{
	/* All the lane's objects fit: the question only looks at how far the other side is. */
	if (likely(spsc_ring_fits(&lane->back, count)))
		spsc_ring_push(&lane->back, batch, count);
}

static inline size_t nbl_lane_bytes(const struct workload_cell *cell)
{
	return sizeof(struct nbl_lanes) +
	       cell->threads / NBL_LANE_THREADS * sizeof(struct nbl_lane);
}

static inline void nbl_lane_destroy(const struct workload_cell *cell, void *shared)
{
	struct nbl_lanes *self = shared;

	for (uint32_t i = 0; i < NBL_LANE_POOLS_MAX; i++) {
		if (self->pool[i] != NULL)
			nbl_load_destroy(self->pool[i]);
	}
	memory_free(self, nbl_lane_bytes(cell));
}

/* The profile's pools, config->capacity NBLs each. As struct workload's create. */
static inline int nbl_lane_create(const struct nbl_lane_profile *profile,
	const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct nbl_lanes *self = memory_alloc(nbl_lane_bytes(cell));

	if (self == NULL)
		return -ENOMEM;
	self->profile = profile;
	for (uint32_t i = 0; i < profile->pools; i++) {
		int rc = nbl_load_create_sized(ops, config, profile->pool[i].context_bytes,
			profile->pool[i].data_bytes, &self->pool[i]);

		if (rc != 0) {
			nbl_lane_destroy(cell, self);
			return rc;
		}
	}
	for (uint32_t i = 0; i < cell->threads / NBL_LANE_THREADS; i++) {
		spsc_ring_init(&self->lane[i].out);
		spsc_ring_init(&self->lane[i].back);
		atom_init(&self->lane[i].returned, NULL);
	}
	*shared = self;
	*pool = self->pool[0]->pool;
	return 0;
}

static inline void nbl_lane_part(struct nbl_lane_thread *own)
{
	for (uint32_t i = 0; i < NBL_LANE_POOLS_MAX; i++) {
		if (own->nbl[i] != NULL)
			nbl_load_detach(own->nbl[i]);
	}
	memory_free(own, sizeof(*own));
}

static inline int nbl_lane_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_lanes *shared = t->shared;
	struct nbl_lane_thread *own = memory_alloc(sizeof(*own));

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	for (uint32_t i = shared->profile->pools; i > 0; i--) {
		int rc = nbl_load_attach(shared->pool[i - 1], t, &own->nbl[i - 1]);

		if (rc != 0) {
			nbl_lane_part(own);
			return rc;
		}
	}
	own->lane = &shared->lane[t->index / NBL_LANE_THREADS];
	for (uint32_t i = 0; i < NBL_LANE_UNDER_WAY; i++)
		own->mdl[i] = nbl_load_mdl(own->data, NBL_LANE_DATA_BYTES);
	t->own = own;
	return 0;
}

/* The pool, by its number, that nbl came from. */
ALWAYS_INLINE uint32_t nbl_lane_pool_of(const struct nbl_lanes *shared, const NET_BUFFER_LIST *nbl)
{
	uint32_t i = 0;

	while (i + 1 < shared->profile->pools && nbl->NdisPoolHandle != shared->pool[i])
		i++;
	return i;
}

/*
 * At the end the completing side frees what is under way, with `bytes` of context on each: 0 for
 * none. Senders of profiles that use NBLs again free their stock: see those.
 */
static inline void nbl_lane_drain(
	const struct pool_ops *ops, struct workload_thread *t, uint32_t bytes)
{
	struct nbl_lane_thread *own = t->own;
	void *nbl;

	while (!nbl_lane_sends(t) && spsc_ring_pop(&own->lane->out, &nbl, 1) != 0) {
		uint32_t i = nbl_lane_pool_of(t->shared, nbl);

		nbl_context_pop(NBL_LOAD_POLICY, nbl_lane_pool(t, i), own->nbl[i], nbl, bytes,
			"end of a driver profile");
		nbl_lane_free(ops, t, i, nbl);
	}
}

/* A sender's stock, of NBLs of pool 0. */
static inline void nbl_lane_free_stock(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;

	while (own->stock_count > 0)
		nbl_lane_free(ops, t, 0, own->stock[--own->stock_count]);
}

static inline void nbl_lane_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)pool;
	nbl_lane_drain(ops, t, 0);
	nbl_lane_part(t->own);
}

/* NBLs of a lane, halved between its two threads, where a sender keeps a stock of so many. */
static inline uint32_t nbl_lane_demand(uint32_t stock, const struct workload_cell *cell)
{
	return (NBL_LANE_UNDER_WAY + stock) / NBL_LANE_THREADS + cell->burst;
}

#endif
