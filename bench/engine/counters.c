/* See counters.h. */
#include "bench/engine/counters.h"

#include "alloc/machine/compiler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint64_t event;
} events[COUNTERS] = {
	[COUNTER_CYCLES] = {"cycles", PERF_COUNT_HW_CPU_CYCLES},
	[COUNTER_INSTRUCTIONS] = {"instructions", PERF_COUNT_HW_INSTRUCTIONS},
	[COUNTER_CACHE_MISSES] = {"cache misses", PERF_COUNT_HW_CACHE_MISSES},
};

/* A reading of the group, as its format below makes it. */
struct group {
	uint64_t count, enabled_ns, running_ns, value[COUNTERS];
};

const char *counter_name(enum counter counter)
{
	return events[counter].name;
}

__attribute__((weak)) int counters_event_open(struct perf_event_attr *event, int group)
{
	return (int)syscall(SYS_perf_event_open, event, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
}

int counters_open(struct counters *self)
{
	int n = 0;

	for (; n < COUNTERS; n++) {
		struct perf_event_attr event = {
			.type = PERF_TYPE_HARDWARE,
			.size = sizeof(event),
			.config = events[n].event,
			.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED |
				       PERF_FORMAT_TOTAL_TIME_RUNNING,
			.exclude_kernel = 1,
			.exclude_hv = 1,
		};

		self->fd[n] = counters_event_open(&event, n == 0 ? -1 : self->fd[0]);
		if (self->fd[n] < 0)
			break;
	}
	const int error = n < COUNTERS ? errno : 0;
	while (error != 0 && n-- > 0)
		close(self->fd[n]);
	self->open = error == 0;
	return -error;
}

void counters_close(struct counters *self)
{
	for (int i = 0; self->open && i < COUNTERS; i++)
		close(self->fd[i]);
	self->open = false;
}

bool counters_read(const struct counters *self, uint64_t counts[COUNTERS])
{
	struct group group;

	if (!self->open || read(self->fd[0], &group, sizeof(group)) != sizeof(group) ||
		group.count != COUNTERS || group.running_ns != group.enabled_ns)
		return false;
	memcpy(counts, group.value, sizeof(group.value));
	return true;
}

void counters_describe(char *text, size_t bytes)
{
	struct counters counters = {0};
	const int rc = counters_open(&counters);

	if (rc == 0)
		snprintf(text, bytes, "cycles, instructions and cache misses, of user mode");
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(text, bytes,
			"not for this user; 'sysctl kernel.perf_event_paranoid=2' allows them");
	else if (rc == -ENOENT || rc == -EOPNOTSUPP)
		snprintf(text, bytes, "none: this machine, or its hypervisor, has no such events");
	else
		snprintf(text, bytes, "none: %s", strerror(-rc));
	counters_close(&counters);
}
