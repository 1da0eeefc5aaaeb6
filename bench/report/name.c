/* See name.h. */
#include "bench/report/name.h"

#include "bench/base/number.h"
#include "bench/report/document.h"

#include <ctype.h>
#include <string.h>

enum {
	CPU_MAX = 32, /* characters of a processor's name, and of a revision, so that all fits */
	REVISION_MAX = 48,
	DAY = 10, /* characters of "2026-01-31" */
};

void name_of_store(const char *path, char name[NAME_BYTES])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');
	const size_t length = dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base);

	snprintf(name, NAME_BYTES, "%.*s", (int)length, base);
}

void name_append(char *name, size_t bytes, const char *text)
{
	size_t used = strlen(name);

	for (const char *c = text; *c != '\0' && used + 1 < bytes; c++) {
		const bool plain = isalnum((unsigned char)*c) || strchr("_+.", *c) != NULL;

		if (plain || (used > 0 && name[used - 1] != '-'))
			name[used++] = plain ? *c : '-';
	}
	while (used > 0 && name[used - 1] == '-')
		used--;
	name[used] = '\0';
}

/* What makers write around a processor's name and nobody calls it by. */
static void append_cpu(char name[NAME_BYTES], const char *cpu)
{
	static const char *const idle[] = {"(R)", "(r)", "(TM)", "(tm)", " CPU", " Processor"};
	char text[CPU_MAX + 1];
	size_t used = 0;

	while (*cpu != '\0' && *cpu != '@' && used < CPU_MAX) {
		size_t i = 0;

		while (i < sizeof(idle) / sizeof(idle[0]) &&
			strncmp(cpu, idle[i], strlen(idle[i])) != 0)
			i++;
		if (i < sizeof(idle) / sizeof(idle[0]))
			cpu += strlen(idle[i]);
		else
			text[used++] = (char)tolower((unsigned char)*cpu++);
	}
	text[used] = '\0';
	name_append(name, NAME_BYTES, text);
}

void name_append_source(char name[NAME_BYTES], const struct analysis *a)
{
	char text[REVISION_MAX + 1];

	strncat(name, "-", NAME_BYTES - strlen(name) - 1);
	snprintf(text, sizeof(text), "%s", a->source_revision);
	name_append(name, NAME_BYTES, text);
	strncat(name, "-", NAME_BYTES - strlen(name) - 1);
	append_cpu(name, document_cpu(a));
	snprintf(text, sizeof(text), "-%.*s", DAY, number_timestamp(analysis_began_ns(a)).text);
	strncat(name, text, NAME_BYTES - strlen(name) - 1);
}
