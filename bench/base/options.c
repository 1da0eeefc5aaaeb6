/* Options from a table: see options.h. */
#include "bench/base/options.h"

#include "bench/base/append.h"
#include "bench/base/status.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A suggestion further away than this many edits is a guess, not help. */
	OPTIONS_NEAR_EDITS = 3,
	OPTIONS_WORD_MAX = 64, /* longest name that takes part in the search for a near one */
	OPTIONS_HELP_COLUMN = 26,
	OPTIONS_HELP_WIDTH = 100,
};

/* Where a value stands, for the sentence of its mistake. */
struct site {
	const char *command;
	const char *place;  /* "" on the command line */
	const char *dashes; /* before a name: "--" there */
};

static struct site command_line(const struct options *options)
{
	return (struct site){options->command, "", "--"};
}

/* The sentence for a mistake; always false, so that a parser can return it. */
__attribute__((format(printf, 2, 3))) static bool refuse(
	const struct site *site, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nblbench %s: %s", site->command, site->place);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return false;
}

uint32_t options_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 1)
		return 1;
	return (uint32_t)CPU_COUNT(&set);
}

/* Levenshtein's distance by rows; SIZE_MAX for words that are too long to be typing errors. */
static size_t edits(const char *a, const char *b)
{
	size_t row[OPTIONS_WORD_MAX + 1];
	size_t length = strlen(b);

	if (strlen(a) > OPTIONS_WORD_MAX || length > OPTIONS_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= length; j++) {
			size_t best = diagonal + (a[i] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length];
}

/* Whether a known word is nearer than *least edits, which it lowers then. */
static bool is_nearer(const char *word, const char *known, size_t *least)
{
	const size_t distance = edits(word, known);

	/* A name that shares no letter with a short one is near it only by count. */
	if (distance >= *least || distance >= strlen(word))
		return false;
	*least = distance;
	return true;
}

size_t options_find(const char *name, options_known known)
{
	size_t i = 0;

	while (known(i) != NULL && strcmp(known(i), name) != 0)
		i++;
	return i;
}

void options_hint(char *text, size_t bytes, const char *name, options_known known)
{
	const char *near = NULL;
	size_t least = OPTIONS_NEAR_EDITS;

	for (size_t i = 0; known(i) != NULL; i++)
		near = is_nearer(name, known(i), &least) ? known(i) : near;
	text[0] = '\0';
	if (near != NULL)
		append(text, bytes, "; did you mean '%s'? Known:", near);
	else
		append(text, bytes, "; known:");
	for (size_t i = 0; known(i) != NULL; i++)
		append(text, bytes, "%s %s", i == 0 ? "" : ",", known(i));
}

/* A whole number without sign or blanks. *end is where it stops. */
static bool read_number(const char *text, uint64_t *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

static bool in_range(const struct options_entry *entry, uint64_t value)
{
	return value >= entry->least && (entry->most == 0 || value <= entry->most) &&
	       !(entry->power_of_two && (value & (value - 1)) != 0);
}

/* "1 to 64", "at least 1" or "a power of two, 16 to 4096". */
static const char *range_text(const struct options_entry *entry, char *text, size_t bytes)
{
	const char *kind = entry->power_of_two ? "a power of two, " : "";

	if (entry->most == 0)
		snprintf(text, bytes, "%sat least %" PRIu64, kind, entry->least);
	else
		snprintf(text, bytes, "%s%" PRIu64 " to %" PRIu64, kind, entry->least, entry->most);
	return text;
}

static bool take_count(const struct site *site, const struct options_entry *entry, const char *text,
	uint64_t *into)
{
	char range[64];
	const char *end;
	uint64_t value;

	if (!read_number(text, &value, &end) || *end != '\0' || !in_range(entry, value))
		return refuse(site, "%s%s takes a whole number, %s; '%s' is not one", site->dashes,
			entry->name, range_text(entry, range, sizeof(range)), text);
	*into = value;
	return true;
}

static bool take_real(
	const struct site *site, const struct options_entry *entry, const char *text, double *into)
{
	char *end;
	double value = strtod(text, &end);

	/* Written so that NaN is refused too. */
	bool fits = value >= entry->real_least && value <= entry->real_most;
	if (end == text || *end != '\0' || !isdigit((unsigned char)text[0]) || !fits)
		return refuse(site, "%s%s takes a number, %g to %g; '%s' is not one", site->dashes,
			entry->name, entry->real_least, entry->real_most, text);
	*into = value;
	return true;
}

static bool take_text(const struct site *site, const struct options_entry *entry, const char *text,
	const char **into)
{
	if (text[0] == '\0')
		return refuse(
			site, "%s%s takes a value that isn't empty", site->dashes, entry->name);
	*into = text;
	return true;
}

static bool add_text(const struct site *site, const struct options_entry *entry, const char *text,
	struct options_texts *into)
{
	if (into->count == OPTIONS_TEXTS_MAX)
		return refuse(site, "%s%s can be given %d times at most", site->dashes, entry->name,
			OPTIONS_TEXTS_MAX);
	return take_text(site, entry, text, &into->item[into->count++]);
}

static bool take_names(const struct site *site, const struct options_entry *entry, const char *text,
	struct options_names *into)
{
	char hint[2 * OPTIONS_TEXT_MAX], copy[OPTIONS_TEXT_MAX];

	if (strlen(text) >= sizeof(copy))
		return refuse(site, "%s%s takes at most %zu characters", site->dashes, entry->name,
			sizeof(copy) - 1);
	memcpy(copy, text, strlen(text) + 1);
	into->count = 0;
	for (char *rest = copy, *name; (name = strsep(&rest, ",")) != NULL;) {
		const char *known = entry->known(options_find(name, entry->known));

		if (known == NULL) {
			options_hint(hint, sizeof(hint), name, entry->known);
			return refuse(site, "%s%s: there is no %s '%s'%s", site->dashes,
				entry->name, entry->noun, name, hint);
		}
		bool repeated = false;
		for (size_t j = 0; j < into->count; j++)
			repeated |= strcmp(into->item[j], name) == 0;
		if (repeated)
			continue;
		if (into->count == OPTIONS_LIST_MAX)
			return refuse(site, "%s%s takes at most %d names", site->dashes,
				entry->name, OPTIONS_LIST_MAX);
		into->item[into->count++] = known;
	}
	return true;
}

/*
 * A number, or N, 4N, N/2, N-1 or 3N/2-1. False as well when the product overflows. A part of N is at
 * least 1, so that a list which is written for many CPUs holds on one.
 */
static bool read_cpus_number(const char *text, uint64_t *value, const char **end)
{
	uint64_t factor = 1, part = 1, less = 0;

	*end = text;
	if (*text != 'N' && !read_number(text, &factor, end))
		return false;
	*value = factor;
	if (**end != 'N')
		return true;
	(*end)++;
	if (__builtin_mul_overflow(factor, (uint64_t)options_cpus(), value) || factor == 0)
		return false;
	if (**end == '/' && (!read_number(*end + 1, &part, end) || part == 0))
		return false;
	if (**end == '-' && !read_number(*end + 1, &less, end))
		return false;
	*value = *value / part > less ? *value / part - less : 1;
	return true;
}

static bool append_number(const struct site *site, const struct options_entry *entry,
	uint64_t value, struct options_numbers *into)
{
	char range[64];

	if (!in_range(entry, value))
		return refuse(site, "%s%s takes numbers, %s; %" PRIu64 " is not one", site->dashes,
			entry->name, range_text(entry, range, sizeof(range)), value);
	for (size_t i = 0; i < into->count; i++) {
		if (into->item[i] == value)
			return true;
	}
	if (into->count == OPTIONS_LIST_MAX)
		return refuse(site, "%s%s takes at most %d numbers", site->dashes, entry->name,
			OPTIONS_LIST_MAX);
	into->item[into->count++] = value;
	return true;
}

/* One item: a number, or a range whose step adds (1 if none is given) or multiplies. */
static bool take_range(const struct site *site, const struct options_entry *entry, const char *item,
	struct options_numbers *into)
{
	const char *end;
	uint64_t first, last, step = 1;
	bool multiply = false;
	bool good = read_cpus_number(item, &first, &end);

	last = first;
	if (good && strncmp(end, "..", 2) == 0) {
		good = read_cpus_number(end + 2, &last, &end) && first <= last;
		if (good && (*end == '*' || *end == '+')) {
			multiply = *end == '*';
			good = read_number(end + 1, &step, &end);
			good = good && step > (multiply ? 1 : 0) && (first > 0 || !multiply);
		}
	}
	if (!good || *end != '\0')
		return refuse(site,
			"%s%s takes a list like 1,2,4..8 or 1..64*2 or 1..N,N/2,N-1 (N: the "
			"%" PRIu32 " CPUs this process may use); '%s' is not an item of one",
			site->dashes, entry->name, options_cpus(), item);
	for (uint64_t value = first; value <= last;) {
		if (!append_number(site, entry, value, into))
			return false;
		if (multiply ? __builtin_mul_overflow(value, step, &value)
			     : __builtin_add_overflow(value, step, &value))
			break;
	}
	return true;
}

static bool take_numbers(const struct site *site, const struct options_entry *entry,
	const char *text, struct options_numbers *into)
{
	char copy[OPTIONS_TEXT_MAX];

	if (strlen(text) >= sizeof(copy))
		return refuse(site, "%s%s takes at most %zu characters", site->dashes, entry->name,
			sizeof(copy) - 1);
	memcpy(copy, text, strlen(text) + 1);
	into->count = 0;
	for (char *rest = copy, *item; (item = strsep(&rest, ",")) != NULL;) {
		if (!take_range(site, entry, item, into))
			return false;
	}
	return true;
}

static bool take_value(
	const struct site *site, const struct options_entry *entry, const char *text, void *into)
{
	void *member = (char *)into + entry->offset;

	switch (entry->kind) {
	case OPTIONS_FLAG:
		*(bool *)member = text == NULL || strcmp(text, "yes") == 0;
		return text == NULL || *(bool *)member || strcmp(text, "no") == 0 ||
		       refuse(site, "%s%s takes yes or no; '%s' is neither", site->dashes,
			       entry->name, text);
	case OPTIONS_COUNT:
		return take_count(site, entry, text, member);
	case OPTIONS_REAL:
		return take_real(site, entry, text, member);
	case OPTIONS_TEXT:
		return take_text(site, entry, text, member);
	case OPTIONS_TEXTS:
		return add_text(site, entry, text, member);
	case OPTIONS_NAMES:
		return take_names(site, entry, text, member);
	case OPTIONS_NUMBERS:
		return take_numbers(site, entry, text, member);
	}
	return false;
}

static const struct options_entry *find_long(
	const struct options *options, const char *name, size_t length)
{
	for (size_t i = 0; i < options->count; i++) {
		const char *known = options->entry[i].name;

		if (strlen(known) == length && strncmp(known, name, length) == 0)
			return &options->entry[i];
	}
	return NULL;
}

static const struct options_entry *find_letter(const struct options *options, char letter)
{
	for (size_t i = 0; i < options->count; i++) {
		if (options->entry[i].letter == letter)
			return &options->entry[i];
	}
	return NULL;
}

/* The option or key nearest to a word; NULL: none is near. dashes: what stands before it in the word. */
static const char *nearest(const struct options *options, const char *dashes, const char *word)
{
	const char *near = NULL;
	size_t least = OPTIONS_NEAR_EDITS;

	for (size_t i = 0; i < options->count; i++) {
		char known[OPTIONS_WORD_MAX];

		snprintf(known, sizeof(known), "%s%s", dashes, options->entry[i].name);
		near = is_nearer(word, known, &least) ? options->entry[i].name : near;
	}
	return near;
}

static bool refuse_unknown(const struct options *options, const char *argument)
{
	const struct site site = command_line(options);
	char name[OPTIONS_WORD_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);

	const char *near = nearest(options, "--", name);

	if (near != NULL)
		return refuse(&site, "there is no option '%s'; did you mean '--%s'?", name, near);
	return refuse(&site, "there is no option '%s'; 'nblbench %s --help' lists those there are",
		name, options->command);
}

static bool refuse_missing(const struct options *options, const struct options_entry *entry)
{
	const struct site site = command_line(options);

	return refuse(&site, "--%s needs a value: %s", entry->name, entry->value);
}

/*
 * A word of short options: flags, of which the last may be an option with a value, in the same word
 * or the next.
 */
static bool take_letters(const struct options *options, int argc, char **argv, int *i, void *into)
{
	const struct site site = command_line(options);

	for (const char *at = argv[*i] + 1; *at != '\0'; at++) {
		const struct options_entry *entry = find_letter(options, *at);
		const char letter[] = {'-', *at, '\0'};

		if (entry == NULL)
			return refuse_unknown(options, letter);
		if (entry->kind == OPTIONS_FLAG) {
			take_value(&site, entry, NULL, into);
			continue;
		}
		if (at[1] != '\0')
			return take_value(&site, entry, at + 1, into);
		if (*i + 1 >= argc)
			return refuse_missing(options, entry);
		return take_value(&site, entry, argv[++*i], into);
	}
	return true;
}

/* One option at argv[*i]; moves *i to its value if that is an argument of its own. */
static bool take_option(const struct options *options, int argc, char **argv, int *i, void *into)
{
	const struct site site = command_line(options);
	const char *argument = argv[*i];
	const char *text = NULL;

	if (argument[1] != '-')
		return take_letters(options, argc, argv, i, into);

	const size_t length = strcspn(argument + 2, "=");
	const struct options_entry *entry = find_long(options, argument + 2, length);

	if (entry == NULL) {
		/* What follows is likely to be its value. */
		if (argument[2 + length] == '\0' && *i + 1 < argc && argv[*i + 1][0] != '-')
			++*i;
		return refuse_unknown(options, argument);
	}
	if (argument[2 + length] == '=')
		text = argument + 2 + length + 1;
	if (entry->kind == OPTIONS_FLAG && text != NULL)
		return refuse(&site, "--%s takes no value", entry->name);
	if (entry->kind != OPTIONS_FLAG && text == NULL) {
		if (*i + 1 >= argc)
			return refuse_missing(options, entry);
		text = argv[++*i];
	}
	return take_value(&site, entry, text, into);
}

bool options_parse(
	const struct options *options, int argc, char **argv, void *into, int *operand, int *status)
{
	const struct site site = command_line(options);
	int operands = 0;
	bool only_operands = false, good = true;

	*status = COMMAND_USAGE;
	for (int i = 1; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
			/* Operands gather at the front and move behind the options below. */
			argv[1 + operands++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			only_operands = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			options_help(options, into);
			*status = COMMAND_OK;
			return false;
		} else {
			good = take_option(options, argc, argv, &i, into) && good;
		}
	}
	if (!good)
		return false;
	if (operands > options->operands_most)
		return options->operands_most == 0
			       ? refuse(&site, "'%s' is not an option, and nothing else is taken",
					 argv[1])
			       : refuse(&site, "at most %d operands are taken: %s",
					 options->operands_most, options->operands);
	if (operands < options->operands_least)
		return refuse(&site, "needs %s", options->operands);
	memmove(argv + argc - operands, argv + 1, (size_t)operands * sizeof(*argv));
	*operand = argc - operands;
	return true;
}

const struct options_entry *options_key(
	const struct options *options, const char *place, const char *key)
{
	const struct site site = {options->command, place, ""};
	const struct options_entry *entry = find_long(options, key, strlen(key));
	const char *near = entry == NULL ? nearest(options, "", key) : NULL;

	if (near != NULL)
		refuse(&site, "there is no key '%s'; did you mean '%s'?", key, near);
	else if (entry == NULL)
		refuse(&site, "there is no key '%s'; keys are the options of 'nblbench %s --help'",
			key, options->command);
	return entry;
}

bool options_take(const struct options *options, const char *place,
	const struct options_entry *entry, const char *value, void *into)
{
	const struct site site = {options->command, place, ""};

	return take_value(&site, entry, value, into);
}

/* Prints text from OPTIONS_HELP_COLUMN on, wrapped between words. */
static void print_wrapped(const char *text)
{
	size_t column = OPTIONS_HELP_COLUMN;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column + word > OPTIONS_HELP_WIDTH) {
			printf("\n%*s", OPTIONS_HELP_COLUMN, "");
			column = OPTIONS_HELP_COLUMN;
		}
		printf("%.*s", (int)word, text);
		text += word;
		column += word + 1;
		if (*text == ' ') {
			text++;
			printf(" ");
		}
	}
	printf("\n");
}

static void describe_default(
	const struct options_entry *entry, const void *into, char *text, size_t bytes)
{
	const void *member = (const char *)into + entry->offset;

	text[0] = '\0';
	if (entry->kind == OPTIONS_COUNT && *(const uint64_t *)member != 0)
		snprintf(text, bytes, " [%" PRIu64 "]", *(const uint64_t *)member);
	else if (entry->kind == OPTIONS_REAL && *(const double *)member > 0)
		snprintf(text, bytes, " [%g]", *(const double *)member);
	else if (entry->kind == OPTIONS_TEXT && *(const char *const *)member != NULL)
		snprintf(text, bytes, " [%s]", *(const char *const *)member);
}

void options_help(const struct options *options, const void *into)
{
	char text[OPTIONS_TEXT_MAX];

	printf("Usage: nblbench %s [OPTION]...%s%s\n\n%s\n\nOptions:\n", options->command,
		options->operands ? " " : "", options->operands ? options->operands : "",
		options->summary);
	for (size_t i = 0; i < options->count; i++) {
		const struct options_entry *entry = &options->entry[i];
		char fallback[OPTIONS_WORD_MAX];
		int width = 0;

		if (entry->letter != 0)
			width = printf("  -%c, --%s", entry->letter, entry->name);
		else
			width = printf("      --%s", entry->name);
		if (entry->value != NULL)
			width += printf(" %s", entry->value);
		printf("%*s", width + 2 > OPTIONS_HELP_COLUMN ? 2 : OPTIONS_HELP_COLUMN - width,
			"");
		describe_default(entry, into, fallback, sizeof(fallback));
		snprintf(text, sizeof(text), "%s%s", entry->help, fallback);
		print_wrapped(text);
	}
	printf("  -h, --help              print this and exit\n");
	if (options->closing != NULL)
		printf("\n%s\n", options->closing);
}
