/* What layers tell comes through to the verdict: failed, skipped, and silent. */
#include "stress/trust.h"

#include "alloc/machine/cmocka.h"
#include "stress/base/child.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct trust_layer layers[OPTIONS_PROGRAMS_MAX];

/* One layer's file with one run of a strategy that declares paths; every path as often as `paths` says. */
static struct trust tell(enum trust_verdict verdict, uint64_t paths)
{
	struct trust_run run = {.verdict = verdict,
		.pool = "mag_tls",
		.scenario = "churn",
		.seed = UINT64_MAX,
		.seconds = 0.5,
		.operations = 1000,
		.paths = {paths, paths, paths, paths, paths, paths},
		.sentence = "with a \"quote\""};
	struct trust trust = {.layer = layers};
	FILE *file = tmpfile();

	trust_record_build(file, "native");
	trust_record(file, &run);
	rewind(file);
	assert_true(trust_read(&trust, 0, file));
	fclose(file);
	assert_int_equal(trust.count, 1);
	assert_memory_equal(&trust.run[0], &run, sizeof(run));
	assert_string_equal(layers[0].build, "native");
	return trust;
}

static int status_of(enum trust_verdict verdict, uint64_t paths, bool whole)
{
	struct trust trust = tell(verdict, paths);
	const int status = trust_print(&trust, whole);

	free(trust.run);
	return status;
}

static void verdicts_become_a_status(NO_STATE)
{
	assert_int_equal(status_of(TRUST_OK, 1, true), EXIT_SUCCESS);
	assert_int_equal(status_of(TRUST_FAILED, 1, true), EXIT_FAILURE);
	assert_int_equal(status_of(TRUST_MISSED, 1, true), EXIT_FAILURE);
	assert_int_equal(status_of(TRUST_CAUGHT, 1, true), EXIT_SUCCESS);
	assert_int_equal(status_of(TRUST_SKIPPED, 0, true), CHILD_STATUS_SKIPPED);
	assert_int_equal(status_of(TRUST_UNSEEN, 0, true), CHILD_STATUS_SKIPPED);
}

/* Of some scenarios nobody can expect every path. */
static void silence_is_no_evidence(NO_STATE)
{
	assert_int_equal(status_of(TRUST_OK, 0, true), EXIT_FAILURE);
	assert_int_equal(status_of(TRUST_OK, 0, false), EXIT_SUCCESS);
}

static void cut_lines_are_refused(NO_STATE)
{
	struct trust trust = {.layer = layers};
	FILE *file = tmpfile();

	fputs("native\tgcc\nok\tmag_tls\tchurn\t1\t", file);
	rewind(file);
	assert_false(trust_read(&trust, 0, file));
	fclose(file);
}

static void the_file_says_it(NO_STATE)
{
	char path[] = "/tmp/trust_test.XXXXXX";
	const struct options options = {.seconds = 1, .threads = 4, .seed = 7, .revision = "none"};
	struct trust trust = tell(TRUST_OK, 1);
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(trust_write(&trust, &options, path), 0);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "format")), "nblbench-trust");
	json_t *strategies = json_object_get(root, "strategies");
	for (size_t i = 0; i < json_array_size(strategies); i++) {
		json_t *strategy = json_array_get(strategies, i);
		const bool told = strcmp(json_string_value(json_object_get(strategy, "name")),
					  "mag_tls") == 0;

		assert_string_equal(json_string_value(json_object_get(strategy, "verdict")),
			told ? "passed" : "skipped");
		assert_int_equal(json_array_size(json_object_get(strategy, "runs")), told);
	}
	json_decref(root);
	close(fd);
	unlink(path);
	assert_int_equal(trust_write(&trust, &options, "/nonexistent/trust.json") < 0, 1);
	free(trust.run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_become_a_status),
		cmocka_unit_test(silence_is_no_evidence),
		cmocka_unit_test(cut_lines_are_refused),
		cmocka_unit_test(the_file_says_it),
	};

	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
