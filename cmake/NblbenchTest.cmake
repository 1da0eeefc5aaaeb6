# Tests stand beside their source: nblbench_test(<name> SOURCES x_test.c LIBRARIES ...) builds one cmocka program and registers it.

nblbench_find(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# Sanitized programs start only where address randomisation leaves their shadow room: setarch -R gives them that without root, where
# the system lets it; a container may not.
set(NBLBENCH_LAUNCH "")
if(NOT NBLBENCH_SANITIZER STREQUAL "none")
  set(NBLBENCH_LAUNCH ${PROJECT_SOURCE_DIR}/cmake/unrandomised.sh)
endif()

# What ends a test that hangs. Nothing else may: where the machine does other work as well, a test of ten seconds takes minutes.
set(NBLBENCH_HANG_S 1200)

# The label of tests that have one thread: the release build and the address sanitizer's, which checks contracts, see all there is to
# see. Other variants are for races, for delays, and for what another compiler makes of code that several threads run.
set(NBLBENCH_ONE_THREAD quick)
if(NBLBENCH_DEBUG AND NOT NBLBENCH_SANITIZER STREQUAL "address" AND NOT NBLBENCH_COVERAGE)
  set(NBLBENCH_ONE_THREAD sequential)
endif()

# nblbench_add_test(NAME n COMMAND ... [LABELS l...] [TIMEOUT s]): add_test with the defaults of this project.
function(nblbench_add_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT ${NBLBENCH_HANG_S})
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS quick)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${NBLBENCH_LAUNCH} ${ARG_COMMAND})
  set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77 LABELS "${ARG_LABELS}")
endfunction()

function(nblbench_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE nblbench_compile ${ARG_LIBRARIES} PkgConfig::CMOCKA)
  nblbench_add_test(NAME ${name} COMMAND $<TARGET_FILE:${name}> LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
endfunction()
