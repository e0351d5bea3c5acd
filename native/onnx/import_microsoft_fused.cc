// Floating-point operators that onnxruntime's optimiser writes when it saves a model: a layer and what follows it in
// one node. Taken apart here; the planner fuses what its own kernels can.
#include <array>
#include <limits>

#include "graph/ops/reduction/normalization.h"
#include "onnx/import_microsoft.h"
#include "onnx/legacy.h"
#include "onnx/product_import.h"

namespace sealedge {

namespace {

ValueId binary(NodeImport& node, BinaryKind kind, ValueId a, ValueId b) {
  return node.emit_inner(make_binary(kind), {a, b});
}
// a + b, where b may be left out.
ValueId plus(NodeImport& node, ValueId a, ValueId b) {
  return b == kNoValue ? a : binary(node, BinaryKind::kAdd, a, b);
}

// The activation of a fused product; its parameters by position, with the defaults of the operator of that name.
void emit_activation(NodeImport& node, ValueId value, const std::vector<float>& parameters) {
  const std::string_view name = node.get_string("activation", "");
  const auto parameter = [&](size_t i, float otherwise) { return i < parameters.size() ? parameters[i] : otherwise; };
  if (name.empty()) return node.emit(make_identity(), {value});
  if (name == "Relu") return node.emit(make_unary(UnaryKind::kRelu), {value});
  if (name == "Sigmoid") return node.emit(make_unary(UnaryKind::kSigmoid), {value});
  if (name == "Tanh") return node.emit(make_unary(UnaryKind::kTanh), {value});
  if (name == "HardSwish") return node.emit(make_unary(UnaryKind::kHardSwish), {value});
  if (name == "LeakyRelu") return node.emit(make_unary(UnaryKind::kLeakyRelu, parameter(0, 0.01f)), {value});
  if (name == "HardSigmoid") {
    return node.emit(make_unary(UnaryKind::kHardSigmoid, parameter(0, 0.2f), parameter(1, 0.5f)), {value});
  }
  if (name == "Clip") {
    const float lo = parameter(0, std::numeric_limits<float>::lowest());
    const float hi = parameter(1, std::numeric_limits<float>::max());
    return node.emit(make_clip(), {value, scalar_like(node, static_cast<double>(lo), value),
                                   scalar_like(node, static_cast<double>(hi), value)});
  }
  node.unsupported("activation " + printable(name));
}

// X, W, B, Z: activation(Conv(X, W, B) + Z)
void fused_conv(NodeImport& node) {
  const ValueId product = node.emit_inner(conv_of(node), {node.input(0), node.input(1), node.input(2)});
  emit_activation(node, plus(node, product, node.input(3)), node.get_floats("activation_params"));
}

void fused_gemm(NodeImport& node) {
  PendingNode last = gemm_of(node);
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (node.has(name)) parameters.push_back(node.get_float(name, 0));
  }
  emit_activation(node, node.emit_inner(std::move(last.op), std::move(last.inputs)), parameters);
}

// alpha * A' * B'
void fused_matmul(NodeImport& node) {
  if (node.get_int("transBatchA", 0) != 0 || node.get_int("transBatchB", 0) != 0) {
    return node.unsupported("transBatchA and transBatchB");
  }
  const bool trans_a = node.get_int("transA", 0) != 0, trans_b = node.get_int("transB", 0) != 0;
  const ValueId a = trans_a ? node.emit_inner(make_swap_last_two(), {node.input(0)}) : node.input(0);
  const float alpha = node.get_float("alpha", 1.0f);
  if (alpha == 1.0f) return node.emit(make_matmul(trans_b), {a, node.input(1)});
  const ValueId product = node.emit_inner(make_matmul(trans_b), {a, node.input(1)});
  node.emit(make_binary(BinaryKind::kMul), {product, scalar_like(node, static_cast<double>(alpha), product)});
}

constexpr float kExact = 0, kTanh = 1;  // UnaryKind::kGelu

void gelu(NodeImport& node) { node.emit(make_unary(UnaryKind::kGelu, kExact), {node.input(0)}); }
void bias_gelu(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kGelu, kExact), {plus(node, node.input(0), node.input(1))});
}
void fast_gelu(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kGelu, kTanh), {plus(node, node.input(0), node.input(1))});
}
void quick_gelu(NodeImport& node) {
  node.emit(make_unary(UnaryKind::kSwish, node.get_float("alpha", 1.702f)), {node.input(0)});
}

// Normalises input + skip + bias; output 3 is that sum.
template <bool kCenter>
void skip_layer_normalization(NodeImport& node) {
  constexpr size_t kBias = kCenter ? 4 : 3;
  const bool biased = node.has_input(kBias);
  const ValueId skipped = binary(node, BinaryKind::kAdd, node.input(0), node.input(1));
  const ValueId sum = biased ? binary(node, BinaryKind::kAdd, skipped, node.input(kBias)) : skipped;
  const float epsilon = node.get_epsilon(1e-12f);
  if (node.wants_output(3)) node.emit_to(make_identity(), {sum}, {node.output(3)});
  if (kCenter) {
    const std::vector<ValueId> outputs = {node.output(0), node.output(1), node.output(2)};
    return node.emit_to(make_layer_norm(-1, epsilon), {sum, node.input(2), node.input(3)}, outputs);
  }
  if (node.wants_output(1) || node.wants_output(2)) return node.unsupported("outputs mean and inv_std_var");
  node.emit_to(make_rms_norm(-1, epsilon), {sum, node.input(2)}, {node.output(0)});
}

// input_ids, segment_ids, word, position and segment embeddings, gamma, beta, mask, position_ids
void embed_layer_normalization(NodeImport& node) {
  for (size_t i : {2, 3, 5, 6}) {
    if (!node.has_input(i)) return node.invalid("input " + std::to_string(i) + " is missing");
  }
  const auto rows_of = [&](size_t table, ValueId ids) {
    return node.emit_inner(make_gather(0), {node.input(table), ids});
  };
  const ValueId words = rows_of(2, node.input(0));
  ValueId positions = kNoValue;
  if (node.has_input(8)) {
    positions = rows_of(3, node.input(8));
  } else {
    // The first rows, one for each word of a sentence.
    const ValueId length = node.emit_inner(make_shape(1, 2), {node.input(0)});
    const ValueId zero = node.make_ints(std::array<int64_t, 1>{0});
    const ValueId first = node.emit_inner(make_slice(), {node.input(3), zero, length, zero});
    // A table of one row would fit a sentence of any length.
    const ValueId rows = node.emit_inner(make_concat(0), {length, zero});
    positions = node.emit_inner(make_reshape(false), {first, rows});
  }
  ValueId sum = binary(node, BinaryKind::kAdd, words, positions);
  if (node.has_input(1) != node.has_input(4)) return node.invalid("segment_ids and segment_embedding come together");
  if (node.has_input(1)) sum = binary(node, BinaryKind::kAdd, sum, rows_of(4, node.input(1)));
  if (node.wants_output(1)) {
    // How many words of each sentence are no padding; without a mask onnxruntime says 0.
    const ValueId axis = node.make_ints(std::array<int64_t, 1>{1});
    const ValueId counted =
        node.has_input(7) ? node.input(7) : binary(node, BinaryKind::kSub, node.input(0), node.input(0));
    const ValueId count = node.emit_inner(make_reduce(ReduceKind::kSum, false, false), {counted, axis});
    node.emit_to(make_cast(DataType::kInt32), {count}, {node.output(1)});
  }
  if (node.wants_output(2)) node.emit_to(make_identity(), {sum}, {node.output(2)});
  node.emit_to(make_layer_norm(-1, node.get_epsilon(1e-12f)), {sum, node.input(5), node.input(6)}, {node.output(0)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"BiasGelu", 2, 2, bias_gelu},
    {"EmbedLayerNormalization", 1, 9, embed_layer_normalization},
    {"FastGelu", 1, 2, fast_gelu},
    {"FusedConv", 2, 4, fused_conv},
    {"FusedGemm", 2, 3, fused_gemm},
    {"FusedMatMul", 2, 2, fused_matmul},
    {"Gelu", 1, 1, gelu},
    {"QuickGelu", 1, 1, quick_gelu},
    {"SkipLayerNormalization", 3, 5, skip_layer_normalization<true>},
    {"SkipSimplifiedLayerNormalization", 3, 4, skip_layer_normalization<false>},
    {"TransposeMatMul", 2, 2, fused_matmul},
});

}  // namespace

std::span<const OpImporter> microsoft_fused_importers() { return kImporters; }

}  // namespace sealedge
