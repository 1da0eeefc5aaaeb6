/*
 * The readers under clang's libFuzzer, for as long as one likes; READER chooses one:
 *
 *	cmake --preset fuzz && cmake --build build/fuzz --target readers_fuzz
 *	READER=job build/fuzz/bench/readers_fuzz -close_fd_mask=3 -timeout=30 FOLDER bench/fuzz/corpus/job
 *
 * FOLDER keeps what it finds on the way. A store to begin with is what any sweep leaves.
 */
#include "bench/fuzz/readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t reader;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("READER");

	(void)argc;
	while (reader_name(reader) != NULL &&
		(name == NULL || strcmp(reader_name(reader), name) != 0))
		reader++;
	if (reader_name(reader) != NULL)
		return 0;
	fprintf(stderr, "%s: READER must be one of", (*argv)[0]);
	for (size_t i = 0; reader_name(i) != NULL; i++)
		fprintf(stderr, " %s", reader_name(i));
	fputs(".\n", stderr);
	exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	reader_read(reader, bytes, n);
	return 0;
}
