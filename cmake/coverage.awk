# Adds up what `gcov -b -c -t` says of many units, and prints lines and branches executed, a file a line, with the total at the end.
# A header is compiled into many units: a line counts once, and is executed if one unit executed it. Branches are told apart by their
# number within the line, which may differ from unit to unit, so of headers their share is approximate.

function row(part, of_part, branches, of_branches, name) {
	return sprintf("%5.1f %% %11s   %5.1f %% %11s   %s\n", of_part ? 100 * part / of_part : 100, part "/" of_part,
		of_branches ? 100 * branches / of_branches : 100, branches "/" of_branches, name)
}

/^ *-: *0:Source:/ {
	file = substr($0, index($0, "Source:") + 7)
	wanted = file ~ /^(alloc|bench|stress)\// && file !~ /_test\.c$/
	next
}

!wanted {
	next
}

/^ *([0-9]+[*]?|#####[*]?|=====[*]?): *[0-9]+:/ {
	split($0, column, ":")
	at = file SUBSEP column[2] + 0
	if (!(at in line))
		line[at] = 0
	if (column[1] + 0 > 0)
		line[at] = 1
	# What checks a promise has a branch that no run should take.
	promise = $0 ~ /(ASSERT|INVARIANT|assert)\(/
	next
}

/^branch/ && !promise {
	key = at SUBSEP $2
	if (!(key in branch))
		branch[key] = 0
	if ($3 == "taken" && $4 + 0 > 0)
		branch[key] = 1
}

END {
	for (key in line) {
		split(key, part, SUBSEP)
		lines[part[1]]++
		executed[part[1]] += line[key]
	}
	for (key in branch) {
		split(key, part, SUBSEP)
		branches[part[1]]++
		taken[part[1]] += branch[key]
	}
	print "          lines             branches"
	fflush()
	for (file in lines) {
		print row(executed[file] + 0, lines[file], taken[file] + 0, branches[file] + 0, file) | "sort -k7"
		all_executed += executed[file]
		all_lines += lines[file]
		all_taken += taken[file]
		all_branches += branches[file]
	}
	close("sort -k7")
	print row(all_executed + 0, all_lines + 0, all_taken + 0, all_branches + 0, "all")
}
