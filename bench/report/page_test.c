/* The page's size, whatever the sweep's is. */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/report/page.h"
#include "bench/report/printed.h"
#include "bench/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WHY_BYTES = 512 };

static struct analysis *read_store(const struct synthetic_store *wanted, unsigned times)
{
	char path[] = "/tmp/nblbench-page-XXXXXX", why[WHY_BYTES];
	const int fd = mkstemp(path);
	struct analysis *a = NULL;

	assert_true(fd >= 0);
	close(fd);
	synthetic_store_write(path, wanted);
	synthetic_store_repeat(path, times);
	if (analysis_read(path, NULL, &a, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(path);
	return a;
}

/* What has no room is left out with a word, and the least wanted first; the rest of the page is whole. */
static void a_page_fits(NO_STATE)
{
	static const struct {
		size_t most;
		const char *left_out, *kept;
	} sizes[] = {{PAGE_BYTES_MAX, NULL, "data-slices"},
		{1000000, "figures of percentiles", "aria-label=\"Throughput against"},
		{1, "tables of cells, tables of latency", "<table class=\"choices\""}};

	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *a;

	wanted.forks = 6;
	wanted.blocks = 4;
	a = read_store(&wanted, 1);
	for (size_t i = 0; i < array_count(sizes); i++) {
		struct page p;
		size_t bytes;
		char *text;

		page_open(&p, a);
		page_fit(&p, sizes[i].most);
		text = page_print(&p, &bytes);
		page_close(&p);
		print_message("%zu of %zu bytes, without %s\n", bytes, sizes[i].most, p.left_out);
		assert_true(bytes <= sizes[i].most || i == array_count(sizes) - 1);
		assert_int_equal(strlen(text), bytes);
		assert_int_equal(
			strstr(text, "Left out of this page") != NULL, sizes[i].left_out != NULL);
		if (sizes[i].left_out != NULL)
			assert_non_null(strstr(text, sizes[i].left_out));
		assert_non_null(strstr(text, sizes[i].kept));
		assert_string_equal(text + bytes - strlen("</html>\n"), "</html>\n");
		free(text);
	}
	analysis_free(a);
}

/* As many cells as the job `full` has on two CPUs. */
static void the_page_of_a_full_sweep_fits(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *full;
	char *text;

	wanted.forks = 2;
	wanted.blocks = 1;
	full = read_store(&wanted, 20);
	assert_int_equal(full->cell_count, 160);
	text = printed(full, report_html);
	print_message("%zu bytes\n", strlen(text));
	assert_true(strlen(text) <= PAGE_BYTES_MAX);
	assert_int_equal(printed_count(text, "<details id=\"cell-"), full->cell_count);
	assert_non_null(strstr(text, "Left out of this page"));
	free(text);
	analysis_free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_fits),
		cmocka_unit_test(the_page_of_a_full_sweep_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
