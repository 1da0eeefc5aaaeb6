/* For tests of statistics: figures that are not known to the last digit. */
#ifndef BENCH_ANALYSIS_NEAR_H
#define BENCH_ANALYSIS_NEAR_H

#include "alloc/machine/cmocka.h"

#include <math.h>

/* The test fails, with both figures, unless they differ by at most the tolerance. A NAN is near nothing. */
static inline void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.9g, want %.9g within %.3g", got, want, tolerance);
}

#endif
