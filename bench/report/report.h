/*
 * Reports: what a store says, told to people and to other programs.
 *
 * Every format prints from one struct analysis (bench/analysis/analysis.h), so that no two of them can
 * disagree. Nothing here changes a store: it is opened read-only, may be the product of an
 * unfinished sweep, and is worked through with what it holds.
 */
#ifndef BENCH_REPORT_REPORT_H
#define BENCH_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct analysis;
struct command;

enum { REPORT_WHY_BYTES = 512 }; /* room for any sentence that the functions below leave in why */

/*
 * Reads the store at store_path and writes report.html and report.md into directory, which is made
 * if it is missing in one that exists. A file that stands there is replaced only by a complete new one.
 *
 * 0, or -1 with a full sentence in why (why_bytes bytes, REPORT_WHY_BYTES is enough): the store is
 * missing, not a store, of another schema version or damaged; the directory or a file can't be
 * written; memory ran out. Runs gnuplot once if it is installed; without it the page has tables
 * only and says so. Blocks while it does; call from one thread at a time.
 */
int report_write(const char *store_path, const char *directory, char *why, size_t why_bytes);

/*
 * Makes the directory, or finds it made; those above it must be there. 0, or -1 with a sentence in
 * why, as from report_write.
 */
int report_make_directory(const char *path, char *why, size_t why_bytes);

/*
 * Whether report_write could put its files into the directory, which exists: 0, or -1 with a
 * sentence in why. For those who would rather know before hours of measuring.
 */
int report_check(const char *directory, char *why, size_t why_bytes);

/*
 * Prints the ranked tables and the one-sentence verdict of the store at store_path to out, for a
 * terminal as wide as out is (100 columns where that can't be told). colour: use escape sequences
 * for colour; ties, ranks and verdicts are words and letters in any case.
 *
 * 0, or -1 after a sentence on standard error, for the reasons of report_write or because out can't
 * be written.
 */
int report_print_table(const char *store_path, FILE *out, bool colour);

/*
 * The commands `nblbench report`, `compare` and `ratios`, for main.c's table. compare has one exit
 * status of its own: 4 when the condition of --fail-if holds for some row.
 */
extern const struct command command_report;  /* report.c */
extern const struct command command_compare; /* compare.c */
extern const struct command command_ratios;  /* ratios.c */

/*
 * The formats. Each prints a whole document to out, which the caller checks for errors and closes.
 */
void report_html(const struct analysis *analysis, FILE *out);
void report_markdown(const struct analysis *analysis, FILE *out);
void report_csv(const struct analysis *analysis, FILE *out);
void report_csv_loads(const struct analysis *analysis, FILE *out); /* of the open loops */
void report_gbench(const struct analysis *analysis, FILE *out);
void report_json(const struct analysis *analysis, FILE *out); /* results.schema.json */
void report_bmf(const struct analysis *analysis, FILE *out);
void report_junit(const struct analysis *analysis, FILE *out);

/*
 * One row's, which has latency. part: ANALYSIS_GETS and so on, of a hand-over; ANALYSIS_HAND_OVER: all
 * of it, which speedscope always has.
 */
void report_hdr(
	const struct analysis *analysis, size_t cell, size_t subject, size_t part, FILE *out);
void report_speedscope(
	const struct analysis *analysis, size_t cell, size_t subject, size_t part, FILE *out);

#endif
