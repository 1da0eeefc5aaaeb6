#include "stress/base/evidence.h"

#include "alloc/atomic.h"
#include "stress/base/record.h"
#include "stress/stress.h"

#include <dirent.h>
#include <execinfo.h>
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

static void print_stack(const char *why)
{
	void *frames[FRAMES_MAX];
	const int n = backtrace(frames, FRAMES_MAX);

	dprintf(STDERR_FILENO, "thread %d %s:\n", (int)gettid(), why);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void on_stack(int number)
{
	(void)number;
	print_stack("stands at");
	atom_add_relaxed(&told, 1);
}

/* One after the other, so that their lines do not mix. */
static void print_other_stacks(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;

	for (int shown = 0;
		tasks != NULL && shown < THREADS_SHOWN && (entry = readdir(tasks)) != NULL;) {
		const int tid = atoi(entry->d_name);
		const uint32_t before = atom_load_relaxed(&told);

		if (tid == 0 || tid == gettid())
			continue;
		shown++;
		if (syscall(SYS_tgkill, getpid(), tid, stack_signal()) != 0)
			continue;
		for (int ms = 0; ms < ANSWER_MS && atom_load_relaxed(&told) == before; ms++)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		if (atom_load_relaxed(&told) == before)
			dprintf(STDERR_FILENO, "thread %d does not answer\n", tid);
	}
}

static void on_end(int number)
{
	char why[STRESS_SENTENCE_BYTES];

	snprintf(why, sizeof(why), "got SIG%s at", sigabbrev_np(number));
	signal(number, SIG_DFL);
	print_stack(why);
	print_other_stacks();
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
	const struct sigaction end = {.sa_handler = on_end};
	const struct sigaction stack = {.sa_handler = on_stack, .sa_flags = SA_RESTART};
	void *frame;

	backtrace(&frame, 1); /* loads what it needs: not in a handler */
	sigaction(stack_signal(), &stack, NULL);
	sigaction(EVIDENCE_SIGNAL, &end, NULL);
	if (STRESS_SANITIZED)
		return;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &end, NULL);
}
