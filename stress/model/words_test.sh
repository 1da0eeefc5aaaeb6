#!/bin/sh
# Wrong input ends in 2 with a sentence, and a failure's string ends in the same failure.
#   words_test.sh PROGRAM
# Lists of words are split on purpose.
# shellcheck disable=SC2086
set -eu
program=$1

# ends STATUS WORD...
ends() {
	wanted=$1
	shift
	status=0
	"$program" "$@" >/dev/null || status=$?
	[ "$status" = "$wanted" ] || {
		echo "$* ended in $status, not in $wanted"
		exit 1
	}
}

while read -r words; do
	ends 2 $words
done <<'END'
--pool nosuch
--scenario nosuch
--switches -1
--executions 0
--depth 99
--golden /nosuch
--replay nosuch
--replay nosuch/reuse/1.1.1.1/0/
--replay treiber_tag/reuse/1.1.1.1/0/1.1
--nosuch
nosuch
END
ends 77 --pool null
string=$("$program" --pool stale_head | sed -n 's/.*--replay //p')
"$program" --replay "$string" | grep -q 'given out twice'
ends 1 --replay "$string"
ends 2 --replay "$string,9999.1"
ends 2 --replay "$string,x"
# Golden counts that nothing has: each scenario fails, or the first one alone.
set -- --pool ticket --together 0 --golden /dev/null
ends 1 "$@"
[ "$("$program" "$@" | grep -c '^FAILED')" -gt 1 ]
[ "$("$program" "$@" --first | grep -c '^FAILED')" = 1 ]
