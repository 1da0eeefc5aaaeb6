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
static struct trust tell_with(enum trust_verdict verdict, uint64_t paths, double reach)
{
	struct trust_run run = {.verdict = verdict,
		.pool = "mag_tls",
		.scenario = "churn",
		.seed = UINT64_MAX,
		.seconds = 0.5,
		.operations = 1000,
		.reach = reach,
		.sites = 36,
		.sites_reached = 35,
		.paths = {paths, paths, paths, paths, paths, paths},
		.broken = PROMISE_EXACT,
		.sentence = "with a \"quote\""};
	struct trust trust = {.layer = layers};
	FILE *file = tmpfile();

	trust_record_build(file, "native");
	trust_record(file, &run);
	rewind(file);
	assert_true(trust_read(&trust, 0, file));
	fclose(file);
	assert_int_equal(trust.count, 1);
	/* But for the padding at its end. */
	assert_memory_equal(
		&trust.run[0], &run, offsetof(struct trust_run, sentence) + sizeof(run.sentence));
	assert_string_equal(layers[0].build, "native");
	return trust;
}

static struct trust tell(enum trust_verdict verdict, uint64_t paths)
{
	return tell_with(verdict, paths, 0);
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

/* What trust.json says of mag_tls: a number, a truth value. */
static void expect_reach(const struct trust *trust, double reach, bool is_enough)
{
	char path[] = "/tmp/trust_test.XXXXXX";
	const struct options options = {.seconds = 1, .threads = 4, .seed = 7, .revision = "none"};
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(trust_write(trust, &options, path), 0);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	json_t *strategies = json_object_get(root, "strategies");
	size_t i = 0;
	while (strcmp(json_string_value(json_object_get(json_array_get(strategies, i), "name")),
		       "mag_tls") != 0)
		i++;
	json_t *strategy = json_array_get(strategies, i);
	assert_true(json_real_value(json_object_get(strategy, "reach")) == reach);
	assert_int_equal(json_is_true(json_object_get(strategy, "reach_is_enough")), is_enough);
	assert_int_equal(json_integer_value(json_object_get(strategy, "sites")), 36);
	assert_int_equal(json_integer_value(json_object_get(strategy, "sites_reached")), 35);
	json_decref(root);
	close(fd);
	unlink(path);
}

/* It is no failure, but everybody can see it. */
static void reach_is_told(NO_STATE)
{
	static const struct {
		double reach;
		bool is_enough;
	} cases[] = {{94.9, false}, {95, true}, {0, false}};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct trust trust = tell_with(TRUST_OK, 1, cases[i].reach);

		assert_int_equal(trust_print(&trust, true), EXIT_SUCCESS);
		expect_reach(&trust, cases[i].reach, cases[i].is_enough);
		free(trust.run);
	}
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
		cmocka_unit_test(reach_is_told),
		cmocka_unit_test(the_file_says_it),
	};

	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
