// X of a convolution of bytes with its padding written out, so that every tap of every output pixel is a plain address.
// For one byte per element the copy is cheaper than treating borders, even where nothing is padded but something reads
// a little past a row.
#pragma once

#include "kernels/conv/window_geometry.h"
#include "kernels/kernel_context.h"

namespace sealedge {

struct PaddedBytes {
  // `must_copy`: also without padding, for the room behind it.
  static PaddedBytes of(const WindowGeometry& window, size_t channels, bool channels_first, bool must_copy);

  // Any byte up to here past the last element of the copy may be read or overwritten.
  static constexpr size_t kSlackBytes = 64;
  size_t scratch_bytes() const { return copied ? (batch * image() + kSlackBytes + 63) / 64 * 64 : 0; }
  size_t row() const { return size[2] * channels; }
  size_t slice() const { return size[1] * row(); }
  size_t image() const { return size[0] * slice(); }
  // Where tap (kd, kh, kw) of an output pixel lies, relative to its first.
  size_t tap(const WindowGeometry& w, size_t kd, size_t kh, size_t kw) const {
    return kd * w.dilation[0] * slice() + kh * w.dilation[1] * row() + kw * w.dilation[2] * channels;
  }

  size_t batch;
  size_t size[3];  // in place of WindowGeometry::in; position 0 is pad_begin before X
  size_t channels;
  bool channels_first;
  bool copied;
};

// X to look at: x itself, or its copy in scratch, with `fill` (the zero point) where X ends.
const uint8_t* pad_bytes(const PaddedBytes& padded, const WindowGeometry& window, const uint8_t* x, uint8_t fill,
                         uint8_t* scratch, const KernelContext& context);

}  // namespace sealedge
