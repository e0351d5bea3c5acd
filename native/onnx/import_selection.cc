// op_type -> op: picking, placing, ordering and counting elements.
#include <array>

#include "graph/ops/array/selection.h"
#include "onnx/legacy.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

std::optional<int64_t> optional_int(NodeImport& node, std::string_view name) {
  if (!node.has(name)) return std::nullopt;
  return node.get_int(name, 0);
}

// K is an attribute in opset 1, an input since 10. `sorted` = 0 allows any order, this one too.
void top_k(NodeImport& node) {
  ValueId k = node.input(1);
  if (node.opset() < 10) {
    if (!node.has("k")) return node.invalid("attribute 'k' is missing");
    k = node.make_ints(std::array{node.get_int("k", 0)});
  }
  if (k == kNoValue) return node.invalid("K is missing");
  node.emit(make_top_k(node.get_int("axis", -1), node.get_int("largest", 1) != 0), {node.input(0), k});
}

void one_hot(NodeImport& node) { node.emit(make_one_hot(node.get_int("axis", -1)), node.inputs()); }

void hardmax(NodeImport& node) {
  const bool coerce_2d = node.opset() < 13;
  node.emit(make_hardmax(node.get_int("axis", coerce_2d ? 1 : -1), coerce_2d), node.inputs());
}

template <OpPtr (*kMake)(bool exclusive, bool reverse)>
void cumulative(NodeImport& node) {
  node.emit(kMake(node.get_int("exclusive", 0) != 0, node.get_int("reverse", 0) != 0), node.inputs());
}

void trilu(NodeImport& node) { node.emit(make_trilu(node.get_int("upper", 1) != 0), node.inputs()); }

void eye_like(NodeImport& node) {
  const int64_t dtype = node.get_int("dtype", 0);
  const auto type = dtype >= 0 && dtype < 256 ? static_cast<DataType>(dtype) : DataType::kUndefined;
  if (node.has("dtype") && data_type_size_bytes(type) == 0) return node.unsupported("type " + std::to_string(dtype));
  node.emit(make_eye_like(type, node.get_int("k", 0)), node.inputs());
}

void gather_elements(NodeImport& node) { node.emit(make_gather_elements(node.get_int("axis", 0)), node.inputs()); }
void gather_nd(NodeImport& node) { node.emit(make_gather_nd(node.get_int("batch_dims", 0)), node.inputs()); }

std::optional<ScatterReduction> reduction_of(NodeImport& node) {
  const auto reduction = scatter_reduction(node.get_string("reduction", "none"));
  if (!reduction) node.invalid("unknown value of attribute 'reduction'");
  return reduction;
}
void scatter_elements(NodeImport& node) {
  if (const auto reduction = reduction_of(node)) {
    node.emit(make_scatter_elements(node.get_int("axis", 0), *reduction), node.inputs());
  }
}
void scatter_nd(NodeImport& node) {
  if (const auto reduction = reduction_of(node)) node.emit(make_scatter_nd(*reduction), node.inputs());
}

void tensor_scatter(NodeImport& node) {
  const std::string_view mode = node.get_string("mode", "linear");
  if (mode != "linear" && mode != "circular") return node.invalid("attribute 'mode': expected linear or circular");
  node.emit(make_tensor_scatter(node.get_int("axis", -2), mode == "circular"), node.inputs());
}

void compress(NodeImport& node) { node.emit(make_compress(optional_int(node, "axis")), node.inputs()); }
void non_zero(NodeImport& node) { node.emit(make_non_zero(), node.inputs()); }
void unique(NodeImport& node) {
  node.emit(make_unique_elements(optional_int(node, "axis"), node.get_int("sorted", 1) != 0), node.inputs());
}
void non_max_suppression(NodeImport& node) {
  node.emit(make_non_max_suppression(node.get_int("center_point_box", 0) != 0), node.inputs());
}

void reverse_sequence(NodeImport& node) {
  node.emit(make_reverse_sequence(node.get_int("batch_axis", 1), node.get_int("time_axis", 0)), node.inputs());
}

void center_crop_pad(NodeImport& node) {
  std::optional<std::vector<int64_t>> axes;
  if (node.has("axes")) axes = node.get_ints("axes");
  node.emit(make_center_crop_pad(std::move(axes)), node.inputs());
}

void tf_idf(NodeImport& node) {
  if (node.has("pool_strings")) return node.unsupported("strings");
  TfIdfAttributes attributes;
  attributes.min_gram_length = node.get_int("min_gram_length", 0);
  attributes.max_gram_length = node.get_int("max_gram_length", 0);
  attributes.max_skip_count = node.get_int("max_skip_count", 0);
  const std::string_view mode = node.get_string("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return node.invalid("attribute 'mode': expected TF, IDF or TFIDF");
  attributes.mode = mode == "TF" ? TfIdfMode::kTf : mode == "IDF" ? TfIdfMode::kIdf : TfIdfMode::kTfIdf;
  attributes.ngram_counts = node.get_ints("ngram_counts");
  attributes.ngram_indexes = node.get_ints("ngram_indexes");
  attributes.pool = node.get_ints("pool_int64s");
  // Weights are a constant, which of a sealed model lies in secret memory, and no setting of the operator.
  const ValueId weights = node.make_floats_of("weights", {static_cast<int64_t>(node.count_floats("weights"))});
  node.emit(make_tf_idf(std::move(attributes)), {node.input(0), weights});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"CenterCropPad", 2, 2, center_crop_pad},
    {"Compress", 2, 2, compress},
    {"CumProd", 2, 2, cumulative<make_cumprod>},
    {"CumSum", 2, 2, cumulative<make_cumsum>},
    {"EyeLike", 1, 1, eye_like},
    {"GatherElements", 2, 2, gather_elements},
    {"GatherND", 2, 2, gather_nd},
    {"Hardmax", 1, 1, hardmax},
    {"NonMaxSuppression", 2, 5, non_max_suppression},
    {"NonZero", 1, 1, non_zero},
    {"OneHot", 3, 3, one_hot},
    {"ReverseSequence", 2, 2, reverse_sequence},
    {"Scatter", 3, 3, scatter_elements},
    {"ScatterElements", 3, 3, scatter_elements},
    {"ScatterND", 3, 3, scatter_nd},
    {"TensorScatter", 2, 3, tensor_scatter},
    {"TfIdfVectorizer", 1, 1, tf_idf},
    {"TopK", 1, 2, top_k},
    {"Trilu", 1, 2, trilu},
    {"Unique", 1, 1, unique},
});

}  // namespace

std::span<const OpImporter> selection_importers() { return kImporters; }

}  // namespace sealedge
