// Field numbers of onnx.proto that the sealer looks at.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealedge {

// Names and keys longer than this are refused.
inline constexpr size_t kMaxNameBytes = size_t{64} << 10;

namespace onnx {

inline constexpr uint32_t kModelGraph = 7;
inline constexpr uint32_t kModelFunctions = 25;

inline constexpr uint32_t kGraphNode = 1;
inline constexpr uint32_t kGraphInitializer = 5;
inline constexpr uint32_t kGraphSparseInitializer = 15;

inline constexpr uint32_t kFunctionNode = 7;

inline constexpr uint32_t kNodeOutput = 2;
inline constexpr uint32_t kNodeOpType = 4;
inline constexpr uint32_t kNodeAttribute = 5;

inline constexpr uint32_t kAttributeT = 5;
inline constexpr uint32_t kAttributeG = 6;
inline constexpr uint32_t kAttributeTensors = 10;
inline constexpr uint32_t kAttributeGraphs = 11;
inline constexpr uint32_t kAttributeSparseTensor = 22;
inline constexpr uint32_t kAttributeSparseTensors = 23;

inline constexpr uint32_t kSparseValues = 1;
inline constexpr uint32_t kSparseIndices = 2;

inline constexpr uint32_t kTensorDims = 1;
inline constexpr uint32_t kTensorDataType = 2;
inline constexpr uint32_t kTensorFloatData = 4;
inline constexpr uint32_t kTensorInt32Data = 5;
inline constexpr uint32_t kTensorInt64Data = 7;
inline constexpr uint32_t kTensorName = 8;
inline constexpr uint32_t kTensorRawData = 9;
inline constexpr uint32_t kTensorDoubleData = 10;
inline constexpr uint32_t kTensorUint64Data = 11;
inline constexpr uint32_t kTensorExternalData = 13;
inline constexpr uint32_t kTensorDataLocation = 14;
inline constexpr uint64_t kDataLocationExternal = 1;

inline constexpr uint32_t kEntryKey = 1;
inline constexpr uint32_t kEntryValue = 2;

}  // namespace onnx
}  // namespace sealedge
