#include "graph/ops/product/matmul_shape.h"

#include <algorithm>

#include "graph/ops/support.h"

namespace sealedge {

Result<MatMulShape> resolve_matmul(const Dims& a_dims, const Dims& b_dims, bool trans_b) {
  const auto misfit = [&] {
    return shape_mismatch("cannot multiply " + dims_to_string(a_dims) + " and " + dims_to_string(b_dims) +
                          (trans_b ? " transposed" : ""));
  };
  if (a_dims.empty() || b_dims.empty() || (trans_b && b_dims.size() < 2)) return misfit();
  Dims a = a_dims, b = b_dims;
  if (a_dims.size() == 1) a.insert(a.begin(), 1);
  if (b_dims.size() == 1) b.push_back(1);
  if (trans_b) std::swap(b[b.size() - 2], b[b.size() - 1]);
  MatMulShape p;
  p.m = a[a.size() - 2];
  p.k = a.back();
  p.n = b.back();
  if (b[b.size() - 2] != p.k) return misfit();

  const size_t a_batch = a.size() - 2, b_batch = b.size() - 2, rank = std::max(a_batch, b_batch);
  for (size_t i = 0; i < rank; i++) {
    const int64_t x = i + a_batch < rank ? 1 : a[i + a_batch - rank];
    const int64_t y = i + b_batch < rank ? 1 : b[i + b_batch - rank];
    if (x != y && x != 1 && y != 1) return misfit();
    p.batch.push_back(x == 1 ? y : x);
  }
  p.output = p.batch;
  if (a_dims.size() > 1) p.output.push_back(p.m);
  if (b_dims.size() > 1) p.output.push_back(p.n);
  return p;
}

namespace {

// For each batch entry of the result, which matrix of an operand with these dims it takes.
std::vector<size_t> batch_indices(const Dims& batch, const Dims& dims) {
  const size_t own = dims.size() < 2 ? 0 : dims.size() - 2;
  const auto count = static_cast<size_t>(element_count(batch));
  std::vector<size_t> indices(count, 0);
  for (size_t i = 0; i < count; i++) {
    size_t rest = i, step = 1;
    for (size_t d = 0; d < own; d++) {
      const auto size = static_cast<size_t>(batch[batch.size() - 1 - d]);
      const auto mine = static_cast<size_t>(dims[own - 1 - d]);
      if (mine != 1) indices[i] += rest % size * step;
      rest /= size;
      step *= mine;
    }
  }
  return indices;
}

}  // namespace

MatMulProducts matmul_products(const MatMulShape& shape, const Dims& a_dims, const Dims& b_dims) {
  // Before anything is made for each batch entry: there may be more of them than memory, if they are empty.
  if (element_count(shape.output) == 0) return {shape.m, {}, {}};
  // One matrix B for all: the batch of A is nothing but more rows.
  if (b_dims.size() <= 2) return {shape.m * element_count(shape.batch), {0}, {0}};
  return {shape.m, batch_indices(shape.batch, a_dims), batch_indices(shape.batch, b_dims)};
}

}  // namespace sealedge
