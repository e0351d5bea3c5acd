// Shape and Size: the only operators that read dims instead of elements. Computed when planning.
#include <algorithm>
#include <cstring>

#include "graph/ops.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class IntsKernel final : public Kernel {
 public:
  explicit IntsKernel(std::vector<int64_t> values) : values_(std::move(values)) {}
  Result<void> run(const RunArgs& args) const override {
    if (!values_.empty()) std::memcpy(args.outputs[0], values_.data(), values_.size() * sizeof values_[0]);
    return {};
  }

 private:
  std::vector<int64_t> values_;
};

class DimsOp : public LinearTimeOp {
 public:
  bool needs_only_dims() const override { return true; }
  // Whatever its elements are arranged like.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return {{inputs[0].format}, {Format::kRowMajor}};
  }
};

class ShapeOp final : public DimsOp {
 public:
  ShapeOp(int64_t start, std::optional<int64_t> end) : start_(start), end_(end) {}
  const char* op_type() const override { return "Shape"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    return std::vector<TensorFact>{{DataType::kInt64, {static_cast<int64_t>(part_of(inputs[0].dims).size())}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return std::unique_ptr<Kernel>(std::make_unique<IntsKernel>(part_of(setup.inputs[0].dims)));
  }

 private:
  // Shape-15: start and end count from the end when negative, and are clamped.
  std::vector<int64_t> part_of(const Dims& dims) const {
    const auto rank = static_cast<int64_t>(dims.size());
    const auto clamp = [rank](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
    const int64_t start = clamp(start_);
    const int64_t end = clamp(end_.value_or(rank));
    if (end <= start) return {};
    return {dims.begin() + start, dims.begin() + end};
  }

  int64_t start_;
  std::optional<int64_t> end_;
};

class SizeOp final : public DimsOp {
 public:
  const char* op_type() const override { return "Size"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand>) const override {
    return std::vector<TensorFact>{{DataType::kInt64, {}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return std::unique_ptr<Kernel>(
        std::make_unique<IntsKernel>(std::vector<int64_t>{element_count(setup.inputs[0].dims)}));
  }
};

}  // namespace

OpPtr make_shape(int64_t start, std::optional<int64_t> end) { return std::make_shared<ShapeOp>(start, end); }
OpPtr make_size() { return std::make_shared<SizeOp>(); }

}  // namespace sealedge
