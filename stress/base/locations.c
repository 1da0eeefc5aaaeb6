/* See locations.h. */
#include "stress/base/locations.h"

#include "alloc/machine/compiler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The linker's: where the program lies, and where its instructions end. */
extern const char __executable_start[], etext[];

uintptr_t locations_end(void)
{
	return (uintptr_t)(etext - __executable_start);
}

uintptr_t locations_offset(uintptr_t address)
{
	const uintptr_t offset = address - (uintptr_t)__executable_start;

	return offset < locations_end() ? offset : 0;
}

/* A file's name without what lies above the tree, wherever that was when it was compiled. */
static char *in_tree(char *file)
{
	static const char *const floors[] = {"/alloc/", "/bench/", "/stress/"};

	for (size_t i = 0; i < array_count(floors); i++) {
		for (char *at = file; (at = strstr(at, floors[i])) != NULL;)
			file = ++at;
	}
	return file;
}

/* After an address come pairs of lines: a function and its place. */
static bool read_all(FILE *from, size_t count, locations_told *told, void *arg)
{
	char function[256];
	char place[1024];
	size_t addresses = 0;
	uint32_t level = 0;

	while (fgets(function, sizeof(function), from) != NULL) {
		if (strncmp(function, "0x", 2) == 0) {
			addresses++;
			level = 0;
			continue;
		}
		if (fgets(place, sizeof(place), from) == NULL || addresses == 0 ||
			addresses > count)
			return false;
		function[strcspn(function, "\n")] = '\0';
		place[strcspn(place, "\n")] = '\0';
		char *discriminator = strstr(place, " (discriminator");
		if (discriminator != NULL)
			*discriminator = '\0';
		told(arg, addresses - 1, level++, in_tree(place), function);
	}
	return addresses == count;
}

bool locations_find(const uintptr_t *offset, size_t count, locations_told *told, void *arg)
{
	char command[256];
	FILE *wanted = tmpfile();

	if (wanted == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		fprintf(wanted, "0x%" PRIxPTR "\n", offset[i]);
	fflush(wanted);
	snprintf(command, sizeof(command),
		"for tool in addr2line eu-addr2line llvm-addr2line; do command -v $tool "
		">/dev/null && exec $tool -afi -e /proc/%d/exe </proc/%d/fd/%d 2>/dev/null; done",
		(int)getpid(), (int)getpid(), fileno(wanted));
	FILE *pipe = popen(command, "r");
	const bool found = pipe != NULL && read_all(pipe, count, told, arg);
	if (pipe != NULL)
		pclose(pipe);
	fclose(wanted);
	return found;
}
