#include "bench/fuzz/readers.h"

#include "bench/analysis/analysis.h"
#include "bench/analysis/ratio.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/sweep/request.h"
#include "bench/sweep/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATH_BYTES = 128, WORDS_MAX = 32, TEXT_BYTES = 4096, MESSAGES_MAX = 16 };

static char folder[SYNTHETIC_FOLDER_BYTES];

static void remove_folder(void)
{
	synthetic_folder_remove(folder);
}

/* A file of that name in a folder that lasts as long as the process. */
static const char *file_of(const char *name)
{
	static char path[PATH_BYTES];

	if (folder[0] == '\0') {
		if (synthetic_folder_make(folder) != 0)
			abort();
		atexit(remove_folder);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *write_file(const char *name, const uint8_t *bytes, size_t n)
{
	const char *path = file_of(name);
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
		abort();
	return path;
}

/* Targets over a store of one cell. */
static void read_ratios(const uint8_t *bytes, size_t n)
{
	static struct analysis *analysis;
	char why[RATIO_WHY_BYTES];
	struct ratio_target *targets;
	size_t count;

	if (analysis == NULL) {
		struct synthetic_store wanted = synthetic_store_default();

		wanted.forks = wanted.blocks = 3;
		wanted.cells = 1;
		synthetic_store_write(file_of("ratios.db"), &wanted);
		if (analysis_read_raw(file_of("ratios.db"), &analysis, why, sizeof(why)) != 0)
			abort();
	}
	const struct ratio_stores stores = {1, &analysis};

	if (ratio_read(write_file("ratios.ini", bytes, n), &stores, &targets, &count, why) == 0)
		free(targets);
}

static void parse(int argc, char **argv)
{
	static struct request request;
	int status;

	request = (struct request){.plan.seed = 1};
	if (request_parse(argc, argv, &request, &status))
		request_drop(&request);
}

static void read_job(const uint8_t *bytes, size_t n)
{
	char sweep[] = "sweep", job[] = "--job", path[PATH_BYTES];
	char *argv[] = {sweep, job, path, NULL};

	snprintf(path, sizeof(path), "%s", write_file("job.ini", bytes, n));
	parse(3, argv);
}

/* Words with blanks between them; no file of the machine's is opened. */
static void read_options(const uint8_t *bytes, size_t n)
{
	char text[TEXT_BYTES] = "sweep ";
	char *argv[WORDS_MAX + 1] = {0};
	int argc = 0;
	const size_t start = strlen(text);

	if (n >= sizeof(text) - start)
		return;
	memcpy(text + start, bytes, n);
	text[start + n] = '\0';
	if (strchr(text, '/') != NULL)
		return;
	for (char *word = strtok(text, " \n"); word != NULL && argc < WORDS_MAX;
		word = strtok(NULL, " \n"))
		argv[argc++] = word;
	parse(argc, argv);
}

static void read_store(const uint8_t *bytes, size_t n)
{
	struct analysis *analysis;
	char why[ANALYSIS_SENTENCE_BYTES];

	if (analysis_read(write_file("sweep.db", bytes, n), NULL, &analysis, why, sizeof(why)) == 0)
		analysis_free(analysis);
}

/* A message a line. All are sent beforehand; the worker ends when it has answered the last. */
static void read_worker(const uint8_t *bytes, size_t n)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	for (int i = 0; i < MESSAGES_MAX && n > 0; i++) {
		const uint8_t *end = memchr(bytes, '\n', n);
		const size_t length = end != NULL ? (size_t)(end - bytes) : n;
		const size_t taken = length + (end != NULL);

		if (length > 0)
			(void)send(ends[0], bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		bytes += taken;
		n -= taken;
	}
	shutdown(ends[0], SHUT_WR);
	worker_serve(ends[1], "treiber_tag", "table");
	close(ends[0]);
	close(ends[1]);
}

static const struct {
	const char *name;
	void (*read)(const uint8_t *bytes, size_t n);
} readers[] = {
	{"ratios", read_ratios},
	{"job", read_job},
	{"options", read_options},
	{"store", read_store},
	{"worker", read_worker},
};
enum { READERS = sizeof(readers) / sizeof(*readers) };

const char *reader_name(size_t i)
{
	return i < READERS ? readers[i].name : NULL;
}

void reader_read(size_t i, const uint8_t *bytes, size_t n)
{
	readers[i].read(bytes, n);
}
