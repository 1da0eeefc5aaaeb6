/* What a layer's program says of a run: a line of a file. See trust.h. */
#include "stress/trust.h"

#include <inttypes.h>

const char *const trust_verdict_names[TRUST_VERDICTS] = {
	"ok", "failed", "skipped", "caught", "missed", "unseen"};

const char *const trust_path_names[] = {"refill", "flush", "grow", "steal", "empty", "wait"};

_Static_assert(array_count(trust_path_names) == (size_t)TRUST_PATHS, "each path has a name");

uint64_t trust_path_count(const struct pool_paths *paths, size_t path)
{
	return ((const uint64_t *)paths)[path];
}

static const char compiled_by[] =
#ifdef __clang__
	__VERSION__; /* with its name */
#else
	"gcc " __VERSION__;
#endif

void trust_record_build(FILE *file, const char *build)
{
	if (file != NULL)
		fprintf(file, "%s\t%s\n", build, compiled_by);
}

void trust_record(FILE *file, const struct trust_run *run)
{
	if (file == NULL)
		return;
	fprintf(file, "%s\t%s\t%s\t%" PRIu64 "\t%.3f\t%" PRIu64 "\t%.1f\t%" PRIu32 "\t%" PRIu32,
		trust_verdict_names[run->verdict], run->pool, run->scenario, run->seed,
		run->seconds, run->operations, run->reach, run->sites, run->sites_reached);
	for (size_t i = 0; i < TRUST_PATHS; i++)
		fprintf(file, "\t%" PRIu64, trust_path_count(&run->paths, i));
	fprintf(file, "\t%d\t%s\n", (int)run->broken, run->sentence);
	fflush(file);
}
