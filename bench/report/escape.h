/* Text that may hold anything, so that it can't change the document around it. */
#ifndef BENCH_REPORT_ESCAPE_H
#define BENCH_REPORT_ESCAPE_H

#include <stdio.h>
#include <string.h>

/* Between tags, and inside a quoted attribute. */
static inline void html_text(FILE *out, const char *text)
{
	static const char special[] = "&<>\"'";
	static const char *const instead[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (; *text != '\0'; text++) {
		const char *at = strchr(special, *text);

		if (at != NULL)
			fputs(instead[at - special], out);
		else
			fputc(*text, out);
	}
}

/* In a Markdown table, and elsewhere. */
static inline void markdown_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		const char one[] = {*text, '\0'};

		if (*text == '\n' || *text == '\r')
			fputc(' ', out);
		else if (strchr("<>&", *text) != NULL)
			html_text(out, one);
		else
			fprintf(out, "%s%c", strchr("\\|`*[]~#", *text) != NULL ? "\\" : "", *text);
	}
}

#endif
