/*
 * Every public declaration of the installed headers has a comment directly before it, and for the
 * documented calls it names the reference page that it follows: "Source: ...".
 *
 *	docs_test HEADER...
 *
 * A declaration is a line that begins in the first column with a word: a function, a type, an enum;
 * or a macro, where one comment may stand for the macros that follow without a blank line. A
 * comment on the same line does for one that needs no page. Members are left to the reader, and so
 * is whether a comment is any good.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 4096 };

/* What stands before the line that is looked at. */
struct before {
	char comment[TEXT_BYTES]; /* the last one */
	bool in_comment;
	bool documented; /* it ends directly above, or covers the macros above */
	bool continued;  /* the line above ends in a backslash */
	int depth;       /* of braces */
};

/* True for the first line of a declaration at file scope. */
static bool begins_declaration(const char *line, const struct before *b)
{
	if (b->depth != 0 || b->continued)
		return false;
	if (strncmp(line, "#define ", 8) == 0)
		return strstr(line, "_H\n") == NULL; /* not the guard */
	return isalpha((unsigned char)line[0]) && strncmp(line, "extern \"C\"", 10) != 0;
}

/* The calls that follow a page each. */
static bool follows_a_page(const char *line)
{
	static const char *const prefixes[] = {"Ndis", "Fwps", "Io", "Mm"};
	const char *name = strchr(line, '(');

	if (name == NULL || line[0] == '#' || strncmp(line, "typedef", 7) == 0)
		return false;
	while (name > line && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
		name--;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static void take_comment(struct before *b, const char *line)
{
	size_t used = strlen(b->comment);

	snprintf(b->comment + used, sizeof(b->comment) - used, "%s", line);
	if (strstr(line, "*/") != NULL) {
		b->in_comment = false;
		b->documented = true;
	}
}

/* Counts what is missing in one header; declarations go into *all. */
static int missing_in(FILE *file, const char *path, bool say, int *all)
{
	struct before b = {.in_comment = false};
	char line[TEXT_BYTES];
	int missing = 0;
	int at = 0;
	bool in_declaration = false;

	while (fgets(line, sizeof(line), file) != NULL) {
		at++;
		if (!b.in_comment && b.depth == 0 && !in_declaration &&
			strncmp(line, "/*", 2) == 0) {
			b.in_comment = true;
			b.comment[0] = '\0';
		}
		if (b.in_comment) {
			take_comment(&b, line);
			continue;
		}
		bool macro = line[0] == '#' || b.continued;
		if (!in_declaration && begins_declaration(line, &b)) {
			bool beside = strstr(line, "/*") != NULL; /* on the line itself */
			bool lacks = (!b.documented && !beside) ||
				     (follows_a_page(line) && strstr(b.comment, "Source:") == NULL);

			(*all)++;
			missing += lacks;
			if (lacks && say)
				printf("%s:%d: lacks a comment, or its page: %s", path, at, line);
			in_declaration = !macro;
		}
		for (const char *c = line; *c != '\0' && !macro; c++) {
			if (strncmp(line, "extern \"C\"", 10) == 0 || line[0] == '}') {
				b.depth -= line[0] == '}' && b.depth > 0 && *c == '}';
				continue;
			}
			b.depth += *c == '{';
			b.depth -= *c == '}';
		}
		/* A function's body ends without a semicolon. */
		if (in_declaration && b.depth == 0 && (strchr(line, ';') != NULL || line[0] == '}'))
			in_declaration = false;
		size_t length = strlen(line);
		b.continued = macro && length > 1 && line[length - 2] == '\\';
		/* A comment covers what follows it without a blank line. */
		if (line[0] == '\n')
			b.documented = false;
	}
	return missing;
}

/* The search must find what is missing, and only that. */
static bool control_is_caught(void)
{
	static char text[] = "/* About it. Source: a page. */\n"
			     "VOID NdisGood(int a,\n\tint b);\n"
			     "\n"
			     "VOID NdisBare(int a);\n"
			     "\n"
			     "/* No page. */\n"
			     "VOID NdisNoPage(int a);\n"
			     "\n"
			     "/* Two. */\n"
			     "#define ONE 1\n"
			     "#define TWO \\\n\t2\n"
			     "\n"
			     "#define THREE 3\n"
			     "\n"
			     "/* A struct. */\n"
			     "typedef struct x {\n\tint a;\n} x;\n"
			     "\n"
			     "struct y {\n\tint a;\n};\n"
			     "\n"
			     "/* A body. */\n"
			     "static inline int z(void)\n{\n\treturn 1;\n}\n"
			     "\n"
			     "#define FOUR 4\n";
	int all = 0;
	FILE *file = fmemopen(text, strlen(text), "r");
	int missing = missing_in(file, "control", false, &all);

	fclose(file);
	printf("control: %d of 10 declarations found, %d of 5 that lack something\n", all, missing);
	return all == 10 && missing == 5;
}

int main(int argc, char **argv)
{
	bool good = control_is_caught();

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		int all = 0;

		if (file == NULL) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		int missing = missing_in(file, argv[i], true, &all);
		fclose(file);
		printf("%s: %d declarations, %d lack something\n", argv[i], all, missing);
		good &= missing == 0 && all != 0;
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
