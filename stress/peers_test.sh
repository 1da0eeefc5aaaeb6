#!/bin/sh
# Mallocs as peers, each with its library preloaded, under the scenarios that their interface allows. `nblbench-stress --list` says
# which library a pool waits for.
#   peers_test.sh PROGRAM
set -eu
program=$1
tried=0

rows=$("$program" --list | awk '/^  [a-z]/ { pool = $1 } /not here: .* a sweep preloads / { print pool, $3 }')
while read -r pool library; do
	status=0
	LD_PRELOAD=$library "$program" --seed 1 --threads 4 --seconds 0.1 --pool "$pool" \
		--scenario conformance,churn,handover,nbl || status=$?
	case $status in
	0) tried=$((tried + 1)) ;;
	77) echo "skipped: $pool wants $library, which is not installed" ;;
	*) exit 1 ;;
	esac
done <<END
$rows
END
[ "$tried" != 0 ] || exit 77
