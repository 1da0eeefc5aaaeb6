/* Medians of forks, and how they move. See drift.h. */
#include "bench/analysis/drift.h"

#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <math.h>

/* How the rows of a cell differ from fork to fork, as logarithms; NAN where it can't be said. */
struct drift {
	double together; /* between the forks in which all rows were fastest and slowest */
	double apart;    /* of a row in a fork, from what all rows did in it: the median */
};

/* room: for a number a block, and two a subject and fork. Rows that lack a fork are left out. */
static struct drift drift_of(const struct analysis_raw *raw, double *room)
{
	double *values = room, *row = values + raw->blocks;
	double *rows = row + raw->forks, *column = rows + raw->subjects * raw->forks;
	double fastest = INFINITY, slowest = -INFINITY;
	size_t whole = 0;

	for (size_t s = 0; s < raw->subjects; s++) {
		double sum = 0;

		for (size_t f = 0; f < raw->forks; f++)
			sum += row[f] =
				stats_median_present(raw->log_ns + s * raw->blocks + raw->start[f],
					raw->start[f + 1] - raw->start[f], values);
		for (size_t f = 0; f < raw->forks && !isnan(sum); f++)
			rows[whole * raw->forks + f] = row[f] - sum / (double)raw->forks;
		whole += isnan(sum) ? 0 : 1;
	}
	if (whole == 0 || raw->forks < 2)
		return (struct drift){NAN, NAN};
	for (size_t f = 0; f < raw->forks; f++) {
		for (size_t w = 0; w < whole; w++)
			column[w] = rows[w * raw->forks + f];
		const double all = stats_median(column, whole);

		for (size_t w = 0; w < whole; w++)
			rows[w * raw->forks + f] = fabs(rows[w * raw->forks + f] - all);
		fastest = fmin(fastest, all);
		slowest = fmax(slowest, all);
	}
	return (struct drift){slowest - fastest, stats_median(rows, whole * raw->forks)};
}

/* That of the cell in which all rows changed the most, which *cell becomes. */
static struct drift drift_worst(const struct analysis *analysis, size_t *cell)
{
	struct drift worst = {NAN, NAN};

	for (size_t c = 0; c < analysis->cell_count; c++) {
		const struct analysis_raw *raw = &analysis->raws[c];
		AUTO_FREE double *room = need(
			raw->blocks + raw->forks + raw->subjects * (raw->forks + 1), sizeof(*room));
		const struct drift drift = drift_of(raw, room);

		if (drift.together > worst.together || isnan(worst.together)) {
			worst = drift;
			*cell = c;
		}
	}
	return worst;
}

void drift_tell(const struct analysis *a, char *text)
{
	size_t forks = a->cell_count == 0 ? 0 : SIZE_MAX, cell = 0;
	const struct drift drift = drift_worst(a, &cell);
	const struct analysis_machine *m = a->machines;

	for (size_t c = 0; c < a->cell_count; c++)
		forks = a->cells[c].forks < forks ? a->cells[c].forks : forks;
	snprintf(text, ANALYSIS_SENTENCE_BYTES, "source %s, %zu forks a cell%s", a->source_revision,
		forks, a->preliminary ? ", which is preliminary" : "");
	if (a->machine_count > 0)
		append(text, ANALYSIS_SENTENCE_BYTES, "; at its %sstart noise grade %s",
			a->machine_count > 1 ? "first " : "", m->grade);
	for (size_t i = 0; a->machine_count > 0 && i < m->value_count; i++) {
		const struct analysis_value *v = &m->values[i];
		int length = (int)strlen(v->value);

		if (strcmp(v->name, "load") == 0) /* behind it: tasks and the last process */
			sscanf(v->value, "%*s %*s %*s%n", &length);
		else if (strcmp(v->name, "cpu pressure") == 0) /* behind it: a sum since the boot */
			sscanf(v->value, "%*s %*s %*s %*s%n", &length);
		else
			continue;
		append(text, ANALYSIS_SENTENCE_BYTES, ", %s %.*s", v->name, length, v->value);
	}
	if (isfinite(drift.together))
		append(text, ANALYSIS_SENTENCE_BYTES,
			"; from fork to fork all rows of a cell changed together by up to %s "
			"times (%s), and there half of them by less than %s beyond that",
			number_ratio(drift.together).text, a->cells[cell].label,
			number_percent(drift.apart).text);
	if (a->change_count > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			"; %zu event%s of the machine, left out where enough is left",
			a->change_count, a->change_count == 1 ? "" : "s");
	append(text, ANALYSIS_SENTENCE_BYTES, ".");
}
