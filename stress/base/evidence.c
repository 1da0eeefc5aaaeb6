#include "stress/base/evidence.h"

#include "alloc/atomic.h"
#include "alloc/machine/step.h"
#include "stress/base/record.h"
#include "stress/stress.h"

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAMES_MAX = 32,
	THREADS_SHOWN = 32,
	ANSWER_MS = 200, /* a thread that has a CPU answers at once */
};

/* Threads that have told where they stand. */
static atom_u32 told;

/* Not SIGUSR1, which scenarios and the freezer have. */
static int stack_signal(void)
{
	return SIGRTMIN + 7;
}

/* The frames that the signal has added come before the instruction that it has interrupted. */
static int first_frame(void *const *frames, int n, void *context)
{
#ifdef RSEQ_ARCH_SUPPORTED
	for (int i = 0; context != NULL && i < n; i++) {
		if ((uintptr_t)frames[i] == step_address(context))
			return i;
	}
#else
	(void)frames, (void)n, (void)context;
#endif
	return 0;
}

/* Whether a frame is what the kernel has a signal handler return to: then the next one was interrupted. */
static bool returns_from_handler(const void *frame)
{
#ifdef RSEQ_ARCH_SUPPORTED
	/* mov $15 (rt_sigreturn), %rax; syscall: by which debuggers know it, too. */
	static const unsigned char code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

	return memcmp(frame, code, sizeof(code)) == 0;
#else
	(void)frame;
	return false;
#endif
}

static void print_stack(const char *why, void *context)
{
	void *frames[FRAMES_MAX];
	const int n = backtrace(frames, FRAMES_MAX);
	const int first = first_frame(frames, n, context);

	dprintf(STDERR_FILENO, "thread %d %s:\n", (int)gettid(), why);
	for (int i = first; i < n; i++) {
		/* A return address belongs to the line after the call's; an interrupted one to its own. */
		const bool returns = i != first && !returns_from_handler(frames[i - 1]);
		const uintptr_t offset = locations_offset((uintptr_t)frames[i] - returns);

		if (offset != 0)
			dprintf(STDERR_FILENO, EVIDENCE_FRAME "%" PRIxPTR "\n", offset);
		else
			backtrace_symbols_fd(&frames[i], 1, STDERR_FILENO);
	}
}

static void on_stack(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	print_stack("stands at", context);
	atom_add_relaxed(&told, 1);
}

/* One after the other, so that their lines do not mix. */
static void ask(pid_t tid)
{
	const uint32_t before = atom_load_relaxed(&told);

	if (syscall(SYS_tgkill, getpid(), tid, stack_signal()) != 0)
		return;
	for (int ms = 0; ms < ANSWER_MS && atom_load_relaxed(&told) == before; ms++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	if (atom_load_relaxed(&told) == before)
		dprintf(STDERR_FILENO, "thread %d does not answer\n", tid);
}

/* By the system's own calls: the C library's would want memory of the heap, whose lock a thread may have that is stopped. */
static void other_stacks(void)
{
	_Alignas(struct dirent64) char entries[4096];
	const int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int shown = 0;
	ssize_t n;

	while ((n = tasks < 0 ? 0 : syscall(SYS_getdents64, tasks, entries, sizeof(entries))) > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; at < n && shown < THREADS_SHOWN; at += entry->d_reclen) {
			entry = (const struct dirent64 *)&entries[at];
			const pid_t tid = atoi(entry->d_name);
			if (tid == 0 || tid == gettid())
				continue;
			shown++;
			ask(tid);
		}
	}
	close(tasks);
}

void evidence_stacks(void *context)
{
	print_stack("stands at", context);
	other_stacks();
}

static void on_end(int number, siginfo_t *info, void *context)
{
	char why[STRESS_SENTENCE_BYTES];

	(void)info;
	snprintf(why, sizeof(why), "got SIG%s at", sigabbrev_np(number));
	signal(number, SIG_DFL);
	print_stack(why, context);
	other_stacks();
	record_print(STDERR_FILENO);
	if (number != EVIDENCE_SIGNAL)
		raise(number);
}

void evidence_undisturbed(void)
{
	sigset_t others;

	sigfillset(&others);
	sigdelset(&others, stack_signal());
	sigdelset(&others, EVIDENCE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &others, NULL);
}

void evidence_arm(void)
{
	static const int ends[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	const struct sigaction end = {.sa_sigaction = on_end, .sa_flags = SA_SIGINFO};
	const struct sigaction stack = {
		.sa_sigaction = on_stack, .sa_flags = SA_SIGINFO | SA_RESTART};
	void *frame;

	backtrace(&frame, 1); /* loads what it needs: not in a handler */
	sigaction(stack_signal(), &stack, NULL);
	sigaction(EVIDENCE_SIGNAL, &end, NULL);
	if (STRESS_SANITIZED)
		return;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &end, NULL);
}

/* The frames of a text, in its order, and how far it is printed. */
struct frames {
	FILE *out;
	const char *before;
	const char *at;
};

static void print_line(struct frames *frames)
{
	const size_t n = strcspn(frames->at, "\n");

	fprintf(frames->out, "%s%.*s\n", frames->before, (int)n, frames->at);
	frames->at += n + (frames->at[n] == '\n');
}

static bool is_frame(const char *line)
{
	return strncmp(line, EVIDENCE_FRAME, strlen(EVIDENCE_FRAME)) == 0;
}

/* Lines up to the next frame, or all that are left. */
static void print_to_frame(struct frames *frames)
{
	while (*frames->at != '\0' && !is_frame(frames->at))
		print_line(frames);
}

static void print_place(
	void *arg, size_t i, uint32_t level, const char *place, const char *function)
{
	struct frames *frames = arg;

	(void)i;
	if (level == 0) {
		print_to_frame(frames);
		frames->at += strcspn(frames->at, "\n");
		frames->at += *frames->at == '\n';
	}
	fprintf(frames->out, "%s  at %s: %s%s\n", frames->before, place, function,
		level != 0 ? ", into which that was inlined" : "");
}

void evidence_print(FILE *out, const char *before, const char *text)
{
	uintptr_t offset[THREADS_SHOWN * FRAMES_MAX];
	struct frames frames = {.out = out, .before = before, .at = text};
	size_t count = 0;

	for (const char *line = text; line != NULL && count < array_count(offset);) {
		if (is_frame(line))
			offset[count++] = strtoul(line + strlen(EVIDENCE_FRAME), NULL, 16);
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	if (count != 0 && !locations_find(offset, count, print_place, &frames))
		fprintf(out,
			"%saddresses stand for the lines of stacks: there is no addr2line here "
			"(binutils)\n",
			before);
	while (*frames.at != '\0')
		print_line(&frames);
}
