/* INI files: what is handed over, in order, and where the first mistake is. */
#include "bench/base/inifile.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/append.h"

#include <errno.h>

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
		{"nonsense\nbad=1\n", "bad=1;",
			"f.ini:1: a line is [HEADING], KEY = VALUE or ; COMMENT", -EINVAL},
		{"x=1\n" FIFTY FIFTY FIFTY FIFTY "\n", "x=1;",
			"f.ini:2: a line has at most 198 characters", -EINVAL},
		{"x=1\n[a\n", "x=1;", "f.ini:2: a heading ends in ']'", -EINVAL},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		char text[TEXT_BYTES], taken[TEXT_BYTES] = "", why[INIFILE_SENTENCE_BYTES] = "";

		/* Of no length fmemopen makes no stream. */
		snprintf(text, sizeof(text), "%s\n", cases[i].text);
		FILE *in = fmemopen(text, strlen(text), "r");
		assert_non_null(in);
		const int error = inifile_read(in, "f.ini", take, taken, why);
		fclose(in);
		if (error != cases[i].error || strcmp(taken, cases[i].taken) != 0 ||
			strcmp(why, cases[i].why) != 0)
			fail_msg("'%s': %d, '%s', '%s'", cases[i].text, error, taken, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_handed_over_until_the_first_mistake)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
