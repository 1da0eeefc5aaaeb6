/* What a build that counts counts, in a program that has that backend whatever the others have. */
#undef ATOMIC_BACKEND
#define ATOMIC_BACKEND "alloc/atomic/count.h"
#include "alloc/atomic.h"

#include "alloc/machine/cmocka.h"
#include "alloc/mechanism/rseq_array.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static struct atom_tally tally(void)
{
	struct atom_tally now;

	atom_tally_read(&now);
	return now;
}

static void a_compare_and_swap_is_won_or_lost(NO_STATE)
{
	const struct atom_tally before = tally();
	uint64_t expected = 6;
	atom_u64 word;

	atom_init(&word, 7);
	assert_false(atom_cas_weak_acq_rel(&word, &expected, 8));
	/* The processor may fail for no reason, which is lost as well. */
	uint64_t tries = 1;
	while (!atom_cas_weak_relaxed(&word, &expected, 8))
		tries++;
	assert_int_equal(tally().cas - before.cas, tries + 1);
	assert_int_equal(tally().lost - before.lost, tries);
	assert_int_equal(atom_load_relaxed(&word), 8);
	assert_int_equal(tally().cas - before.cas, tries + 1); /* loads are none */
}

static void a_pair_is_counted_too(NO_STATE)
{
	const struct atom_tally before = tally();
	struct pair expected = {NULL, 6};
	atom_pair word;

	if (!ATOM_PAIR)
		return;
	atom_init(&word.pointer, NULL);
	atom_init(&word.generation, 7);
	assert_false(atom_pair_cas(&word, &expected, (struct pair){NULL, 8}));
	assert_true(atom_pair_cas(&word, &expected, (struct pair){NULL, 8}));
	assert_int_equal(tally().cas - before.cas, 2);
	assert_int_equal(tally().lost - before.lost, 1);
}

/* Two aborts in a row, and a third section that gets through. */
static void aborts_and_retries_are_told_apart(NO_STATE)
{
	const struct atom_tally before = tally();

	assert_int_equal(ATOMIC_SECTION(5, false), 5);
	assert_int_equal(ATOMIC_SECTION(1, true), 1);
	assert_int_equal(ATOMIC_SECTION(1, true), 1);
	assert_int_equal(ATOMIC_SECTION(0, false), 0);
	assert_int_equal(ATOMIC_SECTION(0, false), 0);
	assert_int_equal(tally().sections - before.sections, 5);
	assert_int_equal(tally().aborted - before.aborted, 2);
	assert_int_equal(tally().retried - before.retried, 2);
}

static void be_interrupted(int number)
{
	(void)number;
}

/* A signal that meets a thread in a section aborts it. */
static void a_real_section_is_aborted(NO_STATE)
{
	const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
	const struct sigaction action = {.sa_handler = be_interrupted};
	const struct atom_tally before = tally();
	uint64_t aborted = 0, begun = 0;
	void *object = &begun;

	if (rseq_missing() != NULL) {
		print_message("SKIP: %s\n", rseq_missing());
		return;
	}
	/* An array for each CPU that the kernel may name. */
	struct rseq_array *arrays = aligned_alloc(4096, 1024 * sizeof(*arrays));
	assert_non_null(arrays);
	for (int cpu = 0; cpu < 1024; cpu++) {
		rseq_array_init(&arrays[cpu], RSEQ_ARRAY_SLOTS);
		atom_init(&arrays[cpu].stop, 0);
	}
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (aborted == 0) {
		uintptr_t result = rseq_array_push(rseq_area(), RSEQ_BY_CPU, arrays, object);

		begun++;
		aborted += result == RSEQ_ABORT;
		result = rseq_array_pop(rseq_area(), RSEQ_BY_CPU, arrays);
		begun++;
		aborted += result == RSEQ_ABORT;
	}
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(tally().sections - before.sections, begun);
	assert_int_equal(tally().aborted - before.aborted, aborted);
	free(arrays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_compare_and_swap_is_won_or_lost),
		cmocka_unit_test(a_pair_is_counted_too),
		cmocka_unit_test(aborts_and_retries_are_told_apart),
		cmocka_unit_test(a_real_section_is_aborted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
