/* See breakpoint.h. */
#include "stress/progress/breakpoint.h"

#include "alloc/machine/step.h"

#ifdef RSEQ_ARCH_SUPPORTED

#include <sys/mman.h>
#include <unistd.h>

enum { INT3 = 0xcc };

static struct point {
	unsigned char *at; /* code, which nobody runs meanwhile */
	unsigned char there;
} points[BREAKPOINTS_MAX];
static uint32_t count;
static bool shown;

/* Lets itself write to the page: our own copy, other processes have theirs. */
static bool open_page(uintptr_t address)
{
	static uintptr_t opened[BREAKPOINTS_MAX];
	static uint32_t next;
	const uintptr_t bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t page = address & ~(bytes - 1);

	for (uint32_t i = 0; i < BREAKPOINTS_MAX; i++) {
		if (opened[i] == page)
			return true;
	}
	if (mprotect((void *)page, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		return false;
	opened[next++ % BREAKPOINTS_MAX] = page;
	return true;
}

bool breakpoint_add(uintptr_t address)
{
	struct point *point = &points[count];

	for (uint32_t i = 0; i < count; i++) {
		if ((uintptr_t)points[i].at == address)
			return true;
	}
	if (count == BREAKPOINTS_MAX || !open_page(address))
		return false;
	point->at = (unsigned char *)address;
	point->there = *point->at;
	count++;
	return true;
}

void breakpoints_hide(void)
{
	for (uint32_t i = 0; shown && i < count; i++)
		*points[i].at = points[i].there;
	shown = false;
}

void breakpoints_show(void)
{
	for (uint32_t i = 0; i < count; i++)
		*points[i].at = INT3;
	shown = true;
}

void breakpoints_clear(void)
{
	breakpoints_hide();
	count = 0;
}

uintptr_t breakpoint_reached(void *context)
{
	const uintptr_t before = step_address(context) - 1;

	for (uint32_t i = 0; shown && i < count; i++) {
		if ((uintptr_t)points[i].at == before) {
			step_registers(context)[REG_RIP] = (greg_t)before;
			return before;
		}
	}
	return 0;
}

#endif
