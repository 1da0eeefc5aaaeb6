{{!
The machine's probes over the time of the sweep, each by its median, with its events shaded and those of workers as triangles on the
axis. template.h has the language, figure_machine.c fills the slots; a slot without & is a quoted string.
}}
set logscale y 10
set format y '%.3g'
set format x '%.3g'
set yrange [*:*]
set autoscale xfix
{{#panels}}
{{#series}}
$s{{index}} << EOD
{{#points}}
{{&at}} {{&ratio}}
{{/points}}
EOD
{{/series}}
{{#events}}
$events << EOD
{{#points}}
{{&at}}
{{/points}}
EOD
{{/events}}
{{#changes}}
set object rectangle from {{&from}}, graph 0 to {{&to}}, graph 1 behind fillcolor rgb '#808080' fillstyle solid 0.25 noborder
{{/changes}}
plot {{#events}}$events using 1:(1) with points pointtype 8 pointsize 0.8 linecolor rgb '#d55e00', {{/events}}\
	{{#series}}{{#further}}, {{/further}}$s{{index}} using 1:2 with lines linecolor rgb {{&colour}} dashtype {{dash}} linewidth 1.2{{/series}}
{{/panels}}
