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
if(QF_STATIC)
  # By name, not as imported targets: those ask for shared libraries of their own.
  # What is not needed costs nothing.
  set(qf_llvm_libs ${LLVM_AVAILABLE_LIBS})
  list(FILTER qf_llvm_libs INCLUDE REGEX "^LLVM.+")
  list(TRANSFORM qf_llvm_libs PREPEND "-l")
  target_link_directories(qf_llvm INTERFACE ${LLVM_LIBRARY_DIRS})
  target_link_libraries(qf_llvm INTERFACE -Wl,--start-group ${qf_llvm_libs} -Wl,--end-group
    -lz -lzstd -lstdc++)
elseif(LLVM_LINK_LLVM_DYLIB)
  target_link_libraries(qf_llvm INTERFACE LLVM)
else()
  llvm_map_components_to_libnames(qf_llvm_libs orcjit passes all-targets)
  target_link_libraries(qf_llvm INTERFACE ${qf_llvm_libs})
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}")
