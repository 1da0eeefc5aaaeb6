{{!
Lines over threads, bursts or sizes: a panel a strategy with its own line and intervals, all others in grey behind it. template.h has
the language, figure_lines.c fills the slots; a slot without & is a quoted string.
}}
{{#panels}}
$s{{index}} << EOD
{{#points}}
{{at}} {{&value}} {{&low}} {{&high}}
{{/points}}
EOD
{{/panels}}
# The background of every panel: all lines, with an empty line between two.
$all << EOD
{{#panels}}
{{#points}}
{{at}} {{&value}} {{&low}} {{&high}}
{{/points}}

{{/panels}}
EOD

set logscale xy 2
set logscale y 10
named = '({{#tics}}{{#further}},{{/further}}{{label}} {{at}}{{/tics}})'
bare = '({{#tics}}{{#further}},{{/further}}"" {{at}}{{/tics}})'
set xrange [{{&left}}:{{&right}}]
set yrange [{{&bottom}}:{{&top}}]
{{#crowded}}
# More threads than CPUs.
set object 1 rectangle from {{&left}}, graph 0 to {{&right}}, graph 1 behind fillcolor rgb '#808080' fillstyle solid 0.14 noborder
{{/crowded}}
{{#panels}}
set format y '{{#leftmost}}%.6g{{/leftmost}}'
set xtics {{#lowest}}@named{{/lowest}}{{^lowest}}@bare{{/lowest}}
set title {{title}} offset 0,-0.6 noenhanced
plot $all using 1:2 with lines linecolor rgb context linewidth 0.4, \
	$s{{index}} using 1:2 with lines linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.6, \
	$s{{index}} using 1:2:3:4 with yerrorbars linecolor rgb {{&colour}} linewidth 1 pointtype {{marker}} pointsize 0.4
unset label
{{/panels}}
