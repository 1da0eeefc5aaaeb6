# The promise of the README: a strategy is one new file and one new line. In a copy of the tree, under a path with
# blanks and an apostrophe, a strategy is added that way; it must then appear in `list`, in a sweep, and in a stress run.
#   cmake -DSOURCE=<tree> -DWORK=<scratch folder> -P add_strategy_test.cmake

cmake_minimum_required(VERSION 3.25)

set(copy "${WORK}/a stranger's copy of the tree")
file(COPY ${SOURCE}/alloc ${SOURCE}/bench ${SOURCE}/stress ${SOURCE}/cmake ${SOURCE}/CMakeLists.txt
  ${SOURCE}/CMakePresets.json ${SOURCE}/nblbench DESTINATION ${copy})

# The one file: an existing strategy under another name. The one line.
file(READ ${SOURCE}/alloc/pool/treiber_tag.h text)
string(REPLACE "treiber_tag" "strangers_own" text "${text}")
string(REPLACE "TREIBER_TAG" "STRANGERS_OWN" text "${text}")
file(CONFIGURE OUTPUT ${copy}/alloc/pool/strangers_own.h CONTENT "${text}" @ONLY)
file(READ ${SOURCE}/alloc/pools.def list)
string(REPLACE "#undef POOL" "POOL(strangers_own)\n#undef POOL" list "${list}")
file(CONFIGURE OUTPUT ${copy}/alloc/pools.def CONTENT "${list}" @ONLY)

# keep(<list> <macro> <names>): the rows of those alone, for the time that their units take to compile. Whatever the code names is
# among them.
function(keep file macro names)
  file(READ ${copy}/${file} list)
  string(REGEX MATCHALL "\n${macro}\\([a-z0-9_]+\\)" rows "${list}")
  foreach(row IN LISTS rows)
    if(NOT row MATCHES "\\((${names})\\)")
      string(REPLACE "${row}\n" "\n" list "${list}")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${copy}/${file} CONTENT "${list}" @ONLY)
endfunction()
keep(alloc/pools.def POOL "null|plain|mutex|treiber_tag|mag_tls|percpu_try|rseq_arr|strangers_own")
keep(alloc/contexts.def CONTEXT "malloc|sticky")
keep(bench/workloads.def WORKLOAD "pair|burst")
# The quick job names workloads that are no longer there.
file(WRITE ${copy}/bench/jobs/quick.ini "within = 40\n[alone]\nworkload = pair\n")
# No figure is asked for, and the optimiser takes the longest.
file(READ ${copy}/cmake/NblbenchCompile.cmake text)
string(REPLACE "set(flags -O3 -g)" "set(flags -O1)" text "${text}")
file(CONFIGURE OUTPUT ${copy}/cmake/NblbenchCompile.cmake CONTENT "${text}" @ONLY)

function(must_show what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${what} ended with ${rc}:\n${out}\n${err}")
  endif()
  if(NOT out MATCHES "strangers_own")
    message(FATAL_ERROR "the new strategy does not appear in ${what}:\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

must_show("the list" ${copy}/nblbench list)
must_show("the sweep" ${copy}/nblbench sweep --quick --fresh --forks 1 --blocks 2 --pool strangers_own,mutex --workload pair --threads 1 --out ${WORK}/out)
must_show("the stress run" ${copy}/nblbench stress --layer native --pool strangers_own --seconds 0.2)
file(READ ${WORK}/out/report.html report)
if(NOT report MATCHES "strangers_own")
  message(FATAL_ERROR "the new strategy does not appear in the report")
endif()

# And the second call builds nothing; it only looks up the source revision.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${copy}/build/release --target nblbench OUTPUT_VARIABLE out RESULT_VARIABLE rc)
if(NOT rc EQUAL 0 OR out MATCHES "Building|Linking")
  message(FATAL_ERROR "a second build of an unchanged tree did something:\n${out}")
endif()
