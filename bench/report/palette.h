/*
 * Shades of the heat table: more ink the further a time is from the cell's best. One hue, so that
 * the order survives in grey; text on every shade keeps a contrast of 4.5 : 1, which a test checks.
 */
#ifndef BENCH_REPORT_PALETTE_H
#define BENCH_REPORT_PALETTE_H

#include <stdint.h>

struct palette_shade {
	double ratio; /* up to this multiple of the best time; the last has no limit */
	uint32_t light, light_text, dark, dark_text; /* 0xrrggbb */
};

static const struct palette_shade palette[] = {
	{1.03, 0xffffff, 0x1b1b1b, 0x14171a, 0xf0f0ee},
	{1.10, 0xfffaf4, 0x1b1b1b, 0x1d1b19, 0xf0f0ee},
	{1.25, 0xfff4e8, 0x1b1b1b, 0x26201b, 0xf0f0ee},
	{1.50, 0xffecd8, 0x1b1b1b, 0x30251b, 0xf0f0ee},
	{2.00, 0xffe3c5, 0x1b1b1b, 0x3b2b1c, 0xf0f0ee},
	{4.00, 0xffd8ae, 0x1b1b1b, 0x47311d, 0xf4f4f2},
	{8.00, 0xfecb95, 0x1b1b1b, 0x54381d, 0xf8f8f6},
	{16.0, 0xf9bb7a, 0x1b1b1b, 0x623f1d, 0xffffff},
	{0.00, 0xf2a861, 0x141414, 0x71471c, 0xffffff},
};

enum { PALETTE_SHADES = sizeof(palette) / sizeof(palette[0]) };

#endif
