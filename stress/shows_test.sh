#!/bin/sh
# What a failure shows, of one control of each layer: the promise by number and text, strategy, scenario, time and seed, the last
# operations of each thread, stacks where a thread hangs or has crashed, and one command that does it again.
#   shows_test.sh native|freezer|model PROGRAM
set -eu
layer=$1
program=$2

refused() {
	echo "$layer: $1:"
	echo "$out"
	exit 1
}

# tells WHAT REGEX: a line is of that form.
tells() {
	echo "$out" | grep -qE -e "$2" || refused "the output does not tell $1"
}

# again REGEX: the command that it gives leads to such a line, too.
again() {
	command=$(echo "$out" | sed -n 's/^ *again: \(.*[^ ]\)$/\1/p' | sed 's/ \[--in-process\]$//' | head -n 1)
	[ -n "$command" ] || refused "no command repeats it"
	case $command in
	./nblbench\ stress\ *) command="'$program' ${command#./nblbench stress }" ;;
	esac
	out=$(eval "$command" 2>&1) || true
	tells "the same, when $command is run" "$1"
}

# rings LEAST: so many threads have told operations.
rings() {
	counts=$(echo "$out" | awk '
		/the last operations of thread [0-9]+/ { if (n) print n; n = 0; on = 1; next }
		on && !/^ *\|?  / { on = 0 }
		on { n += gsub(/(get|put|flush|prefill|attach|detach|NBL|context)/, "&") }
		END { if (n) print n }')
	[ "$(echo "$counts" | wc -l)" -ge "$1" ] || refused "fewer than $1 threads tell their operations"
}

# last64: after rings, one of them has told as many as are kept.
last64() {
	[ "$(echo "$counts" | sort -n | tail -n 1)" = 64 ] || refused "no thread tells its last 64 operations"
}

case $layer in
native)
	# It shows when the threads are through.
	out=$("$program" --pool loses_objects --seconds 0.2 --threads 4 --seed 1) || refused "it failed"
	tells "what is broken" "^caught +loses_objects +churn +after [0-9.]+ s, seed 1: P8 \(at rest the strategy's own invariants hold\): after a round"
	rings 4
	last64
	again '^caught +loses_objects .*: P8 \('
	out=$("$program" --pool crashes --seconds 0.2 --threads 4 --seed 1) || refused "it failed"
	tells "what is broken" '^caught +crashes .*, seed 1: P22 \(a call does not end the process\): it died of SIG'
	tells "where it crashed" 'thread [0-9]+ got SIG[A-Z]+ at:$'
	tells "where the others stand" 'thread [0-9]+ stands at:$'
	tells "frames" '\|   at '
	rings 1
	# Without processes: for a debugger.
	out=$("$program" --pool gets_twice --seconds 0.2 --threads 4 --seed 1 --in-process 2>&1) && refused "in its process it passes"
	tells "which attack it is" '^begins +gets_twice +[a-z]+ +in this process, seed 1$'
	tells "what is broken" '^FAILED   P1 \(an object has one owner at a time\): object 0x'
	rings 1
	;;
freezer)
	out=$("$program" --pool lock_in_put --seconds 0.05 --seed 1) || refused "it failed"
	tells "what is broken" '^caught +lock_in_put +lock-free +after [0-9.]+ s, seed 1: P19 \(threads that are stopped keep nobody from going on\): stopped after [0-9]+ instructions of put, beside '
	tells "where the victim stands" '^thread [0-9]+ stands at:$'
	tells "frames" '^  at .*hides_a_lock.c:[0-9]+: put|^  at \+0x'
	[ "$(echo "$out" | grep -c '^thread [0-9]* stands at:$')" -ge 2 ] || refused "only one thread tells where it stands"
	tells "the victim's operations" '^the last operations of thread [0-9]+, the victim:$'
	tells "the call that it was stopped in" '^ .* put [0-9a-f]+ \(not over\)$'
	tells "the survivor's operations" '^the last operations of thread [0-9]+, the survivor:$'
	tells "the call that does not go on" '^ .* (get|put|get_bulk|put_bulk)( [0-9a-f]+)* \(not over\)$'
	rings 2
	last64
	again '^caught +lock_in_put .*: P19 \('
	# A death, of which nobody stands anywhere.
	out=$("$program" --pool takes_too_much --seconds 0.05 --seed 1) || refused "it failed"
	tells "what is broken" '^caught +takes_too_much .*: P20 \(a death takes what its call is about, .*\): killed after [0-9]+ instructions of '
	tells "the call that it died in" '^ .* \(not over\)$'
	;;
model)
	out=$("$program" --pool stale_head) || refused "it failed"
	tells "what is broken" '^caught +stale_head +[a-z_]+ +after [0-9.]+ s and [0-9]+ executions: P1 \(an object has one owner at a time\): thread [0-9] got '
	tells "what its threads called" '^  thread 1 +get of 1$'
	tells "their steps" '^  thread [01] +[0-9]+ +load relaxed '
	again '^  P1 \(an object has one owner at a time\): thread [0-9] got '
	out=$("$program" --pool stale_head --random 5000 --seed 3) || refused "it failed"
	tells "the seed" '^caught +stale_head .* executions, seed 3: P1 \('
	tells "the command with the seed" '^ +again: ./nblbench stress --model --pool stale_head --scenario [a-z_]+ --random [0-9]+ --depth 3 --seed 3$'
	;;
esac
