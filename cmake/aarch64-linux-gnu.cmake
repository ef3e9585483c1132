# Cross-building for AArch64: Debian's gcc-aarch64-linux-gnu, libraries from a directory into
# which arm64 packages were unpacked.
#
#     cmake -S . -B build-aarch64 -G Ninja --toolchain cmake/aarch64-linux-gnu.cmake \
#         -DQF_SYSROOT=DIRECTORY
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES QF_SYSROOT)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${QF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${QF_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${QF_SYSROOT})
file(GLOB qf_llvm_directory ${QF_SYSROOT}/usr/lib/llvm-*/lib)
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "-Wl,-rpath-link=${QF_SYSROOT}/usr/lib/aarch64-linux-gnu:${QF_SYSROOT}/lib/aarch64-linux-gnu:${qf_llvm_directory}")
