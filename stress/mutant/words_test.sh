#!/bin/sh
# Wrong input ends in 2 with a sentence, before anything is copied.
#   words_test.sh PROGRAM SOURCE WORK
# Lists of words are split on purpose.
# shellcheck disable=SC2086
set -eu
program=$1
source=$2
work=$3

while read -r words; do
	status=0
	said=$("$program" "$source" "$work" $words 2>&1) || status=$?
	if [ "$status" != 2 ] || [ -z "$said" ] || [ -e "$work" ]; then
		echo "'$words' ended in $status and said: $said"
		exit 1
	fi
done <<'END'
--only
--only nosuch
--only tag_stays,nosuch
--layer nosuch
--layer model,nosuch
--sample few
--sample -1
--sample 0
--seed 0x
--seed -1
--nosuch 1
END
