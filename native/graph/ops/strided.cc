#include "graph/ops/strided.h"

#include <cstring>

#include "graph/ops/support.h"

namespace sealedge {

namespace {

class CopyKernel final : public Kernel {
 public:
  struct Move {
    StridedCopy copy;
    size_t source;
    size_t source_offset_bytes;
    size_t destination_offset_bytes;
  };
  struct Target {
    size_t output;
    std::vector<Move> moves;
    bool fill;
    size_t fill_input;
    size_t element_bytes;
    size_t output_bytes;
  };
  explicit CopyKernel(std::vector<Target> targets) : targets_(std::move(targets)) {}

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    for (const Target& target : targets_) {
      uint8_t* out = args.outputs[target.output];
      if (!out) continue;
      if (target.fill) fill(target, args, out);
      for (const Move& move : target.moves) {
        strided_copy(move.copy, args.inputs[move.source] + move.source_offset_bytes,
                     out + move.destination_offset_bytes, context);
      }
    }
    return {};
  }

 private:
  static void fill(const Target& target, const RunArgs& args, uint8_t* out) {
    const uint8_t* value = target.fill_input < args.inputs.size() ? args.inputs[target.fill_input] : nullptr;
    if (!value) {
      std::memset(out, 0, target.output_bytes);
      return;
    }
    for (size_t at = 0; at < target.output_bytes; at += target.element_bytes) {
      std::memcpy(out + at, value, target.element_bytes);
    }
  }

  std::vector<Target> targets_;
};

}  // namespace

Result<StridedCopy> to_strided_copy(const StridedMove& move, size_t element_bytes) {
  struct Axis {
    int64_t dim, source, destination;
  };
  std::vector<Axis> axes;
  for (size_t i = 0; i < move.dims.size(); ++i) {
    const Axis axis = {move.dims[i], move.source_stride[i], move.destination_stride[i]};
    if (axis.dim == 1) continue;
    if (!axes.empty() && axes.back().source == axis.source * axis.dim &&
        axes.back().destination == axis.destination * axis.dim) {
      axes.back() = {axes.back().dim * axis.dim, axis.source, axis.destination};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.size() > kMaxCopyRank) {
    return op_unsupported("a rearrangement of " + std::to_string(axes.size()) + " dimensions");
  }
  StridedCopy copy{};
  copy.element_bytes = element_bytes;
  copy.rank = axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    copy.dims[i] = static_cast<size_t>(axes[i].dim);
    copy.source_stride[i] = static_cast<ptrdiff_t>(axes[i].source);
    copy.destination_stride[i] = static_cast<ptrdiff_t>(axes[i].destination);
  }
  return copy;
}

Result<std::unique_ptr<Kernel>> make_copy_kernel(std::vector<CopyPlan> plans) {
  std::vector<CopyKernel::Target> targets;
  for (const CopyPlan& plan : plans) {
    CopyKernel::Target target{plan.output, {}, plan.fill, plan.fill_input, plan.element_bytes, plan.output_bytes};
    for (size_t i = 0; i < plan.moves.size(); ++i) {
      const StridedMove& move = plan.moves[i];
      if (element_count(move.dims) == 0) continue;
      SEALEDGE_ASSIGN(const StridedCopy copy, to_strided_copy(move, plan.element_bytes));
      target.moves.push_back({copy, plan.sources[i], static_cast<size_t>(move.source_offset) * plan.element_bytes,
                              static_cast<size_t>(move.destination_offset) * plan.element_bytes});
    }
    targets.push_back(std::move(target));
  }
  return std::unique_ptr<Kernel>(std::make_unique<CopyKernel>(std::move(targets)));
}

Result<std::unique_ptr<Kernel>> make_move_kernel(const Operand& output, std::vector<int64_t> source_stride,
                                                 int64_t source_offset) {
  CopyPlan plan;
  plan.element_bytes = data_type_size_bytes(output.type);
  plan.moves.push_back(
      {output.dims, std::move(source_stride), strides_of(output.dims, output.format), source_offset, 0});
  plan.sources = {0};
  return make_copy_kernel({std::move(plan)});
}

}  // namespace sealedge
