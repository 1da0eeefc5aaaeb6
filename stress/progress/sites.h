/*
 * The instructions that a victim has come to, and of these the sites: atomic read-modify-writes, before which
 * others may take the victim's turn. One set a process.
 */
#ifndef STRESS_PROGRESS_SITES_H
#define STRESS_PROGRESS_SITES_H

#include <stdbool.h>
#include <stdint.h>

/* Before anything else. */
void sites_prepare(void);

/* Whether an instruction is an atomic read-modify-write. */
bool sites_is_locked(uintptr_t address);

/* The victim has come to that instruction. */
void sites_know(uintptr_t address);

/* From now on the victim is to be met so often before each of them. */
void sites_begin(uint32_t times);

/* Those that are to be met, BREAKPOINTS_MAX at most. Returns how many. */
uint32_t sites_open(uintptr_t *site);

/*
 * The victim stands before that instruction: whether it is to be met, for it is a site, or one that the victim has never
 * come to. If so it was met once more.
 */
bool sites_meet(uintptr_t address);

/* Nobody is to be met there any more, until sites_begin. */
void sites_close(uintptr_t address);

#endif
