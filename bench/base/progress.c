/* The progress line: see progress.h. */
#include "bench/base/progress.h"

#include "bench/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Ten times a second is smooth; more would only cost. */
#define PROGRESS_INTERVAL_NS UINT64_C(100000000)

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

void progress_begin(struct progress *self, struct progress_cell *cells, size_t count)
{
	*self = (struct progress){
		.shown = isatty(STDERR_FILENO) == 1,
		.cells = cells,
		.count = count,
	};
}

void progress_count(struct progress *self, size_t cell, uint64_t took_ns)
{
	self->cells[cell].done++;
	self->cells[cell].timed++;
	self->cells[cell].timed_ns += took_ns;
}

/* How many times longer than planned the timed blocks of one kind of cells took; 1 without any. */
static double slowness(const struct progress *self, bool oversubscribed)
{
	double planned = 0, took = 0;

	for (size_t i = 0; i < self->count; i++) {
		const struct progress_cell *cell = &self->cells[i];

		if (cell->oversubscribed != oversubscribed)
			continue;
		planned += (double)cell->timed * (double)cell->planned_ns;
		took += (double)cell->timed_ns;
	}
	return planned > 0 ? took / planned : 1;
}

uint64_t progress_block_ns(const struct progress *self, size_t cell)
{
	const struct progress_cell *c = &self->cells[cell];

	if (c->timed > 0)
		return c->timed_ns / c->timed;
	return (uint64_t)((double)c->planned_ns * slowness(self, c->oversubscribed));
}

uint64_t progress_left_ns(const struct progress *self)
{
	uint64_t left = 0;

	for (size_t i = 0; i < self->count; i++)
		left += (self->cells[i].blocks - self->cells[i].done) * progress_block_ns(self, i);
	return left;
}

unsigned progress_percent(const struct progress *self)
{
	const uint64_t left = progress_left_ns(self);
	uint64_t done = 0;

	for (size_t i = 0; i < self->count; i++)
		done += self->cells[i].done * progress_block_ns(self, i);
	return left == 0 ? 100 : (unsigned)(100.0 * (double)done / (double)(done + left));
}

void progress_line(const struct progress *self, const struct progress_place *place,
	unsigned columns, char text[PROGRESS_LINE_BYTES])
{
	char left[PROGRESS_TIME_BYTES];

	snprintf(text, PROGRESS_LINE_BYTES,
		"%u %%  %s left  fork %" PRIu32 "/%" PRIu32 "  cell %zu/%zu  %s",
		progress_percent(self), progress_time(progress_left_ns(self), left),
		place->fork + 1, place->forks, place->cell + 1, self->count, place->label);
	if (columns > 0 && columns <= PROGRESS_LINE_BYTES)
		text[columns - 1] = '\0';
}

static unsigned terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void progress_draw(struct progress *self, const struct progress_place *place)
{
	const uint64_t now = clock_now_ns();
	char text[PROGRESS_LINE_BYTES];

	if (!self->shown || (self->drawn_ns != 0 && now - self->drawn_ns < PROGRESS_INTERVAL_NS))
		return;
	self->drawn_ns = now;
	progress_line(self, place, terminal_columns(), text);
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
}

void progress_wipe(const struct progress *self)
{
	if (self->shown && self->drawn_ns != 0)
		fprintf(stderr, "\r\033[K");
}
