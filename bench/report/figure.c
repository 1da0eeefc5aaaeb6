/* See figure.h. */
#include "bench/report/figure.h"

#include "bench/base/number.h"
#include "bench/report/html.h"
#include "bench/sweep/watch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PANEL_WIDTH = 168, /* of a small multiple, in the picture's own units: about a CSS pixel */
	PANEL_HEIGHT = 118,
	PANEL_COLUMNS = 6,
	WIDE_WIDTH = 252,
	WIDE_HEIGHT = 190,
	WIDE_COLUMNS = 4,
	FONT_SIZE = 10,
	LABEL_BYTES = 64,
	WATCH_MS = 100,
	HUNG_MS = 10000, /* ten times what the largest page takes it */
};

/* Okabe and Ito's blue and vermilion: told apart by every kind of colour vision, and in grey. */
static const char colour_front[] = "#0072b2";
static const char colour_context[] = "#9a9a9a";

extern char **environ;

/* gnuplot has hung once: a page without figures comes sooner than one that waits for each. */
static bool gnuplot_hangs;

/* Its wait status. One that makes nothing of the time that it is given (watch.h) is ended. */
static int await_gnuplot(pid_t pid)
{
	struct pollfd process = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	struct watch watch = {0};
	struct watch_reading now;
	int status = -1;

	while (process.fd >= 0 && poll(&process, 1, WATCH_MS) == 0 && !gnuplot_hangs) {
		watch_read(pid, &now);
		watch_step(&watch, &now, WATCH_MS * UINT64_C(1000000));
		gnuplot_hangs = watch.given_ns > HUNG_MS * UINT64_C(1000000);
	}
	if (gnuplot_hangs)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (process.fd >= 0)
		close(process.fd);
	return status;
}

/* Runs gnuplot on a script and gives back what it printed, for the caller to free; NULL if it failed. */
static char *run_gnuplot(FILE *script)
{
	static const char *const arguments[] = {"gnuplot", "-d", "-", NULL};
	FILE *result = tmpfile();
	posix_spawn_file_actions_t actions;
	char *text = NULL;
	pid_t pid;
	int status = -1;

	if (gnuplot_hangs || result == NULL) {
		if (result != NULL)
			fclose(result);
		return NULL;
	}
	rewind(script);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(result), STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments,
		    environ) == 0)
		status = await_gnuplot(pid);
	posix_spawn_file_actions_destroy(&actions);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fseek(result, 0, SEEK_END) == 0) {
		const long bytes = ftell(result);

		rewind(result);
		text = bytes < 0 ? NULL : calloc(1, (size_t)bytes + 1);
		if (text != NULL && fread(text, 1, (size_t)bytes, result) != (size_t)bytes) {
			free(text);
			text = NULL;
		}
	}
	fclose(result);
	return text;
}

bool figure_available(void)
{
	FILE *script = tmpfile();
	char *text;

	if (script == NULL)
		return false;
	fputs("set print '-'\nprint GPVAL_VERSION\n", script);
	text = run_gnuplot(script);
	fclose(script);

	const bool found = text != NULL && isdigit((unsigned char)text[0]);

	free(text);
	return found;
}

/* Text as a gnuplot string; what could end it or mean something inside becomes a question mark. */
static void put_string(FILE *script, const char *text)
{
	fputc('"', script);
	for (; *text != '\0'; text++)
		fputc(isalnum((unsigned char)*text) || strchr(" _-+/().,:", *text) ? *text : '?',
			script);
	fputc('"', script);
}

/*
 * Attributes of gnuplot's elements that the page must not repeat. What its own <defs> define and its
 * plots use keeps its name behind a prefix; all other ids are dropped.
 */
static bool is_referenced(const char *name)
{
	return strncmp(name, "gp", 2) == 0 || strncmp(name, "textbox", 7) == 0 ||
	       strncmp(name, "greybox", 7) == 0;
}

/* If p is at `word`, the text after it, else NULL. */
static const char *after(const char *p, const char *word)
{
	const size_t length = strlen(word);

	return strncmp(p, word, length) == 0 ? p + length : NULL;
}

void figure_inline(const char *svg, const char *id, const char *label, FILE *out)
{
	static const char *const black[] = {"stroke=\"black\"", "fill=\"black\"", "color=\"black\"",
		"stroke='black'", "fill='black'", "color='black'"};
	const char *p = strstr(svg, "<svg");
	const char *next;

	if (p == NULL)
		return;
	fputs("<svg role=\"img\" aria-label=\"", out);
	html_text(out, label);
	fputc('"', out);
	p += strlen("<svg");
	while (*p != '\0') {
		if ((next = after(p, "<title>")) != NULL || (next = after(p, "<desc>")) != NULL) {
			next = strchr(next, '<');
			p = next == NULL ? "" : strchr(next, '>') + 1;
			continue;
		}
		/* What is the default anyway, and layout that nobody reads, is a third of the text. */
		if ((next = after(p, " stroke-linecap=\"butt\"")) != NULL ||
			(next = after(p, " stroke-linejoin=\"miter\"")) != NULL ||
			(next = after(p, "\t")) != NULL) {
			p = next;
			continue;
		}
		if ((next = after(p, " id=\"")) != NULL || (next = after(p, " id='")) != NULL) {
			if (is_referenced(next)) {
				fprintf(out, " id=%c%s-", next[-1], id);
				p = next;
			} else {
				p = next + strcspn(next, "\"'") + 1;
			}
			continue;
		}
		if ((next = after(p, "='#")) != NULL || (next = after(p, "=\"#")) != NULL) {
			/* A reference by id, or a colour, which starts with the same sign. */
			fwrite(p, 1, (size_t)(next - p), out);
			if (is_referenced(next))
				fprintf(out, "%s-", id);
			p = next;
			continue;
		}
		if ((next = after(p, "url(#")) != NULL) {
			fprintf(out, "url(#%s-", id);
			p = next;
			continue;
		}
		for (size_t i = 0; i < sizeof(black) / sizeof(black[0]) && next == NULL; i++)
			next = after(p, black[i]);
		if (next != NULL) {
			fwrite(p, 1, strcspn(p, "=") + 1, out);
			fputs("\"currentColor\"", out);
			p = next;
			continue;
		}
		fputc(*p++, out);
	}
}

static int finish(FILE *script, const char *id, const char *label, FILE *out)
{
	char *svg = ferror(script) ? NULL : run_gnuplot(script);

	fclose(script);
	if (svg == NULL)
		return -EIO;
	figure_inline(svg, id, label, out);
	free(svg);
	return 0;
}

/*
 * A picture of n panels in a grid; the script up to the first panel. As wide as a full row, however
 * few there are, so that panels and letters are of one size all over the page.
 */
static FILE *begin(size_t n, size_t columns, int width, int height)
{
	FILE *script = tmpfile();
	const size_t rows = (n + columns - 1) / columns;

	if (script == NULL)
		return NULL;
	fprintf(script,
		"set terminal svg size %zu,%zu dynamic font 'sans-serif,%d' linewidth 1 "
		"noenhanced\n",
		columns * (size_t)width, rows * (size_t)height, FONT_SIZE);
	fprintf(script, "set multiplot layout %zu,%zu\n", rows, columns);
	fputs("set border 3 linewidth 0.5\nset tics nomirror scale 0.4\nunset key\nunset "
	      "mxtics\nunset mytics\n",
		script);
	return script;
}

bool figure_scales(const struct analysis *analysis, size_t first)
{
	size_t others = 0;

	for (size_t c = 0; c < analysis->cell_count; c++) {
		if (c == first || !analysis_same_load(&analysis->cells[c], &analysis->cells[first]))
			continue;
		if (c < first)
			return false;
		others += analysis->cells[c].has_best ? 1 : 0;
	}
	return others > 0 && analysis->cells[first].has_best;
}

/* Data lines: threads, units a second in millions with its interval, for one subject's group. */
static void put_scaling_lines(
	FILE *script, const struct analysis *analysis, size_t first, size_t subject)
{
	for (size_t c = first; c < analysis->cell_count; c++) {
		const struct analysis_cell *cell = &analysis->cells[c];
		const struct analysis_result *result = analysis_at(analysis, c, subject);

		if (!analysis_same_load(cell, &analysis->cells[first]) ||
			result->state != ANALYSIS_MEASURED || isnan(result->ns.point))
			continue;

		const bool bounded = isfinite(result->ns.lo) && isfinite(result->ns.hi);

		fprintf(script, "%u %.4g %.4g %.4g\n", cell->threads,
			analysis_rate(cell, result->ns.point) / 1e6,
			analysis_rate(cell, bounded ? result->ns.hi : result->ns.point) / 1e6,
			analysis_rate(cell, bounded ? result->ns.lo : result->ns.point) / 1e6);
	}
}

static bool has_scaling_data(const struct analysis *analysis, size_t first, size_t subject)
{
	for (size_t c = first; c < analysis->cell_count; c++) {
		const struct analysis_result *result = analysis_at(analysis, c, subject);

		if (analysis_same_load(&analysis->cells[c], &analysis->cells[first]) &&
			result->state == ANALYSIS_MEASURED && !isnan(result->ns.point))
			return true;
	}
	return false;
}

/* Axes that all panels of a scaling figure share. */
static void put_scaling_axes(FILE *script, const struct analysis *analysis, size_t first)
{
	uint32_t most = 0, least = UINT32_MAX, crowded = UINT32_MAX, quiet = 0;
	size_t tics = 0;

	fputs("set logscale xy 2\nset logscale y 10\nset format y '%.6g'\nset xtics (", script);
	for (size_t c = first; c < analysis->cell_count; c++) {
		const struct analysis_cell *cell = &analysis->cells[c];

		if (!analysis_same_load(cell, &analysis->cells[first]))
			continue;
		fprintf(script, "%s'%u' %u", tics++ == 0 ? "" : ",", cell->threads, cell->threads);
		most = cell->threads > most ? cell->threads : most;
		least = cell->threads < least ? cell->threads : least;
		if (cell->oversubscribed && cell->threads < crowded)
			crowded = cell->threads;
		if (!cell->oversubscribed && cell->threads > quiet)
			quiet = cell->threads;
	}
	fprintf(script, ")\nset xrange [%g:%g]\n", least * 0.8, most * 1.25);
	if (crowded != UINT32_MAX) {
		const double edge = quiet > 0 ? sqrt((double)quiet * crowded) : least * 0.8;

		fprintf(script,
			"set object 1 rectangle from %g, graph 0 to %g, graph 1 behind fillcolor "
			"rgb '#808080' fillstyle solid 0.14 noborder\n",
			edge, most * 1.25);
	}
}

int figure_scaling(
	const struct analysis *analysis, size_t first, const char *id, const char *label, FILE *out)
{
	size_t *order = calloc(analysis->subject_count + 1, sizeof(*order));
	size_t n = 0, panels = 0;

	if (order == NULL)
		return -ENOMEM;
	analysis_order(analysis, order, &n);
	for (size_t i = 0; i < n; i++) {
		if (has_scaling_data(analysis, first, order[i]))
			order[panels++] = order[i];
	}

	FILE *script = begin(panels, PANEL_COLUMNS, PANEL_WIDTH, PANEL_HEIGHT);

	if (script == NULL || panels == 0) {
		free(order);
		if (script != NULL)
			fclose(script);
		return -EIO;
	}
	for (size_t i = 0; i < panels; i++) {
		fprintf(script, "$s%zu << EOD\n", order[i]);
		put_scaling_lines(script, analysis, first, order[i]);
		fputs("EOD\n", script);
	}
	/* The background of every panel: all lines, with an empty line between two. */
	fputs("$all << EOD\n", script);
	for (size_t i = 0; i < panels; i++) {
		put_scaling_lines(script, analysis, first, order[i]);
		fputs("\n", script);
	}
	fputs("EOD\n", script);
	put_scaling_axes(script, analysis, first);
	fputs("set lmargin 5\nset rmargin 1\nset tmargin 1.6\nset bmargin 1.6\n", script);

	double low = INFINITY, high = 0;

	for (size_t i = 0; i < panels; i++) {
		for (size_t c = first; c < analysis->cell_count; c++) {
			const struct analysis_result *result = analysis_at(analysis, c, order[i]);

			if (!analysis_same_load(&analysis->cells[c], &analysis->cells[first]) ||
				isnan(result->ns.point))
				continue;

			const double rate =
				analysis_rate(&analysis->cells[c], result->ns.point) / 1e6;

			low = fmin(low, rate);
			high = fmax(high, rate);
		}
	}
	fprintf(script, "set yrange [%g:%g]\n", low / 1.6, high * 1.6);
	for (size_t i = 0; i < panels; i++) {
		fputs("set title ", script);
		put_string(script, analysis->subjects[order[i]].label);
		fputs(" offset 0,-0.6 noenhanced\nplot ", script);
		fprintf(script, "$all using 1:2 with lines linecolor rgb '%s' linewidth 0.4,",
			colour_context);
		fprintf(script,
			"$s%zu using 1:2 with lines linecolor rgb '%s' linewidth 1.6,"
			"$s%zu using 1:2:3:4 with yerrorbars linecolor rgb '%s' linewidth 1 "
			"pointtype 7 pointsize 0.3\n",
			order[i], colour_front, order[i], colour_front);
	}
	free(order);
	return finish(script, id, label, out);
}

/* Bytes an object beyond its payload in this cell; NAN if unknown. */
static double overhead(const struct analysis *analysis, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(analysis, cell, subject);

	if (!result->memory.known || result->state != ANALYSIS_MEASURED ||
		isnan(result->ns.point) || analysis->subjects[subject].role != ANALYSIS_CONTESTANT)
		return NAN;
	return result->memory.object_bytes - (double)analysis->cells[cell].object_bytes;
}

/* Whether some contestant of the cell is at least as fast and as small, and better in one. */
static bool dominated(const struct analysis *analysis, size_t cell, size_t subject)
{
	const double bytes = overhead(analysis, cell, subject);
	const double time = analysis_at(analysis, cell, subject)->ns.point;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		const double other_bytes = overhead(analysis, cell, i);
		const double other_time = analysis_at(analysis, cell, i)->ns.point;

		if (i != subject && !isnan(other_bytes) && other_bytes <= bytes &&
			other_time <= time && (other_bytes < bytes || other_time < time))
			return true;
	}
	return false;
}

static size_t put_tradeoff_data(
	FILE *script, const struct analysis *analysis, size_t cell, bool front)
{
	size_t n = 0;

	fprintf(script, "$%c%zu << EOD\n", front ? 'f' : 'd', cell);
	for (size_t i = 0; i < analysis->subject_count; i++) {
		const double bytes = overhead(analysis, cell, i);

		if (isnan(bytes) || dominated(analysis, cell, i) == front)
			continue;
		fprintf(script, "%.9g %.9g ", exp(analysis_at(analysis, cell, i)->ns.point), bytes);
		put_string(script, analysis->subjects[i].label);
		fputc('\n', script);
		n++;
	}
	fputs("EOD\n", script);
	return n;
}

int figure_tradeoff(const struct analysis *analysis, const char *id, const char *label, FILE *out)
{
	size_t panels = 0;

	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			if (!isnan(overhead(analysis, c, i))) {
				panels++;
				break;
			}
		}
	}
	if (panels == 0)
		return -EIO;

	FILE *script = begin(panels, WIDE_COLUMNS, WIDE_WIDTH, WIDE_HEIGHT);

	if (script == NULL)
		return -EIO;
	fputs("set logscale x 10\nset format x '%.6g'\nset lmargin 6\nset rmargin 2\n"
	      "set tmargin 1.8\nset bmargin 3\nset offsets graph 0.05, graph 0.35, graph 0.1, 0\n"
	      "set yrange [0:*]\nset datafile separator whitespace\n",
		script);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		const size_t front = put_tradeoff_data(script, analysis, c, true);
		const size_t rest = put_tradeoff_data(script, analysis, c, false);

		if (front == 0)
			continue;
		fputs("set title ", script);
		put_string(script, analysis->cells[c].label);
		fputs(" offset 0,-0.6 noenhanced\nset xlabel 'ns a unit' offset 0,0.6\nplot ",
			script);
		if (rest > 0)
			fprintf(script,
				"$d%zu using 1:2 with points pointtype 7 pointsize 0.3 linecolor "
				"rgb "
				"'%s',",
				c, colour_context);
		fprintf(script,
			"$f%zu using 1:2 with points pointtype 7 pointsize 0.45 linecolor rgb '%s',"
			"$f%zu using 1:2:3 with labels left offset 0.6,0.3 noenhanced font ',8'\n",
			c, colour_front, c);
	}
	return finish(script, id, label, out);
}
