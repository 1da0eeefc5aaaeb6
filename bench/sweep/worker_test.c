/*
 * The worker's side of the protocol, over a socket pair, on a thread of this process: every request
 * and every way to get one wrong. The worker must answer each and go on.
 */
#include "alloc/machine/cmocka.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/channel.h"
#include "bench/sweep/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_TIMEOUT_MS = 30000 }; /* ends the test if the worker hangs; not a speed */

struct session {
	int fd; /* the controller's end */
	int worker_fd;
	pthread_t thread;
	int status; /* what worker_serve returned */
};

static void *serve(void *arg)
{
	struct session *self = arg;

	self->status = worker_serve(self->worker_fd, "treiber_tag", "folded");
	close(self->worker_fd);
	return NULL;
}

static json_t *next_reply(struct session *self)
{
	json_t *reply = NULL;

	assert_int_equal(channel_receive(self->fd, REPLY_TIMEOUT_MS, &reply), 1);
	return reply;
}

static void say(struct session *self, const char *text)
{
	assert_int_equal(send(self->fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static json_t *ask(struct session *self, const char *text)
{
	say(self, text);
	return next_reply(self);
}

static const char *word(const json_t *reply, const char *name)
{
	const char *value = json_string_value(json_object_get(reply, name));

	assert_non_null(value);
	return value;
}

static json_int_t number(const json_t *reply, const char *name)
{
	const json_t *value = json_object_get(reply, name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void expect_reply(struct session *self, const char *text, const char *kind)
{
	json_t *reply = ask(self, text);

	assert_string_equal(word(reply, "reply"), kind);
	json_decref(reply);
}

static void expect_error(
	struct session *self, const char *text, const char *code, const char *sentence)
{
	json_t *reply = ask(self, text);

	assert_string_equal(word(reply, "reply"), "error");
	assert_string_equal(word(reply, "code"), code);
	assert_string_equal(word(reply, "text"), sentence);
	json_decref(reply);
}

static int begin(void **state)
{
	struct session *self = calloc(1, sizeof(*self));
	int ends[2];

	if (self == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return -1;
	self->fd = ends[0];
	self->worker_fd = ends[1];
	if (pthread_create(&self->thread, NULL, serve, self) != 0)
		return -1;
	*state = self;
	return 0;
}

/* Closes the controller's end if the test has not, as a controller that dies would. */
static int end(void **state)
{
	struct session *self = *state;

	if (self->fd >= 0)
		close(self->fd);
	pthread_join(self->thread, NULL);
	int status = self->status;
	free(self);
	return status;
}

#define OPEN                                                                             \
	"{\"cmd\":\"open\", \"workload\":\"remote_free\", \"threads\":2, \"burst\":32, " \
	"\"depth\":1, \"object_bytes\":64}"
#define SLICE "{\"cmd\":\"slice\", \"window_ns\":1000000, \"lead_in_ns\":100000}"

static void test_hello(void **state)
{
	json_t *reply = next_reply(*state);

	assert_string_equal(word(reply, "reply"), "hello");
	assert_int_equal(number(reply, "proto"), WORKER_PROTO);
	assert_string_equal(word(reply, "build_id"), build_id());
	assert_string_not_equal(build_id(), "unknown");
	assert_int_equal(number(reply, "pid"), getpid());
	assert_string_equal(word(reply, "pool"), "treiber_tag");
	assert_string_equal(word(reply, "dispatch"), "folded");
	assert_true(json_is_true(json_object_get(reply, "supported")));
	assert_string_equal(word(reply, "reason"), "");
	assert_string_not_equal(word(reply, "allocator"), "");
	assert_true(json_array_size(json_object_get(reply, "cpus")) >= 1);
	json_decref(reply);
}

static void check_slice(const json_t *reply)
{
	static const char *const integers[] = {
		"failed", "refill", "flush", "grow", "steal", "empty", "idle_cpu_ns"};
	static const char *const per_thread[] = {
		"cpu", "units", "cpu_ns", "nvcsw", "nivcsw", "minflt"};
	const json_t *threads = json_object_get(reply, "threads");

	assert_string_equal(word(reply, "reply"), "slice");
	assert_true(number(reply, "window_ns") >= 1000000);
	assert_true(number(reply, "units") >= 0);
	assert_true(json_real_value(json_object_get(reply, "units_per_s")) >= 0);
	assert_true(json_is_real(json_object_get(reply, "skew")));
	assert_true(json_is_real(json_object_get(reply, "jain")));
	assert_true(json_is_real(json_object_get(reply, "slowest_share")));
	word(reply, "flags");
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
		assert_true(number(reply, integers[i]) >= 0);
	assert_int_equal(json_array_size(threads), 2);
	for (size_t t = 0; t < 2; t++) {
		assert_true(number(json_array_get(threads, t), "window_ns") >= 1000000);
		for (size_t i = 0; i < sizeof(per_thread) / sizeof(per_thread[0]); i++)
			assert_true(number(json_array_get(threads, t), per_thread[i]) >= 0);
	}
	/* The last thread of the only lane speaks for it. */
	assert_int_equal(number(json_array_get(threads, 1), "units"), number(reply, "units"));
}

/* A slice in which every call is timed says where its time went; another says nothing of that. */
static void check_balance(struct session *self)
{
	for (int every = 1; every >= 0; every--) {
		json_int_t calls = 0;

		for (int i = 0; calls == 0; i++) {
			expect_reply(self,
				every ? "{\"cmd\":\"slice\", \"window_ns\":1000000, "
					"\"timed\":true, \"every\":true}"
				      : "{\"cmd\":\"slice\", \"window_ns\":1000000, "
					"\"timed\":true}",
				"slice");
			json_t *reply = ask(self, "{\"cmd\":\"times\", \"thread\":0}");
			const json_t *whole = json_object_get(reply, "whole");

			calls = number(whole, "calls");
			assert_true(number(whole, "sum") >= calls);
			assert_true(number(whole, "waited_ns") <= number(whole, "window_ns"));
			assert_int_equal(number(whole, "window_ns") >= 1000000, every);
			assert_int_equal(number(whole, "pairs") > 0, every);
			assert_int_equal(number(whole, "pairs_sum") > 0, every);
			assert_int_equal(number(whole, "pairs_ns") > 0, every);
			assert_int_equal(calls > 0 && number(whole, "own_sum") > 0 &&
						 number(whole, "own") >= calls,
				calls > 0 && every);
			json_decref(reply);
		}
	}
}

/* The whole life of a worker, twice in one process. */
static void test_cells(void **state)
{
	struct session *self = *state;
	json_t *reply;

	json_decref(next_reply(self));
	for (int i = 0; i < 2; i++) {
		reply = ask(self, OPEN);
		assert_string_equal(word(reply, "reply"), "ready");
		json_int_t capacity = number(reply, "capacity");
		assert_true(capacity > 1024);
		assert_true(number(reply, "rss_open") > 0);
		assert_true(number(reply, "pool_bytes") >= 0);
		assert_int_equal(json_array_size(json_object_get(reply, "cpus")), 2);
		assert_true(json_is_boolean(json_object_get(reply, "oversubscribed")));
		json_decref(reply);

		/* On a busy machine a window can pass without work; the time limit ends a hang. */
		for (json_int_t units = 0; units == 0;) {
			reply = ask(self, SLICE);
			check_slice(reply);
			units = number(reply, "units");
			json_decref(reply);
		}

		check_balance(self);

		reply = ask(self, "{\"cmd\":\"mem\"}");
		assert_string_equal(word(reply, "reply"), "mem");
		assert_true(number(reply, "rss") > 0);
		assert_true(number(reply, "rss_peak") >= number(reply, "rss"));
		assert_true(number(reply, "held_peak") >= number(reply, "held"));
		assert_true(number(reply, "held") > 0);
		assert_true(number(reply, "objects") > 0 && number(reply, "objects") < capacity);
		json_decref(reply);

		reply = ask(self, "{\"cmd\":\"close\"}");
		assert_string_equal(word(reply, "reply"), "closed");
		assert_int_equal(number(reply, "count"), capacity);
		assert_int_equal(number(reply, "expected"), capacity);
		assert_string_equal(word(reply, "check"), "");
		assert_true(number(reply, "rss_settled") > number(reply, "held_settled"));
		assert_true(number(reply, "held_settled") > 0);
		json_decref(reply);
	}
}

#define OPEN_PAIR                                                                             \
	"{\"cmd\":\"open\", \"workload\":\"pair\", \"threads\":1, \"burst\":1, \"depth\":1, " \
	"\"object_bytes\":1024, "

/* Objects as they are asked for; what the machine lacks is told from what is wrong. */
static void test_objects(void **state)
{
	struct session *self = *state;

	json_decref(next_reply(self));
	expect_reply(self, OPEN_PAIR "\"object_align\":2048, \"pages\":\"transparent\"}", "ready");
	expect_reply(self, "{\"cmd\":\"close\"}", "closed");
	expect_error(self, OPEN_PAIR "\"object_align\":24}", "usage",
		"object_align is 24; it must be a power of two.");
	expect_error(self, OPEN_PAIR "\"object_align\":8192}", "usage",
		"object_align is 8192; it must be 0..4096.");
	expect_error(self, OPEN_PAIR "\"capacity\":16777216}", "unsupported",
		"16777216 objects of 1024 bytes are more than treiber_tag can name; use smaller "
		"objects or fewer threads.");

	json_t *reply = ask(self, OPEN_PAIR "\"pages\":\"huge\"}");
	if (strcmp(word(reply, "reply"), "ready") != 0) {
		assert_string_equal(word(reply, "code"), "unsupported");
		assert_non_null(strstr(word(reply, "text"), "There are no huge pages"));
	}
	json_decref(reply);
}

static void test_quit(void **state)
{
	struct session *self = *state;
	json_t *reply = NULL;

	json_decref(next_reply(self));
	expect_reply(self, OPEN, "ready");
	say(self, "{\"cmd\":\"quit\"}");
	assert_int_equal(channel_receive(self->fd, REPLY_TIMEOUT_MS, &reply), 0);
}

/* A controller that goes away with a cell open: the worker ends, and end() wants status 0. */
static void test_end_of_file(void **state)
{
	struct session *self = *state;

	json_decref(next_reply(self));
	expect_reply(self, OPEN, "ready");
	close(self->fd);
	self->fd = -1;
}

static void test_malformed(void **state)
{
	static const char *const texts[] = {"?", "{", "[]", "42", "{}", "{\"cmd\":7}",
		"{\"cmd\":\"mem\"}{\"cmd\":\"mem\"}", "{\"cmd\":\"mem\", \"cmd\":\"mem\"}"};
	struct session *self = *state;

	json_decref(next_reply(self));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_error(self, texts[i], "malformed",
			"A request is one JSON object with a string cmd, of at most 131072 bytes.");

	char *huge = malloc(CHANNEL_MESSAGE_BYTES + 2);
	assert_non_null(huge);
	memset(huge, ' ', CHANNEL_MESSAGE_BYTES + 1);
	huge[CHANNEL_MESSAGE_BYTES + 1] = '\0';
	expect_error(self, huge, "malformed",
		"A request is one JSON object with a string cmd, of at most 131072 bytes.");
	free(huge);
	expect_error(self, "{\"cmd\":\"mem\"}", "state", "No cell is open; mem needs one.");
}

static void test_wrong_state(void **state)
{
	struct session *self = *state;

	json_decref(next_reply(self));
	expect_error(self, "{\"cmd\":\"dance\"}", "unknown",
		"'dance' is not a request of this protocol (version 3).");
	expect_error(self, SLICE, "state", "No cell is open; slice needs one.");
	expect_error(self, "{\"cmd\":\"times\"}", "state", "No cell is open; times needs one.");
	expect_error(self, "{\"cmd\":\"close\"}", "state", "No cell is open; close needs one.");
	expect_reply(self, OPEN, "ready");
	expect_error(self, OPEN, "state", "A cell is open already; close it first.");
	expect_reply(self, SLICE, "slice");
}

static void test_wrong_values(void **state)
{
	struct session *self = *state;

	json_decref(next_reply(self));
	expect_error(self, "{\"cmd\":\"open\"}", "usage", "workload must be given, as a string.");
	expect_error(self, "{\"cmd\":\"open\", \"workload\":\"pair\"}", "usage",
		"threads must be given, as an integer.");
	expect_error(self, "{\"cmd\":\"open\", \"workload\":\"pair\", \"threads\":1.5}", "usage",
		"threads must be given, as an integer.");
	expect_error(self, "{\"cmd\":\"open\", \"workload\":\"pair\", \"threads\":-1}", "usage",
		"threads is -1; it must be 1..256.");
	expect_error(self, "{\"cmd\":\"open\", \"workload\":\"pair\", \"threads\":257}", "usage",
		"threads is 257; it must be 1..256.");
	expect_error(self,
		"{\"cmd\":\"open\", \"workload\":\"tango\", \"threads\":1, \"burst\":1, "
		"\"depth\":1, \"object_bytes\":64}",
		"usage", "'tango' is not a workload.");
	expect_error(self,
		"{\"cmd\":\"open\", \"workload\":\"pair\", \"threads\":1, \"burst\":1, "
		"\"depth\":1, \"object_bytes\":64, \"pages\":\"yellow\"}",
		"usage", "pages is 'yellow'; it must be ordinary, transparent or huge.");
	expect_error(self,
		"{\"cmd\":\"open\", \"workload\":\"remote_free\", \"threads\":3, \"burst\":1, "
		"\"depth\":1, \"object_bytes\":64}",
		"usage", "threads is 3; remote_free needs a multiple of 2.");
	expect_reply(self, OPEN, "ready");
	expect_error(self, "{\"cmd\":\"slice\", \"window_ns\":0}", "usage",
		"window_ns is 0; it must be 10000..60000000000.");
	expect_error(self, "{\"cmd\":\"slice\", \"window_ns\":\"long\"}", "usage",
		"window_ns must be given, as an integer.");
	expect_reply(self, SLICE, "slice");
}

static void test_wrong_start(NO_STATE)
{
	assert_int_equal(worker_serve(-1, "nosuch", "folded"), 2);
	assert_int_equal(worker_serve(-1, "plain", "nosuch"), 2);
	assert_int_equal(worker_serve(-1, "plain", "folded"), 1);
}

#define session_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(test_hello),
		session_test(test_cells),
		session_test(test_objects),
		session_test(test_quit),
		session_test(test_end_of_file),
		session_test(test_malformed),
		session_test(test_wrong_state),
		session_test(test_wrong_values),
		cmocka_unit_test(test_wrong_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
