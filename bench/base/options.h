/*
 * One table a command: what it can be asked, in which range, and where the answer goes. Parsing,
 * --help and the sentence for each mistake all come from that table, so they can't disagree.
 *
 * Accepted are --name VALUE, --name=VALUE, -x VALUE, -xVALUE, flags in one word (-xyz) and, after
 * --, operands only. The same option given twice takes the last value, but for OPTIONS_TEXTS.
 */
#ifndef BENCH_BASE_OPTIONS_H
#define BENCH_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPTIONS_LIST_MAX = 64,   /* items in one list: more than there are strategies or CPUs to
				    ask for in one sweep */
	OPTIONS_TEXT_MAX = 1024, /* characters in one list of names */
	OPTIONS_TEXTS_MAX = 8,   /* times that an option may be given which collects its values */
};

enum options_kind {
	OPTIONS_FLAG,    /* takes no value; bool, set to true */
	OPTIONS_COUNT,   /* a whole decimal number in least..most; uint64_t */
	OPTIONS_REAL,    /* a decimal number in real_least..real_most; double */
	OPTIONS_TEXT,    /* anything but the empty string; const char *, points into argv */
	OPTIONS_TEXTS,   /* likewise, and given again it adds a value; struct options_texts */
	OPTIONS_NAMES,   /* names that `known` lists, with commas; struct options_names */
	OPTIONS_NUMBERS, /* numbers and ranges, with commas; struct options_numbers */
};

/* Values in the order given; they point into argv. */
struct options_texts {
	size_t count;
	const char *item[OPTIONS_TEXTS_MAX];
};

/* Names in the order given, without repetition: those that `known` returns, which live as long. */
struct options_names {
	size_t count;
	const char *item[OPTIONS_LIST_MAX];
};

/*
 * Numbers in the order given, without repetition. An item is a number, a..b, a..b+step or
 * a..b*factor; N stands for the CPUs this process may use, 3N for three times that, N/2 and N-1 for what
 * is left, rounded down, and at least 1.
 */
struct options_numbers {
	size_t count;
	uint64_t item[OPTIONS_LIST_MAX];
};

/* The i-th known name; NULL from the end of the list on. */
typedef const char *(*options_known)(size_t i);

struct options_entry {
	const char *name;  /* without the dashes */
	char letter;       /* its short form; 0: none */
	const char *value; /* what stands for the value in --help: "MS", "A,B"; NULL for a flag */
	const char *help;  /* what it does, with its unit. The default is appended by --help */
	uint64_t least, most;         /* of COUNT and each of NUMBERS; most 0: no upper limit */
	double real_least, real_most; /* of REAL */
	bool power_of_two;   /* so must be COUNT and each of NUMBERS; least is above 0 then */
	options_known known; /* of NAMES */
	const char *noun;    /* of NAMES: "strategy" */
	enum options_kind kind;
	size_t offset; /* of the member that takes the value */
};

/* OPTION(COUNT, struct request, forks, "forks", 'f', "N", "worker sets", 1, 100): the members in order. */
#define OPTION(of_kind, into, member, ...)                                               \
	{                                                                                \
		__VA_ARGS__, .kind = OPTIONS_##of_kind, .offset = offsetof(into, member) \
	}

struct options {
	const char *command;  /* as typed after the program's name */
	const char *operands; /* for the usage line: "STORE..."; NULL: there are none */
	int operands_least, operands_most;
	const char *summary; /* what the command does, one or more whole sentences */
	const char *closing; /* printed after the options: examples, exit statuses; or NULL */
	size_t count;
	const struct options_entry *entry;
};

/*
 * Reads argv[1..argc) into the struct at `into`, which holds the defaults beforehand. True: go on,
 * and argv[*operand..argc) are the operands. False: *status is the exit status, 0 after --help went
 * to standard output, COMMAND_USAGE after a sentence on standard error for each mistake. What is right
 * beside a mistake is read all the same. Operands are moved behind the options.
 */
bool options_parse(const struct options *options, int argc, char **argv, void *into, int *operand,
	int *status);

/*
 * The same table for values that stand elsewhere, as keys: in a file, of whose line `place` tells, as
 * "quick.ini:3: ". NULL after a sentence if there is no such key.
 */
const struct options_entry *options_key(
	const struct options *options, const char *place, const char *key);

/* Reads the value of a key; a flag's is yes or no. False after a sentence. Text points to `value`. */
bool options_take(const struct options *options, const char *place,
	const struct options_entry *entry, const char *value, void *into);

/* Prints --help; `into` holds the defaults to show. */
void options_help(const struct options *options, const void *into);

/* The place of a name in a list; that of the list's end if it isn't there. */
size_t options_find(const char *name, options_known known);

/*
 * Writes "; did you mean 'x'? Known: a, b, c" for a name that isn't in the list, without the
 * suggestion where nothing is near.
 */
void options_hint(char *text, size_t bytes, const char *name, options_known known);

/* CPUs that this process may use: what N stands for; at least 1. */
uint32_t options_cpus(void);

#endif
