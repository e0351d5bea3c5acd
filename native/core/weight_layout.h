// How a weight tensor is laid out in a sealed segment, and so in memory (SPEC.md "Layouts"). Fixed at seal time; never
// changed at load (design decision 5). Vocabulary shared by container (seal), graph (which consumer wants which) and
// kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sealedge {

enum class WeightLayout : uint8_t {
  kPlain = 0,    // the ONNX tensor, row-major
  kPanel16 = 1,  // [ceil(O/16)][K][16]: 16 output channels innermost, K ordered as the kernels walk it; tail lanes zero
  kDepthwise16 = 2,  // [ceil(C/16)][KH*KW][16]: depthwise convolution, one filter per channel; tail lanes zero
  // Of 8-bit integers. All are held as int8: of uint8 tensors each element minus 128, so that every kernel multiplies
  // signed weights. A panel is the 16 sums of its lanes (int32), then [ceil(K/4)][16][4] with zeros past K.
  kInt8Panel16 = 3,
  kUint8Panel16 = 4,
  kInt8Depthwise16 = 5,  // [ceil(C/16)][KH*KW, rounded up to 4][16]
  kUint8Depthwise16 = 6,
};

// Where K comes from: how a panel is read out of the ONNX tensor, and written back, exactly.
//   kConvOIHW   W is (O, I, spatial...): K = spatial taps outermost, then I      (channels-last activations)
//   kGemmKN     B is (K, N):  O = N;  N may be several dimensions (ConvTranspose: M / group, spatial...)
//   kGemmNK     B is (N, K):  O = N   (Gemm transB = 1);  N may be several dimensions (LSTM: directions, gates)
enum class WeightSourceOrder : uint8_t { kNone = 0, kConvOIHW = 1, kGemmKN = 2, kGemmNK = 3 };

inline constexpr size_t kPanelLanes = 16;
inline constexpr size_t kPanelQuad = 4;       // elements of K that lie together in the layouts of 8-bit integers
inline constexpr size_t kPanelSumBytes = 64;  // the lane sums in front of such a panel

constexpr bool is_depthwise_layout(WeightLayout layout) {
  return layout == WeightLayout::kDepthwise16 || layout == WeightLayout::kInt8Depthwise16 ||
         layout == WeightLayout::kUint8Depthwise16;
}
constexpr bool is_byte_layout(WeightLayout layout) { return layout >= WeightLayout::kInt8Panel16; }
constexpr bool is_unsigned_layout(WeightLayout layout) {
  return layout == WeightLayout::kUint8Panel16 || layout == WeightLayout::kUint8Depthwise16;
}

// The names in a graph segment (SPEC.md "Graph"), by number.
inline constexpr const char* kWeightLayoutNames[] = {
    "plain", "panel16", "depthwise16", "int8_panel16", "uint8_panel16", "int8_depthwise16", "uint8_depthwise16"};

}  // namespace sealedge
