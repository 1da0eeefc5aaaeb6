/* See analysis.h. */
#include "bench/analysis/source.h"
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/sweep/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double ns_a_second = 1e9;

struct analysis_block {
	struct analysis_block *next;
	void *data;
};

void *analysis_keep(struct analysis *a, size_t count, size_t bytes)
{
	struct analysis_block *block = need(1, sizeof(*block));

	block->data = need(count, bytes);
	block->next = a->memory;
	a->memory = block;
	return block->data;
}

void analysis_free(struct analysis *analysis)
{
	if (analysis == NULL)
		return;
	for (size_t c = 0; analysis->raws != NULL && c < analysis->cell_count; c++)
		analysis_raw_free(&analysis->raws[c]);
	for (struct analysis_block *block = analysis->memory, *next; block != NULL; block = next) {
		next = block->next;
		free(block->data);
		free(block);
	}
	free(analysis);
}

const char *analysis_keep_text(struct analysis *a, const char *text)
{
	return strcpy(analysis_keep(a, strlen(text) + 1, 1), text);
}

const char *analysis_role_name(enum analysis_role role)
{
	static const char *const names[] = {
		[ANALYSIS_CONTESTANT] = "contestant",
		[ANALYSIS_HARNESS] = "harness",
		[ANALYSIS_BARE] = "bare",
		[ANALYSIS_FLOOR] = "floor",
		[ANALYSIS_TABLE] = "table",
		[ANALYSIS_TWIN] = "twin",
		[ANALYSIS_OTHER] = "other",
	};

	return names[role];
}

const char *analysis_state_name(enum analysis_state state)
{
	static const char *const names[] = {
		[ANALYSIS_ABSENT] = "not measured",
		[ANALYSIS_MEASURED] = "measured",
		[ANALYSIS_DRY] = "ran dry",
		[ANALYSIS_UNSUPPORTED] = "unsupported",
		[ANALYSIS_CRASHED] = "crashed",
		[ANALYSIS_HUNG] = "hung",
		[ANALYSIS_LOST] = "lost",
		[ANALYSIS_FAILED] = "failed",
	};

	return names[state];
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_table(const struct analysis_subject *subject)
{
	return strcmp(subject->dispatch, "table") == 0;
}

/* Whether other is what subject is compared with. */
static bool is_original(
	const struct analysis_subject *subject, const struct analysis_subject *other)
{
	if (other->role == ANALYSIS_TWIN || other->build != NULL ||
		!same_text(other->pool, subject->pool) ||
		!same_text(other->context, subject->context) ||
		!same_text(other->library, subject->library))
		return false;
	return subject->role == ANALYSIS_TWIN || subject->build != NULL
		       ? is_table(other) == is_table(subject)
		       : is_table(subject) && !is_table(other);
}

/* Roles, and whom twins, tables and another build's are compared with. */
static void assign_roles(struct analysis *a)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_subject *subject = &a->subjects[i];

		for (size_t j = 0; j < a->subject_count && subject->original == i; j++) {
			if (j != i && is_original(subject, &a->subjects[j]))
				subject->original = j;
		}
		if (subject->role == ANALYSIS_TWIN)
			continue;
		if (subject->build != NULL)
			subject->role = ANALYSIS_OTHER;
		else if (subject->original != i)
			subject->role = ANALYSIS_TABLE;
		else if (strcmp(subject->pool, "null") == 0)
			subject->role = ANALYSIS_HARNESS;
		else if (strcmp(subject->progress, "none") == 0)
			subject->role = subject->is_pool ? ANALYSIS_FLOOR : ANALYSIS_BARE;
	}
}

static void finish_cell(struct analysis *a, size_t cell_at, const struct analysis_raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];

	cell->disturbed = (double)cell->flagged > ANALYSIS_DISTURBED * (double)cell->slices;
	cell->preliminary = cell->forks < STATS_FORKS_MIN;
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &a->results[cell_at * a->subject_count + i];
		const double units = result->units > 0 ? (double)result->units : NAN;

		if (result->state == ANALYSIS_ABSENT && result->units > 0) {
			result->state = ANALYSIS_MEASURED;
			result->reason = NULL; /* what disturbed it is overcome */
		} else if (result->state == ANALYSIS_ABSENT && result->failed > 0) {
			result->state = ANALYSIS_DRY;
			result->reason = "It completed no unit of work in any slice: it had no "
					 "object to give.";
		} else if (result->state == ANALYSIS_ABSENT && result->slices > 0) {
			result->reason = "It completed no unit of work in any slice: they are too "
					 "short for this machine.";
		}
		for (int path = 0; path < LATENCY_CLASSES; path++)
			result->taken[path] /= units;
		result->ns = result->to_best = result->to_base = result->to_original =
			STATS_UNKNOWN;
		result->jain = result->slowest_share = result->mann_whitney = NAN;
	}
	if (raw->blocks == 0)
		return;
	cell->calibration_low_ns = cell->calibration_high_ns = raw->calibration[0];
	for (size_t b = 0; b < raw->blocks; b++) {
		cell->calibration_low_ns = fmin(cell->calibration_low_ns, raw->calibration[b]);
		cell->calibration_high_ns = fmax(cell->calibration_high_ns, raw->calibration[b]);
	}
	cell->calibration_ns = stats_median(raw->calibration, raw->blocks);
}

static int add_latency(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	struct analysis_times times;
	const int error = analysis_read_times(r, cell_at, subject_at, &times);

	if (error == 0)
		analysis_work_out_latency(r->analysis, cell_at, subject_at, &times);
	analysis_times_free(&times);
	return error;
}

/* A subject's response times at each load of the cell. */
static int add_response(struct analysis_source *r, size_t cell_at, size_t subject_at)
{
	const struct analysis_cell *cell = &r->analysis->cells[cell_at];
	AUTO_FREE struct analysis_served *served = need(cell->load_count, sizeof(*served));
	int error = 0;

	for (size_t i = 0; error == 0 && i < cell->load_count; i++)
		error = analysis_read_served(r, cell_at, subject_at, cell->loads[i], &served[i]);
	if (error == 0)
		analysis_work_out_response(r->analysis, cell_at, subject_at, served);
	for (size_t i = 0; i < cell->load_count; i++)
		free(served[i].fork);
	return error;
}

static int analyse_cell(struct analysis_source *r, size_t cell_at, bool effects)
{
	struct analysis *a = r->analysis;
	struct analysis_raw *raw = &a->raws[cell_at];
	int error = analysis_read_cell(r, cell_at, raw);

	if (error == 0) {
		finish_cell(a, cell_at, raw);
		if (raw->blocks > 0 && effects)
			analysis_estimate(a, cell_at, raw);
	}
	for (size_t i = 0; error == 0 && i < a->subject_count; i++)
		error = add_latency(r, cell_at, i);
	if (error == 0)
		error = analysis_read_loads(r, cell_at);
	if (error == 0)
		analysis_make_commands(a, cell_at);
	for (size_t i = 0; error == 0 && i < a->subject_count; i++)
		error = add_response(r, cell_at, i);
	return error;
}

/* Whether a contestant has a cell to compete in; of others nobody asks. */
static bool in_some_contest(const struct analysis *a, size_t subject)
{
	bool in = a->subjects[subject].role != ANALYSIS_CONTESTANT;

	for (size_t c = 0; c < a->cell_count && !in; c++)
		in = analysis_in_contest(a, c, subject);
	return in;
}

/* What the subjects did over all cells. */
static void summarise(struct analysis *a)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_subject *subject = &a->subjects[i];
		size_t unsupported = 0;

		for (size_t c = 0; c < a->cell_count; c++) {
			const struct analysis_result *result = analysis_at(a, c, i);
			const struct analysis_latency *l = analysis_latency(a, c, i);

			a->has_latency |= l != NULL;
			a->has_hand_over |= l != NULL && l->hand_over_count > 0;
			a->has_responses |= analysis_response(a, c, i) != NULL;
			unsupported += result->state == ANALYSIS_UNSUPPORTED;
			subject->broken += result->state > ANALYSIS_UNSUPPORTED;
			if (result->state != ANALYSIS_MEASURED)
				continue;
			subject->measured++;
			a->rows_left += result->others > 0 && !result->mixed;
			a->rows_mixed += result->mixed;
			a->rows_flagged += !a->cells[c].disturbed &&
					   (double)result->flagged >
						   ANALYSIS_DISTURBED * (double)result->slices;
		}
		/*
		 * The floor competes with one thread, the harness where one object will do, the
		 * others in contests of theirs: refused everywhere, they had no cell. Any other
		 * strategy that is refused everywhere lacks something here, and its row says what.
		 */
		subject->apart =
			a->cell_count > 0 && unsupported == a->cell_count &&
			(subject->context != NULL || subject->role == ANALYSIS_HARNESS ||
				subject->role == ANALYSIS_FLOOR || !in_some_contest(a, i) ||
				(subject->role == ANALYSIS_OTHER &&
					a->subjects[subject->original].apart));
	}
	for (size_t c = 0; c < a->cell_count; c++) {
		a->preliminary |= a->cells[c].preliminary;
		a->disturbed += a->cells[c].disturbed;
	}
}

static int choose_baseline(struct analysis_source *r, const char *baseline)
{
	const char *const usual[] = {baseline == NULL ? "malloc" : baseline, "mutex"};
	struct analysis *a = r->analysis;

	for (size_t u = 0; u < (baseline == NULL ? 2 : 1); u++) {
		for (size_t i = 0; i < a->subject_count && !a->has_baseline; i++) {
			const struct analysis_subject *s = &a->subjects[i];

			a->baseline = i;
			a->has_baseline = baseline != NULL ? strcmp(s->label, baseline) == 0
							   : s->role == ANALYSIS_CONTESTANT &&
								     strcmp(s->pool, usual[u]) == 0;
		}
	}
	if (baseline != NULL && !a->has_baseline)
		return analysis_refuse(r,
			"'%s' has no subject '%s' to be the baseline; its labels are in "
			"the first column of its tables.",
			r->path, baseline);
	return 0;
}

static int read_all(
	struct analysis_source *r, const char *machine, const char *baseline, bool effects)
{
	if (analysis_check_is_store(r) != 0 || analysis_choose_machine(r, machine) != 0 ||
		analysis_read_plan(r) != 0 || analysis_read_machines(r) != 0 ||
		analysis_read_subjects(r) != 0)
		return -1;
	assign_roles(r->analysis);
	if (analysis_read_cells(r) != 0 || analysis_read_events(r) != 0 ||
		analysis_read_moments(r) != 0 || choose_baseline(r, baseline) != 0)
		return -1;
	r->analysis->raws =
		analysis_keep(r->analysis, r->analysis->cell_count, sizeof(struct analysis_raw));
	for (size_t c = 0; c < r->analysis->cell_count; c++) {
		if (analyse_cell(r, c, effects) != 0)
			return -1;
	}
	if (effects) {
		analysis_rank(r->analysis);
		analysis_judge_against(r->analysis);
	}
	summarise(r->analysis);
	return 0;
}

/* What of a store one cell's effects take, and nothing of the machine, which other cells' blocks tell of too. */
static int read_cell_alone(struct analysis_source *r, const char *label)
{
	struct analysis *a = r->analysis;

	if (analysis_check_is_store(r) != 0 || analysis_read_plan(r) != 0 ||
		analysis_read_subjects(r) != 0)
		return -1;
	assign_roles(a);
	if (analysis_read_cells(r) != 0 || analysis_read_events(r) != 0)
		return -1;

	const size_t cell = analysis_find_cell(a, label);
	struct analysis_raw *raws = analysis_keep(a, a->cell_count, sizeof(*raws));

	a->raws = raws;
	if (cell == a->cell_count)
		return analysis_refuse(r, "'%s' has no cell '%s'.", r->path, label);
	if (analysis_read_cell(r, cell, &raws[cell]) != 0)
		return -1;
	finish_cell(a, cell, &raws[cell]);
	if (raws[cell].blocks > 0)
		analysis_estimate(a, cell, &raws[cell]);
	return 0;
}

/* What is read of a store. */
struct wanted {
	const char *machine, *baseline;
	bool effects;
	const char *cell; /* only this one's effects, by so many forks; NULL: all */
	uint32_t forks;
};

static int read_store(const char *path, const struct wanted *wanted, struct analysis **out,
	char *why, size_t why_bytes)
{
	struct analysis_source r = {.path = path,
		.why = why,
		.why_bytes = why_bytes,
		.forks = wanted->cell != NULL ? wanted->forks : INT64_MAX};
	struct stat status;
	int error = -1;

	if (stat(path, &status) != 0)
		return analysis_refuse(&r, "There is no store '%s': %s.", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return analysis_refuse(&r,
			"'%s' is not a store: it is no regular file. A store is the "
			".db file that `nblbench sweep` names at its end.",
			path);
	r.analysis = need(1, sizeof(*r.analysis));
	r.analysis->margin = log1p(STATS_MARGIN);
	r.analysis->store = analysis_keep_text(r.analysis, path);
	/* One transaction, so that a sweep that is writing can't move the ground in between. */
	if (source_open(&r) == 0) {
		if (sqlite3_exec(r.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
			analysis_refuse_sqlite(&r);
		else
			error = wanted->cell != NULL ? read_cell_alone(&r, wanted->cell)
						     : read_all(&r, wanted->machine,
							       wanted->baseline, wanted->effects);
	}
	sqlite3_close(r.db);
	if (error != 0) {
		analysis_free(r.analysis);
		return -1;
	}
	*out = r.analysis;
	return 0;
}

int analysis_read(
	const char *path, const char *baseline, struct analysis **out, char *why, size_t why_bytes)
{
	return analysis_read_machine(path, NULL, baseline, out, why, why_bytes);
}

int analysis_read_machine(const char *path, const char *machine, const char *baseline,
	struct analysis **out, char *why, size_t why_bytes)
{
	const struct wanted wanted = {.machine = machine, .baseline = baseline, .effects = true};

	return read_store(path, &wanted, out, why, why_bytes);
}

int analysis_read_raw(const char *path, struct analysis **out, char *why, size_t why_bytes)
{
	return read_store(path, &(struct wanted){.effects = false}, out, why, why_bytes);
}

/* Of a row's distance: a half-width that is narrow enough, however wide. */
static const double narrow_share = 0.25;

static bool is_known(const struct stats_estimate *effect, double wanted)
{
	const double half = (effect->hi - effect->lo) / 2;

	return effect->forks >= PLAN_UNTIL_FORKS && isfinite(half) &&
	       half <= fmax(wanted, narrow_share * fabs(effect->point));
}

int analysis_settled(const char *path, const char *label, uint32_t forks, double wanted,
	bool *settled, char *why, size_t why_bytes)
{
	const struct wanted cell_alone = {.cell = label, .forks = forks};
	struct analysis *a = NULL;

	if (read_store(path, &cell_alone, &a, why, why_bytes) != 0)
		return -1;

	const size_t cell = analysis_find_cell(a, label);

	*settled = a->cells[cell].has_best && a->cells[cell].forks >= PLAN_UNTIL_FORKS;
	for (size_t i = 0; i < a->subject_count; i++) {
		if (analysis_competes(a, cell, i) && i != a->cells[cell].best)
			*settled &= is_known(&analysis_at(a, cell, i)->to_best, wanted);
	}
	analysis_free(a);
	return 0;
}

bool analysis_same_machine(const struct analysis *a, const struct analysis *b)
{
	return a->machine_count == 0 || b->machine_count == 0 ||
	       strcmp(a->machines[a->machine_count - 1].hash,
		       b->machines[b->machine_count - 1].hash) == 0;
}

int64_t analysis_began_ns(const struct analysis *a)
{
	return a->machine_count > 0 ? a->machines[a->machine_count - 1].started_ns : a->created_ns;
}

const char *analysis_fingerprint(const struct analysis *a, const char *name)
{
	const struct analysis_machine *m =
		a->machine_count > 0 ? &a->machines[a->machine_count - 1] : NULL;

	for (size_t i = 0; m != NULL && i < m->value_count; i++) {
		if (strcmp(m->values[i].name, name) == 0)
			return m->values[i].value;
	}
	return NULL;
}

size_t analysis_find_cell(const struct analysis *a, const char *label)
{
	size_t i = 0;

	while (i < a->cell_count && strcmp(a->cells[i].label, label) != 0)
		i++;
	return i;
}

size_t analysis_find_subject(const struct analysis *a, const char *label)
{
	size_t i = 0;

	while (i < a->subject_count && strcmp(a->subjects[i].label, label) != 0)
		i++;
	return i;
}

double analysis_rate(const struct analysis_cell *cell, double log_ns)
{
	return ns_a_second * cell->lanes / exp(log_ns);
}

bool analysis_in_contest(const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_subject *s = &a->subjects[subject];
	const enum contest contest = a->cells[cell].contest;

	return s->role == ANALYSIS_CONTESTANT &&
	       (contest == CONTEST_WHOLE || (contest == CONTEST_POLICIES) == (s->context != NULL));
}

bool analysis_same_load(const struct analysis_cell *a, const struct analysis_cell *b)
{
	return strcmp(a->workload, b->workload) == 0 && strcmp(a->pages, b->pages) == 0 &&
	       strcmp(a->placement, b->placement) == 0 && a->burst == b->burst &&
	       a->depth == b->depth && a->object_bytes == b->object_bytes &&
	       a->object_align == b->object_align;
}
