// LayerNormalization, InstanceNormalization, GroupNormalization, RMSNormalization and LRN. BatchNormalization is in
// ops.h, because it is folded into convolutions.
#pragma once

#include "graph/ops.h"

namespace sealedge {

// Inputs X, Scale, B optional; outputs Y, Mean and InvStdDev (float32). Scale and B broadcast to X.
OpPtr make_layer_norm(int64_t axis, float epsilon);
// Inputs X, scale. Like LayerNormalization without mean and bias.
OpPtr make_rms_norm(int64_t axis, float epsilon);
// Inputs X (N, C, ...), scale, B (C each).
OpPtr make_instance_norm(float epsilon);
// Inputs X (N, C, ...), scale, bias: a value per channel, or before operator set 21 one per group.
OpPtr make_group_norm(int64_t groups, float epsilon, bool affine_per_group);
// Input X (N, C, ...).
OpPtr make_local_response_norm(int64_t size, float alpha, float beta, float bias);

}  // namespace sealedge
