// op_type -> op: what ai.onnx.ml does to features before and after a model.
#include "onnx/import_ml.h"

#include <array>
#include <cmath>
#include <limits>

#include "onnx/legacy.h"

namespace sealedge {

namespace {

ValueId binary(NodeImport& node, BinaryKind kind, ValueId a, ValueId b) {
  return node.emit_inner(make_binary(kind), {a, b});
}

// An attribute of floats as a constant of rank 1; kNoValue where it is not given.
ValueId floats_of(NodeImport& node, std::string_view name) {
  return node.make_floats_of(name, {static_cast<int64_t>(node.count_floats(name))});
}

// Output 0 is `value`, which must have the dims of X: parameters for more features than there are would make columns.
void emit_shaped_as_x(NodeImport& node, ValueId value) {
  const ValueId dims = node.emit_inner(make_shape(0, std::nullopt), {node.input(0)});
  node.emit(make_reshape(true), {value, dims});
}

// (X - offset) * scale, one value or one for each feature.
void scaler(NodeImport& node) {
  ValueId x = node.emit_inner(make_cast(DataType::kFloat32), {node.input(0)});
  if (node.has("offset")) x = binary(node, BinaryKind::kSub, x, floats_of(node, "offset"));
  if (node.has("scale")) x = binary(node, BinaryKind::kMul, x, floats_of(node, "scale"));
  emit_shaped_as_x(node, x);
}

// Rows divided by their norm; those whose norm is 0 stay.
void normalizer(NodeImport& node) {
  const std::string_view norm = node.get_string("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2") return node.invalid("unknown value of attribute 'norm'");
  const ReduceKind kind = norm == "L1" ? ReduceKind::kL1 : norm == "L2" ? ReduceKind::kL2 : ReduceKind::kMax;
  const ValueId x = node.emit_inner(make_cast(DataType::kFloat32), {node.input(0)});
  const ValueId last = node.make_ints(std::array<int64_t, 1>{-1});
  const ValueId size = node.emit_inner(make_reduce(kind, true, false), {x, last});
  const ValueId is_zero = binary(node, BinaryKind::kEqual, size, node.make_scalar(0));
  const ValueId divisor = node.emit_inner(make_where(), {is_zero, node.make_scalar(1), size});
  node.emit(make_binary(BinaryKind::kDiv), {x, divisor});
}

// What equals replaced_value (NaN by default) becomes the imputed one, one value or one for each feature.
void imputer(NodeImport& node) {
  const ValueId x = node.input(0);
  ValueId imputed, missing;
  if (node.has("imputed_value_int64s")) {
    imputed = node.make_ints(node.get_ints("imputed_value_int64s"));
    const ValueId replaced = node.make_ints(std::array{node.get_int("replaced_value_int64", 0)});
    missing = binary(node, BinaryKind::kEqual, x, node.emit_inner(make_cast_like(), {replaced, x}));
  } else {
    if (!node.has("imputed_value_floats")) return node.invalid("no imputed values");
    imputed = floats_of(node, "imputed_value_floats");
    const float replaced = node.get_float("replaced_value_float", std::numeric_limits<float>::quiet_NaN());
    missing = std::isnan(replaced) ? node.emit_inner(make_unary(UnaryKind::kIsNaN), {x})
                                   : binary(node, BinaryKind::kEqual, x, scalar_like(node, replaced, x));
  }
  emit_shaped_as_x(node, node.emit_inner(make_where(), {missing, node.emit_inner(make_cast_like(), {imputed, x}), x}));
}

// Compared in float64, which holds the threshold and what X may be: between two integers there is a threshold, too.
void binarizer(NodeImport& node) {
  const OpPtr widen = make_cast(DataType::kFloat64);
  const ValueId x = node.emit_inner(widen, {node.input(0)});
  const ValueId threshold = node.emit_inner(widen, {node.make_scalar(node.get_float("threshold", 0))});
  node.emit(make_cast_like(), {binary(node, BinaryKind::kGreater, x, threshold), node.input(0)});
}

// Columns of X; a vector is one row.
void array_feature_extractor(NodeImport& node) {
  const ValueId all = node.make_ints(std::array<int64_t, 1>{-1});
  const ValueId columns = node.emit_inner(make_reshape(false), {node.input(1), all});
  const ValueId picked = node.emit_inner(make_gather(-1), {node.input(0), columns});
  // Broadcast to rank 2 at least.
  node.emit(make_expand(), {picked, node.make_ints(std::array<int64_t, 2>{1, 1})});
}

// 1 where X is the category, along a new last dimension. What is in no category is all 0, `zeros` or not.
void one_hot_encoder(NodeImport& node) {
  if (node.has("cats_strings")) return node.unsupported("strings");
  if (!node.has("cats_int64s")) return node.invalid("attribute 'cats_int64s' is missing");
  const ValueId categories = node.make_ints(node.get_ints("cats_int64s"));
  const ValueId whole = node.emit_inner(make_cast(DataType::kInt64), {node.input(0)});
  const ValueId last = node.make_ints(std::array<int64_t, 1>{-1});
  const ValueId x = node.emit_inner(make_unsqueeze(), {whole, last});
  node.emit(make_cast(DataType::kFloat32), {binary(node, BinaryKind::kEqual, x, categories)});
}

// Features side by side, as float32; a vector is one row. Of each input the first so many that inputdimensions says.
void feature_vectorizer(NodeImport& node) {
  const std::vector<int64_t> widths = node.get_ints("inputdimensions");
  if (!widths.empty() && widths.size() != node.input_count()) {
    return node.invalid("attribute 'inputdimensions': expected " + std::to_string(node.input_count()) +
                        " values, got " + std::to_string(widths.size()));
  }
  const ValueId zero = node.make_ints(std::array<int64_t, 1>{0}), one = node.make_ints(std::array<int64_t, 1>{1});
  std::vector<ValueId> parts;
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) return node.invalid("an input is missing");
    const ValueId x = node.emit_inner(make_cast(DataType::kFloat32), {node.input(i)});
    ValueId rows = node.emit_inner(make_expand(), {x, node.make_ints(std::array<int64_t, 2>{1, 1})});
    rows = node.emit_inner(make_flatten(1), {rows});
    if (!widths.empty()) {
      if (widths[i] < 1) return node.invalid("attribute 'inputdimensions': expected positive values");
      const ValueId width = node.make_ints(std::array{widths[i]});
      rows = node.emit_inner(make_slice(), {rows, zero, width, one});
      // Fewer than that are refused.
      rows = node.emit_inner(make_reshape(false), {rows, node.make_ints(std::array<int64_t, 2>{0, widths[i]})});
    }
    parts.push_back(rows);
  }
  node.emit(make_concat(1), std::move(parts));
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"ArrayFeatureExtractor", 2, 2, array_feature_extractor},
    {"Binarizer", 1, 1, binarizer},
    {"FeatureVectorizer", 1, kVariadic, feature_vectorizer},
    {"Imputer", 1, 1, imputer},
    {"Normalizer", 1, 1, normalizer},
    {"OneHotEncoder", 1, 1, one_hot_encoder},
    {"Scaler", 1, 1, scaler},
});

}  // namespace

std::span<const OpImporter> ml_feature_importers() { return kImporters; }

std::span<const std::span<const OpImporter>> ml_families() {
  static const std::span<const OpImporter> families[] = {
      ml_feature_importers(),       ml_linear_importers(),  ml_tree_importers(),
      ml_tree_ensemble_importers(), ml_refused_importers(),
  };
  return families;
}

}  // namespace sealedge
