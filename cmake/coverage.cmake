# What the programs of the coverage preset's build tree have executed so far: lines and branches, a file a line.
#   cmake -DSOURCE=<tree> -DBUILD=<build tree> -DGCOV=<gcov of the compiler> -P coverage.cmake

cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE counts ${BUILD}/*.gcda)
if(NOT counts)
  message(FATAL_ERROR "nothing has run yet that could be counted: ctest --preset coverage -L quick")
endif()
find_program(awk NAMES gawk mawk awk REQUIRED)
execute_process(COMMAND ${GCOV} --branch-probabilities --branch-counts --stdout --source-prefix ${SOURCE} ${counts}
  COMMAND ${awk} -f ${SOURCE}/cmake/coverage.awk
  WORKING_DIRECTORY ${BUILD} RESULTS_VARIABLE statuses ERROR_VARIABLE complaint)
# gcov's status is not 0 where some counts are of an older build: it leaves them out, and tells the rest.
if(complaint MATCHES "stamp mismatch")
  message("Some counts are of an older build and left out; remove them with: find ${BUILD} -name '*.gcda' -delete")
elseif(NOT statuses STREQUAL "0;0")
  message(FATAL_ERROR "gcov could not tell (${statuses}):\n${complaint}")
endif()
