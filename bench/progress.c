/* The progress line: see progress.h. */
#include "bench/progress.h"

#include "bench/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ten times a second is smooth; more would only cost. */
#define PROGRESS_INTERVAL_NS UINT64_C(100000000)

/* A pace that is known from less of the time than this is a guess, and the plan's is taken. */
#define PROGRESS_PACE_NS UINT64_C(2000000000)

const char *progress_time(uint64_t ns, char text[PROGRESS_TIME_BYTES])
{
	uint64_t seconds = (ns + CLOCK_NS_PER_S / 2) / CLOCK_NS_PER_S;
	uint64_t hours = seconds / 3600, minutes = seconds / 60 % 60;

	if (hours > 0)
		snprintf(text, PROGRESS_TIME_BYTES, "%" PRIu64 ":%02u:%02u", hours,
			(unsigned)minutes, (unsigned)(seconds % 60));
	else
		snprintf(text, PROGRESS_TIME_BYTES, "%u:%02u", (unsigned)minutes,
			(unsigned)(seconds % 60));
	return text;
}

void progress_begin(struct progress *self, uint64_t total_ns, uint64_t done_ns)
{
	const char *no_color = getenv("NO_COLOR");

	*self = (struct progress){
		.shown = isatty(STDERR_FILENO) == 1,
		.started_ns = clock_now_ns(),
		.total_ns = total_ns,
		.first_ns = done_ns,
		.done_ns = done_ns,
	};
	self->dim = self->shown && (no_color == NULL || no_color[0] == '\0');
}

uint64_t progress_left_ns(const struct progress *self, uint64_t now_ns)
{
	const uint64_t spent = now_ns - self->started_ns;
	const uint64_t worked = self->done_ns - self->first_ns;
	const double left = (double)(self->total_ns - self->done_ns);

	if (worked == 0 || spent < PROGRESS_PACE_NS)
		return (uint64_t)left;
	return (uint64_t)(left * (double)spent / (double)worked);
}

void progress_draw(
	struct progress *self, size_t cell, size_t cells, uint64_t done_ns, const char *label)
{
	const uint64_t now = clock_now_ns();
	char left[PROGRESS_TIME_BYTES];

	self->done_ns = done_ns < self->total_ns ? done_ns : self->total_ns;
	if (!self->shown || (self->drawn_ns != 0 && now - self->drawn_ns < PROGRESS_INTERVAL_NS))
		return;
	self->drawn_ns = now;
	unsigned percent =
		self->total_ns == 0
			? 100
			: (unsigned)(100.0 * (double)self->done_ns / (double)self->total_ns);
	fprintf(stderr, "\r\033[Kcell %zu of %zu  %3u %%  %s left  %s%s%s", cell, cells, percent,
		progress_time(progress_left_ns(self, now), left), self->dim ? "\033[2m" : "", label,
		self->dim ? "\033[0m" : "");
	fflush(stderr);
}

void progress_wipe(const struct progress *self)
{
	if (self->shown && self->drawn_ns != 0)
		fprintf(stderr, "\r\033[K");
}
