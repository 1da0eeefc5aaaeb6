/* See schema.h. */
#include "bench/report/schema.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check {
	const json_t *root; /* the whole schema, in which definitions stand */
	char *why;
};

/* Where a value stands, from the top: a list, since a path is wanted only where it is wrong. */
struct place {
	const struct place *above;
	const char *name; /* NULL: by its number */
	size_t number;
};

static void put_place(FILE *out, const struct place *place)
{
	if (place->above == NULL)
		return;
	put_place(out, place->above);
	if (place->name != NULL)
		fprintf(out, "/%s", place->name);
	else
		fprintf(out, "/%zu", place->number);
}

__attribute__((format(printf, 3, 4))) static bool refuse(
	const struct check *check, const struct place *place, const char *format, ...)
{
	FILE *out = fmemopen(check->why, SCHEMA_WHY_BYTES, "w");
	va_list args;

	if (out == NULL)
		return false;
	fputs(place->above == NULL ? "The whole" : "", out);
	put_place(out, place);
	fputc(' ', out);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fclose(out);
	return false;
}

static bool is_of_type(const json_t *value, const char *type)
{
	return strcmp(type, "object") == 0    ? json_is_object(value)
	       : strcmp(type, "array") == 0   ? json_is_array(value)
	       : strcmp(type, "string") == 0  ? json_is_string(value)
	       : strcmp(type, "integer") == 0 ? json_is_integer(value)
	       : strcmp(type, "number") == 0  ? json_is_number(value)
	       : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
	       : strcmp(type, "null") == 0    ? json_is_null(value)
					      : false;
}

static bool is_listed(const json_t *value, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (json_equal(value, one))
			return true;
	}
	return false;
}

static bool holds(const struct check *check, const struct place *place, const json_t *schema,
	const json_t *value);

/* An object's members: those that are described, and others if these may be. */
static bool members_hold(const struct check *check, const struct place *place, const json_t *schema,
	const json_t *value)
{
	const json_t *known = json_object_get(schema, "properties");
	const json_t *others = json_object_get(schema, "additionalProperties"), *member;
	const json_t *needed = json_object_get(schema, "required"), *name;
	const char *key;
	size_t i;

	json_array_foreach(needed, i, name)
	{
		if (json_object_get(value, json_string_value(name)) == NULL)
			return refuse(check, place, "lacks '%s'.", json_string_value(name));
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		const struct place there = {.above = place, .name = key};
		const json_t *own = json_object_get(known, key);

		if (own == NULL && json_is_false(others))
			return refuse(check, place,
				"has '%s', of which its description says "
				"nothing.",
				key);
		if (own == NULL)
			own = others;
		if (json_is_object(own) && !holds(check, &there, own, member))
			return false;
	}
	return true;
}

static bool elements_hold(const struct check *check, const struct place *place,
	const json_t *schema, const json_t *value)
{
	const json_t *items = json_object_get(schema, "items"), *one;
	size_t i;

	json_array_foreach(value, i, one)
	{
		const struct place there = {.above = place, .number = i};

		if (items != NULL && !holds(check, &there, items, one))
			return false;
	}
	return true;
}

/* Whether all keywords are known; comments among them. */
static bool keywords_are_known(
	const struct check *check, const struct place *place, const json_t *schema)
{
	static const char *const known[] = {"$schema", "title", "description", "definitions",
		"$defs", "format", "$ref", "type", "enum", "const", "minimum", "required",
		"properties", "additionalProperties", "items"};
	const json_t *member;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)schema, key, member)
	{
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return refuse(
				check, place, "is described by '%s', which is not known.", key);
	}
	return true;
}

static bool holds(const struct check *check, const struct place *place, const json_t *schema,
	const json_t *value)
{
	static const char *const definitions[] = {"definitions", "$defs"};
	const char *reference = json_string_value(json_object_get(schema, "$ref"));
	const char *type = json_string_value(json_object_get(schema, "type"));
	const json_t *list = json_object_get(schema, "enum");
	const json_t *least = json_object_get(schema, "minimum");
	const json_t *only = json_object_get(schema, "const");

	if (!keywords_are_known(check, place, schema))
		return false;
	if (reference != NULL) {
		const char *name = strrchr(reference, '/');
		const json_t *meant = NULL;

		for (size_t i = 0; i < 2 && name != NULL && meant == NULL; i++)
			meant = json_object_get(
				json_object_get(check->root, definitions[i]), name + 1);
		return meant == NULL ? refuse(check, place,
					       "is described as '%s', which is nowhere.", reference)
				     : holds(check, place, meant, value);
	}
	if (type != NULL && !is_of_type(value, type))
		return refuse(check, place, "is not of type '%s'.", type);
	if (list != NULL && !is_listed(value, list))
		return refuse(check, place, "is none of the values that it may have.");
	if (only != NULL && !json_equal(value, only))
		return refuse(check, place, "is not the value that it must have.");
	if (least != NULL && json_number_value(value) < json_number_value(least))
		return refuse(check, place, "is below %g.", json_number_value(least));
	return members_hold(check, place, schema, value) &&
	       elements_hold(check, place, schema, value);
}

bool schema_holds(const json_t *schema, const json_t *value, char *why)
{
	const struct check check = {.root = schema, .why = why};
	const struct place top = {.above = NULL};

	snprintf(why, SCHEMA_WHY_BYTES, "There is not enough memory.");
	return holds(&check, &top, schema, value);
}
