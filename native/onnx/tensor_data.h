// The contents of a TensorProto, as row-major little-endian bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"
#include "graph/tensor.h"
#include "onnx/model_proto.h"

namespace sealedge {

// Type and dims, checked: a type this engine stores, dims in range. Fails with kModelInvalid, kLimitExceeded or
// kOpUnsupported.
Result<TensorFact> tensor_fact(const TensorProto& tensor);

// Writes the data that the message itself holds (raw_data or a typed field) to out, which has exactly the size of the
// tensor. Fails with kModelInvalid when there is too little or too much. Precondition: !tensor.external,
// tensor_fact(tensor).ok().
Result<void> decode_tensor(const TensorProto& tensor, std::span<uint8_t> out);

}  // namespace sealedge
