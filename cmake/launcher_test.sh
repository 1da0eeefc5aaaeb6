#!/bin/sh
# The launcher, with stand-ins for cmake, ctest, setarch and the packages: what it starts, where, and what it says.
#   launcher_test.sh SOURCE PROGRAM WORK      PROGRAM: the built nblbench
# Patterns and lists of words are kept in variables on purpose, and what another shell expands.
# shellcheck disable=SC2016,SC2086,SC2254
set -u
source=$1
program=$2
work=$3
failed=0

rm -rf "$work"
mkdir -p "$work/bin" "$work/a tree/cmake"
cd "$work" || exit 1
cp "$source/nblbench" "$source/CMakeLists.txt" "a tree"
cp "$source/cmake/unrandomised.sh" "a tree/cmake"
tree="$work/a tree"

# The stand-ins. cmake configures and builds, and notes what it was asked for; what it builds says how it was started.
stand_in() {
	cat >"bin/$1"
	chmod +x "bin/$1"
}
stand_in cmake <<'END'
#!/bin/sh
echo "cmake $*" >>"$WORK/log"
case $1 in
--preset)
	mkdir -p "build/$2"
	echo "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" >"build/$2/CMakeCache.txt"
	: >"build/$2/build.ninja"
	;;
--build)
	[ -z "${DOES_NOT_BUILD-}" ] || exit 1
	printf '#!/bin/sh\n[ -z "${DOES_NOT_START-}" ] || exit 66\necho "ran $0 $*"\n' >"$2/$4"
	chmod +x "$2/$4"
	;;
esac
END
stand_in ctest <<'END'
#!/bin/sh
echo "ctest in $PWD: $*"
END
stand_in setarch <<'END'
#!/bin/sh
[ -z "${NO_PERSONALITY-}" ] || exit 1
shift
exec "$@"
END
stand_in dpkg-query <<'END'
#!/bin/sh
echo installed
END
export WORK="$work" PATH="$work/bin:$PATH"

# run COMMAND...: its exit status and what it said, in $status and $said; what cmake was asked for, in $log.
run() {
	: >"$work/log"
	said=$("$@" 2>&1)
	status=$?
	log=$(cat "$work/log")
}
# expect WHAT STATUS PATTERN: of the last run.
expect() {
	case $said in
	$3) [ "$status" != "$2" ] || return 0 ;;
	esac
	printf '%s: status %s where %s was due, or no "%s" in: %s\n' "$1" "$status" "$2" "$3" "$said"
	failed=1
}
# asked WHAT PATTERN: of cmake, by the last run.
asked() {
	case $log in
	$2) ;;
	*)
		printf '%s: cmake was asked for "%s" and not for "%s"\n' "$1" "$log" "$2"
		failed=1
		;;
	esac
}

# Before anything is built.
run "$tree/nblbench" --version
expect 'version of nothing' 0 'nblbench [0-9]*, not built yet'
run "$tree/nblbench" nosuch
expect 'unknown command, nothing built' 2 "*no command 'nosuch'*sweep*stress*"
for command in setup test; do
	run "$tree/nblbench" $command --help
	expect "help of $command" 0 "usage: nblbench $command *"
done
run "$tree/nblbench" setup --pears
expect 'setup with nonsense' 2 "*'--pears'*--peers*"
run "$tree/nblbench" list
asked 'list' '*--preset release*--target nblbench -- *'
expect 'list' 0 '*ran */build/release/nblbench list'
run "$tree/nblbench" test -R x
expect 'test' 0 '*ctest in */build/release:* -R x'

# Every command of the program is in the launcher's help and handed on, and every one of the launcher's is known to the program.
run "$tree/nblbench" help
help=$said
commands=$("$program" help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
for command in $commands; do
	said=$help status=0
	expect "the launcher's help" 0 "*$command*"
	preset=release
	[ "$command" != count ] || preset=count # a program that counts is not one that is timed
	run "$tree/nblbench" "$command" --word 'two words'
	expect "$command" 0 "*ran */build/$preset/nblbench $command --word two words"
done
[ -n "$commands" ] || failed=1
for command in stress test setup; do
	said=$help status=0
	expect "the launcher's help" 0 "*$command*"
	run "$program" "${command}x"
	expect "the program's suggestion" 2 "*did you mean '$command'*"
	run "$program" "$command"
	expect 'a command of the launcher' 2 "*./nblbench $command*"
done
run "$program" --version
expect 'version' 0 'nblbench [0-9]*.[0-9]*.[0-9]*, *, build ?*'

# Layers: those that always run, one that a sanitizer adds, those that are named. Each is built, and the first is given all.
mkdir -p "$tree/stress"
cp "$source/stress/layers.def" "$tree/stress"
while read -r presets words; do
	run "$tree/nblbench" stress $words --seed 7
	first=${presets%%,*}
	expect "stress $words" 0 "*ran */build/$first/nblbench-stress --revision * --seed 7 --program *"
	for preset in $(echo "$presets" | tr , ' '); do
		expect "stress $words" 0 "*--program *=*/build/$preset/nblbench-*"
		grep -q "\"name\": \"$preset\"" "$source/CMakePresets.json" || failed=1
	done
done <<'END'
debug,perturb,release
debug,perturb,release --sanitizer=none
debug,perturb,release,tsan-perturb --sanitizer thread
debug,perturb,release,asan-perturb --sanitizer=address
perturb --layer perturbed
tsan-perturb,asan-perturb --layer=thread,address
END
# A layer whose program is not the first one, which that tells all the same.
run "$tree/nblbench" stress --layer freezer --seed 7
expect 'stress --layer freezer' 0 "*ran */build/debug/nblbench-stress --revision * --seed 7 --program freezer=*/build/release/nblbench-progress"
run "$tree/nblbench" stress --mutants --only tag_stays
expect 'mutants' 0 "*ran */build/debug/nblbench-mutants $tree $tree/build/mutants --only tag_stays"
run "$tree/nblbench" stress --layer native,nosuch
expect 'unknown layer' 2 "*no layer 'nosuch'*native perturbed freezer*"
run "$tree/nblbench" stress --layer
expect 'no layer' 2 "*--layer wants a value*"
run "$tree/nblbench" stress --pool 'two words' --model
asked 'stress --model' "*--build */build/release --target nblbench-model*"
expect 'stress --model' 0 '*ran */build/release/nblbench-model --pool two words'
run "$tree/nblbench" stress --replay a/b
expect 'stress --replay' 0 '*ran */build/release/nblbench-model --replay a/b'
run "$tree/nblbench" stress --sanitizer memory
expect 'unknown sanitizer' 2 "*'memory'*none, thread or address*"

# personality(2) denied, as in containers.
export NO_PERSONALITY=1
run "$tree/nblbench" stress --sanitizer thread --seed 7
expect 'no setarch' 0 '*ran */build/debug/nblbench-stress * --seed 7 *thread=*/build/tsan-perturb/nblbench-stress'
run env DOES_NOT_START=1 "$tree/nblbench" stress --sanitizer thread
expect 'a sanitizer that cannot start' 1 "*thread sanitizer cannot start*'setarch -R'*not allowed*"
unset NO_PERSONALITY
run sh -c 'ulimit -v 9000000; DOES_NOT_START=1 exec "$@"' - "$tree/nblbench" stress --sanitizer thread
expect 'a sanitizer without room' 1 "*thread sanitizer cannot start*9000000 KiB*ulimit -v unlimited*"
run env DOES_NOT_START=1 "$tree/nblbench" stress --sanitizer address
expect 'a sanitizer that does not say why' 1 "*address sanitizer cannot start*setarch -R */build/asan-perturb/nblbench-stress --list*"

# Limits of the shell.
run env DOES_NOT_BUILD=1 sh -c 'ulimit -f 100; exec "$@"' - "$tree/nblbench" list
expect 'a build that fails under a limit' 1 '*does not build*file size of at most 51200 bytes*'

# A tree that was moved is configured afresh, nothing is removed by the launcher.
mv "$tree" "$work/moved"
: >"$work/moved/build/release/kept"
run "$work/moved/nblbench" list
asked 'a moved tree' '*--preset release --fresh*--build *'
[ -e "$work/moved/build/release/kept" ] || failed=1
mv "$work/moved" "$tree"
run "$tree/nblbench" list
run "$tree/nblbench" list
asked 'the same again' "cmake --build *"

# As another user, and through mounts at other paths: where these can be tried.
unwritable() {
	expect "$1" 0 '*ran */build/release/nblbench list'
	asked "$1" ''
}
if [ "$(id -u)" = 0 ]; then
	another='setpriv --reuid=65534 --clear-groups'
	rm -rf "$tree/build/debug"
	if $another test -x "$tree/nblbench" 2>/dev/null; then
		run $another "$tree/nblbench" list
		unwritable "another user's tree"
		run $another "$tree/nblbench" stress --layer address
		expect "what is built in another user's tree" 0 '*ran */build/asan-perturb/nblbench-stress*'
		run $another "$tree/nblbench" stress --layer native
		expect "what is not built in another user's tree" 1 '*cannot be written by *not built*'
	else
		echo "another user can't be tried: none comes here"
	fi
else
	chmod a-w "$tree/build/release"
	run "$tree/nblbench" list
	chmod u+w "$tree/build/release"
	unwritable 'a tree that cannot be written'
fi
mkdir other
mounted() {
	run unshare --map-root-user --mount sh -c 'mount --bind "$1" other && { [ $2 = rw ] || mount -o remount,bind,ro other; } && exec other/nblbench list' - "$tree" "$1"
}
if unshare --map-root-user --mount true 2>/dev/null; then
	mounted ro
	unwritable 'a read-only mount'
	mounted rw
	asked 'a second path' "cmake --build $tree/build/release *"
	expect 'a second path' 0 "*ran $tree/build/release/nblbench list"
else
	echo "mounts can't be tried here: no user namespaces"
fi
exit $failed
