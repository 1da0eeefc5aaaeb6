#include "stress/trust.h"

#include "stress/base/child.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

const char *const trust_layer_names[] = {
#define LAYER(name, preset, program, when) #name,
#include "stress/layers.def"
	NULL,
};

enum { PATHS = TRUST_PATHS, LINE_BYTES = 2048 };

static bool parse_run(char *line, struct trust_run *run)
{
	char *field[10 + PATHS];

	for (size_t i = 0; i < array_count(field); i++) {
		field[i] = strsep(&line, "\t");
		if (field[i] == NULL)
			return false;
	}
	if (line == NULL)
		return false;
	run->verdict = TRUST_OK;
	while (run->verdict < TRUST_VERDICTS &&
		strcmp(field[0], trust_verdict_names[run->verdict]) != 0)
		run->verdict++;
	snprintf(run->pool, sizeof(run->pool), "%s", field[1]);
	snprintf(run->scenario, sizeof(run->scenario), "%s", field[2]);
	run->seed = strtoull(field[3], NULL, 10);
	run->seconds = strtod(field[4], NULL);
	run->operations = strtoull(field[5], NULL, 10);
	run->reach = strtod(field[6], NULL);
	run->sites = (uint32_t)strtoul(field[7], NULL, 10);
	run->sites_reached = (uint32_t)strtoul(field[8], NULL, 10);
	for (size_t i = 0; i < PATHS; i++)
		((uint64_t *)&run->paths)[i] = strtoull(field[9 + i], NULL, 10);
	run->broken = (enum promise)strtoul(field[9 + PATHS], NULL, 10);
	snprintf(run->sentence, sizeof(run->sentence), "%s", line);
	return run->verdict < TRUST_VERDICTS;
}

bool trust_read(struct trust *self, uint32_t layer, FILE *file)
{
	struct trust_layer *of = &self->layer[layer];
	char line[LINE_BYTES];

	if (fgets(line, sizeof(line), file) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	char *compiler = line;
	snprintf(of->build, sizeof(of->build), "%s", strsep(&compiler, "\t"));
	snprintf(of->compiler, sizeof(of->compiler), "%s", compiler != NULL ? compiler : "");
	while (fgets(line, sizeof(line), file) != NULL) {
		struct trust_run run = {.layer = layer};

		line[strcspn(line, "\n")] = '\0';
		if (!parse_run(line, &run))
			return false;
		if (self->count == self->room) {
			self->room = self->room != 0 ? 2 * self->room : 256;
			self->run = realloc(self->run, self->room * sizeof(*self->run));
			if (self->run == NULL)
				abort();
		}
		self->run[self->count++] = run;
	}
	return true;
}

static bool is_failure(const struct trust_run *run)
{
	return run->verdict == TRUST_FAILED || run->verdict == TRUST_MISSED;
}

/* The earlier of the first n that a run is to be joined to; NULL: none. */
static struct trust_run *earlier(const struct trust *self, size_t n, const struct trust_run *run)
{
	for (size_t i = 0; i < n; i++) {
		struct trust_run *of = &self->run[i];

		if (of->layer == run->layer && strcmp(of->pool, run->pool) == 0 &&
			strcmp(of->scenario, run->scenario) == 0)
			return of;
	}
	return NULL;
}

void trust_join(struct trust *self, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < self->count; i++) {
		struct trust_run run = self->run[i];
		struct trust_run *of = earlier(self, first, &run);

		if (of == NULL) {
			self->run[kept++] = run;
			continue;
		}
		run.operations += of->operations;
		run.seconds += of->seconds;
		run.reach = run.reach > of->reach ? run.reach : of->reach;
		run.sites_reached = run.sites_reached > of->sites_reached ? run.sites_reached
									  : of->sites_reached;
		for (size_t p = 0; p < PATHS; p++)
			((uint64_t *)&run.paths)[p] += trust_path_count(&of->paths, p);
		/* What failed once has failed, with the seed of that; what was tried once was tried. */
		if (is_failure(of) || (run.verdict == TRUST_SKIPPED && of->verdict == TRUST_OK)) {
			run.verdict = of->verdict;
			run.seed = of->seed;
			run.broken = of->broken;
			memcpy(run.sentence, of->sentence, sizeof(run.sentence));
		}
		*of = run;
	}
	self->count = kept;
}

/* What one strategy did in one layer, or (layer < 0) in all. */
struct sum {
	uint32_t of[TRUST_VERDICTS];
	uint64_t operations;
	double reach; /* the least that was counted; 0: nobody counted */
	uint32_t sites, sites_reached;
	struct pool_paths paths;
};

static struct sum sum_of(const struct trust *self, const char *pool, int layer)
{
	struct sum sum = {0};

	for (size_t i = 0; i < self->count; i++) {
		const struct trust_run *run = &self->run[i];

		if ((layer >= 0 && run->layer != (uint32_t)layer) || strcmp(run->pool, pool) != 0)
			continue;
		sum.of[run->verdict]++;
		sum.operations += run->operations;
		if (run->reach != 0 && (sum.reach == 0 || run->reach < sum.reach))
			sum.reach = run->reach;
		sum.sites += run->sites;
		sum.sites_reached += run->sites_reached;
		for (size_t p = 0; p < PATHS; p++)
			((uint64_t *)&sum.paths)[p] += trust_path_count(&run->paths, p);
	}
	return sum;
}

/* Whether the strategy declares the path and nothing took it. */
static bool is_silent(const struct pool_ops *ops, const struct sum *all, size_t path)
{
	return (ops->traits.paths >> path & 1) != 0 && trust_path_count(&all->paths, path) == 0;
}

static void print_cell(const struct sum *sum)
{
	char text[64] = "-";

	if (sum->of[TRUST_FAILED] != 0)
		snprintf(text, sizeof(text), "%u FAILED", sum->of[TRUST_FAILED]);
	else if (sum->of[TRUST_OK] != 0)
		snprintf(text, sizeof(text), "%u ok", sum->of[TRUST_OK]);
	else if (sum->of[TRUST_SKIPPED] != 0)
		snprintf(text, sizeof(text), "skipped");
	printf(" %-10s", text);
}

/* Prints a strategy's row; the number of declared paths that nothing took. */
static uint32_t print_row(const struct trust *self, const struct pool_ops *ops, bool whole)
{
	const struct sum all = sum_of(self, ops->name, -1);
	uint32_t silent = 0;

	printf("%-18s", ops->name);
	for (int l = 0; trust_layer_names[l] != NULL; l++) {
		const struct sum sum = sum_of(self, ops->name, l);

		if (self->layer[l].build[0] != '\0')
			print_cell(&sum);
	}
	printf(" %12" PRIu64 " operations\n", all.operations);
	if (all.reach != 0 && all.reach < STRESS_REACH_ENOUGH)
		printf("         the freezer stepped %.1f %% of the instructions of %s, fewer than "
		       "%d\n",
			all.reach, ops->name, STRESS_REACH_ENOUGH);
	for (size_t p = 0; whole && all.of[TRUST_OK] != 0 && p < PATHS; p++) {
		if (!is_silent(ops, &all, p))
			continue;
		printf("FAILED   %-18s %s: it declares this path, and no run took it: silence is "
		       "no "
		       "evidence\n",
			ops->name, trust_path_names[p]);
		silent++;
	}
	return silent;
}

int trust_print(const struct trust *self, bool whole)
{
	uint32_t of[TRUST_VERDICTS] = {0};
	uint32_t silent = 0;

	printf("\n%-18s", "strategy");
	for (int l = 0; trust_layer_names[l] != NULL; l++) {
		if (self->layer[l].build[0] != '\0')
			printf(" %-10s", trust_layer_names[l]);
	}
	putchar('\n');
	for (size_t i = 0; i < self->count; i++)
		of[self->run[i].verdict]++;
	for (size_t p = 0; pools[p] != NULL; p++) {
		const struct sum all = sum_of(self, pools[p]->name, -1);

		if (all.of[TRUST_OK] + all.of[TRUST_FAILED] + all.of[TRUST_SKIPPED] != 0)
			silent += print_row(self, pools[p], whole);
	}
	printf("all layers: %u ok, %u failed, %u skipped; controls: %u caught, %u missed, %u "
	       "unseen; "
	       "%u declared paths were not taken\n",
		of[TRUST_OK], of[TRUST_FAILED], of[TRUST_SKIPPED], of[TRUST_CAUGHT],
		of[TRUST_MISSED], of[TRUST_UNSEEN], silent);
	if (of[TRUST_FAILED] + of[TRUST_MISSED] + silent != 0)
		return EXIT_FAILURE;
	return of[TRUST_OK] + of[TRUST_CAUGHT] != 0 ? EXIT_SUCCESS : CHILD_STATUS_SKIPPED;
}

static json_t *run_json(const struct trust_run *run)
{
	json_t *paths = json_object();

	for (size_t p = 0; p < PATHS; p++)
		json_object_set_new(paths, trust_path_names[p],
			json_integer((json_int_t)trust_path_count(&run->paths, p)));
	return json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:f, s:i, s:i, s:o, s:i, s:s}", "layer",
		trust_layer_names[run->layer], "scenario", run->scenario, "verdict",
		trust_verdict_names[run->verdict], "seed", "", "seconds", run->seconds,
		"operations", (json_int_t)run->operations, "reach", run->reach, "sites",
		(int)run->sites, "sites_reached", (int)run->sites_reached, "paths", paths, "broken",
		(int)run->broken, "sentence", run->sentence);
}

/* The runs of a strategy or control; a seed as text, for JSON's numbers lose digits. */
static json_t *runs_json(const struct trust *self, const char *pool)
{
	json_t *runs = json_array();
	char seed[32];

	for (size_t i = 0; i < self->count; i++) {
		if (strcmp(self->run[i].pool, pool) != 0)
			continue;
		json_t *run = run_json(&self->run[i]);
		snprintf(seed, sizeof(seed), "%" PRIu64, self->run[i].seed);
		json_object_set_new(run, "seed", json_string(seed));
		json_array_append_new(runs, run);
	}
	return runs;
}

static json_t *strategy_json(const struct trust *self, const struct pool_ops *ops, bool whole)
{
	const struct sum all = sum_of(self, ops->name, -1);
	json_t *silent = json_array();
	const char *verdict = "skipped";

	for (size_t p = 0; whole && all.of[TRUST_OK] != 0 && p < PATHS; p++) {
		if (is_silent(ops, &all, p))
			json_array_append_new(silent, json_string(trust_path_names[p]));
	}
	if (all.of[TRUST_FAILED] != 0 || json_array_size(silent) != 0)
		verdict = "failed";
	else if (all.of[TRUST_OK] != 0)
		verdict = "passed";
	return json_pack("{s:s, s:s, s:I, s:f, s:b, s:i, s:i, s:o, s:o}", "name", ops->name,
		"verdict", verdict, "operations", (json_int_t)all.operations, "reach", all.reach,
		"reach_is_enough", all.reach >= STRESS_REACH_ENOUGH, "sites", (int)all.sites,
		"sites_reached", (int)all.sites_reached, "paths_not_taken", silent, "runs",
		runs_json(self, ops->name));
}

static json_t *layers_json(const struct trust *self)
{
	json_t *layers = json_array();

	for (int l = 0; trust_layer_names[l] != NULL; l++)
		json_array_append_new(
			layers, json_pack("{s:s, s:b, s:s, s:s, s:f}", "name", trust_layer_names[l],
					"ran", self->layer[l].build[0] != '\0', "build",
					self->layer[l].build, "compiler", self->layer[l].compiler,
					"seconds", self->layer[l].seconds));
	return layers;
}

int trust_write(const struct trust *self, const struct options *options, const char *path)
{
	const bool whole = options->scenarios.count == 0;
	json_t *strategies = json_array();
	json_t *mistakes = json_array();
	struct utsname machine;
	char now[32], seed[32];
	const time_t seconds = time(NULL);

	uname(&machine);
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	snprintf(seed, sizeof(seed), "%" PRIu64, options->seed);
	for (size_t p = 0; pools[p] != NULL; p++) {
		if (options_chosen(&options->pools, pools[p]->name))
			json_array_append_new(strategies, strategy_json(self, pools[p], whole));
	}
	for (size_t c = 0; controls[c] != NULL; c++) {
		const char *name = controls[c]->ops->name;

		if (options_chosen(&options->pools, name))
			json_array_append_new(mistakes, json_pack("{s:s, s:o}", "name", name,
								"runs", runs_json(self, name)));
	}
	json_t *root =
		json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:i, s:b, s:o, s:o, s:o}",
			"format", "nblbench-trust", "version", 1, "program", NBLBENCH_VERSION,
			"revision", options->revision, "ended", now, "kernel", machine.release,
			"seed", seed, "threads", (int)options->threads, "seconds", options->seconds,
			"passes", (int)self->passes, "whole", whole, "layers", layers_json(self),
			"strategies", strategies, "controls", mistakes);
	errno = 0;
	int rc = json_dump_file(root, path, JSON_COMPACT) == 0 ? 0 : -(errno != 0 ? errno : EIO);
	json_decref(root);
	return rc;
}
