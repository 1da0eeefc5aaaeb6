#include "alloc/mechanism/census.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static size_t bitmap_bytes(const struct slab *slab)
{
	return slab->capacity / 8 + 1;
}

int census_begin(struct census *self, const struct slab *slab, char *why, size_t why_bytes)
{
	*self = (struct census){.slab = slab, .why = why, .why_bytes = why_bytes};
	self->seen = memory_alloc(bitmap_bytes(slab));
	if (self->seen == NULL) {
		snprintf(why, why_bytes, "no memory for the census of %" PRIu32 " objects",
			slab->capacity);
		return -ENOMEM;
	}
	return 0;
}

void census_begin_count(struct census *self, const struct slab *slab)
{
	*self = (struct census){.slab = slab};
}

bool census_fail(struct census *self, const char *format, ...)
{
	va_list args;

	if (!self->failed && self->why != NULL) {
		va_start(args, format);
		vsnprintf(self->why, self->why_bytes, format, args);
		va_end(args);
	}
	self->failed = true;
	return false;
}

bool census_mark(struct census *self, const void *object, const char *place)
{
	if (self->seen == NULL) {
		/* The bound ends a walk over a list that has become a ring. */
		if (self->free == self->slab->capacity)
			return census_fail(self, "more objects than there are");
		self->free++;
		return true;
	}
	if (!slab_owns(self->slab, object))
		return census_fail(self, "%p in %s is not an object of this pool", object, place);
	uint32_t number = slab_number(self->slab, object);
	unsigned char bit = (unsigned char)(1u << (number % 8));
	if (self->seen[number / 8] & bit)
		return census_fail(self,
			"object %" PRIu32 " (%p) is free twice, the second time in %s", number,
			object, place);
	self->seen[number / 8] |= bit;
	self->free++;
	return true;
}

bool census_mark_each(struct census *self, void *const *objs, uint32_t n, const char *place)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!census_mark(self, objs[i], place))
			return false;
	}
	return true;
}

bool census_unlocked(struct census *self, bool unlocked)
{
	return unlocked || census_fail(self, "I2: the lock of a quiet pool is held");
}

int census_end(struct census *self, uint64_t outstanding)
{
	uint64_t carved = slab_carved((struct slab *)self->slab);

	if (self->free + outstanding != carved)
		census_fail(self,
			"%" PRIu64 " objects free and %" PRIu64 " outstanding, but %" PRIu64
			" were handed out first",
			self->free, outstanding, carved);
	memory_free(self->seen, bitmap_bytes(self->slab));
	return self->failed ? -EINVAL : 0;
}
