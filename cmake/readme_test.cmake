# The table of strategies in README.md is what `nblbench list --markdown` prints, and what it says of the installed library's CMake
# package is what the test of that package does.
#   cmake -DSOURCE=<tree> -DPROGRAM=<nblbench> -P readme_test.cmake

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} list --markdown OUTPUT_VARIABLE table RESULT_VARIABLE rc)
if(NOT rc EQUAL 0 OR NOT table MATCHES "treiber_tag")
  message(FATAL_ERROR "`nblbench list --markdown` failed:\n${table}")
endif()
file(READ ${SOURCE}/README.md readme)
string(FIND "${readme}" "${table}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README.md does not have the table that the code prints; put this between its two comments:\n${table}")
endif()
file(READ ${SOURCE}/alloc/ndis/outside/CMakeLists.txt outside)
foreach(kind IN ITEMS shared static)
  if(NOT readme MATCHES "find_package\\(nblbench REQUIRED\\)" OR NOT readme MATCHES "nblbench::${kind}[^a-z]")
    message(FATAL_ERROR "README.md does not say how a program finds nblbench::${kind}")
  endif()
endforeach()
if(NOT outside MATCHES "find_package\\(nblbench REQUIRED\\)" OR NOT outside MATCHES "nblbench::\\\${kind}")
  message(FATAL_ERROR "alloc/ndis/outside finds the package in another way than README.md says")
endif()
