/* What the command lines of the layers have in common. */
#ifndef STRESS_WORDS_H
#define STRESS_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	OPTIONS_STATUS_USAGE = 2, /* exit status for wrong usage */
	OPTIONS_NAMES_MAX = 64,
};

/* The names of an option's list; none means all. */
struct option_names {
	char *name[OPTIONS_NAMES_MAX];
	uint32_t count;
};

/* The name in front of sentences; each program has its own. */
extern const char options_program[];

/* Ends the program with status 2 and the sentence. */
__attribute__((format(printf, 1, 2))) _Noreturn void options_usage_error(const char *format, ...);

/* Adds the names of a list with commas, which is cut up in place; or ends the program. option: "--pool". */
void options_names(struct option_names *names, char *text, const char *option);

/* True if name is among names, or names is empty. */
bool options_chosen(const struct option_names *names, const char *name);

/* Prints a text as a shell wants it: in apostrophes, and those of the text outside of them. */
void options_print_quoted(const char *text);

/* A whole number from least to most, or ends the program. */
uint64_t options_number(const char *text, const char *option, uint64_t least, uint64_t most);

#endif
