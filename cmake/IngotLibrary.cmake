# ingot_library(NAME SOURCES… [LINK libs…] [MLIR [HEADER target]]): the only way a library of ours is declared.
# ingot_test(NAME SOURCES… [LINK libs…] [MLIR] [LABELS …]): a GoogleTest executable in build/bin,
#   known to ctest as NAME; which of its cases ran, failed or were skipped and why is left in
#   test-results/NAME.xml, where tools/test counts them. Its own sources are not optimised: most of their
#   time is the compiler's.
# Warnings are errors in both. MLIR targets share a precompiled header, made by `ingot_mlir_pch` unless HEADER names
# another that has it and what nearly all files of the library include; tests have their own (`ingot_test_pch`, with
# MLIR `ingot_mlir_test_pch`).

set(ingot_llvm MLIR LLVM)
add_library(ingot_options INTERFACE)
target_compile_options(ingot_options INTERFACE -Wall -Wextra -Wno-unused-parameter -Werror)
target_include_directories(ingot_options INTERFACE
  ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}/runtime/include)
if(INGOT_SANITIZE)
  target_compile_options(ingot_options INTERFACE
    -fsanitize=${INGOT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ingot_options INTERFACE -fsanitize=${INGOT_SANITIZE})
  if(INGOT_COMPILER)
    add_library(ingot_sanitizer_options OBJECT ${CMAKE_CURRENT_LIST_DIR}/SanitizerOptions.c)
    list(APPEND ingot_llvm $<TARGET_OBJECTS:ingot_sanitizer_options>)
  endif()
endif()

# ingot_calls_artifacts(TARGET SOURCES…): these sources of the target call generated functions. The
# undefined-behaviour sanitizer's check of a call through a pointer reads the eight bytes before the
# function; an artifact's first one has none.
function(ingot_calls_artifacts target)
  if(INGOT_SANITIZE MATCHES undefined)
    set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target}
      PROPERTIES COMPILE_OPTIONS -fno-sanitize=function)
  endif()
endfunction()

function(_ingot_use_mlir name)
  target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(${name} PRIVATE ${LLVM_DEFINITIONS_LIST})
  if(TARGET IngotIRIncGen)
    add_dependencies(${name} IngotIRIncGen)
  endif()
endfunction()

function(_ingot_precompiled_options name)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Headers are compiled -fPIC; executables would be -fPIE, which they do not fit.
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp" -fPIC)
  endif()
endfunction()

# ingot_precompiled_header(NAME SOURCE HEADER [LINK libs…] [MLIR]): SOURCE exists to own the header, which targets of
# the same options take by _ingot_use_header.
function(ingot_precompiled_header name source header)
  cmake_parse_arguments(ARG "MLIR" "" "LINK" ${ARGN})
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE ingot_options ${ARG_LINK})
  if(ARG_MLIR)
    _ingot_use_mlir(${name})
  endif()
  _ingot_precompiled_options(${name})
  target_precompile_headers(${name} PRIVATE ${header})
endfunction()

function(_ingot_use_header name owner)
  _ingot_precompiled_options(${name})
  target_precompile_headers(${name} REUSE_FROM ${owner})
endfunction()

function(ingot_library name)
  cmake_parse_arguments(ARG "MLIR" "HEADER" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC $<BUILD_INTERFACE:ingot_options> ${ARG_LINK})
  if(ARG_MLIR)
    _ingot_use_mlir(${name})
    if(NOT ARG_HEADER)
      set(ARG_HEADER ingot_mlir_pch)
    endif()
    _ingot_use_header(${name} ${ARG_HEADER})
    target_link_libraries(${name} PUBLIC ${ingot_llvm})
  endif()
endfunction()

function(ingot_executable name)
  cmake_parse_arguments(ARG "MLIR" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ingot_options ${ARG_LINK})
  if(ARG_MLIR)
    _ingot_use_mlir(${name})
    _ingot_use_header(${name} ingot_mlir_pch)
    target_link_libraries(${name} PRIVATE ${ingot_llvm})
  endif()
endfunction()

# What tests are compiled with: their own sources run for a moment, and their compilation is most of a build. Some link
# libraries that want -pthread, and all share the precompiled headers.
set(ingot_test_options -O0 -pthread)

function(ingot_test name)
  cmake_parse_arguments(ARG "MLIR" "" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ingot_options ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE ${ingot_test_options})
  if(ARG_MLIR)
    _ingot_use_mlir(${name})
    _ingot_use_header(${name} ingot_mlir_test_pch)
    target_link_libraries(${name} PRIVATE ${ingot_llvm})
  else()
    _ingot_use_header(${name} ingot_test_pch)
  endif()
  list(FILTER ARG_UNPARSED_ARGUMENTS INCLUDE REGEX "\\.c$")
  set_source_files_properties(${ARG_UNPARSED_ARGUMENTS} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}"
    ENVIRONMENT "GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/test-results/${name}.xml")
endfunction()
