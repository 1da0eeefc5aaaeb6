/*
 * Templates: documents that stand in files of their own, with slots that C fills. A page's markup
 * and a figure's script are then read and edited as what they are.
 *
 * The language is a part of Mustache. Data are a tree of JSON:
 *
 *	{{name}}                 the member `name`, a string or an integer, escaped
 *	{{&name}}                the same as it is
 *	{{#name}} ... {{/name}}  once for each element of an array, once for an object or any other
 *	                         value, never for what is nothing: null, false, 0, "" and []
 *	{{^name}} ... {{/name}}  once for what is nothing
 *	{{! ... }}               a comment
 *
 * Objects change the scope: inside their block a name means a member of theirs and of nobody else.
 * So no slot is filled by accident from outside. A slot without a member is an error, never empty
 * text. Tabs at the start of a line are not printed, and neither is a line of blocks' tags alone.
 */
#ifndef BENCH_REPORT_TEMPLATE_H
#define BENCH_REPORT_TEMPLATE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Prints text so that it means nothing but itself where a slot stands: html_text is one. */
typedef void template_escape(FILE *out, const char *text);

enum { TEMPLATE_WHY_BYTES = 128 };

/*
 * Prints the template filled with data. 0; or -EINVAL with a sentence in why (TEMPLATE_WHY_BYTES),
 * after part of it was printed: a slot has no member, or one of another type; blocks are not closed
 * in the order in which they were opened.
 */
int template_print(
	const char *template, const json_t *data, template_escape *escape, FILE *out, char *why);

/*
 * Makes an object of names and values, up to a NULL in place of a name. Takes over the values. A
 * value that is NULL, for want of memory, leaves its name out, which template_print then reports.
 */
json_t *template_record(const char *name, ...);

/* A string of any bytes, which need not be UTF-8: what a store holds. NULL becomes null. */
json_t *template_text(const char *text);

/* A whole number. */
static inline json_t *template_count(uint64_t number)
{
	return json_integer((json_int_t)number);
}

/* A formatted string. */
json_t *template_words(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
