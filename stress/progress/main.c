/*
 * nblbench-progress: holds every pool that calls itself lock-free to it, see freezer.h. No options.
 *
 * Pools whose traits say blocking are examined too and may do either; that at least one of them is
 * found blocking, and the control that hides a lock, shows that the freezer sees what it looks for.
 */
#include "stress/base/child.h"
#include "stress/progress/freezer.h"
#include "stress/progress/hides_a_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_S = 300 }; /* a pool takes seconds; a loaded machine, minutes */

static void examine_body(const void *arg)
{
	const struct stress run = {.ops = arg, .seed = 1, .threads = 2};

	freezer_run(&run);
}

/*
 * Prints the line and returns how it ended; *blocked: one thread kept another waiting, and the line
 * says if_blocked.
 */
static enum child_end examine(const struct pool_ops *ops, const char *if_blocked, bool *blocked)
{
	static struct child child;
	int rc = child_run(examine_body, ops, LIMIT_S, &child);

	if (rc != 0) {
		fprintf(stderr, "nblbench-progress: cannot start a process: %s\n", strerror(-rc));
		exit(EXIT_FAILURE);
	}
	*blocked = child.end == CHILD_FAILED && strstr(child.sentence, FREEZER_BLOCKED) != NULL;
	const char *verdict = child.end == CHILD_SKIPPED ? "skipped" : "FAILED";
	if (child.end == CHILD_PASSED)
		verdict = "ok";
	else if (*blocked)
		verdict = if_blocked;
	printf("%-8s %-18s %-10s %s (%.1f s)\n", verdict, ops->name,
		pool_progress_name(ops->traits.progress), child.sentence, child.seconds);
	if (child.end == CHILD_FAILED && !*blocked)
		printf("%s", child.output);
	fflush(stdout);
	return child.end;
}

int main(void)
{
	char reason[POOL_REASON_BYTES];
	bool found_blocking = false;
	bool blocked;
	int failed = 0;

	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];
		const char *excuse = stress_excuse_one_thread(ops, 2);

		if (!ops->supported(reason))
			excuse = reason;
		else if (ops->traits.kind == POOL_KIND_ALLOCATOR)
			excuse = "it is no pool of ours, and promises nothing";
		if (excuse != NULL) {
			printf("%-8s %-18s %s\n", "skipped", ops->name, excuse);
			continue;
		}
		bool may_block = ops->traits.progress == POOL_BLOCKING;
		enum child_end end = examine(ops, may_block ? "blocks" : "FAILED", &blocked);
		if (end == CHILD_SKIPPED)
			return CHILD_STATUS_SKIPPED; /* ptrace is not allowed: nothing can be shown */
		found_blocking |= blocked && may_block;
		failed += end == CHILD_FAILED && !(blocked && may_block);
	}
	examine(&hides_a_lock_ops, "caught", &blocked);
	if (!blocked || !found_blocking) {
		puts("the freezer is blind: it found neither the hidden lock nor a pool that says "
		     "blocking, or only one of them");
		failed++;
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
