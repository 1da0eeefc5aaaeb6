#!/bin/sh
# A soak runs its layers again with other seeds, joins what they say, keeps what failed, and ends when it is told.
#   soak_test.sh PROGRAM WORK
set -eu
program=$1
work=$2

rm -rf "$work"
mkdir -p "$work"
cd "$work"
# A layer that notes its seeds, fails in its second and third run, in a scenario of its own as well, and in its fourth is interrupted.
cat >layer <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do
	case $1 in
	--record) record=$2 ;;
	--seed) seed=$2 ;;
	esac
	shift 2
done
echo "$seed" >>seeds
runs=$(wc -l <seeds)
verdict=ok
[ "$runs" -ne 2 ] && [ "$runs" -ne 3 ] || verdict=failed
printf 'stand-in\tsh\n' >"$record"
for scenario in churn own; do
	printf '%s\ttreiber_tag\t%s\t%s\t0.1\t5\t0\t0\t0\t0\t0\t0\t0\t0\t0\t1\tas told\n' "$verdict" "$scenario" "$seed" >>"$record"
done
[ "$runs" -ne 4 ] || kill -"${SIGNAL:-INT}" $PPID
[ "$verdict" = ok ]
END
chmod +x layer

refused() {
	echo "$1:"
	cat out
	exit 1
}

# Told to stop, it says what there is.
status=0
"$program" --program "native=$work/layer" --scenario churn --seed 7 --soak 1h --json trust.json >out || status=$?
[ "$status" = 1 ] || refused "a failure in the second pass ended in $status"
[ "$(wc -l <seeds)" = 4 ] || refused "it went on after it was told to stop"
[ "$(head -1 seeds)" = 7 ] || refused "the first pass had another seed than it was given"
[ "$(sort -u seeds | wc -l)" = 4 ] || refused "two passes had one seed"
[ "$(grep -c 'soak: [1-4] passes, [0-9]*:[0-9]*:[0-9]* of 1:00:00' out)" = 4 ] || refused "no progress is told"
grep -q 'all layers: 0 ok, 2 failed' out || refused "an interrupted soak does not tell what there is"
grep -q '"passes":3' trust.json || refused "the pass that was interrupted counts, or another does not"
grep -q '"operations":20' trust.json || refused "what the passes did is not added"
[ "$(wc -l <stress-failures.txt)" = 8 ] || refused "the four failures are not kept, or more are"
grep -q '3 passes, .* 4 failures, kept in' out || refused "the failures are not counted one by one"
grep -q -e "--layer native --pool treiber_tag --scenario churn .*--seed $(sed -n 2p seeds)\$" stress-failures.txt ||
	refused "the line that repeats it lacks"
grep -q -e "--layer native --pool treiber_tag --seconds .*--seed $(sed -n 3p seeds)\$" stress-failures.txt ||
	refused "a scenario of the layer's own stands in a line that is refused"

# By another program as well, which sends another signal.
printf '1\n2\n3\n' >seeds
SIGNAL=TERM "$program" --program "native=$work/layer" --scenario churn --soak 1h >out || refused "a soak that is told to end fails"
grep -q 'all layers: 2 ok, 0 failed' out || refused "a soak that is told to end does not tell what there is"

# It ends by itself when its time is over.
printf '1\n2\n3\n4\n' >seeds
"$program" --program "native=$work/layer" --scenario churn --soak 1s >out || refused "its end is a failure"
grep -q 'soak: [0-9]* passes, [0-9:]* of 0:00:01' out || refused "the end of its time is not told"

# What the verdict can't be written to is told before anything is tried.
rm seeds
status=0
"$program" --program "native=$work/layer" --scenario churn --json "$work/nosuch/trust.json" >out 2>&1 || status=$?
[ "$status" = 1 ] || refused "a verdict that can't be written ended in $status"
grep -q 'cannot write' out || refused "a verdict that can't be written is not named"
[ ! -e seeds ] || refused "layers ran, and their verdict can't be written"
