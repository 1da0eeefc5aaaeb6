/* A choice as people read it. See choice.h. */
#include "bench/analysis/choice.h"
#include "bench/base/append.h"
#include "bench/base/number.h"

#include <inttypes.h>
#include <math.h>

#define ADD(text, ...) append(text, ANALYSIS_SENTENCE_BYTES, __VA_ARGS__)

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

const char *choice_name(const struct analysis *a, enum contest contest, size_t subject)
{
	const struct analysis_subject *s = &a->subjects[subject];

	return contest == CONTEST_WHOLE && s->role == ANALYSIS_CONTESTANT ? s->whole : s->label;
}

const char *choice_question(enum contest contest)
{
	static const char *const questions[CONTESTS] = {
		"Which pool", "Which context policy", "Which pool and policy for the whole"};

	return questions[contest];
}

const char *choice_title(enum contest contest)
{
	static const char *const titles[CONTESTS] = {"Pools", "Context policies", "The whole"};

	return titles[contest];
}

const char *choice_measures(enum contest contest)
{
	static const char *const sentences[CONTESTS] = {
		"The pool works, and nothing else does. Rows are pools and mallocs.",
		("Contexts are pushed and popped, and the pool rests. Rows are policies over one "
		 "pool; behind a slash stands whose malloc is beneath."),
		"An NBL's life, with its contexts. Rows are a pool with a policy."};

	return sentences[contest];
}

void choice_worst(const struct analysis *a, const struct choice *choice,
	const struct choice_pick *pick, char *text)
{
	char lack[ANALYSIS_SENTENCE_BYTES];

	*text = '\0';
	if (pick->missing_there) {
		ADD(text, "%s, where it has no figure", a->cells[pick->worst_cell].label);
		return;
	}
	if (pick->first_there == pick->subject) {
		ADD(text, "first in all cells");
		return;
	}
	choice_lacks(&a->subjects[pick->first_there], choice->traits, lack);
	ADD(text, "%s, behind %s%s%s%s", a->cells[pick->worst_cell].label,
		choice_name(a, choice->contest, pick->first_there), *lack == '\0' ? "" : " (",
		*lack == '\0' ? "" : lack, *lack == '\0' ? "" : ")");
}

void choice_confidence(const struct choice *choice, char *text)
{
	static const struct {
		const char *all, *some;
	} words[] = {
		[CHOICE_TIME] = {"are slower", "be as fast"},
		[CHOICE_TAIL] = {"have longer ones", "have as short ones"},
		[CHOICE_MEMORY] = {"take more", "take as little"},
	};

	*text = '\0';
	if (choice->rivals == 0)
		ADD(text, "not known");
	else if (choice->candidates == 1)
		ADD(text, "nobody else can");
	else if (choice->rivals == 1)
		ADD(text, "all %zu others %s", choice->candidates - 1, words[choice->by].all);
	else
		ADD(text, "%zu of %zu others may %s", choice->rivals - 1, choice->candidates - 1,
			words[choice->by].some);
}

void choice_caveats(const struct choice_pick *pick, char *text)
{
	*text = '\0';
	if (pick->missing > 0)
		ADD(text, "no figure in %zu cell%s", pick->missing, plural(pick->missing));
	if (pick->failed_cells > 0)
		ADD(text, "%s%" PRIu64 " get%s failed in %zu cell%s", *text == '\0' ? "" : ", ",
			pick->failed, plural(pick->failed), pick->failed_cells,
			plural(pick->failed_cells));
}

/* "1.02 times the fastest, at worst 1.31 (burst 32, 2 threads, behind mag_tls)" */
static void add_pick(char *text, const struct analysis *a, const struct choice *choice,
	const struct choice_pick *pick)
{
	char part[ANALYSIS_SENTENCE_BYTES];

	ADD(text, "%s, %s times the %s", choice_name(a, choice->contest, pick->subject),
		number_ratio(pick->typical).text, choice->by == CHOICE_TIME ? "fastest" : "least");
	ADD(text, ", at worst %s (", number_ratio(pick->worst).text);
	choice_worst(a, choice, pick, part);
	ADD(text, "%.*s)", ANALYSIS_SENTENCE_BYTES / 4, part);
	choice_caveats(pick, part);
	ADD(text, "%s%s", *part == '\0' ? "" : "; ", part);
}

void choice_sentences(const struct analysis *a, const struct choice *choice, char *text)
{
	char part[ANALYSIS_SENTENCE_BYTES];

	*text = '\0';
	if (choice->situation != NULL)
		ADD(text, "If %s: ", choice->situation);
	else
		ADD(text, "%s: ", choice_question(choice->contest));
	add_pick(text, a, choice, &choice->first);
	choice_confidence(choice, part);
	ADD(text, "; %s.", part);
	if (choice->has_second) {
		ADD(text, " Next: ");
		add_pick(text, a, choice, &choice->second);
		ADD(text, ".");
	}
}
