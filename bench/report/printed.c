/* See printed.h. */
#include "bench/report/printed.h"

#include "alloc/machine/cmocka.h"

#include <math.h>
#include <string.h>

char *printed(const struct analysis *analysis, void (*print)(const struct analysis *, FILE *))
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	print(analysis, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

size_t printed_count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word))
		n++;
	return n;
}

double printed_luminance(uint32_t colour)
{
	static const double weight[] = {0.2126, 0.7152, 0.0722};
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		const double c = (double)(colour >> (16 - 8 * i) & 0xff) / 255;

		sum += weight[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
	}
	return sum;
}

double printed_contrast(uint32_t a, uint32_t b)
{
	const double x = printed_luminance(a), y = printed_luminance(b);

	return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}
