/*
 * Whatever this program reads, from bytes that anybody made: ratio files, job files, command lines,
 * stores, and what a worker is told. None may crash, hang or leak; each answers with a sentence or an
 * answer.
 */
#ifndef BENCH_FUZZ_READERS_H
#define BENCH_FUZZ_READERS_H

#include <stddef.h>
#include <stdint.h>

/* The reader, by the name of its corpus' folder; NULL from the end of the list on. */
const char *reader_name(size_t i);

/* Has the i-th reader read a text, which may hold anything. */
void reader_read(size_t i, const uint8_t *bytes, size_t n);

#endif
