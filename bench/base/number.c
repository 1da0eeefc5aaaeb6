/* See number.h. */
#include "bench/base/number.h"

#include <inttypes.h>
#include <math.h>
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

struct number number_plain(double value)
{
	struct number n;

	if (!isfinite(value))
		snprintf(n.text, sizeof(n.text), "-");
	else
		snprintf(n.text, sizeof(n.text), "%.*f", decimals(value), value);
	return n;
}

struct number number_ratio(double log_ratio)
{
	const double ratio = exp(log_ratio);
	struct number n;

	if (!isfinite(ratio) || isnan(log_ratio))
		snprintf(n.text, sizeof(n.text), "-");
	else if (ratio >= large_ratio)
		snprintf(n.text, sizeof(n.text), "%.30s%s",
			number_plain(ratio / (ratio < 1e6 ? 1e3 : 1e6)).text,
			ratio < 1e6 ? "k" : "M");
	else
		snprintf(
			n.text, sizeof(n.text), "%.*f", ratio < 9.995 ? 2 : decimals(ratio), ratio);
	return n;
}

struct number number_plain_range(double low, double high)
{
	struct number n;

	if (!isfinite(low) || !isfinite(high))
		snprintf(n.text, sizeof(n.text), "-");
	else
		snprintf(n.text, sizeof(n.text), "%.20s-%.20s", number_plain(low).text,
			number_plain(high).text);
	return n;
}

struct number number_ratio_range(double log_low, double log_high)
{
	struct number n;

	if (!isfinite(log_low) || !isfinite(log_high))
		snprintf(n.text, sizeof(n.text), "-");
	else
		snprintf(n.text, sizeof(n.text), "%.20s-%.20s", number_ratio(log_low).text,
			number_ratio(log_high).text);
	return n;
}

struct number number_percent(double log_ratio)
{
	const double percent = fabs(expm1(log_ratio)) * 100;
	struct number n;

	if (!isfinite(percent))
		snprintf(n.text, sizeof(n.text), "-");
	else
		snprintf(n.text, sizeof(n.text), "%.*f %%", percent < 9.95 ? 1 : 0, percent);
	return n;
}

struct number number_rate(double value)
{
	static const struct {
		double unit;
		const char *prefix;
	} prefixes[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
	const size_t last = sizeof(prefixes) / sizeof(prefixes[0]) - 1;
	struct number n;
	size_t i = 0;

	if (!isfinite(value))
		return number_plain(value);
	while (i < last && value < prefixes[i].unit)
		i++;
	snprintf(n.text, sizeof(n.text), "%.30s %s", number_plain(value / prefixes[i].unit).text,
		prefixes[i].prefix);
	return n;
}

struct number number_date(int64_t ns)
{
	const time_t seconds = (time_t)(ns / 1000000000);
	struct number n;
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL ||
		strftime(n.text, sizeof(n.text), "%Y-%m-%d %H:%M UTC", &utc) == 0)
		snprintf(n.text, sizeof(n.text), "%" PRId64 " ns", ns);
	return n;
}

struct number number_rank(uint64_t low, uint64_t high)
{
	struct number n;

	if (low == 0)
		snprintf(n.text, sizeof(n.text), "-");
	else if (low == high)
		snprintf(n.text, sizeof(n.text), "%" PRIu64, low);
	else
		snprintf(n.text, sizeof(n.text), "%" PRIu64 "-%" PRIu64, low, high);
	return n;
}
