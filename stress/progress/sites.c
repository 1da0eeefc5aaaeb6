/* See sites.h. */
#include "stress/progress/sites.h"

#include "stress/base/locations.h"
#include "stress/progress/breakpoint.h"
#include "stress/stress.h"

#include <string.h>

/* A byte an instruction of this program. */
static unsigned char *known, *met, *closed;
static uintptr_t sites[BREAKPOINTS_MAX];
static uint32_t count;
static uint32_t times;

void sites_prepare(void)
{
	known = stress_array(locations_end(), 1);
	met = stress_array(locations_end(), 1);
	closed = stress_array(locations_end(), 1);
}

bool sites_is_locked(uintptr_t address)
{
	static const unsigned char prefixes[] = {
		0x66, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
	enum { LOCK = 0xf0, XCHG8 = 0x86, XCHG = 0x87, REX = 0x40, REX_MASK = 0xf0, REGISTERS = 3 };
	const unsigned char *at = (const unsigned char *)address;

	while (memchr(prefixes, *at, sizeof(prefixes)) != NULL || (*at & REX_MASK) == REX)
		at++;
	return *at == LOCK || ((*at == XCHG || *at == XCHG8) && at[1] >> 6 != REGISTERS);
}

void sites_know(uintptr_t address)
{
	const uintptr_t offset = locations_offset(address);

	if (offset == 0 || known[offset] != 0)
		return;
	known[offset] = 1;
	if (count < BREAKPOINTS_MAX && sites_is_locked(address))
		sites[count++] = address;
}

void sites_begin(uint32_t of_each)
{
	times = of_each;
	memset(met, 0, locations_end());
	memset(closed, 0, locations_end());
}

static bool is_open(uintptr_t offset)
{
	return met[offset] < times && closed[offset] == 0;
}

uint32_t sites_open(uintptr_t *site)
{
	uint32_t open = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (is_open(locations_offset(sites[i])))
			site[open++] = sites[i];
	}
	return open;
}

bool sites_meet(uintptr_t address)
{
	const uintptr_t offset = locations_offset(address);

	if (offset == 0 || (known[offset] != 0 && !(sites_is_locked(address) && is_open(offset))))
		return false;
	sites_know(address);
	met[offset]++;
	return true;
}

void sites_close(uintptr_t address)
{
	closed[locations_offset(address)] = 1;
}
