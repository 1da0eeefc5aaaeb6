# One more variant of everything: configures PRESET, builds it with warnings as errors, and runs its own CTest.
#   cmake -DSOURCE=<tree> -DPRESET=<name> [-DTARGETS=<names, all if absent>] -DLABELS=<names that a test must have> -P matrix_test.cmake

cmake_minimum_required(VERSION 3.25)

function(step what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${what} of the ${PRESET} preset failed:\n${out}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

step(configuration ${CMAKE_COMMAND} --preset ${PRESET} -DNBLBENCH_WERROR=ON)
if(NOT TARGETS)
  set(TARGETS all)
endif()
string(REPLACE "," ";" TARGETS "${TARGETS}")
string(REPLACE "," ";" LABELS "${LABELS}")
step(build ${CMAKE_COMMAND} --build build/${PRESET} --target ${TARGETS} -- --quiet)
# In a container that keeps address randomisation a sanitizer may not start at all.
execute_process(COMMAND ${SOURCE}/cmake/unrandomised.sh ${SOURCE}/build/${PRESET}/nblbench-stress --list
  RESULT_VARIABLE rc OUTPUT_QUIET ERROR_VARIABLE out)
if(NOT rc EQUAL 0)
  if(out MATCHES "Sanitizer")
    message("SKIP: the sanitizer cannot start here, where address randomisation may not be switched off (setarch -R):\n${out}")
    return()
  endif()
  message(FATAL_ERROR "nblbench-stress of the ${PRESET} preset does not start: ${rc}\n${out}")
endif()
set(labels "")
foreach(label IN LISTS LABELS)
  list(APPEND labels -L ${label})
endforeach()
# Two at a time, for many of them wait.
step("the test run" ${CMAKE_CTEST_COMMAND} --test-dir build/${PRESET} --parallel 2 --output-on-failure --no-tests=error ${labels})
# README.md says so.
if(PRESET MATCHES "^(asan|tsan)$")
  file(STRINGS ${SOURCE}/stress/scenarios.def rows REGEX "^SCENARIO\\(")
  foreach(row IN LISTS rows)
    string(REGEX REPLACE "^SCENARIO\\(([a-z_]+)\\).*" "stress.\\1 " name "${row}")
    string(FIND "${output}" "${name}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${name}did not run under the sanitizer of ${PRESET}:\n${output}")
    endif()
  endforeach()
endif()
message("${output}")
