/*
 * The three contests, which are never mixed: a row never stands in a column that measures something
 * else. Each workload says to which it belongs; what competes there follows from that (plan.c), and so
 * does whom a reader is told to choose (choice.h).
 */
#ifndef BENCH_WORKLOAD_CONTEST_H
#define BENCH_WORKLOAD_CONTEST_H

#include <string.h>

enum contest {
	CONTEST_POOLS, /* the pool works and nothing else does: rows are pools and mallocs */
	CONTEST_POLICIES, /* contexts are pushed and popped, the pool rests: rows are policies over one pool */
	CONTEST_WHOLE, /* an NBL's life: rows are a pool with a policy. A row without a policy has `malloc`. */
	CONTESTS,
};

/* "pools", "policies", "whole". */
static inline const char *contest_name(enum contest contest)
{
	static const char *const names[CONTESTS] = {"pools", "policies", "whole"};

	return names[contest];
}

/* By name; CONTESTS if there is none. */
static inline enum contest contest_find(const char *name)
{
	enum contest contest = CONTEST_POOLS;

	while (contest < CONTESTS && strcmp(name, contest_name(contest)) != 0)
		contest++;
	return contest;
}

#endif
