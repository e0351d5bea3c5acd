// Operators on matrices beyond the plain product.
#pragma once

#include <memory>
#include <string>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

OpPtr make_det();
// Any equation that numpy.einsum takes: ellipses, repeated labels, implicit output.
OpPtr make_einsum(std::string equation);

}  // namespace sealedge
