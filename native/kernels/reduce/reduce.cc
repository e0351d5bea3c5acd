#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "kernels/elementwise/binary_family.h"
#include "kernels/elementwise/unary_family.h"
#include "kernels/parallel.h"
#include "kernels/reduce/reduce_family.h"

namespace sealedge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Dimensions of one kind (kept or reduced), adjacent ones joined, innermost last.
struct Axes {
  size_t rank = 0;
  size_t dims[kMaxReduceRank];
  size_t strides[kMaxReduceRank];
  size_t count = 1;
};

void split_axes(const F32ReduceParams& p, Axes* kept, Axes* reduced) {
  size_t stride = 1;
  for (size_t d = 0; d < p.rank; d++) stride *= p.dims[d];
  const Axes* previous = nullptr;
  for (size_t d = 0; d < p.rank; d++) {
    if (p.dims[d] != 0) stride /= p.dims[d];
    Axes* axes = p.reduced[d] ? reduced : kept;
    axes->count *= p.dims[d];
    if (p.dims[d] == 1) continue;
    if (axes == previous) {
      axes->dims[axes->rank - 1] *= p.dims[d];
      axes->strides[axes->rank - 1] = stride;
    } else {
      axes->dims[axes->rank] = p.dims[d];
      axes->strides[axes->rank++] = stride;
    }
    previous = axes;
  }
}

size_t offset_of(const Axes& axes, size_t rank, size_t index) {
  size_t offset = 0;
  for (size_t d = rank; d-- > 0; index /= axes.dims[d]) offset += index % axes.dims[d] * axes.strides[d];
  return offset;
}

// Every operator is: map each value, combine the results, finish. LogSumExp goes over its values twice: first their
// maximum, as e^(x - max) cannot overflow.
enum class Map : uint8_t { kNone, kAbs, kSquare, kExp };

Map map_of(ReduceOp op) {
  if (op == ReduceOp::kL1) return Map::kAbs;
  if (op == ReduceOp::kL2 || op == ReduceOp::kSumSquare) return Map::kSquare;
  return op == ReduceOp::kLogSumExp ? Map::kExp : Map::kNone;
}

BinaryOp combine_of(ReduceOp op) {
  if (op == ReduceOp::kMax) return BinaryOp::kMax;
  if (op == ReduceOp::kMin) return BinaryOp::kMin;
  return op == ReduceOp::kProd ? BinaryOp::kMul : BinaryOp::kAdd;
}

float neutral_of(ReduceOp op) {
  if (op == ReduceOp::kMax) return -kInfinity;
  if (op == ReduceOp::kMin) return kInfinity;
  return op == ReduceOp::kProd ? 1.0f : 0.0f;
}

float finish(ReduceOp op, float value, size_t count, float shift) {
  switch (op) {
    case ReduceOp::kMean:
      return count == 0 ? kNaN : value / static_cast<float>(count);
    case ReduceOp::kL2:
      return std::sqrt(value);
    case ReduceOp::kLogSum:
      return std::log(value);
    case ReduceOp::kLogSumExp:
      return std::log(value) + shift;
    default:
      return value;
  }
}

// A shift of infinity would make NaN of infinity - infinity.
float usable_shift(float max) { return std::isinf(max) ? 0.0f : max; }

float max_step(float best, float x) { return x > best || x != x ? x : best; }
float min_step(float best, float x) { return x < best || x != x ? x : best; }

// Where the innermost dimension is reduced: stretches of contiguous values, their results combined in double.
double reduce_stretch(ReduceOp op, const F32ReduceFamily& family, const float* x, size_t size, float shift) {
  switch (op) {
    case ReduceOp::kL1:
      return family.sum_abs(x, size);
    case ReduceOp::kL2:
    case ReduceOp::kSumSquare:
      return family.sum_square(x, size);
    case ReduceOp::kMax:
      return family.max(x, size);
    case ReduceOp::kMin:
      return family.min(x, size);
    case ReduceOp::kLogSumExp:
      return family.sum_exp(x, shift, nullptr, size);
    case ReduceOp::kProd: {
      double product = 1.0;
      for (size_t i = 0; i < size; i++) product *= x[i];
      return product;
    }
    default:
      return family.sum(x, size);
  }
}

float reduce_inner(ReduceOp op, const F32ReduceFamily& family, const float* x, const Axes& reduced) {
  const size_t size = reduced.rank == 0 ? 1 : reduced.dims[reduced.rank - 1];
  const size_t outer_rank = reduced.rank == 0 ? 0 : reduced.rank - 1;
  const size_t outer = size == 0 ? 0 : reduced.count / size;
  const auto over_stretches = [&](ReduceOp step, float shift) {
    double value = neutral_of(step);
    for (size_t i = 0; i < outer; i++) {
      const double next = reduce_stretch(step, family, x + offset_of(reduced, outer_rank, i), size, shift);
      if (step == ReduceOp::kMax) {
        value = max_step(static_cast<float>(value), static_cast<float>(next));
      } else if (step == ReduceOp::kMin) {
        value = min_step(static_cast<float>(value), static_cast<float>(next));
      } else {
        value = step == ReduceOp::kProd ? value * next : value + next;
      }
    }
    return static_cast<float>(value);
  };
  const float shift = op == ReduceOp::kLogSumExp ? usable_shift(over_stretches(ReduceOp::kMax, 0.0f)) : 0.0f;
  return finish(op, over_stretches(op, shift), reduced.count, shift);
}

// Where the innermost dimension is kept: whole vectors of results are combined, kChunk columns at a time.
constexpr size_t kChunk = 256;

void combine_columns(ReduceOp op, Map map, const KernelTable& kernels, const float* x, size_t size, const Axes& reduced,
                     const float* shift, float* y) {
  const auto vectors = static_cast<size_t>(BinaryForm::kVectorVector);
  const auto binary = [&](BinaryOp b) {
    const F32BinaryFn function = kernels.f32_binary->op[static_cast<size_t>(b)][vectors];
    return function != nullptr ? function : f32_binary_scalar.op[static_cast<size_t>(b)][vectors];
  };
  const auto unary = [&](UnaryOp u) {
    const F32UnaryFn function = kernels.f32_unary->op[static_cast<size_t>(u)];
    return function != nullptr ? function : f32_unary_scalar.op[static_cast<size_t>(u)];
  };
  const F32BinaryFn combine = binary(combine_of(op));
  for (size_t i = 0; i < size; i++) y[i] = neutral_of(op);
  for (size_t r = 0; r < reduced.count; r++) {
    const float* row = x + offset_of(reduced, reduced.rank, r);
    float mapped[kChunk];
    if (map == Map::kAbs) {
      unary(UnaryOp::kAbs)({}, row, mapped, size);
    } else if (map == Map::kSquare) {
      binary(BinaryOp::kMul)(row, row, mapped, size);
    } else if (map == Map::kExp) {
      binary(BinaryOp::kSub)(row, shift, mapped, size);
      unary(UnaryOp::kExp)({}, mapped, mapped, size);
    }
    combine(y, map == Map::kNone ? row : mapped, y, size);
  }
}

void reduce_outer(ReduceOp op, const KernelTable& kernels, const float* x, size_t size, const Axes& reduced, float* y) {
  for (size_t first = 0; first < size; first += kChunk) {
    const size_t count = std::min(kChunk, size - first);
    float shift[kChunk] = {};
    if (op == ReduceOp::kLogSumExp) {
      combine_columns(ReduceOp::kMax, Map::kNone, kernels, x + first, count, reduced, nullptr, shift);
      for (size_t i = 0; i < count; i++) shift[i] = usable_shift(shift[i]);
    }
    combine_columns(op, map_of(op), kernels, x + first, count, reduced, shift, y + first);
    for (size_t i = 0; i < count; i++) y[first + i] = finish(op, y[first + i], reduced.count, shift[i]);
  }
}

}  // namespace

void f32_reduce(const F32ReduceParams& p, const KernelContext& context) {
  assert(p.rank <= kMaxReduceRank);
  Axes kept, reduced;
  split_axes(p, &kept, &reduced);
  const size_t last = kept.rank - 1;
  const bool inner_is_kept = kept.rank > 0 && kept.strides[last] == 1;
  const size_t inner = inner_is_kept ? kept.dims[last] : 1;
  const size_t outer_rank = inner_is_kept ? last : kept.rank;
  const size_t outer = inner == 0 ? 0 : kept.count / inner;
  const size_t parts = parts_for(context.parallel, outer, reduced.count * inner * kMoveWork);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part part = part_of(outer, index, parts);
    for (size_t i = part.begin; i < part.end; i++) {
      const float* x = p.x + offset_of(kept, outer_rank, i);
      if (inner_is_kept) {
        reduce_outer(p.op, *context.kernels, x, inner, reduced, p.y + i * inner);
      } else {
        p.y[i] = reduce_inner(p.op, *context.kernels->f32_reduce, x, reduced);
      }
    }
  });
}

}  // namespace sealedge
