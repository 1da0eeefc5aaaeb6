/*
 * An analysis, third part too: response times of an open loop, against its load.
 *
 * A load that is not kept has no response time: work piles up, and what a slice shows of it depends
 * on how long the slice was. The knee is the highest load that is kept and whose p99 is at most
 * ANALYSIS_KNEE times that of the lightest load measured.
 */
#include "bench/analysis/steps.h"

#include "alloc/machine/compiler.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <inttypes.h>
#include <math.h>

static void work_out_load(struct analysis_at_load *at, const struct analysis_served *served,
	double probe_ns, double *scratch)
{
	at->measured = true;
	at->wanted_s = served->wanted_s / served->slices;
	at->served_s = served->served_s / served->slices;
	at->kept = at->served_s >= ANALYSIS_KEPT * at->wanted_s;
	at->late = served->arrived > 0 ? served->late / served->arrived : NAN;
	at->served = histogram_count(&served->times.histogram);
	at->longest_ns = (double)served->times.longest / HISTOGRAM_NS;
	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		at->at[i] = analysis_percentile_of(&served->times.histogram, served->fork,
			served->forks, latency_percentiles[i], probe_ns, scratch);
}

static size_t knee_of(const struct analysis_at_load *at, size_t loads)
{
	size_t first = 0, knee = loads;

	while (first < loads && !at[first].measured)
		first++;
	if (first == loads || !at[first].kept)
		return loads;
	for (size_t i = first; i < loads; i++) {
		if (at[i].measured && at[i].kept &&
			at[i].at[LATENCY_P99].ns <= ANALYSIS_KNEE * at[first].at[LATENCY_P99].ns)
			knee = i;
	}
	return knee;
}

void analysis_work_out_response(
	struct analysis *a, size_t cell_at, size_t subject_at, const struct analysis_served *served)
{
	struct analysis_result *r = &a->results[cell_at * a->subject_count + subject_at];
	const double probe_ns = r->latency != NULL ? r->latency->probe_ns : NAN;
	const size_t loads = a->cells[cell_at].load_count;
	struct analysis_response *response = analysis_keep(a, 1, sizeof(*response));
	struct analysis_at_load *at = analysis_keep(a, loads, sizeof(*at));
	double slices = 0, capacity = 0;

	for (size_t i = 0; i < loads; i++) {
		AUTO_FREE double *scratch = need(served[i].forks, sizeof(*scratch));

		if (served[i].slices > 0 && histogram_count(&served[i].times.histogram) > 0) {
			work_out_load(&at[i], &served[i], probe_ns, scratch);
			response->arrivals = served[i].arrivals;
			slices += served[i].slices;
			capacity += served[i].capacity_s;
		}
	}
	response->capacity_s = capacity / slices;
	response->at = at;
	response->knee = knee_of(at, loads);
	if (slices > 0)
		r->response = response;
}

const struct analysis_response *analysis_response(
	const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_result *r = analysis_at(a, cell, subject);

	return r->state == ANALYSIS_MEASURED ? r->response : NULL;
}

void analysis_knee(const struct analysis *a, size_t cell, size_t subject, char *text)
{
	const struct analysis_response *r = analysis_response(a, cell, subject);
	const struct analysis_cell *c = &a->cells[cell];
	bool heavier = false;

	*text = '\0';
	if (r->knee == c->load_count)
		return;
	for (size_t i = r->knee + 1; i < c->load_count; i++)
		heavier |= r->at[i].measured;
	append(text, ANALYSIS_SENTENCE_BYTES, "%s%" PRIu32, heavier ? "" : "≥ ", c->loads[r->knee]);
}

static bool is_late(const struct analysis_at_load *at)
{
	return at->kept && at->late > ANALYSIS_LATE;
}

static bool is_unkept(const struct analysis_at_load *at)
{
	return !at->kept;
}

void analysis_response_marks(const struct analysis *a, size_t cell, size_t subject, char *text)
{
	static const struct {
		const char *name;
		bool (*holds)(const struct analysis_at_load *at);
	} marks[] = {{"not kept: ", is_unkept}, {"late: ", is_late}};
	const struct analysis_response *r = analysis_response(a, cell, subject);

	*text = '\0';
	for (size_t m = 0; m < array_count(marks); m++) {
		const char *before = marks[m].name;

		for (size_t i = 0; i < a->cells[cell].load_count; i++) {
			if (!r->at[i].measured || !marks[m].holds(&r->at[i]))
				continue;
			append(text, ANALYSIS_SENTENCE_BYTES, "%s%s%" PRIu32,
				before == marks[m].name && *text != '\0' ? " %; " : "", before,
				a->cells[cell].loads[i]);
			before = ", ";
		}
	}
	append(text, ANALYSIS_SENTENCE_BYTES, "%s", *text == '\0' ? "" : " %");
}
