/* The page's table of what is verified: a row a strategy, from trust.json. */
#include "bench/analysis/trust.h"
#include "bench/report/page.h"

#include <string.h>

/* Whether a row before it is of the same pool. */
static bool shown_before(const struct page *p, size_t row)
{
	for (size_t i = 0; i < row; i++) {
		if (strcmp(page_subject(p, i)->pool, page_subject(p, row)->pool) == 0)
			return true;
	}
	return false;
}

static json_t *row_of(const struct page *p, size_t row)
{
	const struct analysis_subject *subject = page_subject(p, row);
	const struct trust_row *known = trust_of(p->a->trust, subject);
	const char *state = trust_state(p->a->trust, subject);
	char runs[ANALYSIS_SENTENCE_BYTES] = "";

	if (known != NULL)
		trust_runs(known, runs);
	return template_record("label", template_text(subject->pool), "state", template_text(state),
		"failed", json_boolean(strcmp(state, "failed") == 0), "runs", template_text(runs),
		"operations",
		template_text(known == NULL ? "–" : number_rate((double)known->operations).text),
		"progress", template_text(subject->progress), "exact",
		template_text(page_exact(subject)), "not_taken",
		template_text(known == NULL ? "" : known->not_taken), "failure",
		template_text(known == NULL || known->failure == NULL ? "" : known->failure), NULL);
}

json_t *page_trust(const struct page *p)
{
	json_t *rows = json_array();
	char text[ANALYSIS_SENTENCE_BYTES];

	for (size_t row = 0; row < p->all.contestants; row++) {
		if (p->a->trust != NULL && !shown_before(p, row))
			page_add(rows, row_of(p, row));
	}
	if (p->a->trust == NULL) {
		json_decref(rows);
		return json_null();
	}
	trust_tell(p->a->trust, p->a, text);
	return template_record("text", template_text(text), "rows", rows, NULL);
}
