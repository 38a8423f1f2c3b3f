# What `cmake --install` and `cpack` give, by components:
#   library   libingot.so: the C and C++ interfaces, the scheduler  \ Debian package ingot-runtime,
#   server    ingot-serve                                           / which needs no LLVM
#   dev       headers, static libraries, find_package(Ingot), pkg-config, examples: ingot-runtime-dev
#   compiler  the command `ingot`: ingot-compiler
# Included last, so that all targets are there. docs/Embedding.md says how services use it.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# The shared library: the same objects as the static ones.
add_library(ingot_shared SHARED $<TARGET_OBJECTS:ingot_runtime> $<TARGET_OBJECTS:ingot_scheduler>)
target_link_libraries(ingot_shared PRIVATE $<BUILD_INTERFACE:ingot_options> Threads::Threads ${CMAKE_DL_LIBS})
# Within 0.x a minor version may change the C++ interface.
set_target_properties(ingot_shared PROPERTIES OUTPUT_NAME ingot LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set_target_properties(ingot_runtime PROPERTIES EXPORT_NAME runtime)
set_target_properties(ingot_scheduler PROPERTIES EXPORT_NAME scheduler)
set_target_properties(ingot_shared PROPERTIES EXPORT_NAME shared)
foreach(target ingot_runtime ingot_scheduler ingot_shared)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} INTERFACE cxx_std_17)
endforeach()

install(TARGETS ingot_shared EXPORT IngotTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS ingot_runtime ingot_scheduler EXPORT IngotTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
# Headers of data and training are those of libraries that are not installed.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/ingot
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
  PATTERN data EXCLUDE PATTERN train EXCLUDE PATTERN DataSource.h EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/embed_c ${PROJECT_SOURCE_DIR}/examples/embed_cpp
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ingot-runtime-dev/examples COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/docs/Embedding.md
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ingot-runtime-dev COMPONENT dev)

set(config ${CMAKE_INSTALL_LIBDIR}/cmake/Ingot)
install(EXPORT IngotTargets NAMESPACE Ingot:: DESTINATION ${config} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/IngotConfig.cmake.in
  ${PROJECT_BINARY_DIR}/IngotConfig.cmake INSTALL_DESTINATION ${config})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/IngotConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/IngotConfig.cmake ${PROJECT_BINARY_DIR}/IngotConfigVersion.cmake
  DESTINATION ${config} COMPONENT dev)
# From the .pc file to the prefix, so that what is installed may be moved.
file(RELATIVE_PATH INGOT_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/ingot.pc.in ${PROJECT_BINARY_DIR}/ingot.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ingot.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

set(components library dev)
if(INGOT_SERVE)
  install(TARGETS ingot-serve RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
  # The unit is not enabled by being there; it wants /etc/ingot/serve.toml.
  install(FILES ${PROJECT_SOURCE_DIR}/examples/deploy/ingot-serve.service
    DESTINATION lib/systemd/system COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/Serving.md
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ingot-runtime COMPONENT server)
  install(FILES ${PROJECT_SOURCE_DIR}/examples/deploy/serve.toml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ingot-runtime/examples COMPONENT server)
  list(APPEND components server)
endif()
if(INGOT_COMPILER)
  # Debian keeps LLVM's libraries in a directory of their own.
  set_target_properties(ingot PROPERTIES INSTALL_RPATH ${LLVM_LIBRARY_DIR})
  list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${LLVM_LIBRARY_DIR})
  install(TARGETS ingot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT compiler)
  list(APPEND components compiler)
endif()

foreach(package library/ingot-runtime dev/ingot-runtime-dev compiler/ingot-compiler)
  get_filename_component(component ${package} DIRECTORY)
  get_filename_component(name ${package} NAME)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_PACKAGE_NAME ingot)
set(CPACK_PACKAGE_VENDOR "The Ingot project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Ahead-of-time compiler for neural networks")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Ingot project <ingot@localhost>")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ingot-runtime)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME ingot-runtime-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "ingot-runtime (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_COMPILER_PACKAGE_NAME ingot-compiler)
set(CPACK_DEBIAN_COMPILER_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_COMPILER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPILER_PACKAGE_RECOMMENDS ingot-runtime)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
"Runs and serves compiled models: libingot.so, with the C and C++ interfaces and the
batching scheduler, and the server ingot-serve. Needs no compiler.")
set(CPACK_DEBIAN_DEV_DESCRIPTION
"Headers, static libraries, CMake and pkg-config files, and examples for services
that run compiled models.")
set(CPACK_DEBIAN_COMPILER_DESCRIPTION
"The command ingot, which compiles models into self-contained shared objects.")
include(CPack)
cpack_add_component_group(runtime)
cpack_add_component(library GROUP runtime)
cpack_add_component(server GROUP runtime)
