#!/bin/sh
# A soak runs its layers again with other seeds, joins what they say, keeps what failed, and ends when it is told.
#   soak_test.sh PROGRAM WORK
set -eu
program=$1
work=$2

rm -rf "$work"
mkdir -p "$work"
cd "$work"
# A layer that notes its seeds, and fails in its second run alone.
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
verdict=ok
[ "$(wc -l <seeds)" -ne 2 ] || verdict=failed
printf 'stand-in\tsh\n%s\ttreiber_tag\tchurn\t%s\t0.1\t5\t0\t0\t0\t0\t0\t0\t0\tas told\n' "$verdict" "$seed" >"$record"
sleep 0.2
[ "$verdict" = ok ]
END
chmod +x layer

refused() {
	echo "$1:"
	cat out
	exit 1
}

status=0
"$program" --program "native=$work/layer" --scenario churn --seed 7 --soak 2s --json trust.json >out || status=$?
[ "$status" = 1 ] || refused "a failure in the second pass ended in $status"
[ "$(head -1 seeds)" = 7 ] || refused "the first pass had another seed than it was given"
[ "$(sort -u seeds | wc -l)" = "$(wc -l <seeds)" ] || refused "two passes had one seed"
passes=$(wc -l <seeds)
[ "$passes" -ge 3 ] || refused "2 s of passes of 0.2 s were $passes passes"
grep -q "\"passes\": $passes" trust.json || refused "$passes passes are not told"
grep -q "\"operations\": $((5 * passes))" trust.json || refused "what the passes did is not added"
[ "$(wc -l <stress-failures.txt)" = 2 ] || refused "the one failure is not kept, or more are"
grep -q -e "--layer native --pool treiber_tag --scenario churn .*--seed $(sed -n 2p seeds)\$" stress-failures.txt ||
	refused "the line that repeats it lacks"

# An interrupt ends it sooner, and it says what there is.
rm -f seeds
printf '1\n1\n' >seeds
status=0
# Not by timeout: what it sends then as well, SIGCONT, takes back the stop with which a leak checker's tracer waits for the program's
# threads, and the tracer waits for ever.
"$program" --program "native=$work/layer" --scenario churn --soak 1h >out &
sleep 1
kill -INT $!
wait $! || status=$?
grep -q 'soak: [1-9][0-9]* passes, 0:00:0[0-9] of 1:00:00' out || refused "no progress is told"
grep -q 'all layers: 1 ok, 0 failed' out || refused "an interrupted soak does not tell what there is"
