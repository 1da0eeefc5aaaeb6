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
	MANY = 11, /* a burst that takes both loops of the wide copy */
	MAGAZINES = 4,
	MAGAZINE_UNITS = 5, /* lines: a header and SLOTS slots */
};

/* What sections commit to. */
struct state {
	uint64_t word[CPUS];
	uint32_t array[CPUS], objects[MAGAZINES];
};

static struct {
	struct rseq_unregistered area; /* of the thread that is stopped */
	struct rseq_unregistered other;
	enum rseq_index by; /* what sections on arrays index by */
	void (*intrude)(void);
	bool moves; /* afterwards the thread runs on CPU 1 */
	uint64_t stop, steps;
	volatile sig_atomic_t stepping;
	volatile sig_atomic_t aborted;
	volatile sig_atomic_t intruded;
	struct state then; /* when the other thread had its turn */
} t;

static _Alignas(CACHE_LINE_BYTES) unsigned char objects[OBJECTS][CACHE_LINE_BYTES];
static _Alignas(CACHE_LINE_BYTES) struct rseq_array arrays[CPUS];
static struct rseq_magazines areas[CPUS];
static _Alignas(CACHE_LINE_BYTES) unsigned char magazines[(MAGAZINES * MAGAZINE_UNITS + 1) *
							  CACHE_LINE_BYTES];

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

static struct magazine *magazine_at(uint32_t unit)
{
	return (struct magazine *)(magazines + ((size_t)unit << CACHE_LINE_LOG2));
}

static struct state state_now(void)
{
	struct state now;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		now.word[cpu] = atom_load_relaxed(&areas[cpu].word);
		now.array[cpu] = rseq_array_count(&arrays[cpu]);
	}
	for (uint32_t i = 0; i < MAGAZINES; i++)
		now.objects[i] = magazine_count(magazine_at(1 + i * MAGAZINE_UNITS));
	return now;
}

static bool is_state(const struct state *then)
{
	const struct state now = state_now();

	return memcmp(now.word, then->word, sizeof(now.word)) == 0 &&
	       memcmp(now.array, then->array, sizeof(now.array)) == 0 &&
	       memcmp(now.objects, then->objects, sizeof(now.objects)) == 0;
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
	t.aborted = t.intruded = false;
	held_count = 0;
	for (uint32_t i = FREE; i < OBJECTS; i++)
		held[held_count++] = objects[i];
	memset(arrays, 0, sizeof(arrays));
	memset(areas, 0, sizeof(areas));
	memset(magazines, 0, sizeof(magazines));
	for (uint32_t i = 0; i < FREE; i++) {
		arrays[0].slot[i] = objects[i];
		magazine_at(1)->slot[i] = objects[i];
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		rseq_array_init(&arrays[cpu], SLOTS);
	rseq_array_set_count(&arrays[0], FREE);
	atom_init(&magazine_at(1)->objects, FREE);
	/* Both CPUs the same: that one has moved is then seen by its number alone. */
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		atom_init(&areas[cpu].word, rseq_magazine_word(1, 1 + MAGAZINE_UNITS));
}

/* Each object is held once or lies in one place. */
static void check(const char *what, bool of_arrays)
{
	uint32_t seen[OBJECTS] = {0};
	uint32_t n = 0;
	void *all[OBJECTS * CPUS];

	for (; n < held_count; n++)
		all[n] = held[n];
	for (uint32_t cpu = 0; of_arrays && cpu < CPUS; cpu++) {
		for (uint32_t i = 0; i < rseq_array_count(&arrays[cpu]); i++)
			all[n++] = arrays[cpu].slot[i];
	}
	for (uint32_t i = 0; !of_arrays && i < MAGAZINES; i++) {
		struct magazine *magazine = magazine_at(1 + i * MAGAZINE_UNITS);

		for (uint32_t k = 0; k < magazine_count(magazine); k++)
			all[n++] = magazine->slot[k];
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

static void nothing(void)
{
}

static void pop_from_magazine(void)
{
	const uintptr_t result = rseq_magazine_pop(&t.other, areas, magazines);

	if (result >= RSEQ_CODES)
		hold(&(void *){(void *)result}, 1);
}

static void push_on_magazine(void)
{
	void *object = give();

	if (rseq_magazine_push(&t.other, areas, magazines, SLOTS, object) != RSEQ_DONE)
		hold(&object, 1);
}

static void exchange_spare(void)
{
	const uint64_t word = atom_load_relaxed(&areas[0].word);

	rseq_magazine_exchange(&t.other, areas, 0, word,
		rseq_magazine_word(rseq_magazine_spare(word), rseq_magazine_loaded(word)), NULL,
		NULL);
}

static void stop_magazines(void)
{
	atom_store_relaxed(&areas[0].stop, 1);
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
	uintptr_t result = rseq_magazine_pop(&t.area, areas, magazines);
	return walked(result, result >= RSEQ_CODES, &(void *){(void *)result}, 1);
}

static uintptr_t magazine_push(void)
{
	void *object = give();

	walk();
	uintptr_t result = rseq_magazine_push(&t.area, areas, magazines, SLOTS, object);
	return walked(result, result != RSEQ_DONE, &object, 1);
}

static uintptr_t magazine_pop_bulk(void)
{
	void *objs[MANY];

	walk();
	uintptr_t result = rseq_magazine_pop_bulk(&t.area, areas, magazines, objs, MANY);
	return walked(result, result == RSEQ_DONE, objs, MANY);
}

static uintptr_t magazine_push_bulk(void)
{
	void *objs[MANY];

	for (int i = 0; i < MANY; i++)
		objs[i] = give();
	walk();
	uintptr_t result =
		rseq_magazine_push_bulk(&t.area, areas, magazines, SLOTS - MANY, objs, MANY);
	return walked(result, result != RSEQ_DONE, objs, MANY);
}

static uintptr_t magazine_exchange(void)
{
	const uint64_t word = atom_load_relaxed(&areas[0].word);

	walk();
	uintptr_t result = rseq_magazine_exchange(&t.area, areas, 0, word,
		rseq_magazine_word(rseq_magazine_loaded(word), 1 + 2 * MAGAZINE_UNITS), NULL, NULL);
	return walked(result, false, NULL, 0);
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
		{"rseq_magazine_push_bulk", magazine_push_bulk}};
	static const struct intruder intruders[] = {{"a pop", pop_from_magazine, false},
		{"a push", push_on_magazine, false}, {"an exchange", exchange_spare, false},
		{"a stop", stop_magazines, true}};

	for (size_t o = 0; o < array_count(operations); o++) {
		for (size_t i = 0; i < array_count(intruders); i++)
			try(&operations[o], &intruders[i], false, false, intruders[i].stops);
	}
}

/* It is made where the thread asked for it, of what the thread saw, or not at all. */
static void exchange_of_magazines(NO_STATE)
{
	static const struct operation exchange = {"rseq_magazine_exchange", magazine_exchange};
	static const struct intruder intruders[] = {
		{"an exchange", exchange_spare, true}, {"a stop", stop_magazines, true}};

	for (size_t i = 0; i < array_count(intruders); i++) {
		try(&exchange, &intruders[i], false, false, true);
		try(&exchange, &intruders[i], true, false, true);
	}
	static const struct intruder nobody = {"nobody", nothing, false};
	try(&exchange, &nobody, true, false, true);
	begin(0);
	assert_int_equal(magazine_exchange(), RSEQ_DONE);
	assert_int_equal(
		rseq_magazine_spare(atom_load_relaxed(&areas[0].word)), 1 + 2 * MAGAZINE_UNITS);
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
	assert_int_equal(rseq_magazine_push(&t.area, areas, magazines, FREE, objs[0]), RSEQ_FULL);
	assert_int_equal(
		rseq_magazine_push_bulk(&t.area, areas, magazines, FREE - 1, objs, 2), RSEQ_FULL);
	magazine_set_count(magazine_at(1), 1);
	assert_int_equal(rseq_magazine_pop_bulk(&t.area, areas, magazines, objs, 2), RSEQ_FULL);
	magazine_set_count(magazine_at(1), 0);
	assert_int_equal(rseq_magazine_pop(&t.area, areas, magazines), RSEQ_EMPTY);
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
