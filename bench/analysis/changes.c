/*
 * An analysis, first part: when the machine was another, and what is said of it. Its probes stand before each block and
 * behind it (sweep/probe.h).
 *
 * What is usual of a probe is the median of the sweep's readings, or the lower of the two middles:
 * a reading that was taken, where a mean of two states would make both unusual. A reading is
 * unusual where it is further from that than the probe's own noise allows. This noise is how far
 * the two readings of one block are apart, in the median over the blocks. The spread of all
 * readings would not do: where a machine spends half of a sweep in another state, that state is
 * most of the spread, while few blocks see it begin or end.
 *
 * An *event* is a run of unusual readings on one side that holds a whole block, both its readings.
 * A single one is left alone: who came between two blocks has gone again. A block of which one end
 * is in the run and the other isn't saw the change happen, and belongs to the event. So do the
 * blocks between, where a hand-over could not be read.
 */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <math.h>

/*
 * Less is no event: what a clock gains or loses by turbo and neighbours moves all rows of a block
 * alike, and pairing takes it out.
 */
static const double change_least = 0.20;

/*
 * So many times the median distance of a block's readings. Of normal noise that is 3.8 standard
 * deviations of a reading, and two must pass it on one side.
 */
static const double change_noises = 4;

static const double ns_a_second = 1e9;

/* "a thread's work", "a hand-over between CPUs". */
static const char *probe_name(enum analysis_probe probe)
{
	static const char *const names[] = {
		[ANALYSIS_SINGLE] = "a thread's work",
		[ANALYSIS_HANDED] = "a hand-over between CPUs",
	};

	return names[probe];
}

/* The lower middle. Reorders. */
static double low_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), stats_ascending);
	return values[(n - 1) / 2];
}

/* How far from the usual a reading may be, as a logarithm; NAN: no block has both. scratch: as blocks. */
static double allowed_of(
	const struct analysis_moment *moments, size_t n, enum analysis_probe probe, double *scratch)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const double apart = fabs(moments[i].log[probe][1] - moments[i].log[probe][0]);

		if (!isnan(apart))
			scratch[count++] = apart;
	}
	return count == 0 ? NAN
			  : fmax(log1p(change_least), change_noises * stats_median(scratch, count));
}

/* Readings on one side of the usual. Places: block i has 2 i before it and 2 i + 1 behind it. */
struct run {
	size_t first, last; /* of its readings */
	size_t from,
		until; /* the place next to the reading before it, and that of the one behind it */
	int side;
};

/* Marks the blocks that the run touches, if it holds a whole one. */
static void mark(struct analysis_moment *moments, const struct run *run, enum analysis_probe probe,
	double usual, double *scratch)
{
	const size_t whole = (run->first + 1) / 2;
	size_t count = 0;

	if (run->side == 0 || 2 * whole + 1 > run->last)
		return;
	for (size_t place = run->first; place <= run->last; place++) {
		const double reading = moments[place / 2].log[probe][place % 2];

		if (!isnan(reading))
			scratch[count++] = reading;
	}

	const double change = low_median(scratch, count) - usual;

	/* Block i ends behind the reading before, and begins before the reading behind. */
	for (size_t i = run->from / 2; 2 * i < run->until; i++) {
		if (!(fabs(moments[i].change[probe]) > fabs(change)))
			moments[i].change[probe] = change;
	}
}

static void judge(struct analysis *a, struct analysis_moment *moments, enum analysis_probe probe)
{
	const size_t n = a->moment_count;
	AUTO_FREE double *scratch = need(2 * n, sizeof(*scratch));
	const double allowed = allowed_of(moments, n, probe, scratch);
	struct run run = {0};
	size_t count = 0;

	for (size_t place = 0; place < 2 * n; place++) {
		const double reading = moments[place / 2].log[probe][place % 2];

		if (!isnan(reading))
			scratch[count++] = reading;
	}
	a->allowed[probe] = allowed;
	a->usual[probe] = NAN;
	if (isnan(allowed))
		return;

	const double usual = low_median(scratch, count);

	a->usual[probe] = usual;
	for (size_t place = 0; place < 2 * n; place++) {
		const double away = moments[place / 2].log[probe][place % 2] - usual;
		const int side = away > allowed ? 1 : away < -allowed ? -1 : 0;

		if (isnan(away))
			continue;
		if (side != run.side) {
			run.until = place;
			mark(moments, &run, probe, usual, scratch);
			run = (struct run){.first = place, .from = run.last + 1, .side = side};
		}
		run.last = place;
	}
	run.until = 2 * n;
	mark(moments, &run, probe, usual, scratch);
}

/* Whether a block and the next belong to one event. */
static bool goes_on(const struct analysis_moment *one, const struct analysis_moment *next)
{
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		if (one->change[probe] * next->change[probe] < 0)
			return false;
	}
	return one->other && next->other;
}

static void gather(struct analysis *a, struct analysis_moment *moments)
{
	struct analysis_change *changes = analysis_keep(a, a->moment_count, sizeof(*changes));
	struct analysis_change *change = NULL;

	for (size_t i = 0; i < a->moment_count; i++) {
		struct analysis_moment *m = &moments[i];

		for (int probe = 0; probe < ANALYSIS_PROBES; probe++)
			m->other |= !isnan(m->change[probe]);
		if (!m->other)
			continue;
		if (i == 0 || !goes_on(m - 1, m)) {
			change = &changes[a->change_count++];
			*change = (struct analysis_change){
				.from_ns = m->started_ns, .log = {NAN, NAN}};
		}
		change->to_ns = m->started_ns + m->took_ns;
		change->blocks++;
		for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
			if (fabs(m->change[probe]) > fabs(change->log[probe]) ||
				isnan(change->log[probe]))
				change->log[probe] = m->change[probe];
		}
	}
	a->changes = changes;
}

void analysis_find_changes(struct analysis *a, struct analysis_moment *moments)
{
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++)
		judge(a, moments, (enum analysis_probe)probe);
	gather(a, moments);
}

struct analysis_reading analysis_reading(
	const struct analysis *a, size_t moment, enum analysis_probe probe)
{
	const struct analysis_moment *m = &a->moments[moment];
	const double before = m->log[probe][0] - a->usual[probe];
	const double behind = m->log[probe][1] - a->usual[probe];

	return (struct analysis_reading){
		m->started_ns, isnan(before) || fabs(behind) > fabs(before) ? behind : before};
}

bool analysis_was_other(const struct analysis *a, int64_t block_id, uint64_t threads)
{
	size_t low = 0, high = a->moment_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (a->moments[middle].block_id < block_id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == a->moment_count || a->moments[low].block_id != block_id)
		return false;
	return threads > 1 ? a->moments[low].other
			   : !isnan(a->moments[low].change[ANALYSIS_SINGLE]);
}

/* How much longer a probe took in b, as a logarithm; 0: no more than its noise, or it was not read. */
static double changed_by(
	const struct analysis *a, const struct analysis *b, enum analysis_probe probe)
{
	const double change = b->usual[probe] - a->usual[probe];

	return fabs(change) > fmax(a->allowed[probe], b->allowed[probe]) ? change : 0;
}

bool analysis_changed_between(const struct analysis *a, const struct analysis *b, uint64_t threads)
{
	/* One thread alone hands nothing over. */
	return changed_by(a, b, ANALYSIS_SINGLE) != 0 ||
	       (threads != 1 && changed_by(a, b, ANALYSIS_HANDED) != 0);
}

void analysis_changed_text(const struct analysis *a, const struct analysis *b, char *text)
{
	const char *between = "The machine changed between A and B, an event: in B ";

	*text = '\0';
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		const double change = changed_by(a, b, (enum analysis_probe)probe);

		if (change == 0)
			continue;
		append(text, ANALYSIS_SENTENCE_BYTES, "%s%s took %s times", between,
			probe_name((enum analysis_probe)probe), number_ratio(change).text);
		between = ", ";
	}
	if (*text != '\0')
		append(text, ANALYSIS_SENTENCE_BYTES,
			" as long. There is no verdict on %s: their ratios are between two states "
			"of "
			"the machine. ",
			analysis_changed_between(a, b, 1) ? "any row" : "rows of several threads");
}

/* The size of an event: that of the probe which changed the most. */
static double size_of(const struct analysis_change *change)
{
	return fmax(fabs(change->log[ANALYSIS_SINGLE]), fabs(change->log[ANALYSIS_HANDED]));
}

/* The largest that is not told. */
static size_t next_largest(const struct analysis *a, const bool *told)
{
	size_t found = a->change_count;

	for (size_t i = 0; i < a->change_count; i++) {
		if (!told[i] && (found == a->change_count ||
					size_of(&a->changes[i]) > size_of(&a->changes[found])))
			found = i;
	}
	return found;
}

void analysis_change_text(const struct analysis *a, size_t change, char *text)
{
	const struct analysis_change *c = &a->changes[change];
	const char *between = "";

	snprintf(text, ANALYSIS_SENTENCE_BYTES,
		"%s, %s s after the first block, for %s s (%zu block%s): ",
		number_date(c->from_ns).text,
		number_plain((double)(c->from_ns - a->moments[0].started_ns) / ns_a_second).text,
		number_plain((double)(c->to_ns - c->from_ns) / ns_a_second).text, c->blocks,
		c->blocks == 1 ? "" : "s");
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		if (isnan(c->log[probe]))
			continue;
		append(text, ANALYSIS_SENTENCE_BYTES, "%s%s took %s times", between,
			probe_name((enum analysis_probe)probe), number_ratio(c->log[probe]).text);
		between = ", ";
	}
	append(text, ANALYSIS_SENTENCE_BYTES, " as long as usual");
}

/* That there was none, and what would have been one. */
static void tell_none(const struct analysis *a, char *text)
{
	const char *between = "";

	append(text, ANALYSIS_SENTENCE_BYTES,
		"The machine did not change: its probes stayed for no whole block further from "
		"their medians than a factor of ");
	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		if (isnan(a->allowed[probe]))
			continue;
		append(text, ANALYSIS_SENTENCE_BYTES, "%s%s (%s)", between,
			number_ratio(a->allowed[probe]).text,
			probe_name((enum analysis_probe)probe));
		between = " or ";
	}
	append(text, ANALYSIS_SENTENCE_BYTES, ".");
}

static void tell_all(const struct analysis *a, char *text)
{
	enum { TOLD = 3 }; /* the others are told where there is room: among the events */
	AUTO_FREE bool *told = need(a->change_count, sizeof(*told));
	size_t blocks = 0;

	for (size_t i = 0; i < a->change_count; i++)
		blocks += a->changes[i].blocks;
	append(text, ANALYSIS_SENTENCE_BYTES,
		"The machine changed: %zu event%s, in %zu of %zu blocks. ", a->change_count,
		a->change_count == 1 ? "" : "s", blocks, a->moment_count);
	if (a->change_count > TOLD)
		append(text, ANALYSIS_SENTENCE_BYTES, "The largest: ");
	for (size_t n = 0; n < TOLD && n < a->change_count; n++) {
		char one[ANALYSIS_SENTENCE_BYTES];
		const size_t change = next_largest(a, told);

		told[change] = true;
		analysis_change_text(a, change, one);
		append(text, ANALYSIS_SENTENCE_BYTES, "%s%s", n > 0 ? "; " : "", one);
	}
	append(text, ANALYSIS_SENTENCE_BYTES, ". ");
	if (a->rows_left > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			"%zu row%s, marked disturbed, leave%s these blocks out of times and "
			"verdicts. ",
			a->rows_left, a->rows_left == 1 ? "" : "s", a->rows_left == 1 ? "s" : "");
	if (a->rows_mixed > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			"%zu row%s, marked disturbed too, would keep too few others: all are in. ",
			a->rows_mixed, a->rows_mixed == 1 ? "" : "s");
	append(text, ANALYSIS_SENTENCE_BYTES,
		"Percentiles, response times and memory are of whole forks, with these "
		"blocks.");
}

/* What others took meanwhile. Where threads outnumber CPUs they wait for each other. */
static void tell_others(const struct analysis *a, char *text)
{
	double took = 0, stolen = 0, calm = 0, pressure = 0;

	for (size_t i = 0; i < a->moment_count; i++) {
		const struct analysis_moment *m = &a->moments[i];

		took += (double)m->took_ns * a->cpus;
		stolen += m->stolen_ns;
		calm += m->oversubscribed ? 0 : (double)m->took_ns;
		pressure += m->oversubscribed ? 0 : m->pressure_ns;
	}
	/* 0 is also what a guest reads whose host doesn't tell. */
	if (took > 0 && stolen > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			" The hypervisor took %s %% of the CPUs' time.",
			number_plain(100 * stolen / took).text);
	if (calm > 0 && !isnan(pressure))
		append(text, ANALYSIS_SENTENCE_BYTES,
			" For %s %% of the time some task waited for a CPU%s.",
			number_plain(100 * pressure / calm).text,
			calm * a->cpus < took ? ", where each thread has one" : "");
}

/* Readings that others' work left no room for. */
static void tell_lacking(const struct analysis *a, char *text)
{
	size_t lacking = 0;

	for (size_t i = 0; i < 2 * a->moment_count; i++)
		lacking += isnan(a->moments[i / 2].log[ANALYSIS_HANDED][i % 2]) ? 1 : 0;
	if (isnan(a->allowed[ANALYSIS_HANDED]))
		append(text, ANALYSIS_SENTENCE_BYTES,
			" A hand-over between CPUs could not be probed.");
	else if (lacking > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			" Of %zu readings of a hand-over between CPUs %zu lack, because others had "
			"a CPU all the time.",
			2 * a->moment_count, lacking);
}

/* What the first CPU's clock did, where that can be seen; older stores don't say. */
static void tell_frequency(const struct analysis *a, char *text)
{
	AUTO_FREE double *ghz = need(2 * a->moment_count, sizeof(*ghz));
	double low = INFINITY, high = 0;
	size_t n = 0;

	for (size_t i = 0; i < 2 * a->moment_count; i++) {
		const double khz = a->moments[i / 2].khz[i % 2];

		if (isnan(khz))
			continue;
		ghz[n++] = khz / 1e6;
		low = fmin(low, khz / 1e6);
		high = fmax(high, khz / 1e6);
	}
	if (n == 0) {
		if (a->has_frequency)
			append(text, ANALYSIS_SENTENCE_BYTES,
				" At which frequency the CPUs ran is not visible.");
		return;
	}
	append(text, ANALYSIS_SENTENCE_BYTES,
		" The first CPU ran at %s GHz in the median, %s to %s.",
		number_plain(stats_median(ghz, n)).text, number_plain(low).text,
		number_plain(high).text);
}

void analysis_changes(const struct analysis *a, char *text)
{
	*text = '\0';
	if (a->moment_count == 0) {
		append(text, ANALYSIS_SENTENCE_BYTES,
			"The machine was not probed, so it is not known whether it changed.");
		return;
	}
	if (a->change_count > 0)
		tell_all(a, text);
	else
		tell_none(a, text);
	tell_lacking(a, text);
	tell_others(a, text);
	tell_frequency(a, text);
}
