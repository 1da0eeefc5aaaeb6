/* See worker.h. */
#include "bench/sweep/worker.h"

#include "bench/base/clock.h"
#include "bench/base/status.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/resident.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/channel.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct worker {
	int fd;
	const char *subject; /* as in instances.h */
	const struct pool_ops *ops;
	enum instance_dispatch dispatch;
	struct engine *engine;             /* NULL: no cell is open */
	uint32_t threads;                  /* of the open cell */
	const struct engine_thread *timed; /* of the last slice, if it was timed; else NULL */
	double capacity_s; /* arrivals a second that the open cell serves at most; 0: not measured */
	uint64_t parked_cpu_ns; /* CPU time of the process when the last reply was sent */
	uint64_t parked_ns;     /* when that was */
	uint64_t idle_cpu_ns;   /* CPU time between that and the request being answered */
	uint64_t idle_ns;       /* how long it was */
};

const char *const worker_malloc_names[] = {
	"malloc", "free", "calloc", "realloc", "aligned_alloc", NULL};

/* The file of the function that answers to a name; "": unknown. */
static const char *file_of(const char *name)
{
	Dl_info info;
	void *function = dlsym(RTLD_DEFAULT, name);

	return function != NULL && dladdr(function, &info) != 0 && info.dli_fname != NULL
		       ? info.dli_fname
		       : "";
}

static json_t *malloc_files(void)
{
	json_t *files = json_object();

	for (size_t i = 0; worker_malloc_names[i] != NULL; i++)
		json_object_set_new(files, worker_malloc_names[i],
			json_string(file_of(worker_malloc_names[i])));
	return files;
}

void worker_allocator_name(char *text, size_t bytes)
{
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	const char *(*tc_version)(int *, int *, const char **);
	int (*mi_version)(void);
	const char *version = "";
	size_t size = sizeof(version);

	*(void **)&mallctl = dlsym(RTLD_DEFAULT, "mallctl");
	*(void **)&tc_version = dlsym(RTLD_DEFAULT, "tc_version");
	*(void **)&mi_version = dlsym(RTLD_DEFAULT, "mi_version");
	if (mallctl != NULL && mallctl("version", &version, &size, NULL, 0) == 0)
		snprintf(text, bytes, "jemalloc %s", version);
	else if (tc_version != NULL)
		snprintf(text, bytes, "tcmalloc %s", tc_version(NULL, NULL, NULL));
	else if (mi_version != NULL)
		snprintf(text, bytes, "mimalloc %d", mi_version());
	else if (dlsym(RTLD_DEFAULT, "scalable_malloc") != NULL)
		snprintf(text, bytes, "tbbmalloc");
	else if (strcmp(file_of("malloc"), file_of("gnu_get_libc_version")) == 0)
		snprintf(text, bytes, "glibc %s", gnu_get_libc_version());
	else
		snprintf(text, bytes, "%s", basename(file_of("malloc")));
}

/* A JSON array of CPU numbers. */
static json_t *cpu_array(const uint32_t *cpus, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_integer(cpus[i]));
	return array;
}

static json_t *hello(const struct worker *self)
{
	char reason[POOL_REASON_BYTES];
	char allocator[64];
	uint32_t cpus[ENGINE_THREADS_MAX];
	int count = topology_cpus(cpus, ENGINE_THREADS_MAX);
	uint32_t known = count < 0                    ? 0
			 : count > ENGINE_THREADS_MAX ? ENGINE_THREADS_MAX
						      : (uint32_t)count;
	bool supported = self->ops->supported(reason);

	worker_allocator_name(allocator, sizeof(allocator));
	return json_pack("{s:s, s:i, s:s, s:i, s:s, s:s, s:b, s:s, s:s, s:o, s:o}", "reply",
		"hello", "proto", WORKER_PROTO, "build_id", build_id(), "pid", (int)getpid(),
		"pool", self->subject, "dispatch", instance_dispatch_name(self->dispatch),
		"supported", supported, "reason", supported ? "" : reason, "allocator", allocator,
		"cpus", cpu_array(cpus, known), "malloc_files", malloc_files());
}

/*
 * Refusals: an error reply instead of the one that was asked for.
 */
__attribute__((format(printf, 2, 3))) static json_t *refuse(
	const char *code, const char *format, ...)
{
	char text[ENGINE_REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{s:s, s:s, s:s}", "reply", "error", "code", code, "text", text);
}

/*
 * The members of a request. Each reader answers with the member's value, or notes the first mistake
 * as the refusal to send.
 */
struct reader {
	const json_t *request;
	json_t *refusal; /* NULL: all that was read so far is right */
};

enum { READ_REQUIRED = -1 }; /* as a fallback: the member must be there */

static uint64_t read_integer(
	struct reader *self, const char *name, int64_t fallback, uint64_t least, uint64_t most)
{
	const json_t *value = json_object_get(self->request, name);

	if (self->refusal != NULL)
		return 0;
	if (value == NULL && fallback != READ_REQUIRED)
		return (uint64_t)fallback;
	if (!json_is_integer(value)) {
		self->refusal = refuse(WORKER_CODE_USAGE, "%s must be given, as an integer.", name);
		return 0;
	}
	json_int_t integer = json_integer_value(value);
	if (integer < 0 || (uint64_t)integer < least || (uint64_t)integer > most) {
		self->refusal = refuse(WORKER_CODE_USAGE,
			"%s is %" JSON_INTEGER_FORMAT "; it must be %" PRIu64 "..%" PRIu64 ".",
			name, integer, least, most);
		return 0;
	}
	return (uint64_t)integer;
}

/* fallback NULL: the member must be there. Never answers NULL. */
static const char *read_word(struct reader *self, const char *name, const char *fallback)
{
	const json_t *value = json_object_get(self->request, name);

	if (value == NULL && fallback != NULL)
		return fallback;
	if (!json_is_string(value) && self->refusal == NULL)
		self->refusal = refuse(WORKER_CODE_USAGE, "%s must be given, as a string.", name);
	return json_is_string(value) ? json_string_value(value) : "";
}

static enum memory_pages read_pages(struct reader *self)
{
	const char *word = read_word(self, "pages", "ordinary");
	enum memory_pages pages = MEMORY_PAGES_ORDINARY;

	if (!memory_pages_find(word, &pages) && self->refusal == NULL)
		self->refusal = refuse(WORKER_CODE_USAGE,
			"pages is '%s'; it must be ordinary, transparent or huge.", word);
	return pages;
}

static enum placement read_placement(struct reader *self)
{
	const char *word = read_word(self, "placement", placement_name(PLACEMENT_CORES));
	enum placement placement = PLACEMENT_CORES;

	if (!placement_find(word, &placement) && self->refusal == NULL)
		self->refusal = refuse(WORKER_CODE_USAGE, "There is no placement '%s'.", word);
	return placement;
}

/*
 * One function a request: takes it and makes the reply. A request that needs an open cell finds
 * one.
 */

static json_t *answer_open(struct worker *self, const json_t *request)
{
	struct reader in = {.request = request};
	const char *workload = read_word(&in, "workload", NULL);
	const struct engine_cell cell = {
		.shape =
			{
				.threads = (uint32_t)read_integer(
					&in, "threads", READ_REQUIRED, 1, ENGINE_THREADS_MAX),
				.burst = (uint32_t)read_integer(
					&in, "burst", READ_REQUIRED, 1, POOL_BULK_MAX),
				.depth = (uint32_t)read_integer(
					&in, "depth", READ_REQUIRED, 1, ENGINE_DEPTH_MAX),
				.seed = read_integer(&in, "seed", 1, 0, INT64_MAX),
			},
		.object_bytes = (size_t)read_integer(&in, "object_bytes", READ_REQUIRED,
			POOL_OBJECT_BYTES_MIN, POOL_OBJECT_BYTES_MAX),
		.object_align =
			(size_t)read_integer(&in, "object_align", 0, 0, POOL_OBJECT_ALIGN_MAX),
		.capacity = (uint32_t)read_integer(&in, "capacity", 0, 0, ENGINE_CAPACITY_MAX),
		.pages = read_pages(&in),
		.placement = read_placement(&in),
	};
	struct workload_case subject;
	char why[ENGINE_REASON_BYTES];

	if (in.refusal != NULL)
		return in.refusal;
	if (self->engine != NULL)
		return refuse(WORKER_CODE_STATE, "A cell is open already; close it first.");
	if (!instance_find(self->subject, self->dispatch, workload, &subject))
		return refuse(WORKER_CODE_USAGE, "'%s' is not a workload%s.", workload,
			instance_context(self->subject) ? " that pushes context" : "");
	int rc = engine_open(&subject, &cell, &self->engine, why);
	if (rc != 0)
		return refuse(rc == -EINVAL                        ? WORKER_CODE_USAGE
			      : rc == -ENOTSUP || rc == -EOVERFLOW ? WORKER_CODE_ABSENT
			      : rc == -ENOMEM || rc == -EAGAIN     ? WORKER_CODE_EXHAUSTED
								   : WORKER_CODE_FAILED,
			"%s", why);

	uint32_t cpus[ENGINE_THREADS_MAX];
	self->threads = cell.shape.threads;
	self->capacity_s = 0;
	for (uint32_t i = 0; i < self->threads; i++)
		cpus[i] = engine_cpu(self->engine, i);
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:b}", "reply", "ready", "capacity",
		(json_int_t)engine_pool_capacity(self->engine), "rss_open",
		(json_int_t)resident_bytes(), "pool_bytes",
		(json_int_t)engine_pool_bytes(self->engine), "cpus", cpu_array(cpus, self->threads),
		"oversubscribed", engine_oversubscribed(self->engine));
}

static json_t *thread_object(const struct engine_thread *thread)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "cpu", (int)thread->cpu, "units",
		(json_int_t)thread->units, "window_ns", (json_int_t)thread->window_ns, "cpu_ns",
		(json_int_t)thread->cpu_ns, "nvcsw", (json_int_t)thread->nvcsw, "nivcsw",
		(json_int_t)thread->nivcsw, "minflt", (json_int_t)thread->minflt);
}

/* What only some machines and workloads tell. */
static void add_what_few_tell(json_t *reply, const struct engine_slice *slice)
{
	const struct workload_scarcity *sum = &slice->scarcity.sum;

	if (slice->counted.known)
		json_object_set_new(reply, "counted",
			json_pack("{s:I, s:I, s:I}", "cycles",
				(json_int_t)slice->counted.of[COUNTER_CYCLES], "instructions",
				(json_int_t)slice->counted.of[COUNTER_INSTRUCTIONS], "cache_misses",
				(json_int_t)slice->counted.of[COUNTER_CACHE_MISSES]));
	if (slice->scarcity.known)
		json_object_set_new(reply, "scarcity",
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "none", (json_int_t)sum->none,
				"worst", (json_int_t)slice->scarcity.worst, "spells",
				(json_int_t)sum->spells, "stranded", (json_int_t)sum->stranded,
				"stranded_most", (json_int_t)sum->stranded_most));
}

static json_t *answer_slice(struct worker *self, const json_t *request)
{
	struct reader in = {.request = request};
	uint64_t window_ns = read_integer(
		&in, "window_ns", READ_REQUIRED, ENGINE_WINDOW_NS_MIN, ENGINE_WINDOW_NS_MAX);
	uint64_t lead_in_ns =
		read_integer(&in, "lead_in_ns", (int64_t)(window_ns / 10), 0, ENGINE_WINDOW_NS_MAX);
	struct engine_slice slice;
	char flags[ENGINE_FLAGS_BYTES];
	char why[ENGINE_REASON_BYTES];

	if (in.refusal != NULL)
		return in.refusal;
	self->timed = NULL;
	if (!json_is_true(json_object_get(request, "timed"))) {
		engine_slice(self->engine, window_ns, lead_in_ns, &slice);
	} else {
		const bool all = json_is_true(json_object_get(request, "every"));
		int rc =
			all ? engine_balance_slice(self->engine, window_ns, lead_in_ns, &slice, why)
			    : engine_latency_slice(
				      self->engine, window_ns, lead_in_ns, &slice, why);

		if (rc != 0)
			return refuse(rc == -ENOMEM ? WORKER_CODE_EXHAUSTED : WORKER_CODE_USAGE,
				"%s", why);
		self->timed = slice.threads;
	}
	engine_flags_text(slice.flags, flags);

	json_t *threads = json_array();
	for (uint32_t i = 0; i < self->threads; i++)
		json_array_append_new(threads, thread_object(&slice.threads[i]));
	json_t *reply = json_pack("{s:s, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:s,"
				  " s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"reply", "slice", "window_ns", (json_int_t)slice.window_ns, "units",
		(json_int_t)slice.units, "units_per_s", slice.units_per_s, "failed",
		(json_int_t)slice.failed, "skew", slice.skew, "jain", slice.jain, "slowest_share",
		slice.slowest_share, "flags", flags, "refill", (json_int_t)slice.paths.refill,
		"flush", (json_int_t)slice.paths.flush, "grow", (json_int_t)slice.paths.grow,
		"steal", (json_int_t)slice.paths.steal, "empty", (json_int_t)slice.paths.empty,
		"wait", (json_int_t)slice.paths.wait, "idle_cpu_ns", (json_int_t)self->idle_cpu_ns,
		"idle_ns", (json_int_t)self->idle_ns, "threads", threads);
	add_what_few_tell(reply, &slice);
	return reply;
}

/* What a thread's time went to, where every call was timed. */
static json_t *whole_object(const struct latency *latency)
{
	const struct latency_whole *whole = &latency->whole;
	uint64_t sum = 0;

	for (int i = 0; i < LATENCY_CLASSES; i++)
		sum += latency->of[i].sum;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "window_ns",
		(json_int_t)whole->window_ns, "waited_ns", (json_int_t)whole->waited_ns, "calls",
		(json_int_t)latency->calls, "sum", (json_int_t)sum, "own", (json_int_t)whole->own,
		"own_sum", (json_int_t)whole->own_sum, "pairs", (json_int_t)whole->pairs,
		"pairs_sum", (json_int_t)whole->pairs_sum, "pairs_ns", (json_int_t)whole->pairs_ns);
}

static json_t *answer_times(struct worker *self, const json_t *request)
{
	struct reader in = {.request = request};
	uint64_t thread = read_integer(&in, "thread", READ_REQUIRED, 0, self->threads - 1);
	char text[HISTOGRAM_TEXT_BYTES];

	if (in.refusal != NULL)
		return in.refusal;
	if (self->timed == NULL)
		return refuse(WORKER_CODE_STATE, "The last slice was not timed.");
	const struct latency *latency = self->timed[thread].latency;
	json_t *paths = json_object();
	for (int i = 0; i < LATENCY_HISTOGRAMS; i++) {
		const struct latency_times *times = &latency->of[i];

		histogram_to_text(&times->histogram, text);
		if (text[0] != '\0')
			json_object_set_new(paths, latency_class_name((enum latency_class)i),
				json_pack("{s:I, s:I, s:s}", "sum", (json_int_t)times->sum,
					"longest", (json_int_t)times->longest, "histogram", text));
	}
	return json_pack("{s:s, s:I, s:o, s:o}", "reply", "times", "units",
		(json_int_t)latency->units, "paths", paths, "whole", whole_object(latency));
}

static json_t *answer_load(struct worker *self, const json_t *request)
{
	struct reader in = {.request = request};
	const uint64_t window_ns = read_integer(
		&in, "window_ns", READ_REQUIRED, ENGINE_WINDOW_NS_MIN, ENGINE_WINDOW_NS_MAX);
	const uint64_t lead_in_ns =
		read_integer(&in, "lead_in_ns", (int64_t)(window_ns / 10), 0, ENGINE_WINDOW_NS_MAX);
	const double load = (double)read_integer(&in, "load", READ_REQUIRED, 0, 100) / 100;
	const char *name = read_word(&in, "arrivals", ARRIVALS_DEFAULT);
	struct engine_open_loop loop;
	struct arrivals arrivals;
	char text[HISTOGRAM_TEXT_BYTES];
	char why[ENGINE_REASON_BYTES];

	if (in.refusal != NULL)
		return in.refusal;
	if (!arrivals_parse(name, &arrivals))
		return refuse(WORKER_CODE_USAGE, "arrivals is '%s'; it must be %s.", name,
			arrivals_known);
	if (load > 0 && !(self->capacity_s > 0))
		return refuse(
			WORKER_CODE_STATE, "The capacity is not known: a load of 0 measures it.");
	int rc = engine_open_loop_slice(self->engine, &arrivals, load * self->capacity_s, window_ns,
		lead_in_ns, &loop, why);
	if (rc != 0)
		return refuse(rc == -ENOMEM    ? WORKER_CODE_EXHAUSTED
			      : rc == -ENOTSUP ? WORKER_CODE_USAGE
					       : WORKER_CODE_FAILED,
			"%s", why);
	if (load == 0)
		self->capacity_s = loop.served_s;
	histogram_to_text(&loop.times.histogram, text);
	return json_pack("{s:s, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:s}", "reply", "load",
		"capacity_s", self->capacity_s, "wanted_s", loop.per_s, "served_s", loop.served_s,
		"arrived", (json_int_t)loop.arrived, "served", (json_int_t)loop.served, "late",
		(json_int_t)loop.late, "sum", (json_int_t)loop.times.sum, "longest",
		(json_int_t)loop.times.longest, "histogram", text);
}

static json_t *answer_mem(struct worker *self, const json_t *request)
{
	struct engine_memory memory;

	(void)request;
	engine_memory(self->engine, &memory);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "reply", "mem", "rss",
		(json_int_t)memory.rss, "rss_peak", (json_int_t)memory.rss_peak, "held",
		(json_int_t)memory.held, "held_peak", (json_int_t)memory.held_peak, "objects",
		(json_int_t)memory.objects);
}

static json_t *answer_close(struct worker *self, const json_t *request)
{
	struct engine_closing closing;

	(void)request;
	engine_close(self->engine, &closing);
	self->engine = NULL;
	self->timed = NULL;
	return json_pack("{s:s, s:I, s:I, s:s, s:I, s:I}", "reply", "closed", "count",
		(json_int_t)closing.count, "expected", (json_int_t)closing.expected, "check",
		closing.check, "rss_settled", (json_int_t)closing.settled.rss, "held_settled",
		(json_int_t)closing.settled.held);
}

static const struct request {
	const char *cmd;
	bool needs_cell;
	json_t *(*answer)(struct worker *self, const json_t *request);
} requests[] = {
	{"open", false, answer_open},
	{"slice", true, answer_slice},
	{"times", true, answer_times},
	{"load", true, answer_load},
	{"mem", true, answer_mem},
	{"close", true, answer_close},
};

static json_t *answer(struct worker *self, const json_t *request, const char *cmd)
{
	for (size_t i = 0; i < array_count(requests); i++) {
		if (strcmp(requests[i].cmd, cmd) != 0)
			continue;
		if (requests[i].needs_cell && self->engine == NULL)
			return refuse(WORKER_CODE_STATE, "No cell is open; %s needs one.", cmd);
		return requests[i].answer(self, request);
	}
	return refuse(WORKER_CODE_UNKNOWN, "'%s' is not a request of this protocol (version %d).",
		cmd, WORKER_PROTO);
}

/* Takes one request and answers it. 0: go on; 1: quit or end of file; else a negative errno. */
static int serve_one(struct worker *self)
{
	json_t *request = NULL;
	json_t *reply;
	int rc = channel_receive(self->fd, -1, &request);

	if (rc == 0)
		return 1;
	if (rc != 1 && rc != -EBADMSG)
		return rc;
	self->idle_cpu_ns = clock_process_cpu_ns() - self->parked_cpu_ns;
	self->idle_ns = clock_now_ns() - self->parked_ns;
	const char *cmd = rc == 1 ? json_string_value(json_object_get(request, "cmd")) : NULL;
	if (cmd != NULL && strcmp(cmd, "quit") == 0) {
		json_decref(request);
		return 1;
	}
	if (cmd == NULL)
		reply = refuse(WORKER_CODE_MALFORMED,
			"A request is one JSON object with a string cmd, of at "
			"most %d bytes.",
			CHANNEL_MESSAGE_BYTES);
	else
		reply = answer(self, request, cmd);
	json_decref(request);
	rc = channel_send(self->fd, reply);
	self->parked_cpu_ns = clock_process_cpu_ns();
	self->parked_ns = clock_now_ns();
	return rc;
}

/*
 * What a library does at its first pool, it does now, while other workers start as well: DPDK's
 * environment sleeps a tenth of a second to calibrate its clock. A failure shows when a cell opens.
 */
static void start_library(const struct pool_ops *ops)
{
	const struct pool_config small = {.object_bytes = POOL_OBJECT_BYTES_MIN, .capacity = 1};
	struct pool *pool;

	if (pool_create(ops, &small, &pool) == 0)
		pool_destroy(pool);
}

int worker_serve(int fd, const char *subject, const char *dispatch)
{
	struct worker self = {.fd = fd, .subject = subject, .ops = instance_pool(subject)};

	if (self.ops == NULL) {
		fprintf(stderr,
			"nblbench worker: '%s' is not a strategy; `nblbench list` shows them.\n",
			subject);
		return COMMAND_USAGE;
	}
	if (!instance_dispatch_find(dispatch, &self.dispatch) ||
		(self.dispatch == INSTANCE_MOVED && !instance_is_moved(subject))) {
		fprintf(stderr,
			"nblbench worker: dispatch is '%s'; it must be folded or table, or moved "
			"of a strategy that has a moved unit.\n",
			dispatch);
		return COMMAND_USAGE;
	}
	start_library(self.ops);
	int rc = channel_send(fd, hello(&self));
	self.parked_cpu_ns = clock_process_cpu_ns();
	self.parked_ns = clock_now_ns();
	while (rc == 0)
		rc = serve_one(&self);
	if (self.engine != NULL)
		engine_close(self.engine, NULL);
	if (rc == 1 || rc == -EPIPE)
		return COMMAND_OK;
	fprintf(stderr, "nblbench worker: the channel to the controller failed: %s.\n",
		strerror(-rc));
	return COMMAND_FAILED;
}
