// Conv, Gemm and MatMul of quantised tensors become one integer kernel, with the bias and the activations between them
// and their QuantizeLinear. A product of fixed weights that nothing quantises afterwards gives float32 from the same
// sums.
#include <algorithm>
#include <limits>

#include "graph/ops/quantised/quantize.h"
#include "graph/ops/quantised/quantized_product.h"
#include "graph/passes/quantize_rewriter.h"

namespace sealedge {

namespace {

using P = ProductInput;

// The operator of a product: a convolution, or a matrix product with or without B transposed.
struct Product {
  std::optional<ConvParameters> conv;
  bool trans_b = false;
  bool gemm = false;
};

std::optional<Product> as_product(const Op& op) {
  if (auto conv = as_conv(op)) return Product{std::move(conv)};
  if (const auto gemm = as_gemm(op); gemm && !gemm->trans_a) return Product{std::nullopt, gemm->trans_b, true};
  if (const auto trans_b = as_matmul(op)) return Product{std::nullopt, *trans_b};
  return std::nullopt;
}

bool is_byte(DataType type) { return type == DataType::kInt8 || type == DataType::kUint8; }

class ProductRewrite {
 public:
  ProductRewrite(const QuantizeRewriter& rewriter, Graph& graph) : rewriter_(rewriter), graph_(graph) {}

  // `node` is the product, or adds its bias. Fills in everything but what concerns the output.
  bool match(const Node* node) {
    inputs_.assign(P::kCount, kNoValue);
    if (!node || node->outputs.size() != 1) return false;
    ValueId bias = kNoValue;
    if (const auto kind = as_binary(*node->op); kind && *kind == BinaryKind::kAdd) {
      for (size_t side = 0; side < 2; side++) {
        const Node* made_by = rewriter_.sole_producer(node->inputs[side]);
        if (!made_by || !as_product(*made_by->op)) continue;
        bias = node->inputs[1 - side];
        node = made_by;
        break;
      }
    }
    product_ = as_product(*node->op).value_or(Product{});
    if (!as_product(*node->op)) return false;
    // A sum of its own is a bias of Gemm and MatMul alone: of a Conv it would be broadcast along another axis.
    if (product_.conv && bias != kNoValue) return false;
    if (product_.conv && node->inputs.size() > 2) bias = node->inputs[2];
    name_ = node->name;
    return match_x(node->inputs[0]) && match_w(node->inputs[1]) && match_bias(bias);
  }

  bool has_fixed_weights() const { return fixed_dims(inputs_[P::kW]) != nullptr; }

  Node make(const ProductOutput& output, ValueId y_scale, ValueId y_zero, ValueId y) {
    Node node;
    node.op = product_.conv
                  ? make_quantized_conv("QLinearConv", std::move(product_.conv->window), product_.conv->group, output)
                  : make_quantized_matmul("QLinearMatMul", product_.trans_b, output);
    node.name = name_;
    node.inputs = std::move(inputs_);
    node.inputs[P::kYScale] = y_scale;
    node.inputs[P::kYZero] = y_zero;
    node.outputs = {y};
    return node;
  }

 private:
  bool match_x(ValueId id) {
    const auto x = rewriter_.dequantized(id);
    if (!x || !rewriter_.byte_type(*x)) return false;
    inputs_[P::kX] = x->q;
    inputs_[P::kXScale] = x->scale;
    inputs_[P::kXZero] = x->zero_point;
    return true;
  }

  // One scale, or one per output channel. The channels of a matrix are looked for through a Transpose on either side of
  // DequantizeLinear: that is a matter of how the weights are packed.
  bool match_w(ValueId id) {
    bool transposed = false;
    if (const Node* node = rewriter_.producer(id); node && !product_.conv && swaps_matrix(*node)) {
      transposed = true;
      id = node->inputs[0];
    }
    const auto w = rewriter_.dequantized(id);
    if (!w || !is_byte(w->type)) return false;
    ValueId q = w->q;
    int64_t axis = w->axis;
    if (transposed) axis = 1 - axis;
    if (const Node* node = rewriter_.producer(q); node && !product_.conv && swaps_matrix(*node)) {
      transposed = !transposed;
      q = node->inputs[0];
    }
    if (transposed) product_.trans_b = !product_.trans_b;
    if (!fits_channels(*w, q, axis)) return false;
    inputs_[P::kW] = q;
    inputs_[P::kWScale] = w->scale;
    inputs_[P::kWZero] = w->zero_point;
    return true;
  }

  // A Transpose of a constant matrix.
  bool swaps_matrix(const Node& node) const {
    const auto perm = as_transpose(*node.op);
    if (!perm || (*perm != std::vector<int64_t>{1, 0} && !perm->empty())) return false;
    const auto from = rewriter_.dequantized(node.inputs[0]);
    const Value& matrix = graph_.values[from ? from->q : node.inputs[0]];
    return matrix.constant && matrix.fact.dims.size() == 2;
  }
  // Dims of a constant, or of what QuantizeLinear makes of one, as training aware of quantisation leaves it: that is
  // computed when planning.
  const Dims* fixed_dims(ValueId id) const {
    if (graph_.values[id].constant) return &graph_.values[id].fact.dims;
    const Node* node = rewriter_.producer(id);
    if (!node || !as_quantize_linear(*node->op) || !graph_.values[node->inputs[0]].constant) return nullptr;
    return &graph_.values[node->inputs[0]].fact.dims;
  }

  bool fits_channels(const Dequantized& w, ValueId q, int64_t axis) const {
    const Value& scale = graph_.values[w.scale];
    if (scale.fact.dims.size() > 1) return false;
    if (w.zero_point != kNoValue && graph_.values[w.zero_point].fact.dims != scale.fact.dims &&
        element_count(graph_.values[w.zero_point].fact.dims) != element_count(scale.fact.dims)) {
      return false;
    }
    if (element_count(scale.fact.dims) == 1) return true;
    const Dims* dims = fixed_dims(q);
    if (!dims) return false;
    // Shapes are not inferred yet: weights may have any rank, and be refused later.
    const auto rank = static_cast<int64_t>(dims->size());
    if (product_.conv ? rank < 1 : rank != 2) return false;
    const int64_t channels = product_.conv || product_.trans_b ? 0 : 1;
    const int64_t dim = (*dims)[static_cast<size_t>(channels)];
    return (axis < 0 ? axis + rank : axis) == channels && element_count(scale.fact.dims) == dim;
  }
  // int32 with scale and zero point (the kernel allows for another step than that of the sums), or float32; one element
  // per output channel, which takes fixed weights to count.
  bool match_bias(ValueId id) {
    if (id == kNoValue) return true;
    const Dims* fixed = fixed_dims(inputs_[P::kW]);
    if (!fixed) return false;
    const Dims& w = *fixed;
    if (w.size() < 2 || (!product_.conv && w.size() != 2)) return false;
    const int64_t channels = product_.conv || product_.trans_b ? w[0] : w[1];
    ValueId bias = id;
    if (const auto from = rewriter_.dequantized(id)) {
      if (from->type != DataType::kInt32 && graph_.values[from->q].fact.type != DataType::kInt32) return false;
      for (ValueId part : {from->scale, from->zero_point}) {
        if (part == kNoValue) continue;
        const Value& value = graph_.values[part];
        const int64_t count = element_count(value.fact.dims);
        if (!value.constant || (count != 1 && count != channels)) return false;
      }
      bias = from->q;
      inputs_[P::kBiasScale] = from->scale;
      inputs_[P::kBiasZero] = from->zero_point;
    } else if (graph_.values[id].constant && graph_.values[id].fact.type != DataType::kFloat32) {
      return false;
    }
    const Value& value = graph_.values[bias];
    if (!value.constant || element_count(value.fact.dims) != channels) return false;
    // Aligned with the last dimension, where a matrix product has its channels.
    if (!product_.conv && (value.fact.dims.empty() || value.fact.dims.back() != channels)) return false;
    // Of higher rank it could give the result more dimensions: the product has two of Gemm, at least one of MatMul.
    if (value.fact.dims.size() > (product_.gemm ? 2 : 1)) return false;
    inputs_[P::kBias] = bias;
    return true;
  }

  const QuantizeRewriter& rewriter_;
  Graph& graph_;
  Product product_;
  std::string name_;
  std::vector<ValueId> inputs_;
};

}  // namespace

Result<bool> quantize_product(QuantizeRewriter* rewriter, const Node& node) {
  const auto to = rewriter->quantizing(node);
  if (!to) return false;
  ProductRewrite rewrite(*rewriter, rewriter->graph());
  ValueId value = to->x;
  const Clamp clamp = rewriter->take_clamps(&value);
  if (!rewrite.match(rewriter->sole_producer(value))) return false;
  rewriter->emit(rewrite.make({to->type.type, clamp.lo, clamp.hi}, to->scale, to->zero_point, node.outputs[0]));
  return true;
}

namespace {

Result<bool> integer_product_of(QuantizeRewriter* rewriter, const Node& node) {
  ProductRewrite rewrite(*rewriter, rewriter->graph());
  if (!rewrite.match(&node) || !rewrite.has_fixed_weights()) return false;
  rewriter->emit(rewrite.make({DataType::kFloat32}, kNoValue, kNoValue, node.outputs[0]));
  return true;
}

}  // namespace

Result<bool> integer_product_with_bias(QuantizeRewriter* rewriter, const Node& node) {
  return as_binary(*node.op) ? integer_product_of(rewriter, node) : Result<bool>(false);
}
Result<bool> integer_product(QuantizeRewriter* rewriter, const Node& node) {
  return as_product(*node.op) ? integer_product_of(rewriter, node) : Result<bool>(false);
}

}  // namespace sealedge
