# nblbench_embed(<file> <name>): generated/<file's last name>.h, which defines `static const char <name>[]` with the file's bytes and a
# terminator, so that what belongs into a page is kept, and edited, as what it is.
function(nblbench_embed file name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  set(text "/* Generated from ${file}. */\nstatic const char ${name}[] = {\n${bytes}0};\n")
  cmake_path(GET file FILENAME last)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${last}.h CONTENT "${text}" @ONLY)
endfunction()
