// What a kernel leaves in the vector registers survives its return: a core dump or a debugger would find it there.
#pragma once

namespace sealedge {

// Zeroes every vector register the CPU has and the calling convention lets us (on arm64, the low halves of v8-v15
// belong to the caller and are restored to the caller's values).
void clear_vector_registers();

}  // namespace sealedge
