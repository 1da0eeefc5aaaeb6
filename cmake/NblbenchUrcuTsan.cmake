# liburcu for the thread sanitizer: made from the distribution's source package, with every access instrumented. The
# packaged library synchronises in assembly that the sanitizer cannot read, so with it every report is false, or, once suppressed, every
# true one is lost. alloc/atomic/urcu_tsan.h is what the library's units and ours see before liburcu's headers.
#
# Defines the target nblbench_urcu_tsan, or sets NBLBENCH_URCU_TSAN_WHY to the sentence that says why there is none.
# The source comes through the machine's own apt configuration, into private folders of the build tree, and is kept there. Its own
# configure would take a minute and find what the installed urcu/config.h and the definitions below say.

set(NBLBENCH_URCU_TSAN_WHY "")
set(urcu_work ${PROJECT_BINARY_DIR}/liburcu)
# What alloc/peer/urcu.h uses, and what that needs.
set(urcu_units compat_arch.c compat_futex.c lfstack.c urcu-bp.c urcu-pointer.c wfcqueue.c wfstack.c)

function(urcu_step)
  if(NOT NBLBENCH_URCU_TSAN_WHY STREQUAL "")
    return()
  endif()
  list(POP_FRONT ARGN sentence)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${urcu_work} RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT rc EQUAL 0)
    file(APPEND ${urcu_work}/log "${out}\n")
    set(NBLBENCH_URCU_TSAN_WHY "${sentence}; the log is ${urcu_work}/log" PARENT_SCOPE)
  endif()
endfunction()

# The source package of the library that is installed, whose headers the strategies include.
function(urcu_fetch)
  file(REMOVE_RECURSE ${urcu_work})
  file(MAKE_DIRECTORY ${urcu_work}/lists/partial ${urcu_work}/cache/archives/partial)
  if(version STREQUAL "")
    set(NBLBENCH_URCU_TSAN_WHY "liburcu-dev is not an installed Debian package, so its source package is unknown" PARENT_SCOPE)
    return()
  endif()
  if(version VERSION_GREATER_EQUAL 0.15)
    set(NBLBENCH_URCU_TSAN_WHY "liburcu ${version} instruments itself and wants no shim; this step is written for 0.13 and 0.14" PARENT_SCOPE)
    return()
  endif()
  # Both notations of apt's own sources, asked for sources instead of binaries.
  file(GLOB lists /etc/apt/sources.list /etc/apt/sources.list.d/*.list)
  file(GLOB stanzas /etc/apt/sources.list.d/*.sources)
  file(MAKE_DIRECTORY ${urcu_work}/sources)
  foreach(file IN LISTS lists)
    file(READ ${file} text)
    string(REGEX REPLACE "(^|\n)deb " "\\1deb-src " text "${text}")
    get_filename_component(name ${file} NAME_WE)
    file(WRITE ${urcu_work}/sources/${name}.list "${text}")
  endforeach()
  foreach(file IN LISTS stanzas)
    file(READ ${file} text)
    string(REGEX REPLACE "Types:[^\n]*" "Types: deb-src" text "${text}")
    get_filename_component(name ${file} NAME)
    file(WRITE ${urcu_work}/sources/${name} "${text}")
  endforeach()
  set(apt apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=${urcu_work}/sources
    -o Dir::State::lists=${urcu_work}/lists -o Dir::Cache=${urcu_work}/cache)
  # A source that cannot be reached is not fatal by itself: the next step tells whether the package was found.
  execute_process(COMMAND ${apt} update OUTPUT_QUIET ERROR_QUIET)
  urcu_step("the source package of liburcu ${version} cannot be had" ${apt} source liburcu=${version})
  file(GLOB source LIST_DIRECTORIES true ${urcu_work}/liburcu-[0-9]*)
  foreach(unit IN LISTS urcu_units)
    urcu_step("liburcu ${version} has no src/${unit}" test -f "${source}/src/${unit}")
  endforeach()
  if(NBLBENCH_URCU_TSAN_WHY STREQUAL "")
    file(WRITE ${urcu_work}/version "${version}")
  endif()
  set(NBLBENCH_URCU_TSAN_WHY "${NBLBENCH_URCU_TSAN_WHY}" PARENT_SCOPE)
endfunction()

execute_process(COMMAND dpkg-query -W -f "\${source:Version}" liburcu-dev OUTPUT_VARIABLE version ERROR_QUIET)
set(fetched "")
if(EXISTS ${urcu_work}/version)
  file(READ ${urcu_work}/version fetched)
endif()
if(version STREQUAL "" OR NOT fetched STREQUAL version)
  message(STATUS "Fetching the source of liburcu for the thread sanitizer")
  urcu_fetch()
endif()
if(NBLBENCH_URCU_TSAN_WHY STREQUAL "")
  file(GLOB source LIST_DIRECTORIES true ${urcu_work}/liburcu-[0-9]*)
  list(TRANSFORM urcu_units PREPEND ${source}/src/)
  add_library(nblbench_urcu_tsan STATIC ${urcu_units})
  target_include_directories(nblbench_urcu_tsan PRIVATE ${source}/include ${source}/src)
  target_compile_definitions(nblbench_urcu_tsan PRIVATE
    _GNU_SOURCE HAVE_RAND_R HAVE_SCHED_GETCPU HAVE_SCHED_SETAFFINITY HAVE_SYSCONF)
  target_compile_options(nblbench_urcu_tsan PRIVATE
    -w -fsanitize=thread -include ${PROJECT_SOURCE_DIR}/alloc/atomic/urcu_tsan.h)
  target_link_libraries(nblbench_urcu_tsan PRIVATE Threads::Threads)
else()
  message(STATUS "No instrumented liburcu: ${NBLBENCH_URCU_TSAN_WHY}")
  # Who is skipped for it says so, too.
  set_property(GLOBAL PROPERTY NBLBENCH_URCU_TSAN_WHY
    "; liburcu is built for it when its source package can be had, but ${NBLBENCH_URCU_TSAN_WHY}")
endif()
