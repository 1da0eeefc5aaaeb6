/*
 * The restartable sections, stopped before every instruction. The thread has an area that the kernel
 * does not know, and runs step by step (the trap flag); at one of the steps this program does what the
 * kernel does when another thread of that CPU gets its turn: the other thread works on the CPU's
 * objects, and a section that was left in the middle goes on at its abort. So the descriptors are tried too:
 * a section that ends an instruction before its commit commits what was taken from it.
 */
#include "alloc/mechanism/rseq_array.h"
#include "alloc/mechanism/rseq_magazine.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/step.h"

#include <string.h>

#ifndef RSEQ_ARCH_SUPPORTED

static void nothing_to_step(NO_STATE)
{
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_to_step)};

	return cmocka_run_group_tests_name("sections", tests, NULL, NULL);
}

#else

enum {
	OBJECTS = 40,
	FREE = 20, /* of the objects, on CPU 0 at first */
	SLOTS = 32,
	CPUS = 2,
	MANY = 11,                /* a burst that takes both loops of the wide copy */
	MAGAZINES = 2 * CPUS + 2, /* two a CPU, and one of each thread */
};

/* What sections commit to. */
struct state {
	void *top[CPUS];
	uint32_t array[CPUS];
};

static struct {
	struct rseq_unregistered area; /* of the thread that is stopped */
	struct rseq_unregistered other;
	enum rseq_index by; /* what sections on arrays index by */
	bool second;        /* the CPUs' magazines are those of their second pairs */
	void (*intrude)(void);
	bool moves; /* afterwards the thread runs on CPU 1 */
	uint64_t stop, steps;
	volatile sig_atomic_t stepping;
	volatile sig_atomic_t aborted;
	volatile sig_atomic_t intruded;
	volatile sig_atomic_t armed_outside, late; /* the section's first step is no step of it */
	struct state then;                         /* when the other thread had its turn */
} t;

static _Alignas(CACHE_LINE_BYTES) unsigned char objects[OBJECTS][CACHE_LINE_BYTES];
static _Alignas(CACHE_LINE_BYTES) struct rseq_array arrays[CPUS];
static struct rseq_place places[CPUS];
static atom_ptr table[CPUS]; /* of magazines: the place of each CPU, or the closed one */
static struct rseq_place closed;
/* Magazines of SLOTS slots, each at the end of a block. */
static _Alignas(MAGAZINE_BLOCK_BYTES) unsigned char magazines[MAGAZINES][MAGAZINE_BLOCK_BYTES];

/* What the thread that is stopped and the other one have of magazines. */
static struct magazine *mine, *others;

/* Objects that somebody has, outside of the CPUs'. */
static void *held[OBJECTS];
static uint32_t held_count;

static void hold(void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		held[held_count++] = objs[i];
}

static void *give(void)
{
	return held[--held_count];
}

static struct magazine *magazine_at(uint32_t i)
{
	return (struct magazine *)(magazines[i + 1] - SLOTS * sizeof(void *) -
				   sizeof(struct magazine));
}

static struct state state_now(void)
{
	struct state now;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		now.top[cpu] = atom_load_relaxed(&places[cpu].top);
		now.array[cpu] = rseq_array_count(&arrays[cpu]);
	}
	return now;
}

static bool is_state(const struct state *then)
{
	const struct state now = state_now();

	return memcmp(now.top, then->top, sizeof(now.top)) == 0 &&
	       memcmp(now.array, then->array, sizeof(now.array)) == 0;
}

/* On one CPU. Where sections index by the concurrency id, the CPU's number would lead to the other array. */
static void place(struct rseq_unregistered *area, uint32_t cpu)
{
	area->mm_cid = cpu;
	area->cpu_id = area->cpu_id_start = t.by == RSEQ_BY_CID ? 1 - cpu : cpu;
}

/* The kernel's part, at each instruction. */
static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	step_go_on(context, t.stepping);
	/* From arming on: what is interrupted before its section begins goes through it unarmed. */
	if (t.stepping && t.area.rseq_cs != 0) {
		const bool inside = step_in_section(&t.area, context);

		t.late |= inside && t.armed_outside;
		t.armed_outside |= !inside;
	}
	/* One stop before the section is armed, for all there are. */
	if (!t.stepping || (t.steps != 0 && t.area.rseq_cs == 0) || ++t.steps != t.stop)
		return;
	t.intrude();
	t.intruded = true;
	t.then = state_now();
	if (t.moves)
		place(&t.area, 1);
	t.aborted = step_interrupt(&t.area, context);
	step_go_on(context, false);
}

static void begin(uint64_t stop)
{
	t.area = t.other = (struct rseq_unregistered){0};
	place(&t.area, 0);
	place(&t.other, 0);
	t.stop = stop;
	t.steps = 0;
	t.aborted = t.intruded = t.armed_outside = t.late = false;
	held_count = 0;
	for (uint32_t i = FREE; i < OBJECTS; i++)
		held[held_count++] = objects[i];
	memset(arrays, 0, sizeof(arrays));
	memset(places, 0, sizeof(places));
	memset(magazines, 0, sizeof(magazines));
	for (uint32_t i = 0; i < FREE; i++) {
		arrays[0].slot[i] = objects[i];
		magazine_at(0)->slot[i] = objects[i];
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		rseq_array_init(&arrays[cpu], SLOTS);
	rseq_array_set_count(&arrays[0], FREE);
	magazine_set_count(magazine_at(0), FREE);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		struct magazine *loaded = magazine_at(2 * cpu);
		struct magazine *spare = magazine_at(2 * cpu + 1);

		atom_init(&table[cpu], &places[cpu]);
		rseq_place_init(&places[cpu], t.second ? spare : loaded, spare, SLOTS);
		place(&t.other, cpu);
		if (t.second) /* the one that was loaded is the spare already */
			rseq_magazine_exchange(&t.other, table, true, loaded, SLOTS);
	}
	place(&t.other, 0);
	mine = magazine_at(2 * CPUS);
	others = magazine_at(2 * CPUS + 1);
	rseq_place_close(&closed);
}

/* Each magazine is one CPU's or one thread's. Those that are loaded get their counts. */
static void check_magazines(const char *what)
{
	struct magazine *all[MAGAZINES] = {mine, others};
	uint32_t seen = 0;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		struct rseq_pair *pair = rseq_place_pair(&places[cpu]);
		struct magazine *loaded = rseq_pair_loaded(pair);

		magazine_set_count(loaded, rseq_place_count(&places[cpu], pair));
		all[2 + 2 * cpu] = loaded;
		all[3 + 2 * cpu] = rseq_pair_spare(pair);
	}
	for (uint32_t i = 0; i < MAGAZINES; i++) {
		for (uint32_t k = 0; k < MAGAZINES; k++)
			seen |= (uint32_t)(all[k] == magazine_at(i)) << i;
	}
	if (seen != (1 << MAGAZINES) - 1)
		fail_msg("%s, stopped before step %lu: of the magazines only %#x are left", what,
			(unsigned long)t.stop, seen);
}

/* Each object is held once or lies in one place. */
static void check(const char *what, bool of_arrays)
{
	uint32_t seen[OBJECTS] = {0};
	uint32_t n = 0;
	void *all[OBJECTS * CPUS];

	check_magazines(what);
	for (; n < held_count; n++)
		all[n] = held[n];
	for (uint32_t cpu = 0; of_arrays && cpu < CPUS; cpu++) {
		for (uint32_t i = 0; i < rseq_array_count(&arrays[cpu]); i++)
			all[n++] = arrays[cpu].slot[i];
	}
	for (uint32_t i = 0; !of_arrays && i < MAGAZINES; i++) {
		for (uint32_t k = 0; k < magazine_count(magazine_at(i)); k++)
			all[n++] = magazine_at(i)->slot[k];
	}
	for (uint32_t i = 0; i < n; i++) {
		const size_t number =
			(size_t)((unsigned char *)all[i] - objects[0]) / sizeof(objects[0]);

		if (number >= OBJECTS || seen[number]++ != 0)
			fail_msg("%s, stopped before step %lu: object %zu is there twice, or is "
				 "none",
				what, (unsigned long)t.stop, number);
	}
	if (n != OBJECTS)
		fail_msg("%s, stopped before step %lu: %u objects of %d are left", what,
			(unsigned long)t.stop, n, OBJECTS);
}

/* What the other thread does. */
static void pop_one(void)
{
	const uintptr_t result = rseq_array_pop(&t.other, t.by, arrays);

	if (result >= RSEQ_CODES)
		hold(&(void *){(void *)result}, 1);
}

static void push_one(void)
{
	void *object = give();

	if (rseq_array_push(&t.other, t.by, arrays, object) != RSEQ_DONE)
		hold(&object, 1);
}

static void pop_many(void)
{
	void *objs[MANY];

	hold(objs, (uint32_t)rseq_array_pop_bulk(&t.other, t.by, arrays, objs, MANY) / 4);
}

/* Of another CPU, which has stopped this one and made the fence. */
static void stop_array(void)
{
	rseq_array_shut(&arrays[0]);
}

static void pop_from_magazine(void)
{
	const uintptr_t result = rseq_magazine_pop(&t.other, table);

	if (result >= RSEQ_CODES)
		hold(&(void *){(void *)result}, 1);
}

static void push_on_magazine(void)
{
	void *object = give();

	if (rseq_magazine_push(&t.other, table, object) != RSEQ_DONE)
		hold(&object, 1);
}

static void exchange_spare(void)
{
	const uintptr_t result = rseq_magazine_exchange(&t.other, table, true, others, SLOTS);

	if (result >= RSEQ_CODES)
		others = (struct magazine *)result;
}

static void exchange_loaded(void)
{
	const uintptr_t result = rseq_magazine_exchange(&t.other, table, false, others, SLOTS);

	if (result >= RSEQ_CODES)
		others = (struct magazine *)result;
}

/* Of another CPU, which has made the fence. */
static void stop_magazines(void)
{
	atom_store_relaxed(&table[0], &closed);
}

/* What the stopped thread does, step by step. Each returns the section's answer. */
static void walk(void)
{
	t.stepping = true;
	step_call_handler();
}

/* n objects out of objs are the thread's, if that was the answer. */
static uintptr_t walked(uintptr_t answer, bool has, void *const *objs, uint32_t n)
{
	t.stepping = false;
	if (has)
		hold(objs, n);
	return answer;
}

static uintptr_t array_pop(void)
{
	walk();
	uintptr_t result = rseq_array_pop(&t.area, t.by, arrays);
	return walked(result, result >= RSEQ_CODES, &(void *){(void *)result}, 1);
}

static uintptr_t array_push(void)
{
	void *object = give();

	walk();
	uintptr_t result = rseq_array_push(&t.area, t.by, arrays, object);
	return walked(result, result != RSEQ_DONE, &object, 1);
}

static uintptr_t array_pop_bulk(void)
{
	void *objs[MANY];

	walk();
	uintptr_t result = rseq_array_pop_bulk(&t.area, t.by, arrays, objs, MANY);
	return walked(result, result != RSEQ_ABORT, objs, (uint32_t)result / 4);
}

static uintptr_t array_push_bulk(void)
{
	void *objs[MANY];

	for (int i = 0; i < MANY; i++)
		objs[i] = give();
	walk();
	uintptr_t result = rseq_array_push_bulk(&t.area, t.by, arrays, objs, MANY);
	return walked(result, result != RSEQ_DONE, objs, MANY);
}

static uintptr_t magazine_pop(void)
{
	walk();
	uintptr_t result = rseq_magazine_pop(&t.area, table);
	return walked(result, result >= RSEQ_CODES, &(void *){(void *)result}, 1);
}

static uintptr_t magazine_push(void)
{
	void *object = give();

	walk();
	uintptr_t result = rseq_magazine_push(&t.area, table, object);
	return walked(result, result != RSEQ_DONE, &object, 1);
}

static uintptr_t magazine_pop_bulk(void)
{
	void *objs[MANY];

	walk();
	uintptr_t result = rseq_magazine_pop_bulk(&t.area, table, objs, MANY);
	return walked(result, result != RSEQ_ABORT, objs, (uint32_t)result / 4);
}

static uintptr_t magazine_push_bulk(void)
{
	void *objs[MANY];

	for (int i = 0; i < MANY; i++)
		objs[i] = give();
	walk();
	uintptr_t result = rseq_magazine_push_bulk(&t.area, table, objs, MANY);
	return walked(result, result != RSEQ_DONE, objs, MANY);
}

static uintptr_t exchange_of(bool spare)
{
	walk();
	uintptr_t result = rseq_magazine_exchange(&t.area, table, spare, mine, SLOTS);
	if (result >= RSEQ_CODES)
		mine = (struct magazine *)result;
	return walked(result, false, NULL, 0);
}

static uintptr_t magazine_exchange_spare(void)
{
	return exchange_of(true);
}

static uintptr_t magazine_exchange_loaded(void)
{
	return exchange_of(false);
}

struct operation {
	const char *name;
	uintptr_t (*run)(void);
};

struct intruder {
	const char *name;
	void (*run)(void);
	bool stops; /* nothing may be changed after it */
};

/* Before each step of the operation. */
static void try(const struct operation *operation, const struct intruder *intruder, bool moves,
	bool of_arrays, bool stops)
{
	uint64_t stop = 0;

	t.intrude = intruder->run;
	t.moves = moves;
	do {
		begin(++stop);
		const uintptr_t result = operation->run();
		if (t.aborted != (result == RSEQ_ABORT))
			fail_msg("%s, stopped before step %lu: answers %lu and was%s aborted",
				operation->name, (unsigned long)stop, (unsigned long)result,
				t.aborted ? "" : " not");
		if (t.late)
			fail_msg("%s arms its section before it begins", operation->name);
		if (t.intruded && stops && !is_state(&t.then))
			fail_msg("%s beside %s, stopped before step %lu: it changed what it may "
				 "not touch any more",
				operation->name, intruder->name, (unsigned long)stop);
		check(operation->name, of_arrays);
	} while (t.intruded);
}

static void sections_of_arrays(NO_STATE)
{
	static const struct operation operations[] = {{"rseq_array_pop", array_pop},
		{"rseq_array_push", array_push}, {"rseq_array_pop_bulk", array_pop_bulk},
		{"rseq_array_push_bulk", array_push_bulk}};
	static const struct intruder intruders[] = {{"a pop", pop_one, false},
		{"a push", push_one, false}, {"a pop of many", pop_many, false},
		{"a stop", stop_array, true}};

	for (size_t o = 0; o < array_count(operations); o++) {
		for (size_t i = 0; i < array_count(intruders); i++) {
			try(&operations[o], &intruders[i], false, true, intruders[i].stops);
			/* On CPU 1, which is not stopped. */
			try(&operations[o], &intruders[i], true, true, false);
		}
	}
	if (t.by == RSEQ_BY_CID)
		return;
	t.by = RSEQ_BY_CID;
	sections_of_arrays(NULL);
	t.by = RSEQ_BY_CPU;
}

static void sections_of_magazines(NO_STATE)
{
	static const struct operation operations[] = {{"rseq_magazine_pop", magazine_pop},
		{"rseq_magazine_push", magazine_push},
		{"rseq_magazine_pop_bulk", magazine_pop_bulk},
		{"rseq_magazine_push_bulk", magazine_push_bulk},
		{"rseq_magazine_exchange of the spare", magazine_exchange_spare},
		{"rseq_magazine_exchange of the loaded", magazine_exchange_loaded}};
	static const struct intruder intruders[] = {{"a pop", pop_from_magazine, false},
		{"a push", push_on_magazine, false}, {"an exchange", exchange_spare, false},
		{"an exchange of the loaded", exchange_loaded, false},
		{"a stop", stop_magazines, true}};

	/* A single get and put do not ask for the pair. */
	for (size_t o = t.second ? 2 : 0; o < array_count(operations); o++) {
		for (size_t i = 0; i < array_count(intruders); i++)
			try(&operations[o], &intruders[i], false, false, intruders[i].stops);
		/* On CPU 1, which is not stopped. */
		try(&operations[o], &intruders[array_count(intruders) - 1], true, false, false);
	}
	if (t.second)
		return;
	t.second = true;
	sections_of_magazines(NULL);
	t.second = false;
}

/* Which of the two magazines comes, and with what it holds. */
static void exchange_of_magazines(NO_STATE)
{
	begin(0);
	assert_int_equal(magazine_exchange_loaded(), (uintptr_t)magazine_at(0));
	assert_int_equal(magazine_count(magazine_at(0)), FREE);
	assert_int_equal(magazine_exchange_loaded(), (uintptr_t)magazine_at(2 * CPUS));
	assert_int_equal(magazine_count(magazine_at(2 * CPUS)), 0);
	assert_int_equal(magazine_pop(), (uintptr_t)objects[FREE - 1]);
	assert_int_equal(magazine_exchange_spare(), (uintptr_t)magazine_at(1));
	assert_int_equal(magazine_exchange_spare(), (uintptr_t)magazine_at(0));
	assert_int_equal(magazine_count(magazine_at(0)), FREE - 1);
}

static void full_and_empty(NO_STATE)
{
	void *objs[2] = {objects[FREE], objects[FREE + 1]};

	begin(0);
	atom_store_relaxed(&arrays[0].cap, &arrays[0].slot[FREE]);
	assert_int_equal(rseq_array_push(&t.area, t.by, arrays, objs[0]), RSEQ_FULL);
	assert_int_equal(rseq_array_push_bulk(&t.area, t.by, arrays, objs, 1), RSEQ_FULL);
	atom_store_relaxed(&arrays[0].cap, &arrays[0].slot[FREE + 1]);
	assert_int_equal(rseq_array_push_bulk(&t.area, t.by, arrays, objs, 2), RSEQ_FULL);
	rseq_array_set_count(&arrays[0], 0);
	assert_int_equal(rseq_array_pop(&t.area, t.by, arrays), RSEQ_EMPTY);
	assert_int_equal(rseq_array_pop_bulk(&t.area, t.by, arrays, objs, 2), 0);
	assert_int_equal(
		rseq_magazine_push_bulk(&t.area, table, held, SLOTS - FREE + 1), RSEQ_FULL);
	for (int i = FREE; i < SLOTS - 1; i++)
		assert_int_equal(magazine_push(), RSEQ_DONE);
	assert_int_equal(rseq_magazine_push_bulk(&t.area, table, objs, 2), RSEQ_FULL);
	assert_int_equal(magazine_push(), RSEQ_DONE);
	assert_int_equal(magazine_push(), RSEQ_FULL);
	assert_int_equal(rseq_magazine_push_bulk(&t.area, table, objs, 1), RSEQ_FULL);
	magazine_set_count(mine, 0);
	assert_int_equal(magazine_exchange_loaded(), (uintptr_t)magazine_at(0));
	assert_int_equal(magazine_count(magazine_at(0)), SLOTS);
	assert_int_equal(rseq_magazine_pop(&t.area, table), RSEQ_EMPTY);
	assert_int_equal(rseq_magazine_pop_bulk(&t.area, table, objs, 2), 0);
	stop_magazines();
	assert_int_equal(magazine_exchange_loaded(), RSEQ_FULL);
	assert_int_equal(magazine_exchange_spare(), RSEQ_FULL);
	assert_int_equal(rseq_magazine_push(&t.area, table, objs[0]), RSEQ_FULL);
	assert_int_equal(rseq_magazine_push_bulk(&t.area, table, objs, 1), RSEQ_FULL);
	assert_int_equal(rseq_magazine_pop(&t.area, table), RSEQ_EMPTY);
	assert_int_equal(rseq_magazine_pop_bulk(&t.area, table, objs, 2), 0);
}

static int trap(NO_STATE)
{
	const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	return sigaction(SIGTRAP, &action, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_of_arrays),
		cmocka_unit_test(sections_of_magazines),
		cmocka_unit_test(exchange_of_magazines),
		cmocka_unit_test(full_and_empty),
	};

	return cmocka_run_group_tests_name("sections", tests, trap, NULL);
}

#endif
