/* See trace.h. */
#include "stress/model/trace.h"
#include "stress/model/explore.h"
#include "stress/model/machine.h"

#include <inttypes.h>
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOTES_MAX = 1 << 15, TEXT_BYTES = 150, AT_A_TIME = 64, ENDS = 300 };

struct note {
	uint32_t thread, step;
	const void *from;
	uintptr_t at; /* of a plain access; 0: it is none */
	size_t bytes;
	char text[TEXT_BYTES];
};

static struct {
	bool on;
	uintptr_t spot;
	struct note note[NOTES_MAX];
	uint32_t notes;
} t;

static const char *order_name(int order)
{
	static const char *const names[] = {
		"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};

	return names[order];
}

void trace_begin(void)
{
	t.on = true;
	t.spot = 0;
	t.notes = 0;
}

void trace_end(void)
{
	t.on = false;
}

bool trace_on(void)
{
	return t.on;
}

void trace_spot(uintptr_t at)
{
	t.spot = at;
}

__attribute__((format(printf, 2, 3))) static struct note *add(
	const void *from, const char *format, ...)
{
	static struct note spare; /* beyond the room there is nobody reads on */
	struct note *note = t.notes < NOTES_MAX ? &t.note[t.notes++] : &spare;
	va_list args;

	*note = (struct note){.thread = model_self(), .step = model_now(), .from = from};
	va_start(args, format);
	vsnprintf(note->text, sizeof(note->text), format, args);
	va_end(args);
	return note;
}

void trace_say(const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	if (!t.on)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add(NULL, "%s", text);
}

/* "by thread 1 at step 7" */
static const char *source(uint32_t by, uint32_t then)
{
	static char text[48];

	if (by == MODEL_THREADS)
		return "the setup's";
	snprintf(text, sizeof(text), "thread %" PRIu32 "'s of step %" PRIu32, by, then);
	return text;
}

void trace_load(uintptr_t at, unsigned bytes, int order, uint64_t value, uint32_t by, uint32_t then,
	bool stale, const void *from)
{
	add(from, "load %s u%u %s = %#" PRIx64 ", %s%s", order_name(order), bytes * 8,
		machine_name(at), value, source(by, then), stale ? ", OVERWRITTEN SINCE" : "");
}

void trace_store(uintptr_t at, unsigned bytes, int order, uint64_t value, const void *from)
{
	add(from, "store %s u%u %s := %#" PRIx64, order_name(order), bytes * 8, machine_name(at),
		value);
}

void trace_modify(
	uintptr_t at, unsigned bytes, int order, uint64_t old, uint64_t value, const void *from)
{
	add(from, "modify %s u%u %s: %#" PRIx64 " -> %#" PRIx64, order_name(order), bytes * 8,
		machine_name(at), old, value);
}

void trace_cas(uintptr_t at, unsigned bytes, int order, uint64_t expected, uint64_t old,
	uint64_t value, bool done, bool stale, const void *from)
{
	if (done)
		add(from, "cas %s u%u %s: %#" PRIx64 " -> %#" PRIx64, order_name(order), bytes * 8,
			machine_name(at), old, value);
	else
		add(from, "cas %s u%u %s FAILS: %#" PRIx64 " expected, %#" PRIx64 " met%s",
			order_name(order), bytes * 8, machine_name(at), expected, old,
			stale ? ", OVERWRITTEN SINCE" : "");
}

void trace_pair(uintptr_t at, const uint64_t expected[2], const uint64_t old[2],
	const uint64_t value[2], bool done, const void *from)
{
	add(from,
		"cas seq_cst u128 %s %s: %#" PRIx64 ",%#" PRIx64 " -> %#" PRIx64 ",%#" PRIx64
		", %#" PRIx64 ",%#" PRIx64 " met",
		machine_name(at), done ? "done" : "FAILS", expected[0], expected[1], value[0],
		value[1], old[0], old[1]);
}

void trace_fence(int order, const void *from)
{
	add(from, "fence %s", order_name(order));
}

void trace_plain(uintptr_t at, size_t bytes, bool write, const void *from)
{
	struct note *note = add(from, "plain %s of %zu bytes at %s", write ? "write" : "read",
		bytes, machine_name(at));

	note->at = at;
	note->bytes = bytes;
}

/*
 * Places, by addr2line of the binutils, which the build needs anyway.
 */

static int note_bias(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	(void)bytes;
	*(uintptr_t *)arg = info->dlpi_addr;
	return 1; /* the first is the program */
}

/* One line of addr2line's: "0x...: function at file.h:12", or " (inlined by) function at ...". */
static void take_line(char *line, char *place)
{
	char *text = strstr(line, ": ");
	const bool inlined = strncmp(line, " (inlined by) ", 14) == 0;

	line[strcspn(line, "\n")] = '\0';
	text = inlined ? line + 14 : text != NULL ? text + 2 : line;
	char *at = strstr(text, " at ");
	if (at == NULL)
		return;
	*at = '\0';
	char *file = at + 4;
	char *discriminator = strstr(file, " (discriminator");
	if (discriminator != NULL)
		*discriminator = '\0';
	size_t used = strlen(place);
	if (inlined && used != 0)
		snprintf(place + used, TRACE_PLACE_BYTES - used, " < %.70s", text);
	else
		snprintf(place, TRACE_PLACE_BYTES, "%.44s %.70s", file, text);
}

void trace_places(const void *const *from, size_t count, char (*places)[TRACE_PLACE_BYTES])
{
	uintptr_t bias = 0;
	char command[64 + AT_A_TIME * 24];
	char line[1024];

	dl_iterate_phdr(note_bias, &bias);
	for (size_t done = 0; done < count; done += AT_A_TIME) {
		size_t end = done + AT_A_TIME < count ? done + AT_A_TIME : count;
		size_t used = (size_t)snprintf(command, sizeof(command),
			"addr2line -e /proc/%d/exe -afips 2>/dev/null", (int)getpid());

		for (size_t i = done; i < end; i++) {
			places[i][0] = '\0';
			/* A return address belongs to the line after the call's. */
			used += (size_t)snprintf(command + used, sizeof(command) - used,
				" 0x%" PRIxPTR, (uintptr_t)from[i] - bias - 1);
		}
		FILE *pipe = popen(command, "r");
		size_t at = done;
		bool began = false;
		while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
			if (line[0] == '0') {
				at += began;
				began = true;
			}
			if (at < end)
				take_line(line, places[at]);
		}
		if (pipe != NULL)
			pclose(pipe);
	}
	for (size_t i = 0; i < count; i++) {
		if (places[i][0] == '\0')
			snprintf(places[i], TRACE_PLACE_BYTES, "?");
	}
}

/* Plain accesses are many, and matter where the failure is. */
static bool shown(const struct note *note)
{
	return note->at == 0 || (t.spot != 0 && note->at < (t.spot | 7) + 1 &&
					note->at + note->bytes > (t.spot & ~(uintptr_t)7));
}

/* A trace that goes round and round is cut in the middle. */
static void cut_middle(void)
{
	if (t.notes <= 2 * ENDS)
		return;
	memmove(&t.note[ENDS + 1], &t.note[t.notes - ENDS], ENDS * sizeof(*t.note));
	t.note[ENDS] = (struct note){.text = "... and so on ..."};
	t.notes = 2 * ENDS + 1;
}

void trace_print(FILE *out)
{
	static const void *from[NOTES_MAX];
	static char places[NOTES_MAX][TRACE_PLACE_BYTES];
	size_t count = 0;

	cut_middle();
	for (uint32_t i = 0; i < t.notes; i++) {
		if (shown(&t.note[i]) && t.note[i].from != NULL)
			from[count++] = t.note[i].from;
	}
	trace_places(from, count, places);
	count = 0;
	for (uint32_t i = 0; i < t.notes; i++) {
		const struct note *note = &t.note[i];

		if (!shown(note))
			continue;
		if (note->from == NULL)
			fprintf(out, "  thread %" PRIu32 "       %s\n", note->thread, note->text);
		else
			fprintf(out,
				"  thread %" PRIu32 " %4" PRIu32 "    %s\n                  %s\n",
				note->thread, note->step, note->text, places[count++]);
	}
}
