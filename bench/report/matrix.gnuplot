{{!
The decision matrix: a row a strategy, a column a workload, in each square the ratio and its ink. template.h has the language,
figure_matrix.c fills the slots; a slot without & is a quoted string.
}}
set border 0
{{#panels}}
$squares << EOD
{{#squares}}
{{column}} {{row}} {{&colour}} {{text}}
{{/squares}}
EOD
set ytics scale 0 ({{#rows}}{{#further}},{{/further}}{{name}} {{row}}{{/rows}})
unset xtics
set x2tics scale 0 rotate by 30 left offset -1,0 font ',8' ({{#names}}{{#further}},{{/further}}{{name}} {{column}}{{/names}})
set x2range [-0.5:{{across}} - 0.5]
set xrange [-0.5:{{across}} - 0.5]
set yrange [{{count}} - 0.5:-0.5]
set style fill solid noborder
plot $squares using 1:2:($1-0.48):($1+0.48):($2-0.46):($2+0.46):3 with boxxyerror linecolor rgb variable{{#numbers}}, \
	$squares using 1:2:4 with labels noenhanced font ',8'{{/numbers}}
{{/panels}}
