// op_type -> op: losses.
#include <array>

#include "graph/ops/reduction/losses.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

template <bool kFromScores>
void nll_loss(NodeImport& node) {
  const std::string_view name = node.get_string("reduction", "mean");
  if (name != "none" && name != "sum" && name != "mean") return node.invalid("unknown value of attribute 'reduction'");
  const auto reduction = name == "none"  ? LossReduction::kNone
                         : name == "sum" ? LossReduction::kSum
                                         : LossReduction::kMean;
  std::optional<int64_t> ignore_index;
  if (node.has("ignore_index")) ignore_index = node.get_int("ignore_index", 0);
  node.emit(make_nll_loss(kFromScores, reduction, ignore_index), node.inputs());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"NegativeLogLikelihoodLoss", 2, 3, nll_loss<false>},
    {"SoftmaxCrossEntropyLoss", 2, 3, nll_loss<true>},
});

}  // namespace

std::span<const OpImporter> loss_importers() { return kImporters; }

}  // namespace sealedge
