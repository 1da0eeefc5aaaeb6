#include "alloc/peer/rcu_guard.h"

#include "alloc/machine/compiler.h"
#include "alloc/peer/urcu.h"

static bool waits = true;

void rcu_guard_stop_waiting(void)
{
	waits = false;
}

#if NBLBENCH_URCU

int rcu_guard_arrange_fork(void)
{
	return urcu_arrange_fork();
}

void rcu_guard_register(void)
{
	urcu_bp_read_lock();
	urcu_bp_read_unlock();
}

void rcu_guard_enter(void)
{
	urcu_bp_read_lock();
}

void rcu_guard_leave(void)
{
	urcu_bp_read_unlock();
}

bool rcu_guard_inside(void)
{
	return urcu_bp_read_ongoing() != 0;
}

void rcu_guard_wait(void)
{
	ASSERT(!rcu_guard_inside());
	if (waits)
		urcu_bp_synchronize_rcu();
}

#else

int rcu_guard_arrange_fork(void)
{
	return 0;
}

void rcu_guard_register(void)
{
}

void rcu_guard_enter(void)
{
}

void rcu_guard_leave(void)
{
}

bool rcu_guard_inside(void)
{
	return false;
}

void rcu_guard_wait(void)
{
	(void)waits;
}

#endif
