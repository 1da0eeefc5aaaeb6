# Installs into a fresh prefix, then builds and runs an outside program against it: with CMake's package and with pkg-config, shared
# and static. Called with -DBUILD= -DSOURCE= -DWORK= -DCC= -DLIBDIR=.

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

run(${CMAKE_COMMAND} -S ${SOURCE}/outside -B ${WORK}/cmake -DCMAKE_C_COMPILER=${CC} "-DCMAKE_PREFIX_PATH=${prefix}")
run(${CMAKE_COMMAND} --build ${WORK}/cmake)
run(${WORK}/cmake/driver_shared)
run(${WORK}/cmake/driver_static)

# pkg-config's own file is found through the environment; a prefix with a space would need quoting in every user's Makefile, so the
# plain way is tested from a prefix without one.
set(prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --component library --prefix ${prefix})
set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
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
  set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBDIR})
  run(${WORK}/driver_${kind})
endforeach()
