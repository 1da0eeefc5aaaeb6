/* See file.h. */
#include "bench/report/file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0666 };

int file_write(const char *path, file_print *print, const void *context)
{
	char temporary[PATH_MAX];
	const mode_t mask = umask(0);
	int error = 0;

	umask(mask);
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
		sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}

	const int fd = mkstemp(temporary);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out == NULL) {
		error = errno;
		if (fd >= 0) {
			close(fd);
			unlink(temporary);
		}
		errno = error;
		return -1;
	}
	errno = 0;
	print(context, out);
	if (ferror(out) || fflush(out) != 0 || fchmod(fd, FILE_MODE & ~mask) != 0)
		error = errno == 0 ? EIO : errno;
	if (fclose(out) != 0 && error == 0)
		error = errno;
	if (error == 0 && rename(temporary, path) != 0)
		error = errno;
	if (error != 0)
		unlink(temporary);
	errno = error;
	return error == 0 ? 0 : -1;
}
