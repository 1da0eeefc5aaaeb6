/*
 * Numbers as people read them: three significant digits, never more than were measured.
 *
 * Each function returns its text by value, so that it can stand in a call's arguments:
 * printf("%s", number_ratio(e).text).
 */
#ifndef BENCH_BASE_NUMBER_H
#define BENCH_BASE_NUMBER_H

#include <stdint.h>

enum { NUMBER_BYTES = 48 };

struct number {
	char text[NUMBER_BYTES];
};

/* Three significant digits without an exponent: 0.0123, 2.02, 31.9, 1250. "-" for NAN and infinity. */
struct number number_plain(double value);

/* exp(log_ratio) as a factor with two decimals, fewer from 10 on; "378k" where it is beyond 10000. */
struct number number_ratio(double log_ratio);

/* "0.0461-0.0471": two plain values. "-" if either is not finite. */
struct number number_plain_range(double low, double high);

/* "1.02-1.09": the factors between two logarithms. "-" if either is not finite. */
struct number number_ratio_range(double log_low, double log_high);

/* A logarithm as the percentage that its factor is away from 1, unsigned: 0.0296 is "3.0 %". */
struct number number_percent(double log_ratio);

/* The same with its sign, "+3.0 %", "-17 %", of at most three significant digits; and of an interval. */
struct number number_change(double log_ratio);
struct number number_change_range(double log_low, double log_high);

/* A rate with a prefix: "12.3 M", "980 k". */
struct number number_rate(double value);

/* Nanoseconds since the epoch as "2026-01-31 14:05 UTC". */
struct number number_date(int64_t ns);

/* The same as "2026-01-31T14:05:00Z", for programs (RFC 3339); "" if there is no such year. */
struct number number_timestamp(int64_t ns);

/* "3" or "2-4". */
struct number number_rank(uint64_t low, uint64_t high);

#endif
