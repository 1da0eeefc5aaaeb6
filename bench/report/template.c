/* See template.h. */
#include "bench/report/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 40 };

struct printer {
	FILE *out;
	template_escape *escape;
	char *why;
	bool blank;  /* nothing of this line is printed yet */
	bool tagged; /* a block's tag or a comment stands in this line */
};

/* One {{tag}}. */
struct tag {
	char kind; /* # ^ / & ! or 0 for a slot */
	char name[NAME_BYTES];
};

static const char *fail(struct printer *p, const char *what, const char *name)
{
	snprintf(p->why, TEMPLATE_WHY_BYTES, "The template's {{%s}} %s.", name, what);
	return NULL;
}

/* Reads the tag at `at`, which starts with its braces; returns what follows, or NULL after why. */
static const char *read_tag(struct printer *p, const char *at, struct tag *tag)
{
	const char *end = strstr(at, "}}");
	const char *name = at + strlen("{{");

	tag->name[0] = '\0';
	if (end == NULL)
		return fail(p, "is not closed", "");
	tag->kind = strchr("#^/&!", *name) != NULL ? *name++ : '\0';
	if (tag->kind != '!')
		snprintf(tag->name, sizeof(tag->name), "%.*s", (int)(end - name), name);
	return end + strlen("}}");
}

/* Template text between two tags. */
static void print_literal(struct printer *p, const char *text, const char *end)
{
	for (; text < end; text++) {
		if (*text == '\t' && p->blank)
			continue;
		if (*text != '\n') {
			p->blank = false;
			fputc(*text, p->out);
			continue;
		}
		if (!p->blank || !p->tagged)
			fputc('\n', p->out);
		p->blank = true;
		p->tagged = false;
	}
}

static bool print_slot(struct printer *p, const struct tag *tag, const json_t *value)
{
	if (json_is_integer(value))
		fprintf(p->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (!json_is_string(value))
		return fail(p, "is filled with neither text nor a number", tag->name) != NULL;
	else if (tag->kind == '&')
		fputs(json_string_value(value), p->out);
	else
		p->escape(p->out, json_string_value(value));
	p->blank = false;
	return true;
}

static bool is_nothing(const json_t *value)
{
	return json_is_null(value) || json_is_false(value) ||
	       (json_is_integer(value) && json_integer_value(value) == 0) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

static const char *print_until(
	struct printer *p, const char *at, const json_t *scope, const char *block, bool shown);

/* The block that follows its opening tag, as often as its value says. */
static const char *print_block(struct printer *p, const char *at, const json_t *scope,
	const struct tag *tag, const json_t *value, bool shown)
{
	const char *behind = NULL;

	shown = shown && is_nothing(value) == (tag->kind == '^');
	if (!shown || !json_is_array(value) || tag->kind == '^')
		return print_until(
			p, at, json_is_object(value) && shown ? value : scope, tag->name, shown);
	for (size_t i = 0; i < json_array_size(value); i++) {
		behind = print_until(p, at, json_array_get(value, i), tag->name, true);
		if (behind == NULL)
			return NULL;
	}
	return behind;
}

/*
 * Prints up to the tag that closes `block`, or to the end where block is NULL; skips it where it is
 * not to be shown. Returns what follows, or NULL after why.
 */
static const char *print_until(
	struct printer *p, const char *at, const json_t *scope, const char *block, bool shown)
{
	for (;;) {
		const char *brace = strstr(at, "{{");
		const char *end = brace != NULL ? brace : at + strlen(at);
		struct tag tag;

		if (shown)
			print_literal(p, at, end);
		if (brace == NULL)
			return block == NULL ? end : fail(p, "is not closed", block);
		at = read_tag(p, brace, &tag);
		if (at == NULL)
			return NULL;
		if (tag.kind != '&' && tag.kind != '\0')
			p->tagged = p->tagged || shown;
		if (tag.kind == '/') {
			if (block == NULL || strcmp(tag.name, block) != 0)
				return fail(p, "is closed where another is open", tag.name);
			return at;
		}
		if (tag.kind == '!')
			continue;

		const json_t *value = shown ? json_object_get(scope, tag.name) : NULL;

		if (shown && value == NULL)
			return fail(p, "is filled by nothing", tag.name);
		if (tag.kind == '#' || tag.kind == '^')
			at = print_block(p, at, scope, &tag, value, shown);
		else if (shown && !print_slot(p, &tag, value))
			at = NULL;
		if (at == NULL)
			return NULL;
	}
}

int template_print(
	const char *template, const json_t *data, template_escape *escape, FILE *out, char *why)
{
	struct printer p = {.out = out, .escape = escape, .why = why, .blank = true};

	return print_until(&p, template, data, NULL, true) == NULL ? -EINVAL : 0;
}

json_t *template_record(const char *name, ...)
{
	json_t *record = json_object();
	va_list args;

	va_start(args, name);
	for (; name != NULL; name = va_arg(args, const char *))
		json_object_set_new_nocheck(record, name, va_arg(args, json_t *));
	va_end(args);
	return record;
}

json_t *template_text(const char *text)
{
	return text == NULL ? json_null() : json_string_nocheck(text);
}

json_t *template_words(const char *format, ...)
{
	char *text = NULL;
	json_t *words = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0) {
		words = json_string_nocheck(text);
		free(text);
	}
	va_end(args);
	return words;
}
