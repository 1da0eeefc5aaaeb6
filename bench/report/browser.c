/* See browser.h. A message is JSON and a zero byte; the browser reads from descriptor 3 and writes to 4. */
#include "bench/report/browser.h"

#include "alloc/machine/cmocka.h"
#include "bench/base/need.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READS = 3, /* descriptors of the browser's */
	WRITES = 4,
	PATH_BYTES = 4096,
	SCRIPT_BYTES = 1024,
	ANSWER_S = 120, /* the longest that a page may take, on a busy machine too */
};

struct browser {
	pid_t pid;
	FILE *to, *from;
	int calls, exceptions;
	bool loaded;
	char session[64]; /* empty before there is one */
};

extern char **environ;

static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};

/* It interrupts a read; there is nothing else to do. */
static void on_alarm(int number)
{
	(void)number;
}

/* One message; NULL at the end, or when none came in time. */
static json_t *receive(struct browser *b)
{
	char *text = NULL;
	size_t room = 0;

	alarm(ANSWER_S);
	const ssize_t length = getdelim(&text, &room, '\0', b->from);
	alarm(0);
	json_t *message = length < 0 ? NULL : json_loads(text, 0, NULL);

	free(text);
	return message;
}

static void notice(struct browser *b, const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	if (method == NULL)
		return;
	b->exceptions += strcmp(method, "Runtime.exceptionThrown") == 0;
	b->loaded |= strcmp(method, "Page.loadEventFired") == 0;
}

/* What there is to say where no message came. */
static void fail_silent(struct browser *b, const char *what)
{
	int status;

	if (waitpid(b->pid, &status, WNOHANG) != b->pid)
		fail_msg("the browser said nothing for %d s, at %s", ANSWER_S, what);
	fail_msg("the browser ended, %s %d, at %s",
		WIFSIGNALED(status) ? "by signal" : "with status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), what);
}

/* The answer to a call, whose parameters it takes over; the caller frees it. */
static json_t *call(struct browser *b, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:i, s:s, s:o}", "id", ++b->calls, "method", method, "params",
		params == NULL ? json_object() : params);

	if (b->session[0] != '\0')
		json_object_set_new(request, "sessionId", json_string(b->session));
	json_dumpf(request, b->to, JSON_COMPACT);
	fputc('\0', b->to);
	fflush(b->to);
	json_decref(request);
	for (;;) {
		json_t *message = receive(b);

		if (message == NULL)
			fail_silent(b, method);
		notice(b, message);
		if (json_integer_value(json_object_get(message, "id")) != b->calls) {
			json_decref(message);
			continue;
		}

		json_t *result = json_incref(json_object_get(message, "result"));

		if (result == NULL)
			fail_msg("the browser refuses %s: %s", method,
				json_dumps(json_object_get(message, "error"), JSON_COMPACT));
		json_decref(message);
		return result;
	}
}

static void tell(struct browser *b, const char *method, json_t *params)
{
	json_decref(call(b, method, params));
}

/* Whether it could be started. */
static bool spawn(struct browser *b, const char *name, const char *folder, const int *pipes)
{
	char profile[PATH_BYTES];
	posix_spawn_file_actions_t actions;

	snprintf(profile, sizeof(profile), "--user-data-dir=%s", folder);

	const char *const arguments[] = {name, "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-extensions",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", profile,
		"about:blank", NULL};

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[0], READS);
	posix_spawn_file_actions_adddup2(&actions, pipes[3], WRITES);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);

	const int code = posix_spawnp(
		&b->pid, name, &actions, NULL, (char *const *)(uintptr_t)arguments, environ);

	posix_spawn_file_actions_destroy(&actions);
	return code == 0;
}

/* Two pipes whose ends lie above the descriptors that the browser wants them at. */
static void make_pipes(int *pipes)
{
	for (int i = 0; i < 4; i += 2) {
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		for (int k = 0; k < 2; k++) {
			pipes[i + k] = fcntl(ends[k], F_DUPFD_CLOEXEC, WRITES + 1);
			assert_true(pipes[i + k] >= 0);
			close(ends[k]);
		}
	}
}

static void attach(struct browser *b)
{
	json_t *list = call(b, "Target.getTargets", NULL), *info;
	const char *target = NULL;
	size_t i;

	json_array_foreach(json_object_get(list, "targetInfos"), i, info)
	{
		if (strcmp(json_string_value(json_object_get(info, "type")), "page") == 0)
			target = json_string_value(json_object_get(info, "targetId"));
	}
	assert_non_null(target);

	json_t *session = call(b, "Target.attachToTarget",
		json_pack("{s:s, s:b}", "targetId", target, "flatten", 1));

	snprintf(b->session, sizeof(b->session), "%s",
		json_string_value(json_object_get(session, "sessionId")));
	json_decref(session);
	json_decref(list);
	tell(b, "Page.enable", NULL);
	tell(b, "Runtime.enable", NULL);
}

struct browser *browser_start(const char *folder)
{
	struct browser *b = need(1, sizeof(*b));
	bool started = false;
	int pipes[4];

	make_pipes(pipes);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !started; i++)
		started = spawn(b, names[i], folder, pipes);
	close(pipes[0]);
	close(pipes[3]);
	b->from = fdopen(pipes[2], "r");
	b->to = fdopen(pipes[1], "w");
	assert_true(b->from != NULL && b->to != NULL);
	if (!started) {
		print_message("no browser was found in which pages could be tried: none of");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			print_message(" %s", names[i]);
		print_message("; Debian's and Ubuntu's package is chromium\n");
		fclose(b->from);
		fclose(b->to);
		free(b);
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	attach(b);
	return b;
}

void browser_stop(struct browser *b)
{
	b->session[0] = '\0';
	tell(b, "Browser.close", NULL);
	while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	fclose(b->to);
	fclose(b->from);
	free(b);
}

static void go(struct browser *b, const char *address)
{
	b->loaded = false;
	b->exceptions = 0;
	tell(b, "Page.navigate", json_pack("{s:s}", "url", address));
	while (!b->loaded) {
		json_t *message = receive(b);

		if (message == NULL)
			fail_silent(b, "the end of loading");
		notice(b, message);
		json_decref(message);
	}
}

void browser_open(struct browser *b, const char *address)
{
	/* The same address with another "#" would be no new page. */
	go(b, "about:blank");
	go(b, address);
}

void browser_look(struct browser *b, const struct browser_view *view)
{
	tell(b, "Emulation.setDeviceMetricsOverride",
		json_pack("{s:i, s:i, s:i, s:b}", "width", view->width, "height", view->height,
			"deviceScaleFactor", 1, "mobile", 0));
	/* Without motion a link's target is in sight at once. */
	tell(b, "Emulation.setEmulatedMedia",
		json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "media",
			view->print ? "print" : "screen", "features", "name",
			"prefers-color-scheme", "value", view->dark ? "dark" : "light", "name",
			"prefers-reduced-motion", "value", "reduce"));
}

json_t *browser_value(struct browser *b, const char *expression)
{
	json_t *answer = call(b, "Runtime.evaluate",
		json_pack("{s:s, s:b, s:b}", "expression", expression, "returnByValue", 1,
			"awaitPromise", 1));
	json_t *value = json_incref(json_object_get(json_object_get(answer, "result"), "value"));

	if (json_object_get(answer, "exceptionDetails") != NULL)
		fail_msg("%.200s: %s", expression,
			json_dumps(json_object_get(answer, "exceptionDetails"), JSON_COMPACT));
	json_decref(answer);
	return value;
}

int browser_number(struct browser *b, const char *expression)
{
	json_t *value = browser_value(b, expression);
	const int number =
		json_is_boolean(value) ? json_is_true(value) : (int)json_integer_value(value);

	if (!json_is_boolean(value) && !json_is_integer(value))
		fail_msg("%s is no whole number", expression);
	json_decref(value);
	return number;
}

int browser_exceptions(struct browser *b)
{
	json_decref(browser_value(b, "0")); /* what was thrown before is told before the answer */
	return b->exceptions;
}

static void mouse(struct browser *b, const char *type, json_t *at)
{
	tell(b, "Input.dispatchMouseEvent",
		json_pack("{s:s, s:O, s:O, s:s, s:i, s:i}", "type", type, "x",
			json_array_get(at, 0), "y", json_array_get(at, 1), "button", "left",
			"buttons", strcmp(type, "mousePressed") == 0, "clickCount", 1));
}

void browser_click(struct browser *b, const char *element)
{
	char script[SCRIPT_BYTES];

	snprintf(script, sizeof(script),
		"(function (e) { e.scrollIntoView({block: 'center', inline: 'center'});"
		" return new Promise(function (done) { requestAnimationFrame(function () {"
		" const r = e.getClientRects()[0];"
		" done([r.left + r.width / 2, r.top + r.height / 2]); }); }); }(%s))",
		element);

	json_t *at = browser_value(b, script);

	mouse(b, "mousePressed", at);
	mouse(b, "mouseReleased", at);
	json_decref(at);
}

void browser_press(struct browser *b, const char *element, const char *key)
{
	static const struct {
		const char *key, *code, *text;
		int number;
	} keys[] = {{"Enter", "Enter", "\r", 13}, {" ", "Space", " ", 32},
		{"ArrowRight", "ArrowRight", "", 39}};
	char script[SCRIPT_BYTES];
	size_t k = 0;

	snprintf(script, sizeof(script),
		"(function (e) { e.focus(); return document.activeElement === e; }(%s))", element);
	if (!browser_number(b, script))
		fail_msg("%s can't be reached by keys", element);
	while (strcmp(keys[k].key, key) != 0)
		k++;
	for (int up = 0; up < 2; up++)
		tell(b, "Input.dispatchKeyEvent",
			json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", up ? "keyUp" : "keyDown",
				"key", key, "code", keys[k].code, "text", up ? "" : keys[k].text,
				"windowsVirtualKeyCode", keys[k].number));
}
