# All C sources are laid out as .clang-format says.
#   cmake -DSOURCE=<tree> -P format_test.cmake

cmake_minimum_required(VERSION 3.25)

find_program(clang_format clang-format)
if(NOT clang_format)
  message("SKIP: clang-format is not installed (package clang-format)")
  return()
endif()
file(GLOB_RECURSE files ${SOURCE}/alloc/*.[ch] ${SOURCE}/bench/*.[ch] ${SOURCE}/bench/*.cc ${SOURCE}/stress/*.[ch])
execute_process(COMMAND ${clang_format} --dry-run --Werror ${files} RESULT_VARIABLE rc ERROR_VARIABLE out)
if(NOT rc EQUAL 0)
  string(REGEX MATCHALL "[^\n]*: error: [^\n]*" lines "${out}")
  list(JOIN lines "\n" lines)
  message(FATAL_ERROR "${lines}\nTo repair: clang-format -i FILE")
endif()
