#include "graph/ops/window/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/alignment.h"
#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window/resize_table.h"
#include "kernels/resize/resize.h"

namespace sealedge {

namespace {

enum Input : size_t { kX, kRoi, kScales, kSizes };

// What both kernels know: dimensions and tables in memory order.
struct ResizePlan {
  std::vector<size_t> in, out;
  std::vector<ResizeTable> tables;

  size_t out_elements() const {
    size_t count = 1;
    for (size_t size : out) count *= size;
    return count;
  }
  bool extrapolates() const {
    return std::any_of(tables.begin(), tables.end(), [](const ResizeTable& t) { return !t.outside.empty(); });
  }
};

// Overwrites what lies outside of the input box.
template <typename T>
void extrapolate(const ResizePlan& plan, T value, T* y) {
  const size_t count = plan.out_elements();
  for (size_t i = 0; i < count; i++) {
    bool outside = false;
    for (size_t d = plan.out.size(), rest = i; d-- > 0; rest /= plan.out[d]) {
      const std::vector<uint8_t>& flags = plan.tables[d].outside;
      outside = outside || (!flags.empty() && flags[rest % plan.out[d]] != 0);
    }
    if (outside) y[i] = value;
  }
}

using Extrapolate = void (*)(const ResizePlan& plan, float value, uint8_t* y);

class NearestKernel final : public Kernel {
 public:
  NearestKernel(ResizePlan plan, size_t element_bytes, Extrapolate outside, float value)
      : plan_(std::move(plan)), outside_(outside), value_(value) {
    resize_.element_bytes = element_bytes;
    resize_.rank = plan_.in.size();
    for (size_t d = 0; d < resize_.rank; d++) {
      resize_.in[d] = plan_.in[d];
      resize_.out[d] = plan_.out[d];
      resize_.source[d] = plan_.tables[d].identity ? nullptr : plan_.tables[d].source.data();
    }
  }
  Result<void> run(const RunArgs& args) const override {
    if (plan_.out_elements() == 0) return {};
    resize_nearest(resize_, args.inputs[0], args.outputs[0], kernel_context(args));
    if (plan_.extrapolates()) outside_(plan_, value_, args.outputs[0]);
    return {};
  }

 private:
  ResizePlan plan_;
  Extrapolate outside_;
  float value_;
  NearestResize resize_ = {};
};

// Sums of weights are computed in W; a result of an integer type is cut off towards zero, as a cast does, after
// antialiasing rounded, and bounded by the type's range.
template <typename T, typename W>
T from_work(W value, bool rounds) {
  if constexpr (std::is_integral_v<T>) {
    if (rounds) value = std::round(value);
    if (!(value > static_cast<W>(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
    if (value >= static_cast<W>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  }
  return static_cast<T>(value);
}

// One dimension after the other, those that get smaller first; between them, and for other types before and after, the
// values are W in scratch.
template <typename T, typename W>
class WeightedKernel final : public Kernel {
 public:
  WeightedKernel(ResizePlan plan, bool rounds, float value) : plan_(std::move(plan)), rounds_(rounds), value_(value) {
    for (size_t d = 0; d < plan_.in.size(); d++) {
      if (!plan_.tables[d].identity) passes_.push_back(d);
    }
    const auto growth = [&](size_t d) { return static_cast<double>(plan_.out[d]) / static_cast<double>(plan_.in[d]); };
    std::ranges::sort(passes_, {}, [&](size_t d) { return std::pair(growth(d), d); });
    std::vector<size_t> sizes = plan_.in;
    largest_ = product(sizes, 0, sizes.size());
    for (size_t d : passes_) {
      sizes[d] = plan_.out[d];
      largest_ = std::max(largest_, product(sizes, 0, sizes.size()));
    }
  }

  size_t scratch_bytes() const override { return 2 * buffer_bytes(); }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const size_t count = plan_.out_elements();
    if (count == 0) return {};
    W* buffers[2] = {reinterpret_cast<W*>(args.scratch), reinterpret_cast<W*>(args.scratch + buffer_bytes())};
    const W* x = read(reinterpret_cast<const T*>(args.inputs[0]), buffers[0]);
    size_t dims[kMaxResizeRank];
    std::ranges::copy(plan_.in, dims);
    const std::span<size_t> sizes(dims, plan_.in.size());
    for (size_t i = 0; i < passes_.size(); i++) {
      W* to = x == buffers[0] ? buffers[1] : buffers[0];
      if constexpr (std::is_same_v<T, W>) {
        if (i + 1 == passes_.size()) to = y;
      }
      resize_axis(passes_[i], sizes, x, to, context);
      sizes[passes_[i]] = plan_.out[passes_[i]];
      x = to;
    }
    if constexpr (std::is_same_v<T, W>) {
      if (passes_.empty()) std::memcpy(y, x, count * sizeof(T));
    } else {
      for (size_t i = 0; i < count; i++) y[i] = from_work<T, W>(x[i], rounds_);
    }
    if (plan_.extrapolates()) extrapolate(plan_, from_work<T, W>(static_cast<W>(value_), false), y);
    return {};
  }

 private:
  static size_t product(std::span<const size_t> sizes, size_t begin, size_t end) {
    size_t count = 1;
    for (size_t d = begin; d < end; d++) count *= sizes[d];
    return count;
  }
  size_t buffer_bytes() const { return round_up_64(largest_ * sizeof(W)); }

  const W* read(const T* x, W* buffer) const {
    if constexpr (std::is_same_v<T, W>) {
      return x;
    } else {
      const size_t count = product(plan_.in, 0, plan_.in.size());
      for (size_t i = 0; i < count; i++) buffer[i] = static_cast<W>(x[i]);
      return buffer;
    }
  }

  void resize_axis(size_t d, std::span<const size_t> sizes, const W* x, W* y, const KernelContext& context) const {
    const ResizeTable& table = plan_.tables[d];
    const WeightedResize resize = {.outer = product(sizes, 0, d),
                                   .in = plan_.in[d],
                                   .out = plan_.out[d],
                                   .inner = product(sizes, d + 1, sizes.size()),
                                   .taps = table.taps,
                                   .source = table.source.data(),
                                   .weight = table.weight.data()};
    if constexpr (std::is_same_v<W, double>) {
      f64_resize_axis(resize, x, y, context);
    } else {
      f32_resize_axis(resize, x, y, context);
    }
  }

  ResizePlan plan_;
  bool rounds_;
  float value_;
  std::vector<size_t> passes_;  // dimensions that change, in the order in which they are resized
  size_t largest_ = 0;          // elements
};

class ResizeOp final : public Op {
 public:
  explicit ResizeOp(ResizeAttributes attributes) : attributes_(std::move(attributes)) {}
  const char* op_type() const override { return "Resize"; }

  bool needs_contents(size_t input) const override {
    return input == kScales || input == kSizes || (input == kRoi && crops());
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (data_type_size_bytes(inputs[kX].type) == 0) return op_unsupported(data_type_name(inputs[kX].type));
    if (attributes_.mode != ResizeMode::kNearest && inputs[kX].type == DataType::kBool) {
      return op_unsupported("interpolation of bool");
    }
    SEALEDGE_ASSIGN(const std::vector<ResizeAxis> axes, axes_of(inputs));
    TensorFact fact{inputs[kX].type, {}};
    for (const ResizeAxis& axis : axes) fact.dims.push_back(axis.out);
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    FormatChoice choice = Op::choose_formats(inputs, outputs);
    choice.inputs[0] = choice.outputs[0] = inputs[0].format;
    return choice;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[kX];
    SEALEDGE_ASSIGN(const std::vector<ResizeAxis> axes, axes_of(setup.inputs));
    const bool empty = element_count(setup.outputs[0].dims) == 0;
    ResizePlan plan;
    for (size_t d : memory_order(axes.size(), x.format)) {
      plan.in.push_back(static_cast<size_t>(axes[d].in));
      plan.out.push_back(static_cast<size_t>(axes[d].out));
      ResizeTable table;
      table.identity = true;
      if (!empty && changes(axes[d], d, axes.size())) {
        SEALEDGE_ASSIGN(table, make_resize_table(attributes_, axes[d]));
      }
      plan.tables.push_back(std::move(table));
    }
    if (attributes_.mode == ResizeMode::kNearest) {
      const Extrapolate outside = dispatch_type(AllTypes{}, x.type, []<typename T>() -> Extrapolate {
        return [](const ResizePlan& all, float value, uint8_t* y) {
          extrapolate(all, from_work<T, float>(value, false), reinterpret_cast<T*>(y));
        };
      });
      return std::unique_ptr<Kernel>(std::make_unique<NearestKernel>(std::move(plan), data_type_size_bytes(x.type),
                                                                     outside, attributes_.extrapolation_value));
    }
    return dispatch_type(NumberTypes{}, x.type, [&]<typename T>() {
      // 32-bit integers and up have more digits than float.
      constexpr bool kWide = std::is_same_v<T, double> || (std::is_integral_v<T> && sizeof(T) >= 4);
      using W = std::conditional_t<kWide, double, float>;
      return std::unique_ptr<Kernel>(std::make_unique<WeightedKernel<T, W>>(std::move(plan), attributes_.antialias,
                                                                            attributes_.extrapolation_value));
    });
  }

 private:
  bool crops() const { return attributes_.coordinates == ResizeCoordinates::kTfCropAndResize; }

  // Whether dimension d is among those that the inputs speak of.
  bool attributes_resize(size_t d, size_t rank) const {
    if (attributes_.axes.empty()) return true;
    return std::any_of(attributes_.axes.begin(), attributes_.axes.end(), [&](int64_t axis) {
      return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis) == d;
    });
  }

  // A scale of 1 leaves a dimension alone, whatever its coordinates would be: half a pixel off, with some.
  bool changes(const ResizeAxis& axis, size_t d, size_t rank) const {
    return attributes_resize(d, rank) && (crops() || axis.scale != 1.0f || axis.in != axis.out);
  }

  static bool given(std::span<const Operand> inputs, size_t i) {
    return i < inputs.size() && inputs[i].present && inputs[i].dims != Dims{0};
  }

  static Result<std::vector<float>> floats(const Operand& operand, const char* name, size_t count) {
    if (operand.dims != Dims{static_cast<int64_t>(count)}) {
      return shape_mismatch(std::string(name) + ": expected " + std::to_string(count) + " values, got " +
                            dims_to_string(operand.dims));
    }
    if (!operand.data) return op_unsupported(std::string(name) + " depends on the data of a run");
    std::vector<float> values(count);
    const bool known = dispatch_type(FloatTypes{}, operand.type, [&]<typename T>() {
      for (size_t i = 0; i < count; i++) {
        T value;
        std::memcpy(&value, operand.data + i * sizeof value, sizeof value);
        values[i] = static_cast<float>(value);
      }
      return true;
    });
    if (!known) return model_invalid(std::string(name) + ": expected floats, got " + data_type_name(operand.type));
    return values;
  }

  // Every dimension of X, resized or not.
  Result<std::vector<ResizeAxis>> axes_of(std::span<const Operand> inputs) const {
    const Dims& x = inputs[kX].dims;
    std::vector<ResizeAxis> axes(x.size());
    for (size_t d = 0; d < x.size(); d++) {
      axes[d].in = axes[d].out = x[d];
      axes[d].length = static_cast<float>(x[d]);
    }
    std::vector<size_t> chosen;
    SEALEDGE_TRY(resolve_axes(attributes_.axes, x.size()));
    for (int64_t axis : attributes_.axes) {
      SEALEDGE_ASSIGN(const size_t d, resolve_axis(axis, x.size()));
      chosen.push_back(d);
    }
    for (size_t d = 0; attributes_.axes.empty() && d < x.size(); d++) chosen.push_back(d);

    if (crops()) {
      if (!given(inputs, kRoi)) return model_invalid("tf_crop_and_resize needs roi");
      SEALEDGE_ASSIGN(const std::vector<float> roi, floats(inputs[kRoi], "roi", 2 * chosen.size()));
      for (size_t i = 0; i < chosen.size(); i++) {
        axes[chosen[i]].roi_start = roi[i];
        axes[chosen[i]].roi_end = roi[chosen.size() + i];
      }
    }
    const bool by_scales = given(inputs, kScales) || !attributes_.scales.empty();
    if (by_scales == given(inputs, kSizes)) return model_invalid("one of scales and sizes must be given");
    if (by_scales) {
      std::vector<float> scales = attributes_.scales;
      if (given(inputs, kScales)) {
        SEALEDGE_ASSIGN(scales, floats(inputs[kScales], "scales", chosen.size()));
      } else if (scales.size() != chosen.size()) {
        return shape_mismatch("scales: expected " + std::to_string(chosen.size()) + " values, got " +
                              std::to_string(scales.size()));
      }
      SEALEDGE_TRY(apply_scales(scales, chosen, &axes));
    } else {
      SEALEDGE_ASSIGN(const std::vector<int64_t> sizes, shape_argument(inputs[kSizes], "sizes"));
      if (sizes.size() != chosen.size()) {
        return shape_mismatch("sizes: expected " + std::to_string(chosen.size()) + " values, got " +
                              std::to_string(sizes.size()));
      }
      SEALEDGE_TRY(apply_sizes(sizes, chosen, &axes));
    }
    for (const ResizeAxis& axis : axes) {
      if (axis.in == 0 && axis.out > 0) return shape_mismatch("a dimension of size 0 cannot be made larger");
    }
    return axes;
  }

  // output = floor(input * (roi_end - roi_start) * scale), the box being the whole input but for tf_crop_and_resize.
  static Result<void> apply_scales(const std::vector<float>& scales, const std::vector<size_t>& chosen,
                                   std::vector<ResizeAxis>* axes) {
    for (size_t i = 0; i < chosen.size(); i++) {
      ResizeAxis& axis = (*axes)[chosen[i]];
      if (!(scales[i] > 0) || std::isinf(scales[i])) return model_invalid("scales must be positive");
      const float box = axis.roi_end - axis.roi_start;
      const float out = std::floor(static_cast<float>(axis.in) * box * scales[i]);
      if (!(out >= 0) || out > static_cast<float>(kMaxElements)) {
        return Error{ErrorCode::kLimitExceeded, "scales make a dimension too large"};
      }
      axis.scale = scales[i];
      axis.out = static_cast<int64_t>(out);
      axis.length = static_cast<float>(axis.in) * scales[i];
    }
    return {};
  }

  Result<void> apply_sizes(const std::vector<int64_t>& sizes, const std::vector<size_t>& chosen,
                           std::vector<ResizeAxis>* axes) const {
    float common = 0;
    for (size_t i = 0; i < chosen.size(); i++) {
      ResizeAxis& axis = (*axes)[chosen[i]];
      if (sizes[i] < 0 || sizes[i] > kMaxElements) return model_invalid("sizes must be positive");
      axis.out = sizes[i];
      axis.length = static_cast<float>(sizes[i]);
      if (axis.in == 0) continue;
      axis.scale = static_cast<float>(sizes[i]) / static_cast<float>(axis.in);
      const bool not_larger = attributes_.policy == ResizePolicy::kNotLarger;
      common = i == 0 ? axis.scale : not_larger ? std::min(common, axis.scale) : std::max(common, axis.scale);
    }
    if (attributes_.policy == ResizePolicy::kStretch) return {};
    // keep_aspect_ratio_policy: one scale for all, the size rounded half up.
    for (size_t d : chosen) {
      ResizeAxis& axis = (*axes)[d];
      const double exact = static_cast<double>(common) * static_cast<double>(axis.in);
      axis.scale = common;
      axis.length = static_cast<float>(exact);
      if (exact > static_cast<double>(kMaxElements)) return Error{ErrorCode::kLimitExceeded, "sizes are too large"};
      axis.out = static_cast<int64_t>(std::floor(exact + 0.5));
    }
    return {};
  }

  ResizeAttributes attributes_;
};

}  // namespace

OpPtr make_resize(ResizeAttributes attributes) { return std::make_shared<ResizeOp>(std::move(attributes)); }

}  // namespace sealedge
