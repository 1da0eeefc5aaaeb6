/*
 * How quiet a machine is: a grade from what a fingerprint found, with reasons. Each reason says what
 * disturbs and what would help. Pure: it looks at nothing itself.
 */
#ifndef BENCH_SWEEP_GRADE_H
#define BENCH_SWEEP_GRADE_H

#include <stdbool.h>

enum { GRADE_VALUE_BYTES = 512, GRADE_REASONS_BYTES = 2048 };

/* What was found. All zeros: nothing that disturbs. Texts are as the kernel has them, "" for none. */
struct grade_findings {
	bool guest; /* a virtual machine */
	char governor[GRADE_VALUE_BYTES];
	char no_turbo[GRADE_VALUE_BYTES]; /* intel_pstate's */
	char boost[GRADE_VALUE_BYTES];
	char smt[GRADE_VALUE_BYTES];
	char huge_pages[GRADE_VALUE_BYTES];    /* transparent ones */
	char randomisation[GRADE_VALUE_BYTES]; /* of addresses */
	char limit[GRADE_VALUE_BYTES];         /* on CPU time, of a control group */
	unsigned ready;                        /* other tasks that want a CPU now */
	unsigned cpus;
	double load;     /* of the last minute */
	double pressure; /* per cent of the last ten seconds in which some task waited */
	double lost;     /* per cent of a spinning thread's time */
	double lost_us;  /* at once, at most */
	double stolen;   /* per cent of the CPUs' time, by the hypervisor */
};

struct grade {
	char letter; /* 'A' to 'D': the worst finding decides */
	char reasons[GRADE_REASONS_BYTES];
};

void grade_judge(const struct grade_findings *findings, struct grade *out);

#endif
