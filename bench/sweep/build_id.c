/* See build_id.h. */
#include "bench/sweep/build_id.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BUILD_ID_BYTES_MAX = 32 }; /* the linker writes 20 (SHA-1) */

/* Notes are padded to the alignment of their segment, which is 4 for the build id. */
static size_t padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

/* Writes the build id found among the notes in [at, end) to text; false if there is none. */
static bool find_note(const unsigned char *at, const unsigned char *end, char *text)
{
	while (at + sizeof(ElfW(Nhdr)) <= end) {
		ElfW(Nhdr) note;

		memcpy(&note, at, sizeof(note));
		const unsigned char *name = at + sizeof(note);
		const unsigned char *value = name + padded(note.n_namesz);
		if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= BUILD_ID_BYTES_MAX &&
			note.n_namesz == sizeof(ELF_NOTE_GNU) &&
			memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
			for (size_t i = 0; i < note.n_descsz; i++)
				snprintf(text + 2 * i, 3, "%02x", value[i]);
			return true;
		}
		at = value + padded(note.n_descsz);
	}
	return false;
}

/* The first object that is reported is the program itself: returning 1 ends the walk there. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *text)
{
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		const unsigned char *notes =
			(const unsigned char *)info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_NOTE && find_note(notes, notes + header->p_memsz, text))
			break;
	}
	return 1;
}

const char *build_id(void)
{
	static char text[2 * BUILD_ID_BYTES_MAX + 1];

	if (text[0] == '\0') {
		strcpy(text, "unknown");
		dl_iterate_phdr(look_at_program, text);
	}
	return text;
}
