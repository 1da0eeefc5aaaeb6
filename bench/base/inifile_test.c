/* INI files: what is handed over, in order, and where the first mistake is. */
#include "bench/base/inifile.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/append.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024 };

/* Notes what it is given: "[heading]", "key=value;", "end"; "bad" is a mistake, "above" one a line up. */
static int take(void *user, unsigned *line, const char *key, const char *value, char *why)
{
	char *taken = user;

	if (key == NULL)
		append(taken, TEXT_BYTES, value == NULL ? "end" : "[%s]", value);
	else
		append(taken, TEXT_BYTES, "%s=%s;", key, value);
	if (key == NULL || (strcmp(key, "bad") != 0 && strcmp(key, "above") != 0))
		return 0;
	*line -= strcmp(key, "above") == 0;
	snprintf(why, INIFILE_SENTENCE_BYTES, "%s is wrong", key);
	return -EDOM;
}

#define FIFTY "fifty characters, which is a quarter of two hundred"

static void lines_are_handed_over_until_the_first_mistake(NO_STATE)
{
	static const struct {
		const char *text, *taken, *why; /* why "": no mistake */
		int error;
	} cases[] = {
		{"", "end", "", 0},
		{"; nothing\n\n[a]\n[b] ; c\nx = 1 ; d\n  y=2 3\n# e\n", "[a][b]x=1;y=2 3;end", "",
			0},
		{"[a heading with more than the 49 characters of inih]\nx=",
			"[a heading with more than the 49 characters of inih]x=;end", "", 0},
		{"x=1\nbad=2\ny=3\n", "x=1;bad=2;", "f.ini:2: bad is wrong", -EDOM},
		{"[a]\n\nabove=1\n", "[a]above=1;", "f.ini:2: above is wrong", -EDOM},
		{"x=1\nnonsense\n", "x=1;",
			"f.ini:2: a line is [HEADING], KEY = VALUE or ; COMMENT", -EINVAL},
		{"nonsense\nbad=1\n", "", "f.ini:1: a line is [HEADING], KEY = VALUE or ; COMMENT",
			-EINVAL},
		{"x=1\n" FIFTY FIFTY FIFTY FIFTY "\n", "x=1;",
			"f.ini:2: a line has at most 198 characters", -EINVAL},
		{"x=1\n[a\n", "x=1;", "f.ini:2: a heading ends in ']'", -EINVAL},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		char taken[TEXT_BYTES] = "", why[INIFILE_SENTENCE_BYTES] = "";
		FILE *out = fopen("f.ini", "w");

		assert_non_null(out);
		fputs(cases[i].text, out);
		assert_int_equal(fclose(out), 0);
		const int error = inifile_read("f.ini", take, taken, why);
		if (error != cases[i].error || strcmp(taken, cases[i].taken) != 0 ||
			strcmp(why, cases[i].why) != 0)
			fail_msg("'%s': %d, '%s', '%s'", cases[i].text, error, taken, why);
	}
}

/* Notes a mistake as "(line: why)". */
static void tell(void *user, unsigned line, const char *why)
{
	append(user, TEXT_BYTES, "(%u: %s)", line, why);
}

static void all_is_handed_over_and_every_mistake_told(NO_STATE)
{
	static const char text[] =
		"nonsense\r\n\r\nbad=1\n[a\n[b]\ny ; = 1\n" FIFTY FIFTY FIFTY FIFTY "\n  z=2";
	char taken[TEXT_BYTES] = "";
	FILE *in = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(in);
	assert_int_equal(inifile_read_all(in, take, tell, taken), 0);
	fclose(in);
	assert_string_equal(taken,
		"(1: a line is [HEADING], KEY = VALUE or ; COMMENT)bad=1;(3: bad is wrong)"
		"(4: a heading ends in ']')[b](6: a line is [HEADING], KEY = VALUE or ; COMMENT)"
		"(7: a line has at most 198 characters)z=2;end");
}

static void what_cannot_be_read_is_told(NO_STATE)
{
	char taken[TEXT_BYTES] = "", why[INIFILE_SENTENCE_BYTES] = "";

	assert_int_equal(inifile_read("no.ini", take, taken, why), -ENOENT);
	assert_string_equal(why, "no.ini: No such file or directory");
	assert_int_equal(inifile_read(".", take, taken, why), -EIO);
	assert_string_equal(why, ".:0: it can't be read: Is a directory");
	assert_string_equal(taken, "");
}

static char folder[] = "/tmp/inifile_test.XXXXXX";

static int set_up(NO_STATE)
{
	return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

static int tear_down(NO_STATE)
{
	return unlink("f.ini") != 0 ? -1 : rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_handed_over_until_the_first_mistake),
		cmocka_unit_test(all_is_handed_over_and_every_mistake_told),
		cmocka_unit_test(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
