/* What a fingerprint finds in files that no machine made. */
#include "bench/sweep/fingerprint.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(limits_of_control_groups_are_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
