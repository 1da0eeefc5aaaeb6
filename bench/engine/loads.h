/* How `run` and `sweep` are asked for an open loop. */
#ifndef BENCH_ENGINE_LOADS_H
#define BENCH_ENGINE_LOADS_H

#include "bench/base/options.h"

/* Two entries of a command's options, for two members of its request; arrivals_choose reads the second. */
#define LOADS_OPTIONS(request, loads, arrivals)                                                   \
	OPTION(NUMBERS, request, loads, "load", 0, "LIST",                                        \
		"an open loop besides: response times where work arrives at so many per cent of " \
		"the capacity, which is measured first, as in 50,70,80,90,95 [none]",             \
		1, 100),                                                                          \
		OPTION(TEXT, request, arrivals, "arrivals", 0, "HOW",                             \
			"how work arrives there: paced, poisson, burst:N (N at once) or onoff "   \
			"[poisson]")

#endif
