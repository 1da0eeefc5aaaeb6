{{!
Shares of the time of calls by path: a bar a strategy, paths from the left to the right in one order, with their names where these have
room. template.h has the language, figure_paths.c fills the slots; a slot without & is a quoted string.
}}
{{#panels}}
$bars << EOD
{{#bars}}
{{row}} {{&from}} {{&to}} {{&middle}} {{&colour}} {{name}}
{{/bars}}
EOD
set ytics ({{#rows}}{{#further}},{{/further}}{{name}} {{row}}{{/rows}})
set yrange [{{count}} - 0.5:-0.5]
set xrange [0:100]
set style fill transparent solid 0.4 border
plot $bars using 4:1:2:3:($1-0.38):($1+0.38):5 with boxxyerror linecolor rgb variable linewidth 0.6, \
	$bars using 4:1:6 with labels noenhanced font ',8'
{{/panels}}
