// op_type -> op: normalisation of rows, groups and neighbours.
#include <array>

#include "graph/ops/reduction/normalization.h"
#include "onnx/legacy.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

void layer_normalization(NodeImport& node) {
  // 1: statistics in float32, the only type that they are given out in here.
  if (node.get_int("stash_type", 1) != 1) return node.unsupported("stash_type other than float32");
  node.emit(make_layer_norm(node.get_int("axis", -1), node.get_epsilon(1e-5f)),
            {node.input(0), node.input(1), node.input(2)});
}

void rms_normalization(NodeImport& node) {
  if (node.get_int("stash_type", 1) != 1) return node.unsupported("stash_type other than float32");
  node.emit(make_rms_norm(node.get_int("axis", -1), node.get_epsilon(1e-5f)), {node.input(0), node.input(1)});
}

void instance_normalization(NodeImport& node) {
  node.emit(make_instance_norm(node.get_epsilon(1e-5f)), {node.input(0), node.input(1), node.input(2)});
}

void group_normalization(NodeImport& node) {
  const int64_t groups = node.get_int("num_groups", 0);
  if (groups < 1) return node.invalid("attribute 'num_groups' must be positive");
  node.emit(make_group_norm(groups, node.get_epsilon(1e-5f), node.opset() < 21),
            {node.input(0), node.input(1), node.input(2)});
}

void local_response_normalization(NodeImport& node) {
  if (!node.has("size")) return node.invalid("attribute 'size' is missing");
  node.emit(make_local_response_norm(node.get_int("size", 0), node.get_float("alpha", 0.0001f),
                                     node.get_float("beta", 0.75f), node.get_float("bias", 1.0f)),
            {node.input(0)});
}

// x / |x| along one axis. Where the norm is zero so is every x, and so is the result.
void lp_normalization(NodeImport& node) {
  const int64_t p = node.get_int("p", 2), axis = node.get_int("axis", -1);
  if (p != 1 && p != 2) return node.invalid("attribute 'p' must be 1 or 2");
  const ValueId axes = node.make_ints({&axis, 1});
  const ValueId norm =
      node.emit_inner(make_reduce(p == 1 ? ReduceKind::kL1 : ReduceKind::kL2, true, false), {node.input(0), axes});
  const ValueId is_zero =
      node.emit_inner(make_binary(BinaryKind::kEqual), {norm, scalar_like(node, 0.0, node.input(0))});
  const ValueId divisor = node.emit_inner(make_where(), {is_zero, scalar_like(node, 1.0, node.input(0)), norm});
  node.emit(make_binary(BinaryKind::kDiv), {node.input(0), divisor});
}

// (X - E[X]) / (sqrt(E[(X - E[X])^2]) + 1e-9), the standard's own definition by other operators.
void mean_variance_normalization(NodeImport& node) {
  static constexpr int64_t kDefault[] = {0, 2, 3};
  const std::vector<int64_t> given = node.get_ints("axes");
  const ValueId axes = node.make_ints(node.has("axes") ? std::span<const int64_t>(given) : kDefault);
  const OpPtr mean = make_reduce(ReduceKind::kMean, true, false);
  const ValueId centre = node.emit_inner(mean, {node.input(0), axes});
  const ValueId deviation = node.emit_inner(make_binary(BinaryKind::kSub), {node.input(0), centre});
  const ValueId square = node.emit_inner(make_binary(BinaryKind::kMul), {deviation, deviation});
  const ValueId variance = node.emit_inner(mean, {square, axes});
  const ValueId root = node.emit_inner(make_unary(UnaryKind::kSqrt), {variance});
  const ValueId divisor =
      node.emit_inner(make_binary(BinaryKind::kAdd), {root, scalar_like(node, 1e-9, node.input(0))});
  node.emit(make_binary(BinaryKind::kDiv), {deviation, divisor});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"GroupNormalization", 3, 3, group_normalization},
    {"InstanceNormalization", 3, 3, instance_normalization},
    {"LRN", 1, 1, local_response_normalization},
    {"LayerNormalization", 2, 3, layer_normalization},
    {"LpNormalization", 1, 1, lp_normalization},
    {"MeanVarianceNormalization", 1, 1, mean_variance_normalization},
    {"RMSNormalization", 2, 2, rms_normalization},
    // RMSNormalization before the standard had it, written into its domain by onnxruntime's optimiser.
    {"SimplifiedLayerNormalization", 2, 2, rms_normalization},
});

}  // namespace

std::span<const OpImporter> normalization_importers() { return kImporters; }

}  // namespace sealedge
