#!/bin/sh
# The strategies in a process that the C library registered for no restartable sequences: what wants them is skipped with the
# reason, all others conform, and those that have something for each CPU pass the scenarios.
#   without_rseq_test.sh PROGRAM POOLS
set -eu
program=$1
pools=$2
off=GLIBC_TUNABLES=glibc.pthread.rseq=0
reason='no restartable sequences: the C library has registered none'

status=0
conformance=$(env "$off" "$program" --seed 1 --threads 4 --seconds 0.02 --scenario conformance --pool "$pools") || status=$?
printf '%s\n' "$conformance"
[ "$status" = 0 ] || exit 1
# That a reason is of the process shows where it is gone with the registration.
with=$("$program" --list)
case $with in
*"$reason"*)
	echo "skipped: there are no restartable sequences here to switch off"
	exit 77
	;;
esac
without=$(printf '%s\n' "$conformance" | awk -v reason="$reason" '$1 == "skipped" && index($0, reason) { print $2 }')
[ -n "$without" ] || {
	echo "nothing was skipped for want of restartable sequences: $off does not switch them off"
	exit 1
}
# Those of the others that have something for each CPU ask the kernel where they are, and pass.
passed=$(printf '%s\n' "$conformance" | awk '$1 == "ok" { print $2 }' | paste -s -d ,)
moved=$(env "$off" "$program" --seed 1 --threads 4 --seconds 0.05 --scenario affinity --pool "$passed") || status=$?
printf '%s\n' "$moved"
[ "$status" = 0 ] || {
	[ "$status" != 77 ] || echo "skipped: the rest needs a second CPU"
	exit "$status"
}
env "$off" "$program" --seed 1 --threads 4 --seconds 0.05 --scenario churn,handover,exhaustion,trim,thread_exit,signals,nbl \
	--pool "$(printf '%s\n' "$moved" | awk '$1 == "ok" { print $2 }' | paste -s -d ,)"
