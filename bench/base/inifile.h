/*
 * INI files as people write them: inih splits the lines, and each mistake is told with its line.
 *
 *	[a heading of any length]
 *	key = value        ; a comment
 *
 * A value is one line. A heading without keys counts too.
 */
#ifndef BENCH_BASE_INIFILE_H
#define BENCH_BASE_INIFILE_H

#include <stdio.h>

enum {
	INIFILE_SENTENCE_BYTES = 1024,
	INIFILE_LINE_BYTES = 512, /* room for any line, and so for whatever is taken from it */
};

/*
 * Takes a key with its value; a heading, its text in value and key NULL; or the end, both NULL. The
 * strings live until it returns. 0; or a negative errno, with a sentence in why
 * (INIFILE_SENTENCE_BYTES) that says what would be right. *line may be lowered to where the mistake is.
 */
typedef int (*inifile_take)(
	void *user, unsigned *line, const char *key, const char *value, char *why);

/*
 * Hands over what a file has, up to the first mistake. 0; or a negative errno, with a sentence in why
 * (INIFILE_SENTENCE_BYTES) that begins with the path, and with the line if there is one.
 */
int inifile_read(const char *path, inifile_take take, void *user, char *why);

/* Hears of the mistake in a line, a sentence without its full stop. */
typedef void (*inifile_tell)(void *user, unsigned line, const char *why);

/*
 * Hands over what an open file has, past its mistakes, each of which is told. 0; or a negative errno if
 * it can't be read, which is told too.
 */
int inifile_read_all(FILE *in, inifile_take take, inifile_tell tell, void *user);

#endif
