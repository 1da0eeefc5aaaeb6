/* Resident memory of this process, in bytes, as the kernel has it; 0: it does not say. */
#ifndef BENCH_ENGINE_RESIDENT_H
#define BENCH_ENGINE_RESIDENT_H

#include <stdint.h>

/* All of it, without explicit huge pages. */
uint64_t resident_bytes(void);

/*
 * What was allocated and written to: without pages of files, such as programs, which come sixteen at a
 * time with the first that is run, but with explicit huge pages.
 */
uint64_t resident_data_bytes(void);

/*
 * How much more there was at the peak: since resident_forget_peak, or since the process began where
 * that can't be.
 */
uint64_t resident_given_back_bytes(void);

/* The peak begins anew. Nothing happens where the kernel has no such switch. */
void resident_forget_peak(void);

#endif
