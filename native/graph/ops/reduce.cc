// ReduceSum, ReduceMean and their kin.
#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "graph/ops.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// In the order of ReduceKind.
struct KindInfo {
  const char* op_type;
  ReduceOp op;
};
constexpr KindInfo kKinds[] = {
    {"ReduceSum", ReduceOp::kSum},
    {"ReduceMean", ReduceOp::kMean},
    {"ReduceMax", ReduceOp::kMax},
    {"ReduceMin", ReduceOp::kMin},
    {"ReduceProd", ReduceOp::kProd},
    {"ReduceL1", ReduceOp::kL1},
    {"ReduceL2", ReduceOp::kL2},
    {"ReduceLogSum", ReduceOp::kLogSum},
    {"ReduceLogSumExp", ReduceOp::kLogSumExp},
    {"ReduceSumSquare", ReduceOp::kSumSquare},
};

class FloatReduce final : public Kernel {
 public:
  explicit FloatReduce(F32ReduceParams params) : params_(params) {}
  Result<void> run(const RunArgs& args) const override {
    F32ReduceParams params = params_;
    params.x = reinterpret_cast<const float*>(args.inputs[0]);
    params.y = reinterpret_cast<float*>(args.outputs[0]);
    f32_reduce(params, kernel_context(args));
    return {};
  }

 private:
  F32ReduceParams params_;
};

// Integers: arithmetic on shapes, so a plain walk over all elements. Sums wrap around, as in numpy.
template <typename T>
class IntegerReduce final : public Kernel {
 public:
  explicit IntegerReduce(F32ReduceParams params) : params_(params) {}
  static bool supports(ReduceOp op) {
    return op == ReduceOp::kSum || op == ReduceOp::kProd || op == ReduceOp::kMax || op == ReduceOp::kMin;
  }
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    size_t total = 1, kept = 1;
    for (size_t d = 0; d < params_.rank; d++) {
      total *= params_.dims[d];
      if (!params_.reduced[d]) kept *= params_.dims[d];
    }
    std::fill(y, y + kept, neutral());
    for (size_t i = 0; i < total; i++) {
      size_t to = 0, step = 1, rest = i;
      for (size_t d = params_.rank; d-- > 0; rest /= params_.dims[d]) {
        if (params_.reduced[d]) continue;
        to += rest % params_.dims[d] * step;
        step *= params_.dims[d];
      }
      y[to] = combine(y[to], x[i]);
    }
    return {};
  }

 private:
  T neutral() const {
    if (params_.op == ReduceOp::kMax) return std::numeric_limits<T>::lowest();
    if (params_.op == ReduceOp::kMin) return std::numeric_limits<T>::max();
    return params_.op == ReduceOp::kProd ? T{1} : T{0};
  }
  T combine(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    if (params_.op == ReduceOp::kMax) return std::max(a, b);
    if (params_.op == ReduceOp::kMin) return std::min(a, b);
    if (params_.op == ReduceOp::kProd) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  }
  F32ReduceParams params_;
};

class ReduceAxesOp final : public Op {
 public:
  ReduceAxesOp(ReduceKind kind, bool keepdims, bool noop_with_empty_axes)
      : kind_(kKinds[static_cast<size_t>(kind)]), keepdims_(keepdims), noop_with_empty_axes_(noop_with_empty_axes) {}
  const char* op_type() const override { return kind_.op_type; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    const bool integer = type == DataType::kInt32 || type == DataType::kInt64;
    if (type != DataType::kFloat32 && !(integer && IntegerReduce<int64_t>::supports(kind_.op))) {
      return op_unsupported(data_type_name(type));
    }
    if (inputs[0].dims.size() > kMaxReduceRank) return op_unsupported("more than 8 dimensions");
    SEALEDGE_ASSIGN(const std::vector<bool> reduced, axes(inputs));
    TensorFact fact{type, {}};
    for (size_t d = 0; d < reduced.size(); d++) {
      if (!reduced[d]) {
        fact.dims.push_back(inputs[0].dims[d]);
      } else if (keepdims_) {
        fact.dims.push_back(1);
      }
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  // Channels-last stays so where the kept dimensions come out in an order that has a name.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    FormatChoice choice = Op::choose_formats(inputs, outputs);
    const Result<std::vector<bool>> reduced = axes(inputs);
    if (inputs[0].format != Format::kChannelsLast || !reduced.ok()) return choice;
    const bool all_spatial = std::all_of(reduced->begin() + 2, reduced->end(), [](bool r) { return r; });
    if (!keepdims_ && !(*reduced)[1] && !all_spatial) return choice;
    choice.inputs[0] = Format::kChannelsLast;
    if (keepdims_) choice.outputs[0] = Format::kChannelsLast;
    return choice;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const std::vector<bool> reduced, axes(setup.inputs));
    F32ReduceParams params = {
        .op = kind_.op, .rank = x.dims.size(), .dims = {}, .reduced = {}, .x = nullptr, .y = nullptr};
    for (size_t d = 0, at = 0; d < params.rank; d++) {
      const bool last = x.format == Format::kChannelsLast && d == 1;
      const size_t place = last ? params.rank - 1 : at++;
      params.dims[place] = static_cast<size_t>(x.dims[d]);
      params.reduced[place] = reduced[d];
    }
    if (x.type == DataType::kInt32) return std::unique_ptr<Kernel>(std::make_unique<IntegerReduce<int32_t>>(params));
    if (x.type == DataType::kInt64) return std::unique_ptr<Kernel>(std::make_unique<IntegerReduce<int64_t>>(params));
    return std::unique_ptr<Kernel>(std::make_unique<FloatReduce>(params));
  }

 private:
  Result<std::vector<bool>> axes(std::span<const Operand> inputs) const {
    const size_t rank = inputs[0].dims.size();
    std::vector<int64_t> given;
    if (inputs.size() > 1 && inputs[1].present) {
      SEALEDGE_ASSIGN(given, shape_argument(inputs[1], "axes"));
    }
    if (given.empty()) return std::vector<bool>(rank, !noop_with_empty_axes_);
    return resolve_axes(given, rank);
  }

  KindInfo kind_;
  bool keepdims_;
  bool noop_with_empty_axes_;
};

}  // namespace

OpPtr make_reduce(ReduceKind kind, bool keepdims, bool noop_with_empty_axes) {
  return std::make_shared<ReduceAxesOp>(kind, keepdims, noop_with_empty_axes);
}

}  // namespace sealedge
