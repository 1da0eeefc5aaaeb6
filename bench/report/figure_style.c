/* See figure_draw.h: how a strategy is drawn, and where names stand. */
#include "alloc/pool.h"
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"
#include "bench/report/template.h"

#include <math.h>
#include <string.h>

/*
 * After Okabe and Ito, told apart by every kind of colour vision: those, or darker or lighter by so
 * much, that have a contrast of 3 : 1 on white and on the page's dark ground, which a test checks.
 */
const uint32_t figure_colours[FIGURE_COLOURS] = {0x0072b2, 0xd55e00, 0x009e73, 0xc46a9b, 0xa67c00};

static const int dashes[] = {1, 2, 4, 3, 5};                 /* as gnuplot numbers them */
static const int markers[] = {7, 5, 9, 11, 13, 6, 4, 8, 10}; /* filled, then hollow */

enum {
	DASHES = sizeof(dashes) / sizeof(dashes[0]),
	MARKERS = sizeof(markers) / sizeof(markers[0]),
	LETTERS_RANGE = 31,
};

/* Its place in this program's list, so that it looks alike in all reports; else one by its name. */
static size_t place_of(const struct analysis_subject *subject)
{
	size_t place = 0;

	while (pools[place] != NULL && strcmp(pools[place]->name, subject->pool) != 0)
		place++;
	for (const char *c = subject->context == NULL ? "" : subject->context; *c != '\0'; c++)
		place = place * LETTERS_RANGE + (unsigned char)*c;
	return place;
}

struct figure_style figure_style_of(const struct analysis_subject *subject)
{
	const size_t place = place_of(subject);

	return (struct figure_style){figure_colours[place % FIGURE_COLOURS],
		dashes[place / FIGURE_COLOURS % DASHES], markers[place % MARKERS]};
}

struct figure_style figure_style_of_name(const char *name)
{
	const size_t length = strcspn(name, "+/ @");
	AUTO_FREE char *pool = need(length + 1, 1);

	memcpy(pool, name, length);
	return figure_style_of(&(struct analysis_subject){
		.pool = pool, .context = name[length] == '+' ? name + length + 1 : NULL});
}

json_t *figure_named_panel(
	const char *name, size_t index, struct figure_style style, json_t *points)
{
	return template_record("index", template_count(index), "title", template_text(name),
		"points", points, "colour", template_words("'#%06x'", (unsigned)style.colour),
		"dash", template_count((uint64_t)style.dash), "marker",
		template_count((uint64_t)style.marker), NULL);
}

json_t *figure_panel(const struct analysis *a, size_t cell, size_t subject, json_t *points)
{
	return figure_named_panel(choice_name_in(a, cell, subject), subject,
		figure_style_of(&a->subjects[subject]), points);
}

static const double row_letter = 6.1, row_gap = 12,
		    row_room = 240; /* of names left of a plot, in pixels */

double figure_names_room(
	const struct analysis *analysis, enum contest contest, const size_t *order, size_t n)
{
	size_t longest = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t letters = strlen(choice_name(analysis, contest, order[i]));

		longest = letters > longest ? letters : longest;
	}
	return fmin(row_room, row_gap + row_letter * (double)longest);
}

/* A letter and a line of names' type, in pixels. */
static const double letter_width = 4.9, line_height = 9.5;

static const double beside = 5; /* a point, a name begins */

struct box {
	double left, right, bottom, top;
};

static bool is_apart(const struct box *a, const struct box *b)
{
	return a->right <= b->left || b->right <= a->left || a->top <= b->bottom ||
	       b->top <= a->bottom;
}

/* Whether it lies in the plot, and on none of those that stand. */
static bool is_free(
	const struct box *box, const struct box *boxes, size_t n, double width, double height)
{
	bool free = box->left >= 0 && box->right <= width && box->bottom >= 0 && box->top <= height;

	for (size_t i = 0; i < n && free; i++)
		free = is_apart(box, &boxes[i]);
	return free;
}

void figure_place_names(struct figure_name *names, size_t n, double width, double height)
{
	AUTO_FREE struct box *boxes = need(n, sizeof(*boxes));
	size_t standing = 0;

	for (size_t i = 0; i < n; i++) {
		struct figure_name *name = &names[i];
		const double wide = letter_width * (double)strlen(name->text);
		const double x[] = {name->x + beside, name->x - beside - wide, name->x - wide / 2};

		name->placed = false;
		/* Right of its point, left of it, or across; a step at a time further up or down. */
		for (int step = 0; step * line_height / 2 < height && !name->placed; step++) {
			for (int k = 0; k < 6 && !name->placed; k++) {
				const double away = (k % 2 == 0 ? 1 : -1) * step * line_height / 2;
				const double y = name->y + away;
				const struct box box = {x[k / 2], x[k / 2] + wide,
					y - line_height / 2, y + line_height / 2};

				/* Across its point only where it does not hide it. */
				if ((k / 2 == 2 && step < 2) ||
					!is_free(&box, boxes, standing, width, height))
					continue;
				boxes[standing++] = box;
				name->label_x = x[k / 2];
				name->label_y = y;
				name->placed = true;
			}
		}
	}
}
