// Pad: constant (a value around the input, or a cut where pads are negative), edge, reflect, wrap.
#include <algorithm>

#include "core/checked.h"
#include "graph/ops.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

enum class PadMode : uint8_t { kConstant, kEdge, kReflect, kWrap };

// The part of one dimension of the output that comes from neighbouring elements of the input.
struct Piece {
  int64_t out_begin;
  int64_t in_begin;
  int64_t count;
  int64_t step;  // 1, -1, or 0 where one element is repeated
};

std::vector<Piece> pieces_of(PadMode mode, int64_t dim, int64_t begin, int64_t end) {
  const int64_t cut_begin = std::max<int64_t>(-begin, 0);
  const int64_t cut_end = std::max<int64_t>(-end, 0);
  std::vector<Piece> pieces = {{std::max<int64_t>(begin, 0), cut_begin, dim - cut_begin - cut_end, 1}};
  if (mode == PadMode::kEdge) {
    if (begin > 0) pieces.push_back({0, cut_begin, begin, 0});
    if (end > 0) pieces.push_back({pieces[0].out_begin + pieces[0].count, dim - 1 - cut_end, end, 0});
  } else if (mode == PadMode::kReflect) {
    if (begin > 0) pieces.push_back({0, begin, begin, -1});
    if (end > 0) pieces.push_back({pieces[0].out_begin + pieces[0].count, dim - 2, end, -1});
  } else if (mode == PadMode::kWrap) {
    if (begin > 0) pieces.push_back({0, dim - begin, begin, 1});
    if (end > 0) pieces.push_back({pieces[0].out_begin + pieces[0].count, 0, end, 1});
  }
  return pieces;
}

class PadOp final : public Op {
 public:
  explicit PadOp(PadMode mode) : mode_(mode) {}
  const char* op_type() const override { return "Pad"; }
  bool needs_contents(size_t input) const override { return input == 1 || input == 3; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& dims = inputs[0].dims;
    SEALEDGE_ASSIGN(const std::vector<int64_t> pads, pads_of(inputs));
    if (inputs.size() > 2 && inputs[2].present) {
      if (inputs[2].type != inputs[0].type) return shape_mismatch("value: another type than the input");
      if (element_count(inputs[2].dims) != 1) return model_invalid("value: expected one element");
    }
    TensorFact fact{inputs[0].type, dims};
    for (size_t i = 0; i < dims.size(); ++i) {
      const int64_t begin = pads[i];
      const int64_t end = pads[i + dims.size()];
      if (!checked_add(fact.dims[i], begin, &fact.dims[i]) || fact.dims[i] < 0 ||
          !checked_add(fact.dims[i], end, &fact.dims[i]) || fact.dims[i] < 0) {
        return shape_mismatch("pads do not fit " + dims_to_string(dims));
      }
      if (mode_ == PadMode::kConstant) continue;
      // What is mirrored or repeated must be there, once.
      const int64_t most = mode_ == PadMode::kReflect ? dims[i] - 1 : dims[i];
      const int64_t widest = std::max(begin, end);
      if ((begin < 0 || end < 0) && (mode_ == PadMode::kReflect || mode_ == PadMode::kWrap)) {
        return op_unsupported("negative pads in this mode");
      }
      if (widest > 0 && (mode_ == PadMode::kEdge ? dims[i] + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0) < 1
                                                 : widest > most)) {
        return shape_mismatch("pads are wider than the input " + dims_to_string(dims));
      }
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    FormatChoice choice{std::vector<Format>(inputs.size(), Format::kRowMajor), {inputs[0].format}};
    choice.inputs[0] = inputs[0].format;
    return choice;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const Operand& output = setup.outputs[0];
    SEALEDGE_ASSIGN(const std::vector<int64_t> pads, pads_of(setup.inputs));
    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(output.type);
    plan.output_bytes = static_cast<size_t>(element_count(output.dims)) * plan.element_bytes;
    plan.fill = mode_ == PadMode::kConstant;
    plan.fill_input = setup.inputs.size() > 2 && setup.inputs[2].present ? 2 : SIZE_MAX;

    // One move per combination of pieces: 1 in constant mode, up to 3 per padded dimension in the others.
    StridedMove start;
    start.dims = output.dims;
    start.source_stride = strides_of(input.dims, input.format);
    start.destination_stride = strides_of(output.dims, output.format);
    plan.moves = {start};
    for (size_t i = 0; i < input.dims.size(); ++i) {
      std::vector<StridedMove> next;
      for (const Piece& piece : pieces_of(mode_, input.dims[i], pads[i], pads[i + input.dims.size()])) {
        for (StridedMove move : plan.moves) {
          if (piece.count <= 0) continue;
          move.dims[i] = piece.count;
          move.source_offset += piece.in_begin * move.source_stride[i];
          move.destination_offset += piece.out_begin * move.destination_stride[i];
          move.source_stride[i] *= piece.step;
          next.push_back(std::move(move));
        }
      }
      if (next.size() > 243) return op_unsupported("padding of more than five dimensions in this mode");
      plan.moves = std::move(next);
    }
    plan.sources.assign(plan.moves.size(), 0);
    return make_copy_kernel({std::move(plan)});
  }

 private:
  // begins..., ends..., one pair per dimension.
  static Result<std::vector<int64_t>> pads_of(std::span<const Operand> inputs) {
    const size_t rank = inputs[0].dims.size();
    SEALEDGE_ASSIGN(const std::vector<int64_t> given, shape_argument(inputs[1], "pads"));
    std::vector<int64_t> axes;
    if (inputs.size() > 3 && inputs[3].present) {
      SEALEDGE_ASSIGN(axes, shape_argument(inputs[3], "axes"));
    } else {
      for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
    }
    SEALEDGE_TRY(resolve_axes(axes, rank));
    if (given.size() != 2 * axes.size()) return model_invalid("pads: expected two per axis");
    std::vector<int64_t> pads(2 * rank, 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      const size_t axis = *resolve_axis(axes[i], rank);
      for (size_t side = 0; side < 2; ++side) {
        const int64_t pad = given[i + side * axes.size()];
        if (pad < -kMaxElements || pad > kMaxElements) return model_invalid("pads: out of range");
        pads[axis + side * rank] = pad;
      }
    }
    return pads;
  }

  PadMode mode_;
};

}  // namespace

OpPtr make_pad(std::string mode) {
  if (mode == "constant") return std::make_shared<PadOp>(PadMode::kConstant);
  if (mode == "edge") return std::make_shared<PadOp>(PadMode::kEdge);
  if (mode == "reflect") return std::make_shared<PadOp>(PadMode::kReflect);
  if (mode == "wrap") return std::make_shared<PadOp>(PadMode::kWrap);
  return nullptr;
}

}  // namespace sealedge
