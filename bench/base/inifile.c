/* Lines for inih, counted. See inifile.h. */
#include "bench/base/inifile.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reader {
	FILE *in;
	inifile_take take;
	inifile_tell tell; /* NULL: nothing is read or taken after the first mistake */
	void *user;
	unsigned line;
	int error; /* of the first mistake, and its sentence */
	char why[INIFILE_SENTENCE_BYTES];
};

/* The line has a mistake, which r->why tells. */
static void mistake(struct reader *r, int error)
{
	r->error = error;
	if (r->tell != NULL)
		r->tell(r->user, r->line, r->why);
}

/* Whether nothing more is to be read. */
static bool stopped(const struct reader *r)
{
	return r->error != 0 && r->tell == NULL;
}

/* Reads on to the end of a line that is too long. */
static void skip_line(FILE *in)
{
	int c;

	do
		c = fgetc(in);
	while (c != '\n' && c != EOF);
}

/* Whether inih can split a line into key and value; a comment may stand behind it. */
static bool is_split(const char *start)
{
	const size_t key = strcspn(start, "=:");
	const char *comment = strstr(start, " ;");

	return start[key] != '\0' && (comment == NULL || comment > start + key);
}

/*
 * The next line, for inih. Without its indentation, by which inih would tell that a value goes on.
 * inih cuts headings after 49 characters and is silent about those without keys, so they are taken here.
 */
static char *next_line(char *text, int bytes, void *reader)
{
	struct reader *r = reader;
	const int room = bytes < INIFILE_LINE_BYTES ? bytes : INIFILE_LINE_BYTES;
	int error = 0;

	if (stopped(r) || fgets(text, room, r->in) == NULL)
		return NULL;
	r->line++;

	const char *start = text + strspn(text, " \t");
	char *end = strchr(start, ']');

	if (strchr(start, '\n') == NULL && !feof(r->in)) {
		snprintf(r->why, sizeof(r->why), "a line has at most %d characters", room - 2);
		error = -EINVAL;
		skip_line(r->in);
	} else if (*start == '[' && end == NULL) {
		snprintf(r->why, sizeof(r->why), "a heading ends in ']'");
		error = -EINVAL;
	} else if (*start == '[') {
		*end = '\0';
		error = r->take(r->user, &r->line, NULL, start + 1, r->why);
		*end = ']';
	} else if (strchr("\r\n;#", *start) == NULL && !is_split(start)) {
		snprintf(r->why, sizeof(r->why), "a line is [HEADING], KEY = VALUE or ; COMMENT");
		error = -EINVAL;
	}
	if (error != 0)
		mistake(r, error);
	if (stopped(r))
		return NULL;
	memmove(text, start, strlen(start) + 1);
	if (error != 0)
		strcpy(text, "\n"); /* inih is not to find the mistake again */
	return text;
}

static int take_key(void *reader, const char *section, const char *key, const char *value)
{
	struct reader *r = reader;

	(void)section;
	if (stopped(r))
		return 0;

	const int error = r->take(r->user, &r->line, key, value, r->why);

	if (error != 0)
		mistake(r, error);
	return 1;
}

/* Reads it all; the mistakes are in r->error and r->why, or told. */
static void read_lines(struct reader *r)
{
	const int wrong = ini_parse_stream(next_line, r, take_key, r);

	/* inih goes on after a line that it can't split, and returns the first that went wrong. */
	if (wrong > 0 && (r->error == 0 || (unsigned)wrong < r->line)) {
		r->line = (unsigned)wrong;
		snprintf(r->why, sizeof(r->why), "a line is [HEADING], KEY = VALUE or ; COMMENT");
		mistake(r, -EINVAL);
	} else if (ferror(r->in)) {
		snprintf(r->why, sizeof(r->why), "it can't be read: %s", strerror(errno));
		mistake(r, -EIO);
	} else if (!stopped(r)) {
		const int error = r->take(r->user, &r->line, NULL, NULL, r->why);

		if (error != 0)
			mistake(r, error);
	}
}

int inifile_read_all(FILE *in, inifile_take take, inifile_tell tell, void *user)
{
	struct reader r = {.in = in, .take = take, .tell = tell, .user = user};

	read_lines(&r);
	return ferror(in) ? -EIO : 0;
}

int inifile_read(const char *path, inifile_take take, void *user, char *why)
{
	struct reader r = {.in = fopen(path, "re"), .take = take, .user = user};

	if (r.in == NULL) {
		r.error = -errno;
		snprintf(why, INIFILE_SENTENCE_BYTES, "%.200s: %s", path, strerror(errno));
		return r.error;
	}
	read_lines(&r);
	if (r.error != 0)
		snprintf(why, INIFILE_SENTENCE_BYTES, "%.200s:%u: %.*s", path, r.line,
			INIFILE_SENTENCE_BYTES - 256, r.why);
	fclose(r.in);
	return r.error;
}
