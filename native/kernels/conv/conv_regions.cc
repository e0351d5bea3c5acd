#include "kernels/conv/conv_regions.h"

#include "kernels/conv/window_range.h"
#include "kernels/gemm/run_gemm.h"

namespace sealedge {
namespace {

// Output positions begin .. end - 1 along one dimension, whose windows all keep the same taps.
struct Interval {
  size_t begin, end;
  WindowRange taps;
  size_t size() const { return end - begin; }
  size_t tap_count() const { return taps.end - taps.begin; }
};

Interval interval_at(const WindowGeometry& w, int dimension, size_t begin) {
  Interval interval = {begin, begin + 1, window_range(w, dimension, begin)};
  while (interval.end < w.out[dimension]) {
    const WindowRange taps = window_range(w, dimension, interval.end);
    if (taps.begin != interval.taps.begin || taps.end != interval.taps.end) break;
    interval.end++;
  }
  return interval;
}

template <typename Visit>
void for_each_interval(const WindowGeometry& w, int dimension, const Visit& visit) {
  for (size_t at = 0; at < w.out[dimension];) {
    const Interval interval = interval_at(w, dimension, at);
    visit(interval);
    at = interval.end;
  }
}

// Taps (kd, kh, 0) .. that follow one another both in the window and in the weights: the rows [height) of each of the
// slices [depth).
struct Stretch {
  WindowRange depth, height;
};

// The taps of a region, cut where the weights have others between them.
template <typename Visit>
void for_each_stretch(const WindowGeometry& w, const Interval (&region)[3], const Visit& visit) {
  const WindowRange depth = region[0].taps, height = region[1].taps;
  const bool whole_rows = region[2].tap_count() == w.kernel[2];
  if (whole_rows && region[1].tap_count() == w.kernel[1]) return visit(Stretch{depth, height});
  for (size_t kd = depth.begin; kd < depth.end; kd++) {
    if (whole_rows) {
      visit(Stretch{{kd, kd + 1}, height});
      continue;
    }
    for (size_t kh = height.begin; kh < height.end; kh++) visit(Stretch{{kd, kd + 1}, {kh, kh + 1}});
  }
}

// Less would not pay for more calls.
constexpr double kWorthwhile = 0.75;

// What a row of a tile costs, in multiply-adds of a vector: one for each step, and its part of loading the weights.
double rows_cost(double rows) {
  const size_t tiles = (static_cast<size_t>(rows) + 13) / 14;
  return rows + 4.0 * static_cast<double>(tiles);
}

class Regions {
 public:
  Regions(const F32ConvParams& params, const WeightSource& weights, ptrdiff_t* run_offsets,
          const KernelContext& context)
      : p_(params),
        w_(params.window),
        group_in_(params.in_channels / params.groups),
        group_out_(params.out_channels / params.groups),
        weights_(weights),
        offsets_(run_offsets),
        context_(context) {}

  void run() {
    for_each_interval(w_, 0, [&](const Interval& depth) {
      for_each_interval(w_, 1, [&](const Interval& height) {
        for_each_interval(w_, 2, [&](const Interval& width) {
          const Interval region[3] = {depth, height, width};
          for (size_t n = 0; n < w_.batch; n++) {
            for (size_t d = depth.begin; d < depth.end; d++) multiply(region, n, d);
          }
        });
      });
    });
  }

 private:
  void multiply(const Interval (&region)[3], size_t n, size_t d) {
    const size_t taps = region[0].tap_count() * region[1].tap_count() * region[2].tap_count();
    if (taps == 0) return multiply_stretch(region, n, d, {}, false, true);
    size_t done = 0;
    for_each_stretch(w_, region, [&](const Stretch& stretch) {
      const size_t before = done;
      done += (stretch.depth.end - stretch.depth.begin) * (stretch.height.end - stretch.height.begin) *
              region[2].tap_count();
      multiply_stretch(region, n, d, stretch, before > 0, done == taps);
    });
  }

  size_t fill_offsets(const Stretch& stretch, const WindowRange& width, bool joined) {
    size_t runs = 0;
    for (size_t kd = stretch.depth.begin; kd < stretch.depth.end; kd++) {
      for (size_t kh = stretch.height.begin; kh < stretch.height.end; kh++) {
        const size_t row =
            (kd - stretch.depth.begin) * w_.dilation[0] * w_.in[1] + (kh - stretch.height.begin) * w_.dilation[1];
        for (size_t kw = width.begin; kw < (joined ? width.begin + 1 : width.end); kw++) {
          const size_t pixel = row * w_.in[2] + (kw - width.begin) * w_.dilation[2];
          offsets_[runs++] = static_cast<ptrdiff_t>(pixel * p_.in_channels);
        }
      }
    }
    return runs;
  }

  // The part of the region that lies in slice d of image n. Only the last stretch ends in the epilogue.
  void multiply_stretch(const Interval (&region)[3], size_t n, size_t d, const Stretch& stretch, bool accumulate,
                        bool finish) {
    const Interval &height = region[1], &width = region[2];
    const bool joined = p_.groups == 1 && w_.dilation[2] == 1;
    const bool empty = stretch.depth.begin == stretch.depth.end;
    const size_t runs = empty ? 0 : fill_offsets(stretch, width.taps, joined);
    const size_t first_tap =
        (stretch.depth.begin * w_.kernel[1] + stretch.height.begin) * w_.kernel[2] + (empty ? 0 : width.taps.begin);
    const float* x = p_.x;
    if (!empty) {
      const auto at = [&](int dimension, size_t o, size_t k) {
        return static_cast<size_t>(input_position(w_, dimension, o, k));
      };
      const size_t slice = n * w_.in[0] + at(0, d, stretch.depth.begin);
      const size_t row = slice * w_.in[1] + at(1, height.begin, stretch.height.begin);
      x += (row * w_.in[2] + at(2, width.begin, width.taps.begin)) * p_.in_channels;
    }
    const size_t y_row = ((n * w_.out[0] + d) * w_.out[1] + height.begin) * w_.out[2] + width.begin;
    const size_t pixel = w_.stride[2] * p_.in_channels, line = w_.stride[1] * w_.in[2] * p_.in_channels;
    for (size_t g = 0; g < p_.groups; g++) {
      F32RunGemm gemm = {.rows = {x + g * group_in_, {1, 1, height.size(), width.size()}, {0, 0, line, pixel}},
                         .run_offsets = offsets_,
                         .runs = runs,
                         .run_length = (joined ? width.tap_count() : 1) * group_in_,
                         .panel_steps = w_.taps() * group_in_,
                         .first_step = first_tap * group_in_,
                         .lane_first = g * group_out_,
                         .lanes = group_out_,
                         .c = p_.y + y_row * p_.out_channels,
                         .c_stride = p_.out_channels,
                         .c_segment = width.size() == w_.out[2] ? 0 : width.size(),
                         .c_segment_step = w_.out[2],
                         .accumulate = accumulate,
                         .finish = finish,
                         .epilogue = p_.epilogue};
      gemm.rows.join_contiguous();
      if (gemm.epilogue.residual) gemm.epilogue.residual += y_row * gemm.epilogue.residual_stride;
      f32_run_gemm(gemm, weights_, context_);
    }
  }

  const F32ConvParams& p_;
  const WindowGeometry& w_;
  const size_t group_in_, group_out_;
  const WeightSource& weights_;
  ptrdiff_t* offsets_;
  const KernelContext& context_;
};

}  // namespace

bool f32_conv_regions_pay(const F32ConvParams& p) {
  const WindowGeometry& w = p.window;
  if (w.batch == 0 || w.out_pixels() == 0) return false;
  double untouched = 1;  // the share of windows without padding, which keep all taps
  for (int d = 0; d < 3; d++) {
    const WindowRange full = full_windows(w, d);
    untouched *= static_cast<double>(full.end - full.begin) / static_cast<double>(w.out[d]);
  }
  if (untouched >= kWorthwhile) return false;
  double taps_per_line = 0;  // of all windows in a line of Y, weighed by what rows of this length cost
  for_each_interval(w, 2, [&](const Interval& width) {
    // A region that is as wide as Y is one row after the other.
    const double rows = static_cast<double>(width.size());
    const double whole = static_cast<double>(w.out[1]);
    const double cost = width.size() == w.out[2] ? rows_cost(rows * whole) / whole : rows_cost(rows);
    taps_per_line += cost * static_cast<double>(width.tap_count());
  });
  double lines = static_cast<double>(w.batch);
  for (int d = 0; d < 2; d++) {
    double kept = 0;
    for_each_interval(w, d, [&](const Interval& interval) {
      kept += static_cast<double>(interval.size()) * static_cast<double>(interval.tap_count());
    });
    lines *= kept;
  }
  const double pixels = static_cast<double>(w.batch) * static_cast<double>(w.out_pixels());
  const double whole = rows_cost(pixels) * static_cast<double>(w.taps());
  return taps_per_line * lines < kWorthwhile * whole;
}

void f32_conv_regions(const F32ConvParams& params, const WeightSource& weights, ptrdiff_t* run_offsets,
                      const KernelContext& context) {
  Regions(params, weights, run_offsets, context).run();
}

}  // namespace sealedge
