/* A store that is larger by copies of all its cells. See synthetic_store.h. */
#include "bench/analysis/synthetic_store.h"

#include "alloc/machine/compiler.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * What a copy has another number of, a table each: cells, and blocks, beyond those that are there; and of the cell itself the
 * load, or it would be the same.
 */
static const char *const tables[][2] = {
	{"cell", "cell_id = cell_id + (SELECT cells FROM step), label = replace(label, workload,"
		 " workload || '_'), workload = workload || '_'"},
	{"block", "cell_id = cell_id + (SELECT cells FROM step),"
		  " block_id = block_id + (SELECT blocks FROM step)"},
	{"slice", "block_id = block_id + (SELECT blocks FROM step)"},
	{"memory", "cell_id = cell_id + (SELECT cells FROM step)"},
	{"timed", "cell_id = cell_id + (SELECT cells FROM step)"},
	{"latency", "cell_id = cell_id + (SELECT cells FROM step)"},
	{"load", "cell_id = cell_id + (SELECT cells FROM step)"},
};

void synthetic_store_repeat(const char *path, unsigned times)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *sql = open_memstream(&text, &bytes);

	if (sql == NULL)
		abort();
	fputs("BEGIN; CREATE TEMP TABLE step AS SELECT max(cell_id) AS cells,"
	      " (SELECT max(block_id) FROM block) AS blocks FROM cell;",
		sql);
	for (size_t i = 0; i < array_count(tables); i++) {
		const char *name = tables[i][0];

		fprintf(sql, "CREATE TEMP TABLE copy AS SELECT * FROM %s;", name);
		for (unsigned k = 1; k < times; k++)
			fprintf(sql, "UPDATE copy SET %s; INSERT INTO main.%s SELECT * FROM copy;",
				tables[i][1], name);
		fputs("DROP TABLE copy;", sql);
	}
	fputs("COMMIT;", sql);
	fclose(sql);
	synthetic_store_execute(path, text);
	free(text);
}
