// Holds two plain ONNX files against each other, tensor by tensor: the publisher's proof that sealing lost nothing.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace sealedge {

struct CompareReport {
  uint64_t tensors = 0;       // compared, all equal
  uint64_t tensor_bytes = 0;  // as raw data
};

// Equal means: the same graph, field by field, and every tensor of the same type, dims and elements, bit by bit,
// however its data is stored (raw_data, typed fields, external file). Fails with kModelInvalid naming the first
// difference.
Result<CompareReport> compare_models(const std::string& path, const std::string& original_path);

}  // namespace sealedge
