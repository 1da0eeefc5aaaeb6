# The libraries of others, through pkg-config, asked for anew by every configuration; and a new configuration where one may have come
# or gone. Without it a build tree would go on without a peer that was installed later, or with one that is no more.

find_package(PkgConfig REQUIRED)

# A package that comes, goes or changes renames a .pc file into or out of one of these folders, which dates the folder. A folder that
# does not exist yet is dated by the nearest one above it that does.
if(DEFINED ENV{PKG_CONFIG_LIBDIR})
  set(folders "$ENV{PKG_CONFIG_LIBDIR}")
else()
  execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --variable pc_path pkg-config
    OUTPUT_VARIABLE folders OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
string(REPLACE ":" ";" folders "$ENV{PKG_CONFIG_PATH}:${folders}")
foreach(folder IN LISTS folders)
  while(folder AND NOT IS_DIRECTORY "${folder}")
    cmake_path(GET folder PARENT_PATH folder)
  endwhile()
  if(folder)
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}")
  endif()
endforeach()

# nblbench_find(<prefix> [REQUIRED] [IMPORTED_TARGET [GLOBAL]] <module>...): pkg_check_modules, without its memory.
macro(nblbench_find prefix)
  # pkg_check_modules would not look again for what it has found once, nor its link lines for a library.
  get_property(nblbench_cached DIRECTORY PROPERTY CACHE_VARIABLES)
  list(FILTER nblbench_cached INCLUDE REGEX "^(${prefix}_FOUND|pkgcfg_lib_${prefix}_.*)$")
  foreach(nblbench_name IN LISTS nblbench_cached)
    unset(${nblbench_name} CACHE)
  endforeach()
  pkg_check_modules(${prefix} QUIET ${ARGN})
endmacro()
