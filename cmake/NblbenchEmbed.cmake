# nblbench_embed(<file> [<more>...]): generated/<its path in the tree>.h, which defines `static const char <its last name, _ for .>[]`
# with the file's bytes, those of the others behind it, and a terminator, so that what belongs into a page is kept, and edited, as
# what it is.
function(nblbench_embed file)
  set(bytes "")
  foreach(part IN LISTS file ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${part})
    file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${part} read HEX)
    string(APPEND bytes "${read}")
  endforeach()
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(REPLACE "'\\x0a'," "'\\n',\n" bytes "${bytes}") # a line of the file is a line
  cmake_path(GET file FILENAME name)
  string(MAKE_C_IDENTIFIER ${name} name)
  set(text "/* Generated from ${file}. */\nstatic const char ${name}[] = {\n${bytes}0};\n")
  set(place ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  cmake_path(RELATIVE_PATH place BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${place}.h CONTENT "${text}" @ONLY)
endfunction()
