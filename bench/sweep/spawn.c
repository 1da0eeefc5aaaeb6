/*
 * Starting a worker: a new process of this program or of another build, with an environment in which nothing replaces
 * or tunes the malloc but what its strategy asks for. See controller_spawn in controller.h.
 */
#include "alloc/machine/compiler.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/trouble.h"
#include "bench/sweep/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

enum {
	ENVIRONMENT_MAX = 4096,
	ENVIRONMENT_OWN = 3, /* preload, padding and the end */
	PRELOAD_BYTES = PATH_MAX + 16,
	TUNABLES_BYTES = 4096,
};

/*
 * Variables that replace or tune a malloc; a name that ends in _ is a prefix. A worker that
 * inherited them would measure what the user has set for other programs, and not what its row
 * says.
 */
static const char *const malloc_variables[] = {"LD_PRELOAD", "LD_AUDIT", "MALLOC_", "_RJEM_MALLOC_",
	"TCMALLOC_", "MIMALLOC_", "TBB_MALLOC_"};

static bool is_about_malloc(const char *variable)
{
	const size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < array_count(malloc_variables); i++) {
		const size_t known = strlen(malloc_variables[i]);
		const bool prefix = malloc_variables[i][known - 1] == '_';

		if ((prefix ? length > known : length == known) &&
			strncmp(variable, malloc_variables[i], known) == 0)
			return true;
	}
	return false;
}

/* GLIBC_TUNABLES without those of malloc: the others decide what can run here, rseq for one. */
static void strip_tunables(const char *variable, char *out, size_t bytes)
{
	const char *item = strchr(variable, '=') + 1;
	size_t used = (size_t)snprintf(out, bytes, "GLIBC_TUNABLES=");

	while (*item != '\0' && used < bytes) {
		const size_t length = strcspn(item, ":");

		if (strncmp(item, "glibc.malloc.", strlen("glibc.malloc.")) != 0)
			used += (size_t)snprintf(out + used, bytes - used, "%s%.*s",
				out[used - 1] == '=' ? "" : ":", (int)length, item);
		item += length + (item[length] == ':');
	}
}

/*
 * Makes a worker's environment: this process's without what is about malloc; what a peer wants
 * preloaded, unless preload is empty; and a variable whose length alone means something.
 * tunables: TUNABLES_BYTES.
 */
static void make_environment(
	char **environment, char *tunables, char *preload, char *padding, uint32_t bytes)
{
	static const char name[] = "NBLBENCH_PADDING=";
	size_t count = 0;

	for (size_t i = 0; environ[i] != NULL && count < ENVIRONMENT_MAX - ENVIRONMENT_OWN; i++) {
		if (is_about_malloc(environ[i]))
			continue;
		environment[count++] = environ[i];
		if (strncmp(environ[i], "GLIBC_TUNABLES=", strlen("GLIBC_TUNABLES=")) == 0) {
			strip_tunables(environ[i], tunables, TUNABLES_BYTES);
			environment[count - 1] = tunables;
		}
	}
	if (preload[0] != '\0')
		environment[count++] = preload;
	memcpy(padding, name, sizeof(name) - 1);
	memset(padding + sizeof(name) - 1, 'x', bytes);
	padding[sizeof(name) - 1 + bytes] = '\0';
	environment[count++] = padding;
	environment[count] = NULL;
}

static int spawn(struct controller_worker *worker, int socket)
{
	const struct controller_start *start = &worker->start;
	char *const argv[] = {
		"nblbench", "worker", (char *)start->pool, (char *)start->dispatch, NULL};
	const char *program = start->build != NULL ? start->build->program : "/proc/self/exe";
	char **environment = malloc(ENVIRONMENT_MAX * sizeof(*environment));
	char *variable = malloc(start->padding + 64);
	const struct pool_ops *ops = pool_find(start->pool);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char preload[PRELOAD_BYTES] = "", tunables[TUNABLES_BYTES];
	sigset_t none;
	int rc = ENOMEM;

	if (environment == NULL || variable == NULL)
		goto done;
	if (start->library != NULL)
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", start->library->path);
	else if (start->beneath != NULL)
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", start->beneath->preload);
	else if (ops != NULL && ops->preload != NULL)
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", ops->preload);
	make_environment(environment, tunables, preload, variable, start->padding);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	/* The socket last: its descriptor may be one that is replaced before. */
	posix_spawn_file_actions_adddup2(&actions, worker->output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, worker->output, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, socket, WORKER_FD);
	rc = posix_spawn(&worker->pid, program, &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
done:
	free(variable);
	free(environment);
	return -rc;
}

void controller_spawn(struct controller_worker *worker, const struct controller_start *start)
{
	int pair[2] = {-1, -1};
	int rc = 0;

	worker->start = *start;
	worker->pid = 0;
	worker->process = worker->socket = -1;
	worker->state = NULL;
	worker->detail[0] = '\0';
	worker->dismissed = false;
	worker->output = memfd_create("nblbench-worker", MFD_CLOEXEC);
	if (worker->output < 0 || fcntl(worker->output, F_SETFL, O_APPEND) != 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		trouble_error(worker, "start", errno);
		return;
	}
	worker->socket = pair[0];
	rc = spawn(worker, pair[1]);
	close(pair[1]);
	if (rc == 0) {
		worker->process = pidfd_open(worker->pid, 0);
		if (worker->process < 0)
			rc = -errno;
	} else {
		worker->pid = 0;
	}
	if (rc != 0)
		trouble_error(worker, "start", -rc);
}
