/* The counts of count.h. Compiled into builds that choose that backend, and only there. */
#include "alloc/atomic/count.h"

_Thread_local struct atom_tally atom_tally_own;
static _Thread_local bool again; /* the section before was aborted */

uintptr_t atom_count_section(uintptr_t result, bool aborted)
{
	atom_tally_own.sections++;
	atom_tally_own.aborted += aborted;
	atom_tally_own.retried += again;
	again = aborted;
	return result;
}
