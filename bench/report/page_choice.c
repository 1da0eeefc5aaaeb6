/* Page one: whom to choose in each contest and by situation, how sure that is, and what it costs to be wrong. */
#include "bench/analysis/choice.h"
#include "bench/report/page.h"

static json_t *pick_of(
	const struct analysis *a, const struct choice *choice, const struct choice_pick *pick)
{
	char there[ANALYSIS_SENTENCE_BYTES], caveats[ANALYSIS_SENTENCE_BYTES];

	choice_worst(a, choice, pick, there);
	choice_caveats(pick, caveats);
	return template_record("name",
		template_text(choice_name(a, choice->contest, pick->subject)), "typical",
		page_number(number_ratio(pick->typical)), "worst",
		page_number(number_ratio(pick->worst)), "there", template_text(there), "caveats",
		template_text(caveats), NULL);
}

static json_t *line_of(const struct analysis *a, const struct choice *choice)
{
	char sure[ANALYSIS_SENTENCE_BYTES];

	choice_confidence(choice, sure);
	return template_record("question",
		choice->situation != NULL ? template_words("if %s", choice->situation)
					  : template_words("%s", choice_question(choice->contest)),
		"whole", json_boolean(choice->situation == NULL), "first",
		pick_of(a, choice, &choice->first), "second",
		choice->has_second ? pick_of(a, choice, &choice->second) : json_null(), "sure",
		template_text(sure), "cells", template_count(choice->cells), "workloads",
		template_count(choice->workloads), NULL);
}

json_t *page_choices(const struct page *p)
{
	struct choice choice, situations[CHOICE_SITUATIONS_MAX];
	char unanswered[ANALYSIS_SENTENCE_BYTES];
	json_t *lines = json_array();
	const size_t n = choice_by_situation(p->a, situations, unanswered);

	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		if (choice_of_contest(p->a, contest, &choice))
			page_add(lines, line_of(p->a, &choice));
	}
	for (size_t i = 0; i < n; i++)
		page_add(lines, line_of(p->a, &situations[i]));
	if (json_array_size(lines) > 0)
		return template_record(
			"lines", lines, "unanswered", template_text(unanswered), NULL);
	json_decref(lines);
	return json_null();
}
