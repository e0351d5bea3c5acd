// Transpose, any perm; and the conversion between formats, which is a transposition that keeps its name.
#include <utility>

#include "graph/ops.h"
#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// How a permutation is found when the rank is known.
enum class Order : uint8_t { kPerm, kSwapLastTwo };

std::vector<size_t> swapped_last_two(size_t rank) {
  std::vector<size_t> perm(rank);
  for (size_t i = 0; i < rank; ++i) perm[i] = i;
  if (rank >= 2) std::swap(perm[rank - 2], perm[rank - 1]);
  return perm;
}

// perm with its default filled in; kModelInvalid unless it is a permutation of [0, rank).
Result<std::vector<size_t>> resolve_perm(const std::vector<int64_t>& perm, size_t rank) {
  std::vector<size_t> resolved(rank);
  if (perm.empty()) {
    for (size_t i = 0; i < rank; ++i) resolved[i] = rank - 1 - i;
    return resolved;
  }
  if (perm.size() != rank) return model_invalid("perm: expected " + std::to_string(rank) + " axes");
  SEALEDGE_TRY(resolve_axes(perm, rank));
  for (size_t i = 0; i < rank; ++i) resolved[i] = *resolve_axis(perm[i], rank);
  return resolved;
}

class TransposeOp final : public LinearTimeOp {
 public:
  TransposeOp(std::vector<int64_t> perm, Order order) : perm_(std::move(perm)), order_(order) {}
  const char* op_type() const override { return "Transpose"; }
  // Nothing: it is not the same for every rank.
  std::optional<std::vector<int64_t>> perm() const {
    return order_ == Order::kPerm ? std::optional(perm_) : std::nullopt;
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const std::vector<size_t> perm, resolve(inputs[0].dims.size()));
    Dims dims;
    for (size_t axis : perm) dims.push_back(inputs[0].dims[axis]);
    return std::vector<TensorFact>{{inputs[0].type, std::move(dims)}};
  }

  // Any format can be read, and whichever of the two leaves the bytes where they are is written.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    FormatChoice choice{{inputs[0].format}, {Format::kRowMajor}};
    if (!keeps_bytes(inputs[0], outputs[0], Format::kRowMajor) &&
        keeps_bytes(inputs[0], outputs[0], Format::kChannelsLast)) {
      choice.outputs[0] = Format::kChannelsLast;
    }
    return choice;
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return keeps_bytes(inputs[0], outputs[0], outputs[0].format);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return make_move_kernel(setup.outputs[0], source_strides(setup.inputs[0]));
  }

 private:
  Result<std::vector<size_t>> resolve(size_t rank) const {
    if (order_ == Order::kSwapLastTwo) return swapped_last_two(rank);
    return resolve_perm(perm_, rank);
  }
  // Where the input's elements are, in the order of the output's dimensions.
  std::vector<int64_t> source_strides(const Operand& input) const {
    const std::vector<int64_t> strides = strides_of(input.dims, input.format);
    const auto perm = resolve(input.dims.size());
    std::vector<int64_t> permuted;
    for (size_t axis : *perm) permuted.push_back(strides[axis]);
    return permuted;
  }
  bool keeps_bytes(const Operand& input, const Operand& output, Format output_format) const {
    const std::vector<int64_t> from = source_strides(input);
    const std::vector<int64_t> to = strides_of(output.dims, output_format);
    for (size_t i = 0; i < to.size(); ++i) {
      if (output.dims[i] != 1 && from[i] != to[i]) return false;
    }
    return true;
  }

  std::vector<int64_t> perm_;
  Order order_;
};

class ConvertFormatOp final : public LinearTimeOp {
 public:
  explicit ConvertFormatOp(Format to) : to_(to) {}
  const char* op_type() const override { return "ConvertFormat"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    return std::vector<TensorFact>{{inputs[0].type, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return {{inputs[0].format}, {to_}};
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return inputs[0].format == to_ || formats_coincide(inputs[0].dims);
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return make_move_kernel(setup.outputs[0], strides_of(setup.outputs[0].dims, setup.inputs[0].format));
  }

 private:
  Format to_;
};

}  // namespace

OpPtr make_transpose(std::vector<int64_t> perm) { return std::make_shared<TransposeOp>(std::move(perm), Order::kPerm); }
OpPtr make_swap_last_two() { return std::make_shared<TransposeOp>(std::vector<int64_t>{}, Order::kSwapLastTwo); }
OpPtr make_convert_format(Format to) { return std::make_shared<ConvertFormatOp>(to); }

bool is_convert_format(const Op& op) { return dynamic_cast<const ConvertFormatOp*>(&op) != nullptr; }

std::optional<std::vector<int64_t>> as_transpose(const Op& op) {
  const auto* transpose = dynamic_cast<const TransposeOp*>(&op);
  if (!transpose) return std::nullopt;
  return transpose->perm();
}

}  // namespace sealedge
