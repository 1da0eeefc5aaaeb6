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
# The label of those among them that take the longest, whole reports and sweeps: a third of what all tests take under the address
# sanitizer. It tries the readers of all that a user may write (readers_test) in each run, and these at night.
set(NBLBENCH_ONE_THREAD_LONG ${NBLBENCH_ONE_THREAD})
if(NBLBENCH_DEBUG AND NOT NBLBENCH_COVERAGE)
  set(NBLBENCH_ONE_THREAD_LONG sequential)
endif()
# The programs that tests with the label quick start: all that a variant of the matrix has to build.
add_custom_target(nblbench_quick_tests)

# Tests that take longest are begun first (COST): at the end of a run one alone would leave a CPU idle.
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
  if("quick" IN_LIST ARG_LABELS)
    string(REGEX MATCHALL "TARGET_FILE:[^>]+" programs "${ARG_COMMAND}")
    list(TRANSFORM programs REPLACE "TARGET_FILE:" "")
    if(programs)
      add_dependencies(nblbench_quick_tests ${programs})
    endif()
  endif()
endfunction()

# What tests are made with: the code that they try is in libraries, and keeps their flags.
add_library(nblbench_test_compile INTERFACE)
target_link_libraries(nblbench_test_compile INTERFACE nblbench_compile)
if(NBLBENCH_SANITIZER STREQUAL "none")
  target_compile_options(nblbench_test_compile INTERFACE -O1 -g1)
else()
  target_compile_options(nblbench_test_compile INTERFACE -O0)
endif()

# MEASURED: a test that has bodies of its own timed; it is made as they are.
function(nblbench_test name)
  cmake_parse_arguments(ARG "MEASURED" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NBLBENCH_SANITIZER STREQUAL "thread" AND "sequential" IN_LIST ARG_LABELS)
    return() # it finds nothing where there is one thread, and the time to compile is not spent
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set(compile nblbench_test_compile)
  if(ARG_MEASURED)
    set(compile nblbench_compile)
  endif()
  target_link_libraries(${name} PRIVATE ${compile} ${ARG_LIBRARIES} PkgConfig::CMOCKA)
  nblbench_add_test(NAME ${name} COMMAND $<TARGET_FILE:${name}> LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
endfunction()
