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
};

// Where K comes from: how a kPanel16 segment is read out of the ONNX tensor, and written back, exactly.
//   kConvOIHW   W is (O, I, spatial...): K = spatial taps outermost, then I      (channels-last activations)
//   kGemmKN     B is (K, N):  O = N;  N may be several dimensions (ConvTranspose: M / group, spatial...)
//   kGemmNK     B is (N, K):  O = N   (Gemm transB = 1);  N may be several dimensions (LSTM: directions, gates)
enum class WeightSourceOrder : uint8_t { kNone = 0, kConvOIHW = 1, kGemmKN = 2, kGemmNK = 3 };

inline constexpr size_t kPanelLanes = 16;

}  // namespace sealedge
