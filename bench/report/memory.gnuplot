{{!
Resident memory when the pool was opened, at its peak and settled: a panel a strategy with its own line, all others in grey behind it.
template.h has the language, figure_memory.c fills the slots; a slot without & is a quoted string.
}}
{{#panels}}
$s{{index}} << EOD
{{#points}}
{{time}} {{&mebibytes}}
{{/points}}
EOD
{{/panels}}
# The background of every panel: all lines, with an empty line between two.
$all << EOD
{{#panels}}
{{#points}}
{{time}} {{&mebibytes}}
{{/points}}

{{/panels}}
EOD

set logscale y 10
named = '("open" 0, "peak" 1, "settled" 2)'
bare = '("" 0, "" 1, "" 2)'
set xrange [-0.3:2.3]
set yrange [{{&bottom}}:{{&top}}]
{{#panels}}
set format y '{{#leftmost}}%.0s%c{{/leftmost}}'
set xtics {{#lowest}}@named{{/lowest}}{{^lowest}}@bare{{/lowest}}
set title {{title}} offset 0,-0.6 noenhanced
plot $all using 1:2 with lines linecolor rgb context linewidth 0.4, \
	$s{{index}} using 1:2 with linespoints linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.6 pointtype {{marker}} pointsize 0.5
unset label
{{/panels}}
