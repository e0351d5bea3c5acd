// DeformConv-19 in two dimensions: a convolution whose taps are moved by offsets, interpolated, and weighted by a mask.
#include <algorithm>
#include <cmath>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "graph/ops/window/col2im.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

enum Input : size_t { kX, kW, kOffset, kB, kMask };

struct DeformGeometry {
  WindowGeometry window;  // dimensions 1 and 2
  size_t in_channels, out_channels, groups, offset_groups;
};

template <typename T>
class DeformKernel final : public Kernel {
 public:
  explicit DeformKernel(const DeformGeometry& geometry) : g_(geometry) {}

  Result<void> run(const RunArgs& args) const override {
    const WindowGeometry& w = g_.window;
    const KernelContext context = kernel_context(args);
    const size_t rows = w.batch * w.out[1];
    const size_t parts = parts_for(context.parallel, rows, w.out[2] * g_.in_channels * w.taps() * g_.out_channels);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(rows, index, parts);
      for (size_t row = part.begin; row < part.end; row++) {
        for (size_t j = 0; j < w.out[2]; j++) run_pixel(args, row / w.out[1], row % w.out[1], j);
      }
    });
    return {};
  }

 private:
  static const T* at(const RunArgs& args, size_t i) {
    return i < args.inputs.size() ? reinterpret_cast<const T*>(args.inputs[i]) : nullptr;
  }

  void run_pixel(const RunArgs& args, size_t n, size_t i, size_t j) const {
    const WindowGeometry& w = g_.window;
    const size_t group_in = g_.in_channels / g_.groups, group_out = g_.out_channels / g_.groups;
    const T *weights = at(args, kW), *bias = at(args, kB);
    T* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t o = 0; o < g_.out_channels; o++) {
      double sum = bias ? static_cast<double>(bias[o]) : 0.0;
      for (size_t c = 0; c < group_in; c++) {
        const T* filter = weights + (o * group_in + c) * w.taps();
        for (size_t tap = 0; tap < w.taps(); tap++) {
          sum += static_cast<double>(filter[tap]) * sample(args, n, o / group_out * group_in + c, tap, i, j);
        }
      }
      y[((n * g_.out_channels + o) * w.out[1] + i) * w.out[2] + j] = static_cast<T>(sum);
    }
  }

  // X under tap `tap` of output pixel (i, j), where the offset puts it, times the mask.
  double sample(const RunArgs& args, size_t n, size_t channel, size_t tap, size_t i, size_t j) const {
    const WindowGeometry& w = g_.window;
    const size_t group = channel / (g_.in_channels / g_.offset_groups), pixels = w.out[1] * w.out[2];
    const size_t place = (n * g_.offset_groups + group) * w.taps() + tap, pixel = i * w.out[2] + j;
    const T *offset = at(args, kOffset) + 2 * place * pixels + pixel, *mask = at(args, kMask);
    const auto origin = [&](int d, size_t o, size_t k) {
      return static_cast<double>(o * w.stride[d] + k * w.dilation[d]) - static_cast<double>(w.pad_begin[d]);
    };
    const double row = origin(1, i, tap / w.kernel[2]) + static_cast<double>(offset[0]);
    const double column = origin(2, j, tap % w.kernel[2]) + static_cast<double>(offset[pixels]);
    const T* image = at(args, kX) + (n * g_.in_channels + channel) * w.in_pixels();
    return interpolate(image, row, column) * (mask ? static_cast<double>(mask[place * pixels + pixel]) : 1.0);
  }

  double interpolate(const T* image, double row, double column) const {
    const auto height = static_cast<double>(g_.window.in[1]), width = static_cast<double>(g_.window.in[2]);
    if (!(row > -1 && row < height && column > -1 && column < width)) return 0;
    const double top = std::floor(row), left = std::floor(column), v = row - top, u = column - left;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
      // The four neighbours: k / 2 and k % 2 are row and column.
      // NOLINTNEXTLINE(bugprone-integer-division)
      const double r = top + k / 2, c = left + k % 2;
      if (r < 0 || r >= height || c < 0 || c >= width) continue;
      const double weight = (k / 2 ? v : 1 - v) * (k % 2 ? u : 1 - u);
      sum += weight * static_cast<double>(image[static_cast<size_t>(r) * g_.window.in[2] + static_cast<size_t>(c)]);
    }
    return sum;
  }

  DeformGeometry g_;
};

class DeformConvOp final : public Op {
 public:
  DeformConvOp(WindowAttributes window, int64_t group, int64_t offset_group)
      : window_(std::move(window)), group_(group), offset_group_(offset_group) {}
  const char* op_type() const override { return "DeformConv"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[kX], &w = inputs[kW];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    for (const Operand& input : inputs) {
      if (input.present && input.type != x.type) return shape_mismatch("the inputs have different types");
    }
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims, w.dims));
    if (x.dims[1] % group_ != 0 || w.dims[1] != x.dims[1] / group_ || w.dims[0] % group_ != 0 ||
        x.dims[1] % offset_group_ != 0 || w.dims[0] == 0 || w.dims[1] == 0) {
      return shape_mismatch("weight " + dims_to_string(w.dims) + " in " + std::to_string(group_) +
                            " groups, offsets in " + std::to_string(offset_group_) + ", do not fit input " +
                            dims_to_string(x.dims));
    }
    const auto out_h = static_cast<int64_t>(window.out[1]), out_w = static_cast<int64_t>(window.out[2]);
    // Divides a dimension of X, and taps are those of a tensor: their product is in range.
    const int64_t places = offset_group_ * static_cast<int64_t>(window.taps());
    SEALEDGE_TRY(check(inputs, kOffset, "offset", {x.dims[0], 2 * places, out_h, out_w}));
    SEALEDGE_TRY(check(inputs, kB, "B", {w.dims[0]}));
    SEALEDGE_TRY(check(inputs, kMask, "mask", {x.dims[0], places, out_h, out_w}));
    return std::vector<TensorFact>{{x.type, {x.dims[0], w.dims[0], out_h, out_w}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[kX], &w = setup.inputs[kW];
    SEALEDGE_ASSIGN(const WindowGeometry window, geometry(x.dims, w.dims));
    const DeformGeometry g = {.window = window,
                              .in_channels = static_cast<size_t>(x.dims[1]),
                              .out_channels = static_cast<size_t>(w.dims[0]),
                              .groups = static_cast<size_t>(group_),
                              .offset_groups = static_cast<size_t>(offset_group_)};
    return dispatch_type(FloatTypes{}, x.type,
                         [&]<typename T>() { return std::unique_ptr<Kernel>(std::make_unique<DeformKernel<T>>(g)); });
  }

 private:
  static Result<void> check(std::span<const Operand> inputs, size_t i, const char* name, const Dims& dims) {
    if (i >= inputs.size() || !inputs[i].present || inputs[i].dims == dims) return {};
    return shape_mismatch(std::string(name) + ": expected " + dims_to_string(dims) + ", got " +
                          dims_to_string(inputs[i].dims));
  }

  Result<WindowGeometry> geometry(const Dims& x, const Dims& w) const {
    SEALEDGE_ASSIGN(const std::span<const int64_t> kernel, filter_window(window_, x, w));
    if (x.size() != 4) return op_unsupported(std::to_string(x.size() - 2) + " spatial dimensions");
    return resolve_window(window_, x, kernel, false);
  }

  WindowAttributes window_;
  int64_t group_, offset_group_;
};

}  // namespace

OpPtr make_deform_conv(WindowAttributes window, int64_t group, int64_t offset_group) {
  return std::make_shared<DeformConvOp>(std::move(window), group, offset_group);
}

}  // namespace sealedge
