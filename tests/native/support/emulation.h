// SEALEDGE_SKIP_IF_EMULATED(why): leaves a test out, by name and with the reason, where the program runs under an
// emulator (preset arm64, qemu-user).
#pragma once

#include <gtest/gtest.h>

#if defined(SEALEDGE_TESTS_EMULATED)
#define SEALEDGE_SKIP_IF_EMULATED(why) GTEST_SKIP() << "emulated: " << (why)
#else
#define SEALEDGE_SKIP_IF_EMULATED(why) static_cast<void>(why)
#endif

namespace sealedge::testing {

// A death test of style "threadsafe" starts its program anew, to be alone in the process.
inline constexpr char kNoNewProcess[] = "the kernel cannot start a program of another architecture";
inline constexpr char kNoAdvice[] = "qemu-user does not pass on what madvise says";
inline constexpr char kNoAddressLimit[] = "qemu-user does not enforce RLIMIT_AS";
inline constexpr char kNoProcessRead[] = "qemu-user has no process_vm_readv";

}  // namespace sealedge::testing
