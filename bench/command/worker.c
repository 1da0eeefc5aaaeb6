/* `nblbench worker`: one strategy in one process, started by a sweep. */
#include "bench/sweep/worker.h"
#include "bench/command/command.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * The kernel kills this process when its parent dies. The parent may have died before that was
 * arranged: then the parent is another one by now.
 */
static int worker_run(int argc, char **argv)
{
	pid_t parent = getppid();

	if (argc != 3) {
		fprintf(stderr,
			"usage: nblbench worker POOL DISPATCH, with a socket as descriptor %d. "
			"`nblbench sweep` starts it; `nblbench run` is the command for people.\n",
			WORKER_FD);
		return COMMAND_USAGE;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		return COMMAND_FAILED;
	return worker_serve(WORKER_FD, argv[1], argv[2]);
}

const struct command command_worker = {
	.name = "worker",
	.run = worker_run,
};
