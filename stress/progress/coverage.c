/* See coverage.h. */
#include "stress/progress/coverage.h"

#include "stress/base/places.h"
#include "stress/stress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char *noted; /* a byte an address */

void coverage_prepare(void)
{
	noted = mmap(NULL, places_end(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (noted == MAP_FAILED)
		stress_fail("mmap: %s", strerror(errno));
}

void coverage_note(uintptr_t address)
{
	const uintptr_t offset = places_offset(address);

	if (offset != 0)
		noted[offset] = 1;
}

enum {
	LINE_BYTES = 512,
	NAME_BYTES = 96,
	NAMED_MAX = 8, /* instructions of a function that are named */
	TOLERATED_ONE_IN = 20,
};

/* A function that objdump shows. */
struct function {
	char name[NAME_BYTES];
	uintptr_t begin;
	uint32_t instructions;
	uint32_t stepped;
	uint32_t named;
	uintptr_t missing[NAMED_MAX]; /* the first of them */
};

struct sums {
	uint32_t functions, instructions, stepped;
};

static void add(struct sums *sums, const struct function *function)
{
	const uint32_t missing = function->instructions - function->stepped;

	if (function->stepped == 0 || strstr(function->name, "@plt") != NULL)
		return;
	sums->functions++;
	sums->instructions += function->instructions;
	sums->stepped += function->stepped;
	if (missing * TOLERATED_ONE_IN <= function->instructions)
		return;
	printf("  %s: %u of %u instructions not stepped:", function->name, missing,
		function->instructions);
	for (uint32_t i = 0; i < function->named; i++)
		printf(" +0x%zx", (size_t)(function->missing[i] - function->begin));
	puts(missing > function->named ? " ..." : "");
}

static void count(struct function *function, uintptr_t offset, const char *text)
{
	if (strstr(text, "nop") != NULL || strstr(text, "xchg   %ax,%ax") != NULL)
		return;
	function->instructions++;
	if (offset < places_end() && noted[offset] != 0)
		function->stepped++;
	else if (function->named < NAMED_MAX)
		function->missing[function->named++] = offset;
}

void coverage_print(void)
{
	struct sums sums = {0};
	struct function function = {0};
	char line[LINE_BYTES];

	snprintf(line, sizeof(line), "objdump -d --no-show-raw-insn /proc/%d/exe 2>/dev/null",
		(int)getpid());
	FILE *text = popen(line, "r");
	while (text != NULL && fgets(line, sizeof(line), text) != NULL) {
		char *after;
		const uintptr_t offset = strtoul(line, &after, 16);

		if (after != line && *after == ':') {
			count(&function, offset, after);
		} else if (after != line && strncmp(after, " <", 2) == 0) {
			add(&sums, &function);
			function = (struct function){.begin = offset};
			snprintf(function.name, sizeof(function.name), "%.*s",
				(int)strcspn(after + 2, ">"), after + 2);
		}
	}
	add(&sums, &function);
	if (text == NULL || pclose(text) != 0 || sums.instructions == 0)
		puts("which instructions were stepped is not told: objdump (binutils) is missing");
	else
		printf("stepped %u %% of the %u instructions of %u functions that the calls "
		       "entered\n",
			sums.stepped * 100 / sums.instructions, sums.instructions, sums.functions);
}
