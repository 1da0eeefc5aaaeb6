# In the list of headers that the compiler wrote, names those of the tree as seen from the build folder, in which this runs.
#   cmake -DFILE=<list> -DUP=<the way to the tree, ../.. or so> -P relative_headers.cmake

get_filename_component(tree ${UP} ABSOLUTE)
string(REPLACE " " "\\ " tree "${tree}") # as make wants it
file(READ "${FILE}" list)
string(REPLACE "${tree}/" "${UP}/" list "${list}")
file(WRITE "${FILE}" "${list}")
