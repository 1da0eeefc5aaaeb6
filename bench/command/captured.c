/* Both streams go to a file meanwhile. See captured.h. */
#include "bench/command/captured.h"
#include "alloc/machine/cmocka.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 32 };

static int run(const struct command *command, char **output, va_list args)
{
	char *argv[WORDS_MAX + 1] = {(char *)(uintptr_t)command->name};
	FILE *file = tmpfile();
	int argc = 1;

	while (argc < WORDS_MAX && (argv[argc] = va_arg(args, char *)) != NULL)
		argc++;
	assert_non_null(file);
	fflush(NULL);

	const int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);

	assert_true(saved_out >= 0 && saved_err >= 0);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);

	const int status = command->run(argc, argv);

	fflush(NULL);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);

	const off_t bytes = lseek(fileno(file), 0, SEEK_END);

	*output = calloc(1, (size_t)bytes + 1);
	assert_non_null(*output);
	assert_int_equal(pread(fileno(file), *output, (size_t)bytes, 0), bytes);
	fclose(file);
	return status;
}

int captured_run(const struct command *command, char **output, ...)
{
	va_list args;

	va_start(args, output);

	const int status = run(command, output, args);

	va_end(args);
	return status;
}

void captured_expect(const struct command *command, int status, const char *text, ...)
{
	char *output;
	va_list args;

	va_start(args, text);

	const int got = run(command, &output, args);

	va_end(args);
	if (got != status || strstr(output, text) == NULL)
		fail_msg("%s: status %d and not %d with '%s', said: %s", command->name, got, status,
			text, output);
	free(output);
}
