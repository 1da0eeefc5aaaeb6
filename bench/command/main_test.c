/*
 * The program as a shell meets it: exit statuses, and the sentence for what stands in its way. Run
 * as `main_test PROGRAM`; sweep_test.c has what is about sweeps.
 */
#include "alloc/atomic.h"
#include "alloc/machine/cmocka.h"
#include "bench/command/command.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 16384 };

/* Has sh run a line, in which $N is the program, in a new folder; both streams are in said. */
static int run(const char *line, char said[OUTPUT_BYTES])
{
	char command[2 * PATH_MAX];
	size_t got;

	snprintf(command, sizeof(command),
		"d=$(mktemp -d) && cd \"$d\" && (%s) 2>&1; status=$?; rm -rf \"$d\"; exit $status",
		line);
	FILE *shell = popen(command, "re");
	assert_non_null(shell);
	got = fread(said, 1, OUTPUT_BYTES - 1, shell);
	said[got] = '\0';
	return pclose(shell);
}

static void expect(const char *line, int status, const char *piece)
{
	char said[OUTPUT_BYTES];
	const int ended = run(line, said);

	if (!WIFEXITED(ended) || WEXITSTATUS(ended) != status || strstr(said, piece) == NULL)
		fail_msg("%s: wait status %#x where exit status %d and '%s' were due; it said: %s",
			line, ended, status, piece, said);
}

static void version_is_told(NO_STATE)
{
	expect("\"$N\" --version", COMMAND_OK, "nblbench ");
	expect("\"$N\" --version", COMMAND_OK, ", build ");
}

/* Whoever prints notices that it has not arrived. */
static void lost_output_is_a_failure(NO_STATE)
{
	static const char *const commands[] = {"--help", "--version", "list", "info",
		"run --slice-ms 1", "sweep --help", "sweep -n"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char line[128];

		snprintf(line, sizeof(line), "\"$N\" %s >/dev/full", commands[i]);
		expect(line, COMMAND_FAILED, "the output can't be written: No space left");
	}
}

#define SMALL "--pool mutex,null --workload pair --threads 1 --forks 1 --slice-ms 0.1 "

/* What is merged says what it is, and what can't be is named. */
static void stores_are_merged(NO_STATE)
{
	static const char made[] = "\"$N\" sweep --out x " SMALL "--blocks 1 >said 2>&1; ";
	char line[512];

	expect("\"$N\" merge a.db", COMMAND_USAGE, "name the store to make with --out FILE");
	expect("\"$N\" merge --out b.db", COMMAND_USAGE, "STORE");
	expect("\"$N\" merge --out b.db a.db", COMMAND_FAILED, "'a.db' can't be opened");
	snprintf(line, sizeof(line),
		"%s \"$N\" merge --out b.db x/sweep.db x/sweep.db; test $? = 1 && test ! -e b.db "
		"&& \"$N\" merge --out b.db x/sweep.db && \"$N\" report b.db && "
		"\"$N\" report --machine nosuch b.db",
		made);
	expect(line, COMMAND_FAILED, "'b.db' has no machine 'nosuch'");
}

/*
 * The commands of a report, in the words of both: a cell of policies is asked for again without the
 * pools and policies that have no part in it.
 */
static void commands_of_a_report_are_taken(NO_STATE)
{
#define REPORTED                                                                                   \
	"\"$N\" sweep --out x --pool null,mutex --context sticky --workload pair_touch,ctx_stack " \
	"--depth 2 "                                                                               \
	"--threads 1 --size 512 --load 50 --arrivals paced --forks 1 --blocks 1 --slice-ms 0.1 "   \
	">said 2>&1 && cat x/report.html | sed -n "                                                \
	"'s/<pre class=\"command\">.\\/nblbench \\(.*\\)<\\/pre>/\\1/p' >commands; "
	expect(REPORTED "sed -n 1p commands", COMMAND_OK,
		"sweep --pool null,mutex --workload pair_touch --threads 1 --size 512 --load 50 "
		"--forks 1 "
		"--blocks 1 --arrivals paced --slice-ms 0.1 --seed 1\n");
	expect(REPORTED "\"$N\" $(sed -n 1p commands) --dry-run", COMMAND_OK,
		"1 cell x 3 subjects");
	expect(REPORTED "sed -n 3p commands", COMMAND_OK,
		"sweep --pool mag_tls --context sticky --workload ctx_stack --threads 1 --burst 8 "
		"--depth 2 --size 256 ");
	/* A busy machine may not keep the load. */
	expect(REPORTED
		"\"$N\" $(sed -n 2p commands) >row 2>&1 || grep 'was not kept' row; cat row",
		COMMAND_OK, "pair_touch on ");
}

/* Limits end in a sentence, not in a signal. */
static void limits_are_named(NO_STATE)
{
	expect("ulimit -f 1; \"$N\" sweep --out x --blocks 1 " SMALL, COMMAND_FAILED, "ulimit -f");
	expect("ulimit -f 200; \"$N\" sweep --out x --blocks 4000 " SMALL, COMMAND_FAILED,
		"ulimit -f");
	/* A soft limit is raised as far as is needed. */
	expect("ulimit -S -s 200; \"$N\" sweep --out x --blocks 1 " SMALL, COMMAND_OK, "sweep.db");
	expect("ulimit -s 200; \"$N\" sweep --out x --blocks 1 " SMALL, COMMAND_FAILED,
		"ulimit -s");
}

/* In a directory in which nothing can be written, under a name that a URI would misread. */
#define READ_ONLY(prepare)                                                                         \
	"\"$N\" sweep --out 'a?b' --blocks 3 " SMALL " >said 2>&1 || cat said; cd 'a?b'; " prepare \
	"; mkdir out; export d; unshare --map-root-user --mount sh -c 'mount --bind . . && mount " \
	"-o remount,ro,bind . . && cd . && mount -t tmpfs none out && \"$N\" report "              \
	"\"$PWD\"/sweep.db "                                                                       \
	"--format csv --out \"$PWD\"/out'"

static void store_is_read_where_nothing_can_be_written(NO_STATE)
{
	if (system("unshare --map-root-user --mount true 2>/dev/null") != 0) {
		print_message("nothing can be mounted here: no user namespaces\n");
		skip();
	}
	expect(READ_ONLY(":"), COMMAND_OK, ".csv");
	/* As the stores of earlier sweeps are. */
	expect(READ_ONLY("printf '\\2\\2' | dd of=sweep.db bs=1 seek=18 conv=notrunc 2>dd"),
		COMMAND_OK, ".csv");
	expect(READ_ONLY("printf '\\2\\2' | dd of=sweep.db bs=1 seek=18 conv=notrunc 2>dd; echo x "
			 ">sweep.db-wal"),
		COMMAND_FAILED, "copy both");
}

/* The report comes without figures, and not never. */
static void hanging_gnuplot_is_ended(NO_STATE)
{
	expect("printf '#!/bin/sh\\nexec sleep 1000\\n' >gnuplot; chmod +x gnuplot; "
	       "PATH=$PWD:$PATH \"$N\" sweep --out x --blocks 1 " SMALL,
		COMMAND_OK, "report.html");
}

static void list_says_what_runs(NO_STATE)
{
	expect("\"$N\" list", COMMAND_OK, "Context policies (--context), over ");
	expect("\"$N\" list", COMMAND_OK, "  sticky ");
	expect("\"$N\" list | grep '^  standard '", COMMAND_OK, "a quarter of an hour");
	expect("\"$N\" list | grep '^  pair '", COMMAND_OK, " any ");
	expect("\"$N\" list | grep '^  remote_free '", COMMAND_OK, " 2, 4 ... ");
}

/* A store beside the reports' directory: what stands in the way is said as the system says it. */
static void unwritable_store_is_named(NO_STATE)
{
	if (system("unshare --map-root-user --mount true 2>/dev/null") != 0) {
		print_message("nothing can be mounted here: no user namespaces\n");
		skip();
	}
	expect("mkdir ro out; unshare --map-root-user --mount sh -c 'mount --bind ro ro && mount "
	       "-o remount,ro,bind ro && \"$N\" sweep --out out --store ro/s.db --blocks 1 " SMALL
	       "'",
		COMMAND_FAILED, "'ro/s.db' can't be made: Read-only file system");
}

/* What `run` measures as malloc is what the environment preloads, and is named. */
static void preloaded_malloc_is_named(NO_STATE)
{
	char said[OUTPUT_BYTES];

	expect("unset LD_PRELOAD; \"$N\" run --pool malloc --slice-ms 1", COMMAND_OK,
		"malloc is that of glibc");
	run("\"$N\" list | grep -A 2 '^  jemalloc '", said);
	if (strstr(said, "can't run here") != NULL)
		skip();
	expect("LD_PRELOAD=libjemalloc.so.2 \"$N\" run --pool malloc --slice-ms 1", COMMAND_OK,
		"malloc is that of jemalloc");
}

/* It measures a machine, and is run by hand; what it is asked is looked at here. */
static void counting_takes_a_build_of_its_own(NO_STATE)
{
	expect("\"$N\" count --help", COMMAND_OK, "lost");
	expect("\"$N\" count --threads 0", COMMAND_USAGE, "--threads");
	expect("\"$N\" count --pool nobody", COMMAND_USAGE, "nobody");
	if (atom_counts)
		expect("\"$N\" count -p treiber_tag,rseq_arr,null -w burst_touch --slice-ms 1",
			COMMAND_OK, "retried");
	else
		expect("\"$N\" count", COMMAND_FAILED, "this build does not count");
}

static void selftest_refuses_what_it_does_not_know(NO_STATE)
{
	expect("\"$N\" selftest --help", COMMAND_OK, "1 it can't; 2 usage");
	expect("\"$N\" selftest --seed x", COMMAND_USAGE, "--seed");
	expect("\"$N\" selftest --seed -1", COMMAND_USAGE, "'-1'");
	expect("\"$N\" selftest --quick", COMMAND_USAGE, "no option '--quick'");
	expect("\"$N\" selftest now", COMMAND_USAGE, "'now' is not an option");
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];

	if (argc != 2 || realpath(argv[1], path) == NULL) {
		fprintf(stderr, "usage: main_test PROGRAM\n");
		return EXIT_FAILURE;
	}
	setenv("N", path, 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_told),
		cmocka_unit_test(lost_output_is_a_failure),
		cmocka_unit_test(commands_of_a_report_are_taken),
		cmocka_unit_test(counting_takes_a_build_of_its_own),
		cmocka_unit_test(selftest_refuses_what_it_does_not_know),
		cmocka_unit_test(stores_are_merged),
		cmocka_unit_test(limits_are_named),
		cmocka_unit_test(list_says_what_runs),
		cmocka_unit_test(hanging_gnuplot_is_ended),
		cmocka_unit_test(preloaded_malloc_is_named),
		cmocka_unit_test(unwritable_store_is_named),
		cmocka_unit_test(store_is_read_where_nothing_can_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
