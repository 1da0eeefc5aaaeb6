/* What a fingerprint finds in files that no machine made. */
#include "bench/sweep/fingerprint.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/sweep/grade.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A limit on CPU time is found wherever above the process it stands, in both versions. */
static void limits_of_control_groups_are_found(NO_STATE)
{
	static const struct {
		const char *files, *groups, *limit;
	} cases[] = {
		{"echo 50000 100000 >cpu.max", "0::/\n", "cpu.max 50000 100000"},
		{"mkdir -p a/b; echo max 100000 >a/b/cpu.max; echo 7 9 >a/cpu.max", "0::/a/b\n",
			"cpu.max 7 9"},
		{"mkdir -p a; echo max 100000 >a/cpu.max", "0::/a\n", NULL},
		{"mkdir -p 'cpu,cpuacct'/x; echo 20000 >'cpu,cpuacct'/x/cpu.cfs_quota_us; echo "
		 "100000 "
		 ">'cpu,cpuacct'/x/cpu.cfs_period_us",
			"5:memory:/y\n4:cpu,cpuacct:/x\n0::/\n",
			"cpu.cfs_quota_us 20000 of 100000"},
		/* In a container the path is the host's, and the top is the container's own. */
		{"mkdir cpu; echo 5000 >cpu/cpu.cfs_quota_us; echo 10000 >cpu/cpu.cfs_period_us",
			"3:cpu:/docker/0123/deeper\n", "cpu.cfs_quota_us 5000 of 10000"},
		{"mkdir cpu; echo -1 >cpu/cpu.cfs_quota_us", "3:cpu:/\n2:cpuset:/\n", NULL},
		{"mkdir cpuset; echo 5 >cpuset/cpu.cfs_quota_us", "2:cpuset:/\n", NULL},
		{"true", "", NULL},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		char mount[] = "/tmp/nblbench-cgroup-XXXXXX", command[PATH_MAX];
		char limit[FINGERPRINT_LIMIT_BYTES] = "";

		assert_non_null(mkdtemp(mount));
		snprintf(command, sizeof(command), "cd %s && { %s; }", mount, cases[i].files);
		assert_int_equal(system(command), 0);
		const bool found = fingerprint_cpu_limit(cases[i].groups, mount, limit);
		snprintf(command, sizeof(command), "rm -r %s", mount);
		assert_int_equal(system(command), 0);
		if (found != (cases[i].limit != NULL) ||
			(found && strcmp(limit, cases[i].limit) != 0))
			fail_msg("%s: found '%s'", cases[i].files, limit);
	}
}

/* Each finding has its letter and says what would help; a setting that is right has none. */
static void a_grade_has_its_reasons(NO_STATE)
{
	static const struct {
		struct grade_findings found;
		const char *reasons;
	} cases[] = {
		{{.governor = "performance",
			 .no_turbo = "1",
			 .boost = "0",
			 .smt = "off",
			 .huge_pages = "always [madvise] never",
			 .randomisation = "2",
			 .load = 0.5,
			 .cpus = 2,
			 .pressure = 1,
			 .lost = 0.5},
			"A: nothing disturbs."},
		{{.guest = true}, "B: this is a virtual machine"},
		{{.governor = "powersave"}, "B: the frequency governor is 'powersave'; 'cpupower "},
		{{.no_turbo = "0"}, "B: turbo is on, "},
		{{.boost = "1"}, "B: the clock is boosted, "},
		{{.smt = "on"}, "B: CPUs share cores (SMT), "},
		{{.huge_pages = "[always] madvise never"}, "B: the kernel gives huge pages "},
		{{.randomisation = "0"}, "B: address randomisation is off, "},
		{{.limit = "cpu.max 7 9"}, "C: a control group limits the CPU time (cpu.max 7 9) "},
		{{.ready = 1, .cpus = 2, .load = 9}, "C: 1 other task is ready "},
		{{.ready = 2, .cpus = 2}, "D: 2 other tasks are ready "},
		{{.load = 0.6}, "B: the load of the last minute was 0.6; wait "},
		{{.pressure = 3}, "B: for 3 % of the last ten seconds "},
		{{.pressure = 6}, "C: for 6 % of "},
		{{.pressure = 21}, "D: for 21 % of "},
		{{.lost = 1, .lost_us = 40},
			"B: a spinning thread lost 1.0 % of its time, 40 us at once; something "},
		{{.lost = 3}, "C: a spinning thread "},
		{{.lost = 6}, "D: a spinning thread "},
		{{.stolen = 1}, "C: the hypervisor gave 1 % of the time "},
		{{.stolen = 6}, "D: the hypervisor gave 6 % of the time "},
		{{.guest = true, .stolen = 6, .load = 1},
			"B: this is a virtual machine, whose neighbours can't be seen; bare metal "
			"would be quieter. B: the load of the last minute was 1.0; wait until it "
			"is below 0.5. D: the hypervisor gave 6 % of the time "},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		const char *const wanted = cases[i].reasons;
		struct grade grade;
		char worst = 'A';

		grade_judge(&cases[i].found, &grade);
		for (const char *at = wanted; *at != '\0'; at++)
			worst = at[1] == ':' && *at > worst ? *at : worst;
		if (strncmp(grade.reasons, wanted, strlen(wanted)) != 0 || grade.letter != worst)
			fail_msg("case %zu: %c, %s", i, grade.letter, grade.reasons);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_of_control_groups_are_found),
		cmocka_unit_test(a_grade_has_its_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
