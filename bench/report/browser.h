/*
 * A browser without a window, for the tests of pages: Chromium, driven over a pipe by its DevTools protocol. Mouse and
 * keys are the browser's own events, so what they do is what a reader's do. It has no network.
 */
#ifndef BENCH_REPORT_BROWSER_H
#define BENCH_REPORT_BROWSER_H

#include <jansson.h>
#include <stdbool.h>

struct browser;

/* What a page is looked at with. */
struct browser_view {
	int width, height; /* CSS pixels */
	bool dark, print;
};

/*
 * Starts one that keeps its files in that folder, which exists. NULL: none is installed, which is printed with the
 * names that were looked for. One that does not answer ends the test.
 */
struct browser *browser_start(const char *folder);
void browser_stop(struct browser *browser);

/* Loads the page at an address and waits until it is there and its script has run. */
void browser_open(struct browser *browser, const char *address);

/* Looks at it that way from now on; other pages too. */
void browser_look(struct browser *browser, const struct browser_view *view);

/* The value of a JavaScript expression, which the caller frees. One that throws ends the test. */
json_t *browser_value(struct browser *browser, const char *expression);

/* The same of those that are whole numbers or booleans. */
int browser_number(struct browser *browser, const char *expression);

/* How many exceptions the page's own script has thrown since it was loaded. */
int browser_exceptions(struct browser *browser);

/* Clicks with the mouse on the middle of the element that an expression yields, once it is in sight. */
void browser_click(struct browser *browser, const char *element);

/* Gives it the focus, which it must take, and presses a key: "Enter", " " or "ArrowRight". */
void browser_press(struct browser *browser, const char *element, const char *key);

#endif
