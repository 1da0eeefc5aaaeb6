/* Text in Markdown, for documents that show what a store or a user says. */
#ifndef BENCH_REPORT_MARKDOWN_H
#define BENCH_REPORT_MARKDOWN_H

#include <stdio.h>
#include <string.h>

/* Text that may hold anything, so that it can't change the table or the page around it. */
static inline void markdown_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '\n':
		case '\r':
			fputc(' ', out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		default:
			if (strchr("\\|`*[]~#", *text) != NULL)
				fputc('\\', out);
			fputc(*text, out);
		}
	}
}

#endif
