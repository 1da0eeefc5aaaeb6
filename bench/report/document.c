/* See document.h. */
#include "bench/report/document.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/escape.h"

#include <math.h>
#include <string.h>

/* The shape of a character's first byte, the bytes behind it, and the least value that takes so many. */
static const struct {
	unsigned char mask, head;
	size_t more;
	uint32_t least;
} shapes[] = {{0x80, 0x00, 0, 0}, {0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800},
	{0xf8, 0xf0, 3, 0x10000}};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* What XML 1.0 calls a Char. */
static bool is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
	       (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c < 0x110000);
}

/* Bytes of the character that text begins with; 0: it is none. */
static size_t character(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t i = 0;

	while (i < SHAPES && (bytes[0] & shapes[i].mask) != shapes[i].head)
		i++;
	if (i == SHAPES)
		return 0;

	uint32_t value = bytes[0] & (uint32_t)~shapes[i].mask;

	for (size_t k = 1; k <= shapes[i].more; k++) {
		if ((bytes[k] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[k] & 0x3f);
	}
	return value >= shapes[i].least && is_char(value) ? 1 + shapes[i].more : 0;
}

/* A copy without what is no character, for the caller to free. */
static char *cleaned(const char *text)
{
	char *copy = need_copy(text), *at = copy;

	while (*at != '\0') {
		const size_t bytes = character(at);

		if (bytes == 0)
			*at = '?';
		at += bytes == 0 ? 1 : bytes;
	}
	return copy;
}

json_t *document_text(const char *text)
{
	if (text == NULL)
		return json_null();

	AUTO_FREE char *clean = cleaned(text);

	return json_string(clean);
}

void document_set(json_t *object, const char *name, double value)
{
	if (isfinite(value))
		json_object_set_new(object, name, json_real(value));
}

void document_xml(FILE *out, const char *text)
{
	AUTO_FREE char *clean = cleaned(text);

	html_text(out, clean);
}

static json_t *joined(const char *first, const char *between, const char *second)
{
	AUTO_FREE char *text = NULL;

	if (asprintf(&text, "%s%s%s", first, between, second) < 0)
		need_failed();
	return document_text(text);
}

json_t *document_row(const struct analysis *a, size_t cell, size_t subject)
{
	return joined(a->cells[cell].label, "/", a->subjects[subject].label);
}

json_t *document_reason(const struct analysis_result *result)
{
	const char *reason = result->reason == NULL ? "" : result->reason;

	return joined(analysis_state_name(result->state), *reason == '\0' ? "" : ": ", reason);
}

const char *document_cpu(const struct analysis *a)
{
	const char *cpu = analysis_fingerprint(a, "cpu");
	const char *older = cpu == NULL ? analysis_fingerprint(a, "cpu.model") : cpu;

	return older == NULL || *older == '\0' ? "unknown" : older;
}

void document_print(json_t *all, FILE *out)
{
	if (all == NULL)
		need_failed();
	json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(all);
}
