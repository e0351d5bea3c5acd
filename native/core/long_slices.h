// A computing thread's place in the scheduler.
#pragma once

#include <cstdint>

namespace sealedge {

// Asks the scheduler for long turns of the calling thread: a thread with shorter ones, such as an event loop, that
// wakes up on its processor then takes its place at once, instead of waiting for a turn of milliseconds to end. Shares
// of processor time stay as they are. Linux 6.12 and newer; elsewhere nothing changes.
void ask_for_long_slices();

// The length of the calling thread's turns; 0 where the kernel does not say.
uint64_t slice_nanoseconds();

}  // namespace sealedge
