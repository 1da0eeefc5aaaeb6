/* See machine.h. */
#include "stress/model/machine.h"
#include "alloc/machine/cpu.h"
#include "alloc/machine/memory.h"
#include "alloc/machine/rseq.h"
#include "stress/model/explore.h"
#include "stress/model/intercept.h"
#include "stress/model/rcu.h"
#include "stress/model/sites.h"
#include "stress/model/trace.h"
#include "stress/model/views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#undef memcpy
#undef memset
#undef malloc
#undef aligned_alloc
#undef free

enum { PIECES_MAX = 512, LOCKS_MAX = 16, PAGE_BYTES = 4096 };
static const size_t RANGE_BYTES = (size_t)1
				  << 36; /* addresses; pages only where something is written */

static struct {
	unsigned char *range;
	size_t used, used_before; /* bytes; when the execution began */
	struct {
		size_t offset, bytes;
	} piece[PIECES_MAX];
	uint32_t pieces, pieces_before;

	struct {
		const pthread_mutex_t *mutex;
		bool held;
	} lock[LOCKS_MAX];
	uint32_t locks;

	struct rseq_unregistered area[MODEL_THREADS];
	struct {
		bool inside, aborted;
	} section[MODEL_THREADS];
	/* The thread that ran there last; MODEL_THREADS: none. The last one is liburcu's thread's, of which pools do not know. */
	uint32_t last_on[MACHINE_CPUS + 1];
} machine;

/*
 * Memory.
 */

void machine_clear(void)
{
	if (machine.range == NULL) {
		machine.range = mmap(NULL, RANGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (machine.range == MAP_FAILED) {
			perror("nblbench-model: no room for 64 GiB of addresses");
			exit(EXIT_FAILURE);
		}
	} else if (machine.used != 0) {
		madvise(machine.range, machine.used, MADV_DONTNEED);
	}
	machine.used = machine.pieces = 0;
	rcu_clear();
	machine_settle();
}

void machine_settle(void)
{
	machine.used_before = machine.used;
	machine.pieces_before = machine.pieces;
	rcu_settle();
}

static void *take(size_t bytes, size_t align)
{
	size_t offset = (machine.used + align - 1) / align * align;

	if (model_runs() && model_choose(MODEL_FAULTS, 2) != 0) {
		trace_say("no memory");
		return NULL;
	}
	if (machine.pieces == PIECES_MAX || bytes > RANGE_BYTES - offset)
		return NULL;
	machine.piece[machine.pieces].offset = offset;
	machine.piece[machine.pieces++].bytes = bytes;
	machine.used = offset + bytes;
	return machine.range + offset;
}

const char *machine_name(uintptr_t at)
{
	static char names[4][32];
	static uint32_t turn;
	char *name = names[turn++ % 4];
	size_t offset = at - (uintptr_t)machine.range;

	for (uint32_t i = 0; i < machine.pieces; i++) {
		if (offset - machine.piece[i].offset < machine.piece[i].bytes) {
			snprintf(name, sizeof(names[0]), "#%u+%#zx", i + 1,
				offset - machine.piece[i].offset);
			return name;
		}
	}
	snprintf(name, sizeof(names[0]), "%#zx", (size_t)at);
	return name;
}

void *memory_alloc(size_t bytes)
{
	return take(bytes, PAGE_BYTES);
}

void memory_free(void *memory, size_t bytes)
{
	(void)memory, (void)bytes;
}

void *memory_map(size_t bytes, enum memory_pages pages)
{
	(void)pages;
	return take(bytes, PAGE_BYTES);
}

void memory_unmap(void *memory, size_t bytes, enum memory_pages pages)
{
	(void)memory, (void)bytes, (void)pages;
}

size_t memory_page_bytes(enum memory_pages pages)
{
	(void)pages;
	return PAGE_BYTES;
}

/* Pages go back by a write of zeroes, which is what their next reader sees. */
bool memory_discard(void *at, size_t bytes)
{
	machine_memset(at, 0, bytes);
	return true;
}

size_t memory_resident(void *at, size_t bytes)
{
	(void)at;
	return bytes;
}

void *machine_malloc(size_t bytes)
{
	return take(bytes, _Alignof(max_align_t));
}

void *machine_aligned_alloc(size_t align, size_t bytes)
{
	return take(bytes, align);
}

/* What is given back is written to: whoever still reads it, unordered, races with that. */
void machine_free(void *memory)
{
	const size_t offset = (size_t)((unsigned char *)memory - machine.range);

	for (uint32_t i = 0; i < machine.pieces; i++) {
		if (machine.piece[i].offset == offset) {
			trace_say("frees %s", machine_name((uintptr_t)memory));
			views_plain((uintptr_t)memory, machine.piece[i].bytes, true,
				__builtin_return_address(0));
		}
	}
}

void *machine_memcpy(void *to, const void *from, size_t bytes)
{
	views_plain((uintptr_t)from, bytes, false, __builtin_return_address(0));
	views_plain((uintptr_t)to, bytes, true, __builtin_return_address(0));
	return memcpy(to, from, bytes);
}

void *machine_memset(void *to, int value, size_t bytes)
{
	views_plain((uintptr_t)to, bytes, true, __builtin_return_address(0));
	return memset(to, value, bytes);
}

/*
 * Waiting.
 */

void machine_pause(void)
{
	model_yield();
}

int machine_yield(void)
{
	model_yield();
	return 0;
}

/* In alloc/peer/urcu.c: what a process does once for its pools is done for each pool here. */
int machine_once(pthread_once_t *once, void (*function)(void));
int machine_once(pthread_once_t *once, void (*function)(void))
{
	(void)once;
	function();
	return 0;
}

static bool *held(const pthread_mutex_t *mutex)
{
	for (uint32_t i = 0; i < machine.locks; i++) {
		if (machine.lock[i].mutex == mutex)
			return &machine.lock[i].held;
	}
	if (machine.locks == LOCKS_MAX)
		model_fail(PROMISE_NONE, "an execution uses more than %d mutexes", LOCKS_MAX);
	machine.lock[machine.locks].mutex = mutex;
	machine.lock[machine.locks].held = false;
	return &machine.lock[machine.locks++].held;
}

static bool is_free(const void *mutex)
{
	return !*held(mutex);
}

static int acquire(pthread_mutex_t *mutex)
{
	*held(mutex) = true;
	if (model_runs())
		views_take_from((uintptr_t)mutex, model_self());
	trace_say("locks %s", machine_name((uintptr_t)mutex));
	return 0;
}

int machine_lock(pthread_mutex_t *mutex)
{
	sites_reach(__builtin_return_address(0));
	model_step();
	model_wait(is_free, mutex);
	return acquire(mutex);
}

int machine_trylock(pthread_mutex_t *mutex)
{
	sites_reach(__builtin_return_address(0));
	model_step();
	return is_free(mutex) ? acquire(mutex) : EBUSY;
}

int machine_unlock(pthread_mutex_t *mutex)
{
	sites_reach(__builtin_return_address(0));
	model_step();
	*held(mutex) = false;
	if (model_runs()) {
		views_leave_at((uintptr_t)mutex, model_self());
		model_changed();
	}
	trace_say("unlocks %s", machine_name((uintptr_t)mutex));
	return 0;
}

/*
 * CPUs.
 */

/* What is known at a CPU: by who ran there and who made it a fence, to who runs there later. */
static uintptr_t known_at(uint32_t cpu)
{
	return (uintptr_t)&machine.last_on[cpu];
}

static void abort_section(uint32_t thread)
{
	machine.section[thread].aborted = machine.section[thread].inside;
}

/* A thread goes on at a CPU, which is a barrier between it and whoever ran there, and aborts their sections. */
static void runs_on(uint32_t thread, uint32_t cpu)
{
	uint32_t last = machine.last_on[cpu];

	if (last == thread)
		return;
	if (last != MODEL_THREADS)
		views_leave_at(known_at(cpu), last);
	views_take_from(known_at(cpu), thread);
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		if (i != thread && machine.area[i].cpu_id == cpu)
			abort_section(i);
	}
	machine.last_on[cpu] = thread;
}

/* The running thread moves to the next CPU. */
static void migrate(void)
{
	struct rseq_unregistered *area = &machine.area[model_self()];

	views_leave_at(known_at(area->cpu_id), model_self());
	area->cpu_id = area->cpu_id_start = (area->cpu_id + 1) % MACHINE_CPUS;
	trace_say("moves to CPU %u", area->cpu_id);
	runs_on(model_self(), area->cpu_id);
}

static void switched(uint32_t from, uint32_t to)
{
	(void)from;
	runs_on(to, machine.area[to].cpu_id);
}

void machine_begin(const uint32_t *cpu, uint32_t threads)
{
	machine.used = machine.used_before;
	machine.pieces = machine.pieces_before;
	machine.locks = 0;
	rcu_begin();
	model_switched = switched;
	for (uint32_t i = 0; i < array_count(machine.last_on); i++)
		machine.last_on[i] = MODEL_THREADS;
	for (uint32_t i = 0; i < threads; i++)
		machine.area[i] =
			(struct rseq_unregistered){.cpu_id_start = cpu[i], .cpu_id = cpu[i]};
	memset(machine.section, 0, sizeof(machine.section));
}

bool machine_cpu_word(uintptr_t at, uint64_t *value)
{
	if (at - (uintptr_t)machine.area >= sizeof(machine.area))
		return false;
	if (model_choose(MODEL_FAULTS, 2) != 0)
		migrate();
	*value = machine.area[(at - (uintptr_t)machine.area) / sizeof(*machine.area)].cpu_id;
	return true;
}

uint32_t cpu_possible(void)
{
	return MACHINE_CPUS;
}

uint32_t cpu_nodes(uint16_t *node, uint32_t cpus)
{
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		node[cpu] = (uint16_t)cpu;
	return cpus;
}

uint32_t cpu_limit(void)
{
	return MACHINE_CPUS;
}

atom_u32 *cpu_word(void)
{
	return rseq_area();
}

uint32_t cpu_ask(void)
{
	return machine.area[model_self()].cpu_id;
}

void *rseq_area(void)
{
	return &machine.area[model_self()];
}

void *rseq_area_or(struct rseq_unregistered *stand_in, uint32_t cpu)
{
	(void)stand_in, (void)cpu;
	return rseq_area();
}

const char *rseq_missing(void)
{
	return NULL;
}

const char *rseq_cid_missing(void)
{
	return NULL;
}

static void fence(uint32_t cpu)
{
	const uint32_t self = model_self();

	trace_say("fences CPU %u", cpu);
	const uint32_t there = machine.last_on[cpu];
	if (there != MODEL_THREADS && there != self)
		views_leave_at(known_at(cpu), there);
	views_take_from(known_at(cpu), self);
	views_leave_at(known_at(cpu), self);
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		if (i == self || machine.area[i].cpu_id != cpu)
			continue;
		views_take_from(known_at(cpu), i);
		abort_section(i);
	}
}

bool rseq_fence(uint32_t cpu)
{
	sites_reach(__builtin_return_address(0));
	if (!model_runs())
		return true;
	model_step();
	fence(cpu);
	return true;
}

bool rseq_fence_all(void)
{
	sites_reach(__builtin_return_address(0));
	if (!model_runs())
		return true;
	model_step();
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++)
		fence(cpu);
	return true;
}

uint32_t machine_enter(void *rs, enum rseq_index by)
{
	const uint32_t self = model_self();

	if (rs != &machine.area[self])
		model_fail(PROMISE_SECTIONS,
			"thread %u enters a section with another thread's area", self);
	machine.section[self].inside = true;
	machine.section[self].aborted = false;
	trace_say("enters a section on CPU %u", machine.area[self].cpu_id);
	/* An id is a CPU's for good here, but none is the number of its CPU. */
	return (machine.area[self].cpu_id + (by == RSEQ_BY_CID)) % MACHINE_CPUS;
}

void machine_leave(void)
{
	machine.section[model_self()].inside = false;
}

bool machine_section_step(void)
{
	enum { GOES_ON, SIGNAL, MOVES, WAYS };

	sites_reach(__builtin_return_address(0));
	if (!model_runs())
		return true;
	model_step();
	uint32_t way = GOES_ON;
	if (!machine.section[model_self()].aborted)
		way = model_choose(MODEL_FAULTS, WAYS);
	if (way == GOES_ON && !machine.section[model_self()].aborted)
		return true;
	machine_leave();
	trace_say("the section is aborted");
	if (way == MOVES)
		migrate();
	return false;
}
