// GridSample-20: every output pixel is X at a position of its own, interpolated in all spatial dimensions.
#include <cmath>
#include <cstring>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window/sampling.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

constexpr size_t kMaxSpatial = 3;
constexpr double kCubicA = -0.75;
// Beyond any image, and small enough to be an integer: what NaN and infinity are read as.
constexpr double kFarAway = 1e15;

using ReadFloat = double (*)(const uint8_t* at);
template <typename T>
double read_float(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

// Mirrored at both ends until it lies between them.
double reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  const double beyond = x < low ? low - x : x > high ? x - high : 0;
  if (beyond == 0) return x;
  const double turns = std::floor(beyond / range), rest = beyond - turns * range;
  const bool from_low = (x < low) == (std::fmod(turns, 2) == 0);
  return from_low ? low + rest : high - rest;
}

struct SampleGeometry {
  size_t batch, channels, spatial_rank;
  size_t in[kMaxSpatial];
  size_t out_pixels;
  SampleMode mode;
  SamplePadding padding;
  bool align_corners;

  double low() const { return align_corners ? 0 : -0.5; }
  double high(size_t d) const { return static_cast<double>(in[d]) - (align_corners ? 1 : 0.5); }
  size_t in_pixels() const {
    size_t pixels = 1;
    for (size_t d = 0; d < spatial_rank; d++) pixels *= in[d];
    return pixels;
  }
};

// The pixels that make one output, as offsets into a channel; at most four per dimension.
struct Taps {
  size_t count = 1;
  size_t offset[64] = {0};
  double weight[64] = {1};
};

class TapFinder {
 public:
  explicit TapFinder(const SampleGeometry& g) : g_(g) {}

  // Multiplies the taps found so far by those along dimension d.
  void extend(size_t d, double position, Taps* taps) const {
    double x = locate(d, position);
    double pixels[4], weights[4];
    size_t count = 0;
    const double down = std::floor(x), t = x - down;
    if (g_.mode == SampleMode::kNearest) {
      pixels[count] = x, weights[count++] = 1;
    } else if (g_.mode == SampleMode::kLinear) {
      for (int k = 0; k < 2; k++) pixels[count] = down + k, weights[count++] = k == 0 ? 1 - t : t;
    } else {
      for (int k = -1; k < 3; k++) pixels[count] = down + k, weights[count++] = cubic(std::fabs(t - k));
    }
    Taps next;
    next.count = 0;
    for (size_t i = 0; i < taps->count; i++) {
      for (size_t k = 0; k < count; k++) {
        size_t pixel;
        if (!find(d, pixels[k], &pixel)) continue;
        next.offset[next.count] = taps->offset[i] * g_.in[d] + pixel;
        next.weight[next.count++] = taps->weight[i] * weights[k];
      }
    }
    *taps = next;
  }

 private:
  // From [-1, 1] to pixels, brought back to the image where the padding says so.
  double locate(size_t d, double position) const {
    const auto size = static_cast<double>(g_.in[d]);
    double x = g_.align_corners ? (position + 1) / 2 * (size - 1) : ((position + 1) * size - 1) / 2;
    if (!(std::fabs(x) < kFarAway)) x = x > 0 ? kFarAway : -kFarAway;
    if (g_.mode == SampleMode::kNearest) x = std::nearbyint(x);
    // A cubic is brought back pixel by pixel: moving its centre would give it other neighbours.
    if (g_.mode == SampleMode::kCubic || (x >= g_.low() && x <= g_.high(d))) return x;
    if (g_.padding == SamplePadding::kBorder) return std::fmin(std::fmax(x, 0), size - 1);
    return g_.padding == SamplePadding::kReflection ? reflect(x, g_.low(), g_.high(d)) : x;
  }

  // The pixel that stands at a whole position; false: zero does.
  bool find(size_t d, double at, size_t* pixel) const {
    const auto last = static_cast<double>(g_.in[d] - 1);
    if (at < 0 || at > last) {
      if (g_.padding == SamplePadding::kZeros) return false;
      if (g_.padding == SamplePadding::kReflection) at = reflect(at, g_.low(), g_.high(d));
      at = std::fmin(std::fmax(at, 0), last);
    }
    *pixel = static_cast<size_t>(at);
    return true;
  }

  static double cubic(double x) {
    if (x <= 1) return ((kCubicA + 2) * x - (kCubicA + 3)) * x * x + 1;
    return x < 2 ? ((kCubicA * x - 5 * kCubicA) * x + 8 * kCubicA) * x - 4 * kCubicA : 0;
  }

  const SampleGeometry& g_;
};

template <typename T>
T from_double(double value) {
  if constexpr (std::is_integral_v<T>) {
    if (!(value > static_cast<double>(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  }
  return static_cast<T>(value);
}

template <typename T>
class GridSampleKernel final : public Kernel {
 public:
  GridSampleKernel(const SampleGeometry& geometry, ReadFloat read, size_t grid_bytes)
      : g_(geometry), read_(read), grid_bytes_(grid_bytes) {}

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    const size_t pixels = g_.batch * g_.out_pixels;
    const size_t parts = parts_for(context.parallel, pixels, g_.channels * 16 + 4 * kFunctionWork);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(pixels, index, parts);
      for (size_t i = part.begin; i < part.end; i++) sample(args, i);
    });
    return {};
  }

 private:
  void sample(const RunArgs& args, size_t i) const {
    const TapFinder finder(g_);
    const uint8_t* position = args.inputs[1] + i * g_.spatial_rank * grid_bytes_;
    Taps taps;
    // The grid names the innermost dimension first.
    for (size_t d = 0; d < g_.spatial_rank; d++) {
      finder.extend(d, read_(position + (g_.spatial_rank - 1 - d) * grid_bytes_), &taps);
    }
    const size_t n = i / g_.out_pixels, in_pixels = g_.in_pixels();
    const T* x = reinterpret_cast<const T*>(args.inputs[0]) + n * g_.channels * in_pixels;
    T* y = reinterpret_cast<T*>(args.outputs[0]) + n * g_.channels * g_.out_pixels + i % g_.out_pixels;
    for (size_t c = 0; c < g_.channels; c++) {
      if (g_.mode == SampleMode::kNearest) {
        y[c * g_.out_pixels] = taps.count == 0 ? T{} : x[c * in_pixels + taps.offset[0]];
        continue;
      }
      double sum = 0;
      for (size_t k = 0; k < taps.count; k++)
        sum += taps.weight[k] * static_cast<double>(x[c * in_pixels + taps.offset[k]]);
      y[c * g_.out_pixels] = from_double<T>(sum);
    }
  }

  SampleGeometry g_;
  ReadFloat read_;
  size_t grid_bytes_;
};

class GridSampleOp final : public Op {
 public:
  GridSampleOp(SampleMode mode, SamplePadding padding, bool align_corners)
      : mode_(mode), padding_(padding), align_corners_(align_corners) {}
  const char* op_type() const override { return "GridSample"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[0], &grid = inputs[1];
    if (!dispatch_type(AllTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (!dispatch_type(FloatTypes{}, grid.type, []<typename T>() { return true; })) {
      return op_unsupported(std::string("a grid of ") + data_type_name(grid.type));
    }
    const size_t rank = x.dims.size();
    if (rank < 3 || grid.dims.size() != rank || grid.dims[0] != x.dims[0] ||
        grid.dims.back() != static_cast<int64_t>(rank) - 2) {
      return shape_mismatch("grid " + dims_to_string(grid.dims) + " does not fit input " + dims_to_string(x.dims));
    }
    if (rank - 2 > kMaxSpatial) return op_unsupported(std::to_string(rank - 2) + " spatial dimensions");
    Dims dims = {x.dims[0], x.dims[1]};
    dims.insert(dims.end(), grid.dims.begin() + 1, grid.dims.end() - 1);
    if (element_count(x.dims) == 0 && element_count(grid.dims) > 0 && x.dims[1] > 0) {
      return shape_mismatch("nothing to sample in " + dims_to_string(x.dims));
    }
    return std::vector<TensorFact>{{x.type, std::move(dims)}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[0], &grid = setup.inputs[1];
    SampleGeometry g = {.batch = static_cast<size_t>(x.dims[0]),
                        .channels = static_cast<size_t>(x.dims[1]),
                        .spatial_rank = x.dims.size() - 2,
                        .in = {},
                        .out_pixels = 1,
                        .mode = mode_,
                        .padding = padding_,
                        .align_corners = align_corners_};
    for (size_t d = 0; d < g.spatial_rank; d++) {
      g.in[d] = static_cast<size_t>(x.dims[d + 2]);
      g.out_pixels *= static_cast<size_t>(grid.dims[d + 1]);
    }
    const ReadFloat read =
        dispatch_type(FloatTypes{}, grid.type, []<typename T>() -> ReadFloat { return read_float<T>; });
    return dispatch_type(AllTypes{}, x.type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(std::make_unique<GridSampleKernel<T>>(g, read, data_type_size_bytes(grid.type)));
    });
  }

 private:
  SampleMode mode_;
  SamplePadding padding_;
  bool align_corners_;
};

}  // namespace

OpPtr make_grid_sample(SampleMode mode, SamplePadding padding, bool align_corners) {
  return std::make_shared<GridSampleOp>(mode, padding, align_corners);
}

}  // namespace sealedge
