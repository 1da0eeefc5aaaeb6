/* Lists of names as tables have them: patterns as of a shell, with commas between them. */
#ifndef STRESS_BASE_PATTERNS_H
#define STRESS_BASE_PATTERNS_H

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATTERN_BYTES = 128 };

/* True if the name is one that a pattern of the list has. */
static inline bool patterns_have(const char *patterns, const char *name)
{
	char pattern[PATTERN_BYTES];

	for (size_t length; *patterns != '\0'; patterns += length + (patterns[length] == ',')) {
		length = strcspn(patterns, ",");
		snprintf(pattern, sizeof(pattern), "%.*s", (int)length, patterns);
		if (fnmatch(pattern, name, 0) == 0)
			return true;
	}
	return false;
}

#endif
