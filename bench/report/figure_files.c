/* Figures as files of their own. See figure.h. */
#include "bench/report/figure.h"

#include "bench/report/file.h"
#include "bench/report/gnuplot.h"
#include "bench/report/name.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* FOLDER/STEM-scaling1-pair.pdf; the name of a load or cell is cut off where a file's name would be too long. */
static int path_of(char path[PATH_MAX], const char *folder, const char *stem, const char *id,
	const char *extent, const char *medium)
{
	const size_t room = NAME_BYTES - strlen(".") - strlen(medium);
	char name[NAME_BYTES];

	errno = ENAMETOOLONG;
	if ((size_t)snprintf(name, room, "%s-%s-", stem, id) >= room)
		return -1;
	name_append(name, room, extent);
	return (size_t)snprintf(path, PATH_MAX, "%s/%s.%s", folder, name, medium) < PATH_MAX ? 0
											     : -1;
}

static void print_figure(const void *context, FILE *out)
{
	const struct figure *figure = context;

	fwrite(figure->bytes, 1, figure->size, out);
}

/* 1 for a file, 0 where the figure shows nothing, -1 after why. */
static int write_one(const struct analysis *a, enum figure_kind kind, size_t cell,
	enum figure_medium medium, const char *folder, const char *stem, bool tell, char *why,
	size_t why_bytes)
{
	char id[FIGURE_ID_BYTES], extent[ANALYSIS_SENTENCE_BYTES], path[PATH_MAX];
	const struct figure figure = figure_file(a, kind, cell, medium);
	int result = figure.bytes == NULL ? 0 : 1;

	figure_name(a, kind, cell, id, extent);
	if (figure.failed) {
		snprintf(why, why_bytes, "gnuplot did not draw '%s' of '%.200s'.", id, a->store);
		return -1;
	}
	if (figure.bytes != NULL &&
		(path_of(path, folder, stem, id, extent, figure_medium_name(medium)) != 0 ||
			file_write(path, print_figure, &figure) != 0)) {
		snprintf(why, why_bytes, "'%s/%s-%s.%s' can't be written: %s.", folder, stem, id,
			figure_medium_name(medium), strerror(errno));
		result = -1;
	}
	free(figure.bytes);
	if (result > 0 && tell)
		printf("%s\n", path);
	return result;
}

int figure_files(const struct analysis *analysis, enum figure_medium medium, const char *folder,
	const char *stem, bool tell, char *why, size_t why_bytes)
{
	const size_t cells = analysis->cell_count;
	size_t written = 0;

	if (!gnuplot_has(figure_terminal(medium))) {
		snprintf(why, why_bytes,
			"Figures need gnuplot with its terminal %s, and none is here: install "
			"gnuplot-nox (Debian and Ubuntu), which has it.",
			figure_terminal(medium));
		return -1;
	}
	for (size_t i = 0; i < FIGURE_KINDS * cells; i++) {
		const int one = write_one(analysis, (enum figure_kind)(i / cells), i % cells,
			medium, folder, stem, tell, why, why_bytes);

		if (one < 0)
			return -1;
		written += (size_t)one;
	}
	if (written > 0)
		return 0;
	snprintf(why, why_bytes, "'%s' has no figures: nothing in it was measured.",
		analysis->store);
	return -1;
}
