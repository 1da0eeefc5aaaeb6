/*
 * nblbench-refuser: commits misuses and times their refusals, as a user's program would that has set a
 * handler. Each is looked at before it is timed: a call that is not refused, or for another reason than
 * the list says, is told and not timed; and in the window every single one has to be reported. See
 * refusals.h.
 */
#include "alloc/ndis/misuse_acts.h"
#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/base/status.h"
#include "bench/command/refusals.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 64,       /* calls between two readings of the clock */
	BATCHES_MIN = 16, /* a turn, even where another program has the CPU for all of its time */
	BATCHES_MAX = 1 << 14,
	TEXT_BYTES = 1024,
};

/*
 * A turn: batches one after the other until its time is over. Its figure is the median batch, which no
 * interrupt and no other program is in.
 */
struct turn {
	uint64_t until;
	uint64_t last; /* reading of the clock */
	size_t batches;
	uint64_t ns[BATCHES_MAX];
};

static struct turn turn;

static void turn_begin(uint64_t window_ns)
{
	turn.batches = 0;
	turn.last = clock_now_ns();
	turn.until = turn.last + window_ns;
}

/* After a batch. True: another one. */
static bool turn_goes_on(void)
{
	const uint64_t now = clock_now_ns();

	turn.ns[turn.batches++] = now - turn.last;
	turn.last = now;
	return turn.batches < BATCHES_MIN || (now < turn.until && turn.batches < BATCHES_MAX);
}

static int ascending(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of one call. */
static double turn_ns(void)
{
	qsort(turn.ns, turn.batches, sizeof(turn.ns[0]), ascending);
	return (double)turn.ns[turn.batches / 2] / BATCH;
}

/* What the handler has seen since it was set. */
struct seen {
	enum nbl_misuse_kind kind; /* that is expected */
	uint64_t expected;
	uint64_t others;
};

/* The first report, kept: its members may be gone after the call. */
struct report {
	bool came;
	struct nbl_misuse misuse;
	char call[64];
	char text[TEXT_BYTES];
};

static void count(void *arg, const struct nbl_misuse *misuse)
{
	struct seen *seen = arg;

	if (misuse->kind == seen->kind)
		seen->expected++;
	else
		seen->others++;
}

static void keep(void *arg, const struct nbl_misuse *misuse)
{
	struct report *report = arg;

	if (report->came)
		return;
	report->came = true;
	report->misuse = *misuse;
	snprintf(report->call, sizeof(report->call), "%s", misuse->call);
	snprintf(report->text, sizeof(report->text), "%s", misuse->text);
}

/* Commits it once. False: no such report came, and why says what did. */
static bool look(const struct misuse_act *act, struct misuse_victim *victim, struct report *report,
	char why[REFUSALS_WHY_BYTES])
{
	*report = (struct report){.came = false};
	nbl_set_misuse_handler(keep, report);
	act->commit(victim);
	if (!report->came)
		snprintf(why, REFUSALS_WHY_BYTES, "is accepted");
	else if (report->misuse.kind != act->kind || strcmp(report->call, act->call) != 0 ||
		 report->misuse.tag != act->tag)
		snprintf(why, REFUSALS_WHY_BYTES, "is refused as %s by %s",
			nbl_misuse_name(report->misuse.kind), report->call);
	else
		return true;
	return false;
}

static void time_calls(const struct misuse_act *act, struct misuse_victim *victim,
	uint64_t window_ns, struct refusals_answer *answer)
{
	struct seen seen = {.kind = act->kind};

	nbl_set_misuse_handler(count, &seen);
	turn_begin(window_ns);
	do {
		for (int i = 0; i < BATCH; i++)
			act->commit(victim);
	} while (turn_goes_on());
	answer->ns = turn_ns();
	const uint64_t calls = turn.batches * BATCH;
	if (seen.expected != calls || seen.others != 0)
		snprintf(answer->why, sizeof(answer->why),
			"is refused %ju times of %ju, and %ju times as something else",
			(uintmax_t)seen.expected, (uintmax_t)calls, (uintmax_t)seen.others);
}

/* The same words by the same functions, in two parts as in a report. */
static void time_sentences(
	const struct report *report, uint64_t window_ns, struct refusals_answer *answer)
{
	const char *rest = strstr(report->text, "): ");
	char tag[NBL_TAG_TEXT_BYTES] = "none", text[TEXT_BYTES];

	if (rest == NULL) {
		snprintf(answer->why, sizeof(answer->why), "is reported without an object");
		return;
	}
	rest += strlen("): ");
	turn_begin(window_ns);
	do {
		for (int i = 0; i < BATCH; i++) {
			if (report->misuse.tag != 0)
				nbl_tag_text(report->misuse.tag, tag);
			const int used = snprintf(text, sizeof(text),
				"%s: %s (pool tag '%s', object %p): ", report->call,
				nbl_misuse_name(report->misuse.kind), tag, report->misuse.object);
			snprintf(text + used, sizeof(text) - (size_t)used, "%s", rest);
			bench_escape(text);
		}
	} while (turn_goes_on());
	answer->ns = turn_ns();
}

/* The whole of a struct. False: the other side has gone. */
static bool read_all(void *out, size_t bytes)
{
	return fread(out, bytes, 1, stdin) == 1;
}

static bool write_all(const void *data, size_t bytes)
{
	return fwrite(data, bytes, 1, stdout) == 1 && fflush(stdout) == 0;
}

static int fail(const char *why)
{
	fprintf(stderr, "nblbench-refuser: %s\n", why);
	return COMMAND_FAILED;
}

/*
 * Does what is asked on fresh victims: of two sets at once, one would allocate what the other has freed.
 * Afterwards they go back, which shows whether the refusals have changed anything.
 */
static void do_request(const struct refusals_request *request, struct refusals_answer *answer)
{
	static struct misuse_victim victim;
	const struct misuse_act *act = misuse_act(request->act);
	struct seen seen = {.kind = NBL_MISUSE_KINDS};
	struct report report;

	if (!misuse_victim_make(&victim, request->verify)) {
		snprintf(answer->why, sizeof(answer->why), "has no memory for what is misused");
		return;
	}
	if (!look(act, &victim, &report, answer->why))
		return;
	if (request->what == REFUSALS_CALL)
		time_calls(act, &victim, request->window_ns, answer);
	else
		time_sentences(&report, request->window_ns, answer);
	if (answer->why[0] != '\0')
		return;
	nbl_set_misuse_handler(count, &seen);
	const bool whole = misuse_victim_is_whole(&victim);
	misuse_victim_free(&victim);
	if (!whole || seen.others != 0 || !nbl_release_defaults())
		snprintf(answer->why, sizeof(answer->why), "is refused and changes something");
}

/* After an answer with a why there is nothing to rely on, and it ends. */
int main(void)
{
	static struct refusals_hello hello;
	struct refusals_request request;
	Dl_info info;

	if (isatty(STDIN_FILENO))
		return fail("it is started by `nblbench refusals`");
	if (dladdr((void *)NdisAllocateNetBufferListPool, &info) == 0 ||
		realpath(info.dli_fname, hello.library) == NULL)
		return fail("it does not know the file of its library");
	if (!write_all(&hello, sizeof(hello)))
		return COMMAND_FAILED;
	while (read_all(&request, sizeof(request))) {
		struct refusals_answer answer = {.why = ""};

		do_request(&request, &answer);
		if (!write_all(&answer, sizeof(answer)))
			return COMMAND_FAILED;
		if (answer.why[0] != '\0')
			break;
	}
	return COMMAND_OK;
}
