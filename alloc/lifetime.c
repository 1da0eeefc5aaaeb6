#include "alloc/lifetime.h"

#include "alloc/compiler.h"
#include "alloc/urcu.h"

static bool waits = true;

void lifetime_stop_waiting(void)
{
	waits = false;
}

#if NBLBENCH_URCU

void lifetime_register(void)
{
	urcu_bp_read_lock();
	urcu_bp_read_unlock();
}

void lifetime_enter(void)
{
	urcu_bp_read_lock();
}

void lifetime_leave(void)
{
	urcu_bp_read_unlock();
}

bool lifetime_inside(void)
{
	return urcu_bp_read_ongoing() != 0;
}

void lifetime_wait(void)
{
	ASSERT(!lifetime_inside());
	if (waits)
		urcu_bp_synchronize_rcu();
}

#else

void lifetime_register(void)
{
}

void lifetime_enter(void)
{
}

void lifetime_leave(void)
{
}

bool lifetime_inside(void)
{
	return false;
}

void lifetime_wait(void)
{
	(void)waits;
}

#endif
