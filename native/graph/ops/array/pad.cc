// Pad: constant (a value around the input, or a cut where pads are negative), edge, reflect, wrap.
#include "graph/ops/array/pad.h"

#include <algorithm>
#include <numeric>

#include "core/checked.h"
#include "graph/ops.h"
#include "graph/ops/element_types.h"
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

// Negative pads cut first; what is left is repeated or mirrored, as often as it takes (numpy.pad).
std::vector<Piece> pieces_of(PadMode mode, int64_t dim, int64_t begin, int64_t end) {
  const int64_t first = std::max<int64_t>(-begin, 0), left = dim - first - std::max<int64_t>(-end, 0);
  begin = std::max<int64_t>(begin, 0);
  end = std::max<int64_t>(end, 0);
  if (left == 1 && mode != PadMode::kConstant) mode = PadMode::kEdge;
  if (mode == PadMode::kConstant || mode == PadMode::kEdge) {
    std::vector<Piece> pieces = {{begin, first, left, 1}};
    if (mode == PadMode::kEdge) {
      pieces.push_back({0, first, begin, 0});
      pieces.push_back({begin + left, first + left - 1, end, 0});
    }
    return pieces;
  }
  std::vector<Piece> pieces;
  const int64_t period = mode == PadMode::kWrap ? left : 2 * (left - 1);  // reflect: up to the last element, and down
  int64_t count = 0;
  for (int64_t at = -begin; at < left + end; at += count) {
    const int64_t phase = ((at % period) + period) % period;
    const bool up = mode == PadMode::kWrap || phase < left - 1;
    const int64_t run = mode == PadMode::kReflect && up ? left - 1 - phase : period - phase;
    count = std::min(run, left + end - at);
    pieces.push_back({begin + at, first + (up ? phase : period - phase), count, up ? 1 : -1});
  }
  return pieces;
}

// Where there are too many pieces to copy one by one: every dimension as a table of where its elements come from.
class TableKernel final : public Kernel {
 public:
  // tables[d][i]: offset in the input of coordinate i along dimension d.
  TableKernel(std::vector<std::vector<int64_t>> tables, std::vector<int64_t> out_strides, size_t element_bytes)
      : tables_(std::move(tables)), out_strides_(std::move(out_strides)), element_bytes_(element_bytes) {}
  Result<void> run(const RunArgs& args) const override {
    dispatch_size(element_bytes_, [&]<typename T>() {
      copy(0, reinterpret_cast<const T*>(args.inputs[0]), reinterpret_cast<T*>(args.outputs[0]));
    });
    return {};
  }

 private:
  template <typename T>
  void copy(size_t d, const T* from, T* to) const {
    const bool last = d + 1 == tables_.size();
    for (size_t i = 0; i < tables_[d].size(); ++i, to += out_strides_[d]) {
      if (last) {
        *to = from[tables_[d][i]];
      } else {
        copy(d + 1, from + tables_[d][i], to);
      }
    }
  }
  std::vector<std::vector<int64_t>> tables_;
  std::vector<int64_t> out_strides_;
  size_t element_bytes_;
};

// More moves than this per output are not worth it.
constexpr size_t kMostMoves = 81;
// Bounds what is allocated when planning. Repeating this wide is no padding any more.
constexpr int64_t kWidestRepeat = int64_t{1} << 20;
constexpr int64_t kLongestTables = int64_t{1} << 24;

class PadOp final : public LinearTimeOp {
 public:
  explicit PadOp(PadMode mode) : mode_(mode) {}
  const char* op_type() const override { return "Pad"; }

  std::optional<std::vector<int64_t>> zero_pads(std::span<const Operand> inputs) const {
    if (mode_ != PadMode::kConstant) return std::nullopt;
    if (inputs.size() > 2 && inputs[2].present) {
      if (!inputs[2].data) return std::nullopt;
      const size_t size_bytes = data_type_size_bytes(inputs[2].type);
      if (std::any_of(inputs[2].data, inputs[2].data + size_bytes, [](uint8_t byte) { return byte != 0; })) {
        return std::nullopt;
      }
    }
    auto pads = pads_of(inputs);
    if (!pads.ok() || std::ranges::any_of(*pads, [](int64_t pad) { return pad < 0; })) return std::nullopt;
    return std::move(pads).value();
  }
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
      // What is mirrored or repeated must be there.
      const int64_t left = dims[i] + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0);
      const bool repeats = mode_ == PadMode::kReflect || mode_ == PadMode::kWrap;
      if (repeats && std::max(begin, end) > kWidestRepeat) return op_unsupported("pads this wide in this mode");
      if (left < 1 && fact.dims[i] > 0) return shape_mismatch("nothing to repeat in " + dims_to_string(dims));
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return first_input_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& input = setup.inputs[0];
    const Operand& output = setup.outputs[0];
    SEALEDGE_ASSIGN(const std::vector<int64_t> pads, pads_of(setup.inputs));
    std::vector<std::vector<Piece>> pieces;
    size_t moves = 1;
    for (size_t i = 0; i < input.dims.size(); ++i) {
      pieces.push_back(pieces_of(mode_, input.dims[i], pads[i], pads[i + input.dims.size()]));
      std::erase_if(pieces.back(), [](const Piece& piece) { return piece.count <= 0; });
      moves = std::min(moves * pieces.back().size(), kMostMoves + 1);
    }
    if (moves > kMostMoves) return table_kernel(input, output, pieces);

    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(output.type);
    plan.output_bytes = static_cast<size_t>(element_count(output.dims)) * plan.element_bytes;
    plan.fill = mode_ == PadMode::kConstant;
    plan.fill_input = setup.inputs.size() > 2 && setup.inputs[2].present ? 2 : SIZE_MAX;
    // One move per combination of pieces: 1 in constant mode, 3 or more per padded dimension in the others.
    plan.moves = {{output.dims, strides_of(input.dims, input.format), strides_of(output.dims, output.format)}};
    for (size_t i = 0; i < input.dims.size(); ++i) {
      std::vector<StridedMove> next;
      for (const Piece& piece : pieces[i]) {
        for (StridedMove move : plan.moves) {
          move.dims[i] = piece.count;
          move.source_offset += piece.in_begin * move.source_stride[i];
          move.destination_offset += piece.out_begin * move.destination_stride[i];
          move.source_stride[i] *= piece.step;
          next.push_back(std::move(move));
        }
      }
      plan.moves = std::move(next);
    }
    plan.sources.assign(plan.moves.size(), 0);
    return make_copy_kernel({std::move(plan)});
  }

 private:
  static Result<std::unique_ptr<Kernel>> table_kernel(const Operand& input, const Operand& output,
                                                      const std::vector<std::vector<Piece>>& pieces) {
    const std::vector<int64_t> strides = strides_of(input.dims, input.format);
    std::vector<std::vector<int64_t>> tables;
    if (std::accumulate(output.dims.begin(), output.dims.end(), int64_t{0}) > kLongestTables) {
      return op_unsupported("padding this large in this mode");
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      std::vector<int64_t> table(static_cast<size_t>(output.dims[i]));
      for (const Piece& piece : pieces[i]) {
        for (int64_t j = 0; j < piece.count; ++j) {
          table[static_cast<size_t>(piece.out_begin + j)] = (piece.in_begin + j * piece.step) * strides[i];
        }
      }
      tables.push_back(std::move(table));
    }
    return std::unique_ptr<Kernel>(std::make_unique<TableKernel>(
        std::move(tables), strides_of(output.dims, output.format), data_type_size_bytes(output.type)));
  }
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

std::optional<std::vector<int64_t>> as_zero_pad(const Op& op, std::span<const Operand> inputs) {
  const auto* pad = dynamic_cast<const PadOp*>(&op);
  return pad ? pad->zero_pads(inputs) : std::nullopt;
}

OpPtr make_pad(std::string mode) {
  if (mode == "constant") return std::make_shared<PadOp>(PadMode::kConstant);
  if (mode == "edge") return std::make_shared<PadOp>(PadMode::kEdge);
  if (mode == "reflect") return std::make_shared<PadOp>(PadMode::kReflect);
  if (mode == "wrap") return std::make_shared<PadOp>(PadMode::kWrap);
  return nullptr;
}

}  // namespace sealedge
