# The house has floors: a file includes only what lies on its own floor or beneath it, so what is below can be read, tested and
# used without what is above. The list stands here alone.
#   cmake -DSOURCE=<tree> -P floors_test.cmake

cmake_minimum_required(VERSION 3.25)

# From the ground up, as regular expressions for paths. The first one that matches decides. A generated header lies where what it
# includes does.
set(floors
  "alloc/atomic(\\.h|/)" # the only door to atomic operations
  "alloc/machine/" # the processor and the kernel: copies, CPU numbers, memory, restartable sequences
  "alloc/pool\\.h" # the contract of pools
  "alloc/mechanism/" # what strategies share
  "alloc/peer/" # between us and other people's libraries
  "alloc/(pool/|pool\\.c|pools\\.def)|pool_headers\\.h" # a strategy a file
  "alloc/ndis/(types|nblinfo|nblbench)\\.h" # the documented types, and what we add to the documented calls
  "alloc/context\\.h" # the contract of context policies
  "alloc/(context/|context\\.c|contexts\\.def)|context_headers\\.h" # a policy a file
  "alloc/nbl/" # NET_BUFFER_LISTs over any pool and policy
  "alloc/ndis/" # the documented names
  # bench and stress stand on alloc, side by side.
  "bench/base/" # knows no pool
  "bench/(workload/|workload\\.h|workloads\\.def)|workload_headers\\.h" # what a thread does
  "bench/engine/|(folded_pools|moved_pools|pairs)\\.def" # one cell in one process
  "bench/codegen/" # what the compiler made of it
  "bench/(sweep/|jobs/|jobs\\.def)|jobs_texts\\.h" # which cells, in which processes, kept where
  "bench/analysis/" # what slices come to
  "bench/report/" # what a store says to people and programs
  "bench/fuzz/" # what anybody may have made
  "bench/(command/|main\\.c)" # what is typed
  "stress/(stress\\.h|promises)" # the contract of scenarios, and what they hold strategies to
  "stress/base/" # threads, children, accounts, what is told of them
  "stress/(scenario|broken)/|stress/progress/(freezer|actor|breakpoint|coverage|deaths|documented|hand|hides_a_lock|kernel|locks_a_retry|pairs|sites|stage|takes_too_much|tolerates_one|unreached)|stress/controls\\.h|(scenario|broken)_headers\\.h" # what attacks, and what must be caught
  "stress/mutant/" # mistakes that must be found
  "stress/" # the program
)
list(LENGTH floors count)
math(EXPR last "${count} - 1")

# floor_of(<path> <variable>): the number of its floor, or -1.
function(floor_of path variable)
  foreach(i RANGE ${last})
    list(GET floors ${i} pattern)
    if(path MATCHES "^(${pattern})")
      set(${variable} ${i} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${variable} -1 PARENT_SCOPE)
endfunction()

# arrow(<from> <to> <variable>): what is wrong with one file's including another, or nothing.
function(arrow from to variable)
  set(${variable} "" PARENT_SCOPE)
  floor_of(${from} upper)
  floor_of(${to} lower)
  if(upper EQUAL -1)
    set(${variable} "${from} lies on no floor; say in cmake/floors_test.cmake on which\n" PARENT_SCOPE)
  elseif(lower EQUAL -1)
    set(${variable} "${from} includes ${to}, which lies on no floor\n" PARENT_SCOPE)
  elseif(lower GREATER upper)
    set(${variable} "${from} includes ${to}, which lies above it\n" PARENT_SCOPE)
  elseif(from MATCHES "^stress/" AND to MATCHES "^bench/")
    set(${variable} "${from} includes ${to}: stress and bench do without each other\n" PARENT_SCOPE)
  endif()
endfunction()

# The control: arrows that must be found, and one that must not.
foreach(bad "alloc/machine/x.h;alloc/pool/x.h" "alloc/pool.h;alloc/mechanism/x.h" "bench/base/x.c;bench/command/x.h" "stress/x.c;bench/base/x.h"
    "alloc/nbl/x.c;alloc/ndis/ndis.h" "alloc/x.c;alloc/pool.h" "bench/main.c;stranger.h")
  arrow(${bad} wrong)
  if(wrong STREQUAL "")
    message(FATAL_ERROR "the test does not see what is wrong with ${bad}")
  endif()
endforeach()
arrow(bench/main.c alloc/pool.h wrong)
if(wrong)
  message(FATAL_ERROR "the test is wrong about a good arrow: ${wrong}")
endif()

file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/alloc/*.[ch] ${SOURCE}/bench/*.[ch] ${SOURCE}/bench/*.cc ${SOURCE}/stress/*.[ch])
list(FILTER files EXCLUDE REGEX "/outside/") # programs of users, who have the installed headers alone
set(found "")
set(seen 0)
foreach(file IN LISTS files)
  get_filename_component(folder ${file} DIRECTORY)
  file(STRINGS ${SOURCE}/${file} lines REGEX "^#include \"")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" to "${line}")
    # The documented headers include one another by their last names, as drivers do.
    if(NOT to MATCHES "/" AND EXISTS ${SOURCE}/${folder}/${to})
      set(to ${folder}/${to})
    endif()
    arrow(${file} ${to} wrong)
    string(APPEND found "${wrong}")
    math(EXPR seen "${seen} + 1")
  endforeach()
endforeach()
if(seen LESS 100)
  message(FATAL_ERROR "only ${seen} includes were found: the search is broken")
endif()
if(found)
  message(FATAL_ERROR "${found}")
endif()
