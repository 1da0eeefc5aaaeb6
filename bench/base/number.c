/* See number.h. */
#include "bench/base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const int significant_digits = 3;
static const double rounds_up = 1.0005;

/* From here on nobody reads a factor's digits, and a column as wide as they are hides its neighbours. */
static const double large_ratio = 9999.5;

/* Decimals that leave three significant digits. */
static int decimals(double value)
{
	const double size = fabs(value);

	if (!(size > 0))
		return 0;

	/* What rounds up to the next power of ten has one more digit before the point. */
	const int before_point = (int)floor(log10(size * rounds_up)) + 1;
	const int places = significant_digits - before_point;

	return places < 0 ? 0 : places > 6 ? 6 : places;
}

static const struct number none = {"-"};

__attribute__((format(printf, 1, 2))) static struct number print(const char *format, ...)
{
	struct number n;
	va_list args;

	va_start(args, format);
	vsnprintf(n.text, sizeof(n.text), format, args);
	va_end(args);
	return n;
}

struct number number_plain(double value)
{
	return isfinite(value) ? print("%.*f", decimals(value), value) : none;
}

struct number number_ratio(double log_ratio)
{
	const double ratio = exp(log_ratio);

	if (!isfinite(ratio))
		return none;
	if (ratio >= large_ratio)
		return print("%.30s%s", number_plain(ratio / (ratio < 1e6 ? 1e3 : 1e6)).text,
			ratio < 1e6 ? "k" : "M");
	return print("%.*f", ratio < 9.995 ? 2 : decimals(ratio), ratio);
}

struct number number_plain_range(double low, double high)
{
	return isfinite(low) && isfinite(high)
		       ? print("%.20s-%.20s", number_plain(low).text, number_plain(high).text)
		       : none;
}

struct number number_ratio_range(double log_low, double log_high)
{
	return isfinite(log_low) && isfinite(log_high)
		       ? print("%.20s-%.20s", number_ratio(log_low).text,
				 number_ratio(log_high).text)
		       : none;
}

struct number number_percent(double log_ratio)
{
	const double percent = fabs(expm1(log_ratio)) * 100;

	return isfinite(percent) ? print("%.*f %%", percent < 9.95 ? 1 : 0, percent) : none;
}

struct number number_change(double log_ratio)
{
	const double percent = expm1(log_ratio) * 100, size = fabs(percent);

	if (!isfinite(percent))
		return none;
	if (size < 0.05)
		return print("0.0 %%");
	return size < 99.5 ? print("%+.*f %%", size < 9.95 ? 1 : 0, percent)
			   : print("%c%.20s %%", percent < 0 ? '-' : '+', number_plain(size).text);
}

struct number number_change_range(double log_low, double log_high)
{
	return isfinite(log_low) && isfinite(log_high)
		       ? print("%.20s to %.20s", number_change(log_low).text,
				 number_change(log_high).text)
		       : none;
}

struct number number_rate(double value)
{
	static const struct {
		double unit;
		const char *prefix;
	} prefixes[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
	const size_t last = sizeof(prefixes) / sizeof(prefixes[0]) - 1;
	size_t i = 0;

	while (i < last && value < prefixes[i].unit)
		i++;
	return isfinite(value) ? print("%.30s %s", number_plain(value / prefixes[i].unit).text,
					 prefixes[i].prefix)
			       : none;
}

/* A moment as strftime words it; "" if it can't. */
static struct number moment(int64_t ns, const char *format)
{
	const time_t seconds = (time_t)(ns / 1000000000);
	struct number n = {""};
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL || strftime(n.text, sizeof(n.text), format, &utc) == 0)
		n.text[0] = '\0';
	return n;
}

struct number number_date(int64_t ns)
{
	const struct number n = moment(ns, "%Y-%m-%d %H:%M UTC");

	return n.text[0] == '\0' ? print("%" PRId64 " ns", ns) : n;
}

struct number number_timestamp(int64_t ns)
{
	return moment(ns, "%Y-%m-%dT%H:%M:%SZ");
}

struct number number_rank(uint64_t low, uint64_t high)
{
	if (low == 0)
		return none;
	return low == high ? print("%" PRIu64, low) : print("%" PRIu64 "-%" PRIu64, low, high);
}
