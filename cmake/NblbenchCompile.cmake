# How everything is compiled: one interface target that every target of ours links. Nothing goes into global flag strings.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Equal for all contestants: -O3 -g, and asserts stay where the code wants them (NBLBENCH_DEBUG, not NDEBUG). Nothing is measured
# under a sanitizer or with delays: reports need functions and lines, and -O3 takes up to twice as long to compile. Clang takes up to
# eight times as long to optimise what the address and undefined-behaviour sanitizers check, and what it removes is not checked.
set(flags -O3 -g)
if(NBLBENCH_SANITIZER STREQUAL "address")
  set(flags -O0 -g1)
elseif(NBLBENCH_SANITIZER STREQUAL "thread" OR NBLBENCH_ATOMIC_BACKEND STREQUAL "perturb")
  set(flags -O1 -g1)
elseif(NBLBENCH_COVERAGE)
  set(flags -O1 -g1) # beyond -O1 a line is not what the source says
endif()
list(JOIN flags " " flags)
set(CMAKE_C_FLAGS_RELEASE "${flags}")
set(CMAKE_CXX_FLAGS_RELEASE "${flags}")
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON) # gnu11: inline assembly
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_package(Threads REQUIRED)

# Ninja reads the compiler's list of headers up to the first character that it does not expect in a path, such as an apostrophe, and
# compiles everything each time, for want of a header of a cut name. So the way to the tree is taken out of the list.
file(RELATIVE_PATH up ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR})
if(up MATCHES "^[./]+$" AND NOT PROJECT_SOURCE_DIR MATCHES "^[A-Za-z0-9+,/_:.~(){}%=@! -]*$")
  foreach(language IN ITEMS C CXX)
    string(APPEND CMAKE_${language}_COMPILE_OBJECT
      " && ${CMAKE_COMMAND} -DFILE=<DEP_FILE> -DUP=${up} -P ${up}/cmake/relative_headers.cmake")
  endforeach()
endif()

add_library(nblbench_compile INTERFACE)
target_include_directories(nblbench_compile INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_definitions(nblbench_compile INTERFACE
  _GNU_SOURCE
  "ATOMIC_BACKEND=\"alloc/atomic/${NBLBENCH_ATOMIC_BACKEND}.h\""
  $<$<BOOL:${NBLBENCH_DEBUG}>:NBLBENCH_DEBUG>)
target_compile_options(nblbench_compile INTERFACE
  -Wall -Wextra -Wshadow -Wconversion
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<BOOL:${NBLBENCH_WERROR}>:-Werror>)
target_link_libraries(nblbench_compile INTERFACE Threads::Threads)

if(NBLBENCH_SANITIZER STREQUAL "address")
  target_compile_options(nblbench_compile INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(nblbench_compile INTERFACE -fsanitize=address,undefined)
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=address,undefined)
  check_c_source_compiles("int main(void) { return 0; }" NBLBENCH_ASAN_RUNTIME)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT NBLBENCH_ASAN_RUNTIME)
    message(FATAL_ERROR "The address sanitizer's runtime of ${CMAKE_C_COMPILER_ID} was not found; for clang it is the package "
      "libclang-rt-14-dev, or of clang's version")
  endif()
  # gcc's name for it, which the code asks for.
  target_compile_definitions(nblbench_compile INTERFACE $<$<C_COMPILER_ID:Clang>:__SANITIZE_ADDRESS__>)
elseif(NBLBENCH_SANITIZER STREQUAL "thread")
  target_compile_options(nblbench_compile INTERFACE -fsanitize=thread)
  target_link_options(nblbench_compile INTERFACE -fsanitize=thread)
elseif(NOT NBLBENCH_SANITIZER STREQUAL "none")
  message(FATAL_ERROR "NBLBENCH_SANITIZER is '${NBLBENCH_SANITIZER}'; it must be none, address or thread")
endif()

if(NBLBENCH_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "NBLBENCH_FUZZ wants clang's libFuzzer: cmake --preset fuzz")
  endif()
  target_compile_options(nblbench_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Counts of executed lines and branches. Threads count at the same time, so by atomic operations.
if(NBLBENCH_COVERAGE)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "NBLBENCH_COVERAGE counts with gcc and gcov, and this is ${CMAKE_C_COMPILER_ID}")
  endif()
  target_compile_options(nblbench_compile INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(nblbench_compile INTERFACE --coverage)
  string(REGEX MATCH "^[0-9]+" major ${CMAKE_C_COMPILER_VERSION})
  find_program(NBLBENCH_GCOV NAMES gcov-${major} gcov REQUIRED) # it comes with the compiler
  add_custom_target(coverage
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DBUILD=${PROJECT_BINARY_DIR} -DGCOV=${NBLBENCH_GCOV}
      -P ${PROJECT_SOURCE_DIR}/cmake/coverage.cmake
    VERBATIM)
endif()
