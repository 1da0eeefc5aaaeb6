/* See scenario.h. Compiled without instrumentation: its own memory is nobody's business. */
#include "stress/model/scenario.h"
#include "alloc/mechanism/slab.h"
#include "stress/model/machine.h"
#include "stress/model/rcu.h"
#include "stress/model/trace.h"
#include "stress/model/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Three threads stand still in turn, and a load of the last is stale. */
static const struct model_bounds three_stops = {{3, 1, 0}, 4};

const struct model_scenario model_scenarios[] = {
	{"get_get", 2, {"G2P2f"}, {"gp", "gp"}, NULL, false, NULL, 0},
	{"get_get_three", 3, {"G3P3f"}, {"gp", "gp", "gp"}, NULL, false, NULL, 0},
	{"reuse", 3, {"G3P3f"}, {"gg", "ggq"}, NULL, false, NULL, 0},
	{"reuse_three", 3, {"G3P3f"}, {"g", "ggq", "gp"}, NULL, false, NULL, 0},
	{"reuse_last", 4, {"G4P2f"}, {"gqp", "g"}, NULL, false, NULL, 0},
	{"twice", 2, {"G2P2f"}, {"gpgp", "gpgp"}, NULL, false, NULL, 2},
	{"last", 1, {"gpf"}, {"gp", "gp"}, NULL, false, NULL, 0},
	{"last_three", 1, {"gpf"}, {"gp", "gp", "gp"}, NULL, false, NULL, 0},
	{"put_get", 2, {"G2"}, {"p", "gp"}, NULL, false, NULL, 0},
	{"put_put", 2, {"g", "g"}, {"p", "p"}, NULL, false, NULL, 0},
	{"put_put_get", 2, {"g", "g"}, {"p", "p", "g"}, NULL, false, NULL, 2},
	{"handover", 1, {"g"}, {"p", "g"}, NULL, false, NULL, 0},
	{"grow_grow", 2, {NULL}, {"gp", "gp"}, NULL, false, NULL, 0},
	{"grow_last", 1, {NULL}, {"g", "g"}, NULL, false, NULL, 0},
	{"grow_put", 2, {"g"}, {"p", "gg"}, NULL, false, NULL, 0},
	{"bulk_get", 3, {"G3P3f"}, {"G2P2", "gp"}, NULL, false, NULL, 0},
	{"bulk_bulk", 4, {"G4P4f"}, {"G2P2", "G2P2"}, NULL, false, NULL, 0},
	{"bulk_reuse", 3, {"G3P3f"}, {"G2", "G2q"}, NULL, false, NULL, 0},
	{"bulk_put", 3, {"G2"}, {"P2", "gg"}, NULL, false, NULL, 0},
	{"bulk_short", 2, {"gpf"}, {"G2", "G2P2"}, NULL, false, NULL, 0},
	{"flush_get", 2, {"G2P2"}, {"f", "gp"}, NULL, false, NULL, 0},
	{"end_get", 2, {"G2P2"}, {"d", "gp"}, NULL, false, NULL, 0},
	{"steal", 2, {"G2P2"}, {"gp", "gp"}, NULL, false, NULL, 0},
	{"steal_three", 2, {"G2P2"}, {"gp", "g", "g"}, NULL, false, NULL, 0},
	{"steal_put", 2, {"G2p"}, {"p", "gg"}, NULL, false, NULL, 0},
	{"remote_end", 2, {"G2P2"}, {"g", "gpd"}, NULL, false, NULL, 0},
	{"overflow", 20, {"G18P16"}, {"pp", "gp"}, NULL, false, NULL, 0},
	{"overflow_bulk", 20, {"G18P16"}, {"P2", "G2"}, NULL, false, NULL, 0},
	{"overflow_long", 204, {"G204P100P100"}, {"p", "g"}, NULL, false, NULL, 0},
	{"one_cpu", 2, {"G2P2"}, {"gp", "gp"}, "00", false, NULL, 0},
	{"one_cpu_put", 2, {"g", "g"}, {"p", "p"}, "00", false, NULL, 0},
	{"one_cpu_bulk", 4, {"G4P4"}, {"G2P2", "G2P2"}, "00", false, NULL, 0},
	{"one_cpu_steal", 2, {"G2P2"}, {"gp", "gp", "g"}, "001", false, NULL, 0},
	{"shard_reuse", 4, {"G4P4", "g"}, {"g", "ggqq"}, "02", false, NULL, 0},
	{"shard_bulk", 4, {"G4P4", "g"}, {"G2", "G2P3"}, "02", false, NULL, 0},
	{"shard_put", 3, {"g", "g"}, {"pg", "pg"}, "02", false, NULL, 0},
	{"retire_reuse", 3, {"G3P3", "g"}, {"g", "fgfqp"}, "02", false, NULL, 0},
	{"retire_get", 3, {"G3P3"}, {"f", "gg"}, "02", false, NULL, 0},
	{"retire_put", 3, {"G3P2"}, {"f", "gp", "gg"}, "021", false, NULL, 0},
	{"retire_full", 204, {"G204P100P100"}, {"p", "gp", "g"}, "021", false, NULL, 0},
	{"install_get", 2, {NULL}, {"G2P2f", "g", "g"}, "102", false, NULL, 0},
	{"chain_reuse", 2, {"G2pfpf"}, {"g", "ggqf"}, NULL, false, NULL, 0},
	{"send_get", 4, {"G4P3f", "G3"}, {"p", "gp"}, NULL, false, NULL, 0},
	{"send_two", 4, {"G4P3f", "G3P2f", "G2"}, {"p", "p", "gp"}, NULL, false, NULL, 0},
	{"send_flush", 4, {"G4P3f", "G3"}, {"p", "pf", "gg"}, NULL, false, NULL, 0},
	{"send_end", 4, {"G4P3f", "G3"}, {"p", "d", "gg"}, NULL, false, NULL, 0},
	{"send_again", 8, {"G8P3qqf", "G5"}, {"ppp", "g", "g"}, NULL, false, NULL, 0},
	{"send_three", 12, {"G12P12fG5qqqf", "G7qqqqqqf", "G9"}, {"pp", "pg", "g"}, NULL, false,
		NULL, 0},
	{"send_steal", 4, {"G4P3f", "G3"}, {"p", "pg", "g"}, NULL, false, NULL, 0},
	{"lap", 2, {"G2P2"}, {"g", "gpgpgp", "g"}, NULL, true, NULL, 0},
	{"lap_two", 3, {"G3P3"}, {"g", "g", "gpgpgpgpgpgp"}, NULL, true, NULL, 0},
	{"lap_again", 2, {"G2P2"}, {"g", "g", "gpgpgpgpgpgp"}, NULL, true, &three_stops, 0},
	{"lap_again_bulk", 2, {"G2P2"}, {"g", "G2", "gpgpgpgpgpgp"}, NULL, true, NULL, 0},
	{"lap_get_bulk", 3, {"G3P3"}, {"G2P2", "gpgpgpgpgpgp"}, NULL, true, NULL, 0},
	{"lap_put_bulk", 3, {"G3P3"}, {"gp", "G2P2G2P2G2P2"}, NULL, true, NULL, 0},
	{"sent", 2, {"G2", "tt"}, {"gg", "pp"}, NULL, false, NULL, 0},
	{"sent_three", 3, {"G3", "t", "t"}, {"gg", "p", "p"}, NULL, false, NULL, 0},
	{"sent_bulk", 4, {"G4", "ttt"}, {"gg", "P3"}, NULL, false, NULL, 0},
	{"sent_flush", 2, {"G2", "tt"}, {"f", "pp"}, NULL, false, NULL, 0},
	{"sent_end", 2, {"G2", "tt"}, {"d", "pp"}, NULL, false, NULL, 0},
	{"sent_full", 20, {"G20", "ttttttttttttttttttP16"}, {"g", "pp"}, NULL, false, NULL, 0},
	{"attach_get", 2, {"G2P2f"}, {"dagp", "gp"}, NULL, false, NULL, 0},
	{"attach_attach", 2, {"gp"}, {"dag", "dag"}, NULL, false, NULL, 0},
	{"attach_left", 2, {"gpd", "d"}, {"ag", "agp"}, NULL, false, NULL, 0},
	{"far", 204, {"G204P70f"}, {"p", "g"}, NULL, false, NULL, 0},
	{"ask_again", 2, {"G2"}, {"pp", "g"}, NULL, true, &three_stops, 0},
	{"ask_steal", 4, {"G4P3f", "G3"}, {"p", "pg", "g"}, NULL, true, &three_stops, 0},
	{.name = NULL},
};

enum { NOBODY = MODEL_THREADS, HELD_MAX = SCENARIO_OBJECTS_MAX };

/* What the threads have, as they know it. Copied anew for each execution. */
struct books {
	void *held[MODEL_THREADS][HELD_MAX];
	uint32_t count[MODEL_THREADS];
	uint32_t owner[SCENARIO_OBJECTS_MAX];
	/* Of an allocator, in the order in which they came out. */
	const void *block[SCENARIO_OBJECTS_MAX];
	uint32_t blocks;
	struct pool_thread *handle[MODEL_THREADS];
	uint32_t working; /* threads that are not at their end; liburcu's waits for that */
	bool detached[MODEL_THREADS];
	bool inside[MODEL_THREADS];
	bool beside[MODEL_THREADS]; /* another thread was in a call during its own */
};

static struct {
	const struct pool_ops *ops;
	const struct model_scenario *scenario;
	struct pool *pool;
	uint32_t threads;
	struct books now, first;
	struct model_work work;
	struct pool_paths paths;
} s;

const struct pool_paths *model_paths(void)
{
	return &s.paths;
}

/* What the handles count, which the end of the execution undoes. */
static void add_paths(void)
{
	for (uint32_t i = 0; i < s.threads; i++) {
		const struct pool_paths *paths = &s.now.handle[i]->paths;

		s.paths.refill += paths->refill;
		s.paths.flush += paths->flush;
		s.paths.grow += paths->grow;
		s.paths.steal += paths->steal;
		s.paths.empty += paths->empty;
		s.paths.wait += paths->wait;
	}
}

const struct model_scenario *model_find_scenario(const char *name)
{
	for (size_t i = 0; model_scenarios[i].name != NULL; i++) {
		if (strcmp(model_scenarios[i].name, name) == 0)
			return &model_scenarios[i];
	}
	return NULL;
}

const char *model_excuse(const struct model_scenario *scenario, const struct pool_ops *ops)
{
	const bool caches = ops->traits.cache != POOL_CACHE_NONE;
	bool cold = false;

	if (scenario->laps && !ops->traits.bounded)
		return "it has no ring that goes round";
	if (scenario->cpu != NULL && ops->traits.cache != POOL_CACHE_CPU)
		return "it caches nothing for CPUs";

	for (uint32_t i = 0; i < MODEL_THREADS && scenario->thread[i] != NULL; i++)
		cold |= strpbrk(scenario->thread[i], "fd") != NULL &&
			strchr(scenario->thread[i], 'a') == NULL;
	return cold && !caches ? "it has no cache to flush or to leave behind" : NULL;
}

static bool keeps_objects(void)
{
	return s.ops->traits.kind == POOL_KIND_POOL;
}

/* The number of what an allocator gave: it never gives other memory at the same address here. */
static uint32_t number_of_block(const void *block)
{
	for (uint32_t i = 0; i < s.now.blocks; i++) {
		if (s.now.block[i] == block)
			return i;
	}
	if (s.now.blocks == SCENARIO_OBJECTS_MAX)
		return SCENARIO_OBJECTS_MAX;
	s.now.block[s.now.blocks] = block;
	return s.now.blocks++;
}

/* The object's number; SCENARIO_OBJECTS_MAX if it is none of the pool's. */
static uint32_t number_of(const void *object)
{
	if (!keeps_objects())
		return number_of_block(object);
	const struct slab *slab = s.pool->slab;
	size_t offset = (size_t)((const unsigned char *)object - slab->base);

	return (const unsigned char *)object >= slab->base && offset % slab->stride == 0 &&
			       offset / slab->stride < s.scenario->capacity
		       ? (uint32_t)(offset / slab->stride)
		       : SCENARIO_OBJECTS_MAX;
}

static uint32_t out(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		count += s.now.count[i];
	return count;
}

static void take_in(uint32_t self, void *object)
{
	uint32_t number = number_of(object);

	if (number == SCENARIO_OBJECTS_MAX) {
		model_fail(PROMISE_PLACED, "thread %u got %p, which is no object of the pool", self,
			object);
		return;
	}
	if (s.now.owner[number] != NOBODY) {
		model_fail(PROMISE_ONE_OWNER,
			"thread %u got object %u, which thread %u has: it was given out twice",
			self, number, s.now.owner[number]);
		return;
	}
	s.now.owner[number] = self;
	s.now.held[self][s.now.count[self]++] = object;
	trace_say("got object %u", number);
	/* An owner may write what it likes. */
	views_plain((uintptr_t)object, sizeof(uint64_t), true, __builtin_return_address(0));
	*(uint64_t *)object = UINT64_C(0x5ca1ab1e00000000) | number << 8 | self;
}

static void take_out(uint32_t self, uint32_t at)
{
	void *object = s.now.held[self][at];
	uint32_t number = number_of(object);

	views_plain((uintptr_t)object, sizeof(uint64_t), false, __builtin_return_address(0));
	if (*(uint64_t *)object != (UINT64_C(0x5ca1ab1e00000000) | number << 8 | self))
		model_fail(PROMISE_OUT_IS_KEPT, "object %u was written to while thread %u had it",
			number, self);
	s.now.owner[number] = NOBODY;
	for (uint32_t i = at + 1; i < s.now.count[self]; i++)
		s.now.held[self][i - 1] = s.now.held[self][i];
	s.now.count[self]--;
}

static void call_begins(uint32_t self)
{
	s.now.inside[self] = true;
	s.now.beside[self] = false;
	for (uint32_t i = 0; i < s.threads; i++) {
		if (i != self && s.now.inside[i])
			s.now.beside[self] = s.now.beside[i] = true;
	}
}

/*
 * An exact pool that was asked for more than it gave, with nobody else in a call. Where loads are stale,
 * what another thread has put need not be there yet for this one.
 */
static void call_ends(uint32_t self, uint32_t wanted, uint32_t got)
{
	s.now.inside[self] = false;
	if (got < wanted && s.ops->traits.exact && keeps_objects() && !s.now.beside[self] &&
		model_spent(MODEL_STALE) == 0 && out() < s.scenario->capacity)
		model_fail(PROMISE_EXACT,
			"thread %u is told that the pool is empty, and %u objects are free", self,
			s.scenario->capacity - out());
}

static void get(uint32_t self, uint32_t n)
{
	void *objects[SCENARIO_OBJECTS_MAX];

	trace_say("get of %u", n);
	call_begins(self);
	uint32_t got = n;
	if (n == 1)
		got = (objects[0] = s.ops->get(s.pool, s.now.handle[self])) != NULL;
	else
		got = s.ops->get_bulk(s.pool, s.now.handle[self], objects, n);
	if (got == 0)
		trace_say("got nothing");
	for (uint32_t i = 0; i < got; i++)
		take_in(self, objects[i]);
	call_ends(self, n, got);
}

/* n objects, from held[at] on. */
static void put(uint32_t self, uint32_t at, uint32_t n)
{
	void *objects[SCENARIO_OBJECTS_MAX];

	if (n == 0)
		return;
	trace_say("put of %u", n);
	memcpy(objects, &s.now.held[self][at], n * sizeof(*objects));
	for (uint32_t i = 0; i < n; i++)
		take_out(self, at);
	call_begins(self);
	if (n == 1)
		s.ops->put(s.pool, s.now.handle[self], objects[0]);
	else
		s.ops->put_bulk(s.pool, s.now.handle[self], objects, n);
	call_ends(self, 0, 0);
}

static void other_call(uint32_t self, char letter)
{
	trace_say("%s", letter == 'f' ? "flush" : letter == 'a' ? "attach" : "detach");
	call_begins(self);
	if (letter == 'f') {
		s.ops->flush(s.pool, s.now.handle[self]);
	} else if (letter == 'a') {
		s.now.detached[self] = s.ops->attach(s.pool, &s.now.handle[self]) != 0;
	} else {
		s.ops->detach(s.pool, s.now.handle[self]);
		s.now.detached[self] = true;
	}
	call_ends(self, 0, 0);
}

/* Another thread has handed it over: the first one that has any. */
static void take_over(uint32_t self)
{
	uint32_t other = 0;

	while (other == self || s.now.count[other] == 0)
		other++;
	void *object = s.now.held[other][s.now.count[other] - 1];
	take_out(other, s.now.count[other] - 1);
	take_in(self, object);
}

static void act(uint32_t self, const char *word)
{
	while (word != NULL && *word != '\0') {
		const char letter = *word++;
		const uint32_t held = s.now.count[self];
		char *end = (char *)word;
		uint32_t n = 1;

		if (letter == 'G' || letter == 'P')
			n = (uint32_t)strtoul(word, &end, 10);
		word = end;
		if (s.now.detached[self] && letter != 'a')
			continue; /* there was no memory to attach again */
		switch (letter) {
		case 'g':
		case 'G':
			get(self, n);
			break;
		case 'p':
		case 'P':
			put(self, held < n ? 0 : held - n, held < n ? held : n);
			break;
		case 'q':
			put(self, 0, held < n ? held : n);
			break;
		case 't':
			take_over(self);
			break;
		default:
			other_call(self, letter);
		}
	}
}

/* Every thread where the scenario has it. */
static void place_threads(void)
{
	uint32_t cpu[MODEL_THREADS];

	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		cpu[i] = s.scenario->cpu != NULL && s.scenario->thread[i] != NULL
				 ? (uint32_t)(s.scenario->cpu[i] - '0')
				 : i;
	machine_begin(cpu, MODEL_THREADS);
}

static void begin(void *arg)
{
	(void)arg;
	s.now = s.first;
	s.now.working = s.threads;
	place_threads();
}

static void thread(void *arg, uint32_t self)
{
	(void)arg;
	if (self == s.threads) {
		rcu_helper(&s.now.working);
		return;
	}
	act(self, s.scenario->thread[self]);
	s.now.working--;
}

/* Everything that is free comes out, once: of a pool that is not exact, when all threads have flushed. */
static void drain(void)
{
	uint32_t self = 0;

	for (uint32_t i = 0; i < s.threads && !s.ops->traits.exact; i++) {
		model_set_self(i);
		if (!s.now.detached[i])
			s.ops->flush(s.pool, s.now.handle[i]);
	}
	uint32_t expected = s.scenario->capacity - out();
	void *object;

	while (self < s.threads && s.now.detached[self])
		self++;
	if (self == s.threads)
		return;
	model_set_self(self);
	for (uint32_t got = 0; (object = s.ops->get(s.pool, s.now.handle[self])) != NULL; got++) {
		uint32_t number = number_of(object);

		if (number == SCENARIO_OBJECTS_MAX || s.now.owner[number] != NOBODY) {
			model_fail(
				number == SCENARIO_OBJECTS_MAX ? PROMISE_PLACED : PROMISE_ONE_OWNER,
				"at rest, get gives %p, which is out already or no object", object);
			return;
		}
		s.now.owner[number] = self;
		expected--;
	}
	if (expected != 0)
		model_fail(PROMISE_NONE_LOST, "at rest, get finds all but %u of the free objects",
			expected);
}

static void end(void *arg)
{
	char why[POOL_REASON_BYTES];

	add_paths();
	uint64_t count = s.ops->count(s.pool);
	int rc = s.ops->check(s.pool, out(), why);

	(void)arg;
	if (rc != 0)
		model_fail(PROMISE_CHECKED, "at rest: %s", why);
	else if (!keeps_objects())
		return;
	else if (count != s.scenario->capacity - out())
		model_fail(PROMISE_COUNTED,
			"at rest %" PRIu64 " objects are free by the pool's count, not %u", count,
			s.scenario->capacity - out());
	else
		drain();
}

const struct model_work *model_prepare(const struct model_scenario *scenario,
	const struct pool_ops *ops, struct model_result *result)
{
	const struct pool_config config = {.object_bytes = 64,
		.capacity = scenario->capacity,
		.magazine_objects = 8,
		.cpu_cache_objects = 16,
		.batch_objects = 8};

	memset(&s, 0, sizeof(s));
	s.ops = ops;
	s.scenario = scenario;
	machine_clear();
	place_threads();
	int rc = pool_create(ops, &config, &s.pool);
	while (rc == 0 && s.threads < MODEL_THREADS && scenario->thread[s.threads] != NULL) {
		model_set_self(s.threads);
		rc = ops->attach(s.pool, &s.now.handle[s.threads]);
		s.threads += rc == 0;
	}
	if (rc != 0) {
		snprintf(result->sentence, sizeof(result->sentence), "the pool cannot be made: %s",
			strerror(-rc));
		return NULL;
	}
	for (uint32_t i = 0; i < SCENARIO_OBJECTS_MAX; i++)
		s.now.owner[i] = NOBODY;
	for (uint32_t i = 0; i < s.threads; i++) {
		model_set_self(i);
		act(i, scenario->before[i]);
	}
	machine_settle();
	s.first = s.now;
	s.work = (struct model_work){s.threads + rcu_has_helper(), begin, thread, end, NULL};
	return &s.work;
}
