{{! What the scripts of all figures begin with: a grid of panels. template.h has the language. }}
set terminal svg size {{width}},{{height}} dynamic font 'sans-serif,10' linewidth 1 noenhanced
set multiplot layout {{rows}},{{columns}}
set border 3 linewidth 0.5
set tics nomirror scale 0.4
unset key
unset mxtics
unset mytics

# Okabe and Ito's blue: told apart from grey by every kind of colour vision, and on paper.
front = '#0072b2'
context = '#9a9a9a'
