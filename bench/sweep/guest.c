/* See guest.h. */
#include "bench/sweep/guest.h"

#include "alloc/pool.h"
#include "bench/base/hash.h"
#include "bench/engine/arrivals.h"
#include "bench/engine/instances.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/revision.h"
#include "bench/sweep/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { TRIAL_OBJECT_BYTES = 64, TRIAL_SLICE_NS = 1000000 };

/* What a name of ours may be made of. */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, GUEST_WHY_BYTES, format, args);
	va_end(args);
	return -1;
}

/* A worker of a guest, which says what it is. */
struct trial {
	struct controller controller;
	struct controller_worker worker;
	json_t *hello; /* NULL: it said nothing, and worker.detail says why */
	struct store_memory memory;
	struct store_slice slice;
	struct store_times times;
	struct store_balance balance;
	struct store_load load;
};

static void trial_end(struct trial *self)
{
	controller_stop(&self->worker);
	controller_end(&self->controller);
	json_decref(self->hello);
	free(self);
}

/* NULL: there is no memory for it. */
static struct trial *trial_begin(const struct controller_start *start)
{
	struct trial *self = calloc(1, sizeof(*self));

	if (self == NULL || controller_begin(&self->controller) != 0) {
		free(self);
		return NULL;
	}
	controller_spawn(&self->worker, start);
	self->hello = controller_hello(&self->controller, &self->worker);
	return self;
}

/* The first line of what is wrong with its worker. */
static const char *trial_detail(struct trial *self)
{
	self->worker.detail[strcspn(self->worker.detail, "\n")] = '\0';
	return self->worker.detail;
}

/*
 * Has a worker of the null pool do once all that a sweep asks for. That its protocol has the same
 * number does not say that it has the same members. True if it can, or says that it has no such
 * workload.
 */
static bool trial_cell(struct trial *self)
{
	const struct plan_cell cell = {
		.workload = workload_find("pair"),
		.threads = 1,
		.burst = 1,
		.depth = 1,
		.object_bytes = TRIAL_OBJECT_BYTES,
		.slice_ns = TRIAL_SLICE_NS,
		.lead_in_ns = TRIAL_SLICE_NS,
	};
	struct controller *controller = &self->controller;
	struct controller_worker *worker = &self->worker;
	char lost[CONTROLLER_DETAIL_BYTES];
	bool flagged;

	controller_open(controller, worker, &cell, 1, &self->memory);
	if (worker->state != NULL)
		return strcmp(worker->state, "unsupported") == 0;
	return controller_slice(controller, worker, &cell, &self->slice) &&
	       controller_latency_slice(controller, worker, &cell, &self->times) &&
	       controller_balance_slice(controller, worker, &cell, &self->balance, &flagged) &&
	       controller_load_slice(controller, worker, &cell, ARRIVALS_DEFAULT, 0, &self->load) &&
	       controller_close(controller, worker, &self->memory, lost);
}

/*
 * The other build.
 */

static bool is_program(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

/* The launcher of a tree has the program's name, and is a script. */
static bool is_script(const char *path)
{
	char head[2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool script = fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) &&
			    memcmp(head, "#!", sizeof(head)) == 0;

	if (fd >= 0)
		close(fd);
	return script;
}

static int find_program(const char *place, char *program, char *why)
{
	char path[PATH_MAX + sizeof("/build/release/nblbench")];
	struct stat status;

	if (stat(place, &status) != 0)
		return refuse(why, "--against: '%s': %s", place, strerror(errno));
	snprintf(path, sizeof(path), "%.*s", PATH_MAX, place);
	if (S_ISDIR(status.st_mode)) {
		snprintf(path, sizeof(path), "%.*s/build/release/nblbench", PATH_MAX, place);
		if (!is_program(path))
			snprintf(path, sizeof(path), "%.*s/nblbench", PATH_MAX, place);
	}
	if (!is_program(path) || realpath(path, program) == NULL)
		return refuse(why,
			"--against: there is no program in '%s'; it takes a build directory, a "
			"tree that is built in build/release, or the program itself",
			place);
	if (is_script(program))
		return refuse(why,
			"--against: '%s' is not built; say `cmake --preset release && cmake "
			"--build build/release --target nblbench` there",
			place);
	return 0;
}

/* The first line that the program prints for --version. */
static bool read_version(const char *program, char *line, size_t bytes)
{
	char *const argv[] = {(char *)"nblbench", (char *)"--version", NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	const bool started = posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	FILE *out = fdopen(ends[0], "r");
	const bool read = started && out != NULL && fgets(line, (int)bytes, out) != NULL;
	if (out != NULL)
		fclose(out);
	while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return read && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* As print_version of main.c writes it. */
static bool parse_version(const char *line, struct guest_build *out)
{
	return sscanf(line, "nblbench %*[^,], revision %63[^,], build %64[^,], %511[^\n]",
		       out->revision, out->build_id, out->made) == 3;
}

/* Its revision, where that is known, fits and tells it from this one. */
static void name_build(struct guest_build *build)
{
	const bool tells = strcmp(build->revision, revision_text) != 0 &&
			   strcmp(build->revision, "unknown") != 0 &&
			   strlen(build->revision) < sizeof(build->name) &&
			   build->revision[strspn(build->revision, NAME_CHARACTERS "-.")] == '\0';

	snprintf(build->name, sizeof(build->name), "%.*s", (int)sizeof(build->name) - 1,
		tells ? build->revision : "other");
}

/* Whether its workers do what this program asks of them; its build id is that of its worker. */
static int check_protocol(struct guest_build *build, struct trial *trial, char *why)
{
	const char *id;
	json_int_t proto;

	if (trial->hello == NULL)
		return refuse(why, "--against: no worker of '%s' starts: %s", build->program,
			trial_detail(trial));
	if (json_unpack(trial->hello, "{s:I, s:s}", "proto", &proto, "build_id", &id) != 0 ||
		proto != WORKER_PROTO)
		return refuse(why,
			"--against: '%s' is revision %s, whose workers speak another version of "
			"the protocol than %d; `git log -S'WORKER_PROTO = %d,'` shows the first "
			"revision that works, and the last where it works no more",
			build->program, build->revision, WORKER_PROTO, WORKER_PROTO);
	snprintf(build->build_id, sizeof(build->build_id), "%s", id);
	if (!trial_cell(trial))
		return refuse(why,
			"--against: a worker of '%s', revision %s, does not do what this program "
			"asks for: %s; `git log -- bench/sweep/worker.h` shows since when it does",
			build->program, build->revision, trial_detail(trial));
	return 0;
}

int guest_find_build(const char *place, struct guest_build *out, char *why)
{
	const struct controller_start start = {.pool = "null", .dispatch = "folded", .build = out};
	char line[GUEST_MADE_BYTES + 256];

	*out = (struct guest_build){0};
	if (find_program(place, out->program, why) != 0)
		return -1;
	if (!read_version(out->program, line, sizeof(line)) || !parse_version(line, out))
		return refuse(why,
			"--against: '%s' is not this program: its --version does not say so",
			out->program);
	name_build(out);

	struct trial *trial = trial_begin(&start);

	if (trial == NULL)
		return refuse(why, "--against: there is no memory for a worker");

	const int rc = check_protocol(out, trial, why);

	trial_end(trial);
	return rc;
}

/*
 * Libraries.
 */

static bool is_taken(const char *name)
{
	return instance_pool(name) != NULL;
}

static int check_name(const char *text, const char **path, struct guest_library *out, char *why)
{
	const size_t length = strspn(text, NAME_CHARACTERS);

	if (length == 0 || text[length] != '=' || text[length + 1] == '\0')
		return refuse(why,
			"--peer takes NAME=PATH, with a name of letters, digits and _ for a "
			"library; '%s' is not that",
			text);
	if (length >= sizeof(out->name))
		return refuse(why, "--peer: the name in '%s' is longer than %zu characters", text,
			sizeof(out->name) - 1);
	memcpy(out->name, text, length);
	if (is_taken(out->name))
		return refuse(why,
			"--peer: there is a strategy '%s' already; call the library otherwise",
			out->name);
	*path = text + length + 1;
	return 0;
}

/* The digest of a file's bytes: a library that is built anew under its old path is another. */
static bool digest_file(const char *path, char *digest)
{
	FILE *file = fopen(path, "re");
	uint64_t hash = HASH_EMPTY;
	unsigned char bytes[4096];
	size_t got;

	if (file == NULL)
		return false;
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		hash = hash_bytes(hash, bytes, got);
	const bool whole = ferror(file) == 0;
	fclose(file);
	snprintf(digest, GUEST_DIGEST_BYTES, "%016" PRIx64, hash);
	return whole;
}

static int check_file(const char *path, struct guest_library *out, char *why)
{
	struct stat status;

	if (realpath(path, out->path) == NULL)
		return refuse(why, "--peer %s: '%s': %s", out->name, path, strerror(errno));
	if (stat(out->path, &status) != 0 || !S_ISREG(status.st_mode) ||
		!digest_file(out->path, out->digest))
		return refuse(
			why, "--peer %s: '%s' is no file that can be read", out->name, out->path);
	if (strpbrk(out->path, " :") != NULL)
		return refuse(why,
			"--peer %s: the loader preloads nothing from a path with a blank or a "
			"colon, as '%s' has; copy the library elsewhere",
			out->name, out->path);
	return 0;
}

int guest_find_library(const char *text, struct guest_library *out, char *why)
{
	const struct controller_start start = {
		.pool = "malloc", .dispatch = "folded", .library = out};
	const char *path = NULL;

	*out = (struct guest_library){0};
	if (check_name(text, &path, out, why) != 0 || check_file(path, out, why) != 0)
		return -1;

	struct trial *trial = trial_begin(&start);

	if (trial == NULL)
		return refuse(why, "--peer %s: there is no memory for a worker", out->name);

	const char *missing = controller_misses(trial->hello, out);
	int rc = 0;

	if (trial->hello == NULL)
		rc = refuse(why, "--peer %s: no worker starts with '%s' preloaded: %s", out->name,
			out->path, trial_detail(trial));
	else if (missing != NULL)
		rc = refuse(why,
			"--peer %s: '%s' does not take over %s where it is preloaded; it must be a "
			"shared object for this processor that defines all of " WORKER_MALLOC_NAMES,
			out->name, out->path, missing);
	trial_end(trial);
	return rc;
}
