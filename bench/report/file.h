/* Documents as files: a file that stands there is replaced by a whole new one or not at all. */
#ifndef BENCH_REPORT_FILE_H
#define BENCH_REPORT_FILE_H

#include <stdio.h>

/* Prints a document of what context points to. */
typedef void file_print(const void *context, FILE *out);

/* Writes beside the file's place and moves it there when it is whole. 0, or -1 with errno set. */
int file_write(const char *path, file_print *print, const void *context);

#endif
