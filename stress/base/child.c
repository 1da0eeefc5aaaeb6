#include "stress/base/child.h"

#include "stress/base/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* One of the two pipes that a child talks through. */
struct stream {
	char *text;
	size_t length;
	size_t room; /* what comes after that is read and dropped */
	bool open;
};

/* Takes what is there; false at the end of the stream. */
static bool stream_read(struct stream *stream, int fd)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	size_t keep = stream->room - stream->length;
	if (keep > (size_t)n)
		keep = (size_t)n;
	memcpy(stream->text + stream->length, chunk, keep);
	stream->length += keep;
	return true;
}

_Noreturn static void in_child(
	void (*body)(const void *arg), const void *arg, int report_fd, int output_fd, pid_t parent)
{
	/* A group of its own, so that the limit reaches whatever the scenario forks. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	stress_report_to(report_fd);
	evidence_arm();
	body(arg);
	exit(EXIT_SUCCESS); /* not _exit: the leak sanitizer looks at the end */
}

/* True when both streams ended before the time did. */
static bool collect(int report_fd, int output_fd, struct stream streams[2], uint64_t end_ns)
{
	int fds[2] = {report_fd, output_fd};

	while (streams[0].open || streams[1].open) {
		struct pollfd polled[2];
		uint64_t now = stress_now_ns();

		if (now >= end_ns)
			return false;
		for (int i = 0; i < 2; i++)
			polled[i] = (struct pollfd){
				.fd = streams[i].open ? fds[i] : -1, .events = POLLIN};
		poll(polled, 2, (int)((end_ns - now) / 1000000) + 1);
		for (int i = 0; i < 2; i++) {
			if (polled[i].revents != 0)
				streams[i].open = stream_read(&streams[i], fds[i]);
		}
	}
	return true;
}

/*
 * The line of text that starts with prefix (the first line for ""), without its end; NULL if none.
 */
static const char *line_with(const char *text, const char *prefix, int *length)
{
	for (const char *line = text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		*length = (int)(end != NULL ? (size_t)(end - line) : strlen(line));
		if (strncmp(line, prefix, strlen(prefix)) == 0 && *length > 0)
			return line;
		line = end != NULL ? end + 1 : NULL;
	}
	return NULL;
}

void child_paths(const struct child *child, uint64_t *operations, struct pool_paths *p)
{
	const char prefix[] = {CHILD_SAYS_PATHS, '\0'};
	int n;
	const char *line = line_with(child->report, prefix, &n);

	*operations = 0;
	*p = (struct pool_paths){0};
	if (line != NULL)
		sscanf(line + 1,
			"%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64,
			operations, &p->refill, &p->flush, &p->grow, &p->steal, &p->empty,
			&p->wait);
}

/* The sentence of a failure that the child could not tell itself. */
__attribute__((format(printf, 3, 4))) static void fail(
	struct child *child, enum promise broken, const char *format, ...)
{
	const size_t length = promise_begin(child->sentence, sizeof(child->sentence), broken);
	va_list args;

	child->broken = broken;
	va_start(args, format);
	vsnprintf(child->sentence + length, sizeof(child->sentence) - length, format, args);
	va_end(args);
}

/* What it told of its failure: a number, and behind a space the sentence. */
static void take_failure(struct child *child, const char *line, int n)
{
	char *sentence;

	child->broken = (enum promise)strtoul(line, &sentence, 10);
	sentence += *sentence == ' ';
	snprintf(child->sentence, sizeof(child->sentence), "%.*s", n - (int)(sentence - line),
		sentence);
}

/* Puts what is known of the end into the sentence. */
static void judge(struct child *child, int status, bool in_time, double limit_s)
{
	const char *report = child->report;
	const char failed[] = {CHILD_SAYS_FAILED, '\0'};
	const char skipped[] = {CHILD_SAYS_SKIPPED, '\0'};
	const char note[] = {CHILD_SAYS_NOTE, '\0'};
	const char *line;
	int n;

	child->end = CHILD_FAILED;
	child->broken = PROMISE_NONE;
	if ((line = line_with(report, failed, &n)) != NULL) {
		take_failure(child, line + 1, n - 1);
	} else if (!in_time) {
		fail(child, PROMISE_ENDS, "it did not finish within %.0f s and was killed",
			limit_s);
	} else if (WIFSIGNALED(status)) {
		line = line_with(child->output, "", &n);
		fail(child, PROMISE_LIVES, "it died of SIG%s%s%.*s", sigabbrev_np(WTERMSIG(status)),
			line ? ": " : "", line ? n : 0, line ? line : "");
	} else if ((line = line_with(child->output, "SUMMARY: ", &n)) != NULL) {
		fail(child,
			strstr(line, " leaked in ") != NULL ? PROMISE_GIVEN_BACK : PROMISE_ORDERED,
			"%.*s", n, line);
	} else if (WEXITSTATUS(status) == CHILD_STATUS_SKIPPED &&
		   (line = line_with(report, skipped, &n)) != NULL) {
		child->end = CHILD_SKIPPED;
		snprintf(child->sentence, sizeof(child->sentence), "%.*s", n - 1, line + 1);
	} else if (WEXITSTATUS(status) != EXIT_SUCCESS) {
		line = line_with(child->output, "", &n);
		fail(child, PROMISE_LIVES, "it ended with exit status %d%s%.*s",
			WEXITSTATUS(status), line ? ": " : "", line ? n : 0, line ? line : "");
	} else {
		child->end = CHILD_PASSED;
		child->sentence[0] = '\0';
		if ((line = line_with(report, note, &n)) != NULL)
			snprintf(child->sentence, sizeof(child->sentence), "%.*s", n - 1, line + 1);
	}
}

int child_run(void (*body)(const void *arg), const void *arg, double limit_s, struct child *child)
{
	struct stream streams[2] = {{child->report, 0, CHILD_REPORT_BYTES, true},
		{child->output, 0, CHILD_OUTPUT_BYTES, true}};
	const uint64_t start_ns = stress_now_ns();
	const pid_t parent = getpid();
	int report_fds[2];
	int output_fds[2];
	int rc = 0;

	if (pipe2(report_fds, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(output_fds, O_CLOEXEC) != 0) {
		rc = -errno;
		goto fail_output;
	}
	fflush(NULL); /* or the child writes what waits in our buffers, too */
	pid_t pid = fork();
	if (pid < 0) {
		rc = -errno;
		goto fail_fork;
	}
	if (pid == 0)
		in_child(body, arg, report_fds[1], output_fds[1], parent);

	close(report_fds[1]);
	close(output_fds[1]);
	bool in_time = collect(
		report_fds[0], output_fds[0], streams, start_ns + (uint64_t)(limit_s * 1e9));
	if (!in_time) {
		/* It tells where it hangs, if it still can. */
		kill(pid, EVIDENCE_SIGNAL);
		collect(report_fds[0], output_fds[0], streams,
			stress_now_ns() + (uint64_t)CHILD_TELLS_S * 1000000000);
		/* Before the child has made its group, the second call reaches it. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(report_fds[0]);
	close(output_fds[0]);
	child->report[streams[0].length] = '\0';
	child->output[streams[1].length] = '\0';
	child->seconds = (double)(stress_now_ns() - start_ns) / 1e9;
	judge(child, status, in_time, limit_s);
	return 0;

fail_fork:
	close(output_fds[0]);
	close(output_fds[1]);
fail_output:
	close(report_fds[0]);
	close(report_fds[1]);
	return rc;
}
