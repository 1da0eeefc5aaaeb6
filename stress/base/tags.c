#include "stress/base/tags.h"

#include "stress/base/child.h"

#include <inttypes.h>
#include <string.h>

void tags_report(void)
{
	struct nbl_tag_usage rows[TAGS_MAX];
	size_t count = nbl_tags(rows, TAGS_MAX);

	if (count > TAGS_MAX)
		stress_fail(PROMISE_NONE, "the run has used %zu tags, more than the table's %d",
			count, TAGS_MAX);
	for (size_t i = 0; i < count; i++)
		stress_tag(&rows[i]);
}

static struct nbl_tag_usage *row_of(struct tags *tags, uint32_t tag)
{
	uint32_t i = 0;

	while (i < tags->count && tags->row[i].tag != tag)
		i++;
	if (i == TAGS_MAX)
		i--; /* the last row serves those that find no room */
	else if (i == tags->count)
		tags->row[tags->count++] = (struct nbl_tag_usage){.tag = tag};
	return &tags->row[i];
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void tags_merge(struct tags *tags, const char *report)
{
	for (const char *line = report; *line != '\0';) {
		struct nbl_tag_usage told;

		if (line[0] == CHILD_SAYS_TAG &&
			sscanf(line + 1, "%" SCNx32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
				&told.tag, &told.objects, &told.bytes, &told.peak_objects,
				&told.peak_bytes) == 5) {
			struct nbl_tag_usage *row = row_of(tags, told.tag);

			row->objects += told.objects;
			row->bytes += told.bytes;
			row->peak_objects = larger(row->peak_objects, told.peak_objects);
			row->peak_bytes = larger(row->peak_bytes, told.peak_bytes);
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

void tags_print(FILE *out, const struct tags *tags)
{
	if (tags->count == 0)
		return;
	fprintf(out,
		"pool tags: what was out when each run had ended, and the most at once in any\n"
		"%-6s %14s %14s %14s %14s\n",
		"tag", "live objects", "live bytes", "peak objects", "peak bytes");
	for (uint32_t i = 0; i < tags->count; i++) {
		const struct nbl_tag_usage *row = &tags->row[i];
		char text[NBL_TAG_TEXT_BYTES];

		nbl_tag_text(row->tag, text);
		fprintf(out, "'%s' %14" PRId64 " %14" PRId64 " %14" PRId64 " %14" PRId64 "\n", text,
			row->objects, row->bytes, row->peak_objects, row->peak_bytes);
	}
}
