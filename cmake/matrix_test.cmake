# One more variant of everything: configures PRESET, builds it with warnings as errors, and runs its own CTest.
#   cmake -DSOURCE=<tree> -DPRESET=<name> -DLABELS=<regex> -P matrix_test.cmake

cmake_minimum_required(VERSION 3.25)

function(step what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${what} of the ${PRESET} preset failed:\n${out}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

step(configuration ${CMAKE_COMMAND} --preset ${PRESET} -DNBLBENCH_WERROR=ON)
step(build ${CMAKE_COMMAND} --build build/${PRESET} -- --quiet)
step("the test run" ${CMAKE_CTEST_COMMAND} --test-dir build/${PRESET} --output-on-failure --no-tests=error -L ${LABELS})
message("${output}")
