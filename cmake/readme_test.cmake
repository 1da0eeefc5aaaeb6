# The table of strategies in README.md is what `nblbench list --markdown` prints.
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
