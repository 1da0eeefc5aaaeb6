/* Lines for inih, counted. See inifile.h. */
#include "bench/base/inifile.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reader {
	FILE *in;
	inifile_take take;
	void *user;
	unsigned line;
	int error; /* the first mistake, with its sentence; nothing is read or taken after it */
	char why[INIFILE_SENTENCE_BYTES];
};

/*
 * The next line, for inih. Without its indentation, by which inih would tell that a value goes on.
 * inih cuts headings after 49 characters and is silent about those without keys, so they are taken here.
 */
static char *next_line(char *text, int bytes, void *reader)
{
	struct reader *r = reader;
	const int room = bytes < INIFILE_LINE_BYTES ? bytes : INIFILE_LINE_BYTES;

	if (r->error != 0 || fgets(text, room, r->in) == NULL)
		return NULL;
	r->line++;

	const char *start = text + strspn(text, " \t");
	char *end = strchr(start, ']');

	if (strchr(start, '\n') == NULL && !feof(r->in)) {
		snprintf(r->why, sizeof(r->why), "a line has at most %d characters", room - 2);
		r->error = -EINVAL;
	} else if (*start == '[' && end == NULL) {
		snprintf(r->why, sizeof(r->why), "a heading ends in ']'");
		r->error = -EINVAL;
	} else if (*start == '[') {
		*end = '\0';
		r->error = r->take(r->user, &r->line, NULL, start + 1, r->why);
		*end = ']';
	}
	memmove(text, start, strlen(start) + 1);
	return r->error == 0 ? text : NULL;
}

static int take_key(void *reader, const char *section, const char *key, const char *value)
{
	struct reader *r = reader;

	(void)section;
	if (r->error == 0)
		r->error = r->take(r->user, &r->line, key, value, r->why);
	return r->error == 0;
}

int inifile_read(const char *path, inifile_take take, void *user, char *why)
{
	struct reader r = {.in = fopen(path, "re"), .take = take, .user = user};

	if (r.in == NULL) {
		r.error = -errno;
		snprintf(why, INIFILE_SENTENCE_BYTES, "%.200s: %s", path, strerror(errno));
		return r.error;
	}

	const int wrong = ini_parse_stream(next_line, &r, take_key, &r);

	/* inih goes on after a line that it can't split, and returns the first that went wrong. */
	if (wrong > 0 && (r.error == 0 || (unsigned)wrong < r.line)) {
		r.line = (unsigned)wrong;
		r.error = -EINVAL;
		snprintf(r.why, sizeof(r.why), "a line is [HEADING], KEY = VALUE or ; COMMENT");
	} else if (ferror(r.in)) {
		r.error = -EIO;
		snprintf(r.why, sizeof(r.why), "it can't be read: %s", strerror(errno));
	} else if (r.error == 0) {
		r.error = take(user, &r.line, NULL, NULL, r.why);
	}
	if (r.error != 0)
		snprintf(why, INIFILE_SENTENCE_BYTES, "%.200s:%u: %.*s", path, r.line,
			INIFILE_SENTENCE_BYTES - 256, r.why);
	fclose(r.in);
	return r.error;
}
