// Losses that the standard has as operators; inference graphs carry them where a model was exported with its objective.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "graph/op.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

enum class LossReduction : uint8_t { kNone, kSum, kMean };

// input (N, C, d...), target (N, d...), weight (C) optional. from_scores: SoftmaxCrossEntropyLoss, whose input are
// scores and whose second output are their log-probabilities; otherwise NegativeLogLikelihoodLoss of these.
OpPtr make_nll_loss(bool from_scores, LossReduction reduction, std::optional<int64_t> ignore_index);

}  // namespace sealedge
