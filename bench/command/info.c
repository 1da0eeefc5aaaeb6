/* `nblbench info`: what a sweep would note of this machine, and how quiet it is. */
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/sweep/fingerprint.h"

#include <stdio.h>

static const struct options options = {
	.command = "info",
	.summary =
		"Prints the fingerprint that a sweep stores: processor, system, build, and a "
		"noise grade from\nA (quiet) to D with its reasons. Takes a quarter of a second.",
};

static int info_run(int argc, char **argv)
{
	struct fingerprint fingerprint;
	int operand, status;
	const char *name;
	json_t *value;
	char none;

	if (!options_parse(&options, argc, argv, &none, &operand, &status))
		return status;
	if (fingerprint_take(&fingerprint) != 0) {
		fprintf(stderr, "nblbench info: there is no memory for the fingerprint.\n");
		return COMMAND_FAILED;
	}
	json_object_foreach(fingerprint.json, name, value)
		printf("%-22s %s\n", name, json_string_value(value));
	printf("%-22s %s\n", "machine identity", fingerprint.identity);
	fingerprint_drop(&fingerprint);
	return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_info = {
	.name = "info",
	.summary = "show the machine's fingerprint and noise grade",
	.run = info_run,
};
