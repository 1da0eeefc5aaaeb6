/*
 * Jobs: sweeps that stand in INI files, those of the tree (bench/jobs/), which the program holds, and
 * whoever's. Keys are the options of `sweep`:
 *
 *	; what it is for
 *	[global]           ; for all cells; so do keys before the first heading
 *	threads = 1,N
 *	[a name]           ; each further heading adds the cells of its workloads
 *	workload = burst_touch
 *	burst = 8,32
 *
 * Read here, understood in request.c.
 */
#ifndef BENCH_SWEEP_JOB_H
#define BENCH_SWEEP_JOB_H

#include <stdbool.h>
#include <stddef.h>

enum { JOB_NAME_BYTES = 64, JOB_WHY_BYTES = 1024 };

/* One line that says something. */
struct job_entry {
	size_t section; /* 0: for all */
	unsigned line;
	char *key; /* NULL: the line has a mistake, which value tells */
	char *value;
};

struct job {
	const char *path;          /* as it was asked for */
	char name[JOB_NAME_BYTES]; /* "quick"; of a file, its name without folder and .ini */
	bool own;                  /* of the tree */
	size_t section_count;      /* 0: it has no cells of its own, and [global] says all */
	unsigned *section;         /* the lines of the headings */
	size_t entry_count;
	struct job_entry *entry;
};

/* The jobs of the tree, by their place in the list; NULL from its end on. */
const char *job_name(size_t i);
/* What the first line of the i-th says, without the semicolon and the line's end. */
void job_summary(size_t i, char *text, size_t bytes);

/*
 * Reads a job of the tree by its name, or a file. 0, and job_drop frees what it took; or -1 with a
 * sentence in why (JOB_WHY_BYTES): there is neither, or the file can't be read. path lives as long as job.
 */
int job_read(const char *path, struct job *job, char *why);
void job_drop(struct job *job);

#endif
