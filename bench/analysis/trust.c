/* See trust.h. */
#include "bench/analysis/trust.h"

#include "bench/base/append.h"
#include "bench/base/need.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* A member that is a text; NULL: there is none. */
static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static struct trust_layer *find_layer(struct trust_row *row, const char *name)
{
	for (size_t i = 0; i < row->layer_count; i++) {
		if (strcmp(row->layers[i].name, name) == 0)
			return &row->layers[i];
	}
	row->layers[row->layer_count].name = name;
	return &row->layers[row->layer_count++];
}

static void join(char **text, const char *first, const char *between, const char *second)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", first, between, second) < 0)
		need_failed();
	free(*text);
	*text = joined;
}

/* Adds a run. False: it is none. */
static bool add_run(struct trust_row *row, const json_t *run)
{
	const char *layer = text_of(run, "layer"), *verdict = text_of(run, "verdict"),
		   *scenario = text_of(run, "scenario"), *sentence = text_of(run, "sentence");

	if (layer == NULL || verdict == NULL || scenario == NULL || sentence == NULL)
		return false;

	struct trust_layer *at = find_layer(row, layer);

	if (strcmp(verdict, "skipped") == 0) {
		at->skipped++;
	} else if (strcmp(verdict, "ok") == 0) {
		at->ok++;
	} else {
		at->failed++;
		if (row->failure == NULL)
			join(&row->failure, scenario, ": ", sentence);
	}
	return true;
}

static bool add_strategy(struct trust_row *row, const json_t *strategy)
{
	const json_t *runs = json_object_get(strategy, "runs"), *run,
		     *paths = json_object_get(strategy, "paths_not_taken"), *path;
	size_t i;

	row->strategy = text_of(strategy, "name");
	row->verdict = text_of(strategy, "verdict");
	row->operations = (uint64_t)json_integer_value(json_object_get(strategy, "operations"));
	row->layers = need(json_array_size(runs), sizeof(*row->layers));
	row->not_taken = need_copy("");
	if (row->strategy == NULL || row->verdict == NULL || !json_is_array(runs))
		return false;
	json_array_foreach(runs, i, run)
	{
		if (!add_run(row, run))
			return false;
	}
	json_array_foreach(paths, i, path)
	{
		if (json_is_string(path))
			join(&row->not_taken, row->not_taken, i == 0 ? "" : ", ",
				json_string_value(path));
	}
	return true;
}

/* False: it is not what stress writes. */
static bool fill(struct trust *trust)
{
	const json_t *strategies = json_object_get(trust->file, "strategies"), *one;
	const char *format = text_of(trust->file, "format");
	size_t i;

	trust->revision = text_of(trust->file, "revision");
	trust->ended = text_of(trust->file, "ended");
	trust->whole = json_is_true(json_object_get(trust->file, "whole"));
	if (format == NULL || strcmp(format, "nblbench-trust") != 0 ||
		json_integer_value(json_object_get(trust->file, "version")) != 1 ||
		trust->revision == NULL || trust->ended == NULL || !json_is_array(strategies))
		return false;
	trust->rows = need(json_array_size(strategies), sizeof(*trust->rows));
	json_array_foreach(strategies, i, one)
	{
		trust->count++;
		if (!add_strategy(&trust->rows[i], one))
			return false;
	}
	return true;
}

struct trust *trust_read(const char *path, char *why, size_t why_bytes)
{
	struct trust *trust = need(1, sizeof(*trust));
	json_error_t error;

	trust->file = json_load_file(path, 0, &error);
	if (trust->file != NULL && fill(trust))
		return trust;
	if (trust->file == NULL)
		snprintf(why, why_bytes, "'%.200s' can't be read: %.200s.", path, error.text);
	else
		snprintf(why, why_bytes,
			"'%.200s' is not what this version's `nblbench stress --json FILE` writes.",
			path);
	trust_free(trust);
	return NULL;
}

void trust_free(struct trust *trust)
{
	if (trust == NULL)
		return;
	for (size_t i = 0; i < trust->count; i++) {
		free(trust->rows[i].layers);
		free(trust->rows[i].failure);
		free(trust->rows[i].not_taken);
	}
	free(trust->rows);
	json_decref(trust->file);
	free(trust);
}

const struct trust_row *trust_of(const struct trust *trust, const struct analysis_subject *subject)
{
	for (size_t i = 0; trust != NULL && i < trust->count; i++) {
		if (strcmp(trust->rows[i].strategy, subject->pool) == 0)
			return &trust->rows[i];
	}
	return NULL;
}

/* "not verified" of what was skipped or never tried; else the verdict. */
static const char *state_of(const struct trust_row *row)
{
	return row == NULL || strcmp(row->verdict, "skipped") == 0 ? "not verified" : row->verdict;
}

/* Whether a contestant before it is of the same pool. */
static bool told_before(const struct analysis *a, size_t subject)
{
	for (size_t i = 0; i < subject; i++) {
		if (a->subjects[i].role == ANALYSIS_CONTESTANT &&
			strcmp(a->subjects[i].pool, a->subjects[subject].pool) == 0)
			return true;
	}
	return false;
}

void trust_tell(const struct trust *trust, const struct analysis *a, char *text)
{
	static const char *const states[] = {"passed", "failed", "not verified"};
	size_t told = 0;

	text[0] = '\0';
	append(text, ANALYSIS_SENTENCE_BYTES, "Tried by stress at %s (%.10s)%s%s:", trust->revision,
		trust->ended, trust->whole ? "" : ", some scenarios alone",
		strcmp(trust->revision, a->source_revision) == 0
			? ""
			: ", another revision than was measured");
	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		size_t n = 0;

		for (size_t i = 0; i < a->subject_count; i++) {
			const struct analysis_subject *subject = &a->subjects[i];

			if (subject->role != ANALYSIS_CONTESTANT || told_before(a, i) ||
				strcmp(state_of(trust_of(trust, subject)), states[s]) != 0)
				continue;
			if (n++ == 0)
				append(text, ANALYSIS_SENTENCE_BYTES, "%s %s: %s",
					told++ == 0 ? "" : ";", states[s], subject->pool);
			else
				append(text, ANALYSIS_SENTENCE_BYTES, ", %s", subject->pool);
		}
	}
	append(text, ANALYSIS_SENTENCE_BYTES, ".");
}

const char *trust_state(const struct trust *trust, const struct analysis_subject *subject)
{
	return state_of(trust_of(trust, subject));
}

void trust_runs(const struct trust_row *row, char *text)
{
	size_t skipped = 0;

	text[0] = '\0';
	for (size_t i = 0; i < row->layer_count; i++) {
		const struct trust_layer *layer = &row->layers[i];

		skipped += layer->skipped;
		if (layer->ok + layer->failed == 0)
			continue;
		append(text, ANALYSIS_SENTENCE_BYTES, "%s%s %zu", *text == '\0' ? "" : ", ",
			layer->name, layer->ok + layer->failed);
		if (layer->failed > 0)
			append(text, ANALYSIS_SENTENCE_BYTES, " (%zu failed)", layer->failed);
	}
	if (skipped > 0)
		append(text, ANALYSIS_SENTENCE_BYTES, "%sskipped %zu", *text == '\0' ? "" : "; ",
			skipped);
}
