// What a kernel driver is given besides its arguments: the table of one ISA, a way to run in parallel, and scratch
// memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealedge {

struct KernelTable;

// Runs task(argument, i, thread_slot) for every i < count on at most `threads` threads, the caller included, and
// returns when all are done; thread_slot is unique among the tasks that run at the same time (WeightSource::panel needs
// it) and below what the driver's *_scratch_bytes() was told. Without `run`, drivers call their loop body directly.
struct ParallelFor {
  using Task = void (*)(void* argument, size_t index, unsigned thread_slot);
  unsigned threads = 1;
  void (*run)(void* pool, unsigned threads, size_t count, Task task, void* argument) = nullptr;
  void* pool = nullptr;
  // Waking a thread costs about 10 us, twice that where it works on a secret stack: a part smaller than this, in
  // multiply-adds (AVX2 does some 30 per ns), is done sooner by the thread that has it. Tests lower it.
  size_t minimum_part_work = size_t{1} << 19;
};

struct KernelContext {
  const KernelTable* kernels;  // dispatch.h: active_kernels() or one of available_kernels()
  ParallelFor parallel = {};
  // 64-byte aligned, at least what the driver's *_scratch_bytes() says; nullptr when that is 0. May hold activations,
  // so its owner decides where it lives and wipes it.
  uint8_t* scratch = nullptr;
};

}  // namespace sealedge
