# Only the atomics seam touches atomics: a strategy that goes round it would make every layer above report about nothing.
#   cmake -DSOURCE=<tree> -P seam_test.cmake

cmake_minimum_required(VERSION 3.25)

# Files that own a mechanism in assembly: restartable sequences, copies, looks, the escape of measured loops,
# the clock, the trap of who steps.
set(own_assembly alloc/machine/copy.h alloc/machine/vector.h alloc/machine/rseq.c alloc/machine/step.h alloc/mechanism/rseq_array.h alloc/mechanism/rseq_magazine.h alloc/atomic/c11.h bench/base/escape.h bench/base/ticks.h)

file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/alloc/*.[ch] ${SOURCE}/bench/*.[ch] ${SOURCE}/bench/*.cc ${SOURCE}/stress/*.[ch])
set(found "")
foreach(file IN LISTS files)
  file(STRINGS ${SOURCE}/${file} lines REGEX
    "(__atomic_|__sync_|[^a-z_]atomic_(load|store|exchange|compare|fetch|thread_fence|init)|uatomic_|CMM_|_Atomic|volatile|__asm__)")
  foreach(line IN LISTS lines)
    if(file MATCHES "^alloc/atomic/" OR (file IN_LIST own_assembly AND line MATCHES "__asm__|volatile"))
      continue()
    endif()
    if(line MATCHES "sig_atomic_t")
      continue() # what a signal handler may write is not shared with a thread
    endif()
    string(APPEND found "${file}: ${line}\n")
  endforeach()
endforeach()

# The control: the same search must find the seam's own operations.
file(STRINGS ${SOURCE}/alloc/atomic/c11.h lines REGEX "[^a-z_]atomic_(load|store|exchange|compare|fetch)")
if(lines STREQUAL "")
  message(FATAL_ERROR "the search finds no atomic operation even in alloc/atomic/c11.h: it is broken")
endif()
if(found)
  message(FATAL_ERROR "atomics, volatile or assembly outside alloc/atomic:\n${found}")
endif()
