/*
 * Where the nanoseconds of a unit go, as a sampled profile in speedscope's format
 * (https://www.speedscope.app/file-format-schema.json). A stack is the workload, the side of its
 * lane, and the path of a call; its weight, how long a unit's calls take on that path, without the
 * clock's readings. What is left of a unit's time stands beside the paths as "between calls".
 */
#include "bench/analysis/analysis.h"
#include "bench/base/need.h"
#include "bench/report/report.h"
#include "bench/report/template.h"

#include <jansson.h>
#include <math.h>

/* What a thread does for a unit, by its place in the lane. */
static const char *role_of(size_t side, size_t sides)
{
	return sides == 1         ? "does all of it"
	       : side == 0        ? "begins the work"
	       : side + 1 < sides ? "passes it on"
				  : "completes it";
}

struct profile {
	json_t *frames, *samples, *weights;
	double total;
};

/* The frame of that name, which is added unless it is there. Takes the name over. */
static json_int_t frame_of(struct profile *self, json_t *name)
{
	json_t *frame;
	size_t i;

	json_array_foreach(self->frames, i, frame)
	{
		if (json_equal(json_object_get(frame, "name"), name)) {
			json_decref(name);
			return (json_int_t)i;
		}
	}
	json_array_append_new(self->frames, json_pack("{s:o}", "name", name));
	return (json_int_t)json_array_size(self->frames) - 1;
}

static void add_sample(struct profile *self, json_int_t side, const char *name, double ns)
{
	if (!(ns > 0))
		return;
	json_array_append_new(
		self->samples, json_pack("[i, I, I]", 0, side, frame_of(self, json_string(name))));
	json_array_append_new(self->weights, json_real(ns));
	self->total += ns;
}

static void add_side(
	struct profile *self, const struct analysis_latency *l, size_t side, double unit_ns)
{
	const double *ns = l->side[side].ns;
	const json_int_t frame = frame_of(self, json_string(role_of(side, l->sides)));
	double left = unit_ns;

	for (size_t i = 0; i < l->path_count; i++) {
		add_sample(self, frame, l->path[i].name, ns[l->path[i].class]);
		left -= fmax(0, ns[l->path[i].class]);
	}
	add_sample(self, frame, "between calls", left);
}

void report_speedscope(
	const struct analysis *analysis, size_t cell, size_t subject, size_t part, FILE *out)
{
	(void)part;
	const struct analysis_latency *l = analysis_latency(analysis, cell, subject);
	const double unit_ns = exp(analysis_at(analysis, cell, subject)->ns.point);
	struct profile p = {json_array(), json_array(), json_array(), 0};
	json_t *file;

	frame_of(&p, template_text(analysis->cells[cell].label));
	for (size_t side = 0; side < l->sides; side++)
		add_side(&p, l, side, unit_ns);
	file = json_pack("{s:s, s:s, s:o, s:i, s:{s:o}, s:[{s:s, s:o, s:s, s:i, s:f, s:o, s:o}]}",
		"$schema", "https://www.speedscope.app/file-format-schema.json", "exporter",
		"nblbench", "name",
		template_words(
			"%s, %s", analysis->cells[cell].label, analysis->subjects[subject].label),
		"activeProfileIndex", 0, "shared", "frames", p.frames, "profiles", "type",
		"sampled", "name", template_text(analysis->subjects[subject].label), "unit",
		"nanoseconds", "startValue", 0, "endValue", p.total, "samples", p.samples,
		"weights", p.weights);
	if (file == NULL)
		need_failed();
	json_dumpf(file, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(file);
}
