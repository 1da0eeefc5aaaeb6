/*
 * Worker processes as the sweep sees them: see controller.h. Here is how they are asked; spawn.c
 * starts them, and trouble.c says what ended one.
 */
#include "bench/sweep/controller.h"

#include "bench/base/clock.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/channel.h"
#include "bench/sweep/trouble.h"
#include "bench/sweep/watch.h"
#include "bench/sweep/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HELLO_MS = 30000, /* a peer such as DPDK starts a whole environment */
	OPEN_MS = 30000,  /* 10 s and 1 s per GiB; no cell of a sweep has 20 */
	OTHER_MS = 10000,
	SLICE_EXTRA_MS = 2000, /* beside three times the slice, which may be repeated once */
	WATCH_MS = 100,        /* between two looks at a worker that is late; watch.h */
	/*
	 * A late worker hangs if the machine let it work for so long (watch.h, not on a clock) and it
	 * still doesn't answer. No work of a slice takes a thread so long.
	 */
	HUNG_MS = 3000,
	PATIENCE_MS = 600000, /* on a clock, for a worker that the machine does not let go on */
	QUIT_MS = 2000,
	/* What a worker may print before the file is emptied: a log is kept, a flood is not. */
	OUTPUT_CAP_BYTES = 1 << 20,
	/*
	 * A worker is flagged that used more than one part in so many of the time in which others
	 * worked. Taking a request and reading it, once a turn, costs less.
	 */
	IDLE_CPU_PARTS = 20,
};

int controller_begin(struct controller *self)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &self->saved_mask);
	self->interrupts = 0;
	self->hung_ms = HUNG_MS;
	self->patience_ms = PATIENCE_MS;
	self->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return self->signals < 0 ? -errno : 0;
}

void controller_end(struct controller *self)
{
	close(self->signals);
	sigprocmask(SIG_SETMASK, &self->saved_mask, NULL);
}

bool controller_interrupted(struct controller *self)
{
	struct signalfd_siginfo info;

	while (read(self->signals, &info, sizeof(info)) == sizeof(info))
		self->interrupts++;
	return self->interrupts > 0;
}

/*
 * Talking.
 */

/*
 * Looks at a worker that is late, WATCH_MS after the last look. False if it is not to be waited for
 * any longer: worker->state says why.
 */
static bool watch(const struct controller *self, struct controller_worker *worker,
	struct watch *watch, const char *during, uint64_t waited_ns)
{
	const uint64_t hung_ns = (uint64_t)self->hung_ms * 1000000;
	struct watch_reading now;

	watch_read(worker->pid, &now);
	watch_step(watch, &now, (uint64_t)WATCH_MS * 1000000);
	if (watch->given_ns >= hung_ns)
		trouble_hang(worker, during, waited_ns);
	else if (watch->stopped_ns >= hung_ns)
		trouble(worker, CONTROLLER_STARVED,
			"The worker was stopped by a signal during '%s'.", during);
	else if (watch->watched_ns >= (uint64_t)self->patience_ms * 1000000)
		trouble(worker, CONTROLLER_STARVED,
			"The worker gave no answer to '%s' within %.1f s, in which the machine let "
			"it work for %.1f s: something else keeps the CPUs or the disks busy, a "
			"limit on CPU time holds it back, or its threads wait in line for CPUs.",
			during, (double)waited_ns / CLOCK_NS_PER_S,
			(double)watch->given_ns / CLOCK_NS_PER_S);
	return worker->state == NULL;
}

/* Waits for a message, the end of the process, a hang, or a second interrupt. */
static json_t *await_reply(
	struct controller *self, struct controller_worker *worker, const char *during, int limit_ms)
{
	const uint64_t began = clock_now_ns();
	uint64_t deadline = began + (uint64_t)limit_ms * 1000000;
	struct watch late = {0};

	for (;;) {
		struct pollfd events[] = {
			{.fd = worker->socket, .events = POLLIN},
			{.fd = worker->process, .events = POLLIN},
			{.fd = self->signals, .events = POLLIN},
		};
		uint64_t now = clock_now_ns();
		int left_ms = now >= deadline ? 0 : (int)((deadline - now) / 1000000) + 1;
		int ready = poll(events, array_count(events), left_ms);

		if (ready == 0) {
			if (!watch(self, worker, &late, during, clock_now_ns() - began))
				return NULL;
			/* From now, not from the deadline: this process may lack a CPU as well. */
			deadline = clock_now_ns() + (uint64_t)WATCH_MS * 1000000;
			continue;
		}
		if (events[2].revents != 0 && controller_interrupted(self) &&
			self->interrupts > 1) {
			trouble(worker, "stopped", "The sweep was stopped.");
			return NULL;
		}
		/* The socket first: a worker may answer and end. */
		if (events[0].revents != 0) {
			json_t *reply = NULL;
			int rc = channel_receive(worker->socket, 0, &reply);

			if (rc == 1)
				return reply;
			if (rc == 0)
				trouble_crash(worker, during);
			else
				trouble_error(worker, during, -rc);
			return NULL;
		}
		if (events[1].revents != 0) {
			trouble_crash(worker, during);
			return NULL;
		}
	}
}

/* The reply if it is the one expected; the caller owns it. NULL: worker->state says why. */
static json_t *expect(struct controller *self, struct controller_worker *worker, const char *during,
	const char *expected, int limit_ms)
{
	json_t *reply = await_reply(self, worker, during, limit_ms);
	const char *kind = json_string_value(json_object_get(reply, "reply"));
	struct stat output;

	if (reply == NULL)
		return NULL;
	if (fstat(worker->output, &output) == 0 && output.st_size > OUTPUT_CAP_BYTES)
		(void)!ftruncate(worker->output, 0);
	if (kind != NULL && strcmp(kind, expected) == 0)
		return reply;
	const char *text = json_string_value(json_object_get(reply, "text"));
	const char *code = json_string_value(json_object_get(reply, "code"));
	/* What this build asks for, another need not have. */
	const bool lacks = worker->start.build != NULL && strcmp(during, "open") == 0 &&
			   code != NULL && strcmp(code, WORKER_CODE_USAGE) == 0;
	if (text != NULL && code != NULL && (lacks || strcmp(code, WORKER_CODE_ABSENT) == 0))
		trouble(worker, "unsupported", "%s", text);
	else if (text != NULL && code != NULL && strcmp(code, WORKER_CODE_EXHAUSTED) == 0)
		trouble(worker, CONTROLLER_DISTURBED, "'%s' failed: %s", during, text);
	else
		trouble(worker, "failed", "'%s' failed: %s", during,
			text != NULL ? text : "the answer is not one to this request");
	json_decref(reply);
	return NULL;
}

/* Sends request, whose "cmd" is `command`, and waits for the reply `expected`. */
static json_t *ask(struct controller *self, struct controller_worker *worker, json_t *request,
	const char *command, const char *expected, int limit_ms)
{
	if (worker->state != NULL) {
		json_decref(request);
		return NULL;
	}
	int rc = channel_send(worker->socket, request);
	if (rc != 0) {
		if (rc == -EPIPE)
			trouble_crash(worker, command);
		else
			trouble_error(worker, command, -rc);
		return NULL;
	}
	return expect(self, worker, command, expected, limit_ms);
}

/* A reply without a member that the protocol promises. */
static void note_malformed(struct controller_worker *worker, const char *during)
{
	trouble(worker, "failed", "'%s' failed: the answer lacks members of the protocol", during);
}

json_t *controller_hello(struct controller *self, struct controller_worker *worker)
{
	return worker->state == NULL ? expect(self, worker, "start", "hello", HELLO_MS) : NULL;
}

const char *controller_misses(const json_t *hello, const struct guest_library *library)
{
	const json_t *files = json_object_get(hello, "malloc_files");
	char path[PATH_MAX];

	for (size_t i = 0; worker_malloc_names[i] != NULL; i++) {
		const char *file =
			json_string_value(json_object_get(files, worker_malloc_names[i]));

		if (file == NULL || realpath(file, path) == NULL ||
			strcmp(path, library->path) != 0)
			return worker_malloc_names[i];
	}
	return NULL;
}

/* Whether malloc is that of the library with that soname, by a worker's hello. */
static bool has_beneath(const json_t *hello, const char *soname)
{
	const char *file = json_string_value(
		json_object_get(json_object_get(hello, "malloc_files"), "malloc"));
	const char *slash = file == NULL ? NULL : strrchr(file, '/');

	return file != NULL && strcmp(slash == NULL ? file : slash + 1, soname) == 0;
}

/* Whether a worker is what it was started as; else its state says why it is not. */
static void judge_hello(struct controller_worker *worker, const json_t *hello)
{
	const struct guest_build *build = worker->start.build;
	const struct guest_library *library = worker->start.library;
	const char *id = "", *reason = "";
	json_int_t proto = 0;
	int supported = 0;

	if (json_unpack((json_t *)hello, "{s:I, s:s, s:b, s:s}", "proto", &proto, "build_id", &id,
		    "supported", &supported, "reason", &reason) != 0 ||
		proto != WORKER_PROTO ||
		strcmp(id, build != NULL ? build->build_id : build_id()) != 0)
		trouble(worker, CONTROLLER_DISTURBED,
			"The worker is of another build; was the program replaced meanwhile?");
	else if (!supported)
		trouble(worker, "unsupported", "%s", reason);
	else if (worker->start.beneath != NULL &&
		 !has_beneath(hello, worker->start.beneath->preload))
		trouble(worker, "unsupported",
			"%s is not in this process; a sweep preloads it where it is installed.",
			worker->start.beneath->preload);
	else if (library != NULL && controller_misses(hello, library) != NULL)
		trouble(worker, "unsupported", "'%s' does not take over %s%s.", library->path,
			controller_misses(hello, library),
			build != NULL ? ", or this build is too old to tell" : "");
}

void controller_greet(struct controller *self, struct controller_worker *worker)
{
	json_t *hello = controller_hello(self, worker);

	if (hello != NULL)
		judge_hello(worker, hello);
	json_decref(hello);
}

void controller_open(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, uint64_t seed, struct store_memory *memory)
{
	json_t *ready = ask(self, worker,
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I}", "cmd", "open",
			"workload", cell->workload->name, "threads", (json_int_t)cell->threads,
			"burst", (json_int_t)cell->burst, "depth", (json_int_t)cell->depth,
			"object_bytes", (json_int_t)cell->object_bytes, "object_align",
			(json_int_t)cell->object_align, "pages", memory_pages_name(cell->pages),
			"placement", placement_name(cell->placement), "seed", (json_int_t)seed),
		"open", "ready", OPEN_MS);

	if (ready == NULL)
		return;
	if (json_unpack(ready, "{s:I, s:I, s:I}", "capacity", &memory->capacity, "rss_open",
		    &memory->rss_open, "pool_bytes", &memory->pool_bytes) != 0)
		note_malformed(worker, "open");
	json_decref(ready);
}

/*
 * Slices.
 */

static bool read_threads(json_t *threads, struct store_slice *out)
{
	size_t i;
	json_t *value;

	if (!json_is_array(threads) || json_array_size(threads) > array_count(out->thread))
		return false;
	out->threads = (uint32_t)json_array_size(threads);
	json_array_foreach(threads, i, value)
	{
		struct store_thread *t = &out->thread[i];

		if (json_unpack(value, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "cpu", &t->cpu,
			    "units", &t->units, "window_ns", &t->window_ns, "cpu_ns", &t->cpu_ns,
			    "nvcsw", &t->nvcsw, "nivcsw", &t->nivcsw, "minflt", &t->minflt) != 0)
			return false;
	}
	return true;
}

/* What only some machines and workloads tell. */
static bool read_what_few_tell(json_t *reply, struct store_slice *out)
{
	json_t *counted = json_object_get(reply, "counted");
	json_t *scarcity = json_object_get(reply, "scarcity");
	struct store_counted *c = &out->counted;
	struct store_scarcity *s = &out->scarcity;

	c->known = counted != NULL;
	s->known = scarcity != NULL;
	return (!c->known ||
		       json_unpack(counted, "{s:I, s:I, s:I}", "cycles", &c->cycles, "instructions",
			       &c->instructions, "cache_misses", &c->cache_misses) == 0) &&
	       (!s->known || json_unpack(scarcity, "{s:I, s:I, s:I, s:I, s:I}", "none", &s->none,
				     "worst", &s->worst, "spells", &s->spells, "stranded",
				     &s->stranded, "stranded_most", &s->stranded_most) == 0);
}

/* first: of the worker's turn, so that it was parked before. */
static bool read_slice(json_t *reply, bool first, struct store_slice *out)
{
	json_int_t idle_cpu_ns, idle_ns;
	const char *flags;
	json_t *threads;

	if (json_unpack(reply,
		    "{s:I, s:I, s:F, s:I, s:F, s:F, s:F, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		    "s:I, s:o}",
		    "window_ns", &out->window_ns, "units", &out->units, "units_per_s",
		    &out->units_per_s, "failed", &out->failed, "skew", &out->skew, "jain",
		    &out->jain, "slowest_share", &out->slowest_share, "flags", &flags, "refill",
		    &out->refill, "flush", &out->flush, "grow", &out->grow, "steal", &out->steal,
		    "empty", &out->empty, "wait", &out->wait, "idle_cpu_ns", &idle_cpu_ns,
		    "idle_ns", &idle_ns, "threads", &threads) != 0 ||
		!read_threads(threads, out) || !read_what_few_tell(reply, out))
		return false;
	/* A parked worker that burns CPU time disturbs the others. Between its own slices it works. */
	bool idle_cpu = first && idle_cpu_ns > idle_ns / IDLE_CPU_PARTS;
	snprintf(out->flags, sizeof(out->flags), "%s%s%s", flags,
		idle_cpu && flags[0] != '\0' ? " " : "", idle_cpu ? "idle_cpu" : "");
	return true;
}

/* How long a slice's reply may take. */
static int slice_ms(const struct plan_cell *cell)
{
	return (int)(3 * ((cell->slice_ns + cell->lead_in_ns) / 1000000 + 1)) + SLICE_EXTRA_MS;
}

static bool run_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, bool timed, bool every, struct store_slice *out)
{
	json_t *reply = ask(self, worker,
		json_pack("{s:s, s:I, s:I, s:b, s:b}", "cmd", "slice", "window_ns",
			(json_int_t)cell->slice_ns, "lead_in_ns", (json_int_t)cell->lead_in_ns,
			"timed", timed, "every", every),
		"slice", "slice", slice_ms(cell));

	if (reply == NULL)
		return false;
	if (!read_slice(reply, !timed, out))
		note_malformed(worker, "slice");
	json_decref(reply);
	return worker->state == NULL;
}

bool controller_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_slice *out)
{
	return run_slice(self, worker, cell, false, false, out);
}

static bool read_times(json_t *reply, struct store_times *out)
{
	const char *name;
	json_t *paths, *path;

	if (json_unpack(reply, "{s:I, s:o}", "units", &out->timed_units, "paths", &paths) != 0)
		return false;
	json_object_foreach(paths, name, path)
	{
		enum latency_class class;
		json_int_t sum, longest;
		const char *text;

		if (!latency_class_find(name, &class) ||
			json_unpack(path, "{s:I, s:I, s:s}", "sum", &sum, "longest", &longest,
				"histogram", &text) != 0 ||
			!histogram_from_text(&out->of[class].histogram, text))
			return false;
		out->of[class].sum = (uint64_t)sum;
		out->of[class].longest = (uint64_t)longest;
	}
	return true;
}

/* Asks for what a thread timed in the last slice; NULL: the worker came to grief. */
static json_t *ask_times(struct controller *self, struct controller_worker *worker, uint32_t thread)
{
	return ask(self, worker,
		json_pack("{s:s, s:I}", "cmd", "times", "thread", (json_int_t)thread), "times",
		"times", OTHER_MS);
}

bool controller_latency_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_times *out)
{
	struct store_slice *slice = &self->latency_slice;

	if (!run_slice(self, worker, cell, true, false, slice))
		return false;
	for (uint32_t i = 0; i < slice->threads && i < cell->threads; i++) {
		json_t *reply = ask_times(self, worker, i);

		if (reply == NULL)
			return false;
		out[i] = (struct store_times){
			.thread = i,
			.flagged = slice->flags[0] != '\0',
			.units = slice->thread[i].units,
			.window_ns = slice->thread[i].window_ns,
		};
		if (!read_times(reply, &out[i]))
			note_malformed(worker, "times");
		json_decref(reply);
	}
	return worker->state == NULL;
}

static bool read_balance(json_t *reply, struct store_balance *out)
{
	json_int_t window_ns, waited_ns, own, own_sum, pairs, pairs_sum, pairs_ns;

	if (json_unpack(reply, "{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "whole",
		    "window_ns", &window_ns, "waited_ns", &waited_ns, "calls", &out->calls, "sum",
		    &out->sum, "own", &own, "own_sum", &own_sum, "pairs", &pairs, "pairs_sum",
		    &pairs_sum, "pairs_ns", &pairs_ns) != 0)
		return false;
	out->whole = (struct latency_whole){(uint64_t)window_ns, (uint64_t)waited_ns, (uint64_t)own,
		(uint64_t)own_sum, (uint64_t)pairs, (uint64_t)pairs_sum, (uint64_t)pairs_ns};
	return true;
}

bool controller_balance_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, struct store_balance *out, bool *flagged)
{
	struct store_slice *slice = &self->latency_slice;

	if (!run_slice(self, worker, cell, true, true, slice))
		return false;
	*flagged = slice->flags[0] != '\0';
	for (uint32_t i = 0; i < slice->threads && i < cell->threads; i++) {
		json_t *reply = ask_times(self, worker, i);

		if (reply == NULL)
			return false;
		out[i] = (struct store_balance){.thread = i};
		if (!read_balance(reply, &out[i]))
			note_malformed(worker, "times");
		json_decref(reply);
	}
	return worker->state == NULL;
}

static bool read_load(json_t *reply, struct store_load *out)
{
	json_int_t sum, longest;
	const char *text;

	if (json_unpack(reply, "{s:F, s:F, s:F, s:I, s:I, s:I, s:I, s:I, s:s}", "capacity_s",
		    &out->capacity_s, "wanted_s", &out->wanted_s, "served_s", &out->served_s,
		    "arrived", &out->arrived, "served", &out->served, "late", &out->late, "sum",
		    &sum, "longest", &longest, "histogram", &text) != 0 ||
		!histogram_from_text(&out->times.histogram, text))
		return false;
	out->times.sum = (uint64_t)sum;
	out->times.longest = (uint64_t)longest;
	return true;
}

bool controller_load_slice(struct controller *self, struct controller_worker *worker,
	const struct plan_cell *cell, const char *arrivals, uint32_t load, struct store_load *out)
{
	json_t *reply = ask(self, worker,
		json_pack("{s:s, s:I, s:I, s:I, s:s}", "cmd", "load", "window_ns",
			(json_int_t)cell->slice_ns, "lead_in_ns", (json_int_t)cell->lead_in_ns,
			"load", (json_int_t)load, "arrivals", arrivals),
		"load", "load", slice_ms(cell));

	if (reply == NULL)
		return false;
	*out = (struct store_load){.load = load};
	if (!read_load(reply, out))
		note_malformed(worker, "load");
	json_decref(reply);
	return worker->state == NULL;
}

/*
 * Ending.
 */

static void ask_memory(
	struct controller *self, struct controller_worker *worker, struct store_memory *memory)
{
	json_t *reply = ask(self, worker, json_pack("{s:s}", "cmd", "mem"), "mem", "mem", OTHER_MS);

	if (reply == NULL)
		return;
	if (json_unpack(reply, "{s:I, s?I, s?I}", "rss_peak", &memory->rss_peak, "held_peak",
		    &memory->held_peak, "objects", &memory->objects) != 0)
		note_malformed(worker, "mem");
	json_decref(reply);
}

bool controller_close(struct controller *self, struct controller_worker *worker,
	struct store_memory *memory, char *lost)
{
	const char *check = "";

	lost[0] = '\0';
	ask_memory(self, worker, memory);
	json_t *reply =
		ask(self, worker, json_pack("{s:s}", "cmd", "close"), "close", "closed", OTHER_MS);
	if (reply == NULL)
		return false;
	if (json_unpack(reply, "{s:I, s:I, s:s, s?I, s?I}", "count", &memory->drained, "expected",
		    &memory->expected, "check", &check, "rss_settled", &memory->rss_settled,
		    "held_settled", &memory->held_settled) != 0)
		note_malformed(worker, "close");
	else if (memory->drained != memory->expected || check[0] != '\0')
		snprintf(lost, CONTROLLER_DETAIL_BYTES, "%lld of %lld objects came back%s%s",
			memory->drained, memory->expected, check[0] != '\0' ? ": " : ".", check);
	json_decref(reply);
	return worker->state == NULL && lost[0] == '\0';
}

void controller_dismiss(struct controller_worker *worker)
{
	if (worker->pid > 0 && !worker->dismissed)
		worker->dismissed =
			channel_send(worker->socket, json_pack("{s:s}", "cmd", "quit")) == 0;
}

void controller_stop(struct controller_worker *worker)
{
	controller_dismiss(worker);
	if (worker->pid > 0) {
		const bool ends = worker->dismissed && trouble_await_end(worker, QUIT_MS);

		trouble_reap(worker, ends ? 0 : SIGKILL);
	}
	trouble_close_output(worker);
}
