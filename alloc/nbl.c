/*
 * The cold half of nbl.h: the table of pools, attachment of threads, misuse, quarantine,
 * accounting.
 *
 * One lock, the registry's, guards the table of pools, the list of threads of each pool and every
 * other thread's slot. It is taken when a pool is created or destroyed, when a thread first uses a
 * pool and when it ends; never by a call that allocates or frees in steady state.
 */
#include "alloc/nbl.h"

#include "alloc/tagged.h"

#include <pthread.h>
#include <stdarg.h>

_Static_assert((sizeof(struct nbl_pool) & (sizeof(struct nbl_pool) - 1)) == 0,
	"nbl_pool_valid divides by the size of a slot with a mask");

struct nbl_pool nbl_pools[NBL_POOLS_MAX];
_Thread_local struct nbl_thread *nbl_threads[NBL_POOLS_MAX];

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static uint32_t slots_used; /* slots from here on were never used; under the registry's lock */
static uint32_t
	next_slot; /* where the search for a free slot begins: a handle is reused as late as possible */
static pthread_key_t exit_key; /* its destructor detaches a thread that ends */
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

/*
 * Misuse.
 */

static void misuse_abort(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	fprintf(stderr, "%s\n", misuse->text);
	abort();
}

static nbl_misuse_handler misuse_handler = misuse_abort;
static void *misuse_arg;

void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg)
{
	misuse_handler = handler ? handler : misuse_abort;
	misuse_arg = arg;
}

const char *nbl_misuse_name(enum nbl_misuse_kind kind)
{
	static const char *const names[NBL_MISUSE_KINDS] = {
		[NBL_MISUSE_DOUBLE_FREE] = "double-free",
		[NBL_MISUSE_FOREIGN_OBJECT] = "foreign-object",
		[NBL_MISUSE_FOREIGN_HANDLE] = "foreign-handle",
		[NBL_MISUSE_CONTEXT_SIZE] = "context-size",
		[NBL_MISUSE_CONTEXT_OVERFREE] = "context-overfree",
		[NBL_MISUSE_CONTEXT_OF_NBL] = "context-of-nbl",
		[NBL_MISUSE_CONTEXT_OUTSTANDING] = "context-outstanding",
		[NBL_MISUSE_EMBEDDED_NB] = "embedded-nb",
		[NBL_MISUSE_WRONG_FREE] = "wrong-free",
		[NBL_MISUSE_POOL_OUTSTANDING] = "pool-outstanding",
		[NBL_MISUSE_USE_AFTER_FREE] = "use-after-free",
		[NBL_MISUSE_ADVANCE] = "advance",
	};

	return names[kind];
}

/*
 * A tag as drivers write it: four characters, the last one in the lowest byte's place reversed,
 * others as dots.
 */
static void tag_text(uint32_t tag, char out[5])
{
	for (int i = 0; i < 4; i++) {
		char c = (char)(tag >> (8 * i) & 0xff);
		out[i] = c >= ' ' && c <= '~' ? c : '.';
	}
	out[4] = '\0';
}

void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...)
{
	enum { TEXT_BYTES = 512 };
	char text[TEXT_BYTES];
	char tag[5] = "none";
	va_list args;

	if (pool != NULL)
		tag_text(pool->tag, tag);
	int used = snprintf(text, sizeof(text), "%s: %s (pool tag '%s', object %p): ", call,
		nbl_misuse_name(kind), tag, object);
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	misuse_handler(misuse_arg, &(struct nbl_misuse){.kind = kind,
					   .call = call,
					   .tag = pool ? pool->tag : 0,
					   .object = object,
					   .text = text});
}

void nbl_report_not_live(const NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl == NULL) {
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl, "the NBL is NULL");
		return;
	}
	const struct nbl_pool *pool = nbl->NdisPoolHandle;
	if (!nbl_pool_valid(pool, NBL_POOL_LISTS))
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nbl,
			"its NdisPoolHandle %p is no living NBL pool", (const void *)pool);
	else if (nbl_is(nbl, pool, NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl, "the NBL is free already");
	else if (nbl_is(nbl, pool, NBL_MARK_LIVE))
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL is no clone; free it with the call for plain NBLs");
	else if (nbl_is(nbl, pool, NBL_MARK_CLONE))
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"the NBL is a clone; free it with the call and the flags for clones");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nbl,
			"it was not made by a pool, is a copy, or its NdisReserved was "
			"overwritten");
}

void nbl_report_pop(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, uint32_t bytes, const char *call)
{
	const NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if ((bytes & pool->align_mask) != 0)
		nbl_misuse(NBL_MISUSE_CONTEXT_SIZE, call, pool, nbl,
			"%u bytes are not a multiple of the alignment of %u", bytes,
			pool->align_mask + 1);
	else if (front == NULL)
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the NBL has no context", bytes);
	else if (front->Offset == context_limit(front) && front->Offset < front->Size)
		nbl_misuse(NBL_MISUSE_CONTEXT_OF_NBL, call, pool, nbl,
			"the %u bytes in use came with the NBL and are freed with it",
			(uint32_t)(front->Size - front->Offset));
	else
		nbl_misuse(NBL_MISUSE_CONTEXT_OVERFREE, call, pool, nbl,
			"%u bytes freed, but the front block has %u to free", bytes,
			context_limit(front) - front->Offset);
}

bool nbl_report_contexts(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call)
{
	NET_BUFFER_LIST_CONTEXT *inline_block = nbl_inline_block(pool, nbl);
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;
	uint32_t bytes = 0;

	/* I3: the walk ends at the inline block, or at NULL where there is none. */
	for (; block != NULL; block = block->Next) {
		bytes += context_limit(block) - block->Offset;
		if (block == inline_block)
			break;
	}
	if (block != inline_block) {
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"its Context no longer leads to the block that came with it");
		return true;
	}
	if (bytes != 0)
		nbl_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, call, pool, nbl,
			"%u bytes of context have not been freed", bytes);
	return bytes != 0;
}

/*
 * Data.
 */

bool nbl_place_find(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out)
{
	MDL *mdl = chain;
	uint64_t at = offset;

	while (at >= mdl->ByteCount && mdl->Next != NULL) {
		at -= mdl->ByteCount;
		mdl = mdl->Next;
	}
	if (at > mdl->ByteCount)
		return false;
	uint64_t rest = mdl->ByteCount - at;
	for (const MDL *more = mdl->Next; rest < length && more != NULL; more = more->Next)
		rest += more->ByteCount;
	if (rest < length)
		return false;
	*out = (struct nbl_place){.mdl = mdl, .offset = (uint32_t)at};
	return true;
}

/*
 * Objects.
 */

static NET_BUFFER_LIST **born_next(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	return (NET_BUFFER_LIST **)((unsigned char *)nbl + pool->link_offset);
}

void nbl_birth_once(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	nbl_birth(pool, nbl);
	*born_next(pool, nbl) = self->born;
	self->born = nbl;
}

/*
 * Where the poison of a quarantined object begins and ends: all of it but our words and the pool's
 * handle.
 */
enum { POISON = 0xFB }; /* repeated, no canonical address: following it faults */

struct span {
	uint32_t from;
	uint32_t to;
};

static const struct span *poisoned_spans(const struct nbl_pool *pool, struct span spans[2])
{
	if (pool->kind == NBL_POOL_LISTS) {
		spans[0] = (struct span){0, offsetof(NET_BUFFER_LIST, NdisPoolHandle)};
		spans[1] = (struct span){offsetof(NET_BUFFER_LIST, NblFlags), pool->link_offset};
	} else {
		uint32_t handle = NBL_LOOSE_NB_OFFSET + offsetof(NET_BUFFER, NdisPoolHandle);

		spans[0] = (struct span){NBL_LOOSE_NB_OFFSET, handle};
		spans[1] = (struct span){handle + sizeof(NDIS_HANDLE), pool->object_bytes};
	}
	return spans;
}

static void poison(const struct nbl_pool *pool, unsigned char *object)
{
	struct span spans[2];

	poisoned_spans(pool, spans);
	for (int i = 0; i < 2; i++)
		memset(object + spans[i].from, POISON, spans[i].to - spans[i].from);
}

/* Ends an object's quarantine: checks its poison and gives it its resting values. */
static void unpoison(const struct nbl_pool *pool, unsigned char *object)
{
	struct span spans[2];

	poisoned_spans(pool, spans);
	for (int i = 0; i < 2; i++) {
		for (uint32_t at = spans[i].from; at < spans[i].to; at++) {
			if (object[at] != POISON) {
				nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, "verify pool", pool, object,
					"byte %u was written after the object was freed", at);
				break;
			}
		}
		memset(object + spans[i].from, 0, spans[i].to - spans[i].from);
	}
	if (pool->kind == NBL_POOL_LISTS) {
		nbl_clean(pool, (NET_BUFFER_LIST *)object);
		if (pool->with_nb)
			nbl_embedded_nb((NET_BUFFER_LIST *)object)->NdisPoolHandle = (void *)pool;
	}
}

void nbl_quarantine(struct nbl_thread *self, void *object)
{
	struct nbl_pool *pool = self->pool;
	void **place = &self->quarantine[self->quarantined++ % NBL_QUARANTINE_OBJECTS];
	void *released = *place;

	poison(pool, object);
	*place = object;
	if (released != NULL) {
		unpoison(pool, released);
		pool->ops->put(pool->pool, self->pool_thread, released);
	}
}

static void quarantine_end(struct nbl_thread *self)
{
	struct nbl_pool *pool = self->pool;

	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++) {
		if (self->quarantine[i] != NULL) {
			unpoison(pool, self->quarantine[i]);
			pool->ops->put(pool->pool, self->pool_thread, self->quarantine[i]);
		}
	}
}

bool nbl_rest_intact(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl_is(nbl, pool, NBL_MARK_FREE) && !nbl_is_dirty(pool, nbl))
		return true;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nbl,
		"the NBL was written to while it was free");
	nbl_clean(pool, (NET_BUFFER_LIST *)nbl);
	return false;
}

/*
 * Threads.
 */

int nbl_attach(struct nbl_pool *pool, struct nbl_thread **out)
{
	struct nbl_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = pool->ops->attach(pool->pool, &self->pool_thread);
	if (rc != 0)
		goto fail;
	if (pool->context != NULL) {
		rc = pool->policy->attach(pool->context, &self->context_thread);
		if (rc != 0)
			goto fail_detach;
	}
	self->pool = pool;
	pthread_mutex_lock(&registry);
	self->next = pool->threads;
	pool->threads = self;
	pthread_mutex_unlock(&registry);
	*out = self;
	return 0;

fail_detach:
	pool->ops->detach(pool->pool, self->pool_thread);
fail:
	memory_free(self, sizeof(*self));
	return rc;
}

/*
 * Under the registry's lock. Also runs on another thread than self's, which no longer uses the
 * pool.
 */
static void detach_locked(struct nbl_thread *self)
{
	struct nbl_pool *pool = self->pool;
	struct nbl_thread **link = &pool->threads;

	while (*link != self)
		link = &(*link)->next;
	*link = self->next;
	if (self->slot != NULL)
		*self->slot = NULL;
	nbl_account_publish(self);
	pool->live_gone += atom_load_relaxed(&self->live);
	while (self->born != NULL) {
		NET_BUFFER_LIST *nbl = self->born;

		self->born = *born_next(pool, nbl);
		*born_next(pool, nbl) = pool->born;
		pool->born = nbl;
	}
	quarantine_end(self);
	if (self->context_thread != NULL)
		pool->policy->detach(pool->context, self->context_thread);
	pool->ops->detach(pool->pool, self->pool_thread);
	memory_free(self, sizeof(*self));
}

void nbl_detach(struct nbl_thread *self)
{
	pthread_mutex_lock(&registry);
	detach_locked(self);
	pthread_mutex_unlock(&registry);
}

/*
 * Runs when a thread ends that used a pool by the documented calls. If a destructor that runs later
 * frees an NBL, the thread attaches again and the key's value is set again: the C library then runs
 * the destructors once more, up to PTHREAD_DESTRUCTOR_ITERATIONS times.
 */
static void thread_exit(void *value)
{
	(void)value;
	pthread_mutex_lock(&registry);
	for (uint32_t id = 0; id < slots_used; id++) {
		if (nbl_threads[id] != NULL)
			detach_locked(nbl_threads[id]);
	}
	pthread_mutex_unlock(&registry);
}

static void make_exit_key(void)
{
	exit_key_made = pthread_key_create(&exit_key, thread_exit) == 0;
}

struct nbl_thread *nbl_self_attach(struct nbl_pool *pool)
{
	struct nbl_thread *self;

	pthread_once(&exit_key_once, make_exit_key);
	if (!exit_key_made || pthread_setspecific(exit_key, nbl_threads) != 0 ||
		nbl_attach(pool, &self) != 0)
		return NULL;
	pthread_mutex_lock(&registry);
	self->slot = &nbl_threads[pool->id];
	*self->slot = self;
	pthread_mutex_unlock(&registry);
	return self;
}

/*
 * Defaults.
 */

static const struct pool_ops *default_ops;
static const struct context_ops *default_policy;
static uint32_t default_align_bytes;

/* Appends " name" for each strategy, then each policy, to a sentence in why. */
#define LIST_NAMES(why, list)                                                                      \
	do {                                                                                       \
		for (size_t i_ = 0; (list)[i_] != NULL; i_++) {                                    \
			size_t used_ = strlen(why);                                                \
			snprintf((why) + used_, POOL_REASON_BYTES - used_, "%s%s", i_ ? ", " : "", \
				(list)[i_]->name);                                                 \
		}                                                                                  \
	} while (0)

static int find_pool(const char *name, const struct pool_ops **out, char *why)
{
	const struct pool_ops *ops = pool_find(name);

	if (ops == NULL) {
		snprintf(why, POOL_REASON_BYTES, "'%.40s' is no pool strategy; known are: ", name);
		LIST_NAMES(why, pools);
		return -EINVAL;
	}
	if (ops->traits.progress == POOL_UNSYNCHRONISED) {
		snprintf(why, POOL_REASON_BYTES,
			"pool strategy '%s' serves one thread only and cannot stand beneath the "
			"documented names",
			ops->name);
		return -EINVAL;
	}
	if (!ops->supported(why))
		return -ENOTSUP;
	*out = ops;
	return 0;
}

static int find_context(const char *name, const struct context_ops **out, char *why)
{
	const struct context_ops *policy = context_find(name);

	if (policy == NULL) {
		snprintf(why, POOL_REASON_BYTES, "'%.40s' is no context policy; known are: ", name);
		LIST_NAMES(why, contexts);
		return -EINVAL;
	}
	*out = policy;
	return 0;
}

int nbl_set_default_pool(const char *name, char *why)
{
	if (name != NULL)
		return find_pool(name, &default_ops, why);
	default_ops = NULL;
	return 0;
}

int nbl_set_default_context(const char *name, char *why)
{
	if (name != NULL)
		return find_context(name, &default_policy, why);
	default_policy = NULL;
	return 0;
}

int nbl_set_context_alignment(uint32_t bytes)
{
	if (bytes != CONTEXT_ALIGN_BYTES && bytes != CONTEXT_ALIGN_POINTER_BYTES)
		return -EINVAL;
	default_align_bytes = bytes;
	return 0;
}

/*
 * A name in the environment that is not known stops nothing silently: the pool is not created, and
 * the reason goes to the misuse handler, the one channel there is.
 */
static int default_subjects(const struct pool_ops **ops, const struct context_ops **policy)
{
	char why[POOL_REASON_BYTES];
	const char *name = getenv("NBL_POOL");
	int rc = 0;

	if (*ops == NULL && (*ops = default_ops) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_pool(name, ops, why);
		else
			*ops = pool_default();
	}
	if (rc != 0) {
		nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, "NBL_POOL in the environment", NULL, NULL,
			"%s", why);
		return rc;
	}
	name = getenv("NBL_CONTEXT");
	if (*policy == NULL && (*policy = default_policy) == NULL) {
		if (name != NULL && name[0] != '\0')
			rc = find_context(name, policy, why);
		else
			*policy = context_default();
	}
	if (rc != 0)
		nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, "NBL_CONTEXT in the environment", NULL, NULL,
			"%s", why);
	return rc;
}

static uint32_t context_alignment(void)
{
	const char *name = getenv("NBL_CONTEXT_ALIGNMENT");

	if (default_align_bytes != 0)
		return default_align_bytes;
	return name != NULL && strcmp(name, "pointer") == 0 ? CONTEXT_ALIGN_POINTER_BYTES
							    : CONTEXT_ALIGN_BYTES;
}

/*
 * Pools.
 */

static uint32_t align_up(uint32_t value, uint32_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* Lays the object out; see the drawing in nbl.h. */
static void lay_out(struct nbl_pool *pool)
{
	uint32_t end;

	if (pool->kind == NBL_POOL_LISTS) {
		end = NBL_NB_OFFSET + (pool->with_nb ? (uint32_t)sizeof(NET_BUFFER) : 0);
		pool->inline_bytes = pool->context->inline_bytes;
		if (pool->inline_bytes != 0) {
			pool->inline_offset = end;
			end += (uint32_t)sizeof(NET_BUFFER_LIST_CONTEXT) + pool->inline_bytes;
		}
	} else {
		end = NBL_LOOSE_NB_OFFSET + (uint32_t)sizeof(NET_BUFFER);
	}
	if (pool->data_bytes != 0) {
		pool->mdl_bytes =
			(uint32_t)MmSizeOfMdl((uintptr_t)(PAGE_SIZE - 1), pool->data_bytes);
		pool->mdl_offset = align_up(end, CACHE_LINE_BYTES);
		pool->data_offset = align_up(pool->mdl_offset + pool->mdl_bytes, CACHE_LINE_BYTES);
		end = pool->data_offset + pool->data_bytes;
	}
	pool->link_offset = align_up(end, sizeof(void *));
	pool->object_bytes = pool->link_offset + (uint32_t)sizeof(void *);
}

/*
 * As many objects as the strategies' gigabyte of addresses holds, see slab.h, at most
 * NBL_OBJECTS_DEFAULT.
 */
static uint32_t default_capacity(uint32_t object_bytes)
{
	uint32_t lines = align_up(object_bytes, CACHE_LINE_BYTES) / CACHE_LINE_BYTES | 1;
	uint32_t most = TAGGED_INDEX_MAX / lines;

	return most < NBL_OBJECTS_DEFAULT ? most : NBL_OBJECTS_DEFAULT;
}

/* Claims a free slot, the one longest out of use; NULL if all are in use. */
static struct nbl_pool *claim_slot(void)
{
	struct nbl_pool *slot = NULL;

	pthread_mutex_lock(&registry);
	for (uint32_t tried = 0; tried < NBL_POOLS_MAX && slot == NULL; tried++) {
		uint32_t id = next_slot++ % NBL_POOLS_MAX;

		if (nbl_pools[id].object_bytes == 0) {
			slot = &nbl_pools[id];
			*slot = (struct nbl_pool){.id = id, .object_bytes = 1};
			if (slots_used <= id)
				slots_used = id + 1;
		}
	}
	pthread_mutex_unlock(&registry);
	return slot;
}

static void release_slot(struct nbl_pool *slot)
{
	pthread_mutex_lock(&registry);
	slot->kind = NBL_POOL_NONE;
	slot->object_bytes = 0;
	pthread_mutex_unlock(&registry);
}

int nbl_pool_create(const struct nbl_pool_config *config, struct nbl_pool **out)
{
	const struct pool_ops *ops = config->ops;
	const struct context_ops *policy = config->policy;
	const uint32_t align_bytes = context_alignment();
	int rc = default_subjects(&ops, &policy);

	if (rc != 0)
		return rc;
	bool lists = config->kind == NBL_POOL_LISTS;
	if ((!lists && config->kind != NBL_POOL_NBS) || (!lists && config->context_bytes != 0) ||
		(lists && !config->with_nb && config->data_bytes != 0) ||
		config->context_bytes > CONTEXT_BYTES_MAX ||
		config->context_bytes % align_bytes != 0 ||
		config->data_bytes > POOL_OBJECT_BYTES_MAX)
		return -EINVAL;

	struct nbl_pool *pool = claim_slot();
	if (pool == NULL)
		return -ENOMEM;
	struct nbl_pool made = {
		.kind = config->kind,
		.id = pool->id,
		.ops = ops,
		.policy = policy,
		.tag = config->tag,
		.align_mask = align_bytes - 1,
		.data_bytes = config->data_bytes,
		.with_nb = lists && config->with_nb,
		.verify = config->verify,
		.checks = config->verify || debug_build,
		.protocol_id = config->protocol_id & NDIS_PROTOCOL_ID_MASK,
	};
	if (lists) {
		struct context_config context = {
			.pool_ops = ops,
			.capacity = config->capacity ? config->capacity : NBL_OBJECTS_DEFAULT,
			.context_bytes = config->context_bytes,
			.align_bytes = align_bytes,
			.tag = config->tag,
		};
		rc = context_create(policy, &context, &made.context);
		if (rc != 0)
			goto fail_slot;
	}
	lay_out(&made);
	if (made.object_bytes > POOL_OBJECT_BYTES_MAX) {
		rc = -EINVAL;
		goto fail_context;
	}
	rc = pool_create(ops,
		&(struct pool_config){
			.object_bytes = made.object_bytes,
			.capacity = config->capacity ? config->capacity
						     : default_capacity(made.object_bytes),
		},
		&made.pool);
	if (rc != 0)
		goto fail_context;
	*pool = made;
	*out = pool;
	return 0;

fail_context:
	if (made.context != NULL)
		context_destroy(made.context);
fail_slot:
	release_slot(pool);
	return rc;
}

static uint64_t outstanding_locked(const struct nbl_pool *pool)
{
	uint64_t live = pool->live_gone;

	for (struct nbl_thread *t = pool->threads; t != NULL; t = t->next)
		live += atom_load_relaxed(&t->live);
	return live;
}

uint64_t nbl_pool_outstanding(struct nbl_pool *pool)
{
	pthread_mutex_lock(&registry);
	uint64_t live = outstanding_locked(pool);
	pthread_mutex_unlock(&registry);
	return live;
}

bool nbl_pool_destroy(void *handle, enum nbl_pool_kind kind, const char *call)
{
	struct nbl_pool *pool = handle;

	if (!nbl_pool_valid(pool, kind)) {
		nbl_misuse(NBL_MISUSE_FOREIGN_HANDLE, call, NULL, handle,
			"the handle is not that of a living pool of this kind");
		return false;
	}
	pthread_mutex_lock(&registry);
	uint64_t out = outstanding_locked(pool);
	if (out == 0) {
		while (pool->threads != NULL)
			detach_locked(pool->threads);
	}
	pthread_mutex_unlock(&registry);
	if (out != 0) {
		nbl_misuse(NBL_MISUSE_POOL_OUTSTANDING, call, pool, handle,
			"%llu objects of the pool have not been freed", (unsigned long long)out);
		return false;
	}
	for (NET_BUFFER_LIST *nbl = pool->born; nbl != NULL; nbl = *born_next(pool, nbl)) {
		if (pool->policy->retire)
			pool->policy->retire(pool->context, NULL, nbl);
	}
	if (pool->context != NULL)
		context_destroy(pool->context);
	pool_destroy(pool->pool);
	release_slot(pool);
	return true;
}

/*
 * Accounting.
 */

void nbl_account_publish(struct nbl_thread *self)
{
	self->published = atom_load_relaxed(&self->live);
}

void nbl_account_block(uint32_t tag, uint32_t bytes, int delta)
{
	(void)tag;
	(void)bytes;
	(void)delta;
}

size_t nbl_tags(struct nbl_tag_usage *rows, size_t n)
{
	(void)rows;
	(void)n;
	return 0;
}
