#include "kernels/qconv/padded_bytes.h"

#include <algorithm>
#include <cstring>

#include "kernels/parallel.h"

namespace sealedge {
namespace {

// One row of (C, W) planes to (W, C). The usual first layers have one or three.
void interleave(const uint8_t* from, size_t plane, size_t channels, size_t width, uint8_t* out) {
  if (channels == 1) {
    std::memcpy(out, from, width);
  } else if (channels == 3) {
    const uint8_t *a = from, *b = from + plane, *c = from + 2 * plane;
    for (size_t i = 0; i < width; i++, out += 3) {
      out[0] = a[i];
      out[1] = b[i];
      out[2] = c[i];
    }
  } else {
    for (size_t i = 0; i < width; i++) {
      for (size_t c = 0; c < channels; c++) *out++ = from[c * plane + i];
    }
  }
}

void copy_row(const PaddedBytes& p, const WindowGeometry& w, const uint8_t* x, uint8_t fill, size_t row, uint8_t* out) {
  const size_t channels = p.channels, width = p.size[2];
  const size_t h = row % p.size[1], d = row / p.size[1] % p.size[0], n = row / p.size[1] / p.size[0];
  // Wraps far above `in` for positions in the leading padding.
  const size_t id = d - w.pad_begin[0], ih = h - w.pad_begin[1];
  if (id >= w.in[0] || ih >= w.in[1]) {
    std::memset(out, fill, width * channels);
    return;
  }
  const size_t left = std::min(w.pad_begin[2], width), middle = std::min(width - left, w.in[2]);
  std::memset(out, fill, left * channels);
  if (p.channels_first) {
    const size_t plane = w.in_pixels();
    interleave(x + n * channels * plane + (id * w.in[1] + ih) * w.in[2], plane, channels, middle,
               out + left * channels);
  } else {
    std::memcpy(out + left * channels, x + ((n * w.in[0] + id) * w.in[1] + ih) * w.in[2] * channels, middle * channels);
  }
  std::memset(out + (left + middle) * channels, fill, (width - left - middle) * channels);
}

}  // namespace

PaddedBytes PaddedBytes::of(const WindowGeometry& w, size_t channels, bool channels_first, bool must_copy) {
  PaddedBytes padded = {
      .batch = w.batch, .size = {}, .channels = channels, .channels_first = channels_first, .copied = false};
  padded.copied = must_copy || (channels_first && channels > 1);
  for (int d = 0; d < 3; d++) {
    const size_t reach = w.out[d] == 0 ? 0 : (w.out[d] - 1) * w.stride[d] + (w.kernel[d] - 1) * w.dilation[d] + 1;
    if (w.pad_begin[d] > 0 || reach > w.in[d]) padded.copied = true;
    padded.size[d] = reach;
  }
  if (!padded.copied) std::copy(w.in, w.in + 3, padded.size);
  return padded;
}

const uint8_t* pad_bytes(const PaddedBytes& p, const WindowGeometry& w, const uint8_t* x, uint8_t fill,
                         uint8_t* scratch, const KernelContext& context) {
  if (!p.copied) return x;
  const size_t rows = p.batch * p.size[0] * p.size[1];
  const size_t parts = parts_for(context.parallel, rows, p.row() * kMoveWork / 4);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(rows, index, parts);
    for (size_t row = part.begin; row < part.end; row++) copy_row(p, w, x, fill, row, scratch + row * p.row());
  });
  std::memset(scratch + rows * p.row(), 0, PaddedBytes::kSlackBytes);
  return scratch;
}

}  // namespace sealedge
