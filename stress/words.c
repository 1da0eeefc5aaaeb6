/* See words.h. */
#include "stress/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void options_usage_error(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", options_program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see --help\n", stderr);
	exit(OPTIONS_STATUS_USAGE);
}

void options_names(struct option_names *names, char *text, const char *option)
{
	char *rest = text;
	char *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (*name == '\0')
			options_usage_error("%s has an empty name in its list", option);
		if (names->count == OPTIONS_NAMES_MAX)
			options_usage_error("%s takes at most %d names", option, OPTIONS_NAMES_MAX);
		names->name[names->count++] = name;
	}
}

bool options_chosen(const struct option_names *names, const char *name)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return names->count == 0;
}

uint64_t options_number(const char *text, const char *option, uint64_t least, uint64_t most)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || strchr(text, '-') != NULL ||
		value < least || value > most)
		options_usage_error("%s is '%s' but must be a whole number from %" PRIu64
				    " to %" PRIu64,
			option, text, least, most);
	return value;
}

void options_print_quoted(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		putchar(*text);
	}
	putchar('\'');
}
