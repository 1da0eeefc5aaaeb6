/* See views.h. */
#include "stress/model/views.h"
#include "stress/model/explore.h"
#include "stress/model/granules.h"
#include "stress/model/machine.h"
#include "stress/model/trace.h"

#include <link.h>
#include <string.h>

enum {
	WORDS_MAX = 2048,         /* atomic words that one execution uses */
	MESSAGES_MAX = 1 << 16,   /* values stored */
	VIEW_WORDS_MAX = 1 << 23, /* what the views in messages occupy */
	LOCKS_MAX = 16,
	NOTHING = UINT32_MAX,
};

struct word {
	uintptr_t at;
	uint32_t bytes;
	uint32_t last;  /* message */
	uint32_t floor; /* the index of the oldest that may be read at all */
	uint32_t sc;    /* of the oldest that a sequentially consistent load may read */
};

struct message {
	uint64_t value;
	uint32_t previous; /* message of the same word */
	uint32_t index;    /* among the word's */
	uint32_t view;     /* where it lies in `views`; NOTHING: it released nothing */
	uint32_t step;
	uint32_t thread;
};

/* Of each thread its clock, of each word the index of a message. */
struct view {
	uint32_t clock[MODEL_THREADS];
	uint32_t seen[WORDS_MAX];
};

struct known {
	struct view now;      /* what it knows */
	struct view acquired; /* what an acquire fence would add */
	struct view released; /* what a relaxed store passes on, since the last release fence */
};

enum mode { OFF, RUNS, QUIET };

static struct {
	unsigned char stack[MODEL_THREADS][VIEWS_STACK_BYTES];
	enum mode mode;
	struct word word[WORDS_MAX];
	uint32_t words;
	struct message message[MESSAGES_MAX];
	uint32_t messages;
	uint32_t views[VIEW_WORDS_MAX];
	uint32_t view_words;
	struct known known[MODEL_THREADS];
	struct view fences; /* what sequentially consistent fences have in common */
	struct {
		uintptr_t at;
		struct view view;
	} lock[LOCKS_MAX];
	uint32_t locks;
} m;

/*
 * Thread-local variables, of which virtual threads have one set for all: what they do to them is undone,
 * but is no race.
 */
static uintptr_t locals, locals_bytes;

static int note_locals(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	(void)bytes, (void)arg;
	locals = (uintptr_t)info->dlpi_tls_data;
	for (uint32_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			locals_bytes = info->dlpi_phdr[i].p_memsz;
	}
	return 1; /* the first is the program */
}

void *views_stack(uint32_t thread)
{
	return m.stack[thread];
}

void views_begin(void)
{
	if (locals == 0)
		dl_iterate_phdr(note_locals, NULL);
	granules_begin();
	m.mode = RUNS;
	m.messages = m.view_words = m.locks = 0;
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		struct known *known = &m.known[i];

		memset(known->now.clock, 0, sizeof(known->now.clock));
		memset(known->acquired.clock, 0, sizeof(known->acquired.clock));
		memset(known->released.clock, 0, sizeof(known->released.clock));
		known->now.clock[i] = 1;
	}
	memset(m.fences.clock, 0, sizeof(m.fences.clock));
	m.words = 0; /* each word clears what is known of it */
}

void views_quiet(void)
{
	m.mode = QUIET;
}

void views_restore(void)
{
	m.mode = OFF;
	granules_restore();
}

/* Virtual threads' own memory: nobody else's business, and not undone. */
static bool is_private(uintptr_t at)
{
	return at - (uintptr_t)m.stack < sizeof(m.stack);
}

static void account(uintptr_t at, uint32_t bytes, enum access access)
{
	const uint32_t self = model_self();

	granule_access(at, bytes, access, self, m.known[self].now.clock);
}

void views_plain(uintptr_t at, size_t bytes, bool write, const void *from)
{
	if (m.mode == OFF || is_private(at))
		return;
	if (m.mode == RUNS && trace_on())
		trace_plain(at, bytes, write, from);
	while (bytes != 0) {
		size_t here = GRANULE - at % GRANULE;

		if (here > bytes)
			here = bytes;
		if (m.mode == RUNS && at - locals >= locals_bytes)
			account(at, (uint32_t)here, write ? PLAIN_WRITE : PLAIN_READ);
		else if (write)
			granule_keep(granule_of(at));
		at += here;
		bytes -= here;
	}
}

/*
 * Views.
 */

static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void join(struct view *to, const struct view *from)
{
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		to->clock[i] = greater(to->clock[i], from->clock[i]);
	for (uint32_t i = 0; i < m.words; i++)
		to->seen[i] = greater(to->seen[i], from->seen[i]);
}

static void assign(struct view *to, const struct view *from)
{
	memcpy(to->clock, from->clock, sizeof(to->clock));
	memcpy(to->seen, from->seen, m.words * sizeof(uint32_t));
}

/* What a message carries: [words, clocks, seen]. */
static void join_kept(struct view *to, uint32_t view)
{
	const uint32_t *kept = &m.views[view];
	const uint32_t words = kept[0];

	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		to->clock[i] = greater(to->clock[i], kept[1 + i]);
	kept += 1 + MODEL_THREADS;
	for (uint32_t i = 0; i < words; i++)
		to->seen[i] = greater(to->seen[i], kept[i]);
}

static uint32_t keep(const struct view *view)
{
	const uint32_t place = m.view_words;

	m.view_words += 1 + MODEL_THREADS + m.words;
	if (m.view_words > VIEW_WORDS_MAX)
		model_fail(PROMISE_NONE,
			"an execution has more messages than the explorer has room for");
	m.views[place] = m.words;
	memcpy(&m.views[place + 1], view->clock, sizeof(view->clock));
	memcpy(&m.views[place + 1 + MODEL_THREADS], view->seen, m.words * sizeof(uint32_t));
	return place;
}

static bool acquires(int order)
{
	return order == ACQUIRE || order == CONSUME || order == ACQ_REL || order == SEQ_CST;
}

static bool releases(int order)
{
	return order == RELEASE || order == ACQ_REL || order == SEQ_CST;
}

/*
 * Words.
 */

static uint64_t real(uintptr_t at, uint32_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)at, bytes);
	return value;
}

static uint32_t add_message(struct word *word, uint64_t value, uint32_t view)
{
	if (m.messages == MESSAGES_MAX)
		model_fail(PROMISE_NONE,
			"an execution has more messages than the explorer has room for");
	const bool first = word->last == NOTHING;
	m.message[m.messages] = (struct message){.value = value,
		.previous = word->last,
		.index = first ? 0 : m.message[word->last].index + 1,
		.view = view,
		.step = model_now(),
		.thread = model_self()};
	return word->last = m.messages++;
}

static uint32_t word_at(uintptr_t at, uint32_t bytes)
{
	struct granule *granule = granule_of(at);
	uint32_t *number = &granule->word[at - granule->at >= GRANULE / 2];

	if (*number == GRANULE_NO_WORD) {
		if (m.words == WORDS_MAX)
			model_fail(PROMISE_NONE, "an execution uses more than %d atomic words",
				WORDS_MAX);
		for (uint32_t i = 0; i < MODEL_THREADS; i++) {
			m.known[i].now.seen[m.words] = 0;
			m.known[i].acquired.seen[m.words] = 0;
			m.known[i].released.seen[m.words] = 0;
		}
		m.fences.seen[m.words] = 0;
		m.word[m.words] = (struct word){.at = at, .bytes = bytes, .last = NOTHING};
		add_message(&m.word[m.words], real(at, bytes), NOTHING);
		m.message[m.word[m.words].last].thread = MODEL_THREADS; /* whoever came before */
		*number = m.words++;
	}
	struct word *word = &m.word[*number];
	if (word->at != at || word->bytes != bytes)
		model_fail(PROMISE_NONE,
			"an atomic access of %u bytes at %#zx, which has %u: not explored", bytes,
			(size_t)at, word->bytes);
	/* Written plainly since: the last message is what memory holds. */
	const bool high = at - granule->at >= GRANULE / 2;
	bool *overwritten = granule->overwritten;
	if (overwritten[high] || (bytes == GRANULE && overwritten[1])) {
		overwritten[high] = overwritten[high || bytes == GRANULE] = false;
		word->floor = m.message[add_message(word, real(at, bytes), NOTHING)].index;
	}
	return *number;
}

/* Reads a message: what the thread knows afterwards. */
static void learn(uint32_t number, const struct message *message, int order)
{
	struct known *known = &m.known[model_self()];

	known->now.seen[number] = greater(known->now.seen[number], message->index);
	if (order == SEQ_CST)
		m.word[number].sc = greater(m.word[number].sc, message->index);
	if (message->view == NOTHING)
		return;
	join_kept(acquires(order) ? &known->now : &known->acquired, message->view);
}

/* Stores: `read` is the message that a read-modify-write has read, else NOTHING. */
static void tell(uint32_t number, uint64_t value, int order, uint32_t read)
{
	const uint32_t self = model_self();
	struct known *known = &m.known[self];
	struct word *word = &m.word[number];
	static struct view passed;
	const uint32_t index = m.message[word->last].index + 1;
	uint32_t view = NOTHING;

	known->now.seen[number] = index;
	if (order == SEQ_CST)
		word->sc = index;
	assign(&passed, &known->released);
	if (releases(order))
		join(&passed, &known->now);
	passed.seen[number] = index;
	if (read != NOTHING && m.message[read].view != NOTHING)
		join_kept(&passed, m.message[read].view);
	view = keep(&passed);
	add_message(word, value, view);
	known->now.clock[self]++;
	model_changed();
	memcpy((void *)word->at, &value, word->bytes);
}

/*
 * The message that a load reads: the last, or, at a price, an older one that the thread may still
 * read and that is not `barred`, as the value is that a CAS would have taken.
 */
static uint32_t choose_message(uint32_t number, int order, const uint64_t *barred)
{
	const struct word *word = &m.word[number];
	uint32_t option[64];
	uint32_t count = 1;
	uint32_t least = greater(word->floor, m.known[model_self()].now.seen[number]);

	if (order == SEQ_CST)
		least = greater(least, word->sc);
	option[0] = word->last;
	for (uint32_t at = m.message[word->last].previous;
		at != NOTHING && m.message[at].index >= least &&
		count < sizeof(option) / sizeof(*option);
		at = m.message[at].previous) {
		if (barred == NULL || m.message[at].value != *barred)
			option[count++] = at;
	}
	return option[model_choose(MODEL_STALE, count)];
}

uint64_t views_load(uintptr_t at, unsigned bytes, int order, const void *from)
{
	uint64_t cpu;

	if (m.mode != RUNS || is_private(at))
		return real(at, bytes);
	if (machine_cpu_word(at, &cpu))
		return cpu; /* the kernel's, up to date whenever the thread runs */
	if ((order & VIEWS_HERE) == 0)
		model_step();
	order &= ~VIEWS_HERE;
	account(at, bytes, ATOMIC_READ);
	uint32_t number = word_at(at, bytes);
	uint32_t message = choose_message(number, order, NULL);
	learn(number, &m.message[message], order);
	if (trace_on())
		trace_load(at, bytes, order, m.message[message].value, m.message[message].thread,
			m.message[message].step, message != m.word[number].last, from);
	return m.message[message].value;
}

static void store_now(uintptr_t at, unsigned bytes, uint64_t value)
{
	if (m.mode == QUIET && !is_private(at))
		granule_keep(granule_of(at));
	memcpy((void *)at, &value, bytes);
}

void views_store(uintptr_t at, unsigned bytes, uint64_t value, int order, const void *from)
{
	if (m.mode != RUNS || is_private(at)) {
		store_now(at, bytes, value);
		return;
	}
	if ((order & VIEWS_HERE) == 0)
		model_step();
	order &= ~VIEWS_HERE;
	account(at, bytes, ATOMIC_WRITE);
	tell(word_at(at, bytes), value, order, NOTHING);
	if (trace_on())
		trace_store(at, bytes, order, value, from);
}

static uint64_t cut(uint64_t value, unsigned bytes)
{
	return bytes == 8 ? value : value & ((UINT64_C(1) << bytes * 8) - 1);
}

uint64_t views_modify(uintptr_t at, unsigned bytes, views_change change, uint64_t operand,
	int order, const void *from)
{
	if (m.mode != RUNS || is_private(at)) {
		uint64_t old = real(at, bytes);

		store_now(at, bytes, cut(change(old, operand), bytes));
		return old;
	}
	model_step();
	account(at, bytes, ATOMIC_WRITE);
	uint32_t number = word_at(at, bytes);
	uint32_t last = m.word[number].last;
	uint64_t old = m.message[last].value;
	uint64_t value = cut(change(old, operand), bytes);
	learn(number, &m.message[last], order);
	tell(number, value, order, last);
	if (trace_on())
		trace_modify(at, bytes, order, old, value, from);
	return old;
}

bool views_cas(uintptr_t at, unsigned bytes, uint64_t *expected, uint64_t value, int order,
	int failure, bool weak, const void *from)
{
	if (m.mode != RUNS || is_private(at)) {
		uint64_t old = real(at, bytes);
		bool same = old == *expected;

		if (same)
			store_now(at, bytes, value);
		*expected = old;
		return same;
	}
	model_step();
	account(at, bytes, ATOMIC_READ);
	uint32_t number = word_at(at, bytes);
	uint32_t last = m.word[number].last;
	/* It fails if it reads an older message with another value. */
	uint32_t message = choose_message(number, failure, expected);
	bool same = message == last && m.message[last].value == *expected;
	if (same && weak && model_choose(MODEL_FAULTS, 2) != 0)
		same = false;
	uint64_t old = m.message[message].value;
	if (same) {
		account(at, bytes, ATOMIC_WRITE);
		learn(number, &m.message[last], order);
		tell(number, value, order, last);
	} else {
		learn(number, &m.message[message], failure);
	}
	if (trace_on())
		trace_cas(at, bytes, same ? order : failure, *expected, old, value, same,
			message != last, from);
	*expected = old;
	return same;
}

bool views_cas_pair(uintptr_t at, uint64_t expected[2], const uint64_t value[2], const void *from)
{
	const bool models = m.mode == RUNS && !is_private(at);
	uint64_t old[2];

	if (models) {
		model_step();
		account(at, GRANULE, ATOMIC_READ);
		account(at + GRANULE, GRANULE, ATOMIC_READ);
	}
	uint32_t number[2] = {0, 0}, last[2] = {0, 0};
	for (uint32_t i = 0; i < 2; i++) {
		if (models) {
			number[i] = word_at(at + i * GRANULE, GRANULE);
			last[i] = m.word[number[i]].last;
		}
		old[i] = real(at + i * GRANULE, GRANULE);
	}
	const bool same = old[0] == expected[0] && old[1] == expected[1];
	for (uint32_t i = 0; models && i < 2; i++)
		learn(number[i], &m.message[last[i]], SEQ_CST);
	for (uint32_t i = 0; same && i < 2; i++) {
		if (models) {
			account(at + i * GRANULE, GRANULE, ATOMIC_WRITE);
			tell(number[i], value[i], SEQ_CST, last[i]);
		} else {
			store_now(at + i * GRANULE, GRANULE, value[i]);
		}
	}
	if (models && trace_on())
		trace_pair(at, expected, old, value, same, from);
	memcpy(expected, old, sizeof(old));
	return same;
}

void views_fence(int order, const void *from)
{
	if (m.mode != RUNS)
		return;
	model_step();
	struct known *known = &m.known[model_self()];
	if (acquires(order))
		join(&known->now, &known->acquired);
	if (order == SEQ_CST) {
		join(&known->now, &m.fences);
		join(&m.fences, &known->now);
	}
	if (releases(order)) {
		assign(&known->released, &known->now);
		known->now.clock[model_self()]++;
	}
	if (trace_on())
		trace_fence(order, from);
}

static struct view *lock_view(uintptr_t lock)
{
	for (uint32_t i = 0; i < m.locks; i++) {
		if (m.lock[i].at == lock)
			return &m.lock[i].view;
	}
	if (m.locks == LOCKS_MAX)
		model_fail(PROMISE_NONE, "an execution uses more than %d locks", LOCKS_MAX);
	m.lock[m.locks].at = lock;
	memset(&m.lock[m.locks].view, 0, sizeof(struct view));
	return &m.lock[m.locks++].view;
}

void views_leave_at(uintptr_t lock, uint32_t thread)
{
	join(lock_view(lock), &m.known[thread].now);
	m.known[thread].now.clock[thread]++;
}

void views_take_from(uintptr_t lock, uint32_t thread)
{
	join(&m.known[thread].now, lock_view(lock));
}
