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

// How many bytes of a file hold a tensor that takes size_bytes in memory: fewer where elements share bytes.
size_t stored_size_bytes(DataType type, size_t size_bytes);
// Elements that share bytes, one into each byte of `out`. Precondition: data_type_packed_bits(type) > 0,
// packed.size() == stored_size_bytes(type, out.size()).
void unpack_elements(DataType type, std::span<const uint8_t> packed, std::span<uint8_t> out);

}  // namespace sealedge
