#include "stress/progress/hand.h"

#include "stress/base/gang.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	/*
	 * Looks at a thread, so far apart, that must all find it asleep, or CPU time that it must have
	 * used up, before it is given up. It needs some 10 us, or a millisecond at most where it goes round
	 * everything. Not the time of day: on a loaded machine a thread that may run waits for
	 * seconds.
	 */
	LOOKS = 4,
	LOOK_MS = 250,
	NS_PER_MS = 1000 * 1000,
	CPU_MS = 200,
};

uint32_t hand_hurry_ms;

static void wait_while(atom_u32 *word, uint32_t value, const struct timespec *limit)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, limit, NULL, 0);
}

static void set(atom_u32 *word, uint32_t value)
{
	atom_store_release(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* What the kernel tells of a thread. */
struct look {
	bool asleep;
	uint64_t cpu_ms;
};

/* Without the C library's streams: whoever is stopped may hold what they lock. */
static struct look look(const char *path)
{
	char text[512];
	unsigned long user = 0;
	unsigned long system = 0;
	char state = 'R';

	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	/* proc(5): pid (comm) state, ten figures, utime, stime. Our comm has no bracket in it. */
	if (sscanf(text, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state,
		    &user, &system) != 3)
		stress_fail(PROMISE_NONE, "cannot read %s", path);
	return (struct look){.asleep = state == 'S',
		.cpu_ms = (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)};
}

/* Looks at one who is waited for. */
struct looks {
	char path[64];
	uint32_t count, asleep;
	uint64_t before_ms;
};

/* One more: whether it is to be given up. */
static bool gives_up(struct looks *self)
{
	const struct look now = look(self->path);

	if (self->count++ == 0)
		self->before_ms = now.cpu_ms;
	self->asleep = now.asleep ? self->asleep + 1 : 0;
	return self->asleep == LOOKS || now.cpu_ms > self->before_ms + CPU_MS;
}

bool hand_wait_for_child(pid_t child, int *status)
{
	struct looks looks = {0};
	struct pollfd ends = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	bool in_time = true;

	/* Where the kernel has no such descriptor the looks alone find the end. */
	snprintf(looks.path, sizeof(looks.path), "/proc/%d/stat", (int)child);
	while (in_time) {
		const int ready = poll(&ends, 1, LOOK_MS);

		if (waitpid(child, status, WNOHANG) == child)
			break;
		in_time = ready != 0 || !gives_up(&looks);
	}
	close(ends.fd);
	if (!in_time) {
		kill(child, SIGKILL);
		waitpid(child, status, 0);
	}
	return in_time;
}

bool hand_wait(struct hand *self)
{
	const struct timespec apart = {
		.tv_nsec = NS_PER_MS * (hand_hurry_ms != 0 ? (long)hand_hurry_ms : LOOK_MS)};
	struct looks looks = {0};

	snprintf(looks.path, sizeof(looks.path), "/proc/self/task/%" PRIu32 "/stat",
		atom_load_relaxed(&self->tid));
	/* Mostly it is done before anybody has to look. */
	while (atom_load_acquire(&self->working) != 0) {
		wait_while(&self->working, 1, &apart);
		if (atom_load_acquire(&self->working) == 0)
			break;
		if (hand_hurry_ms != 0 || gives_up(&looks))
			return false;
	}
	return true;
}

bool hand_go_on(struct hand *self)
{
	set(&self->working, 1);
	return hand_wait(self);
}

bool hand_work(struct hand *self, void (*work)(struct hand *self))
{
	self->work = work;
	return hand_go_on(self);
}

void hand_stop(struct hand *self)
{
	set(&self->working, 0);
	while (atom_load_acquire(&self->working) == 0)
		wait_while(&self->working, 0, NULL);
}

static void *body(void *arg)
{
	struct hand *self = arg;

	actor_enter(&self->actor, 0);
	atom_store_relaxed(&self->tid, (uint32_t)gettid());
	for (;;) {
		hand_stop(self);
		self->work(self);
	}
	return NULL;
}

void hand_start(struct hand *self)
{
	self->work = NULL;
	atom_init(&self->working, 1);
	gang_start(&self->thread, body, self);
	if (!hand_wait(self))
		stress_fail(PROMISE_NONE, "a thread does not begin");
}
