/* The selftest's checks of the machine: its clocks, its hand-overs, and whether a change of it is seen. */
#include "bench/analysis/steps.h"
#include "bench/base/clock.h"
#include "bench/base/histogram.h"
#include "bench/base/need.h"
#include "bench/base/ticks.h"
#include "bench/command/selftest_checks.h"
#include "bench/command/selftest_rows.h"
#include "bench/engine/offsets.h"
#include "bench/engine/topology.h"
#include "bench/sweep/probe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
	CLOCK_PAIRS = 200000,
	/* The vDSO's clock takes 20 to 50 ns, one that is a system call 200 and more. */
	CLOCK_NS_MAX = 100,
	HAND_OVER_READINGS = 20,
	HAND_OVER_READ_MIN = 10,
	/* The mini sweep of probes: blocks of 10 ms, of which those of a second see the change. */
	CHANGE_BLOCKS = 400,
	CHANGE_BLOCK_NS = 10000000,
	CHANGE_AT_MS = 1500,
	CHANGE_UNTIL_MS = 2500,
	CHANGE_END_MS = 4000,
};

static void fail(struct finding *out, const char *figure)
{
	out->outcome = OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%s", figure);
}

static void leave_out(struct finding *out)
{
	out->outcome = OUTCOME_SKIP;
	snprintf(out->figure, sizeof(out->figure), "there is one CPU");
}

/* Empty pairs of readings, one behind the other. */
static double time_pairs(const struct ticks *ticks, struct histogram *pairs)
{
	const uint64_t start = clock_now_ns();

	*pairs = (struct histogram){0};
	for (int i = 0; i < CLOCK_PAIRS; i++) {
		const uint64_t first = ticks_first(ticks);

		histogram_record(pairs, ticks_between(ticks, first, ticks_last(ticks)));
	}
	return (double)(clock_now_ns() - start) / CLOCK_PAIRS;
}

static double quantile(const struct histogram *pairs, double share)
{
	return histogram_at_rank(pairs, (uint64_t)ceil(share * CLOCK_PAIRS));
}

void selftest_clock(struct finding *out)
{
	static struct histogram calls, windows;
	char text[TICKS_TEXT_BYTES];
	struct ticks ticks;

	snprintf(out->wanted, sizeof(out->wanted), "at most %d ns", CLOCK_NS_MAX);
	/* The clock of windows first: the other one may be the same. */
	ticks_open(&ticks, HISTOGRAM_NS, false, ticks_now());
	time_pairs(&ticks, &windows);
	ticks_open(&ticks, HISTOGRAM_NS, true, ticks_now());

	const double pair_ns = time_pairs(&ticks, &calls);
	const double worst = fmax(quantile(&windows, 0.5), quantile(&calls, 0.5));

	ticks_describe(&ticks, text);
	out->outcome = worst <= CLOCK_NS_MAX ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%.1f ns", worst);
	snprintf(out->detail, sizeof(out->detail),
		"an empty pair, p50 p99 p99.9: %.1f %.1f %.1f ns for windows; %.1f %.1f %.1f for "
		"single calls, and %.1f in all, by %s",
		quantile(&windows, 0.5), quantile(&windows, 0.99), quantile(&windows, 0.999),
		quantile(&calls, 0.5), quantile(&calls, 0.99), quantile(&calls, 0.999), pair_ns,
		text);
}

void selftest_hand_over(struct finding *out)
{
	double ns[HAND_OVER_READINGS];
	struct probe_moment moment;
	struct probe probe;
	size_t read = 0;

	snprintf(out->wanted, sizeof(out->wanted), "read at least %d of %d times",
		HAND_OVER_READ_MIN, HAND_OVER_READINGS);
	probe_open(&probe);
	if (probe.cpus < 2) {
		leave_out(out);
		return;
	}
	for (int i = 0; i < HAND_OVER_READINGS; i++) {
		probe_take(&probe, &moment);
		if (moment.hand_overs_ns > 0)
			ns[read++] = (double)moment.hand_overs_ns / PROBE_HAND_OVERS;
	}
	out->outcome = read >= HAND_OVER_READ_MIN ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%.1f ns, %zu of %d",
		read > 0 ? stats_median(ns, read) : NAN, read, HAND_OVER_READINGS);
}

void selftest_offsets(struct finding *out)
{
	static struct offset offsets[ENGINE_THREADS_MAX];
	char text[OFFSETS_TEXT_BYTES(ENGINE_THREADS_MAX)];
	struct probe probe;
	struct ticks ticks;

	snprintf(out->wanted, sizeof(out->wanted), "at most %.0f ns apart", OFFSETS_APART_MAX_NS);
	probe_open(&probe);
	if (probe.cpus < 2) {
		leave_out(out);
		return;
	}
	ticks_open(&ticks, HISTOGRAM_NS, true, ticks_now());
	if (offsets_measure(&ticks, probe.cpu, probe.cpus, offsets) != 0) {
		fail(out, "not measured");
		return;
	}

	const double apart = offsets_apart_ns(offsets, probe.cpus);

	offsets_describe(offsets, probe.cpus, text, sizeof(text));
	out->outcome = apart <= OFFSETS_APART_MAX_NS ? OUTCOME_PASS : OUTCOME_FAIL;
	snprintf(out->figure, sizeof(out->figure), "%.0f ns", apart);
	snprintf(out->detail, sizeof(out->detail), "ahead of CPU %" PRIu32 ": %.400s", probe.cpu[0],
		text);
}

/* A block of the mini sweep: nothing runs in it but what runs beside. */
static struct analysis_moment idle_block(const struct probe *probe, size_t number)
{
	struct probe_moment end[2];

	probe_take(probe, &end[0]);
	clock_sleep_until_ns(clock_now_ns() + CHANGE_BLOCK_NS);
	probe_take(probe, &end[1]);

	struct analysis_moment moment = {.block_id = (int64_t)number,
		.started_ns = end[0].at_ns,
		.took_ns = end[1].at_ns - end[0].at_ns,
		.change = {NAN, NAN}};

	for (int i = 0; i < 2; i++) {
		const double handed_ns = (double)end[i].hand_overs_ns;

		moment.log[ANALYSIS_SINGLE][i] = log((double)end[i].single_ns);
		moment.log[ANALYSIS_HANDED][i] = handed_ns > 0 ? log(handed_ns) : NAN;
	}
	return moment;
}

/*
 * The mini sweep, and for a second of it a thread that has the kernel interrupt the others. A busy loop
 * would not do: where CPUs are no siblings of one core it changes nothing but who waits for whom, which
 * a probe must not take for the machine. changed: of a block, whether it saw that.
 */
static bool sweep_probes(const struct probe *probe, struct analysis *a,
	struct analysis_moment *moments, bool *changed)
{
	const uint64_t start = clock_now_ns();
	struct beside *sibling = NULL;
	uint64_t ms = 0;

	for (; ms < CHANGE_END_MS && a->moment_count < CHANGE_BLOCKS;
		ms = (clock_now_ns() - start) / 1000000) {
		const bool due = ms >= CHANGE_AT_MS && ms < CHANGE_UNTIL_MS;

		if (due && sibling == NULL &&
			(sibling = beside_interrupting(probe->cpu[1])) == NULL)
			return false;
		if (!due && sibling != NULL) {
			beside_end(sibling);
			sibling = NULL;
		}
		changed[a->moment_count] = due;
		moments[a->moment_count] = idle_block(probe, a->moment_count);
		a->moment_count++;
	}
	if (sibling != NULL)
		beside_end(sibling);
	return true;
}

void selftest_change(struct finding *out)
{
	struct analysis *a = need(1, sizeof(*a));
	struct analysis_moment *moments = analysis_keep(a, CHANGE_BLOCKS, sizeof(*moments));
	bool *changed = analysis_keep(a, CHANGE_BLOCKS, sizeof(*changed));
	size_t injected = 0, found = 0, others = 0;
	struct probe probe;

	a->moments = moments;
	snprintf(out->wanted, sizeof(out->wanted), "half of them in events");
	probe_open(&probe);
	if (probe.cpus < 2) {
		leave_out(out);
	} else if (!sweep_probes(&probe, a, moments, changed)) {
		fail(out, "no thread, or no membarrier(2)");
	} else {
		analysis_find_changes(a, moments);
		for (size_t i = 0; i < a->moment_count; i++) {
			injected += changed[i];
			found += changed[i] && moments[i].other;
			others += !changed[i] && moments[i].other;
		}
		out->outcome = injected > 0 && 2 * found >= injected ? OUTCOME_PASS : OUTCOME_FAIL;
		snprintf(out->figure, sizeof(out->figure), "%zu of %zu blocks", found, injected);
		snprintf(out->detail, sizeof(out->detail),
			"a thread has the others interrupted for a second; events in all: %zu, "
			"which take in %zu of the %zu other blocks",
			a->change_count, others, a->moment_count - injected);
	}
	analysis_free(a);
}
