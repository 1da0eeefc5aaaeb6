/* See watch.h. */
#include "bench/sweep/watch.h"

#include "bench/base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_BYTES = 1024 };

bool watch_parse(const char *line, struct watch_thread *out)
{
	/* The name stands in parentheses and may hold any character, those of the end too. */
	const char *name_end = strrchr(line, ')');
	uint64_t user, system;
	int id;

	if (name_end == NULL || sscanf(line, "%d", &id) != 1 ||
		sscanf(name_end + 1,
			" %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
			&out->state, &user, &system) != 3)
		return false;
	out->id = id;
	out->cpu_ns = (user + system) * (CLOCK_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

void watch_read(pid_t pid, struct watch_reading *out)
{
	char path[64], line[STAT_BYTES];

	out->count = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *threads = opendir(path);
	if (threads == NULL)
		return;
	for (struct dirent *entry;
		out->count < WATCH_THREADS_MAX && (entry = readdir(threads)) != NULL;) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", pid, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) != NULL &&
			watch_parse(line, &out->thread[out->count]))
			out->count++;
		fclose(file);
	}
	closedir(threads);
}

/* CPU time that a thread had since the last reading; all it ever had if it is new. */
static uint64_t gained_ns(const struct watch_reading *last, const struct watch_thread *thread)
{
	for (size_t i = 0; i < last->count; i++) {
		if (last->thread[i].id == thread->id)
			return thread->cpu_ns > last->thread[i].cpu_ns
				       ? thread->cpu_ns - last->thread[i].cpu_ns
				       : 0;
	}
	return thread->cpu_ns;
}

void watch_step(struct watch *self, const struct watch_reading *now, uint64_t interval_ns)
{
	const bool first = self->last.count == 0;
	uint64_t given_ns = interval_ns;
	size_t stopped = 0;

	for (size_t i = 0; i < now->count; i++) {
		const struct watch_thread *thread = &now->thread[i];
		uint64_t gained = interval_ns;

		if (thread->state == 'R')
			gained = gained_ns(&self->last, thread);
		else if (strchr("DTt", thread->state) != NULL)
			gained = 0;
		given_ns = gained < given_ns ? gained : given_ns;
		stopped += thread->state == 'T';
	}
	self->last = *now;
	if (first)
		return;
	self->watched_ns += interval_ns;
	self->given_ns += given_ns;
	if (stopped > 0 && stopped == now->count)
		self->stopped_ns += interval_ns;
}
