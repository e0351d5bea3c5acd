// ReduceSum, ReduceMean and their kin.
#include "kernels/reduce/reduce.h"

#include <algorithm>

#include "graph/ops.h"
#include "graph/ops/reduction/reduce_loops.h"
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

class ReduceAxesOp final : public LinearTimeOp {
 public:
  ReduceAxesOp(ReduceKind kind, bool keepdims, bool noop_with_empty_axes)
      : kind_(kKinds[static_cast<size_t>(kind)]), keepdims_(keepdims), noop_with_empty_axes_(noop_with_empty_axes) {}
  const char* op_type() const override { return kind_.op_type; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    if (type != DataType::kFloat32 && !make_reduce_loop(type, shapeless())) {
      return op_unsupported(data_type_name(type));
    }
    SEALEDGE_ASSIGN(const std::vector<bool> reduced, axes(inputs));
    if (params_of(inputs[0], reduced).rank > kMaxReduceRank) return op_unsupported("axes that alternate this often");
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
    const F32ReduceParams params = params_of(x, reduced);
    if (x.type != DataType::kFloat32) return make_reduce_loop(x.type, params);
    return std::unique_ptr<Kernel>(std::make_unique<FloatReduce>(params));
  }

 private:
  F32ReduceParams shapeless() const {
    return {.op = kind_.op, .rank = 0, .dims = {}, .reduced = {}, .x = nullptr, .y = nullptr};
  }
  // Dimensions in the order of memory, neighbours that are both kept or both reduced joined. rank may come out as
  // kMaxReduceRank + 1: there are more.
  F32ReduceParams params_of(const Operand& x, const std::vector<bool>& reduced) const {
    F32ReduceParams params = shapeless();
    const auto append = [&](size_t d) {
      const auto dim = static_cast<size_t>(x.dims[d]);
      if (params.rank > 0 && params.rank <= kMaxReduceRank && params.reduced[params.rank - 1] == reduced[d]) {
        params.dims[params.rank - 1] *= dim;
      } else if (params.rank < kMaxReduceRank) {
        params.dims[params.rank] = dim;
        params.reduced[params.rank++] = reduced[d];
      } else {
        params.rank = kMaxReduceRank + 1;
      }
    };
    const bool channels_last = x.format == Format::kChannelsLast && x.dims.size() >= 3;
    for (size_t d = 0; d < x.dims.size(); d++) {
      if (!channels_last || d != 1) append(d);
    }
    if (channels_last) append(1);
    return params;
  }
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
