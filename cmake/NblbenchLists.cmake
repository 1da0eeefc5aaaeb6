# The .def lists as CMake sees them.

# nblbench_list(<variable> <file> <macro>): the names between the parentheses of the rows `MACRO(name)`, in order. Editing the
# list reconfigures.
function(nblbench_list variable file macro)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
  file(STRINGS ${PROJECT_SOURCE_DIR}/${file} rows REGEX "^${macro}\\(")
  set(names "")
  foreach(row IN LISTS rows)
    string(REGEX REPLACE "^${macro}\\(([a-z0-9_]+)\\).*" "\\1" name "${row}")
    if(NOT name MATCHES "^[a-z0-9_]+$")
      message(FATAL_ERROR "${file}: '${row}' is not a row; it must read ${macro}(name)")
    endif()
    list(APPEND names ${name})
  endforeach()
  set(${variable} ${names} PARENT_SCOPE)
endfunction()

# nblbench_headers(<generated name> <folder> <name>...): one header that includes <folder>/<name>.h for each name.
function(nblbench_headers output folder)
  set(text "/* Generated from the list of ${folder}. */\n")
  foreach(name IN LISTS ARGN)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${folder}/${name}.h)
      message(FATAL_ERROR "'${name}' is listed but ${folder}/${name}.h does not exist")
    endif()
    string(APPEND text "#include \"${folder}/${name}.h\"\n")
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${output} CONTENT "${text}" @ONLY)
endfunction()
