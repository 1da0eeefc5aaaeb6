/* Jobs: see job.h. */
#include "bench/sweep/job.h"

#include "bench/base/inifile.h"
#include "bench/base/need.h"
#include "bench/base/options.h"
#include "jobs_texts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct own_job {
	const char *name, *text;
} own_jobs[] = {
#define JOB(name) {#name, name##_ini},
#include "bench/jobs.def"
	{NULL, NULL},
};

const char *job_name(size_t i)
{
	return own_jobs[i].name;
}

void job_summary(size_t i, char *text, size_t bytes)
{
	const char *start = own_jobs[i].text + strspn(own_jobs[i].text, "; ");

	snprintf(text, bytes, "%.*s", (int)strcspn(start, "\n"), start);
}

static void add_entry(
	struct job *job, size_t section, unsigned line, const char *key, const char *value)
{
	job->entry = need_more(job->entry, job->entry_count + 1, sizeof(*job->entry));
	job->entry[job->entry_count++] = (struct job_entry){
		.section = section,
		.line = line,
		.key = key != NULL ? need_copy(key) : NULL,
		.value = need_copy(value),
	};
}

/* Where keys go until the next heading. */
struct reading {
	struct job *job;
	size_t section;
};

static int take_line(void *user, unsigned *line, const char *key, const char *value, char *why)
{
	struct reading *reading = user;
	struct job *job = reading->job;

	(void)why;
	if (key != NULL) {
		add_entry(job, reading->section, *line, key, value);
	} else if (value != NULL && strcmp(value, "global") == 0) {
		reading->section = 0;
	} else if (value != NULL) {
		job->section =
			need_more(job->section, job->section_count + 1, sizeof(*job->section));
		job->section[job->section_count++] = *line;
		reading->section = job->section_count;
	}
	return 0;
}

static void take_mistake(void *user, unsigned line, const char *why)
{
	struct reading *reading = user;

	add_entry(reading->job, reading->section, line, NULL, why);
}

/* The name without folder and .ini. */
static void set_name(struct job *job)
{
	const char *slash = strrchr(job->path, '/');
	const char *base = slash != NULL ? slash + 1 : job->path;
	const size_t length = strlen(base);
	const bool ini =
		length > strlen(".ini") && strcmp(base + length - strlen(".ini"), ".ini") == 0;

	snprintf(job->name, sizeof(job->name), "%.*s", (int)(length - (ini ? strlen(".ini") : 0)),
		base);
}

int job_read(const char *path, struct job *job, char *why)
{
	const size_t own = options_find(path, job_name);
	struct reading reading = {.job = job};
	FILE *in;

	*job = (struct job){.path = path, .own = job_name(own) != NULL};
	set_name(job);
	if (job->own)
		in = fmemopen((void *)own_jobs[own].text, strlen(own_jobs[own].text), "r");
	else
		in = fopen(path, "re");
	if (in == NULL && !job->own && errno == ENOENT && strpbrk(path, "./") == NULL) {
		char hint[JOB_WHY_BYTES / 2];

		options_hint(hint, sizeof(hint), path, job_name);
		snprintf(why, JOB_WHY_BYTES, "--job: there is no job and no file '%.200s'%s", path,
			hint);
		return -1;
	}
	if (in == NULL) {
		snprintf(why, JOB_WHY_BYTES, "--job: '%.200s' can't be read: %s", path,
			strerror(errno));
		return -1;
	}

	const int rc = inifile_read_all(in, take_line, take_mistake, &reading);

	fclose(in);
	if (rc == 0)
		return 0;
	snprintf(why, JOB_WHY_BYTES, "--job: '%.200s' can't be read: it is no file", path);
	job_drop(job);
	return -1;
}

void job_drop(struct job *job)
{
	for (size_t i = 0; i < job->entry_count; i++) {
		free(job->entry[i].key);
		free(job->entry[i].value);
	}
	free(job->entry);
	free(job->section);
	*job = (struct job){0};
}
