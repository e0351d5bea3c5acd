// Shapes of numpy.matmul: A as (batch of A, M, K), B as (batch of B, K, N), with vectors made matrices and batches
// broadcast.
#pragma once

#include <vector>

#include "core/result.h"
#include "graph/tensor.h"

namespace sealedge {

struct MatMulShape {
  Dims batch;
  int64_t m, n, k;
  Dims output;
};

// kShapeMismatch when they cannot be multiplied. trans_b: the last two dimensions of B are exchanged.
Result<MatMulShape> resolve_matmul(const Dims& a_dims, const Dims& b_dims, bool trans_b);

// For each batch entry of the result, which matrix of an operand with these dims it takes.
std::vector<size_t> matmul_batch_indices(const Dims& batch, const Dims& dims);

}  // namespace sealedge
