// op_type -> op: linear models and support vectors of ai.onnx.ml, and what they share with trees.
#include <array>
#include <vector>

#include "onnx/import_ml.h"
#include "onnx/legacy.h"

namespace sealedge {

namespace {

ValueId binary(NodeImport& node, BinaryKind kind, ValueId a, ValueId b) {
  return node.emit_inner(make_binary(kind), {a, b});
}

// X as float32 rows, which must be of so many features; a vector is one row.
ValueId rows_of(NodeImport& node, int64_t features) {
  const ValueId x = node.emit_inner(make_cast(DataType::kFloat32), {node.input(0)});
  const ValueId rows = node.emit_inner(make_expand(), {x, node.make_ints(std::array<int64_t, 2>{1, 1})});
  return node.emit_inner(make_reshape(false), {rows, node.make_ints(std::array<int64_t, 2>{0, features})});
}

// X * coefficients' + intercepts for so many outputs.
ValueId linear_scores(NodeImport& node, int64_t outputs) {
  const auto count = static_cast<int64_t>(node.count_floats("coefficients"));
  if (outputs < 1 || count < 1 || count % outputs != 0) {
    node.invalid("attribute 'coefficients': " + std::to_string(count) + " values for " + std::to_string(outputs) +
                 " outputs");
    return kNoValue;
  }
  const int64_t features = count / outputs;
  const ValueId coefficients = node.make_floats_of("coefficients", {outputs, features});
  const ValueId scores = node.emit_inner(make_gemm(false, true), {rows_of(node, features), coefficients});
  if (!node.has("intercepts")) return scores;
  return binary(node, BinaryKind::kAdd, scores, node.make_floats_of("intercepts", {outputs}));
}

void linear_regressor(NodeImport& node) {
  const ValueId scores = linear_scores(node, node.get_int("targets", 1));
  if (!node.error()) emit_post_transform(node, scores, node.output(0));
}

void linear_classifier(NodeImport& node) {
  size_t classes = 0;
  const ValueId labels = class_labels(node, &classes);
  if (node.error()) return;
  if (node.count_floats("intercepts") == 1 && classes == 2) return node.unsupported("one row for two classes");
  const ValueId scores = linear_scores(node, static_cast<int64_t>(classes));
  if (!node.error()) emit_classes(node, scores, labels);
}

// sum over j of coefficients[j] * K(x, support vector j), plus rho: LIBSVM's kernels.
ValueId support_scores(NodeImport& node) {
  const std::vector<float> parameters = node.get_floats("kernel_params");
  const auto parameter = [&](size_t i) { return node.make_scalar(i < parameters.size() ? parameters[i] : 0.0f); };
  const std::string_view kind = node.get_string("kernel_type", "LINEAR");
  const int64_t vectors = node.get_int("n_supports", 0);
  const auto values = static_cast<int64_t>(node.count_floats("support_vectors"));
  // Without support vectors the coefficients are those of a plane.
  const int64_t features = vectors > 0 ? values / vectors : static_cast<int64_t>(node.count_floats("coefficients"));
  if (vectors < 0 || features < 1 || (vectors > 0 && values % vectors != 0)) {
    node.invalid("attribute 'support_vectors' does not fit 'n_supports'");
    return kNoValue;
  }
  const ValueId x = rows_of(node, features);
  if (vectors == 0) {
    return node.emit_inner(make_gemm(false, true), {x, node.make_floats_of("coefficients", {1, features})});
  }
  const ValueId coefficients = node.make_floats_of("coefficients", {1, vectors});
  ValueId kernel = kNoValue;
  if (kind == "RBF") {
    // exp(-gamma * |x - v|^2), differences first: the expanded square would cancel.
    const ValueId support = node.make_floats_of("support_vectors", {1, vectors, features});
    const ValueId middle = node.make_ints(std::array<int64_t, 1>{1}), last = node.make_ints(std::array<int64_t, 1>{2});
    const ValueId apart = binary(node, BinaryKind::kSub, node.emit_inner(make_unsqueeze(), {x, middle}), support);
    const ValueId square = node.emit_inner(make_reduce(ReduceKind::kSumSquare, false, false), {apart, last});
    const ValueId scaled = binary(node, BinaryKind::kMul, square, parameter(0));
    kernel = node.emit_inner(make_unary(UnaryKind::kExp), {node.emit_inner(make_unary(UnaryKind::kNeg), {scaled})});
  } else {
    const ValueId support = node.make_floats_of("support_vectors", {vectors, features});
    kernel = node.emit_inner(make_gemm(false, true), {x, support});
    if (kind == "POLY" || kind == "SIGMOID") {
      kernel = binary(node, BinaryKind::kMul, kernel, parameter(0));
      kernel = binary(node, BinaryKind::kAdd, kernel, parameter(1));
      kernel = kind == "POLY" ? binary(node, BinaryKind::kPow, kernel, parameter(2))
                              : node.emit_inner(make_unary(UnaryKind::kTanh), {kernel});
    } else if (kind != "LINEAR") {
      node.invalid("unknown value of attribute 'kernel_type'");
      return kNoValue;
    }
  }
  return node.emit_inner(make_gemm(false, true), {kernel, coefficients});
}

void svm_regressor(NodeImport& node) {
  ValueId score = support_scores(node);
  if (node.error()) return;
  if (node.has("rho")) score = binary(node, BinaryKind::kAdd, score, node.make_floats_of("rho", {1}));
  if (node.get_int("one_class", 0) == 0) return emit_post_transform(node, score, node.output(0));
  // Inside or outside of the one class: 1 or -1.
  const ValueId inside = binary(node, BinaryKind::kGreater, score, node.make_scalar(0));
  node.emit(make_where(), {inside, node.make_scalar(1), node.make_scalar(-1)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"LinearClassifier", 1, 1, linear_classifier},
    {"LinearRegressor", 1, 1, linear_regressor},
    {"SVMRegressor", 1, 1, svm_regressor},
});

}  // namespace

void emit_post_transform(NodeImport& node, ValueId scores, ValueId output) {
  const std::string_view name = node.get_string("post_transform", "NONE");
  if (output == kNoValue) return;
  if (name == "NONE") return node.emit_to(make_identity(), {scores}, {output});
  if (name == "SOFTMAX") return node.emit_to(make_softmax(-1, false, false), {scores}, {output});
  if (name == "LOGISTIC") return node.emit_to(make_unary(UnaryKind::kSigmoid), {scores}, {output});
  node.unsupported("post_transform " + printable(name));
}

ValueId class_labels(NodeImport& node, size_t* count) {
  for (const char* name : {"classlabels_strings", "classlabels_int64s", "classlabels_ints"}) {
    if (!node.has(name)) continue;
    if (name == std::string_view("classlabels_strings")) {
      node.unsupported("strings");
      return kNoValue;
    }
    const std::vector<int64_t> labels = node.get_ints(name);
    *count = labels.size();
    if (!labels.empty()) return node.make_ints(labels);
  }
  node.invalid("the class labels are missing");
  return kNoValue;
}

void emit_classes(NodeImport& node, ValueId scores, ValueId labels) {
  if (node.wants_output(0)) {
    const ValueId best = node.emit_inner(make_arg_reduce(ArgKind::kMax, 1, false, false), {scores});
    node.emit_to(make_gather(0), {labels, best}, {node.output(0)});
  }
  emit_post_transform(node, scores, node.output(1));
}

std::span<const OpImporter> ml_linear_importers() { return kImporters; }

}  // namespace sealedge
