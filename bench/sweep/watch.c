/* See watch.h. */
#include "bench/sweep/watch.h"

#include "bench/base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STAT_BYTES = 1024,
	/*
	 * A thread that had a CPU for less than all but one part in so many of an interval took
	 * turns on it. The kernel counts CPU time in hundredths of a second, and other things run
	 * now and then.
	 */
	TURNS_PARTS = 4,
	/*
	 * What a turn is worth at most that is spent beside others. A limit of 3 s is 10,000 turns.
	 * Behind dpdk_ring a thread of netkvm_rx 128 takes some 450 for a slice: one for each put of
	 * three or four rounds.
	 */
	TURN_NS = 300000,
};

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
	out->turns = 0;
	out->cpu_ns = (user + system) * (CLOCK_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

bool watch_parse_switches(const char *line, uint64_t *switches)
{
	return sscanf(line, "voluntary_ctxt_switches: %" SCNu64, switches) == 1 ||
	       sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, switches) == 1;
}

/* A thread's file of /proc; NULL: it has ended. */
static FILE *open_file(pid_t pid, const char *thread, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/%s", pid, thread, name);
	return fopen(path, "re");
}

static bool read_thread(pid_t pid, const char *id, struct watch_thread *out)
{
	char line[STAT_BYTES];
	uint64_t switches;
	FILE *stat = open_file(pid, id, "stat"), *status = open_file(pid, id, "status");
	const bool known = stat != NULL && status != NULL &&
			   fgets(line, sizeof(line), stat) != NULL && watch_parse(line, out);

	while (known && fgets(line, sizeof(line), status) != NULL) {
		if (watch_parse_switches(line, &switches))
			out->turns += switches;
	}
	if (stat != NULL)
		fclose(stat);
	if (status != NULL)
		fclose(status);
	return known;
}

void watch_read(pid_t pid, struct watch_reading *out)
{
	char path[64];

	out->count = 0;
	out->at_ns = clock_now_ns();
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *threads = opendir(path);
	if (threads == NULL)
		return;
	for (struct dirent *entry;
		out->count < WATCH_THREADS_MAX && (entry = readdir(threads)) != NULL;) {
		if (entry->d_name[0] != '.' &&
			read_thread(pid, entry->d_name, &out->thread[out->count]))
			out->count++;
	}
	closedir(threads);
}

/* What a thread had since the last reading; all it ever had if it is new. */
static struct watch_thread gained(
	const struct watch_reading *last, const struct watch_thread *thread)
{
	struct watch_thread had = *thread;

	for (size_t i = 0; i < last->count; i++) {
		const struct watch_thread *then = &last->thread[i];

		if (then->id != thread->id)
			continue;
		had.cpu_ns -= then->cpu_ns < had.cpu_ns ? then->cpu_ns : had.cpu_ns;
		had.turns -= then->turns < had.turns ? then->turns : had.turns;
	}
	return had;
}

/* What a runnable thread could do with that in elapsed_ns. alone: no other thread is runnable. */
static uint64_t worth_ns(const struct watch_thread *had, uint64_t elapsed_ns, bool alone)
{
	const uint64_t turns_ns = had->turns * TURN_NS;

	if (alone || had->cpu_ns >= elapsed_ns - elapsed_ns / TURNS_PARTS)
		return had->cpu_ns;
	return had->cpu_ns < turns_ns ? had->cpu_ns : turns_ns;
}

void watch_step(struct watch *self, const struct watch_reading *now, uint64_t interval_ns)
{
	const bool first = self->last.count == 0;
	const uint64_t elapsed_ns = now->at_ns - self->last.at_ns;
	uint64_t given_ns = interval_ns;
	size_t stopped = 0, runnable = 0;

	for (size_t i = 0; i < now->count; i++)
		runnable += now->thread[i].state == 'R';
	for (size_t i = 0; i < now->count; i++) {
		const struct watch_thread *thread = &now->thread[i];
		uint64_t worth = interval_ns;

		if (thread->state == 'R') {
			const struct watch_thread had = gained(&self->last, thread);

			worth = worth_ns(&had, elapsed_ns, runnable == 1);
		} else if (strchr("DTt", thread->state) != NULL) {
			worth = 0;
		}
		given_ns = worth < given_ns ? worth : given_ns;
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
