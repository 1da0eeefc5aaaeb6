{{!
Percentiles of the calls of a cell: a panel a strategy with its own line, that of the first one in grey behind it. From the left to the right
the share of calls that take longer falls from all to one in 100,000. template.h has the language, figure_tail.c fills the slots; a slot
without & is a quoted string.
}}
{{#panels}}
$s{{index}} << EOD
{{#points}}
{{&beyond}} {{&ns}}
{{/points}}
EOD
{{/panels}}
set logscale xy 10
set xrange [1:1e-5]
named = '("50" 0.5, "99" 1e-2, "" 1e-3, "99.99" 1e-4)'
bare = '("" 0.5, "" 1e-2, "" 1e-3, "" 1e-4)'
set yrange [{{&bottom}}:{{&top}}]
{{#floor}}
# Below twice the probe a value is the clock's more than the call's.
set object 1 rectangle from graph 0, first {{&bottom}} to graph 1, first {{&floor}} behind fillcolor rgb '#808080' fillstyle solid 0.14 noborder
{{/floor}}
{{#panels}}
set format y '{{#leftmost}}%.0s%c{{/leftmost}}'
set xtics {{#lowest}}@named{{/lowest}}{{^lowest}}@bare{{/lowest}}
set title {{title}} offset 0,-0.6 noenhanced
plot $s{{&first}} using 1:2 with lines linecolor rgb context linewidth 0.4, \
	$s{{index}} using 1:2 with lines linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.6
unset label
{{/panels}}
