{{! What the scripts of all figures begin with: a grid of panels and the words around it. template.h has the language. }}
{{#page}}
set terminal svg size {{width}},{{height}} dynamic font 'sans-serif,10' linewidth 1 noenhanced
{{/page}}
{{#pdf}}
set terminal pdfcairo size {{&width_in}}in,{{&height_in}}in font 'sans,10' fontscale {{&letters}} linewidth 1 noenhanced
{{/pdf}}
{{#png}}
set terminal pngcairo size {{width_px}},{{height_px}} font 'sans,10' fontscale {{&letters_px}} linewidth {{scale}} pointscale {{scale}} noenhanced
{{/png}}
set multiplot layout {{rows}},{{columns}} margins screen {{&plots_left}},screen {{&plots_right}},screen {{&plots_bottom}},screen {{&plots_top}} spacing screen {{&across}},screen {{&down}}
set border 3 linewidth 0.5
set tics nomirror scale 0.4
set pointintervalbox 0
unset key
unset mxtics
unset mytics
# Each script unsets them behind its first panel.
set label 1001 {{figure_title}} at screen 0.005, screen 1 offset 0,-0.8 left font ',12'
set label 1002 {{figure_x}} at screen 0.5, screen 0 offset 0,0.6 center
set label 1003 {{figure_y}} at screen 0, screen 0.5 offset 1.2,0 rotate center

context = '#9a9a9a' # all others
