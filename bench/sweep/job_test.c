/* Jobs: those of the tree are whole, and a file's lines are kept with their places. */
#include "bench/sweep/job.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void jobs_of_the_tree_are_read(NO_STATE)
{
	size_t count = 0;

	for (; job_name(count) != NULL; count++) {
		char why[JOB_WHY_BYTES], summary[256];
		struct job job;

		assert_int_equal(job_read(job_name(count), &job, why), 0);
		assert_true(job.own);
		assert_string_equal(job.name, job_name(count));
		for (size_t i = 0; i < job.entry_count; i++)
			assert_non_null(job.entry[i].key);
		job_summary(count, summary, sizeof(summary));
		assert_true(strlen(summary) > 20 && strchr(summary, '\n') == NULL);
		job_drop(&job);
	}
	assert_true(count > 0);
}

static void lines_keep_their_places(NO_STATE)
{
	static const struct job_entry want[] = {
		{0, 1, (char *)"a", (char *)"1"},
		{1, 3, (char *)"b", (char *)"2"},
		{1, 4, NULL, (char *)"a line is [HEADING], KEY = VALUE or ; COMMENT"},
		{0, 6, (char *)"c", (char *)"3"},
		{3, 9, (char *)"d", (char *)""},
	};
	char path[] = "/tmp/my job.XXXXXX.ini", why[JOB_WHY_BYTES];
	const int fd = mkstemps(path, (int)strlen(".ini"));
	FILE *out = fdopen(fd, "w");
	struct job job;

	assert_non_null(out);
	fputs("a=1\n[x]\nb=2\nnonsense\n[global]\nc=3\n[y]\n[x]\nd=\n", out);
	fclose(out);
	assert_int_equal(job_read(path, &job, why), 0);
	assert_false(job.own);
	assert_int_equal(strncmp(job.name, "my job.", 7), 0);
	assert_null(strstr(job.name, ".ini"));
	assert_int_equal(job.section_count, 3);
	assert_int_equal(job.section[2], 8);
	assert_int_equal(job.entry_count, array_count(want));
	for (size_t i = 0; i < array_count(want); i++) {
		assert_int_equal(job.entry[i].section, want[i].section);
		assert_int_equal(job.entry[i].line, want[i].line);
		assert_string_equal(job.entry[i].value, want[i].value);
		if (want[i].key == NULL)
			assert_null(job.entry[i].key);
		else
			assert_string_equal(job.entry[i].key, want[i].key);
	}
	job_drop(&job);
	unlink(path);
}

static void what_is_no_job_is_named(NO_STATE)
{
	static const char *const cases[][2] = {
		{"quik", "no job and no file 'quik'; did you mean 'quick'? Known: quick, standard"},
		{"/nowhere/a.ini", "'/nowhere/a.ini' can't be read: No such file or directory"},
		{"/tmp", "'/tmp' can't be read"},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		char why[JOB_WHY_BYTES];
		struct job job;

		assert_int_equal(job_read(cases[i][0], &job, why), -1);
		if (strstr(why, cases[i][1]) == NULL)
			fail_msg("'%s': %s", cases[i][0], why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_of_the_tree_are_read),
		cmocka_unit_test(lines_keep_their_places),
		cmocka_unit_test(what_is_no_job_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
