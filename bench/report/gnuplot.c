/* See gnuplot.h. */
#include "bench/report/gnuplot.h"

#include "bench/base/auto_free.h"
#include "bench/sweep/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WATCH_MS = 100,
	HUNG_MS = 10000, /* ten times what the largest page takes it */
	WORD_BYTES = 32,
};

extern char **environ;

/* One has hung: none is started any more. */
static bool gnuplot_hangs;

/* Its wait status. One that makes nothing of the time that it is given (watch.h) is ended. */
static int await_gnuplot(pid_t pid)
{
	struct pollfd process = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	struct watch watch = {0};
	struct watch_reading now;
	int status = -1;

	while (process.fd >= 0 && poll(&process, 1, WATCH_MS) == 0 && !gnuplot_hangs) {
		watch_read(pid, &now);
		watch_step(&watch, &now, WATCH_MS * UINT64_C(1000000));
		gnuplot_hangs = watch.given_ns > HUNG_MS * UINT64_C(1000000);
	}
	if (gnuplot_hangs)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (process.fd >= 0)
		close(process.fd);
	return status;
}

char *gnuplot_run(FILE *script, size_t *bytes)
{
	/* As a file that it opens: its standard input, called "-", it reads in calls of one byte. */
	static const char *const arguments[] = {"gnuplot", "-d", "/dev/stdin", NULL};
	FILE *result = tmpfile();
	posix_spawn_file_actions_t actions;
	char *text = NULL;
	pid_t pid;
	int status = -1;

	if (gnuplot_hangs || result == NULL) {
		if (result != NULL)
			fclose(result);
		return NULL;
	}
	rewind(script);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(result), STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments,
		    environ) == 0)
		status = await_gnuplot(pid);
	posix_spawn_file_actions_destroy(&actions);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fseek(result, 0, SEEK_END) == 0) {
		const long length = ftell(result);

		rewind(result);
		*bytes = (size_t)length;
		text = length <= 0 ? NULL : calloc(1, *bytes + 1);
		if (text != NULL && fread(text, 1, *bytes, result) != *bytes) {
			free(text);
			text = NULL;
		}
	}
	fclose(result);
	return text;
}

bool gnuplot_has(const char *terminal)
{
	FILE *script = tmpfile();
	AUTO_FREE char *names = NULL;
	char word[WORD_BYTES];
	size_t bytes;

	if (script == NULL)
		return false;
	fputs("set print '-'\nprint ' ', GPVAL_TERMINALS, ' '\n", script);
	names = gnuplot_run(script, &bytes);
	fclose(script);
	snprintf(word, sizeof(word), " %s ", terminal);
	return names != NULL && strstr(names, word) != NULL;
}
