{{!
Throughput against the p99.9 of calls, with bytes an object as the size of a point: a panel a cell. Who is beaten in all three is
grey, the others have their names and bytes; a line joins those that are beaten in neither throughput nor tail. template.h has the
language, figure_tradeoff.c fills the slots; a slot without & is a quoted string.
}}
set logscale xy 10
set format x '%.6g'
set format y '%.0s%c'
set lmargin 9
set rmargin 2
set tmargin 1.8
set bmargin 3
set datafile separator whitespace
{{#panels}}
$front << EOD
{{#front}}
{{&rate}} {{&ns}} {{&size}} {{name}}
{{/front}}
EOD
$line << EOD
{{#line}}
{{&rate}} {{&ns}}
{{/line}}
EOD
{{#beaten}}
$beaten << EOD
{{#points}}
{{&rate}} {{&ns}} {{&size}}
{{/points}}
EOD
{{/beaten}}
set title {{title}} offset 0,-0.6 noenhanced
set xlabel 'million units/s' offset 0,0.6
set ylabel 'p99.9, ns' offset 0.3,0
# Labels stand to the right of their points, by turns above and below: neighbours are often close.
set xrange [{{&left}}:{{&right}}]
set yrange [{{&bottom}}:{{&top}}]
plot {{#beaten}}$beaten using 1:2:3 with points pointtype 7 pointsize variable linecolor rgb context, {{/beaten}}\
	$line using 1:2 with lines linecolor rgb front linewidth 0.6, \
	$front using 1:2:3 with points pointtype 7 pointsize variable linecolor rgb front, \
	$front every 2 using 1:2:4 with labels left offset 0.8,0.5 noenhanced font ',8', \
	$front every 2::1 using 1:2:4 with labels left offset 0.8,-0.5 noenhanced font ',8'
{{/panels}}
