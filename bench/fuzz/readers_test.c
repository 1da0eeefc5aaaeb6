/*
 * Every reader reads its corpus, and what becomes of each file when it is cut off or bytes of it change.
 * A crash or a hang ends the test, and a sanitizer sees the rest; readers_fuzz looks for more of them.
 */
#include "bench/fuzz/readers.h"

#include "alloc/machine/cmocka.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/base/need.h"
#include "bench/base/splitmix.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>

static void report_to(int fd)
{
	__sanitizer_set_report_fd((void *)(intptr_t)fd);
}
#else
static void report_to(int fd)
{
	(void)fd;
}
#endif

enum { PATH_BYTES = 4096, FILE_BYTES = 1 << 22, CHANGES = 60, CUTS = 20, BYTES_MAX = 8 };

static uint64_t random_state;

static size_t below(size_t n)
{
	random_state += SPLITMIX_STEP;
	return splitmix(random_state) % n;
}

/* As it is, cut off, and changed: the same each time, by its length. */
static void read_all(size_t reader, const uint8_t *bytes, size_t n)
{
	uint8_t *copy = need(n + 1, 1);

	random_state = n;
	reader_read(reader, bytes, n);
	for (int i = 0; i < CUTS; i++)
		reader_read(reader, bytes, below(n + 1));
	for (int i = 0; i < CHANGES && n > 0; i++) {
		memcpy(copy, bytes, n);
		for (size_t k = 1 + below(BYTES_MAX); k > 0; k--) {
			/* Most bytes of a text's are another's of the same text, so it still looks like one. */
			const size_t at = below(n);

			copy[at] = below(4) != 0 ? bytes[below(n)] : (uint8_t)below(256);
		}
		reader_read(reader, copy, n);
	}
	free(copy);
}

static size_t read_file(const char *path, uint8_t *bytes)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	const size_t n = fread(bytes, 1, FILE_BYTES, file);
	fclose(file);
	return n;
}

/* All files of a reader's folder; how many. */
static size_t read_corpus(size_t reader, uint8_t *bytes)
{
	char path[PATH_BYTES];
	size_t files = 0;

	snprintf(path, sizeof(path), CORPUS "/%s", reader_name(reader));
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s/%s", reader_name(reader), entry->d_name);
		read_all(reader, bytes, read_file(path, bytes));
		files++;
	}
	closedir(folder);
	return files;
}

static void corpora_are_read(NO_STATE)
{
	uint8_t *bytes = need(FILE_BYTES, 1);

	for (size_t i = 0; reader_name(i) != NULL; i++) {
		print_message("%s\n", reader_name(i));
		if (read_corpus(i, bytes) == 0)
			fail_msg("the reader %s has no corpus", reader_name(i));
	}
	free(bytes);
}

/* A whole store is large, so it is made here. */
static void stores_are_read(NO_STATE)
{
	char folder[SYNTHETIC_FOLDER_BYTES], path[2 * SYNTHETIC_FOLDER_BYTES];
	uint8_t *bytes = need(FILE_BYTES, 1);
	struct synthetic_store wanted = synthetic_store_default();
	size_t reader = 0;

	wanted.forks = 2;
	wanted.blocks = 1;
	wanted.cells = 1;
	assert_int_equal(synthetic_folder_make(folder), 0);
	snprintf(path, sizeof(path), "%s/sweep.db", folder);
	synthetic_store_write(path, &wanted);
	while (strcmp(reader_name(reader), "store") != 0)
		reader++;
	read_all(reader, bytes, read_file(path, bytes));
	assert_int_equal(synthetic_folder_remove(folder), 0);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpora_are_read),
		cmocka_unit_test(stores_are_read),
	};

	/* What the readers say of all this is for nobody; what a sanitizer says is. */
	report_to(dup(STDERR_FILENO));
	return freopen("/dev/null", "w", stderr) == NULL
		       ? EXIT_FAILURE
		       : cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
