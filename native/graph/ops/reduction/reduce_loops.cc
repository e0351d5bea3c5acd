#include "graph/ops/reduction/reduce_loops.h"

#include <cmath>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

// One result's elements, in order: each(f) calls f(x) for all of them.
template <typename T>
struct Lane {
  const T* x;
  const Dims& dims;
  std::span<const int64_t> strides;
  size_t count;
  template <typename Visit>
  void each(Visit visit) const {
    Walk<1> walk(dims, {strides});
    for (size_t i = 0; i < count; ++i, walk.next()) visit(x[walk.offset()]);
  }
};

// NaN if any is.
template <typename T>
T extreme(const Lane<T>& lane, bool largest) {
  T found = largest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  if constexpr (kIsFloating<T>) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    found = T(largest ? -kInfinity : kInfinity);
  }
  lane.each([&](T value) {
    if (value != value || (found == found && (largest ? value > found : value < found))) found = value;
  });
  return found;
}

// float16 and float64: kept in double.
template <typename T>
double reduce_floats(ReduceOp op, const Lane<T>& lane) {
  double sum = op == ReduceOp::kProd ? 1 : 0;
  switch (op) {
    case ReduceOp::kProd:
      lane.each([&](T x) { sum *= static_cast<double>(x); });
      return sum;
    case ReduceOp::kL1:
      lane.each([&](T x) { sum += std::fabs(static_cast<double>(x)); });
      return sum;
    case ReduceOp::kL2:
    case ReduceOp::kSumSquare:
      lane.each([&](T x) { sum += static_cast<double>(x) * static_cast<double>(x); });
      return op == ReduceOp::kL2 ? std::sqrt(sum) : sum;
    case ReduceOp::kLogSumExp: {
      // Relative to the largest, so that nothing overflows; which must be finite for that.
      const auto most = static_cast<double>(extreme(lane, true));
      const double shift = std::isfinite(most) ? most : 0;
      lane.each([&](T x) { sum += std::exp(static_cast<double>(x) - shift); });
      return std::log(sum) + shift;
    }
    default:
      lane.each([&](T x) { sum += static_cast<double>(x); });
      if (op == ReduceOp::kMean) return sum / static_cast<double>(lane.count);
      return op == ReduceOp::kLogSum ? std::log(sum) : sum;
  }
}

// Integers: modulo their range where a sum or product overflows, cut towards zero where the result is no integer.
template <typename T>
T reduce_integers(ReduceOp op, const Lane<T>& lane) {
  using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
  uint64_t sum = op == ReduceOp::kProd ? 1 : 0;
  switch (op) {
    case ReduceOp::kProd:
      lane.each([&](T x) { sum *= static_cast<uint64_t>(x); });
      return static_cast<T>(sum);
    case ReduceOp::kL1:
      lane.each([&](T x) { sum += x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x); });
      return static_cast<T>(sum);
    case ReduceOp::kSumSquare:
      lane.each([&](T x) { sum += static_cast<uint64_t>(x) * static_cast<uint64_t>(x); });
      return static_cast<T>(sum);
    case ReduceOp::kMean:
      lane.each([&](T x) { sum += static_cast<uint64_t>(x); });
      return lane.count == 0 ? T{0} : static_cast<T>(static_cast<Wide>(sum) / static_cast<Wide>(lane.count));
    case ReduceOp::kL2:
    case ReduceOp::kLogSum:
    case ReduceOp::kLogSumExp: {
      const double value = reduce_floats(op, lane);
      if (!(value > static_cast<double>(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
      if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
      return static_cast<T>(value);
    }
    default:
      lane.each([&](T x) { sum += static_cast<uint64_t>(x); });
      return static_cast<T>(sum);
  }
}

template <typename T>
T reduce(ReduceOp op, const Lane<T>& lane) {
  if constexpr (std::is_same_v<T, BoolByte>) {  // ReduceMax-20: any, all
    bool any = false, all = true;
    lane.each([&](BoolByte x) {
      any = any || x;
      all = all && x;
    });
    return BoolByte(op == ReduceOp::kMax ? any : all);
  } else {
    if (op == ReduceOp::kMax || op == ReduceOp::kMin) return extreme(lane, op == ReduceOp::kMax);
    if constexpr (kIsFloating<T>) {
      return T(reduce_floats(op, lane));
    } else {
      return reduce_integers(op, lane);
    }
  }
}

template <typename T>
class LoopReduce final : public Kernel {
 public:
  explicit LoopReduce(const F32ReduceParams& params) : op_(params.op) {
    int64_t stride = 1;
    for (size_t d = params.rank; d-- > 0;) {
      const auto dim = static_cast<int64_t>(params.dims[d]);
      Side& side = params.reduced[d] ? reduced_ : kept_;
      side.dims.insert(side.dims.begin(), dim);
      side.strides.insert(side.strides.begin(), stride);
      stride *= dim;
    }
  }
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const auto results = static_cast<size_t>(element_count(kept_.dims));
    const auto count = static_cast<size_t>(element_count(reduced_.dims));
    Walk<1> walk(kept_.dims, {std::span<const int64_t>(kept_.strides)});
    for (size_t i = 0; i < results; ++i, walk.next()) {
      y[i] = reduce(op_, Lane<T>{x + walk.offset(), reduced_.dims, reduced_.strides, count});
    }
    return {};
  }

 private:
  struct Side {
    Dims dims;
    std::vector<int64_t> strides;
  };
  ReduceOp op_;
  Side kept_, reduced_;
};

}  // namespace

std::unique_ptr<Kernel> make_reduce_loop(DataType type, const F32ReduceParams& params) {
  if (type == DataType::kBool && params.op != ReduceOp::kMax && params.op != ReduceOp::kMin) return nullptr;
  return dispatch_type(AllTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
    return std::make_unique<LoopReduce<T>>(params);
  });
}

}  // namespace sealedge
