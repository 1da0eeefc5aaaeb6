/* See trouble.h. */
#include "bench/sweep/trouble.h"

#include "bench/base/clock.h"
#include "bench/base/status.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ABORT_MS = 1000 }; /* from SIGABRT to SIGKILL */

/* Appends the end of the worker's output to its sentence. */
static void quote_output(struct controller_worker *worker)
{
	char text[CONTROLLER_OUTPUT_BYTES + 1];
	off_t end = lseek(worker->output, 0, SEEK_END);
	off_t from = end > CONTROLLER_OUTPUT_BYTES ? end - CONTROLLER_OUTPUT_BYTES : 0;
	ssize_t got = pread(worker->output, text, CONTROLLER_OUTPUT_BYTES, from);
	size_t used = strlen(worker->detail);

	if (got <= 0)
		return;
	text[got] = '\0';
	snprintf(
		worker->detail + used, sizeof(worker->detail) - used, " Its last output: %s", text);
}

int trouble_reap(struct controller_worker *worker, int signal)
{
	int status = 0;

	if (worker->pid > 0) {
		if (signal != 0)
			kill(worker->pid, signal);
		while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (worker->process >= 0)
		close(worker->process);
	if (worker->socket >= 0)
		close(worker->socket);
	worker->pid = 0;
	worker->process = worker->socket = -1;
	return status;
}

void trouble_close_output(struct controller_worker *worker)
{
	if (worker->output >= 0)
		close(worker->output);
	worker->output = -1;
}

void trouble(struct controller_worker *worker, const char *state, const char *format, ...)
{
	va_list args;

	trouble_reap(worker, SIGKILL);
	va_start(args, format);
	vsnprintf(worker->detail, sizeof(worker->detail), format, args);
	va_end(args);
	worker->state = state;
	/* Of one that was stopped, or can't run here, there is no more to know. */
	if (strcmp(state, "stopped") != 0 && strcmp(state, "unsupported") != 0)
		quote_output(worker);
	trouble_close_output(worker);
}

/* The system has no more of something: of memory, threads, processes, open files. */
static bool is_exhaustion(int error)
{
	return error == ENOMEM || error == EAGAIN || error == EMFILE || error == ENFILE ||
	       error == ENOBUFS || error == ENOSPC;
}

bool trouble_await_end(const struct controller_worker *worker, int timeout_ms)
{
	struct pollfd end = {.fd = worker->process, .events = POLLIN};

	return poll(&end, 1, timeout_ms) > 0;
}

/* What a signal that no strategy sends itself is for; NULL for the others. */
static const char *sender_of(int signal)
{
	switch (signal) {
	case SIGKILL:
		return "the kernel sends it where memory runs out (its log says so), or a user";
	case SIGXCPU:
		return "the kernel sends it at the limit on CPU time; see ulimit -t";
	case SIGXFSZ:
		return "the kernel sends it at the limit on a file's size; see ulimit -f";
	case SIGTERM:
	case SIGINT:
	case SIGQUIT:
	case SIGHUP:
		return "somebody sent it";
	default:
		return NULL;
	}
}

void trouble_crash(struct controller_worker *worker, const char *during)
{
	/* A worker that closed its socket but lives on is as good as dead. */
	const bool ended = trouble_await_end(worker, ABORT_MS);
	const int status = trouble_reap(worker, ended ? 0 : SIGKILL);
	const char *sender = ended && WIFSIGNALED(status) ? sender_of(WTERMSIG(status)) : NULL;

	if (sender != NULL)
		trouble(worker, CONTROLLER_DISTURBED, "SIG%s ended the worker during '%s': %s.",
			sigabbrev_np(WTERMSIG(status)), during, sender);
	else if (!ended)
		trouble(worker, "crashed",
			"The worker closed its socket during '%s' and did not end.", during);
	else if (WIFSIGNALED(status))
		trouble(worker, "crashed", "SIG%s ended the worker during '%s'.",
			sigabbrev_np(WTERMSIG(status)), during);
	else if (worker->start.build != NULL && WEXITSTATUS(status) == COMMAND_USAGE &&
		 strcmp(during, "start") == 0)
		trouble(worker, "unsupported", "There is no strategy '%s' in this build (%s).",
			worker->start.pool, worker->start.build->name);
	else
		trouble(worker, "crashed",
			"The worker ended by itself, with status %d, during '%s'.",
			WEXITSTATUS(status), during);
}

void trouble_hang(struct controller_worker *worker, const char *during, uint64_t waited_ns)
{
	/* SIGABRT lets a sanitizer or a core handler speak first. */
	kill(worker->pid, SIGABRT);
	trouble_reap(worker, trouble_await_end(worker, ABORT_MS) ? 0 : SIGKILL);
	trouble(worker, "hung",
		"The worker gave no answer to '%s' within %.1f s, though nothing kept it from "
		"going on, and was ended.",
		during, (double)waited_ns / CLOCK_NS_PER_S);
}

void trouble_error(struct controller_worker *worker, const char *during, int error)
{
	if (is_exhaustion(error))
		trouble(worker, CONTROLLER_DISTURBED, "'%s' failed: %s.", during, strerror(error));
	else
		trouble(worker, "failed", "'%s' failed: %s", during, strerror(error));
}
