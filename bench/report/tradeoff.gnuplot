{{!
Time against memory beyond the payload: a panel a cell; who is beaten in both is grey, the others have their names. template.h has
the language, figure_tradeoff.c fills the slots; a slot without & is a quoted string.
}}
set logscale x 10
set format x '%.6g'
set lmargin 6
set rmargin 2
set tmargin 1.8
set bmargin 3
set offsets graph 0.05, graph 0.35, graph 0.1, 0
set yrange [0:*]
set datafile separator whitespace
{{#panels}}
$front << EOD
{{#front}}
{{&ns}} {{&bytes}} {{name}}
{{/front}}
EOD
{{#beaten}}
$beaten << EOD
{{#points}}
{{&ns}} {{&bytes}} {{name}}
{{/points}}
EOD
{{/beaten}}
set title {{title}} offset 0,-0.6 noenhanced
set xlabel 'ns a unit' offset 0,0.6
plot {{#beaten}}$beaten using 1:2 with points pointtype 7 pointsize 0.3 linecolor rgb context, {{/beaten}}\
	$front using 1:2 with points pointtype 7 pointsize 0.45 linecolor rgb front, \
	$front using 1:2:3 with labels left offset 0.6,0.3 noenhanced font ',8'
{{/panels}}
