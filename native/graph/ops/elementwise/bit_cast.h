// BitCast-26.
#pragma once

#include <memory>

#include "graph/op.h"

namespace sealedge {

// The input's bytes as elements of another type of the same size.
std::shared_ptr<const Op> make_bit_cast(DataType to);

}  // namespace sealedge
