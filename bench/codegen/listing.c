/* See listing.h. */
#include "bench/codegen/listing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool listing_open(struct listing *self, const char *objdump, const char *object)
{
	int ends[2];

	*self = (struct listing){.relocation = ""};
	if (pipe(ends) != 0 || (self->child = fork()) < 0) {
		perror("listing");
		return false;
	}
	if (self->child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		setenv("LC_ALL", "C", 1);
		execl(objdump, objdump, "-d", "-r", "-w", "--no-show-raw-insn", object,
			(char *)NULL);
		perror(objdump);
		_exit(EXIT_FAILURE);
	}
	close(ends[1]);
	self->stream = fdopen(ends[0], "r");
	return self->stream != NULL;
}

/* "Disassembly of section .text.unlikely:" */
static bool reads_section(struct listing *self)
{
	static const char words[] = "Disassembly of section ";

	if (strncmp(self->line, words, strlen(words)) != 0)
		return false;
	snprintf(self->section, sizeof(self->section), "%.*s",
		(int)strcspn(self->line + strlen(words), ":"), self->line + strlen(words));
	return true;
}

/* "0000000000000010 <case_pair.cold>:" */
static bool reads_function(struct listing *self)
{
	const char *name = strstr(self->line, " <");
	const char *end = strstr(self->line, ">:");

	if (self->line[0] == ' ' || name == NULL || end == NULL)
		return false;
	snprintf(self->function, sizeof(self->function), "%.*s", (int)(end - name - 2), name + 2);
	self->first = true;
	return true;
}

/*
 * "  1c:\tcall   21 <path_get+0x21>\t1d: R_X86_64_PLT32\tmemcpy-0x4",
 * "  1c:\tcall   *0x0(%rip)\t1e: R_X86_64_GOTPCRELX\tmemcpy-0x4"
 */
static bool reads_instruction(struct listing *self)
{
	char *instruction = strchr(self->line, '\t');

	if (instruction == NULL)
		return false;
	self->at = strtoul(self->line, NULL, 16);
	self->instruction = instruction + 1;
	self->relocation = "";
	self->by_address = false;
	self->line[strcspn(self->line, "\n")] = '\0';
	char *kind = strchr(instruction + 1, '\t');
	if (kind != NULL) {
		char *symbol = strchr(kind + 1, '\t');

		*kind = '\0';
		if (symbol != NULL)
			self->relocation = symbol + 1;
		self->by_address = strstr(kind + 1, "R_X86_64_GOTPCREL") != NULL;
	}
	return true;
}

bool listing_next(struct listing *self)
{
	self->first = false;
	while (fgets(self->line, sizeof(self->line), self->stream) != NULL) {
		if (!reads_section(self) && !reads_function(self) && reads_instruction(self))
			return true;
	}
	return false;
}

bool listing_close(struct listing *self, const char *objdump, const char *object)
{
	int status;

	fclose(self->stream);
	if (waitpid(self->child, &status, 0) == self->child && status == 0)
		return true;
	fprintf(stderr, "%s could not disassemble %s\n", objdump, object);
	return false;
}
