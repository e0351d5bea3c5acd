// The classical models of ai.onnx.ml, as converters of scikit-learn and gradient boosting write them. Trees are an
// operator of their own; the rest is made of the standard's operators. Scores are float32.
#pragma once

#include <string_view>

#include "onnx/node_import.h"

namespace sealedge {

inline constexpr std::string_view kMlDomain = "ai.onnx.ml";

std::span<const OpImporter> ml_linear_importers();         // import_ml_linear.cc
std::span<const OpImporter> ml_feature_importers();        // import_ml.cc
std::span<const OpImporter> ml_tree_importers();           // import_ml_tree.cc
std::span<const OpImporter> ml_tree_ensemble_importers();  // import_ml_tree_ensemble.cc
std::span<const OpImporter> ml_refused_importers();        // import_refused.cc
// All of the above.
std::span<const std::span<const OpImporter>> ml_families();

// Output 0 are these scores, (N, E), after the attribute post_transform; import_ml_linear.cc.
void emit_post_transform(NodeImport& node, ValueId scores, ValueId output);
// The classifier's labels: int64, one for each class; kNoValue after noting that they are strings or not there.
ValueId class_labels(NodeImport& node, size_t* count);
// Output 0 is the label of the highest score, output 1 the scores after post_transform. `scores` is (N, classes).
void emit_classes(NodeImport& node, ValueId scores, ValueId labels);

}  // namespace sealedge
