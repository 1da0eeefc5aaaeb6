{{!
A cell over time: a panel a strategy with its own line and intervals over the stores, all others in grey behind it. template.h has
the language, history.c fills the slots; a slot without & is a quoted string.
}}
{{#panels}}
$s{{index}} << EOD
{{#points}}
{{#known}}
{{store}} {{&ns}} {{&low}} {{&high}}
{{/known}}
{{^known}}

{{/known}}
{{/points}}
EOD
{{/panels}}
# The background of every panel: all lines, with an empty line between two.
$all << EOD
{{#panels}}
{{#points}}
{{#known}}
{{store}} {{&ns}} {{&low}} {{&high}}
{{/known}}
{{^known}}

{{/known}}
{{/points}}

{{/panels}}
EOD

set logscale y 10
named = '({{#tics}}{{#further}},{{/further}}{{name}} {{store}}{{/tics}})'
bare = '({{#tics}}{{#further}},{{/further}}"" {{store}}{{/tics}})'
set xrange [0.6:{{&right}}]
set yrange [{{&bottom}}:{{&top}}]
{{#panels}}
set format y '{{#leftmost}}%.6g{{/leftmost}}'
set xtics {{#lowest}}@named{{/lowest}}{{^lowest}}@bare{{/lowest}}
set title {{title}} offset 0,-0.6 noenhanced
plot $all using 1:2 with lines linecolor rgb context linewidth 0.4, \
	$s{{index}} using 1:2 with lines linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.6, \
	$s{{index}} using 1:2:3:4 with yerrorbars linecolor rgb {{&colour}} linewidth 1 pointtype {{marker}} pointsize 0.4
unset label
{{/panels}}
