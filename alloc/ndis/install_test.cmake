# Installs into a fresh prefix, then builds and runs two outside programs against it, in C and in C++: with CMake's package and with
# pkg-config, shared and static. Then: what the shared library shows, and how it refuses strategies that it does not know or have.
# Called with -DBUILD= -DSOURCE= -DWORK= -DCC= -DCXX= -DNM= -DLIBDIR= -DPOOLS= -DCONTEXTS= (with commas).

cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}\n${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(prefix "${WORK}/the prefix") # with a space, as users have
run(${CMAKE_COMMAND} --install ${BUILD} --component library --prefix ${prefix})

run(${CMAKE_COMMAND} -S ${SOURCE}/outside -B ${WORK}/cmake -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX}
  "-DCMAKE_PREFIX_PATH=${prefix}")
run(${CMAKE_COMMAND} --build ${WORK}/cmake)
foreach(name driver names)
  foreach(kind shared shared_cxx static static_cxx)
    run(${WORK}/cmake/${name}_${kind})
  endforeach()
endforeach()

# pkg-config's own file is found through the environment; a prefix with a space would need quoting in every user's Makefile, and
# pkg-config quotes no apostrophe. So the plain way is tested from a prefix without either, which this tree's path may have.
execute_process(COMMAND mktemp -d OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
run(${CMAKE_COMMAND} --install ${BUILD} --component library --prefix ${prefix})
set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBDIR})
foreach(kind shared static)
  set(option "")
  if(kind STREQUAL "static")
    set(option --static)
  endif()
  run(pkg-config --cflags nblbench)
  separate_arguments(cflags UNIX_COMMAND "${output}")
  run(pkg-config ${option} --libs nblbench)
  separate_arguments(libs UNIX_COMMAND "${output}")
  if(kind STREQUAL "static")
    list(TRANSFORM libs REPLACE "^-lnblbench$" "-l:libnblbench.a")
  endif()
  run(${CC} ${cflags} ${SOURCE}/outside/driver.c -o ${WORK}/driver_${kind} ${libs})
  run(${WORK}/driver_${kind})
endforeach()

# Unloaded with threads that live on: the library by itself, and plugins that have the archive in them, by pkg-config and by CMake.
run(pkg-config --cflags nblbench)
separate_arguments(cflags UNIX_COMMAND "${output}")
run(${CC} ${cflags} -Wall -Werror ${SOURCE}/outside/unload.c -o ${WORK}/unload -pthread)
run(${WORK}/unload ${prefix}/${LIBDIR}/libnblbench.so)
run(pkg-config --static --libs nblbench)
separate_arguments(libs UNIX_COMMAND "${output}")
list(TRANSFORM libs REPLACE "^-lnblbench$" "-Wl,--whole-archive;-l:libnblbench.a;-Wl,--no-whole-archive")
run(${CC} -shared -o ${WORK}/plugin.so ${libs})
run(${WORK}/unload ${WORK}/plugin.so)
run(${WORK}/unload ${WORK}/cmake/libplugin.so)

# What is shown. exports.map names symbols, or their beginnings with a star.
file(STRINGS ${SOURCE}/exports.map patterns REGEX "^\t\t[A-Za-z_]+[*]?;")
list(TRANSFORM patterns REPLACE "[\t;]" "")
list(REMOVE_ITEM patterns "*")

# unknown_of(<variable> <symbols>): those that no pattern allows.
function(unknown_of variable)
  set(unknown ${ARGN})
  foreach(pattern IN LISTS patterns)
    string(REPLACE "*" ".*" regex "${pattern}")
    list(FILTER unknown EXCLUDE REGEX "^${regex}$")
  endforeach()
  set(${variable} "${unknown}" PARENT_SCOPE)
endfunction()

function(symbols_of variable)
  run(${NM} --defined-only --format=posix ${ARGN})
  string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z0-9_.]* [A-Z]" symbols "${output}")
  list(TRANSFORM symbols REPLACE "^\n?([^ ]*) .*$" "\\1")
  set(${variable} "${symbols}" PARENT_SCOPE)
endfunction()

symbols_of(shown -D ${prefix}/${LIBDIR}/libnblbench.so)
unknown_of(unknown ${shown})
if(unknown)
  message(FATAL_ERROR "the shared library shows what exports.map does not name: ${unknown}")
endif()
# The control: the archive's symbols are all visible, and the same search must find them.
symbols_of(all -g ${prefix}/${LIBDIR}/libnblbench.a)
unknown_of(unknown ${all})
if(NOT "nbl_pool_create" IN_LIST unknown)
  message(FATAL_ERROR "the search does not find the archive's internal symbols: it is broken")
endif()
# Every declared function is there, and every name of exports.map is somebody's.
set(declared "")
foreach(header ndis.h fwpsk.h nblbench.h)
  file(STRINGS ${prefix}/include/nblbench/${header} lines REGEX "^[A-Za-z_][A-Za-z0-9_ *]* [*]?[A-Za-z0-9_]+[(]")
  list(FILTER lines EXCLUDE REGEX "^typedef ")
  list(TRANSFORM lines REPLACE "^[^(]*[ *]([A-Za-z0-9_]+)[(].*$" "\\1")
  list(APPEND declared ${lines})
endforeach()
list(LENGTH declared count)
if(count LESS 40)
  message(FATAL_ERROR "only ${count} declarations were found: ${declared}")
endif()
foreach(name IN LISTS declared)
  if(NOT name IN_LIST shown)
    message(FATAL_ERROR "${name} is declared but not in the shared library")
  endif()
endforeach()
foreach(name IN LISTS shown)
  if(NOT name IN_LIST declared)
    message(FATAL_ERROR "the shared library shows ${name}, which no installed header declares")
  endif()
endforeach()

# Names that are not known: the sentence lists those that are.
function(must_refuse variable known)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env ${variable}=no_such ${WORK}/driver_shared
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result EQUAL 0 OR NOT output MATCHES "^${variable}: environment .*'no_such'")
    message(FATAL_ERROR "${variable}=no_such is not refused by name: ${result}\n${output}")
  endif()
  string(REPLACE "," ";" names "${known}")
  foreach(name IN LISTS names)
    if(NOT output MATCHES "[ ,]${name}[,\n ]")
      message(FATAL_ERROR "${variable}=no_such does not name ${name}:\n${output}")
    endif()
  endforeach()
endfunction()
string(REGEX REPLACE "(^|,)(null|plain|bare_[a-z0-9]+)(,(null|plain|bare_[a-z0-9]+))*" "" threaded "${POOLS}") # these serve one thread only
must_refuse(NBL_POOL "${threaded}")
must_refuse(NBL_CONTEXT "${CONTEXTS}")

# Every other strategy serves the program, or says what would be right for a library that is installed.
string(REPLACE "," ";" names "${threaded}")
foreach(name IN LISTS names)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env NBL_POOL=${name} ${WORK}/driver_shared
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0 AND NOT output MATCHES "NBL_POOL: .*(choose a strategy|LD_PRELOAD=lib)")
    message(FATAL_ERROR "NBL_POOL=${name}: ${result}\n${output}")
  endif()
endforeach()
message("${count} functions are declared and shown")
file(REMOVE_RECURSE ${prefix})
