{{!
What is given up for what, a panel a cell: throughput against the p99.9 of calls, with bytes an object as the size of a point; without
tails, time against bytes. Who is beaten in all of it is grey, the others have their names; a line joins those that are beaten in
neither axis. template.h has the language, figure_tradeoff.c fills the slots; a slot without & is a quoted string.
}}
set logscale xy 10
set format x '%.6g'
set format y '%.0s%c'
set datafile separator whitespace
{{#panels}}
$front << EOD
{{#front}}
{{&x}} {{&y}} {{&size}} {{marker}} {{&colour}}
{{/front}}
EOD
$names << EOD
{{#names}}
{{&x}} {{&y}} {{name}}
{{/names}}
EOD
$line << EOD
{{#line}}
{{&x}} {{&y}}
{{/line}}
EOD
{{#beaten}}
$beaten << EOD
{{#points}}
{{&x}} {{&y}} {{&size}} {{marker}}
{{/points}}
EOD
{{/beaten}}
set title {{title}} offset 0,-0.6 noenhanced
set xrange [{{&left}}:{{&right}}]
set yrange [{{&bottom}}:{{&top}}]
plot {{#beaten}}$beaten using 1:2:3:4 with points pointtype variable pointsize variable linecolor rgb context, {{/beaten}}\
	$line using 1:2 with lines linecolor rgb context linewidth 0.6, \
	$front using 1:2:3:4:5 with points pointtype variable pointsize variable linecolor rgb variable, \
	$names using 1:2:3 with labels left noenhanced font ',8'
unset label
{{/panels}}
