#include "graph/ops/product/recurrent.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "core/checked.h"
#include "core/float16.h"
#include "graph/ops/support.h"
#include "kernels/gemm/gemm.h"
#include "kernels/recurrent/recurrent_reference.h"

namespace sealedge {

namespace {

enum Input : size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes };

const char* name_of(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? "LSTM" : kind == RecurrentKind::kGru ? "GRU" : "RNN";
}
// How many functions one direction has: f, g, h.
size_t functions_of(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 3 : kind == RecurrentKind::kGru ? 2 : 1;
}

const uint8_t* input_at(const RunArgs& args, size_t i) { return i < args.inputs.size() ? args.inputs[i] : nullptr; }
uint8_t* output_at(const RunArgs& args, size_t i) { return i < args.outputs.size() ? args.outputs[i] : nullptr; }

template <typename T>
Result<RecurrentData<T>> data_of(const RunArgs& args, const RecurrentLayer& layer) {
  const auto in = [&](size_t i) { return reinterpret_cast<const T*>(input_at(args, i)); };
  const auto out = [&](size_t i) { return reinterpret_cast<T*>(output_at(args, i)); };
  RecurrentData<T> data;
  data.x = in(kX);
  data.bias = in(kB);
  data.lengths = reinterpret_cast<const int32_t*>(input_at(args, kLengths));
  data.initial_h = in(kInitialH);
  data.initial_c = in(kInitialC);
  data.peepholes = in(kPeepholes);
  data.y = out(0);
  data.y_h = out(1);
  data.y_c = out(2);
  for (size_t b = 0; data.lengths && b < layer.batch; b++) {
    if (data.lengths[b] < 0 || static_cast<size_t>(data.lengths[b]) > layer.steps) {
      return Error{ErrorCode::kInputInvalid, "sequence_lens: expected 0 to " + std::to_string(layer.steps) + ", got " +
                                                 std::to_string(data.lengths[b])};
    }
  }
  return data;
}

class FloatRecurrent final : public Kernel {
 public:
  // w, r == nullptr: computed by the model, and packed in scratch in every run.
  FloatRecurrent(const RecurrentLayer& layer, const WeightSource* w, const WeightSource* r)
      : layer_(layer), w_(w), r_(r) {}

  size_t scratch_bytes() const override {
    return (w_ ? 0 : w_bytes()) + (r_ ? 0 : r_bytes()) + f32_recurrent_scratch_bytes(layer_);
  }

  Result<void> run(const RunArgs& args) const override {
    SEALEDGE_ASSIGN(const RecurrentData<float> data, data_of<float>(args, layer_));
    KernelContext context = kernel_context(args);
    const size_t lanes = layer_.directions * layer_.gate_rows();
    const auto packed = [&](size_t input, size_t depth, size_t size_bytes) {
      auto* panels = reinterpret_cast<float*>(context.scratch);
      f32_pack_panel16(reinterpret_cast<const float*>(args.inputs[input]), depth, lanes, 1, depth, panels);
      context.scratch += size_bytes;
      return ResidentWeightSource(reinterpret_cast<const uint8_t*>(panels), size_bytes);
    };
    ResidentWeightSource own_w(nullptr, 0), own_r(nullptr, 0);
    if (!w_) own_w = packed(kW, layer_.input, w_bytes());
    if (!r_) own_r = packed(kR, layer_.hidden, r_bytes());
    f32_recurrent(layer_, data, w_ ? *w_ : own_w, r_ ? *r_ : own_r, context);
    return {};
  }

 private:
  size_t w_bytes() const { return f32_panel16_bytes(layer_.input, layer_.directions * layer_.gate_rows()); }
  size_t r_bytes() const { return f32_panel16_bytes(layer_.hidden, layer_.directions * layer_.gate_rows()); }

  RecurrentLayer layer_;
  const WeightSource *w_, *r_;
};

template <typename T>
class OtherRecurrent final : public Kernel {
 public:
  explicit OtherRecurrent(const RecurrentLayer& layer) : layer_(layer) {}
  size_t scratch_bytes() const override { return recurrent_reference_scratch_bytes(layer_); }
  Result<void> run(const RunArgs& args) const override {
    SEALEDGE_ASSIGN(const RecurrentData<T> data, data_of<T>(args, layer_));
    RecurrentReference<T>(layer_, data, reinterpret_cast<const T*>(args.inputs[kW]),
                          reinterpret_cast<const T*>(args.inputs[kR]), reinterpret_cast<double*>(args.scratch))
        .run();
    return {};
  }

 private:
  RecurrentLayer layer_;
};

class RecurrentOp final : public Op {
 public:
  RecurrentOp(RecurrentKind kind, RecurrentAttributes attributes) : kind_(kind), attributes_(std::move(attributes)) {}
  const char* op_type() const override { return name_of(kind_); }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const RecurrentLayer layer, layer_of(inputs));
    const DataType type = inputs[kX].type;
    const auto steps = static_cast<int64_t>(layer.steps), batch = static_cast<int64_t>(layer.batch);
    const auto directions = static_cast<int64_t>(layer.directions), hidden = static_cast<int64_t>(layer.hidden);
    std::vector<TensorFact> facts;
    facts.push_back(
        {type, layer.batch_first ? Dims{batch, steps, directions, hidden} : Dims{steps, directions, batch, hidden}});
    facts.push_back({type, state_dims(layer)});
    if (kind_ == RecurrentKind::kLstm) facts.push_back({type, state_dims(layer)});
    // What the kernel keeps of all steps must have a size, as the outputs have.
    SEALEDGE_TRY(checked_size_bytes({DataType::kFloat64, {steps, batch, 4 * directions, hidden}}));
    return facts;
  }

  WeightRequest weight_request(size_t input, const TensorFact& constant) const override {
    const bool packable =
        constant.type == DataType::kFloat32 && constant.dims.size() == 3 && element_count(constant.dims) > 0;
    if ((input != kW && input != kR) || !packable) return {};
    return {WeightLayout::kPanel16, WeightSourceOrder::kGemmNK};
  }

  // Initial states are; biases and peepholes are only added and multiplied.
  bool may_copy_input(size_t input) const override { return input != kB && input != kPeepholes; }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const RecurrentLayer layer, layer_of(setup.inputs));
    if (setup.inputs[kX].type == DataType::kFloat64) {
      return std::unique_ptr<Kernel>(std::make_unique<OtherRecurrent<double>>(layer));
    }
    if (setup.inputs[kX].type == DataType::kFloat16) {
      return std::unique_ptr<Kernel>(std::make_unique<OtherRecurrent<Float16>>(layer));
    }
    return std::unique_ptr<Kernel>(
        std::make_unique<FloatRecurrent>(layer, setup.inputs[kW].weight, setup.inputs[kR].weight));
  }

 private:
  Result<RecurrentLayer> layer_of(std::span<const Operand> inputs) const {
    const Operand &x = inputs[kX], &w = inputs[kW], &r = inputs[kR];
    if (x.type != DataType::kFloat32 && x.type != DataType::kFloat64 && x.type != DataType::kFloat16) {
      return op_unsupported(data_type_name(x.type));
    }
    if (x.dims.size() != 3 || w.dims.size() != 3 || r.dims.size() != 3) {
      return shape_mismatch("expected X, W and R of rank 3, got " + dims_to_string(x.dims) + ", " +
                            dims_to_string(w.dims) + ", " + dims_to_string(r.dims));
    }
    const bool two = attributes_.direction == RecurrentDirection::kBidirectional;
    const int64_t directions = two ? 2 : 1, hidden = r.dims[2];
    RecurrentLayer layer = {.kind = kind_,
                            .steps = static_cast<size_t>(x.dims[attributes_.batch_first ? 1 : 0]),
                            .batch = static_cast<size_t>(x.dims[attributes_.batch_first ? 0 : 1]),
                            .input = static_cast<size_t>(x.dims[2]),
                            .hidden = static_cast<size_t>(hidden),
                            .directions = static_cast<size_t>(directions),
                            .reverse = attributes_.direction == RecurrentDirection::kReverse,
                            .batch_first = attributes_.batch_first,
                            .linear_before_reset = attributes_.linear_before_reset,
                            .input_forget = attributes_.input_forget,
                            .clip = attributes_.clip.value_or(std::numeric_limits<float>::infinity()),
                            .activations = {}};
    if (hidden < 1 || x.dims[2] < 1) return op_unsupported("a layer without inputs or units");
    if (attributes_.hidden_size && *attributes_.hidden_size != hidden) {
      return shape_mismatch("hidden_size is " + std::to_string(*attributes_.hidden_size) + ", R is " +
                            dims_to_string(r.dims));
    }
    int64_t rows;
    if (!checked_mul(static_cast<int64_t>(recurrent_gates(kind_)), hidden, &rows)) {
      return Error{ErrorCode::kLimitExceeded, "too many units"};
    }
    SEALEDGE_TRY(check(inputs, kW, "W", x.type, {directions, rows, x.dims[2]}));
    SEALEDGE_TRY(check(inputs, kR, "R", x.type, {directions, rows, hidden}));
    SEALEDGE_TRY(check(inputs, kB, "B", x.type, {directions, 2 * rows}));
    SEALEDGE_TRY(check(inputs, kLengths, "sequence_lens", DataType::kInt32, {static_cast<int64_t>(layer.batch)}));
    SEALEDGE_TRY(check(inputs, kInitialH, "initial_h", x.type, state_dims(layer)));
    SEALEDGE_TRY(check(inputs, kInitialC, "initial_c", x.type, state_dims(layer)));
    SEALEDGE_TRY(check(inputs, kPeepholes, "P", x.type, {directions, 3 * hidden}));
    set_activations(&layer);
    return layer;
  }

  static Dims state_dims(const RecurrentLayer& layer) {
    const auto batch = static_cast<int64_t>(layer.batch), directions = static_cast<int64_t>(layer.directions);
    const auto hidden = static_cast<int64_t>(layer.hidden);
    return layer.batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
  }

  static Result<void> check(std::span<const Operand> inputs, size_t i, const char* name, DataType type,
                            const Dims& dims) {
    if (i >= inputs.size() || !inputs[i].present) return {};
    if (inputs[i].type == type && inputs[i].dims == dims) return {};
    return shape_mismatch(std::string(name) + ": expected " + data_type_name(type) + " " + dims_to_string(dims) +
                          ", got " + data_type_name(inputs[i].type) + " " + dims_to_string(inputs[i].dims));
  }

  void set_activations(RecurrentLayer* layer) const {
    const size_t count = functions_of(kind_);
    for (size_t d = 0; d < layer->directions; d++) {
      for (size_t i = 0; i < count; i++) {
        // Sigmoid for the gates of GRU and LSTM; tanh for all else.
        const bool gate = kind_ != RecurrentKind::kRnn && i == 0;
        layer->activations[d][i].function = gate ? RecurrentFunction::kSigmoid : RecurrentFunction::kTanh;
        if (!attributes_.activations.empty()) layer->activations[d][i] = attributes_.activations[d * count + i];
      }
    }
  }

  RecurrentKind kind_;
  RecurrentAttributes attributes_;
};

}  // namespace

OpPtr make_recurrent(RecurrentKind kind, RecurrentAttributes attributes) {
  return std::make_shared<RecurrentOp>(kind, std::move(attributes));
}

size_t recurrent_activation_count(RecurrentKind kind, RecurrentDirection direction) {
  return functions_of(kind) * (direction == RecurrentDirection::kBidirectional ? 2 : 1);
}

std::optional<NamedActivation> find_recurrent_activation(std::string_view name) {
  struct Entry {
    std::string_view name;
    NamedActivation activation;
  };
  using F = RecurrentFunction;
  // "Default values are the same as of corresponding ONNX operators."
  static constexpr Entry kEntries[] = {
      {"relu", {{F::kRelu}}},
      {"tanh", {{F::kTanh}}},
      {"sigmoid", {{F::kSigmoid}}},
      {"affine", {{F::kAffine, 1.0f, 0.0f}, true, true}},
      {"leakyrelu", {{F::kLeakyRelu, 0.01f}, true}},
      {"thresholdedrelu", {{F::kThresholdedRelu, 1.0f}, true}},
      {"scaledtanh", {{F::kScaledTanh, 1.0f, 1.0f}, true, true}},
      {"hardsigmoid", {{F::kHardSigmoid, 0.2f, 0.5f}, true, true}},
      {"elu", {{F::kElu, 1.0f}, true}},
      {"softsign", {{F::kSoftsign}}},
      {"softplus", {{F::kSoftplus}}},
  };
  for (const Entry& entry : kEntries) {
    const bool same = std::equal(name.begin(), name.end(), entry.name.begin(), entry.name.end(),
                                 [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
    if (same) return entry.activation;
  }
  return std::nullopt;
}

}  // namespace sealedge
