# Toolchain file of the preset `arm64`: clang on x86-64 builds for 64-bit Arm against an unpacked Debian 12 for that
# architecture (scripts/arm64_sysroot.mjs makes it), and what it built runs under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(SEALEDGE_ARM64_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/sysroot-arm64 CACHE PATH "Where Debian for arm64 is unpacked")
get_filename_component(CMAKE_SYSROOT ${SEALEDGE_ARM64_SYSROOT} ABSOLUTE)
# Compiler checks are projects of their own, which must see the same folder.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SEALEDGE_ARM64_SYSROOT)

set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${CMAKE_SYSROOT})

# Programs are the build machine's; everything that is compiled or linked in is the other one's.
set(CMAKE_FIND_ROOT_PATH ${CMAKE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
