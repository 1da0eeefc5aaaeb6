/* See coverage.h. */
#include "stress/progress/coverage.h"

#include "stress/stress.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The linker's: where the program lies, and where its instructions end. */
extern const char __executable_start[], etext[];

static unsigned char *noted; /* a byte an address */

static uintptr_t size(void)
{
	return (uintptr_t)(etext - __executable_start);
}

void coverage_prepare(void)
{
	noted = mmap(NULL, size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (noted == MAP_FAILED)
		stress_fail("mmap: %s", strerror(errno));
}

uintptr_t coverage_offset(uintptr_t address)
{
	const uintptr_t offset = address - (uintptr_t)__executable_start;

	return offset < size() ? offset : 0;
}

void coverage_note(uintptr_t address)
{
	const uintptr_t offset = coverage_offset(address);

	if (offset != 0)
		noted[offset] = 1;
}
