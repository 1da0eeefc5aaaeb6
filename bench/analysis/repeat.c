/* An analysis, third part: the commands that repeat a cell. */
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/engine/arrivals.h"
#include "bench/engine/instances.h"
#include "bench/engine/topology.h"
#include "bench/sweep/plan.h"

#include <inttypes.h>
#include <string.h>

/* Appends words for a POSIX shell; what is not plain is quoted. */
static void append_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,%@";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

/* Whether a subject is asked for again: it is part of what the cell measures. No twin, they come by themselves. */
static bool takes_part(const struct analysis *a, size_t cell_at, size_t subject)
{
	const enum analysis_state state = analysis_at(a, cell_at, subject)->state;

	return a->subjects[subject].role != ANALYSIS_TWIN && state != ANALYSIS_ABSENT &&
	       state != ANALYSIS_UNSUPPORTED;
}

/* What of a subject a list names; NULL: nothing. */
typedef const char *name_of(const struct analysis_subject *subject);

static const char *pool_of(const struct analysis_subject *subject)
{
	const bool competes = subject->context == NULL || *subject->context == '\0';

	return competes && subject->library == NULL ? subject->pool : NULL;
}

/* Of a policy that is compared with others: whose malloc is beneath it, else the pool. */
static const char *beneath_of(const struct analysis_subject *subject)
{
	for (size_t i = 0; pools[i] != NULL && subject->library != NULL; i++) {
		if (pools[i]->preload != NULL && strcmp(pools[i]->preload, subject->library) == 0)
			return pools[i]->name;
	}
	return subject->pool;
}

static const char *context_of(const struct analysis_subject *subject)
{
	return subject->context != NULL && *subject->context != '\0' ? subject->context : NULL;
}

static const char *dispatch_of(const struct analysis_subject *subject)
{
	return subject->dispatch;
}

/* The distinct names of the cell's subjects, with commas. The caller frees it. */
static char *list_of(const struct analysis *a, size_t cell_at, name_of *name)
{
	char *list = NULL;
	size_t bytes = 0, printed = 0;
	FILE *stream = need_stream(&list, &bytes);

	for (size_t i = 0; i < a->subject_count; i++) {
		const char *value = takes_part(a, cell_at, i) ? name(&a->subjects[i]) : NULL;

		for (size_t j = 0; j < i && value != NULL; j++) {
			const char *earlier =
				takes_part(a, cell_at, j) ? name(&a->subjects[j]) : NULL;

			if (earlier != NULL && strcmp(value, earlier) == 0)
				value = NULL;
		}
		if (value != NULL)
			fprintf(stream, "%s%s", printed++ == 0 ? "" : ",", value);
	}
	need_closed(stream);
	return list;
}

/* An option with its value, unless that is what is meant without it. */
static void append_option(FILE *out, const char *option, const char *value, const char *usual)
{
	if (value == NULL || strcmp(value, usual) == 0)
		return;
	fprintf(out, " %s ", option);
	append_word(out, value);
}

static void append_list(FILE *out, const struct analysis *a, size_t cell_at, const char *option,
	name_of *name, const char *usual)
{
	AUTO_FREE char *list = list_of(a, cell_at, name);

	append_option(out, option, list, usual);
}

/* Libraries in the place of malloc, and another build, of which a store does not know where it is. */
static void append_guests(FILE *out, const struct analysis *a, size_t cell_at)
{
	bool other = false;

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_subject *s = &a->subjects[i];

		if (!takes_part(a, cell_at, i))
			continue;
		other |= s->build != NULL;
		if (s->library != NULL && context_of(s) == NULL && s->role == ANALYSIS_CONTESTANT) {
			fprintf(out, " --peer %s=", s->pool);
			append_word(out, s->library);
		}
	}
	if (other)
		fputs(" --against TREE", out);
}

/* The length of a cell's slices in milliseconds; 0 if the plan doesn't tell. */
static double slice_ms(const json_t *plan, const struct analysis_cell *cell)
{
	const json_t *entry;
	double ns = 0;
	size_t i;

	json_array_foreach(json_object_get(plan, "cells"), i, entry)
	{
		const char *label = json_string_value(json_object_get(entry, "label"));

		if (label != NULL && strcmp(label, cell->label) == 0)
			ns = (double)json_integer_value(json_object_get(entry, "slice_ns"));
	}
	return ns / 1e6;
}

/* Whether the cell's workload has an axis; of one that this program doesn't know, all. */
static bool has_axis(const struct analysis_cell *cell, enum workload_axis axis)
{
	const struct workload *workload = workload_find(cell->workload);

	return workload == NULL || (workload->axes & axis) != 0;
}

/* The cell's load, in the options that `sweep` and `run` have in common. */
static void append_load(FILE *out, const struct analysis_cell *cell)
{
	fputs(" --workload ", out);
	append_word(out, cell->workload);
	fprintf(out, " --threads %" PRIu32, cell->threads);
	if (cell->burst > 0 && has_axis(cell, WORKLOAD_BURST))
		fprintf(out, " --burst %" PRIu32, cell->burst);
	if (cell->depth > 0 && has_axis(cell, WORKLOAD_DEPTH))
		fprintf(out, " --depth %" PRIu32, cell->depth);
	if (cell->object_bytes > 0)
		fprintf(out, " --size %" PRIu64, cell->object_bytes);
	if (cell->object_align > 0)
		fprintf(out, " --align %" PRIu32, cell->object_align);
	append_option(out, "--pages", cell->pages, "ordinary");
	append_option(out, "--placement", cell->placement, placement_name(PLACEMENT_CORES));
	for (size_t i = 0; i < cell->load_count; i++)
		fprintf(out, "%s%" PRIu32, i == 0 ? " --load " : ",", cell->loads[i]);
}

/* How the work of an open loop arrived, and how long a slice was. */
static void append_slices(
	FILE *out, const json_t *plan, const struct analysis_cell *cell, double ms)
{
	if (cell->load_count > 0)
		append_option(out, "--arrivals",
			json_string_value(json_object_get(plan, "arrivals")), ARRIVALS_DEFAULT);
	if (ms > 0)
		fprintf(out, " --slice-ms %.6g", ms);
}

/* The sweep of this cell alone, with as many forks and blocks as it has now. */
static const char *sweep_line(struct analysis *a, size_t cell_at, const json_t *plan)
{
	const struct analysis_cell *cell = &a->cells[cell_at];
	const double ms = slice_ms(plan, cell);
	AUTO_FREE char *line = NULL;
	size_t bytes = 0;
	FILE *out = need_stream(&line, &bytes);

	fputs("./nblbench sweep", out);
	append_list(out, a, cell_at, "--pool",
		cell->contest == CONTEST_POLICIES ? beneath_of : pool_of, "");
	append_list(out, a, cell_at, "--context", context_of, "");
	append_list(out, a, cell_at, "--dispatch", dispatch_of, "folded");
	append_guests(out, a, cell_at);
	append_load(out, cell);
	if (cell->forks > 0)
		fprintf(out, " --forks %zu --blocks %zu", cell->forks,
			(cell->blocks + cell->forks - 1) / cell->forks);
	/* Of some cells slices are a multiple of what --slice-ms says. */
	append_slices(
		out, plan, cell, ms / plan_slice_factor(cell->workload, cell->oversubscribed));
	if (json_is_false(json_object_get(plan, "latency")))
		fputs(" --no-latency", out);
	fprintf(out, " --seed %" PRIu64, a->seed);
	need_closed(out);
	return analysis_keep_text(a, line);
}

/* One row of the cell in one process: the best, or the first that was measured; NULL without any. */
static const char *run_line(struct analysis *a, size_t cell_at, const json_t *plan)
{
	const struct analysis_cell *cell = &a->cells[cell_at];
	const struct analysis_subject *subject = NULL;
	AUTO_FREE char *line = NULL;
	size_t bytes = 0;

	for (size_t i = 0; i < a->subject_count && subject == NULL; i++) {
		if (cell->has_best ? i == cell->best
				   : a->subjects[i].build == NULL &&
					     analysis_at(a, cell_at, i)->state == ANALYSIS_MEASURED)
			subject = &a->subjects[i];
	}
	if (subject == NULL)
		return NULL;

	FILE *out = need_stream(&line, &bytes);

	if (subject->library != NULL) {
		fputs("LD_PRELOAD=", out);
		append_word(out, subject->library);
		fputc(' ', out);
	}
	fputs("./nblbench run", out);
	append_option(out, "--pool",
		subject->library != NULL && context_of(subject) == NULL ? "malloc" : subject->pool,
		"");
	append_option(out, "--context", context_of(subject), "");
	append_option(out, "--dispatch", dispatch_of(subject), "folded");
	append_load(out, cell);
	append_slices(out, plan, cell, slice_ms(plan, cell));
	fprintf(out, " --seed %" PRIu64, a->seed);
	need_closed(out);
	return analysis_keep_text(a, line);
}

void analysis_make_commands(struct analysis *a, size_t cell_at)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	json_t *plan = json_loads(a->plan_json, 0, NULL);

	cell->command = sweep_line(a, cell_at, plan);
	cell->run = run_line(a, cell_at, plan);
	json_decref(plan);
}
