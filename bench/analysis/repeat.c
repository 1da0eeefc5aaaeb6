/* An analysis, third part: the command that repeats a cell. */
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
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

/* A member of type const char * of a subject, by its offset. */
static const char *text_of(const struct analysis_subject *subject, size_t offset)
{
	return *(const char *const *)((const char *)subject + offset);
}

/* An option with the distinct values of one text of the cell's subjects, joined by commas; if any. */
static void append_list(
	const struct analysis *a, size_t cell_at, const char *option, size_t offset, FILE *out)
{
	AUTO_FREE char *list = NULL;
	size_t bytes = 0, printed = 0;
	FILE *stream = need_stream(&list, &bytes);

	for (size_t i = 0; i < a->subject_count; i++) {
		const char *value = text_of(&a->subjects[i], offset);
		bool skip = value == NULL || *value == '\0' ||
			    analysis_at(a, cell_at, i)->state == ANALYSIS_ABSENT;

		for (size_t j = 0; j < i && !skip; j++) {
			const char *earlier = text_of(&a->subjects[j], offset);

			skip = analysis_at(a, cell_at, j)->state != ANALYSIS_ABSENT &&
			       earlier != NULL && strcmp(value, earlier) == 0;
		}
		if (!skip)
			fprintf(stream, "%s%s", printed++ == 0 ? "" : ",", value);
	}
	need_closed(stream);
	if (printed > 0) {
		fprintf(out, " %s ", option);
		append_word(out, list);
	}
}

/*
 * What --slice-ms has to say for the slices of a cell; 0 if the plan doesn't tell. Where threads
 * outnumber CPUs they are a multiple of it.
 */
static double slice_ms(const struct analysis *a, const struct analysis_cell *cell)
{
	json_t *plan = json_loads(a->plan_json, 0, NULL);
	const json_t *entry;
	double ns = 0;
	size_t i;

	json_array_foreach(json_object_get(plan, "cells"), i, entry)
	{
		const char *label = json_string_value(json_object_get(entry, "label"));

		if (label != NULL && strcmp(label, cell->label) == 0)
			ns = (double)json_integer_value(json_object_get(entry, "slice_ns"));
	}
	json_decref(plan);
	return ns / 1e6 / (cell->oversubscribed ? PLAN_OVERSUBSCRIBED_FACTOR : 1);
}

/* The command that measures this cell again, with as many forks and blocks as it has now. */
void analysis_make_command(struct analysis *a, size_t cell_at)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	const double ms = slice_ms(a, cell);
	AUTO_FREE char *line = NULL;
	size_t bytes = 0;
	FILE *out = need_stream(&line, &bytes);

	fputs("./nblbench sweep", out);
	append_list(a, cell_at, "--pool", offsetof(struct analysis_subject, pool), out);
	fputs(" --workload ", out);
	append_word(out, cell->workload);
	fprintf(out, " --threads %" PRIu32, cell->threads);
	if (cell->burst > 0)
		fprintf(out, " --burst %" PRIu32, cell->burst);
	if (cell->depth > 0)
		fprintf(out, " --depth %" PRIu32, cell->depth);
	if (cell->object_bytes > 0)
		fprintf(out, " --size %" PRIu64, cell->object_bytes);
	if (cell->object_align > 0)
		fprintf(out, " --align %" PRIu32, cell->object_align);
	if (strcmp(cell->pages, "ordinary") != 0) {
		fputs(" --pages ", out);
		append_word(out, cell->pages);
	}
	append_list(a, cell_at, "--context", offsetof(struct analysis_subject, context), out);
	append_list(a, cell_at, "--dispatch", offsetof(struct analysis_subject, dispatch), out);
	if (cell->forks > 0)
		fprintf(out, " --forks %zu --blocks %zu", cell->forks,
			(cell->blocks + cell->forks - 1) / cell->forks);
	if (ms > 0)
		fprintf(out, " --slice-ms %.6g", ms);
	fprintf(out, " --seed %" PRIu64, a->seed);
	need_closed(out);
	cell->command = analysis_keep_text(a, line);
}
