#include "stress/progress/hand.h"

#include "stress/base/gang.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
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
static struct look look(pid_t tid)
{
	char text[512];
	char path[64];
	unsigned long user = 0;
	unsigned long system = 0;
	char state = 'R';

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
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

bool hand_wait(struct hand *self)
{
	const struct timespec apart = {
		.tv_nsec = NS_PER_MS * (hand_hurry_ms != 0 ? (long)hand_hurry_ms : LOOK_MS)};
	uint64_t before_ms = 0;
	uint32_t asleep = 0;

	/* Mostly it is done before anybody has to look. */
	for (uint32_t looks = 0; atom_load_acquire(&self->working) != 0; looks++) {
		wait_while(&self->working, 1, &apart);
		if (atom_load_acquire(&self->working) == 0)
			break;
		if (hand_hurry_ms != 0)
			return false;
		const struct look now = look((pid_t)atom_load_relaxed(&self->tid));
		if (looks == 0)
			before_ms = now.cpu_ms;
		asleep = now.asleep ? asleep + 1 : 0;
		if (asleep == LOOKS || now.cpu_ms > before_ms + CPU_MS)
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
