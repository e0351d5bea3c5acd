// Softmax and LogSoftmax of 8-bit tensors. A row's exponentials depend on x - max alone, of which there are 256: they
// are taken from a table in double, so that the result is the same on every CPU:
//
//   e(i) = exp((x(i) - max) * x_scale);   Softmax: e(i) / sum e,   LogSoftmax: (x(i) - max) * x_scale - log(sum e)
//   y = round_to_step(fl32(fl32(that) / y_scale))
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "graph/ops/quantised/quantized_ops.h"
#include "graph/ops/support.h"
#include "kernels/qelementwise/qelementwise_scalar.h"

namespace sealedge {

namespace {

struct Rows {
  size_t outer = 1, size = 1, inner = 1;
};

class QuantizedSoftmaxKernel final : public Kernel {
 public:
  QuantizedSoftmaxKernel(const Rows& rows, bool log, const QuantizedType& x, const QuantizedType& y)
      : rows_(rows), log_(log), x_(x) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    step_ = y.writing(-kInfinity, kInfinity);
    for (size_t d = 0; d < below_max_.size(); d++) {
      below_max_[d] = -static_cast<double>(d) * static_cast<double>(x.scale);
      exponential_[d] = std::exp(below_max_[d]);
    }
  }

  Result<void> run(const RunArgs& args) const override {
    for (size_t o = 0; o < rows_.outer; o++) {
      for (size_t n = 0; n < rows_.inner; n++) {
        const size_t first = o * rows_.size * rows_.inner + n;
        row(args.inputs[0] + first, args.outputs[0] + first);
      }
    }
    return {};
  }

 private:
  int32_t value(uint8_t x) const { return x_.is_signed() ? static_cast<int8_t>(x) : x; }

  void row(const uint8_t* x, uint8_t* y) const {
    int32_t max = std::numeric_limits<int32_t>::min();
    for (size_t i = 0; i < rows_.size; i++) max = std::max(max, value(x[i * rows_.inner]));
    double sum = 0;
    for (size_t i = 0; i < rows_.size; i++) sum += exponential_[below(x[i * rows_.inner], max)];
    const double log_sum = std::log(sum);
    for (size_t i = 0; i < rows_.size; i++) {
      const uint8_t d = below(x[i * rows_.inner], max);
      const double v = log_ ? below_max_[d] - log_sum : exponential_[d] / sum;
      y[i * rows_.inner] = q8_quantize_scalar(step_, static_cast<float>(v));
    }
  }
  // At most 255, also if x is the caller's and is another number than when max was looked for.
  uint8_t below(uint8_t x, int32_t max) const { return static_cast<uint8_t>(max - value(x)); }

  Rows rows_;
  bool log_;
  QuantizedType x_;
  Q8Step step_;
  std::array<double, 256> below_max_, exponential_;
};

class QuantizedSoftmaxOp final : public Op {
 public:
  QuantizedSoftmaxOp(const SoftmaxParameters& softmax, const QuantizedType& x, const QuantizedType& y)
      : softmax_(softmax), x_(x), y_(y) {}
  const char* op_type() const override { return softmax_.log ? "QLinearLogSoftmax" : "QLinearSoftmax"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != x_.type) return model_invalid(std::string("expected ") + data_type_name(x_.type));
    SEALEDGE_TRY(rows(inputs[0].dims));
    return std::vector<TensorFact>{{y_.type, inputs[0].dims}};
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override { return true; }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const Rows found, rows(setup.inputs[0].dims));
    return std::unique_ptr<Kernel>(std::make_unique<QuantizedSoftmaxKernel>(found, softmax_.log, x_, y_));
  }

 private:
  // Row-major. Before opset 13 everything from the axis on is one row, and the axis may be the rank.
  Result<Rows> rows(const Dims& dims) const {
    const bool past_end = softmax_.coerce_2d && softmax_.axis == static_cast<int64_t>(dims.size());
    size_t axis = dims.size();
    if (!past_end) {
      SEALEDGE_ASSIGN(axis, resolve_axis(softmax_.axis, dims.size()));
    }
    Rows rows;
    for (size_t d = 0; d < dims.size(); d++) {
      const auto size = static_cast<size_t>(dims[d]);
      const bool in_row = softmax_.coerce_2d ? d >= axis : d == axis;
      (in_row ? rows.size : d < axis ? rows.outer : rows.inner) *= size;
    }
    return rows;
  }

  SoftmaxParameters softmax_;
  QuantizedType x_, y_;
};

}  // namespace

OpPtr make_quantized_softmax(const SoftmaxParameters& softmax, const QuantizedType& x, const QuantizedType& y) {
  return std::make_shared<QuantizedSoftmaxOp>(softmax, x, y);
}

}  // namespace sealedge
