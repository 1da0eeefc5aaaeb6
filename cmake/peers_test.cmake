# A library of a peer that is installed after the first build, or removed, is noticed by the next build: it configures again by itself.
# The libraries are .pc files in a folder of the test's; nothing is compiled.
#   cmake -DSOURCE=<tree> -DWORK=<scratch folder> -P peers_test.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
# pkg-config answers in the words of a shell, and quotes no apostrophe, which this tree's path may have.
execute_process(COMMAND mktemp -d OUTPUT_VARIABLE libraries OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(folder ${libraries}/lib/pkgconfig)
set(share ${libraries}/share)
set(ENV{PKG_CONFIG_LIBDIR} ${folder}:${share}/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")

function(appear folder)
  foreach(module IN LISTS ARGN)
    file(CONFIGURE OUTPUT ${folder}/${module}.pc @ONLY
      CONTENT "libdir=@folder@\nName: @module@\nDescription: one for the test\nVersion: 9\nLibs:\n")
  endforeach()
endfunction()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
endfunction()

# expect(<when> <peer>=<0 or 1>...): what the next build would compile the library with.
function(expect when)
  run(${CMAKE_COMMAND} --build ${WORK}/build --target build.ninja)
  file(STRINGS ${WORK}/build/compile_commands.json line REGEX "command.*/alloc/pool\\.c" LIMIT_COUNT 1)
  foreach(peer IN LISTS ARGN)
    if(NOT line MATCHES "-DNBLBENCH_${peer} ")
      message(FATAL_ERROR "${when}: ${peer} was expected in\n${line}")
    endif()
  endforeach()
endfunction()

appear(${folder} hwloc inih jansson sqlite3 cmocka)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja)
expect("without any" URCU=0 CK=0 DPDK=0)
appear(${folder} ck liburcu-bp liburcu-cds)
appear(${share}/pkgconfig libdpdk)
expect("ck and liburcu came, DPDK without archives" URCU=1 CK=1 DPDK=0)
foreach(name IN ITEMS eal kvargs telemetry ring stack mempool mempool_ring mempool_stack)
  file(TOUCH ${share}/pkgconfig/librte_${name}.a)
endforeach()
expect("DPDK came, in a folder that was not there" URCU=1 CK=1 DPDK=1)
file(REMOVE ${folder}/ck.pc ${folder}/liburcu-cds.pc)
expect("ck and a half of liburcu went" URCU=0 CK=0 DPDK=1)
file(REMOVE_RECURSE ${share})
expect("DPDK went with its folder" URCU=0 CK=0 DPDK=0)
# The control: where nothing changed, nothing is configured.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --target build.ninja OUTPUT_VARIABLE out)
if(out MATCHES "Configuring")
  message(FATAL_ERROR "it configures each time:\n${out}")
endif()
file(REMOVE_RECURSE ${libraries})
