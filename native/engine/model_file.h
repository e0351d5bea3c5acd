// A plain model from disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace sealedge {

// protobuf itself allows no message of 2 GiB or more; larger models keep their weights in external data.
inline constexpr size_t kMaxModelBytes = (size_t{2} << 30) - 1;

// The whole of a regular file. Fails with kFileUnreadable or kLimitExceeded.
Result<std::vector<uint8_t>> read_model_file(const std::string& path);
// "models" for "models/a.onnx", "." for "a.onnx".
std::string folder_of(const std::string& path);

}  // namespace sealedge
