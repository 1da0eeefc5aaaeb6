{{!
Response times against the load of an open loop, in a cell: a panel a strategy with its own line, which ends where the load is not
kept, and its knee; all others in grey behind it. template.h has the language, figure_tail.c fills the slots; a slot without & is a
quoted string.
}}
{{#panels}}
$s{{index}} << EOD
{{#points}}
{{load}} {{&ns}}
{{/points}}
EOD
{{#knee}}
$k{{index}} << EOD
{{load}} {{&ns}}
EOD
{{/knee}}
{{/panels}}
# The background of every panel: all lines, with an empty line between two.
$all << EOD
{{#panels}}
{{#points}}
{{load}} {{&ns}}
{{/points}}

{{/panels}}
EOD

set logscale y 10
set xrange [{{left}}:100]
named = '({{#tics}}{{#further}},{{/further}}{{label}} {{load}}{{/tics}})'
bare = '({{#tics}}{{#further}},{{/further}}"" {{load}}{{/tics}})'
set yrange [{{&bottom}}:{{&top}}]
{{#panels}}
set format y '{{#leftmost}}%.0s%c{{/leftmost}}'
set xtics {{#lowest}}@named{{/lowest}}{{^lowest}}@bare{{/lowest}}
set title {{title}} offset 0,-0.6 noenhanced
plot $all using 1:2 with lines linecolor rgb context linewidth 0.4, \
	$s{{index}} using 1:2 with linespoints linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.6 pointtype {{marker}} pointsize 0.4{{#knee}}, \
	$k{{index}} using 1:2 with points linecolor rgb {{&colour}} pointtype 7 pointsize 0.7{{/knee}}
unset label
{{/panels}}
