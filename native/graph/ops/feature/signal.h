// Fourier transforms, windows and mel filters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

// input, dft_length optional, axis optional (opset 20; without it `axis`).
OpPtr make_dft(int64_t axis, bool inverse, bool onesided);
// signal, frame_step, window optional, frame_length optional
OpPtr make_stft(bool onesided);

enum class WindowKind : uint8_t { kHann, kHamming, kBlackman };
OpPtr make_window(WindowKind kind, bool periodic, DataType output);  // size
// num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz
OpPtr make_mel_weight_matrix(DataType output);

}  // namespace sealedge
