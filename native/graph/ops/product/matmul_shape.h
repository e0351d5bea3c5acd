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

// The products that make up the result, in its order: which matrix of A and which of B each takes. None when the result
// has no elements.
struct MatMulProducts {
  int64_t m;  // rows of each
  std::vector<size_t> a, b;
};
MatMulProducts matmul_products(const MatMulShape& shape, const Dims& a_dims, const Dims& b_dims);

}  // namespace sealedge
