/* What a check of the selftest found. */
#ifndef BENCH_COMMAND_SELFTEST_CHECKS_H
#define BENCH_COMMAND_SELFTEST_CHECKS_H

enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_SKIP };

enum { FINDING_BYTES = 512 };

struct finding {
	enum outcome outcome;
	char figure[FINDING_BYTES]; /* with its unit; of a check that is left out, why */
	char wanted[FINDING_BYTES];
	char detail[FINDING_BYTES]; /* what else there is to know; "" for nothing */
};

/* The checks of the machine: selftest_machine.c. */
void selftest_clock(struct finding *out);
void selftest_hand_over(struct finding *out);
void selftest_offsets(struct finding *out);
void selftest_change(struct finding *out);

#endif
