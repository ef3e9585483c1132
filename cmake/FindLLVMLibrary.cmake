# Defines qf_llvm: LLVM >= 16 with its C API.
# find_package(LLVM 19) refuses 19.1 (LLVM >= 18 releases are X.1.Y and the
# version file wants an equal minor), so the newest is taken and checked here.
set(CMAKE_FIND_PACKAGE_SORT_ORDER NATURAL)
set(CMAKE_FIND_PACKAGE_SORT_DIRECTION DEC)
find_package(LLVM REQUIRED CONFIG)
if(LLVM_VERSION_MAJOR LESS 16)
  message(FATAL_ERROR "LLVM >= 16 needed, found ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}; apt-get install llvm-19-dev")
endif()
add_library(qf_llvm INTERFACE)
target_include_directories(qf_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
if(LLVM_LINK_LLVM_DYLIB)
  target_link_libraries(qf_llvm INTERFACE LLVM)
else()
  llvm_map_components_to_libnames(qf_llvm_libs orcjit passes all-targets)
  target_link_libraries(qf_llvm INTERFACE ${qf_llvm_libs})
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}")
