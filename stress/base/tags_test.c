/* The table of tags: runs merge as they must, and what is printed can be read. */
#include "stress/base/tags.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <string.h>

static void runs_merge(NO_STATE)
{
	struct tags tags = {0};

	tags_merge(&tags, "Na note: 5 NBLs\nT74736554 0 0 10 1000\nT656e4f53 2 64 3 96\n");
	tags_merge(&tags, "T656e4f53 -1 -32 7 80\nF74736554 9 9 9 9\nT74736554 nonsense\n");
	tags_merge(&tags, "");
	assert_int_equal(tags.count, 2);
	assert_int_equal(tags.row[0].peak_objects, 10);
	assert_int_equal(tags.row[0].peak_bytes, 1000);
	assert_int_equal(tags.row[1].objects, 1);
	assert_int_equal(tags.row[1].bytes, 32);
	assert_int_equal(tags.row[1].peak_objects, 7);
	assert_int_equal(tags.row[1].peak_bytes, 96);
}

static void table_is_readable(NO_STATE)
{
	struct tags tags = {0};
	char text[1024] = "";

	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	tags_print(out, &tags);
	assert_int_equal(ftell(out), 0);
	tags_merge(&tags, "T74736554 1 512 10 5120\nT1 0 0 0 0\n");
	tags_print(out, &tags);
	fclose(out);
	assert_non_null(strstr(
		text, "tag      live objects     live bytes   peak objects     peak bytes\n"));
	assert_non_null(strstr(
		text, "'Test'              1            512             10           5120\n"));
	assert_non_null(strstr(text, "'....'              0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_merge),
		cmocka_unit_test(table_is_readable),
	};

	return cmocka_run_group_tests_name("tags", tests, NULL, NULL);
}
