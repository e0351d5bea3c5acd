// Operators that the importer puts in for what older operator sets, or training, write differently.
#pragma once

#include "graph/ops.h"

namespace sealedge {

// X -> a scalar of X's type: for numbers that ONNX gives as float attributes whatever the type of the tensors is.
// Integers are truncated and clamped. Fixed once X's type is known.
OpPtr make_scalar_like(double value);

// slope, X: a slope of rank 1 counts channels (dimension 1 of X), as PRelu had it before opset 7; others stay as they
// are.
OpPtr make_channel_slope();

// X, ratio, training_mode (both scalars, each optional) -> X, a mask of ones of type `mask` (kUndefined: X's). Refuses
// a training mode that would drop anything: what that gives is random.
OpPtr make_dropout(DataType mask);

// X (N, C, ...) -> mean and population variance of each channel, (C) each: BatchNormalization in training mode.
OpPtr make_batch_statistics();

}  // namespace sealedge
