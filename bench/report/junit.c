/* See junit.h. */
#include "bench/report/junit.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/document.h"
#include "bench/report/junit.xml.h"
#include "bench/report/report.h"
#include "bench/report/template.h"

json_t *junit_failure(const struct analysis_result *result, const char *command)
{
	return result->state <= ANALYSIS_UNSUPPORTED
		       ? json_null()
		       : template_record("type", template_text(analysis_state_name(result->state)),
				 "message", document_reason(result), "detail",
				 template_words("To repeat it: %s", command), NULL);
}

json_t *junit_skipped(const struct analysis_result *result)
{
	return result->state != ANALYSIS_UNSUPPORTED && result->state != ANALYSIS_DRY
		       ? json_null()
		       : template_record("message", document_reason(result), NULL);
}

void junit_add(json_t *cases, const char *suite, struct junit_case one)
{
	json_t *said = one.said == NULL ? json_null()
					: template_record("text", template_text(one.said), NULL);

	json_array_append_new(cases,
		template_record("suite", template_text(suite), "name", template_text(one.name),
			"failure", one.failure, "skipped", one.skipped, "said", said, NULL));
	free(one.said);
}

/* How many of a list have what is not null under this name. */
static size_t count(const json_t *cases, const char *name)
{
	const json_t *one;
	size_t i, n = 0;

	json_array_foreach(cases, i, one) n += json_is_null(json_object_get(one, name)) ? 0 : 1;
	return n;
}

json_t *junit_property(const char *name, const char *value)
{
	return template_record("name", template_text(name), "value", template_text(value), NULL);
}

void junit_close(
	json_t *suites, const char *name, int64_t started_ns, json_t *properties, json_t *cases)
{
	json_t *suite = template_record("name", template_text(name), "timestamp",
		template_text(number_timestamp(started_ns).text), "tests",
		template_count(json_array_size(cases)), "failures",
		template_count(count(cases, "failure")), "skipped",
		template_count(count(cases, "skipped")), "properties", properties, "cases", cases,
		NULL);

	if (json_array_size(cases) > 0)
		json_array_append(suites, suite);
	json_decref(suite);
}

static uint64_t sum(const json_t *suites, const char *name)
{
	const json_t *suite;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(suites, i, suite) n += json_integer_value(json_object_get(suite, name));
	return (uint64_t)n;
}

void junit_print(const char *name, json_t *suites, FILE *out)
{
	char why[TEMPLATE_WHY_BYTES];
	json_t *all = template_record("name", template_text(name), "tests",
		template_count(sum(suites, "tests")), "failures",
		template_count(sum(suites, "failures")), "skipped",
		template_count(sum(suites, "skipped")), "suites", suites, NULL);

	/* As with the page: tests see to it that nothing but memory can be missing. */
	if (template_print(junit_xml, all, document_xml, out, why) != 0)
		need_failed();
	json_decref(all);
}

/* What a row's case says where it was measured. */
static char *said_of(const struct analysis *a, size_t c, size_t i)
{
	const struct analysis_result *r = analysis_at(a, c, i);
	char *text = NULL;

	if (r->state != ANALYSIS_MEASURED || !isfinite(r->ns.point))
		return NULL;
	if (asprintf(&text, "%s ns a unit (%s), %s times the best of its cell",
		    number_plain(exp(r->ns.point)).text,
		    number_plain_range(document_factor(r->ns.lo), document_factor(r->ns.hi)).text,
		    number_ratio(r->to_best.point).text) < 0)
		need_failed();
	return text;
}

void report_junit(const struct analysis *a, FILE *out)
{
	json_t *suites = json_array();

	for (size_t c = 0; c < a->cell_count; c++) {
		json_t *cases = json_array(), *properties = json_array();

		for (size_t i = 0; i < a->subject_count; i++) {
			const struct analysis_result *r = analysis_at(a, c, i);

			/* Where a row has no business it has no case. */
			if (r->state != ANALYSIS_ABSENT)
				junit_add(cases, a->cells[c].label,
					(struct junit_case){.name = a->subjects[i].label,
						.failure = junit_failure(r, a->cells[c].command),
						.skipped = junit_skipped(r),
						.said = said_of(a, c, i)});
		}
		json_array_append_new(
			properties, junit_property("source revision", a->source_revision));
		json_array_append_new(properties, junit_property("cpu", document_cpu(a)));
		junit_close(suites, a->cells[c].label, analysis_began_ns(a), properties, cases);
	}
	junit_print("nblbench", suites, out);
}
