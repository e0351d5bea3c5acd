// Stacks in secret memory for code that touches keys or weights (design decision 3): compilers spill registers, and
// libcrypto keeps message schedules and key halves on the stack.
//
//   | guard page | stack, grows down | guard page |    wiped when the code has returned; vector registers cleared
//
// Only the work runs there; the thread's own stack, with its thread-local storage, stays ordinary memory. (A whole
// thread on such a stack does not work: the kernel wakes pthread_join through a shared futex in it, which secret memory
// refuses.) Under the address and thread sanitizers, which follow stacks themselves, work runs on the ordinary stack.
#pragma once

#include <cstddef>

#include "core/function_ref.h"
#include "core/result.h"
#include "core/thread_pool.h"

namespace sealedge {

inline constexpr size_t kSecretStackBytes = 128 * 1024;

// Runs work on a secret stack, with signals blocked. Stacks are kept for the next call. Inside such a call (or on a
// pool thread with the hooks below) it runs work where it is. work must not throw, nor call into JavaScript.
Result<void> run_on_secret_stack(FunctionRef<void()> work);
bool on_secret_stack();

// For ThreadPool::create: every thread gets a secret stack of its own and runs all work on it.
const ThreadHooks& secret_thread_hooks();

}  // namespace sealedge
